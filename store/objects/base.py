"""The object store: immutable bytes by key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, NamedTuple

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


class ObjectInfo(NamedTuple):
    """What the backend says of an object."""

    key: str
    size: int


class StagedFile:
    """A source that may be consumed: the object store is free to move the file into place.

    Args:
        path: A complete file that nobody else knows of.
    """

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> IO[bytes]:
        return self.path.open("rb")


class ObjectStore(ABC):
    """Immutable bytes by key. Every method may be repeated and may be called by several threads.

    Keys are relative and ``/``-separated, as in manifests but ASCII only. A key is written once:
    putting the same bytes under it again is allowed and changes nothing.
    """

    @abstractmethod
    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        """Store ``size`` bytes under ``key``; durable on return, never partly visible.

        Raises:
            StorageError: The backend failed, or the source does not have ``size`` bytes.
        """

    @abstractmethod
    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """Open an object, or ``length`` bytes of it from ``offset``, for reading.

        Raises:
            ObjectNotFoundError: There is no such object.
        """

    @abstractmethod
    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        """Yield what is known of those objects that exist; absence is not an error."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield all objects whose key starts with ``prefix``, in no particular order."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; absence is not an error."""

    def local_path(self, key: str) -> Path | None:
        """Return the file in which an object lies, for reflinks and hard links; else None."""
        return None


def check_key(key: str) -> str:
    """Return ``key`` if it is a usable key.

    Raises:
        InvalidInputError: It is empty, absolute, not ASCII, or leaves the root.
    """
    segments = key.split("/")
    if not key.isascii() or not key.isprintable() or {"", ".", ".."} & set(segments):
        raise InvalidInputError(f"bad object key {key!r}", kind="bad_key")
    return key
