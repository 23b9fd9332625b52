"""Packs: objects that hold many small blobs.

::

    blob bytes, one after the other
    index      for each blob: digest (32 bytes), offset, length, size (u64 each), encoding (u8)
    footer     index length (u64), BLAKE3 of the index (32 bytes), magic b"ARTPACK" + version 1

All integers are little-endian. A pack alone is enough to rebuild its catalog rows.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import zstandard

from artifacts.store.digests import Digest, hash_bytes
from artifacts.store.errors import FormatError, IntegrityError
from artifacts.store.places import BlobPlace, Encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MAGIC = b"ARTPACK\x01"

_ENTRY = struct.Struct("<32sQQQB")
_FOOTER = struct.Struct("<Q32s8s")
_ENCODINGS = tuple(Encoding)


def layout(blobs: Iterable[tuple[Digest, int, int, Encoding]], offset: int = 0) -> list[BlobPlace]:
    """Place blobs one after the other.

    Args:
        blobs: (digest, raw size, stored length, encoding) of each.
        offset: Of the first one.
    """
    places: list[BlobPlace] = []
    new = tuple.__new__  # half the time of calling the class, and there are many blobs
    for digest, size, length, encoding in blobs:
        places.append(new(BlobPlace, (digest, size, offset, length, encoding)))
        offset += length
    return places


def trailer(places: Sequence[BlobPlace]) -> bytes:
    """Return index and footer, which follow the last blob."""
    pack = _ENTRY.pack
    index = b"".join(
        [
            pack(digest, offset, length, size, encoding)
            for digest, size, offset, length, encoding in places
        ]
    )
    return index + _FOOTER.pack(len(index), hash_bytes(index), MAGIC)


def read_index(read: Callable[[int, int], bytes | memoryview], size: int) -> list[BlobPlace]:
    """Read what a pack says of itself.

    Args:
        read: Called with (offset, length), returns those bytes of the pack.
        size: Bytes of the whole pack.

    Raises:
        FormatError: It is not a pack, or of a newer version.
        IntegrityError: The index is damaged.
    """
    if size < _FOOTER.size:
        raise FormatError("not a pack: too short", kind="bad_pack")
    length, digest, magic = _FOOTER.unpack(read(size - _FOOTER.size, _FOOTER.size))
    if magic != MAGIC:
        raise FormatError(f"not a pack of a known version: magic {magic!r}", kind="bad_pack")
    end = size - _FOOTER.size
    if length > end or length % _ENTRY.size:
        raise IntegrityError("pack index is damaged: impossible length", kind="bad_pack")
    index = read(end - length, length)
    if hash_bytes(index) != digest:
        raise IntegrityError("pack index is damaged: wrong digest", kind="bad_pack")
    places: list[BlobPlace] = []
    new = tuple.__new__
    for raw, offset, stored, raw_size, encoding in _ENTRY.iter_unpack(index):
        if offset + stored > end - length or encoding >= len(_ENCODINGS):
            raise IntegrityError("pack index is damaged: entry out of range", kind="bad_pack")
        places.append(new(BlobPlace, (raw, raw_size, offset, stored, _ENCODINGS[encoding])))
    return places


def compress(data: bytes) -> tuple[bytes, Encoding]:
    """Return ``data`` compressed, or as it is when that is not smaller."""
    packed = zstandard.ZstdCompressor(level=3).compress(data)
    return (packed, Encoding.ZSTD) if len(packed) < len(data) else (data, Encoding.IDENTITY)


def raw_size(stored: bytes) -> int:
    """Return how many raw bytes a zstd frame says it holds.

    Raises:
        IntegrityError: It is not such a frame, or does not say.
    """
    try:
        size = zstandard.frame_content_size(stored)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"not a zstd frame: {error}") from error
    if size < 0:
        raise IntegrityError("the zstd frame does not say its size")
    return size


def decompress(stored: bytes | memoryview, size: int) -> bytes:
    """Return the ``size`` raw bytes of a zstd frame.

    Raises:
        IntegrityError: The frame is damaged or of another size.
    """
    try:
        # Asked first: a frame that claims to be huge must not be unpacked.
        if zstandard.frame_content_size(stored) != size:
            raise IntegrityError("stored bytes are not those of a blob of this size")
        data = zstandard.ZstdDecompressor().decompress(stored)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"stored bytes cannot be decompressed: {error}") from error
    return data
