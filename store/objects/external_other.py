"""Files of others in any file system that fsspec knows."""

from __future__ import annotations

import io
import os
from functools import cached_property, lru_cache
from typing import IO, TYPE_CHECKING, Any

from artifacts.store.errors import InvalidInputError, NotFoundError
from artifacts.store.objects.external import (
    POLICY,
    External,
    Found,
    checked_size,
    checked_text,
)
from artifacts.store.objects.remote import connect, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

_BUFFER = 1 << 20
_CHECKSUMS = ("ETag", "etag", "md5Hash", "content_md5", "md5", "sha", "checksum", "generation")
"""What file systems call a checksum in what they say of a file, the best first."""

_FILE_SYSTEMS = 8


class OtherFile(External):
    """A file, or all files below a folder.

    Args:
        protocol: That of the URI.
        uri: Taken as it is: what follows the protocol is the path that fsspec gets.

    Raises:
        InvalidInputError: fsspec does not know the protocol.
    """

    def __init__(self, protocol: str, uri: str) -> None:
        from fsspec.registry import known_implementations, registry

        self.uri = f"{protocol}://{uri.partition('://')[2].rstrip('/')}"
        self.name = self.uri.rpartition("/")[2]
        self._host = self.uri.partition("://")[2].partition("/")[0]
        self._protocol = protocol
        if protocol not in known_implementations and protocol not in registry:
            raise InvalidInputError(
                f"cannot reference {self.uri}: there is no protocol {protocol}",
                hint="use file://, s3://, https:// or another protocol of fsspec",
                kind="unsupported_reference",
            )

    @cached_property
    def _fs(self) -> Any:
        # Some connect as soon as they are made.
        return _file_system(f"{self._protocol}://{self._host}", os.getpid())

    @cached_property
    def _path(self) -> str:
        return str(self._fs._strip_protocol(self.uri))

    def stat(self) -> Found | None:
        try:
            info = self._info(self._path)
        except NotFoundError:
            return None
        return self._found(info) if info.get("type") == "file" else None

    def list(self) -> Iterator[tuple[str, str, Found]]:
        def find() -> dict[str, dict[str, Any]]:
            with translated(f"list {self.uri}", self.uri):
                found: dict[str, dict[str, Any]] = self._fs.find(self._path, detail=True)
            return found

        start = f"{self._path.rstrip('/')}/"
        for path, info in sorted(POLICY.run(find, f"list {self.uri}").items()):
            if path.startswith(start) and info.get("type") == "file":
                below = path.removeprefix(start)
                yield below, f"{self.uri}/{below}", self._found(info)

    def open(self, found: Found) -> IO[bytes]:
        with translated(f"open {self.uri}", self.uri):
            file = self._fs.open(self._path, "rb")
        return io.BufferedReader(_Reader(file, self.uri), _BUFFER)

    def _info(self, path: str) -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            with translated(f"look at {self.uri}", self.uri):
                info: dict[str, Any] = self._fs.info(path)
            return info

        return POLICY.run(ask, f"look at {self.uri}")

    def _found(self, info: dict[str, Any]) -> Found:
        return Found(checked_size(info.get("size")), checked_text(self._checksum(info)))

    def _checksum(self, info: dict[str, Any]) -> str:
        for name in _CHECKSUMS:
            if info.get(name):
                return str(info[name])
        with translated(f"look at {self.uri}", self.uri):
            try:
                return f"modified={self._fs.modified(info['name']).isoformat()}"
            except NotImplementedError:
                return f"ukey={self._fs.ukey(info['name'])}"


class _Reader(io.RawIOBase):
    """Reads an open file of fsspec; whatever that raises becomes an exception of this product."""

    def __init__(self, file: Any, uri: str) -> None:
        self._file = file
        self._uri = uri

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        with translated(f"read {self._uri}", self._uri):
            data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


@lru_cache(maxsize=_FILE_SYSTEMS)
def _file_system(url: str, _pid: int) -> Any:
    """Return a file system to keep; clients of many services do not survive a fork."""
    return connect(url)
