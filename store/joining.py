"""Bringing what was logged while a store could not be reached from the one that stood in for it.

Both are full stores. Runs that have ended are brought over with the versions that they logged and
used, in parts that have nothing to do with each other, each in one transaction: what is wrong with
one does not keep the others from it. Nothing is brought twice, so that it can be interrupted and
repeated at any point; the store that stood in is only read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.store import transfer
from artifacts.store.catalog.export import Selection
from artifacts.store.digests import parse_digest
from artifacts.store.errors import ConflictError
from artifacts.store.progress import Progress
from artifacts.store.records import INTERNAL_TYPES, LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifacts.store.catalog.restore import Restored
    from artifacts.store.digests import Digest
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.store import Store
    from artifacts.store.transcript import Record

_ATTEMPTS = 5
_AGAIN = frozenset({"run_id_taken", "upload_expired"})


@dataclass(frozen=True, slots=True)
class Part:
    """Runs that have ended, and versions, that have nothing to do with those of other parts.

    Attributes:
        runs: Oldest first.
        versions: What they have logged and used, and what nobody is linked to.
    """

    runs: tuple[RunRecord, ...]
    versions: tuple[VersionRecord, ...]

    @property
    def since(self) -> int:
        """When the first of it was made, in microseconds since 1970."""
        times = [run.created_at for run in self.runs]
        return min([*times, *(version.created_at for version in self.versions)])

    @property
    def size(self) -> int:
        """Bytes of its versions, as far as they are not deleted."""
        return sum(version.size for version in self.versions if version.deleted_at is None)


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a part.

    Attributes:
        changes: To the catalog.
        runs: The runs that were not there, each with its id there, which is another one if its
            own was taken.
        versions: New versions, by name, but for those in which runs are recorded.
        sent: Bytes that were written.
    """

    part: Part
    changes: Restored
    runs: tuple[tuple[RunRecord, str], ...]
    versions: tuple[str, ...]
    sent: int


def parts(source: Store) -> tuple[list[Part], list[RunRecord]]:
    """Return what can be brought over, oldest first, and the runs that have not ended.

    What only such a run is linked to stays with it.
    """
    catalog = source.catalog
    runs = sorted(catalog.list_runs(), key=lambda run: run.key)
    ended = {run.key: run for run in runs if run.finished_at is not None}
    versions = {
        version.id: version
        for entity, project in catalog.list_projects()
        for artifact in catalog.list_artifacts(entity=entity, project=project)
        for version in catalog.list_versions(entity, project, artifact.name, deleted=True)
    }
    links = [
        (link.run.key, link.version)
        for kind in LinkKind
        for link in catalog.links_of_runs([run.key for run in runs], kind)
    ]
    versions.update((version.id, version) for _, version in links)
    wanted = {version.id for key, version in links if key in ended}
    held = {version.id for key, version in links if key not in ended} - wanted
    groups = _Groups()
    for key in ended:
        groups.add(key)
    for version in versions.values():
        if version.id not in held:
            groups.add(_artifact(version))
    for key, version in links:
        if key in ended:
            groups.unite(key, _artifact(version))
    for output, origin in _derived(source):
        groups.unite(output, origin)
    found: dict[object, tuple[list[RunRecord], list[VersionRecord]]] = {}
    for key, run in ended.items():
        found.setdefault(groups.root(key), ([], []))[0].append(run)
    for version in sorted(versions.values(), key=lambda version: version.id):
        if version.id not in held:
            found.setdefault(groups.root(_artifact(version)), ([], []))[1].append(version)
    result = [Part(tuple(some), tuple(others)) for some, others in found.values()]
    result.sort(key=lambda part: part.since)
    return result, [run for run in runs if run.key not in ended]


def _derived(source: Store) -> list[tuple[tuple[str, str, str], tuple[str, str, str]]]:
    """Return which artifacts have versions that were made of versions of which artifacts."""
    found: list[Record] = []

    def start() -> Callable[[Record], None]:
        found.clear()
        return lambda record: found.append(record) if record["record"] == "derivation" else None

    source.catalog.export(start)
    return [
        ((*_place(made), made["name"]), (*_place(origin), origin["name"]))
        for made, origin in ((record["version"], record["source"]) for record in found)
    ]


def join(
    source: Store,
    part: Part,
    target: Store,
    *,
    record_name: Callable[[str, str], str],
    progress: Progress | None = None,
) -> Joined:
    """Bring a part from the store that stood in for the target.

    Versions get the next numbers in the order in which they were committed, aliases move as they
    would have moved at the time. A run whose id another run of the target has gets another one.

    Args:
        record_name: Returns, for the id of a run, the name of the artifact in which something of
            it is recorded.

    Raises:
        InvalidInputError: An artifact exists with another type.
        IntegrityError: A blob is damaged.
        StorageError: Reading or writing failed; nothing of the part was brought.
    """
    for artifact in dict.fromkeys(
        (each.entity, each.project, each.name, each.type) for each in part.versions
    ):
        target.catalog.check_type(*artifact)
    for attempt in range(_ATTEMPTS):
        places = target.catalog.find_run_places(part.runs)
        ids = {key: place.id for key, place in places.items()}
        records = list(_records(source, part, ids, record_name))
        try:
            changes, sent = _bring(source, records, target, progress or Progress())
            break
        except ConflictError as error:
            if error.kind not in _AGAIN or attempt + 1 == _ATTEMPTS:
                raise
    new = tuple((run, ids[run.key]) for run in part.runs if not places[run.key].known)
    internal = {
        "{project}/{name}".format_map(record)
        for record in records
        if record["record"] == "artifact" and record["type"] in INTERNAL_TYPES
    }
    versions = tuple(ref for ref in changes.versions if ref.rpartition(":")[0] not in internal)
    return Joined(part, changes, new, versions, sent)


