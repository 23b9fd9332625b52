"""The tables, private to the catalog. A change here needs a migration, and a line in `schema`.

Times are microseconds since 1970 (UTC) of the catalog's own clock. Digests are 32 raw bytes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    column,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)


class _Row(SQLModel, registry=registry(metadata=metadata)):
    # Not SQLModel's own registry: that one belongs to the user's program, whose tables may
    # have the same names.
    metadata = metadata


def _json() -> Any:
    return JSON().with_variant(JSONB(), "postgresql")


class StoreRow(_Row, table=True):
    """The one row that says which store this catalog belongs to.

    ``objects`` is the URL of its object store, unless that is a folder beside the catalog.
    """

    __tablename__ = "store"
    uuid: str = Field(primary_key=True)
    format: int
    objects: str | None = None
    created_at: int = Field(sa_type=BigInteger)


class ProjectRow(_Row, table=True):
    """A namespace of artifacts and runs."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("entity", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    entity: str
    name: str
    created_at: int = Field(sa_type=BigInteger)


class ArtifactRow(_Row, table=True):
    """A named series of versions.

    ``next_number`` is the counter row of version numbers; ``retention`` a `retention.Policy`.
    """

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    name: str
    type: str
    description: str | None = None
    next_number: int = 0
    retention: dict[str, Any] | None = Field(default=None, sa_column=Column(_json()))
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


class ArtifactTagRow(_Row, table=True):
    """A free label of an artifact."""

    __tablename__ = "artifact_tags"
    artifact_id: int = Field(foreign_key="artifacts.id", primary_key=True)
    tag: str = Field(primary_key=True, index=True)


class VersionRow(_Row, table=True):
    """A version. Rows are never deleted: lineage needs them as tombstones.

    ``ttl`` is how long it is kept: None as its artifact says, 0 for ever. ``broken`` says which
    data are lost for good.
    """

    __tablename__ = "versions"
    __table_args__ = (
        UniqueConstraint("artifact_id", "number"),
        Index("ix_versions_digest", "digest"),
    )
    id: int | None = Field(default=None, primary_key=True)
    artifact_id: int = Field(foreign_key="artifacts.id")
    number: int
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    size: int = Field(sa_type=BigInteger)
    file_count: int = Field(sa_type=BigInteger)
    description: str | None = None
    # Named so because SQLModel reserves "metadata".
    metadata_: dict[str, Any] = Field(sa_column=Column("metadata", _json(), nullable=False))
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)
    logged_at: int = Field(sa_type=BigInteger)
    created_by: str | None = None
    ttl: int | None = Field(default=None, sa_type=BigInteger)
    broken: str | None = None
    deleted_at: int | None = Field(default=None, sa_type=BigInteger)


class AliasRow(_Row, table=True):
    """A movable name of one version within its artifact.

    ``protected`` is 1 where moving or removing it has to be asked for expressly, else 0.
    """

    __tablename__ = "aliases"
    artifact_id: int = Field(foreign_key="artifacts.id", primary_key=True)
    name: str = Field(primary_key=True)
    version_id: int = Field(foreign_key="versions.id", index=True)
    protected: int = 0


class AliasEventRow(_Row, table=True):
    """One movement of an alias; append-only."""

    __tablename__ = "alias_events"
    __table_args__ = (Index("ix_alias_events_artifact_id_alias", "artifact_id", "alias"),)
    id: int | None = Field(default=None, primary_key=True)
    artifact_id: int = Field(foreign_key="artifacts.id")
    alias: str
    from_version_id: int | None = Field(default=None, foreign_key="versions.id")
    to_version_id: int | None = Field(default=None, foreign_key="versions.id")
    at: int = Field(sa_type=BigInteger)
    by: str | None = None


class VersionTagRow(_Row, table=True):
    """A free label of a version."""

    __tablename__ = "version_tags"
    version_id: int = Field(foreign_key="versions.id", primary_key=True)
    tag: str = Field(primary_key=True, index=True)


