"""Collect garbage while others write: delete what no version needs.

A version is deleted by its row alone; its bytes go in three steps, so that nobody who is at work
is hurt and a mistake can be undone. First every blob that some version names is *marked*. Objects
without a marked blob are *condemned*: they can still be read, and a writer that finds a blob in
one takes it back into use. When the grace period is over and nothing needed them in the meantime
they are *deleted*. A pack of which little is needed is written anew without the rest.

Each step is a statement that tests again what permits it (`catalog.garbage`), so that the
collector may be killed or overtaken anywhere.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifacts.store import leases, retention
from artifacts.store.errors import (
    ArtifactsError,
    PermissionDeniedError,
    RefNotFoundError,
    StateError,
    StorageError,
)
from artifacts.store.manifest import digests_in
from artifacts.store.marks import MarkSet
from artifacts.store.progress import Progress
from artifacts.store.records import (
    LeaseRecord,
    ObjectKind,
    ObjectRecord,
    ObjectState,
    ObjectUsage,
    VersionRecord,
)
from artifacts.store.refs import LATEST
from artifacts.store.repack import repack
from artifacts.store.upload import PACK_TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.store.digests import Digest
    from artifacts.store.store import Store

log = logging.getLogger(__name__)

HOUR = 3600 * 1_000_000
MIN_AGE = 24 * HOUR
"""Microseconds since its last use that an object is left alone."""

GRACE = 24 * HOUR
"""Microseconds between condemning and deleting: the time in which a deletion can be undone."""

_MOSTLY_DEAD = 0.5  # of a pack's bytes
_SMALL_PACK = PACK_TARGET // 8
_SMALL_PACKS = 8  # from so many on they are joined
_REPACKED_TOGETHER = 64
_DELETED_TOGETHER = 1000  # what S3 takes in one request


@dataclass(frozen=True, slots=True)
class Settings:
    """How careful a collection is. Microseconds.

    Attributes:
        min_age: How long an object must not have been used.
        grace: How long a condemned object stays.
        lease_age: After what silence a writer or reader counts as gone.
    """

    min_age: int = MIN_AGE
    grace: int = GRACE
    lease_age: int = leases.EXPIRY


@dataclass(slots=True)
class Plan:
    """What a collection would do now.

    Attributes:
        expired: Versions that their artifact's rules or their own lifetime do not keep, and why.
        held_back: Versions that would go but for what is said.
        condemn: Objects that nothing needs; they are deleted by a collection after the grace.
        revive: Condemned objects that are needed again.
        delete: Condemned objects whose grace is over.
        abandoned: Objects of uploads that were killed.
        repack: Packs of which little is needed, or that are small, in groups.
        gone: Writers and readers that gave no sign of life.
        broken: Versions whose manifest cannot be read; while there are any nothing is condemned.
        bytes_kept: Stored bytes of everything else.
    """

    expired: list[tuple[VersionRecord, str]] = field(default_factory=list)
    held_back: list[tuple[VersionRecord, str]] = field(default_factory=list)
    condemn: list[ObjectRecord] = field(default_factory=list)
    revive: list[ObjectRecord] = field(default_factory=list)
    delete: list[ObjectRecord] = field(default_factory=list)
    abandoned: list[ObjectRecord] = field(default_factory=list)
    repack: list[list[ObjectRecord]] = field(default_factory=list)
    gone: list[LeaseRecord] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    bytes_kept: int = 0


@dataclass(slots=True)
class Collected:
    """What a collection did.

    Attributes:
        plan: What it had planned; the numbers below may differ where others were at work.
        versions: How many versions were deleted.
        condemned: How many objects were condemned, repacked ones included.
        revived: How many condemned objects were taken back.
        repacked: How many packs were written anew.
        deleted: How many objects were deleted.
        freed: Bytes of those.
        failed: Why something was left for the next time.
    """

    plan: Plan
    versions: int = 0
    condemned: int = 0
    revived: int = 0
    repacked: int = 0
    deleted: int = 0
    freed: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a blob is there, or not.

    Attributes:
        versions: Versions that name it, deleted ones not included.
        readers: Who reads something that names it.
        objects: The objects in which it lies.
    """

    versions: tuple[str, ...]
    readers: tuple[LeaseRecord, ...]
    objects: tuple[ObjectRecord, ...]


@dataclass(slots=True)
class _Survey:
    """What is needed, as of one moment of the catalog's clock."""

    at: int
    objects: list[ObjectRecord]
    marks: MarkSet
    usage: dict[int, ObjectUsage]
    broken: list[str]

    def needed(self, record: ObjectRecord) -> bool:
        found = self.usage.get(record.id)
        return found is not None and found.live_blobs > 0


def plan(store: Store, settings: Settings | None = None) -> Plan:
    """Find out what `collect` would do now; changes nothing."""
    settings = settings or Settings()
    verdict = _judge(store)
    leases_now = store.catalog.leases()
    survey = _survey(store, ignore=frozenset(version.id for version, _ in verdict.expired))
    oldest = survey.at - settings.lease_age
    gone = [lease for lease in leases_now if lease.renewed_at < oldest]
    at_work = frozenset(lease.id for lease in leases_now if lease not in gone)
    result = _plan(settings, survey, at_work)
    result.gone = gone
    result.expired, result.held_back = verdict
    return result