def _bring(
    source: Store, records: list[Record], target: Store, progress: Progress
) -> tuple[Restored, int]:
    manifests = dict.fromkeys(
        parse_digest(record["digest"])
        for record in records
        if record["record"] == "version"
        and record["deleted_at"] is None
        and record["broken"] is None
    )
    upload = target.upload()
    try:
        asked: set[Digest] = set()
        for digest in manifests:
            manifest = source.manifest(digest)
            needed = {entry.digest for entry in manifest if entry.reference is None} - asked
            missing = needed - upload.claim(needed)
            if missing:
                transfer.add_blobs(upload, source.sources(missing), progress)
            asked |= needed
            upload.add_manifest(manifest)
        upload.finish()
        changes = target.catalog.join(
            records, lease=upload.lease, claimed=upload.claimed, uploaded=upload.uploaded
        )
    except BaseException:
        upload.suspend()
        raise
    upload.close()
    return changes, upload.new_bytes


# -- records, under the ids that runs get


def _records(
    source: Store, part: Part, ids: dict[int, str], record_name: Callable[[str, str], str]
) -> Iterator[Record]:
    """Yield what the source's catalog says of a part, as it is to be entered."""
    found: list[Record] = []

    def start() -> Callable[[Record], None]:
        found.clear()
        return found.append

    runs = frozenset(run.key for run in part.runs)
    source.catalog.export(start, Selection(frozenset(each.id for each in part.versions), runs))
    new_ids = {_run(run): ids[run.key] for run in part.runs if ids[run.key] != run.id}
    new_names = _new_names(source, part, ids, record_name)
    held = _held_aliases(source, part)
    for record in found:
        left = record["record"] == "alias_event" and record["to"] is None
        # An alias that a version has which does not come along was not taken away.
        if not (left and (*_place(record), record["name"], record["alias"]) in held):
            yield _renamed(record, new_ids, new_names)


def _new_names(
    source: Store, part: Part, ids: dict[int, str], record_name: Callable[[str, str], str]
) -> dict[tuple[str, str, str], str]:
    """Return new names of the artifacts in which runs under new ids are recorded."""
    names = {}
    moved = [run.key for run in part.runs if ids[run.key] != run.id]
    for link in source.catalog.links_of_runs(moved, LinkKind.OUTPUT):
        prefix = record_name(link.run.id, "")
        if link.version.type in INTERNAL_TYPES and link.version.name.startswith(prefix):
            what = link.version.name.removeprefix(prefix)
            names[_artifact(link.version)] = record_name(ids[link.run.key], what)
    return names


def _held_aliases(source: Store, part: Part) -> set[tuple[str, str, str, str]]:
    return {
        (*artifact, alias)
        for artifact in dict.fromkeys(map(_artifact, part.versions))
        for version in source.catalog.list_versions(*artifact)
        for alias in version.aliases
    }


def _renamed(
    record: Record,
    ids: dict[tuple[str, str, str], str],
    names: dict[tuple[str, str, str], str],
) -> Record:
    kind = record["record"]
    if kind == "run":
        return record | {"id": ids.get((*_place(record), record["id"]), record["id"])}
    if kind in {"artifact", "version", "alias_event"}:
        return record | {"name": names.get((*_place(record), record["name"]), record["name"])}
    changed = {}
    for member, named in record.items():
        if member == "run" and named is not None:
            changed[member] = named | {"id": ids.get((*_place(named), named["id"]), named["id"])}
        elif member in {"version", "source"}:
            name = names.get((*_place(named), named["name"]), named["name"])
            changed[member] = named | {"name": name}
    return record | changed


def _place(record: Record) -> tuple[str, str]:
    return record["entity"], record["project"]


def _run(run: RunRecord) -> tuple[str, str, str]:
    return run.entity, run.project, run.id


def _artifact(version: VersionRecord) -> tuple[str, str, str]:
    return version.entity, version.project, version.name


class _Groups:
    """Sets of things that are united step by step."""

    def __init__(self) -> None:
        self._above: dict[object, object] = {}

    def add(self, one: object) -> None:
        self._above.setdefault(one, one)

    def root(self, one: object) -> object:
        while (above := self._above[one]) != one:
            self._above[one] = self._above[above]
            one = above
        return one

    def unite(self, one: object, other: object) -> None:
        self.add(one)
        self.add(other)
        self._above[self.root(one)] = self.root(other)
