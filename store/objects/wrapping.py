"""What object stores that stand before another one have in common, and their streams."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from artifacts.store.copying import PieceReader
from artifacts.store.objects.base import ObjectInfo, ObjectStore, UnfinishedWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from _typeshed import WriteableBuffer


class WrappedObjects(ObjectStore):
    """Passes everything on; a subclass changes what it is there for.

    Args:
        inner: The object store that does the work.

    Attributes:
        wrapped: The same.
    """

    def __init__(self, inner: ObjectStore) -> None:
        self.wrapped = inner

    @property
    def inner(self) -> ObjectStore:
        """What every call goes to: ``wrapped``, unless a subclass looks at it first."""
        return self.wrapped

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        self.inner.put(key, source, size=size)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        return self.inner.open(key, offset=offset, length=length)

    def fetch(self, key: str, offset: int, length: int) -> bytes:
        return self.inner.fetch(key, offset, length)

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        return self.inner.stat(keys)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self.inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        self.inner.delete(keys)

    def unfinished(self) -> Sequence[UnfinishedWrite]:
        return self.inner.unfinished()

    def give_up(self, writes: Iterable[UnfinishedWrite]) -> None:
        self.inner.give_up(writes)

    def local_path(self, key: str) -> Path | None:
        return self.wrapped.local_path(key)


class WrappedStream(PieceReader, IO[bytes]):
    """A seekable stream of which a subclass defines ``read``, ``seek`` and ``tell``."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read_piece(self, most: int) -> memoryview:
        return memoryview(self.read(most))
