"""Objects in memory, for tests of everything above the object store."""

from __future__ import annotations

import io
import threading
from typing import IO, TYPE_CHECKING

from artifacts.store.errors import ObjectNotFoundError, StorageError
from artifacts.store.objects.base import ObjectInfo, ObjectStore, check_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class MemoryObjects(ObjectStore):
    """Objects in a dictionary."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        check_key(key)
        with source() as reader:
            data = reader.read()
        if len(data) != size:
            raise StorageError(f"object {key} would have {len(data)} instead of {size} bytes")
        with self._lock:
            self._objects[key] = data

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        with self._lock:
            data = self._objects.get(check_key(key))
        if data is None:
            raise ObjectNotFoundError(f"object {key} is missing")
        end = len(data) if length is None else offset + length
        return io.BytesIO(data[offset:end])

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        for key in keys:
            with self._lock:
                data = self._objects.get(check_key(key))
            if data is not None:
                yield ObjectInfo(key, len(data))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with self._lock:
            found = [
                ObjectInfo(key, len(data))
                for key, data in self._objects.items()
                if key.startswith(prefix)
            ]
        yield from found

    def delete(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._objects.pop(check_key(key), None)
