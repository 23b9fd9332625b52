"""Repair what a check has found: give up damaged objects, and save what can be saved.

Nothing is mended in place. What can still be read of a damaged object, and what a cache, another
store or an export holds of the rest, is verified and written into new objects; in the transaction
that makes those live the damaged ones are given up. What nobody has is lost, and the versions
that need it are marked, so that who pulls one is told.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from artifacts.store import copying, keys, packs, reading, transfer
from artifacts.store.digests import format_digest
from artifacts.store.errors import ArtifactsError
from artifacts.store.keeping import cache_may_fail
from artifacts.store.manifest import digests_in
from artifacts.store.packing import StoredBlob, write_pieces
from artifacts.store.places import BlobLocation, BlobPlace, Encoding
from artifacts.store.records import ObjectDraft, ObjectKind
from artifacts.store.rewriting import Rewriting
from artifacts.store.sources import BlobSource
from artifacts.store.upload import PACK_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from artifacts.store.bundle import Bundle
    from artifacts.store.check import CheckReport
    from artifacts.store.digests import Digest
    from artifacts.store.records import ObjectRecord
    from artifacts.store.store import Store

    Content = bytes | memoryview | Path


class Provider(Protocol):
    """Somebody who may have a blob that is damaged here."""

    def sources(self, digests: Collection[Digest]) -> Iterable[BlobSource]:
        """Return where those of the blobs are read from that it has."""


class CacheProvider:
    """What a store's own cache holds."""

    def __init__(self, store: Store) -> None:
        self._cache = store.cache

    def sources(self, digests: Collection[Digest]) -> Iterable[BlobSource]:
        if self._cache is not None:
            with cache_may_fail():
                found = self._cache.locate(digests)
                return [BlobSource(self._cache.objects, list(found.values()))]
        return []


class StoreProvider:
    """Another store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def sources(self, digests: Collection[Digest]) -> Iterable[BlobSource]:
        found = self._store.catalog.locate(digests)
        return self._store.sources(found) if found else []


class BundleProvider:
    """An export."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def sources(self, digests: Collection[Digest]) -> Iterable[BlobSource]:
        for places in self._bundle.find(digests):
            yield BlobSource(self._bundle.objects, places)


@dataclass(slots=True)
class Plan:
    """What a repair would do now.

    Attributes:
        damaged: Objects that are given up.
        saved: Blobs that can still be read from those, by the object's key.
        fetched: Blobs that somebody else has.
        lost: Blobs that nobody has and some version needs.
        broken: What is lost, by the manifests of the versions that need it.
        healed: Manifests of versions that were marked and have all their data again.
        names: Versions with these manifests.
    """

    damaged: list[ObjectRecord] = field(default_factory=list)
    saved: dict[int, list[BlobLocation]] = field(default_factory=dict)
    fetched: set[Digest] = field(default_factory=set)
    lost: set[Digest] = field(default_factory=set)
    broken: dict[Digest, str] = field(default_factory=dict)
    healed: list[Digest] = field(default_factory=list)
    names: dict[Digest, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.damaged or self.fetched or self.broken or self.healed)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did.

    Attributes:
        objects: How many damaged objects were given up.
        saved: How many blobs were taken out of those.
        fetched: How many blobs were brought from elsewhere.
        broken: (versions, what is lost) of versions that could not be repaired.
        healed: Versions that are whole again.
    """

    objects: int
    saved: int
    fetched: int
    broken: tuple[tuple[str, str], ...]
    healed: tuple[str, ...]


def plan(store: Store, report: CheckReport, providers: Sequence[Provider]) -> Plan:
    """Find out what can be done about what a check has found; changes nothing.

    Args:
        report: Of a check that was made just now.
        providers: Whom to ask for blobs, the nearest first.
    """
    return _Planning(store, report, providers).run()


def repair(store: Store, what: Plan, providers: Sequence[Provider]) -> Repaired:
    """Carry out a plan.

    Raises:
        ConflictError: This process gave no sign of life for too long; nothing was changed.
        StorageError: Writing failed; nothing was changed.
    """
    with Rewriting(store) as writing:
        work = _Mending(store, what, writing)
        for places in what.saved.values():
            work.save(places)
        fetched = work.fetch(what.fetched, providers)
        doomed = work.commit()
    store.objects.delete(doomed)
    store.catalog.forget(doomed)
    # What was thought to be there may have turned out damaged.
    outcome = _Planning.judge(store, what, what.lost | (what.fetched - fetched))
    store.catalog.mark_broken({**dict.fromkeys(outcome.healed), **outcome.broken})
    return Repaired(
        len(doomed),
        work.saved,
        len(fetched),
        tuple((", ".join(what.names[m]), text) for m, text in outcome.broken.items()),
        tuple(name for manifest in outcome.healed for name in what.names[manifest]),
    )


class _Planning:
    def __init__(self, store: Store, report: CheckReport, providers: Sequence[Provider]) -> None:
        self._store = store
        self._providers = providers
        bad = report.bad_objects
        damaged = [record for record in store.catalog.list_objects() if record.key in bad]
        self._plan = Plan(damaged, names=store.catalog.live_manifests())

    def run(self) -> Plan:
        result, catalog = self._plan, self._store.catalog
        ids = {record.id for record in result.damaged}
        unreadable: set[Digest] = set()
        for record, places in self._inside(result.damaged):
            saved = self._readable(record, places)
            if saved:
                result.saved[record.id] = saved
            unreadable |= {place.digest for place in places} - {p.digest for p in saved}
        saved_here = {p.digest for places in result.saved.values() for p in places}
        unreadable -= saved_here
        unreadable -= catalog.copies_outside(unreadable, ids)
        wanted = self._wanted(unreadable, saved_here)
        for provider in self._providers:
            left = wanted - result.fetched
            if left:
                found = [place for s in provider.sources(left) for place in s.locations]
                result.fetched.update(place.digest for place in found)
        result.lost = wanted - result.fetched
        outcome = self.judge(self._store, result, result.lost)
        result.broken, result.healed = outcome.broken, outcome.healed
        return result

    def _inside(
        self, records: list[ObjectRecord]
    ) -> Iterator[tuple[ObjectRecord, list[BlobPlace]]]:
        places = self._store.catalog.places_in([record.id for record in records])
        for record in records:
            yield record, places[record.id]

    def _readable(self, record: ObjectRecord, places: list[BlobPlace]) -> list[BlobLocation]:
        """Return the blobs of a damaged object that are intact."""
        found = [BlobLocation(record.key, *place) for place in places]
        found.sort(key=lambda place: place.offset)
        if not list(self._store.objects.stat([record.key])):
            return []
        return [place for place in found if _is_intact(self._store, place)]

    def _wanted(self, unreadable: set[Digest], saved: set[Digest]) -> set[Digest]:
        """Return which blobs versions need that cannot be read here."""
        result, catalog = self._plan, self._store.catalog
        wanted: set[Digest] = set()
        for manifest in result.names:
            gone = manifest in unreadable or not catalog.locate([manifest])
            if gone:
                wanted.add(manifest)
            data = self._manifest(manifest, gone=gone)
            if data is None:
                continue
            needed = digests_in(data)
            wanted |= needed & unreadable
            wanted |= needed - catalog.locate(needed).keys()
        return wanted - saved

    def _manifest(self, digest: Digest, *, gone: bool) -> bytes | None:
        if not gone:
            return _manifest_of(self._store, self._plan, digest)
        for _, content in _contents([digest], self._providers, None):
            if isinstance(content, bytes | memoryview):
                return bytes(content)
        return None

    @staticmethod
    def judge(store: Store, what: Plan, lost: set[Digest]) -> Plan:
        """Return a plan with the versions that are broken by a loss, and those that are healed."""
        marked = store.catalog.broken_versions()
        outcome = Plan(names=what.names)
        for manifest in what.names:
            if manifest in lost:
                outcome.broken[manifest] = "its manifest is lost"
                continue
            if not lost and manifest not in marked:
                continue
            data = _manifest_of(store, what, manifest)
            if data is None:
                continue  # not here yet: it is to be fetched
            gone = digests_in(data) & lost
            if gone:
                example = format_digest(min(gone))
                outcome.broken[manifest] = f"{len(gone)} blob(s) are lost, such as {example}"
            elif manifest in marked:
                outcome.healed.append(manifest)
        return outcome


def _manifest_of(store: Store, what: Plan, digest: Digest) -> bytes | None:
    """Return a manifest from wherever it can be read here."""
    for places in what.saved.values():
        for place in places:
            if place.digest == digest:
                try:
                    return bytes(reading.read_blob(store.objects, place))
                except ArtifactsError:
                    break  # given up meanwhile: it lies in a new object
    try:
        return store.read_blob(digest)
    except ArtifactsError:
        return None


def _is_intact(store: Store, place: BlobLocation) -> bool:
    try:
        for _ in reading.stream(store.objects, place):
            pass
    except ArtifactsError:
        return False
    return True


def _contents(
    digests: Collection[Digest],
    providers: Sequence[Provider],
    new_path: Callable[[], Path] | None,
) -> Iterator[tuple[BlobLocation, Content]]:
    """Yield each blob once, verified, from the first one who has it intact.

    Args:
        new_path: Returns a path for a large blob; without it large ones are left out.
    """
    left = set(digests)
    for provider in providers:
        if not left:
            return
        for source in provider.sources(frozenset(left)):
            for place in source.locations:
                content = _content(source, place, new_path)
                if content is not None and place.digest in left:
                    left.discard(place.digest)
                    yield place, content


def _content(
    source: BlobSource, place: BlobLocation, new_path: Callable[[], Path] | None
) -> Content | None:
    """Return a blob, or the file into which it was written; None if it is damaged."""
    try:
        if transfer.is_small(place):
            [[(_, data)]] = source.read([place])
            return data
        if new_path is None:
            return None
        path = new_path()
        descriptor = copying.create(path)
        try:
            found = source.copy(place, descriptor, lambda _: None)
        finally:
            os.close(descriptor)
        if found == (place.digest, place.size):
            return path
        path.unlink()
    except ArtifactsError:
        return None
    return None


class _Mending:
    """Writes new objects; no claim would tell that the old ones are damaged."""

    def __init__(self, store: Store, what: Plan, writing: Rewriting) -> None:
        self.saved = 0
        self._store = store
        self._plan = what
        self._writing = writing
        self._done: set[Digest] = set()

    def save(self, places: list[BlobLocation]) -> None:
        """Take over what is intact in a damaged object."""
        source = BlobSource(self._store.objects, places)
        for place in places:
            if place.digest not in self._done:
                content = _content(source, place, self._writing.new_path)
                if content is not None:
                    self._add(place, content)
                    self.saved += 1

    def fetch(self, digests: Collection[Digest], providers: Sequence[Provider]) -> set[Digest]:
        """Take over blobs from elsewhere; return which ones were intact there."""
        fetched: set[Digest] = set()
        for place, content in _contents(digests, providers, self._writing.new_path):
            self._add(place, content)
            fetched.add(place.digest)
        return fetched

    def commit(self) -> list[str]:
        """Make the new objects live and give up the damaged ones; return their keys."""
        writing = self._writing
        writing.flush()
        damaged = [record.id for record in self._plan.damaged]
        return self._store.catalog.replace_damaged(writing.lease, writing.objects, damaged)

    def _add(self, place: BlobLocation, content: Content) -> None:
        self._done.add(place.digest)
        if not isinstance(content, bytes | memoryview):
            self._put_loose(place.digest, place.size, Encoding.IDENTITY, content, place.size)
            return
        stored, encoding = content, Encoding.IDENTITY
        if place.digest in self._plan.names:
            stored, encoding = packs.compress(bytes(content))
        if len(stored) > PACK_THRESHOLD:
            path = self._writing.new_path()
            write_pieces(path, [stored])
            self._put_loose(place.digest, place.size, encoding, path, len(stored))
            return
        self._writing.add(StoredBlob(place.digest, place.size, bytes(stored), encoding))

    def _put_loose(
        self, digest: Digest, size: int, encoding: Encoding, path: Path, length: int
    ) -> None:
        place = BlobPlace(digest, size, 0, length, encoding)
        key = keys.new_loose_key(digest, encoding)
        whole = digest if encoding is Encoding.IDENTITY else None
        self._writing.put(ObjectDraft(key, ObjectKind.LOOSE, length, (place,), whole), path)
