"""Objects in any file system that fsspec knows."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import secrets
import shutil
import tempfile
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from artifacts.store.errors import (
    ArtifactsError,
    ConfigError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    from_os_error,
)
from artifacts.store.objects.base import (
    ObjectInfo,
    ObjectStore,
    StagedFile,
    check_key,
    check_length,
)
from artifacts.store.objects.budget import PROCESS_BUDGET, MemoryBudget
from artifacts.store.objects.ranges import RANGE_SIZE, RangeReader
from artifacts.store.objects.retrying import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifacts.store.objects.base import Buffer

_IN_MEMORY = 16 << 20
"""Objects up to this size are held in memory; larger ones go through a file."""

_COPY_SIZE = 1 << 20
_TEMPORARY = ".tmp-"

# Object services, where nothing is visible before a write is complete. Of all others the worst is
# assumed: there an object is written under another name and moved.
_ATOMIC = frozenset(
    {"abfs", "abfss", "az", "gcs", "gs", "memory", "oci", "ocilake", "oss", "s3", "s3a", "tos"}
)
_NO_FOLDERS = _ATOMIC - {"memory"}

_TRANSIENT = frozenset(
    {errno.EAGAIN, errno.EBUSY, errno.EIO, errno.EINTR, errno.ENETDOWN, errno.ENETUNREACH}
    | {errno.EHOSTUNREACH, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT}
    | {getattr(errno, "EREMOTEIO", errno.EIO)}  # what s3fs makes of an error inside the service
)


class FsspecObjects(ObjectStore):
    """Objects as files below ``root`` of a file system of fsspec.

    Which guarantees hold after a crash depends on the file system: it is not asked to sync.

    Args:
        url: ``protocol://…`` of the folder, without credentials.
        budget: Where memory for transfers comes from.

    Raises:
        ConfigError: fsspec does not know the protocol, or the package for it is not installed.
    """

    def __init__(self, url: str, *, budget: MemoryBudget = PROCESS_BUDGET) -> None:
        self.url = url.rstrip("/")
        self._protocol = url.partition("://")[0]
        self._budget = budget
        # By process: clients of many services do not survive a fork.
        self._filesystems: dict[int, Any] = {}
        self._root = self._fs._strip_protocol(self.url).rstrip("/")

    def __repr__(self) -> str:
        return f"FsspecObjects({self.url!r})"

    @property
    def _fs(self) -> Any:
        filesystem = self._filesystems.get(os.getpid())
        if filesystem is None:
            filesystem = self._filesystems.setdefault(os.getpid(), connect(self.url))
        return filesystem

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        path = self._path(key)
        folder = path.rpartition("/")[0]
        atomic = self._protocol in _ATOMIC
        target = path if atomic else f"{folder}/{_TEMPORARY}{secrets.token_hex(8)}"
        with translated(f"store object {key}", key):
            if self._protocol not in _NO_FOLDERS:
                self._fs.makedirs(folder, exist_ok=True)
            try:
                self._write(target, key, source, size)
                if target != path:
                    self._fs.mv(target, path)
            except BaseException:
                if target != path and self._fs.exists(target):
                    self._fs.rm_file(target)
                raise

    def _write(self, path: str, key: str, source: Callable[[], IO[bytes]], size: int) -> None:
        if isinstance(source, StagedFile):
            try:
                _check_size(key, source.path.stat().st_size, size)
            except OSError as error:
                raise from_os_error(error, f"read what is to be object {key}") from error
        if size <= _IN_MEMORY:
            with self._budget.held(size):
                data = _read(source, size + 1, key)
                _check_size(key, len(data), size)
                self._fs.pipe_file(path, data)
        elif isinstance(source, StagedFile):
            self._fs.put_file(str(source.path), path)
        else:
            # What is written to an open remote file becomes visible even when it is not complete.
            with tempfile.TemporaryDirectory(prefix="artifacts-") as folder:
                copy = Path(folder, "object")
                _copy(source, copy, key)
                _check_size(key, copy.stat().st_size, size)
                self._fs.put_file(str(copy), path)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        path = self._path(key)
        with translated(f"open object {key}", key):
            info = self._fs.info(path)
        if info["type"] != "file":
            raise ObjectNotFoundError(f"object {key} is missing")
        rest = max(int(info["size"]) - offset, 0)
        window = rest if length is None else min(length, rest)
        first = self._get(path, key, offset, min(window, RANGE_SIZE))
        if window == len(first):
            return io.BytesIO(first)

        def fetch(position: int, count: int) -> Future[Buffer]:
            future: Future[Buffer] = Future()
            try:
                future.set_result(self._get(path, key, offset + position, count))
            except ArtifactsError as error:
                future.set_exception(error)
            return future

        return RangeReader(
            fetch,
            length=window,
            first=first,
            budget=self._budget,
            policy=RetryPolicy(attempts=1),
            doing=f"read object {key}",
            ahead=0,
        )

    def fetch(self, key: str, offset: int, length: int) -> bytes:
        return self._get(self._path(key), key, offset, length)

    def _get(self, path: str, key: str, offset: int, length: int) -> bytes:
        if not length:
            return b""
        with translated(f"read object {key}", key):
            data: bytes = self._fs.cat_file(path, start=offset, end=offset + length)
        return check_length(key, data, length)

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        for key in keys:
            path = self._path(key)
            try:
                with translated(f"look at object {key}", key):
                    info = self._fs.info(path)
            except ObjectNotFoundError:
                continue
            if info["type"] == "file":
                yield ObjectInfo(key, int(info["size"]))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        folder = f"{self._root}/{prefix}".rpartition("/")[0]
        start = f"{self._root}/"
        try:
            with translated("list objects", prefix):
                found = self._fs.find(folder, detail=True)
        except ObjectNotFoundError:
            return
        for path, info in found.items():
            key = path.removeprefix(start)
            temporary = key.rpartition("/")[2].startswith(_TEMPORARY)
            if path.startswith(start) and key.startswith(prefix) and not temporary:
                yield ObjectInfo(key, int(info["size"]))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self._path(key)
            try:
                with translated(f"delete object {key}", key):
                    self._fs.rm_file(path)
            except ObjectNotFoundError:
                continue

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"


def connect(url: str) -> Any:
    """Return fsspec's filesystem for a URL.

    Raises:
        ConfigError: There is none, or its package is not installed.
    """
    import fsspec

    protocol = url.partition("://")[0]
    try:
        class_ = fsspec.get_filesystem_class(protocol)
    except ValueError as error:
        raise ConfigError(
            f"there is no protocol {protocol}",
            hint="use a path, file://, s3:// or another protocol of fsspec",
            kind="unknown_protocol",
        ) from error
    except ImportError as error:
        raise _missing_package(protocol, error) from error
    with translated(f"connect to {protocol}", ""):
        options = class_._get_kwargs_from_urls(url)
        return class_(**options, use_listings_cache=False, skip_instance_cache=True)


def _missing_package(protocol: str, error: ImportError) -> ConfigError:
    from fsspec.registry import known_implementations

    package = _PACKAGES.get(protocol)
    if package is None:
        # What could not be imported is the cause; what fsspec raises is its advice.
        cause = error.__cause__ or error.__context__ or error
        name = getattr(cause, "name", None) or known_implementations[protocol]["class"]
        package = name.partition(".")[0]
    return ConfigError(
        f"{protocol}:// needs a package that is not installed",
        hint=f"pip install {package}",
        kind="package_missing",
    )


# Where the package is not called as the module.
_PACKAGES = {
    "dbfs": "requests",
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "'artifacts-cas[s3]'",
    "s3a": "'artifacts-cas[s3]'",
    "smb": "smbprotocol",
}


@contextmanager
def translated(doing: str, key: str) -> Iterator[None]:
    """Raise whatever a file system raises as an exception of this product."""
    try:
        yield
    except ArtifactsError:
        raise
    except FileNotFoundError as error:
        raise ObjectNotFoundError(f"object {key} is missing") from error
    except PermissionError as error:
        raise PermissionDeniedError(f"could not {doing}: access is refused") from error
    except Exception as error:
        # Every implementation has exceptions of its own, and their texts may hold a URL with
        # its credentials: only the class and what the system says are passed on.
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise from_os_error(error, doing) from error
        reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        raise StorageError(
            f"could not {doing}: {reason}", retryable=_is_transient(error)
        ) from error


def _is_transient(error: Exception) -> bool:
    if isinstance(error, (TimeoutError, asyncio.TimeoutError, ConnectionError)):
        return True
    if isinstance(error, OSError) and error.errno in _TRANSIENT:
        return True
    for name in ("status", "status_code", "code"):  # aiohttp, Azure, Google
        try:
            status = int(getattr(error, name, 0))
        except (TypeError, ValueError):
            continue
        if status in {408, 429} or 500 <= status < 600:  # noqa: PLR2004 - answers of HTTP
            return True
    # aiohttp and requests name what went wrong with a connection like this.
    return any("Connection" in class_.__name__ for class_ in type(error).__mro__)


def _read(source: Callable[[], IO[bytes]], count: int, key: str) -> bytes:
    """Return up to ``count`` bytes of the source."""
    pieces = []
    try:
        with source() as reader:
            while count and (piece := reader.read(count)):
                pieces.append(piece)
                count -= len(piece)
    except OSError as error:
        raise from_os_error(error, f"read what is to be object {key}") from error
    return b"".join(pieces)


def _copy(source: Callable[[], IO[bytes]], target: Path, key: str) -> None:
    try:
        with source() as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer, _COPY_SIZE)
    except OSError as error:
        raise from_os_error(error, f"read what is to be object {key}") from error


def _check_size(key: str, found: int, size: int) -> None:
    if found != size:
        raise StorageError(f"object {key} would have {found} instead of {size} bytes")
