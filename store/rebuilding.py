"""Rebuild a catalog that was lost: blobs from the objects, names and lineage from an export."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from artifacts.store import backup, opening, reading
from artifacts.store.bundle import Bundle
from artifacts.store.check import read_loose
from artifacts.store.errors import (
    FormatError,
    IntegrityError,
    InvalidInputError,
    StoreNotFoundError,
    from_os_error,
)
from artifacts.store.progress import Progress
from artifacts.store.records import ObjectDraft, ObjectKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from artifacts.store.catalog import Catalog
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.objects import ObjectInfo, ObjectStore
    from artifacts.store.transcript import Record

_AT_ONCE = 2
_AT_ONCE_REMOTE = 8


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt.

    Attributes:
        objects: How many objects were entered.
        blobs: How many blobs in them.
        source: Where versions, aliases, runs and links came from, or None.
        restored: What came from there.
    """

    objects: int
    blobs: int
    source: str | None = None
    restored: Restored | None = None


def rebuild(
    location: str | Path,
    *,
    export: Path | None = None,
    cache_dir: Path | None = None,
    by: str | None = None,
    progress: Progress | None = None,
) -> Rebuilt:
    """Enter what the catalog does not know; it is made anew if it is gone.

    Every object that the catalog does not know is entered, from what it says of itself. Versions,
    aliases, runs and links are not in the objects. They come from ``export``; without it, and
    only if the catalog has no versions and no runs, from the newest daily backup.

    Args:
        location: As for `store.Store.open`.
        export: An export, also one without data, or a daily backup that was saved as a file.
        cache_dir: As for `store.Store.open`.
        by: Who restores.

    Raises:
        StoreNotFoundError: There are no objects of a store, or there is no export.
        FormatError: The export is none, or of a newer format.
        IntegrityError: The export is cut off or damaged.
    """
    opened = opening.open_location(location, make=False, cache_dir=cache_dir, rebuild=True)
    catalog, objects = opened.catalog, opened.objects
    try:
        source, records = _source_of(export, catalog, objects)
        entered = blobs = 0
        at_once = _AT_ONCE_REMOTE if opened.remote else _AT_ONCE
        for draft in _unknown(catalog, objects, at_once, progress or Progress()):
            if catalog.adopt(draft):
                entered += 1
                blobs += len(draft.blobs)
        restored = None if records is None else catalog.restore(records, by=by)
        return Rebuilt(entered, blobs, source, restored)
    finally:
        catalog.close()


def _source_of(
    export: Path | None, catalog: Catalog, objects: ObjectStore
) -> tuple[str | None, Callable[[], Iterator[Record]] | None]:
    """Return where records come from, and what returns them."""
    if export is not None:
        if backup.is_backup(f"{backup.PREFIX}{export.name}"):
            return str(export), lambda: _read(lambda: _open(export))
        bundle = Bundle(export)
        bundle.verify_catalog()
        return str(export), bundle.records
    # What was deleted since the backup must not come back.
    if catalog.list_projects() or (key := backup.newest(objects)) is None:
        return None, None
    return key, lambda: _read(lambda: objects.open(key))


def _read(open_: Callable[[], IO[bytes]]) -> Iterator[Record]:
    with open_() as file:
        yield from backup.read(file)


def _open(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise StoreNotFoundError(f"there is no export at {path}") from error
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error


def _unknown(
    catalog: Catalog, objects: ObjectStore, at_once: int, progress: Progress
) -> Iterator[ObjectDraft]:
    """Yield what the objects say that the catalog does not know, a few read at once."""
    known = {record.key for record in catalog.list_objects()}
    found = [info for info in objects.list() if info.key not in known]
    progress.start(len(found), sum(info.size for info in found))

    def describe(info: ObjectInfo) -> tuple[ObjectInfo, ObjectDraft | None]:
        return info, _describe(objects, info.key, info.size)

    rest = iter(found)
    with ThreadPoolExecutor(at_once, thread_name_prefix="artifacts-rebuild") as pool:
        ahead = deque(pool.submit(describe, info) for info in itertools.islice(rest, at_once))
        try:
            while ahead:
                info, draft = ahead.popleft().result()
                if (following := next(rest, None)) is not None:
                    ahead.append(pool.submit(describe, following))
                if draft is not None:
                    yield draft
                progress.advance(1, info.size)
        finally:
            for future in ahead:
                future.cancel()


def _describe(objects: ObjectStore, key: str, size: int) -> ObjectDraft | None:
    """Return what an object says of itself, or None if it is not a sound object of a store."""
    try:
        if key.startswith("packs/"):
            places = tuple(reading.read_pack_index(objects, key, size))
            return ObjectDraft(key, ObjectKind.PACK, size, places)
        if key.startswith("blobs/"):
            return ObjectDraft(key, ObjectKind.LOOSE, size, (read_loose(objects, key, size),))
    except (FormatError, IntegrityError, InvalidInputError):
        return None
    return None
