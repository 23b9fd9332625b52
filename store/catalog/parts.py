"""Statements that close a version which many processes have added to; see `shared_versions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import runs
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import aliases, artifacts, links, versions
from artifacts.store.errors import ConflictError
from artifacts.store.records import FINISHED_AS, LinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.records import Closing, VersionRecord


def close(db: Database, connection: Connection, closing: Closing, version: VersionRecord) -> None:
    """Delete the parts of which a version was put together; their runs have logged the version.

    Raises:
        ConflictError: Somebody has added a part, or closed them, since they were read.
    """
    now = db.now(connection)
    if closing.parts:
        _close_parts(db, connection, closing.parts, version, now)
    if closing.own is not None:
        drop(db, connection, closing.own)


def drop(db: Database, connection: Connection, version_id: int) -> None:
    """Delete what a process has added for itself alone, unless it is deleted already."""
    live = sa.and_(versions.c.id == version_id, versions.c.deleted_at.is_(None))
    deleted = sa.update(versions).where(live).values(deleted_at=db.now(connection))
    connection.execute(deleted)
    _drop_aliases(connection, [version_id])


def _close_parts(
    db: Database,
    connection: Connection,
    parts: tuple[int, ...],
    version: VersionRecord,
    now: int,
) -> None:
    artifact_id = connection.scalar(
        sa.select(versions.c.artifact_id).where(versions.c.id == parts[0])
    )
    # The row lock under which parts are added, too.
    connection.execute(
        sa.update(artifacts).where(artifacts.c.id == artifact_id).values(updated_at=now)
    )
    live = sa.select(versions.c.id, versions.c.metadata).where(
        versions.c.artifact_id == artifact_id, versions.c.deleted_at.is_(None)
    )
    found = {row.id: row.metadata for row in connection.execute(live)}
    if found.keys() != set(parts):
        raise ConflictError(
            f"other processes kept adding to {version.name!r} while it was being finished",
            hint="finish it when all of them have added their part",
            kind="parts_changed",
        )
    logged_by: set[int] = set()
    for batch in chunked(parts):
        statement = sa.select(links.c.run_id).where(
            links.c.version_id.in_(batch), links.c.kind == LinkKind.OUTPUT.value
        )
        logged_by.update(connection.scalars(statement))
    for run in sorted(logged_by):
        runs.insert_link(db, connection, run, version.id, LinkKind.OUTPUT)
    for part, metadata in found.items():
        values = {"deleted_at": now, "metadata": {**metadata, FINISHED_AS: version.number}}
        connection.execute(sa.update(versions).where(versions.c.id == part).values(**values))
    _drop_aliases(connection, parts)


def _drop_aliases(connection: Connection, version_ids: Sequence[int]) -> None:
    # Nobody follows them: they say what is to be set in the end.
    for batch in chunked(version_ids):
        connection.execute(sa.delete(aliases).where(aliases.c.version_id.in_(batch)))
