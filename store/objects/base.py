"""The object store: immutable bytes by key."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from artifacts.store.errors import InvalidInputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

Item = TypeVar("Item")

Buffer: TypeAlias = bytes | memoryview
Bytes = TypeVar("Bytes", bound=Buffer)


class ObjectInfo(NamedTuple):
    """What the backend says of an object."""

    key: str
    size: int


class UnfinishedWrite(NamedTuple):
    """A write that was interrupted, of which the backend keeps a part that nobody can read.

    Attributes:
        key: Under which the object would have been.
        id: What the backend calls it.
    """

    key: str
    id: str


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

        Args:
            source: Opens the bytes for reading, as often as it is called. Parts of a large object
                may be read from several such streams at once, each by seeking.

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

    def fetch(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly ``length`` bytes of an object, in one request where there are any.

        Raises:
            ObjectNotFoundError: There is no such object.
            StorageError: It ends before.
        """
        with self.open(key, offset=offset, length=length) as file:
            return check_length(key, file.read(length), length)

    def unfinished(self) -> Sequence[UnfinishedWrite]:
        """Return the writes that were interrupted; another `put` under the key may go on with one.

        A write that is under way may be among them.
        """
        return ()

    def give_up(self, writes: Iterable[UnfinishedWrite]) -> None:  # noqa: B027 - most have none
        """Delete what the backend keeps of writes that were interrupted."""

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


def check_length(key: str, data: Bytes, length: int) -> Bytes:
    """Return ``data`` if these are ``length`` bytes.

    Raises:
        StorageError: They are not: the object is shorter than whoever asked believes.
    """
    if len(data) != length:
        raise StorageError(
            f"object {key} ends early: {len(data)} instead of {length} bytes", kind="short_object"
        )
    return data


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of at most ``size``."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch
