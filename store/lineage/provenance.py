"""Where a file came from: the version that brought it, and every version that holds it.

Both answers read manifests one after the other, of which no more than one is held. A manifest is
searched as text, and only lines that are hit are read as entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.digests import DIGEST_SIZE, Digest
from artifacts.store.errors import (
    BlobNotFoundError,
    EntryNotFoundError,
    IntegrityError,
    InvalidInputError,
    ObjectNotFoundError,
)
from artifacts.store.manifest import entries_with, entry_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.manifest import Entry
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.store import Store


class PathChange(NamedTuple):
    """What a version has done to a path.

    Attributes:
        version: The version.
        run: The run that logged it first, or None.
        entry: What is at the path from then on; None if nothing is.
    """

    version: VersionRecord
    run: RunRecord | None
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Blame:
    """How a file came into a version.

    Attributes:
        version: The version that was asked about.
        entry: The file.
        first: The first version of the artifact that had this content at this path.
        since: From when on it has had it without a break; differs from ``first`` if the content
            was replaced and came back.
        history: What happened at the path up to the version, oldest first.
        unreadable: Versions whose manifests are gone: what they had is not known.
    """

    version: VersionRecord
    entry: Entry
    first: PathChange
    since: PathChange
    history: list[PathChange]
    unreadable: list[VersionRecord]


class FileHit(NamedTuple):
    """A version that holds a content, and where."""

    version: VersionRecord
    paths: list[str]


@dataclass(frozen=True, slots=True)
class FileHits:
    """Every version that holds a content; true if there is one.

    Attributes:
        digest: The content.
        stored: Whether the store has its bytes.
        hits: Oldest first.
        searched: How many manifests were read for that.
        bytes: How large they are together.
        unreadable: Versions whose manifests cannot be read.
    """

    digest: Digest
    stored: bool
    hits: list[FileHit]
    searched: int
    bytes: int
    unreadable: list[VersionRecord]

    def __bool__(self) -> bool:
        return bool(self.hits)


def blame(store: Store, version: VersionRecord, path: str) -> Blame:
    """Find out which version and run brought the content that a version has at a path.

    The manifests of all versions of the artifact up to this one are read, deleted ones as long as
    they were not collected.

    Raises:
        EntryNotFoundError: The version has no such path.
    """
    if entry_at(store.read_blob(version.digest), path) is None:
        raise EntryNotFoundError(
            f"{version.ref} has no file {path!r}",
            hint=f"see its files with: art files {version.ref}",
        )
    versions = store.catalog.list_versions(
        version.entity, version.project, version.name, deleted=True
    )
    older = [each for each in reversed(versions) if each.number <= version.number]
    unreadable: list[VersionRecord] = []
    found: list[tuple[VersionRecord, Entry | None]] = []
    for each, data in _manifests(store, older, unreadable.append):
        entry = entry_at(data, path)
        before = found[-1][1] if found else None
        if entry != before:
            found.append((each, entry))
    runs = _first_runs(store, [each for each, _ in found])
    history = [PathChange(each, runs.get(each.id), entry) for each, entry in found]
    since = history[-1]
    assert since.entry is not None
    first = next(change for change in history if change.entry == since.entry)
    return Blame(version, since.entry, first, since, history, unreadable)


def find(
    store: Store,
    digest: Digest,
    *,
    entity: str,
    project: str | None = None,
    references: bool = False,
) -> FileHits:
    """Find every version that holds a content.

    One look-up says whether the store has it; only then are manifests read: those of all versions
    of the project that are large enough to hold it.

    Args:
        store: Where to look.
        digest: Of the content.
        entity: Owner of the projects.
        project: None for all projects of the owner.
        references: Also look for files that versions only refer to; these the look-up does not
            know of.
    """
    place = store.catalog.locate([digest]).get(digest)
    if place is None and not references:
        return FileHits(digest, stored=False, hits=[], searched=0, bytes=0, unreadable=[])
    least = 0 if references or place is None else place.size
    records = sorted(_versions(store, entity, project, least), key=lambda each: each.id)
    unreadable: list[VersionRecord] = []
    hits: list[FileHit] = []
    searched = size = 0
    for version, data in _manifests(store, records, unreadable.append):
        searched += 1
        size += len(data)
        paths = [
            entry.path
            for entry in entries_with(data, digest)
            if references or entry.reference is None
        ]
        if paths:
            hits.append(FileHit(version, paths))
    return FileHits(digest, place is not None, hits, searched, size, unreadable)


def resolve_content(store: Store, digits: str) -> Digest:
    """Return the digest that begins with some digits; 64 of them need not be in the store.

    Raises:
        BlobNotFoundError: The store has no such content.
        InvalidInputError: It has several.
    """
    if len(digits) == 2 * DIGEST_SIZE:
        return Digest(bytes.fromhex(digits))
    found = store.catalog.read_graph(lambda graph: graph.contents(digits, limit=2))
    if not found:
        raise BlobNotFoundError(f"the store has no content whose digest begins with {digits}")
    if len(found) > 1:
        raise InvalidInputError(
            f"several contents have digests that begin with {digits}",
            hint="give more characters",
            kind="ambiguous_digest",
        )
    return found[0]


def _versions(
    store: Store, entity: str, project: str | None, least: int
) -> Iterator[VersionRecord]:
    """Yield the live versions of a project, or of all of them, that are no smaller."""
    for artifact in store.catalog.list_artifacts(entity=entity, project=project):
        for version in store.catalog.list_versions(entity, artifact.project, artifact.name):
            if version.size >= least:
                yield version


def _manifests(
    store: Store, versions: Iterable[VersionRecord], unreadable: Callable[[VersionRecord], None]
) -> Iterator[tuple[VersionRecord, bytes]]:
    """Yield versions with the bytes of their manifests, and note those that cannot be read."""
    for version in versions:
        try:
            yield version, store.read_blob(version.digest)
        except (BlobNotFoundError, ObjectNotFoundError, IntegrityError):
            unreadable(version)


def _first_runs(store: Store, versions: list[VersionRecord]) -> dict[int, RunRecord]:
    def work(graph: GraphReader) -> dict[int, RunRecord]:
        first = {key: runs[0] for key, runs in graph.producers([v.id for v in versions]).items()}
        records = graph.runs(first.values())
        return {key: records[run] for key, run in first.items()}

    return store.catalog.read_graph(work)
