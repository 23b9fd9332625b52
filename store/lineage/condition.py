"""Whether the data of a version are there, as far as the backend says, or as reading them shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import reading
from artifacts.store.errors import (
    BlobNotFoundError,
    FormatError,
    IntegrityError,
    ObjectNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry, Manifest
    from artifacts.store.places import BlobLocation
    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store


class Condition(NamedTuple):
    """How the data of a version are.

    Attributes:
        missing: Paths whose bytes are in no object that is there.
        damaged: Paths whose bytes are not what they should be.
        references: Entries that lead elsewhere.
        unreadable: Why not even the manifest can be read, or None.
    """

    missing: list[str]
    damaged: list[str]
    references: list[Entry]
    unreadable: str | None = None


def examine(store: Store, version: VersionRecord, *, verify: bool = False) -> Condition:
    """Look whether the files of a version are in the store.

    Args:
        store: Where the version is.
        version: A version that is not deleted.
        verify: Read every byte; otherwise only the presence of objects is asked for.
    """
    try:
        manifest = store.manifest(version.digest)
    except (BlobNotFoundError, ObjectNotFoundError, IntegrityError, FormatError) as error:
        return Condition([], [], [], error.message)
    stored = {entry.digest for entry in manifest if entry.reference is None}
    places, missing = store.find(stored)
    absent = _absent(store, places.values())
    missing |= {digest for digest, place in places.items() if place.key in absent}
    damaged: set[Digest] = set()
    if verify:
        whole = [place for digest, place in places.items() if digest not in missing]
        damaged = set(_damaged(store, whole))
    return Condition(
        _paths(manifest, missing),
        _paths(manifest, damaged),
        [entry for entry in manifest if entry.reference is not None],
    )


def _paths(manifest: Manifest, digests: set[Digest]) -> list[str]:
    if not digests:
        return []
    return [e.path for e in manifest if e.reference is None and e.digest in digests]


def _absent(store: Store, places: Iterable[BlobLocation]) -> set[str]:
    """Return the keys of objects that are not there."""
    keys = {place.key for place in places}
    return keys - {info.key for info in store.objects.stat(sorted(keys))}


def _damaged(store: Store, places: list[BlobLocation]) -> Iterator[Digest]:
    """Yield the blobs that are not what their digests say; what is there is read."""
    places.sort(key=lambda place: (place.key, place.offset))
    small = [place for place in places if place.size <= reading.IN_MEMORY]
    for span in reading.spans(small):
        try:
            blobs = list(span.cut(reading.fetch(store.objects, span)))
        except IntegrityError:  # the object is too short: look at each
            yield from (p.digest for p in span.places if not _is_whole(store, p))
            continue
        yield from (place.digest for place, stored in blobs if not _is_sound(place, stored))
    yield from (p.digest for p in places if p.size > reading.IN_MEMORY and not _is_whole(store, p))


def _is_sound(place: BlobLocation, stored: memoryview) -> bool:
    try:
        reading.checked(place, stored)
    except IntegrityError:
        return False
    return True


def _is_whole(store: Store, place: BlobLocation) -> bool:
    try:
        for _ in reading.stream(store.objects, place):
            pass
    except IntegrityError:
        return False
    return True
