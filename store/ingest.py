"""From files to entries: walk, snapshot, hash, upload.

The bytes that are stored are the bytes that are hashed: a small file is read into memory once, a
large one is copied (or reflinked) into the staging folder and the copy is hashed. A file that
changes meanwhile is read again, and after that refused. Where the user promises that a file does
not change, a large one is hashed where it is, and looked at again when it was uploaded from there.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.store import collecting, copying, filesystems
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import IntegrityError, StorageError, from_os_error
from artifacts.store.manifest import Entry, Reference, check_path, check_paths
from artifacts.store.progress import Progress
from artifacts.store.upload import PACK_THRESHOLD
from artifacts.store.walking import source_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.digests import Digest
    from artifacts.store.statcache import FileStat
    from artifacts.store.store import Store
    from artifacts.store.upload import Upload
    from artifacts.store.walking import SourceFile

_ATTEMPTS = 3
_PROGRESS_FILES = 64
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # NONBLOCK: never wait for a pipe's writer


def add_files(
    store: Store,
    upload: Upload,
    files: list[SourceFile],
    progress: Progress | None = None,
    *,
    in_place: bool = False,
) -> list[Entry]:
    """Bring files into an upload, and return their entries in the same order.

    Files whose digests are remembered and whose blobs the store has are not read.

    Args:
        in_place: Large files are uploaded to a remote store from where they are, without a
            snapshot; nobody may change them until they are there.

    Raises:
        IntegrityError: A file kept changing while it was read.
        InvalidInputError: A name cannot be used.
        StorageError: Reading or uploading failed.
    """
    with collecting.paused():
        return _add_files(store, upload, files, progress or Progress(), in_place and store.remote)


def _add_files(
    store: Store, upload: Upload, files: list[SourceFile], progress: Progress, in_place: bool
) -> list[Entry]:
    total = sum([file.stat.size for file in files])
    progress.start(len(files), total)
    paths = check_paths([file.path for file in files])
    digests = store.stat_cache.lookup([file.stat for file in files])
    present = upload.claim(digest for digest in digests if digest is not None)
    files = list(files)
    unread = [i for i, digest in enumerate(digests) if digest is None or digest not in present]
    if len(unread) < len(files):
        done = total - sum([files[i].stat.size for i in unread])
        progress.advance(len(files) - len(unread), done)
    reader = _Reader(store, upload, progress, in_place=in_place)
    try:
        for i in unread:
            digests[i], files[i] = reader.read(files[i])
    finally:
        reader.close()
    new = tuple.__new__
    # As Entry(path, digest, size, executable), in half the time.
    return [
        new(Entry, (path, digest, file.stat.size, file.executable, None))
        for path, digest, file in zip(paths, digests, files, strict=True)
    ]


def reference_entry(uri: str, file: SourceFile, *, checksum: bool) -> Entry:
    """Describe a file that stays where it is.

    Args:
        checksum: Whether to read and hash it; otherwise its identity is its URI.
    """
    path = check_path(file.path)
    if not checksum:
        reference = Reference(uri, hashed=False)
        return Entry(path, reference.identity(), file.stat.size, reference=reference)
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

    def __init__(self, store: Store, upload: Upload, progress: Progress, *, in_place: bool) -> None:
        self._in_place = in_place
        self.progress = _Batched(progress)
        self._cache = store.stat_cache
        self._upload = upload
        self._read: list[tuple[FileStat, Digest]] = []
        self._granularity: dict[int, int] = {}

    def read(self, file: SourceFile) -> tuple[Digest, SourceFile]:
        """Add a file as it is now; return its digest and what it looked like then."""
        for _ in range(_ATTEMPTS):
            expected = file.stat
            started_ns = time.time_ns()
            descriptor = _open(file.source)
            try:
                if expected.size <= PACK_THRESHOLD:
                    digest = self._read_small(descriptor, expected)
                elif self._in_place:
                    digest = self._hash(descriptor, expected, file.source)
                else:
                    digest = self._copy(descriptor, expected)
            except OSError as error:
                raise from_os_error(error, f"read {file.source}") from error
            finally:
                os.close(descriptor)
            if digest is not None:
                self._note(file, expected, digest, started_ns)
                return digest, file
            if not os.path.exists(file.source):
                raise StorageError(f"{file.source} vanished while it was read", kind="file_changed")
            file = source_file(file.source, file.path)  # changed since: as it is by now
        raise IntegrityError(
            f"{file.source} keeps changing while it is read",
            hint="log it when nobody writes to it, or log a copy",
            kind="file_changed",
        )

    def _read_small(self, descriptor: int, expected: FileStat) -> Digest | None:
        """Read and add a file; None if it is not as expected any more."""
        size = expected.size
        # One more byte than expected shows whether the file has grown.
        data = os.read(descriptor, size + 1)
        while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
            data += more
        if len(data) != size or not expected.matches(os.fstat(descriptor)):
            return None
        digest = hash_bytes(data)
        self._upload.add(data, digest)
        self.progress.passed(size)
        return digest

    def _hash(self, descriptor: int, expected: FileStat, source: str) -> Digest | None:
        """Hash a file and add it where it is; None if it is not as expected any more."""
        digest, size = copying.hash_file(descriptor, self.progress.read)
        if size != expected.size or not expected.matches(os.fstat(descriptor)):
            self.progress.read(-size)
            return None
        self._upload.add_in_place(Path(source), digest, expected)
        self.progress.passed(0)
        return digest

    def _copy(self, descriptor: int, expected: FileStat) -> Digest | None:
        """Copy and add a file; None if it is not as expected any more."""
        path = self._upload.new_path()
        target = copying.create(path)
        try:
            if copying.reflink(descriptor, target):
                digest, size = copying.hash_file(target, self.progress.read)
            else:
                digest, size = copying.copy_and_hash(
                    _limited(descriptor, expected.size + 1),
                    target,
                    self.progress.read,
                    durable=True,
                )
        except BaseException:
            path.unlink()
            raise
        finally:
            os.close(target)
        if size != expected.size or not expected.matches(os.fstat(descriptor)):
            path.unlink()
            self.progress.read(-size)
            return None
        self._upload.add_staged(path, digest, size)
        self.progress.passed(0)
        return digest

    def _note(self, file: SourceFile, stat: FileStat, digest: Digest, started_ns: int) -> None:
        granularity = self._granularity.get(stat.device)
        if granularity is None:
            granularity = filesystems.granularity_ns(file.source)
            self._granularity[stat.device] = granularity
        if stat.changed_before(started_ns - granularity):
            self._read.append((stat, digest))

    def close(self) -> None:
        """Pass on what was learned, also of files read before an error."""
        self.progress.flush()
        self._cache.store(self._read)
        self._read = []


class _Batched:
    """Tells of many small files at once."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._files = 0
        self._bytes = 0

    def passed(self, size: int) -> None:
        """One more file is done, and ``size`` more bytes."""
        self._files += 1
        self._bytes += size
        if self._files >= _PROGRESS_FILES:
            self.flush()

    def read(self, size: int) -> None:
        """More bytes of a large file are done."""
        self._bytes += size
        self.flush()

    def flush(self) -> None:
        """Tell of everything so far."""
        if self._files or self._bytes:
            self._progress.advance(self._files, self._bytes)
            self._files = self._bytes = 0


def _limited(descriptor: int, limit: int) -> Iterator[memoryview]:
    """Yield an open file, as `copying.pieces` does, but do not run after one that grows."""

    def read(buffer: memoryview) -> int:
        nonlocal limit
        count = os.readv(descriptor, [buffer[:limit]])
        limit -= count
        return count

    return copying.pieces(read)


def _open(path: str) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
