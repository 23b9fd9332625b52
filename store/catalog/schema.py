"""The tables as statements see them: names and types of columns, nothing else.

`tables` defines them in full, for migrations; importing it (SQLModel and SQLAlchemy's ORM) takes
longer than most commands do, so that statements use this instead. A test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine


class Json(sa.TypeDecorator[Any]):
    """A JSON value: text on SQLite, JSONB on PostgreSQL."""

    impl = sa.JSON
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(none_as_null=True)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.JSON(none_as_null=True))


def _table(name: str, **columns: str) -> sa.TableClause:
    types: dict[str, TypeEngine[Any]] = {
        "integer": sa.Integer(),
        "big": sa.BigInteger(),
        "text": sa.String(),
        "binary": sa.LargeBinary(),
        "json": Json(),
        "boolean": sa.Boolean(),
    }
    return sa.table(
        name,
        *(
            sa.column(column, types[kind])
            for kind, names in columns.items()
            for column in names.split()
        ),
    )


store = _table("store", text="uuid objects", integer="format", big="created_at")
projects = _table("projects", integer="id", text="entity name", big="created_at")
artifacts = _table(
    "artifacts",
    integer="id project_id next_number",
    text="name type description",
    json="retention",
    big="created_at updated_at",
)
artifact_tags = _table("artifact_tags", integer="artifact_id", text="tag")
versions = _table(
    "versions",
    integer="id artifact_id number",
    binary="digest",
    big="size file_count created_at updated_at logged_at ttl deleted_at",
    text="description created_by broken",
    json="metadata",
)
aliases = _table("aliases", integer="artifact_id version_id protected", text="name")
alias_events = _table(
    "alias_events",
    integer="id artifact_id from_version_id to_version_id",
    text="alias by",
    big="at",
)
version_tags = _table("version_tags", integer="version_id", text="tag")
runs = _table(
    "runs",
    integer="id project_id exit_code",
    text="run_id name state group job_type notes user host sweep_id",
    json="tags config summary tracking metadata system_metrics trial",
    big="created_at finished_at heartbeat_at deleted_at",
)
sweeps = _table(
    "sweeps",
    integer="id project_id",
    text="sweep_id name state created_by",
    json="config",
    big="created_at",
)
alerts = _table("alerts", integer="id run_id suppressed", text="title text level", big="at")
history_chunks = _table(
    "history_chunks",
    integer="run_id",
    text="session",
    big="first_row row_count last_step",
    binary="payload",
)
links = _table(
    "links",
    integer="id run_id version_id alias_event_id",
    text="kind ref_text",
    big="at",
    json="subset",
    boolean="internal",
)
derivations = _table("derivations", integer="id output_id input_id run_id", text="kind", big="at")
recalls = _table("recalls", integer="id version_id", text="by reason undone_by", big="at undone_at")
consumers = _table(
    "consumers", integer="id version_id", text="kind name by ended_by", big="since until"
)
lineage_events = _table("lineage_events", integer="id run_id", big="at", json="payload")
leases = _table("leases", text="id kind holder", binary="manifest", big="started_at renewed_at")
objects = _table(
    "objects",
    integer="id",
    text="key kind state lease_id",
    binary="digest",
    big="size touched_at condemned_at",
)
blobs = _table("blobs", binary="digest", integer="object_id encoding", big="offset length size")