def collect(
    store: Store, settings: Settings | None = None, *, progress: Progress | None = None
) -> Collected:
    """Delete versions that are not to be kept, and what no version needs any more.

    Other processes may log, pull and delete meanwhile; only one may collect.

    Args:
        progress: Is told of deleted objects and their bytes.

    Raises:
        ConflictError: Somebody else is collecting.
    """
    settings = settings or Settings()
    catalog = store.catalog
    with _only_collector(store, settings):
        done = Collected(Plan())
        gone = catalog.reap_leases(settings.lease_age)
        expired, held_back = _delete_versions(store)
        done.versions = len(expired)
        survey = _survey(store)
        done.plan = _plan(settings, survey, frozenset(lease.id for lease in catalog.leases()))
        done.plan.gone, done.plan.expired, done.plan.held_back = gone, expired, held_back
        before = survey.at - settings.min_age
        done.revived = len(catalog.revive(record.id for record in done.plan.revive))
        catalog.doom_abandoned()
        catalog.doom((record.id for record in done.plan.delete), survey.at - settings.grace)
        done.condemned = len(catalog.condemn((r.id for r in done.plan.condemn), before))
        for group in done.plan.repack:
            _repack(store, group, survey.marks, before, done)
        if settings.grace == 0:
            _doom_at_once(store, done)
        _delete_objects(store, done, progress or Progress())
        _give_up_unfinished(store, done)
        return done


def explain(store: Store, digest: Digest) -> Explanation:
    """Say what keeps a blob, by looking into the manifests of all versions."""
    catalog = store.catalog
    versions = [
        name
        for manifest, names in catalog.live_manifests().items()
        if digest == manifest or digest in _digests(store, manifest)
        for name in names
    ]
    readers = tuple(
        lease
        for lease in catalog.leases()
        if lease.manifest is not None
        and (lease.manifest == digest or digest in _digests(store, lease.manifest))
    )
    keys = catalog.keys_with(digest)
    objects = tuple(record for record in catalog.list_objects() if record.key in keys)
    return Explanation(tuple(versions), readers, objects)


def _survey(store: Store, ignore: frozenset[int] = frozenset()) -> _Survey:
    """Mark everything that is needed.

    Args:
        ignore: Versions that count as deleted.
    """
    catalog = store.catalog
    # In this order: what is committed or taken for reading after this moment has touched its
    # objects since, or lies in those of a version that is marked.
    at = catalog.now()
    objects = catalog.list_objects()
    needed = catalog.live_manifests(ignore=ignore)
    for lease in catalog.leases():
        if lease.manifest is not None:
            needed.setdefault(lease.manifest, [f"what {lease.holder} is pulling"])
    marks = MarkSet()
    broken = []
    for manifest, names in needed.items():
        marks.update([manifest])
        try:
            marks.update(_digests(store, manifest))
        except ArtifactsError as error:
            if isinstance(error, StorageError) and error.retryable:
                raise  # the network, not the manifest
            broken.append(f"{', '.join(names)}: {error.message}")
    return _Survey(at, objects, marks, catalog.usage(marks, _ranks(objects)), broken)


def _ranks(objects: list[ObjectRecord]) -> dict[int, int]:
    """Rank the objects that can be read: which of two copies of a blob is to be kept.

    Every collection has to decide alike, or two of them could drop a copy each: a live object
    before a condemned one, and then the newer one, into which the older was repacked.
    """
    readable = {ObjectState.CONDEMNED: 0, ObjectState.LIVE: 1}
    ordered = sorted(
        (r for r in objects if r.state in readable), key=lambda r: (readable[r.state], r.id)
    )
    return {record.id: rank for rank, record in enumerate(ordered)}


def _digests(store: Store, manifest: Digest) -> set[Digest]:
    return digests_in(store.read_blob(manifest))


def _plan(settings: Settings, survey: _Survey, at_work: frozenset[str]) -> Plan:
    """Sort all objects by what is to become of them.

    Args:
        at_work: Ids of leases that are in force.
    """
    result = Plan(broken=survey.broken)
    unused_since = survey.at - settings.min_age
    repackable: list[ObjectRecord] = []
    for record in survey.objects:
        needed = survey.needed(record)
        if record.state is ObjectState.DELETING or (
            record.state is ObjectState.PENDING and record.lease_id not in at_work
        ):
            result.abandoned.append(record)
        elif record.state is ObjectState.CONDEMNED and needed:
            result.revive.append(record)
        elif (
            not survey.broken
            and record.state is ObjectState.CONDEMNED
            and (record.condemned_at or survey.at) < survey.at - settings.grace
        ):
            result.delete.append(record)
        elif (
            not survey.broken
            and record.state is ObjectState.LIVE
            and record.touched_at < unused_since
        ):
            (repackable if needed else result.condemn).append(record)
    result.repack = _groups(repackable, survey.usage)
    leaving = {r.id for r in (*result.condemn, *result.delete, *result.abandoned)}
    result.bytes_kept = sum(r.size for r in survey.objects if r.id not in leaving)
    return result


