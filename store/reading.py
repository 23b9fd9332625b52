"""Reading blobs. Verification on the way out is here, so that no caller can forget it."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, NamedTuple

from artifacts.store import packs
from artifacts.store.digests import (
    PARALLEL_FROM,
    Hasher,
    format_digest,
    hash_bytes,
    parallel_hash,
)
from artifacts.store.errors import IntegrityError, StorageError
from artifacts.store.places import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.store.objects import ObjectStore
    from artifacts.store.places import BlobLocation, BlobPlace

SPAN_GAP = 64 * 1024
SPAN_SIZE = 8 << 20
_INDEX_GUESS = 256 * 1024
IN_MEMORY = 8 << 20
"""Blobs up to this size are read and verified whole; larger ones are streamed."""


def checked(location: BlobLocation, stored: bytes | memoryview) -> bytes | memoryview:
    """Return the raw bytes of a blob from its stored bytes.

    Raises:
        IntegrityError: They are not the bytes that the digest names.
    """
    size = location.size
    data = packs.decompress(stored, size) if location.encoding else stored
    digest = hash_bytes(data) if size < PARALLEL_FROM else parallel_hash(data)
    if len(data) != size or digest != location.digest:
        raise damaged(location)
    return data


def damaged(location: BlobLocation) -> IntegrityError:
    """Return the error for a blob whose bytes are wrong."""
    return IntegrityError(
        f"blob {format_digest(location.digest)} in object {location.key} is damaged",
        hint="find out what else is damaged with: art check --read-data",
        kind="blob_damaged",
    )


def read_blob(objects: ObjectStore, location: BlobLocation) -> bytes | memoryview:
    """Return a whole blob, verified."""
    span = Span(location.key, location.offset, location.length, [location])
    return checked(location, fetch(objects, span))


class Span(NamedTuple):
    """Neighbouring blobs of one object, to be fetched by one read.

    Attributes:
        start: First byte inside the object.
        length: Bytes, gaps between the blobs included.
    """

    key: str
    start: int
    length: int
    places: list[BlobLocation]

    def cut(self, data: memoryview) -> Iterator[tuple[BlobLocation, memoryview]]:
        """Yield each blob with its stored bytes, not yet verified."""
        for place in self.places:
            offset = place.offset - self.start
            yield place, data[offset : offset + place.length]


def spans(locations: Iterable[BlobLocation], *, gap: int = SPAN_GAP) -> Iterator[Span]:
    """Group blobs into few reads of up to `SPAN_SIZE` bytes.

    Args:
        locations: Sorted by key and offset.
        gap: Bytes between two blobs that are rather read than skipped.
    """
    places: list[BlobLocation] = []
    start = end = 0
    for location in locations:
        after = location.offset + location.length
        joins = (
            bool(places)
            and location.key == places[0].key
            and location.offset <= end + gap
            and after - start <= SPAN_SIZE
        )
        if not joins:
            if places:
                yield Span(places[0].key, start, end - start, places)
            places, start, end = [], location.offset, after
        places.append(location)
        end = max(end, after)
    if places:
        yield Span(places[0].key, start, end - start, places)


def fetch(objects: ObjectStore, span: Span) -> memoryview:
    """Return the bytes of a span.

    Raises:
        IntegrityError: The object ends before.
    """
    try:
        return memoryview(objects.fetch(span.key, span.start, span.length))
    except StorageError as error:
        if error.kind == "short_object":
            raise damaged(span.places[-1]) from error
        raise


def read_spans(
    objects: ObjectStore, locations: Iterable[BlobLocation]
) -> Iterator[list[tuple[BlobLocation, memoryview]]]:
    """Fetch many blobs with few reads, not yet verified.

    Args:
        locations: Sorted by key and offset.

    Yields:
        (location, stored bytes) of the blobs of one read.
    """
    for span in spans(locations):
        yield list(span.cut(fetch(objects, span)))


def read_blobs(
    objects: ObjectStore, locations: Iterable[BlobLocation]
) -> Iterator[list[tuple[BlobLocation, bytes | memoryview]]]:
    """As `read_spans`, but verified: raw bytes, one list for each read.

    Raises:
        IntegrityError: A blob is damaged.
    """
    for span in read_spans(objects, locations):
        yield [(location, checked(location, stored)) for location, stored in span]


def read_pack_index(objects: ObjectStore, key: str, size: int) -> list[BlobPlace]:
    """Return what a pack says of itself, with one read if its index is not unusually large.

    Raises:
        FormatError: It is not a pack.
        IntegrityError: Its index is damaged.
    """
    tail_start = max(size - _INDEX_GUESS, 0)
    with objects.open(key, offset=tail_start, length=size - tail_start) as file:
        tail = file.read()

    def read(offset: int, length: int) -> bytes:
        if offset >= tail_start:
            return tail[offset - tail_start : offset - tail_start + length]
        with objects.open(key, offset=offset, length=length) as file:
            return file.read()

    return packs.read_index(read, size)


def stream(
    objects: ObjectStore, location: BlobLocation, piece_size: int = 1 << 20
) -> Iterator[bytes | memoryview]:
    """Yield a blob in pieces.

    Raises:
        IntegrityError: After the last piece, if the bytes were not those of the digest.
    """
    if location.encoding is Encoding.ZSTD:
        yield read_blob(objects, location)
        return
    hasher, total = Hasher(), 0
    with objects.open(location.key, offset=location.offset, length=location.length) as file:
        while piece := file.read(piece_size):
            hasher.update(piece)
            total += len(piece)
            yield piece
    if total != location.size or hasher.digest() != location.digest:
        raise damaged(location)


def open_blob(objects: ObjectStore, location: BlobLocation) -> IO[bytes]:
    """Open a blob for reading, with seek.

    Small blobs are verified before the first byte is returned. Large ones are verified if they
    are read from start to end; the read that reaches the end raises IntegrityError.
    """
    if location.size <= IN_MEMORY or location.encoding is not Encoding.IDENTITY:
        return io.BytesIO(read_blob(objects, location))
    file = objects.open(location.key, offset=location.offset, length=location.length)
    return io.BufferedReader(_VerifyingReader(file, location), 1 << 20)


class _VerifyingReader(io.RawIOBase):
    """Hashes what is read in order, and compares at the end."""

    def __init__(self, file: IO[bytes], location: BlobLocation) -> None:
        self._file = file
        self._location = location
        self._hasher: Hasher | None = Hasher()
        self._position = 0
        self._hashed = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = self._file.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # any writable buffer
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        if self._hasher is not None and self._position == self._hashed:
            self._hasher.update(data)
            self._hashed += len(data)
            if not data and self._hasher.digest() != self._location.digest:
                raise damaged(self._location)
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
