"""From a version to files: write what is missing, leave what matches, replace what differs.

Every file is written into a private folder inside the target, verified, and then renamed into
place: nobody ever sees a part of a file under its name. A folder that is new as a whole is
renamed as a whole. No symbolic link inside the target is followed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat as stat_module
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from artifacts.store import copying, filesystems, reading
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    ArtifactsError,
    IntegrityError,
    InvalidInputError,
    StorageError,
    from_os_error,
)
from artifacts.store.progress import Progress
from artifacts.store.records import Encoding
from artifacts.store.staging import WORK_FOLDER, StagingFolder
from artifacts.store.statcache import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry
    from artifacts.store.records import BlobLocation
    from artifacts.store.store import Store

LinkMode = Literal["copy", "hardlink", "symlink"]

_ROUND_FILES = 20_000
_ROUND_BYTES = 2 << 30
_SETTLE_FROM = 500
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class CheckoutResult(NamedTuple):
    """What a checkout did.

    Attributes:
        written: Files that were written.
        unchanged: Files that matched already.
        removed: Files that were removed because the version does not have them.
        skipped: Paths of references that could not be read and were allowed to be missing.
    """

    written: int
    unchanged: int
    removed: int
    skipped: tuple[str, ...]


class Comparison(NamedTuple):
    """How a folder differs from a version. All paths, sorted."""

    missing: list[str]
    changed: list[str]
    extra: list[str]


def checkout(
    store: Store,
    entries: Iterable[Entry],
    root: str,
    *,
    link: LinkMode = "copy",
    remove_extra: bool = False,
    allow_missing_references: bool = False,
    progress: Progress | None = None,
) -> CheckoutResult:
    """Make a folder hold the given entries.

    Args:
        root: The folder; it is created if need be. Other files in it are left alone.
        link: ``hardlink`` and ``symlink`` place large files as read-only links into a local
            store, which saves space; editing such a file is not possible, and must not be
            forced. Small files are always copied.
        remove_extra: Delete files in ``root`` that are not among the entries.
        allow_missing_references: Skip references whose file is gone or has changed.

    Raises:
        IntegrityError: Stored bytes are damaged; the file in question was not written.
        InvalidInputError: Something in the folder is in the way.
        StorageError: Reading or writing failed.
    """
    wanted = sorted(entries)
    work = _Checkout(store, root, link, progress or Progress())
    work.allow_missing = allow_missing_references
    try:
        work.prepare(wanted)
        work.write()
        removed = work.remove_others(wanted) if remove_extra else 0
    except OSError as error:
        raise from_os_error(error, f"write to {root}") from error
    finally:
        work.close()
    skipped = tuple(work.skipped)
    written = work.written
    return CheckoutResult(written, len(wanted) - written - len(skipped), removed, skipped)


def open_reference(entry: Entry) -> IO[bytes]:
    """Open the file that a ``file://`` reference leads to.

    Raises:
        StorageError: It cannot be opened.
    """
    assert entry.reference is not None
    try:
        return open(_local_file(entry.reference.uri), "rb")
    except OSError as error:
        raise from_os_error(error, f"open {entry.reference.uri}") from error


def compare(
    entries: Mapping[str, Entry], root: str, *, progress: Progress | None = None
) -> Comparison:
    """Read every file below ``root`` and compare it with the entries.

    Symbolic links are followed; nothing is remembered or trusted from earlier.
    """
    progress = progress or Progress()
    progress.start(len(entries), sum(entry.size for entry in entries.values()))
    seen: set[str] = set()
    changed: list[str] = []
    extra: list[str] = []
    for path, source in _files_below(root):
        entry = entries.get(path)
        if entry is None:
            extra.append(path)
            continue
        seen.add(path)
        if not _has_content(source, entry):
            changed.append(path)
        progress.advance(1, entry.size)
    missing = sorted(entries.keys() - seen)
    return Comparison(missing, sorted(changed), sorted(extra))


class _Target(NamedTuple):
    """A file to write.

    Attributes:
        folder: Relative path of its folder, "" for the root.
        name: File name.
    """

    entry: Entry
    folder: str
    name: str


class _Checkout:
    """One checkout: decides what to write, then writes it in rounds of bounded size."""

    def __init__(self, store: Store, root: str, link: LinkMode, progress: Progress) -> None:
        self._store = store
        self._root = root
        self._link = link
        self._progress = progress
        self._root_fd = -1
        self._staging: StagingFolder | None = None
        self._new_folders: set[str] = set()
        self._targets: list[_Target] = []
        self.allow_missing = False
        self.skipped: list[str] = []
        self.written = 0

    # -- deciding

    def prepare(self, wanted: Sequence[Entry]) -> None:
        """Find out what is there already. Changes nothing but creating the root."""
        os.makedirs(self._root, exist_ok=True)
        self._root_fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._granularity = filesystems.granularity_ns(self._root)
        self._progress.start(len(wanted), sum(entry.size for entry in wanted))
        by_folder: dict[str, list[_Target]] = {}
        for entry in wanted:
            folder, _, name = entry.path.rpartition("/")
            by_folder.setdefault(folder, []).append(_Target(entry, folder, name))
        candidates: list[tuple[_Target, FileStat, int]] = []
        for folder, targets in by_folder.items():
            descriptor = self._open_folder(folder)
            if descriptor is None:
                self._new_folders.add(folder)
                self._targets.extend(targets)
                continue
            try:
                self._look_into(descriptor, targets, candidates)
            finally:
                os.close(descriptor)
        self._match(candidates)

    def _look_into(
        self,
        descriptor: int,
        targets: list[_Target],
        candidates: list[tuple[_Target, FileStat, int]],
    ) -> None:
        with os.scandir(descriptor) as iterator:
            there = {entry.name: entry for entry in iterator}
        for target in targets:
            found = there.get(target.name)
            if found is None:
                self._targets.append(target)
                continue
            status = found.stat(follow_symlinks=False)
            if stat_module.S_ISDIR(status.st_mode):
                raise _in_the_way(target.entry.path, "a folder is where a file belongs")
            regular = stat_module.S_ISREG(status.st_mode)
            if regular and status.st_size == target.entry.size:
                candidates.append((target, FileStat.of(status), status.st_mode))
            else:
                self._targets.append(target)

    def _match(self, candidates: list[tuple[_Target, FileStat, int]]) -> None:
        """Sort out which files of the right size have the right contents."""
        known = self._store.stat_cache.lookup([stat for _, stat, _ in candidates])
        learned: list[tuple[FileStat, Digest]] = []
        done_files = done_bytes = 0
        for (target, stat, mode), remembered in zip(candidates, known, strict=True):
            entry, digest = target.entry, remembered
            if digest is None:
                started_ns = time.time_ns()
                source = os.path.join(self._root, entry.path)
                if _has_content(source, entry):
                    digest = entry.digest
                    if max(stat.mtime_ns, stat.ctime_ns) < started_ns - self._granularity:
                        learned.append((stat, digest))
            executable = bool(mode & stat_module.S_IXUSR)
            if digest != entry.digest or executable != entry.executable:
                self._targets.append(target)
                continue
            done_files += 1
            done_bytes += entry.size
        self._progress.advance(done_files, done_bytes)
        self._store.stat_cache.store(learned)

    def _open_folder(self, folder: str) -> int | None:
        """Open a folder below the root, following no link; None if it does not exist."""
        current = os.dup(self._root_fd)
        try:
            for segment in folder.split("/") if folder else ():
                following = self._open_segment(current, segment, folder)
                if following is None:
                    return None
                os.close(current)
                current = following
            opened, current = current, -1
            return opened
        finally:
            if current >= 0:
                os.close(current)

    def _open_segment(self, parent: int, segment: str, folder: str) -> int | None:
        try:
            return os.open(segment, _FOLDER_FLAGS, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise _in_the_way(
                    folder, f"{segment!r} is a file or a symbolic link where a folder belongs"
                ) from error
            raise

    def _make_folder(self, folder: str) -> int:
        """Open a folder below the root, made if need be, following no link."""
        current = os.dup(self._root_fd)
        try:
            for segment in folder.split("/") if folder else ():
                following = self._open_segment(current, segment, folder)
                if following is None:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(segment, dir_fd=current)
                    following = self._open_segment(current, segment, folder)
                if following is None:
                    raise FileNotFoundError(errno.ENOENT, "folder vanished", folder)
                os.close(current)
                current = following
            opened, current = current, -1
            return opened
        finally:
            if current >= 0:
                os.close(current)

    # -- writing

    def write(self) -> None:
        """Write all targets."""
        if not self._targets:
            return
        self._staging = StagingFolder(Path(self._root) / WORK_FOLDER)
        self._targets.sort(key=lambda target: target.entry.path)
        for batch in _rounds(self._targets):
            self._write_round(batch)

    def _write_round(self, batch: list[_Target]) -> None:
        assert self._staging is not None
        staged = _StagedRound(self._staging, self._new_folders)
        local = [target for target in batch if target.entry.reference is None]
        for target in batch:
            if target.entry.reference is not None:
                self._write_reference(target, staged)
        locations = self._store.locate({target.entry.digest for target in local})
        by_digest: dict[Digest, list[_Target]] = {}
        for target in local:
            by_digest.setdefault(target.entry.digest, []).append(target)
        ordered = sorted(
            (locations[digest] for digest in by_digest),
            key=lambda location: (location.key, location.offset),
        )
        small = [place for place in ordered if place.size <= reading.IN_MEMORY]
        advance = self._progress.advance
        for place, stored in reading.read_spans(self._store.objects, small):
            data = reading.checked(place, stored)
            for target in by_digest[place.digest]:
                staged.write(target, data)
            count = len(by_digest[place.digest])
            advance(count, count * place.size)
        for place in ordered:
            if place.size > reading.IN_MEMORY:
                for target in by_digest[place.digest]:
                    self._write_large(target, place, staged)
        self._publish(staged)

    def _write_large(self, target: _Target, place: BlobLocation, staged: _StagedRound) -> None:
        source = self._store.objects.local_path(place.key)
        whole = place.encoding is Encoding.IDENTITY and place.offset == 0
        path = staged.path_for(target)
        advance = self._progress.advance
        if source is not None and whole and self._link != "copy":
            self._check_object(source, place)
            if _place_link(source, path, self._link):
                staged.linked(target)
                advance(1, place.size)
                return
        descriptor = os.open(
            path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _mode(target.entry)
        )
        try:
            if source is not None and whole and self._reflink(source, descriptor):
                digest, size = copying.hash_file(descriptor, lambda count: advance(0, count))
            else:
                digest, size = self._copy(place, descriptor)
            if digest != place.digest or size != place.size:
                raise reading.damaged(place)
            staged.wrote(target, os.fstat(descriptor))
        finally:
            os.close(descriptor)
        advance(1, 0)

    def _check_object(self, source: Path, place: BlobLocation) -> None:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if copying.hash_file(descriptor)[0] != place.digest:
                raise reading.damaged(place)
        finally:
            os.close(descriptor)

    def _reflink(self, source: Path, target: int) -> bool:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return copying.reflink(descriptor, target)
        finally:
            os.close(descriptor)

    def _copy(self, place: BlobLocation, descriptor: int) -> tuple[Digest, int]:
        if place.encoding is not Encoding.IDENTITY:
            data = reading.read_blob(self._store.objects, place)
            copying.write_all(descriptor, data)
            return place.digest, len(data)
        objects = self._store.objects
        with objects.open(place.key, offset=place.offset, length=place.length) as file:
            # Buffers are larger than the file's own, which is passed by.
            def read(buffer: memoryview) -> int:
                return file.readinto(buffer)  # type: ignore[attr-defined, no-any-return] # IO lacks it

            return copying.copy_and_hash(
                read, descriptor, lambda count: self._progress.advance(0, count)
            )

    def _write_reference(self, target: _Target, staged: _StagedRound) -> None:
        entry = target.entry
        try:
            self._copy_reference(target, staged)
        except (OSError, ArtifactsError) as error:
            if not self.allow_missing:
                if isinstance(error, ArtifactsError):
                    raise
                assert entry.reference is not None
                raise StorageError(
                    f"the referenced file {entry.reference.uri} cannot be read: {error.strerror}",
                    hint="restore it, or pass allow_missing_references=True",
                    kind="reference_missing",
                ) from error
            with contextlib.suppress(FileNotFoundError):
                os.unlink(staged.path_for(target))
            staged.drop(target)
            self.skipped.append(entry.path)

    def _copy_reference(self, target: _Target, staged: _StagedRound) -> None:
        entry = target.entry
        assert entry.reference is not None
        source = _local_file(entry.reference.uri)
        path = staged.path_for(target)
        reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            writer = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _mode(entry))
            try:
                digest, _ = copying.copy_and_hash(
                    lambda buffer: os.readv(reader, [buffer]),
                    writer,
                    lambda count: self._progress.advance(0, count),
                )
                if entry.reference.hashed and digest != entry.digest:
                    raise IntegrityError(
                        f"the referenced file {entry.reference.uri} has changed since it was "
                        "logged",
                        hint="log it again, or pass allow_missing_references=True",
                        kind="reference_changed",
                    )
                staged.wrote(target, os.fstat(writer) if entry.reference.hashed else None)
            finally:
                os.close(writer)
        finally:
            os.close(reader)
        self._progress.advance(1, 0)

    def _publish(self, staged: _StagedRound) -> None:
        if staged.count >= _SETTLE_FROM:
            # So that the times of all files written so far lie before their publication by more
            # than the clock's grain: whoever changes one afterwards leaves another time.
            time.sleep(self._granularity / 1e9 if self._granularity < 10**8 else 0)
        published_ns = time.time_ns()
        proven: list[tuple[FileStat, Digest]] = []

        def note(stat: FileStat, digest: Digest) -> None:
            if max(stat.mtime_ns, stat.ctime_ns) < published_ns - self._granularity:
                proven.append((stat, digest))

        for folder, source in sorted(staged.folders.items()):
            if self._publish_folder(folder, source):
                for target, stat in staged.in_folder(folder):
                    if stat is not None:
                        note(stat, target.entry.digest)
            else:
                self._publish_files(folder, staged.in_folder(folder), source)
            self._new_folders.discard(folder)
        for folder, targets in staged.single.items():
            self._publish_files(folder, targets, None, staged)
        self.written += staged.count
        self._store.stat_cache.store(proven)

    def _publish_folder(self, folder: str, source: str) -> bool:
        """Rename a new folder into place; False if somebody made it meanwhile."""
        above, _, name = folder.rpartition("/")
        parent = self._make_folder(above)
        try:
            os.rename(source, name, dst_dir_fd=parent)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EXDEV}:
                return False
            raise
        finally:
            os.close(parent)
        return True

    def _publish_files(
        self,
        folder: str,
        targets: list[tuple[_Target, FileStat | None]],
        source: str | None,
        staged: _StagedRound | None = None,
    ) -> None:
        parent = self._make_folder(folder)
        try:
            for target, _ in targets:
                if source is not None:
                    path = os.path.join(source, target.name)
                else:
                    assert staged is not None
                    path = staged.path_for(target)
                _move(path, target.name, parent)
        finally:
            os.close(parent)

    # -- ending

    def remove_others(self, wanted: Sequence[Entry]) -> int:
        """Delete every file below the root that is not wanted, and folders left empty."""
        keep = {entry.path for entry in wanted}
        removed = 0
        for folder, subfolders, files, descriptor in os.fwalk(
            ".", topdown=False, dir_fd=self._root_fd
        ):
            prefix = "" if folder == "." else folder.removeprefix("./") + "/"
            if (prefix + "/").startswith(WORK_FOLDER + "/"):
                continue
            links = [name for name in subfolders if _is_link(name, descriptor)]
            for name in (*files, *links):
                if prefix + name not in keep:
                    os.unlink(name, dir_fd=descriptor)
                    removed += 1
            for name in subfolders:
                if name not in links and prefix + name != WORK_FOLDER:
                    with contextlib.suppress(OSError):
                        os.rmdir(name, dir_fd=descriptor)
        return removed

    def close(self) -> None:
        """Remove the private folder."""
        if self._staging is not None:
            self._staging.close()
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(self._root, WORK_FOLDER))
        if self._root_fd >= 0:
            os.close(self._root_fd)


class _StagedRound:
    """Files written but not yet published: whole new folders, and files for existing ones."""

    def __init__(self, staging: StagingFolder, new_folders: set[str]) -> None:
        self._staging = staging
        self._new = new_folders
        self._paths: dict[str, str] = {}
        self._written: dict[str, list[tuple[_Target, FileStat | None]]] = {}
        self.folders: dict[str, str] = {}
        self.count = 0

    def path_for(self, target: _Target) -> str:
        """Return where to write a file."""
        folder = target.folder
        if folder not in self._new:
            path = self._paths.get(target.entry.path)
            if path is None:
                path = self._paths[target.entry.path] = str(self._staging.new_path())
            return path
        staged = self.folders.get(folder)
        if staged is None:
            staged = self.folders[folder] = str(self._staging.new_path())
            os.mkdir(staged)
        return f"{staged}/{target.name}"

    def write(self, target: _Target, data: bytes | memoryview) -> None:
        """Write a small file."""
        descriptor = os.open(
            self.path_for(target),
            os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC,
            _mode(target.entry),
        )
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, "No space left on device")
            self.wrote(target, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def wrote(self, target: _Target, status: os.stat_result | None) -> None:
        """Note that a file is complete and verified."""
        stat = None if status is None else FileStat.of(status)
        self._written.setdefault(target.folder, []).append((target, stat))
        self.count += 1

    def linked(self, target: _Target) -> None:
        """Note that a file was placed as a link."""
        self.wrote(target, None)

    def drop(self, target: _Target) -> None:
        """Forget a file that will not be published."""
        self._paths.pop(target.entry.path, None)

    def in_folder(self, folder: str) -> list[tuple[_Target, FileStat | None]]:
        """Return the files of one folder."""
        return self._written.get(folder, [])

    @property
    def single(self) -> dict[str, list[tuple[_Target, FileStat | None]]]:
        """Files for folders that exist already."""
        return {
            folder: files for folder, files in self._written.items() if folder not in self.folders
        }


def _rounds(targets: Sequence[_Target]) -> Iterator[list[_Target]]:
    batch: list[_Target] = []
    size = 0
    for target in targets:
        batch.append(target)
        size += target.entry.size
        if len(batch) >= _ROUND_FILES or size >= _ROUND_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _mode(entry: Entry) -> int:
    return 0o777 if entry.executable else 0o666  # less the umask


def _move(source: str, name: str, parent: int) -> None:
    try:
        os.rename(source, name, dst_dir_fd=parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # A folder inside the target is on another file system.
        temporary = f"{name}{WORK_FOLDER}"
        opener: Callable[[str, int], int] = lambda path, flags: os.open(  # noqa: E731
            path, flags, 0o666, dir_fd=parent
        )
        with open(source, "rb") as reader, open(temporary, "xb", opener=opener) as writer:
            shutil.copyfileobj(reader, writer)
            os.fchmod(writer.fileno(), os.stat(source).st_mode & 0o777)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)


def _place_link(source: Path, path: str, link: LinkMode) -> bool:
    try:
        if link == "symlink":
            os.symlink(source.absolute(), path)
        else:
            os.link(source, path)
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
            return False  # the file system cannot: copy
        raise
    return True


def _is_link(name: str, parent: int) -> bool:
    return stat_module.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _local_file(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise InvalidInputError(
            f"cannot download {uri}: only file:// references can be read so far",
            hint="pass allow_missing_references=True to skip it",
            kind="unsupported_reference",
        )
    return unquote(parts.path)


def _in_the_way(path: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"cannot write {path}: {why}",
        hint="move it away, or choose another folder",
        kind="in_the_way",
    )


def _has_content(source: str, entry: Entry) -> bool:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise from_os_error(error, f"read {source}") from error
    try:
        if entry.size > reading.IN_MEMORY:
            if os.fstat(descriptor).st_size != entry.size:
                return False
            return copying.hash_file(descriptor)[0] == entry.digest
        data = os.read(descriptor, entry.size + 1)
        while len(data) < entry.size and (more := os.read(descriptor, entry.size - len(data))):
            data += more
        return len(data) == entry.size and hash_bytes(data) == entry.digest
    except OSError as error:
        raise from_os_error(error, f"read {source}") from error
    finally:
        os.close(descriptor)


def _files_below(root: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(os.path.join(root, prefix)) as iterator:
            entries = list(iterator)
    except OSError as error:
        raise from_os_error(error, f"list the folder {os.path.join(root, prefix)}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != WORK_FOLDER:
                yield from _files_below(root, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.path
