"""An object store that is asked who it is before it is used for the first time."""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING

from artifacts.store.objects.base import ObjectInfo, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


class GuardedObjects(ObjectStore):
    """Makes sure, at the first use and not before, that these are the right objects.

    Who needs none of them makes no request.

    Args:
        check: Raises if they are not; is called with ``inner``, once unless it raises.
    """

    def __init__(self, inner: ObjectStore, check: Callable[[ObjectStore], None]) -> None:
        self._objects = inner
        self._check: Callable[[ObjectStore], None] | None = check
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return repr(self._objects)

    @property
    def _inner(self) -> ObjectStore:
        if self._check is not None:
            with self._lock:
                if self._check is not None:
                    self._check(self._objects)
                    self._check = None
        return self._objects

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        self._inner.put(key, source, size=size)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        return self._inner.open(key, offset=offset, length=length)

    def fetch(self, key: str, offset: int, length: int) -> bytes:
        return self._inner.fetch(key, offset, length)

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        return self._inner.stat(keys)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        self._inner.delete(keys)

    def local_path(self, key: str) -> Path | None:
        return self._objects.local_path(key)
