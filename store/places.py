"""Where blobs lie inside objects."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts.store.digests import Digest


class Encoding(IntEnum):
    """How the bytes of a blob lie in their object. The numbers are part of the pack format."""

    IDENTITY = 0
    ZSTD = 1


class BlobPlace(NamedTuple):
    """Where one blob lies inside an object. (A tuple: there may be a million of them.)

    Attributes:
        digest: BLAKE3-256 of the raw bytes.
        size: Raw bytes.
        offset: First stored byte inside the object.
        length: Stored bytes.
        encoding: How raw bytes became stored bytes.
    """

    digest: Digest
    size: int
    offset: int
    length: int
    encoding: Encoding = Encoding.IDENTITY


class BlobLocation(NamedTuple):
    """A readable copy of a blob: its object, and its place in there as in `BlobPlace`."""

    key: str
    digest: Digest
    size: int
    offset: int
    length: int
    encoding: Encoding


def fingerprint(places: Iterable[BlobPlace]) -> tuple[int, int]:
    """Return (count, hash) of a set of places; equal sets have equal ones within a process."""
    count = mixed = 0
    for place in places:
        count += 1
        mixed ^= hash(place)
    return count, mixed
