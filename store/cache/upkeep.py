"""Looking after a cache: prune, merge small packs, verify."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.store import keys, packs, reading
from artifacts.store.cache import files
from artifacts.store.cache.files import CachedObject
from artifacts.store.cache.holds import now
from artifacts.store.cache.space import EVERYTHING, translated
from artifacts.store.errors import IntegrityError, ObjectNotFoundError, StorageError
from artifacts.store.upload import PACK_TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifacts.store.cache.index import ObjectRow
    from artifacts.store.cache.space import Space
    from artifacts.store.digests import Digest
    from artifacts.store.places import BlobLocation

log = logging.getLogger(__name__)

SMALL_PACK = 1 << 20
SMALL_PACKS = 100
"""More packs than so many of less than `SMALL_PACK` bytes are merged."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `BlobCache.verify` found.

    Attributes:
        objects: How many were read.
        blobs: How many were in them.
        bytes: Size of these objects.
        damaged: Blobs that were not what their digest says, and were dropped.
        freed: Bytes of objects that were deleted: nothing sound was left in them, or they were
            leftovers of killed processes.
    """

    objects: int
    blobs: int
    bytes: int
    damaged: tuple[Digest, ...]
    freed: int


def prune(space: Space, *, to: int, older_than: float | None) -> int:
    """Delete leftovers and what was not used for long, then merge; return freed bytes."""
    freed = space.sweep()
    time = now()
    if older_than is not None:
        before = min(space.protected_from(time), time - int(older_than * 1e6))
        freed += space.evict(EVERYTHING, before)
    freed += space.evict(space.index.totals().bytes - to, space.protected_from(time))
    try:
        with translated("merge packs of the cache"):
            compact(space)
    except StorageError as error:
        if error.kind != "disk_full":
            raise
        log.warning("small packs of the cache are not merged: %s", error)
    return freed


def compact(space: Space) -> int:
    """Merge small packs if there are many; return by how many objects there are fewer."""
    small = [
        row
        for row in space.index.objects()
        if row.key.startswith("packs/") and row.size < SMALL_PACK
    ]
    if len(small) <= SMALL_PACKS:
        return 0
    time = now()
    return sum(_merge(space, rows, time) for rows in _groups(small))


def _groups(rows: Sequence[ObjectRow]) -> Iterator[list[ObjectRow]]:
    """Yield neighbours in time that fit into one pack."""
    group: list[ObjectRow] = []
    size = 0
    for row in rows:
        if size + row.size > PACK_TARGET:
            yield group
            group, size = [], 0
        group.append(row)
        size += row.size
    yield group


def _merge(space: Space, rows: Sequence[ObjectRow], time: int) -> int:
    """Make one pack of several; those in use stay."""
    protected_from = space.protected_from(time)
    rows = [row for row in rows if row.used_at < protected_from]
    blobs = [blob for row in rows for blob in _sound_blobs(space, row.key)]
    if len(rows) < 2 or not blobs:  # noqa: PLR2004 - one is one already
        return 0
    places = packs.layout((b.digest, b.size, b.length, b.encoding) for b, _ in blobs)
    pieces: list[bytes | memoryview] = [stored for _, stored in blobs if stored]
    pieces.append(packs.trailer(places))
    size = sum(map(len, pieces))
    # As recent as the newest of them: nothing that was used lately goes sooner for it.
    new = CachedObject(keys.new_pack_key(), size, max(row.used_at for row in rows), places)
    old = [row.key for row in rows]
    path, target = space.new_path(), space.objects.root / new.key
    files.write_file(path, pieces)
    try:
        merged = space.index.merge(
            old,
            new,
            lambda: space.protected_from(time),
            lambda: files.place_file(path, target),
        )
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        path.unlink(missing_ok=True)
    if not merged:
        return 0
    space.objects.delete(old)
    return len(old) - 1


def _sound_blobs(space: Space, key: str) -> list[tuple[BlobLocation, memoryview]]:
    """Return the blobs of a pack that are what their digests say, with their stored bytes."""
    try:
        return [
            (location, stored)
            for span in reading.read_spans(space.objects, space.index.blobs_of(key))
            for location, stored in span
            if _is_sound(location, stored)
        ]
    except ObjectNotFoundError:
        return []  # evicted meanwhile: that will show when the packs are exchanged


def _is_sound(location: BlobLocation, stored: memoryview) -> bool:
    try:
        reading.checked(location, stored)
    except IntegrityError as error:
        log.warning("dropped from the cache: %s", error)
        return False
    return True


def verify(space: Space) -> VerifyReport:
    """Read and hash everything, and drop what is damaged."""
    damaged: list[Digest] = []
    objects = blobs = size = 0
    freed = space.sweep()
    for row in space.index.objects():
        locations = space.index.blobs_of(row.key)
        if not locations:
            continue  # evicted meanwhile
        try:
            bad = _damaged(space, row, locations)
        except ObjectNotFoundError:
            space.index.forget([row.key])  # evicted just now, or removed by hand
            continue
        objects += 1
        blobs += len(locations)
        size += row.size
        damaged += bad
        if bad and (gone := space.index.forget_blobs(bad)):
            space.objects.delete(gone)
            freed += row.size
    return VerifyReport(objects, blobs, size, tuple(damaged), freed)


def _damaged(space: Space, row: ObjectRow, locations: Sequence[BlobLocation]) -> list[Digest]:
    if row.key.startswith("packs/"):
        return [
            location.digest
            for span in reading.read_spans(space.objects, locations)
            for location, stored in span
            if not _is_sound(location, stored)
        ]
    [location] = locations
    try:
        for _ in reading.stream(space.objects, location):
            pass
    except IntegrityError as error:
        log.warning("dropped from the cache: %s", error)
        return [location.digest]
    return []