class RunRow(_Row, table=True):
    """One execution.

    ``heartbeat_at`` is its last sign of life. ``tracking`` says how its summary follows what is
    logged: locked keys, defined metrics, and what their aggregates need. ``metadata`` says what
    ran where: program, commit, machine, versions. ``system_metrics`` are the latest ones. ``trial``
    is a `records.Trial` if a sweep has chosen its configuration. A deleted run keeps its row,
    because lineage still shows it.
    """

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("project_id", "run_id"),
        Index("ix_runs_sweep_id", "sweep_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    run_id: str
    name: str
    state: str
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: list[str] = Field(sa_column=Column(_json(), nullable=False))
    config: dict[str, Any] = Field(sa_column=Column(_json(), nullable=False))
    summary: dict[str, Any] = Field(sa_column=Column(_json(), nullable=False))
    created_at: int = Field(sa_type=BigInteger)
    finished_at: int | None = Field(default=None, sa_type=BigInteger)
    heartbeat_at: int | None = Field(default=None, sa_type=BigInteger)
    exit_code: int | None = None
    user: str | None = None
    host: str | None = None
    tracking: dict[str, Any] | None = Field(default=None, sa_column=Column(_json()))
    sweep_id: str | None = None
    # Named so because SQLModel reserves "metadata".
    metadata_: dict[str, Any] | None = Field(default=None, sa_column=Column("metadata", _json()))
    system_metrics: dict[str, Any] | None = Field(default=None, sa_column=Column(_json()))
    deleted_at: int | None = Field(default=None, sa_type=BigInteger)
    trial: dict[str, Any] | None = Field(default=None, sa_column=Column(_json()))


class SweepRow(_Row, table=True):
    """A search over settings; `records.Trial` of its runs says what was tried.

    ``state`` is a `records.SweepState`.
    """

    __tablename__ = "sweeps"
    __table_args__ = (UniqueConstraint("project_id", "sweep_id"),)
    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="projects.id")
    sweep_id: str
    name: str
    config: dict[str, Any] = Field(sa_column=Column(_json(), nullable=False))
    state: str
    created_at: int = Field(sa_type=BigInteger)
    created_by: str | None = None


class AlertRow(_Row, table=True):
    """A message that a run has sent.

    ``suppressed`` counts those of the same title that followed too soon to be sent.
    """

    __tablename__ = "alerts"
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id", index=True)
    title: str
    text: str
    level: str
    at: int = Field(sa_type=BigInteger)
    suppressed: int = 0


class HistoryChunkRow(_Row, table=True):
    """Rows that a run has logged and that are in no version of its history yet.

    ``session`` is the journal they come from, and rows are counted in it; ``payload`` is a part
    of the journal, compressed.
    """

    __tablename__ = "history_chunks"
    run_id: int = Field(foreign_key="runs.id", primary_key=True)
    session: str = Field(primary_key=True)
    first_row: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    row_count: int = Field(sa_type=BigInteger)
    last_step: int = Field(sa_type=BigInteger)
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


_AT_VERSION = ("version_id", "kind", "run_id", "internal")
_AT_RUN = ("run_id", "kind", "version_id", "internal")
_IS_OUTPUT = column("kind") == "out"
_ONLY_OUTPUTS: dict[str, Any] = {"sqlite_where": _IS_OUTPUT, "postgresql_where": _IS_OUTPUT}


class LinkRow(_Row, table=True):
    """An edge between a run and a version; append-only, one row per (run, version, kind).

    ``alias_event_id`` is the movement of the alias through which an input was resolved:
    without it nobody can say later whether the alias has moved since. ``subset`` are the paths
    that the run has read of an input; None where that is not known. ``internal`` says that the
    version merely records a run: its type is one of `records.INTERNAL_TYPES`, which is said here
    again so that a walk over the edges needs nothing but their indexes. Those of the outputs alone
    are for PostgreSQL, which comes by the many inputs in between when it looks up outputs.
    """

    __tablename__ = "links"
    __table_args__ = (
        UniqueConstraint("run_id", "version_id", "kind"),
        Index("ix_links_version_id_kind_run_id", *_AT_VERSION),
        Index("ix_links_run_id_kind_version_id", *_AT_RUN),
        Index("ix_links_output_version_id", *_AT_VERSION, **_ONLY_OUTPUTS),
        Index("ix_links_output_run_id", *_AT_RUN, **_ONLY_OUTPUTS),
    )
    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="runs.id")
    version_id: int = Field(foreign_key="versions.id")
    kind: str
    at: int = Field(sa_type=BigInteger)
    ref_text: str | None = None
    alias_event_id: int | None = Field(default=None, foreign_key="alias_events.id")
    subset: dict[str, Any] | None = Field(default=None, sa_column=Column(_json()))
    internal: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=false())
    )


