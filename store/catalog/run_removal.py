"""Statements that delete a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import changes
from artifacts.store.catalog import runs as run_statements
from artifacts.store.catalog.schema import history_chunks, links, runs, versions
from artifacts.store.errors import StateError
from artifacts.store.records import ACTIVE_STATES, LinkKind

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database


def delete(
    db: Database,
    connection: Connection,
    key: int,
    *,
    delete_artifacts: bool,
    force: bool,
    by: str | None,
) -> list[int]:
    """Delete a run: it becomes a tombstone, which lineage still shows.

    What it was recorded in (history, summary, files) is deleted with it; what it has logged stays,
    unless that is asked for and no other run has logged it, too. Its id is not used again.

    Returns:
        The versions that were deleted.

    Raises:
        StateError: It is running, or what would be deleted with it is in use or has a protected
            alias, and ``force`` is False.
    """
    # The lock: others that delete it wait here.
    found = connection.scalar(
        sa.select(runs.c.deleted_at).where(runs.c.id == key).with_for_update()
    )
    if found is not None:
        return []
    record = run_statements.get_many(db, connection, [key])[key]
    if record.state in ACTIVE_STATES and not force:
        raise StateError(
            f"run {record.id} is running",
            hint="wait until it has finished, or delete it with force=True (--force)",
            kind="run_is_running",
        )
    connection.execute(
        sa.update(runs).where(runs.c.id == key).values(deleted_at=db.now(connection))
    )
    connection.execute(sa.delete(history_chunks).where(history_chunks.c.run_id == key))
    doomed = _outputs(connection, key, all_types=delete_artifacts)
    for version_id in doomed:
        changes.delete(db, connection, version_id, delete_aliases=True, force=force, by=by)
    return doomed


def _outputs(connection: Connection, key: int, *, all_types: bool) -> list[int]:
    """Return the live versions that this run alone has logged, oldest first."""
    others = links.alias("others")
    elsewhere = (
        sa.select(others.c.id)
        .join(runs, runs.c.id == others.c.run_id)
        .where(
            others.c.version_id == versions.c.id,
            others.c.kind == LinkKind.OUTPUT.value,
            others.c.run_id != key,
            runs.c.deleted_at.is_(None),
        )
    )
    statement = (
        sa.select(versions.c.id)
        .join(links, links.c.version_id == versions.c.id)
        .where(
            links.c.run_id == key,
            links.c.kind == LinkKind.OUTPUT.value,
            versions.c.deleted_at.is_(None),
            ~elsewhere.exists(),
        )
        .order_by(versions.c.id)
    )
    if not all_types:
        statement = statement.where(links.c.internal)
    return list(connection.scalars(statement))
