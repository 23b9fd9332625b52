"""From files to entries: walk, snapshot, hash, upload.

The bytes that are stored are the bytes that are hashed: a small file is read into memory once, a
large one is copied (or reflinked) into the staging folder and the copy is hashed. A file that
changes meanwhile is read again, and after that refused.
"""

from __future__ import annotations

import os
import stat as stat_module
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from artifacts.store import copying, filesystems
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import IntegrityError, InvalidInputError, from_os_error
from artifacts.store.manifest import Entry, Reference, check_path
from artifacts.store.progress import Progress
from artifacts.store.staging import WORK_FOLDER
from artifacts.store.statcache import FileStat
from artifacts.store.upload import PACK_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.store.digests import Digest
    from artifacts.store.store import Store
    from artifacts.store.upload import Upload

SymlinkPolicy = Literal["follow", "error", "skip"]

_ATTEMPTS = 3
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # NONBLOCK: never wait for a pipe's writer


class SourceFile(NamedTuple):
    """A file that is to become an entry.

    Attributes:
        path: Path of the entry.
        source: Path on disk.
        stat: As seen by the walk, symlinks followed.
    """

    path: str
    source: str
    stat: os.stat_result


def walk(
    root: str,
    *,
    ignore: Callable[[str, bool], bool] | None = None,
    symlinks: SymlinkPolicy = "follow",
) -> list[SourceFile]:
    """List the files below a folder, hidden ones included; empty folders leave no trace.

    Args:
        ignore: Decides what is left out; asked for folders too, so that they are not entered.
        symlinks: What to do with symbolic links.

    Raises:
        InvalidInputError: A name cannot be used, a link leads in a circle (or anywhere, with
            ``symlinks="error"``), or something is neither file nor folder.
    """
    found: list[SourceFile] = []
    root_stat = _stat(root)
    # Folders on the way down, for finding circles; only links can make one.
    _walk_into(root, "", ((root_stat.st_dev, root_stat.st_ino),), found, ignore, symlinks)
    return found


def _walk_into(
    folder: str,
    prefix: str,
    above: tuple[tuple[int, int], ...],
    found: list[SourceFile],
    ignore: Callable[[str, bool], bool] | None,
    symlinks: SymlinkPolicy,
) -> None:
    try:
        with os.scandir(folder) as iterator:
            entries = sorted(iterator, key=_name)
    except OSError as error:
        raise from_os_error(error, f"list the folder {folder}") from error
    for entry in entries:
        if entry.name == WORK_FOLDER:
            continue
        path = prefix + entry.name
        is_link = entry.is_symlink()
        if is_link and symlinks == "skip":
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:
            is_folder = False
        if ignore is not None and ignore(path, is_folder):
            continue
        if is_link and symlinks == "error":
            raise InvalidInputError(
                f"{entry.path} is a symbolic link",
                hint="exclude it, or use symlinks='follow' or 'skip'",
                kind="symlink",
            )
        try:
            status = entry.stat()
        except OSError as error:
            raise _unreadable(entry.path, error, is_link=is_link) from error
        if stat_module.S_ISREG(status.st_mode):
            found.append(SourceFile(path, entry.path, status))
        elif is_folder:
            here = (status.st_dev, status.st_ino)
            if here in above:
                raise InvalidInputError(
                    f"the symbolic link {entry.path} leads back to a folder that contains it",
                    hint="remove or exclude the link, or use symlinks='skip'",
                    kind="symlink_loop",
                )
            below = (*above, here)
            _walk_into(entry.path, path + "/", below, found, ignore, symlinks)
        else:
            raise InvalidInputError(
                f"{entry.path} is neither a file nor a folder (a socket, pipe or device?)",
                hint="exclude it",
                kind="special_file",
            )


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _unreadable(path: str, error: OSError, *, is_link: bool) -> Exception:
    if is_link:
        return InvalidInputError(
            f"the symbolic link {path} leads nowhere ({error.strerror})",
            hint="remove or exclude the link, or use symlinks='skip'",
            kind="broken_symlink",
        )
    return from_os_error(error, f"look at {path}")


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise from_os_error(error, f"look at {path}") from error


def source_file(source: str, path: str) -> SourceFile:
    """Describe a single file.

    Raises:
        InvalidInputError: It is not a regular file.
    """
    try:
        status = os.stat(source)
    except FileNotFoundError:
        raise InvalidInputError(f"path is not a file: {source!r}", kind="not_a_file") from None
    except OSError as error:
        raise from_os_error(error, f"look at {source}") from error
    if not stat_module.S_ISREG(status.st_mode):
        raise InvalidInputError(f"path is not a file: {source!r}", kind="not_a_file")
    return SourceFile(path, source, status)


