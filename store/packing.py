"""Making packs of small blobs: in memory, or in a file that grows blob by blob."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import keys, packs
from artifacts.store.copying import append, write_new
from artifacts.store.digests import Hasher
from artifacts.store.errors import from_os_error
from artifacts.store.places import Encoding
from artifacts.store.records import ObjectDraft, ObjectKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from artifacts.store.digests import Digest
    from artifacts.store.places import BlobPlace

_HASHED_TOGETHER = 128  # copying a few small pieces costs less than a call for each


class StoredBlob(NamedTuple):
    """A blob in memory, as it is going to lie in a pack.

    Attributes:
        size: Raw bytes.
        stored: What ``encoding`` made of them.
    """

    digest: Digest
    size: int
    stored: bytes | memoryview
    encoding: Encoding


class PackFile:
    """A pack on its way to being complete, in a file of its own.

    What was added is in the file and not in memory any more: memory that is used for the next
    blobs instead of new one each time makes logging many small files noticeably faster.

    Args:
        path: Does not exist yet.

    Attributes:
        size: Bytes so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._places: list[BlobPlace] = []
        self._hasher = Hasher()
        write_pieces(path, [])

    def add(self, blobs: Sequence[StoredBlob]) -> None:
        """Append blobs.

        Raises:
            StorageError: The disk is full, or failed; the file is of no use then.
        """
        self._places += packs.layout(
            ((b.digest, b.size, len(b.stored), b.encoding) for b in blobs), self.size
        )
        self._append([blob.stored for blob in blobs if blob.stored])

    def finish(self) -> ObjectDraft:
        """Append the index; return what to reserve. The object store makes the file durable.

        Raises:
            StorageError: As for `add`.
        """
        self._append([packs.trailer(self._places)])
        return _draft(self._places, self.size, self._hasher.digest())

    def _append(self, pieces: Sequence[bytes | memoryview]) -> None:
        # In one piece: whoever works beside another thread waits for the interpreter's lock after
        # every call that lets go of it, and that takes longer than copying.
        data = b"".join(pieces)
        self._hasher.update(data)
        try:
            append(self.path, [data])
        except OSError as error:
            raise from_os_error(error, "write a pack") from error
        self.size += len(data)


def make_pack(blobs: Sequence[StoredBlob]) -> tuple[ObjectDraft, list[bytes | memoryview]]:
    """Return a new pack of these blobs: what to reserve, and its bytes in pieces."""
    places = packs.layout((b.digest, b.size, len(b.stored), b.encoding) for b in blobs)
    pieces = [blob.stored for blob in blobs if blob.stored]
    pieces.append(packs.trailer(places))
    hasher = Hasher()
    _hash(hasher, pieces)
    return _draft(places, sum(map(len, pieces)), hasher.digest()), pieces


def write_pieces(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write a new file; the object store makes it durable."""
    try:
        write_new(path, pieces)
    except OSError as error:
        raise from_os_error(error, "write a pack") from error


def _draft(places: Sequence[BlobPlace], size: int, digest: Digest) -> ObjectDraft:
    return ObjectDraft(keys.new_pack_key(), ObjectKind.PACK, size, tuple(places), digest)


def _hash(hasher: Hasher, pieces: Sequence[bytes | memoryview]) -> None:
    for start in range(0, len(pieces), _HASHED_TOGETHER):
        hasher.update(b"".join(pieces[start : start + _HASHED_TOGETHER]))
