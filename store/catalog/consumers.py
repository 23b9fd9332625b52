"""Statements about consumers: what works with a version outside of runs, such as a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import artifacts, consumers, projects, versions
from artifacts.store.errors import NotFoundError, RefNotFoundError
from artifacts.store.records import ConsumerRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

_LOCK = 4


def deploy(
    db: Database,
    connection: Connection,
    version_id: int,
    kind: str,
    name: str,
    by: str | None,
) -> ConsumerRecord:
    """Say that something works with a version from now on; what it worked with before ends.

    Saying it again changes nothing.

    Raises:
        RefNotFoundError: The version was deleted.
    """
    db.lock(connection, _LOCK)
    version = version_statements.get(connection, version_id)
    if version.deleted_at is not None:
        raise RefNotFoundError(f"{version.ref} was deleted", kind="version_deleted")
    same = (version_id, kind)
    held = _load(connection, _at_work(version.entity, name))
    if [(each.version.id, each.kind) for each in held] == [same]:
        return held[0]
    now = db.now(connection)
    _end(connection, version.entity, name, now, by)
    row = {"kind": kind, "name": name, "version_id": version_id, "since": now, "by": by}
    key = connection.scalar(sa.insert(consumers).values(row).returning(consumers.c.id))
    return _load(connection, consumers.c.id == key)[0]


def end(
    db: Database, connection: Connection, entity: str, name: str, by: str | None
) -> ConsumerRecord:
    """Say that something has stopped, and return what it was.

    Raises:
        NotFoundError: Nothing of that name is at work.
    """
    db.lock(connection, _LOCK)
    keys = _end(connection, entity, name, db.now(connection), by)
    if not keys:
        known = sorted({each.name for each in list_consumers(connection, entity=entity)})
        raise NotFoundError(
            f"nothing named {name!r} is deployed",
            hint=f"there are: {', '.join(known)}" if known else "list them with: art deploy",
            kind="consumer_not_found",
        )
    return _load(connection, consumers.c.id == max(keys))[0]


def list_consumers(
    connection: Connection, *, entity: str | None = None, ended: bool = False
) -> list[ConsumerRecord]:
    """Return what works with versions, the newest first.

    Args:
        ended: Also what has stopped.
    """
    conditions: list[sa.ColumnElement[bool]] = [] if ended else [consumers.c.until.is_(None)]
    if entity is not None:
        conditions.append(projects.c.entity == entity)
    return _load(connection, sa.and_(sa.true(), *conditions))[::-1]


def at_work(connection: Connection, version_ids: Iterable[int]) -> dict[int, ConsumerRecord]:
    """Return, by version, something that works with it."""
    found: dict[int, ConsumerRecord] = {}
    for batch in chunked(sorted(set(version_ids))):
        condition = sa.and_(consumers.c.version_id.in_(batch), consumers.c.until.is_(None))
        found.update((record.version.id, record) for record in _load(connection, condition))
    return found


def _at_work(entity: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        projects.c.entity == entity, consumers.c.name == name, consumers.c.until.is_(None)
    )


def _end(connection: Connection, entity: str, name: str, now: int, by: str | None) -> Sequence[int]:
    of_entity = (
        sa.select(versions.c.id)
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(projects.c.entity == entity)
    )
    statement = (
        sa.update(consumers)
        .where(
            consumers.c.name == name,
            consumers.c.until.is_(None),
            consumers.c.version_id.in_(of_entity),
        )
        .values(until=now, ended_by=by)
        .returning(consumers.c.id)
    )
    return connection.scalars(statement).all()


def _load(connection: Connection, condition: sa.ColumnElement[bool]) -> list[ConsumerRecord]:
    statement = (
        sa.select(consumers)
        .join(versions, versions.c.id == consumers.c.version_id)
        .join(artifacts, artifacts.c.id == versions.c.artifact_id)
        .join(projects, projects.c.id == artifacts.c.project_id)
        .where(condition)
        .order_by(consumers.c.id)
    )
    rows: Sequence[sa.Row[Any]] = connection.execute(statement).all()
    found = version_statements.get_many(connection, (row.version_id for row in rows))
    return [
        ConsumerRecord(
            row.kind,
            row.name,
            found[row.version_id],
            row.since,
            row.by,
            row.until,
            row.ended_by,
        )
        for row in rows
    ]