class DerivationRow(_Row, table=True):
    """An exact edge: ``output_id`` was made of ``input_id``; append-only.

    ``kind`` is a `records.DerivationKind`.
    """

    __tablename__ = "derivations"
    __table_args__ = (
        UniqueConstraint("output_id", "input_id"),
        Index("ix_derivations_input_id_output_id", "input_id", "output_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    output_id: int = Field(foreign_key="versions.id")
    input_id: int = Field(foreign_key="versions.id")
    run_id: int | None = Field(default=None, foreign_key="runs.id")
    kind: str
    at: int = Field(sa_type=BigInteger)


class RecallRow(_Row, table=True):
    """Somebody says that a version is bad; undoing it enters who did and when."""

    __tablename__ = "recalls"
    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="versions.id", index=True)
    at: int = Field(sa_type=BigInteger)
    by: str | None = None
    reason: str
    undone_at: int | None = Field(default=None, sa_type=BigInteger)
    undone_by: str | None = None


class ConsumerRow(_Row, table=True):
    """What works with a version outside of runs, such as a deployment, and for how long.

    ``until`` is None while it does. An owner has one consumer of a name at a time.
    """

    __tablename__ = "consumers"
    __table_args__ = (Index("ix_consumers_kind_name", "kind", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    name: str
    version_id: int = Field(foreign_key="versions.id", index=True)
    since: int = Field(sa_type=BigInteger)
    until: int | None = Field(default=None, sa_type=BigInteger)
    by: str | None = None
    ended_by: str | None = None


class LineageEventRow(_Row, table=True):
    """An OpenLineage event on its way; deleted when it has arrived everywhere."""

    __tablename__ = "lineage_events"
    id: int | None = Field(default=None, primary_key=True)
    run_id: int | None = Field(default=None, foreign_key="runs.id")
    at: int = Field(sa_type=BigInteger)
    payload: dict[str, Any] = Field(sa_column=Column(_json(), nullable=False))


class LeaseRow(_Row, table=True):
    """Work in progress. Deleting the row fences its holder off: an upload can no longer commit.

    ``kind`` is a `records.LeaseKind`; ``manifest`` is what a reader keeps from being collected.
    """

    __tablename__ = "leases"
    id: str = Field(primary_key=True)
    kind: str
    holder: str
    manifest: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    started_at: int = Field(sa_type=BigInteger)
    renewed_at: int = Field(sa_type=BigInteger)


class ObjectRow(_Row, table=True):
    """What lies, or is about to lie, under one key of the object store.

    ``digest`` is the BLAKE3 of all its bytes, None where that was never computed.

    Ids and keys are never used twice: a writer that remembers an id from its claim must not
    find another object behind it at commit.
    """

    __tablename__ = "objects"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    kind: str
    state: str
    size: int = Field(sa_type=BigInteger)
    digest: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    touched_at: int = Field(sa_type=BigInteger)
    condemned_at: int | None = Field(default=None, sa_type=BigInteger)
    lease_id: str | None = Field(default=None, index=True)


class BlobRow(_Row, table=True):
    """One copy of a blob: where it lies inside an object. It can be read when the object can.

    There is no index by object: it would cost every upload a third more, and only a collection
    asks, which scans once for all the objects that it deletes.
    """

    __tablename__ = "blobs"
    __table_args__ = {"sqlite_with_rowid": False}
    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    object_id: int = Field(foreign_key="objects.id", primary_key=True)
    offset: int = Field(sa_type=BigInteger)
    length: int = Field(sa_type=BigInteger)
    size: int = Field(sa_type=BigInteger)
    encoding: int