def add_files(
    store: Store,
    upload: Upload,
    files: list[SourceFile],
    progress: Progress | None = None,
) -> list[Entry]:
    """Bring files into an upload, and return their entries in the same order.

    Files whose digests are remembered and whose blobs the store has are not read.

    Raises:
        IntegrityError: A file kept changing while it was read.
        InvalidInputError: A name cannot be used.
        StorageError: Reading or uploading failed.
    """
    progress = progress or Progress()
    progress.start(len(files), sum(file.stat.st_size for file in files))
    paths = [check_path(file.path) for file in files]
    stats = [FileStat.of(file.stat) for file in files]
    digests = store.stat_cache.lookup(stats)
    present = upload.claim(digest for digest in digests if digest is not None)
    reader = _Reader(store, upload, progress)
    try:
        entries = []
        for path, file, known in zip(paths, files, digests, strict=True):
            if known is None or known not in present:
                digest, size = reader.read(file)
            else:
                digest, size = known, file.stat.st_size
                progress.advance(1, size)
            executable = bool(file.stat.st_mode & stat_module.S_IXUSR)
            entries.append(Entry(path, digest, size, executable))
    finally:
        reader.remember()
    return entries


def reference_entry(uri: str, file: SourceFile, *, checksum: bool) -> Entry:
    """Describe a file that stays where it is.

    Args:
        checksum: Whether to read and hash it; otherwise its identity is its URI.
    """
    path = check_path(file.path)
    if not checksum:
        reference = Reference(uri, hashed=False)
        return Entry(path, reference.identity(), file.stat.st_size, reference=reference)
    descriptor = _open(file.source)
    try:
        digest, size = copying.hash_file(descriptor)
    except OSError as error:
        raise from_os_error(error, f"read {file.source}") from error
    finally:
        os.close(descriptor)
    return Entry(path, digest, size, reference=Reference(uri))


class _Reader:
    """Reads files into an upload and notes what the stat cache may remember of them."""

    def __init__(self, store: Store, upload: Upload, progress: Progress) -> None:
        self._cache = store.stat_cache
        self._upload = upload
        self._progress = progress
        self._read: list[tuple[FileStat, Digest]] = []
        self._granularity: dict[int, int] = {}

    def read(self, file: SourceFile) -> tuple[Digest, int]:
        expected = FileStat.of(file.stat)
        for _ in range(_ATTEMPTS):
            started_ns = time.time_ns()
            descriptor = _open(file.source)
            try:
                if expected.size <= PACK_THRESHOLD:
                    digest, size, finished = self._read_small(descriptor, expected.size)
                else:
                    digest, size, finished = self._copy(descriptor)
            except OSError as error:
                raise from_os_error(error, f"read {file.source}") from error
            finally:
                os.close(descriptor)
            if finished == expected and size == expected.size:
                self._note(file, expected, digest, started_ns)
                self._progress.advance(1, 0 if size > PACK_THRESHOLD else size)
                return digest, size
            expected = FileStat.of(_stat(file.source))
        raise IntegrityError(
            f"{file.source} keeps changing while it is read",
            hint="log it when nobody writes to it, or log a copy",
            kind="file_changed",
        )

    def _read_small(self, descriptor: int, size: int) -> tuple[Digest, int, FileStat]:
        # One more byte than expected shows whether the file has grown.
        data = os.read(descriptor, size + 1)
        while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
            data += more
        finished = FileStat.of(os.fstat(descriptor))
        digest = hash_bytes(data)
        if len(data) == size == finished.size:
            self._upload.add(data, digest)
        return digest, len(data), finished

    def _copy(self, descriptor: int) -> tuple[Digest, int, FileStat]:
        path = self._upload.new_path()
        target = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        advance = self._progress.advance
        try:
            if copying.reflink(descriptor, target):
                digest, size = copying.hash_file(target, lambda count: advance(0, count))
            else:
                digest, size = copying.copy_and_hash(
                    lambda buffer: os.readv(descriptor, [buffer]),
                    target,
                    lambda count: advance(0, count),
                )
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(target)
        finished = FileStat.of(os.fstat(descriptor))
        if finished.size == size:
            # Of a file that changed meanwhile this is garbage, but consistent with its digest.
            self._upload.add_staged(path, digest, size)
        else:
            path.unlink()
        return digest, size, finished

    def _note(self, file: SourceFile, stat: FileStat, digest: Digest, started_ns: int) -> None:
        granularity = self._granularity.get(stat.device)
        if granularity is None:
            granularity = filesystems.granularity_ns(file.source)
            self._granularity[stat.device] = granularity
        if max(stat.mtime_ns, stat.ctime_ns) < started_ns - granularity:
            self._read.append((stat, digest))

    def remember(self) -> None:
        self._cache.store(self._read)
        self._read = []


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
