"""What lies in the ``objects`` folder of the cache: names, descriptions, placing.

The keys and the pack format are those of a store, so that the same code reads both.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import packs, reading
from artifacts.store.copying import write_new
from artifacts.store.digests import Digest
from artifacts.store.errors import FormatError, IntegrityError, ObjectNotFoundError
from artifacts.store.places import BlobPlace, Encoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from artifacts.store.objects import LocalObjects

_LOOSE = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})\.[0-9a-f]{16}(\.zst)?")
_PACK = re.compile(r"packs/([0-9a-f]{2})/\1[0-9a-f]{30}")
_ZSTD_HEADER = 18  # bytes at most


class CachedObject(NamedTuple):
    """An object, when it was used last (microseconds since 1970), and the blobs in it."""

    key: str
    size: int
    used_at: int
    places: Sequence[BlobPlace]


def list_keys(objects: LocalObjects) -> Iterator[tuple[str, int]]:
    """Yield (key, size) of every file whose name is one of ours; others are left alone."""
    for prefix, pattern in (("blobs/", _LOOSE), ("packs/", _PACK)):
        for key, size in objects.list(prefix):
            if pattern.fullmatch(key):
                yield key, size


def scan(objects: LocalObjects) -> Iterator[CachedObject]:
    """Yield every object with what it says of itself; broken ones are deleted.

    A loose object is known by its name. Nothing is hashed: who reads a blob does that.
    """
    for key, size in list_keys(objects):
        try:
            used_at = (objects.root / key).stat().st_mtime_ns // 1000
            yield CachedObject(key, size, used_at, _describe(objects, key, size))
        except (FileNotFoundError, ObjectNotFoundError):
            continue  # deleted by another process
        except (FormatError, IntegrityError):
            objects.delete([key])


def _describe(objects: LocalObjects, key: str, size: int) -> list[BlobPlace]:
    match = _LOOSE.fullmatch(key)
    if match is None:
        return reading.read_pack_index(objects, key, size)
    digest = Digest(bytes.fromhex(match[2]))
    if match[3] is None:
        return [BlobPlace(digest, size, 0, size)]
    with objects.open(key, offset=0, length=_ZSTD_HEADER) as file:
        raw_size = packs.raw_size(file.read())
    return [BlobPlace(digest, raw_size, 0, size, Encoding.ZSTD)]


def write_file(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write a new file; what was written is removed if it cannot be completed."""
    try:
        write_new(path, pieces)
    except FileExistsError:
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def place_file(source: Path, target: Path) -> None:
    """Make a complete file an object. Not synced: after a power failure it may be torn.

    Whoever reads it notices, by its size or by the digests, and fetches the blobs again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    os.chmod(source, 0o444)
    os.rename(source, target)
