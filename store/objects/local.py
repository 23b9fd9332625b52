"""Objects as files below a folder."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from typing import IO, TYPE_CHECKING

from artifacts.store import filesystems
from artifacts.store.errors import ObjectNotFoundError, StorageError, from_os_error
from artifacts.store.objects.base import ObjectInfo, ObjectStore, StagedFile, check_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

_COPY_SIZE = 1 << 20
_TEMPORARY = ".tmp-"


class LocalObjects(ObjectStore):
    """Objects as read-only files below ``root``, named by their keys.

    A new object is written under a temporary name in its folder, synced, renamed, and the folder
    synced: after ``put`` it survives a power failure, before the rename nobody sees it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        target = self._path(key)
        folder = target.parent
        try:
            self._make_folder(folder)
            if isinstance(source, StagedFile) and _same_device(source.path, folder):
                _finish(source.path, size, key)
                os.rename(source.path, target)
            else:
                self._copy(source, target, size, key)
            filesystems.sync(folder)
        except OSError as error:
            raise from_os_error(error, f"store object {key}") from error

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        try:
            # Unbuffered where a range is read: the caller reads it in one go.
            file = self._path(key).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(f"object {key} is missing") from error
        except OSError as error:
            raise from_os_error(error, f"open object {key}") from error
        if offset == 0 and length is None:
            return io.BufferedReader(file)
        end = os.fstat(file.fileno()).st_size
        return FileRange(file, offset, end - offset if length is None else length)

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        for key in keys:
            try:
                size = self._path(key).stat().st_size
            except FileNotFoundError:
                continue
            except OSError as error:
                raise from_os_error(error, f"look at object {key}") from error
            yield ObjectInfo(key, size)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        start = prefix.rpartition("/")[0]
        for folder, _, names in os.walk(self.root / start, onerror=_raise_unless_missing):
            relative = os.path.relpath(folder, self.root)
            for name in names:
                if name.startswith(_TEMPORARY):
                    continue
                key = name if relative == "." else f"{relative}/{name}"
                if key.startswith(prefix):
                    # It may be deleted while we look.
                    yield from self.stat([key])

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                self._path(key).unlink(missing_ok=True)
            except OSError as error:
                raise from_os_error(error, f"delete object {key}") from error

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            with contextlib.suppress(FileExistsError):
                new.mkdir()
            filesystems.sync(new.parent)

    def _copy(self, source: Callable[[], IO[bytes]], target: Path, size: int, key: str) -> None:
        temporary = target.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}")
        try:
            with source() as reader, temporary.open("xb", buffering=0) as writer:
                while data := reader.read(_COPY_SIZE):
                    writer.write(data)
            _finish(temporary, size, key)
            os.rename(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


class FileRange(io.RawIOBase, IO[bytes]):
    """A window of an open file as a seekable stream of its own. Closes the file.

    Unbuffered: a read takes one system call, and returns fewer bytes only at the end.
    """

    def __init__(self, file: IO[bytes], offset: int, length: int) -> None:
        self._file = file
        self._start = offset
        self._length = max(length, 0)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        rest = max(self._length - self._position, 0)
        count = rest if size is None or size < 0 else min(size, rest)
        data = os.pread(self._file.fileno(), count, self._start + self._position)
        while len(data) < count:  # the kernel reads at most 2 GiB at once
            position = self._start + self._position + len(data)
            more = os.pread(self._file.fileno(), count - len(data), position)
            if not more:
                break
            data += more
        self._position += len(data)
        return data

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), self._length - self._position)
        if count <= 0:
            return 0
        read = os.preadv(self._file.fileno(), [view[:count]], self._start + self._position)
        self._position += read
        return read

    def close(self) -> None:
        self._file.close()
        super().close()


def _finish(path: Path, size: int, key: str) -> None:
    """Check, sync and protect a complete file before it gets its final name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = os.fstat(descriptor).st_size
        if found != size:
            raise StorageError(f"object {key} would have {found} instead of {size} bytes")
        os.fchmod(descriptor, 0o444)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same_device(first: Path, second: Path) -> bool:
    return first.stat().st_dev == second.stat().st_dev


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise from_os_error(error, "list the object store") from error