def _groups(
    records: Iterable[ObjectRecord], usage: dict[int, ObjectUsage]
) -> list[list[ObjectRecord]]:
    """Return the packs that are worth writing anew, oldest first, as many together as is good."""
    packs = [record for record in records if record.kind is ObjectKind.PACK]
    dead = [r for r in packs if usage[r.id].live_bytes < _MOSTLY_DEAD * usage[r.id].bytes]
    small = [r for r in packs if r.size < _SMALL_PACK and r not in dead]
    chosen = dead + (small if len(small) >= _SMALL_PACKS else [])
    chosen.sort(key=lambda record: record.id)
    return [
        chosen[start : start + _REPACKED_TOGETHER]
        for start in range(0, len(chosen), _REPACKED_TOGETHER)
    ]


def _judge(store: Store) -> retention.Verdict:
    """Return the versions that are not to be kept, over all artifacts."""
    verdict = retention.Verdict([], [])
    now = store.catalog.now()
    for rules in store.catalog.artifacts_with_rules():
        policy = None if rules.retention is None else retention.Policy.from_json(rules.retention)
        versions = store.catalog.list_versions(rules.entity, rules.project, rules.name)
        in_use = store.catalog.in_use({version.id for version in versions})
        expired, held_back = retention.judge(policy, versions, now, in_use)
        verdict.expired.extend(expired)
        verdict.held_back.extend(held_back)
    return verdict


def _delete_versions(store: Store) -> retention.Verdict:
    """Delete the versions that are not to be kept; those that somebody took hold of stay."""
    verdict = retention.Verdict([], [])
    expired, held_back = _judge(store)
    verdict.held_back.extend(held_back)
    for version, reason in expired:
        try:
            # One that is to go with its aliases is one whose artifact has the rule for that.
            aliased = any(alias != LATEST for alias in version.aliases)
            store.catalog.delete_versions([version.id], delete_aliases=aliased, by="retention")
            verdict.expired.append((version, reason))
        except StateError as error:
            verdict.held_back.append((version, f"{reason}, but {error.message}"))
        except RefNotFoundError:
            continue  # somebody else deleted it
    return verdict


def _repack(
    store: Store, group: list[ObjectRecord], marks: MarkSet, before: int, done: Collected
) -> None:
    try:
        result = repack(store, group, marks, before)
    except ArtifactsError as error:
        # The old packs are as they were. Whatever is wrong must not keep the rest from being
        # collected.
        done.failed.append(f"{len(group)} pack(s) could not be rewritten: {error.message}")
        return
    done.repacked += len(group)
    done.condemned += result.condemned


def _doom_at_once(store: Store, done: Collected) -> None:
    """Give up everything condemned, by marks that were made after it was condemned."""
    survey = _survey(store)
    if survey.broken:
        done.failed += [text for text in survey.broken if text not in done.plan.broken]
        return
    condemned = [r for r in survey.objects if r.state is ObjectState.CONDEMNED]
    unneeded = [record.id for record in condemned if not survey.needed(record)]
    store.catalog.doom(unneeded, survey.at)


def _delete_objects(store: Store, done: Collected, progress: Progress) -> None:
    """Delete what was given up, first the bytes and then the rows."""
    progress.start(0, 0)
    while batch := store.catalog.doomed(_DELETED_TOGETHER):
        keys = [key for key, _ in batch]
        try:
            store.objects.delete(keys)
        except ArtifactsError as error:
            done.failed.append(f"{len(keys)} object(s) could not be deleted: {error.message}")
            return
        store.catalog.forget(keys)
        done.deleted += len(batch)
        done.freed += sum(size for _, size in batch)
        progress.advance(len(batch), sum(size for _, size in batch))


def _give_up_unfinished(store: Store, done: Collected) -> None:
    """Delete the parts of large objects whose upload was interrupted and will not be gone on with.

    A key is reserved before its upload begins, so those that are not reserved after the service
    was asked belong to nobody.
    """
    try:
        writes = store.objects.unfinished()
        if not writes:
            return
        pending = {r.key for r in store.catalog.list_objects() if r.state is ObjectState.PENDING}
        store.objects.give_up(write for write in writes if write.key not in pending)
    except PermissionDeniedError as error:
        log.info("parts of interrupted uploads cannot be looked for: %s", error)
    except ArtifactsError as error:
        done.failed.append(f"parts of interrupted uploads could not be deleted: {error.message}")


@contextlib.contextmanager
def _only_collector(store: Store, settings: Settings) -> Iterator[None]:
    lease = store.leases.open_collector(settings.lease_age)
    try:
        yield
    finally:
        store.leases.drop(lease)
        store.catalog.close_lease(lease)
