"""Frozen records that cross the layers. Times are integer microseconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts.store.digests import Digest
    from artifacts.store.places import BlobPlace

Metadata = dict[str, Any]
"""A JSON object."""


def to_datetime(microseconds: int) -> datetime:
    """Return a catalog time as an aware datetime."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


class ObjectKind(StrEnum):
    """What an object holds."""

    LOOSE = "loose"
    """One blob."""
    PACK = "pack"
    """Many small blobs and an index of them."""


class ObjectState(StrEnum):
    """Life of an object; see storage protocol. Only LIVE and CONDEMNED ones can be read."""

    PENDING = "pending"
    LIVE = "live"
    CONDEMNED = "condemned"
    DELETING = "deleting"


class LinkKind(StrEnum):
    """Direction of an edge between a run and a version."""

    INPUT = "in"
    OUTPUT = "out"


class DerivationKind(StrEnum):
    """How it is known that one version was made of another."""

    DECLARED = "declared"
    """The program that logged it has said so."""
    IMPORTED = "imported"
    LINK = "link"
    """It is the same version in another collection."""


class AlertLevel(StrEnum):
    """How bad it is what an alert tells."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


RUN_HISTORY, RUN_SUMMARY, RUN_FILES = "run-history", "run-summary", "run-files"
"""Types of the artifacts in which runs are recorded."""

UPSERT_PART = "upsert-part"
"""Type of the artifacts that hold what processes have added to a version that is not finished."""

FINISHED_AS = "finished_as"
"""Member of the metadata of such a part: the number of the version that it went into."""

INTERNAL_TYPES = frozenset({RUN_HISTORY, RUN_SUMMARY, RUN_FILES, UPSERT_PART})
"""Types of artifacts that nobody logs by hand; listings leave them out."""


WITHOUT_DATA = "known from lineage events only: its data were never here"
"""What is lost of a version that was brought by events: it needs none of what the store holds."""

RUNNING, PREEMPTING = "running", "preempting"
ACTIVE_STATES = frozenset({RUNNING, PREEMPTING})
"""States of runs that have not ended, as far as is known."""


class LeaseKind(StrEnum):
    """Work that the collector must not disturb."""

    UPLOAD = "upload"
    PULL = "pull"
    COLLECTOR = "collector"
    """The one collector that may run."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Somebody at work.

    Attributes:
        holder: Who it is, for people: ``host:process``.
        manifest: What a reader keeps from being collected.
        renewed_at: Last sign of life.
    """

    id: str
    kind: LeaseKind
    holder: str
    manifest: Digest | None
    started_at: int
    renewed_at: int


@dataclass(frozen=True, slots=True)
class ObjectDraft:
    """An object that is about to be uploaded, with every blob that it will hold.

    Attributes:
        key: Where it will lie in the object store; never used before and never again.
        size: Bytes of the whole object.
        digest: BLAKE3-256 of the whole object, if it is known.
    """

    key: str
    kind: ObjectKind
    size: int
    blobs: tuple[BlobPlace, ...]
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """An object as the catalog knows it; see `ObjectDraft`."""

    id: int
    key: str
    kind: ObjectKind
    state: ObjectState
    size: int
    digest: Digest | None
    touched_at: int
    condemned_at: int | None
    lease_id: str | None


@dataclass(slots=True)
class ObjectUsage:
    """How much of an object is in use.

    Attributes:
        bytes: Stored bytes of all its blobs.
        live_bytes: Of those that some version needs.
    """

    blobs: int = 0
    bytes: int = 0
    live_blobs: int = 0
    live_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A version that another one is made of.

    Attributes:
        version: Its key.
        kind: How that is known. A run that declares it gets an input edge to it, too.
        ref_text: The reference as the user wrote it, if there was one.
        alias: The alias through which it was resolved.
    """

    version: int
    kind: DerivationKind = DerivationKind.DECLARED
    ref_text: str | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """Versions that go when the one is committed that is put together from them.

    Attributes:
        parts: Keys of all live versions of one artifact. The runs that logged them get output
            edges to the new version.
        own: Key of one that the caller has added for itself, in another artifact.
    """

    parts: tuple[int, ...]
    own: int | None = None


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """Everything the catalog needs to commit a version.

    Attributes:
        digest: Digest of the manifest.
        aliases: Aliases that shall point at the version, besides ``latest``.
        latest: Whether ``latest`` moves to it too.
        run: Key of the run that logs it, or None.
        output: Whether the run gets an output edge to it.
        expected_latest: Key of the version that must be ``latest`` at commit, 0 for none.
        ttl: How long a new version is kept, as in `VersionRecord`.
        sources: What it is known to be made of.
        closing: What goes with the commit.
    """

    entity: str
    project: str
    name: str
    type: str
    digest: Digest
    size: int
    file_count: int
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    latest: bool = True
    run: int | None = None
    output: bool = True
    created_by: str | None = None
    expected_latest: int | None = None
    ttl: int | None = None
    sources: tuple[Source, ...] = ()
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One immutable version with its movable names.

    Attributes:
        ttl: How long it is kept, in microseconds; None as its artifact says, 0 for ever.
        broken: Which of its data are lost for good, or None.
        logged_at: When its content was last logged; its lifetime counts from then.
        protected: Those of its aliases that are not moved or removed by mistake.
    """

    id: int
    entity: str
    project: str
    name: str
    type: str
    number: int
    digest: Digest
    size: int
    file_count: int
    description: str | None
    metadata: Metadata
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    created_at: int
    updated_at: int
    created_by: str | None
    deleted_at: int | None = None
    ttl: int | None = None
    broken: str | None = None
    logged_at: int = 0
    protected: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """``vN``."""
        return f"v{self.number}"

    @property
    def ref(self) -> str:
        """``project/name:vN``."""
        return f"{self.project}/{self.name}:v{self.number}"


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """A named series of versions, with its newest one.

    Attributes:
        retention: Which versions are kept, as `retention.Policy.from_json` reads it.
    """

    id: int
    entity: str
    project: str
    name: str
    type: str
    description: str | None
    version_count: int
    latest: VersionRecord | None
    created_at: int
    updated_at: int
    retention: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution.

    Attributes:
        state: ``crashed`` also if it gave no sign of life for minutes and nobody said it ended;
            ``preempted`` then, if it was ``preempting``.
        heartbeat_at: Last sign of life.
        tracking: How its summary follows what is logged.
        sweep_id: Search over settings that it belongs to.
        metadata: What ran where: program, commit, machine, versions.
        system_metrics: The latest ones, by name.
        deleted_at: When it was deleted; listings leave it out then, and lineage does not.
        trial: A `Trial` as JSON, if the sweep has chosen its configuration.
    """

    key: int
    entity: str
    project: str
    id: str
    name: str
    state: str
    group: str | None
    job_type: str | None
    notes: str | None
    tags: tuple[str, ...]
    config: Metadata
    summary: Metadata
    created_at: int
    finished_at: int | None
    exit_code: int | None
    user: str | None
    host: str | None
    heartbeat_at: int | None = None
    tracking: Metadata | None = None
    sweep_id: str | None = None
    metadata: Metadata | None = None
    system_metrics: Metadata | None = None
    deleted_at: int | None = None
    trial: Metadata | None = None


class SweepState(StrEnum):
    """How far a search over settings has come.

    ``paused``: agents wait. ``stopped``: nothing is tried any more, what is being tried ends by
    itself. ``cancelled``: that is ended, too. ``finished``: nothing is left to try.
    """

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class SweepRecord:
    """A search over settings.

    Attributes:
        config: How to search; checked by whoever has made it.
        created_by: ``user@host``.
    """

    key: int
    entity: str
    project: str
    id: str
    name: str
    config: Metadata
    state: SweepState
    created_at: int
    created_by: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a sweep tries with a run.

    Attributes:
        number: Which configuration of the sweep it is, from 0; None for a run from before it.
        config: What was chosen: values by the path of the parameter, such as ``optimizer.lr``.
        begun: Whether the program has begun the run that was reserved for the trial.
        brackets: What the metric was where the run was compared with others, by iteration.
        stopped: Why it was ended early; None if it was not.
    """

    number: int | None
    config: Metadata
    begun: bool = False
    brackets: Mapping[str, float] = field(default_factory=dict)
    stopped: str | None = None

    @classmethod
    def of(cls, run: RunRecord) -> Trial:
        """Return what a run tries; it is one of a sweep."""
        assert run.trial is not None
        return cls(**run.trial)

    def to_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """A message that a run has sent.

    Attributes:
        at: When, by the clock of the machine that sent it; tells it from others of its title.
        suppressed: How many of its title followed too soon to be sent.
    """

    title: str
    text: str
    level: AlertLevel
    at: int
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class HistoryChunk:
    """Rows of a run that are in no version of its history yet.

    Attributes:
        session: The journal they come from.
        first_row: Number of the first of them in that journal, from 0 on.
        row_count: How many they are.
        last_step: Step of the last one.
        payload: Frames of the journal, compressed with zstd.
    """

    session: str
    first_row: int
    row_count: int
    last_step: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """An edge between a run and a version.

    Attributes:
        ref_text: The reference as the user wrote it, for an input.
        subset: What the run has read of an input, as far as that is known.
    """

    run: RunRecord
    version: VersionRecord
    kind: LinkKind
    at: int
    ref_text: str | None
    subset: Metadata | None = None


class EventKind(StrEnum):
    """What is to be told of a run."""

    START = "start"
    LINK = "link"
    END = "end"


class EventNote(NamedTuple):
    """Something that those who follow lineage are still to be told.

    Attributes:
        id: Key of the note.
        run: Key of the run.
        state: In which the run has ended, of an `EventKind.END`.
        version: Key of what was used or logged, of an `EventKind.LINK`.
        link: Which of the two.
    """

    id: int
    run: int
    at: int
    kind: EventKind
    state: str | None = None
    version: int | None = None
    link: LinkKind | None = None


@dataclass(frozen=True, slots=True)
class DerivationRecord:
    """An exact edge from version to version.

    Attributes:
        run: Key of the run that has declared it, or None.
    """

    output: VersionRecord
    input: VersionRecord
    kind: DerivationKind
    run: int | None
    at: int


@dataclass(frozen=True, slots=True)
class RecallRecord:
    """Somebody has said that a version is bad.

    Attributes:
        undone_at: When that was taken back, or None.
    """

    version: VersionRecord
    reason: str
    at: int
    by: str | None
    undone_at: int | None = None
    undone_by: str | None = None


@dataclass(frozen=True, slots=True)
class ConsumerRecord:
    """What works with a version outside of runs.

    Attributes:
        kind: Such as ``deployment``.
        name: Unique among those of one owner that are at work.
        until: When it stopped, None while it does.
    """

    kind: str
    name: str
    version: VersionRecord
    since: int
    by: str | None
    until: int | None = None
    ended_by: str | None = None
