"""Statements of the collector. Each change of state tests, in the same UPDATE, what permits it.

A writer protects an object by an UPDATE of its ``touched_at``. Testing the age in the statement
that condemns is what makes the two safe against each other, on PostgreSQL too, where a condition
on other rows (``NOT EXISTS …``) would be decided by an older snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import blobs as blob_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import leases, objects
from artifacts.store.marks import PREFIX
from artifacts.store.records import ObjectState, ObjectUsage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

_FETCH = 10_000


def add_usage(
    db: Database,
    connection: Connection,
    first: int,
    marked: frozenset[bytes],
    ranks: Mapping[int, int],
    usage: dict[int, ObjectUsage],
) -> None:
    """Count, for each object, its blobs whose digest starts with one byte, and those needed.

    Of several copies of a marked blob only the one in the object of the highest rank is needed.

    Args:
        first: That byte.
        marked: `marks.MarkSet.partition` of it.
        ranks: Of all objects that can be read, by their key; others do not count.
        usage: By the object's key; is added to.
    """
    mark = "?" if db.dialect == "sqlite" else "%s"
    cursor = connection.exec_driver_sql(
        "SELECT digest, object_id, length FROM blobs "  # noqa: S608 - two places for values
        f"WHERE digest BETWEEN {mark} AND {mark} ORDER BY digest",
        (bytes([first]) + bytes(31), bytes([first]) + b"\xff" * 31),
    ).cursor
    needed: tuple[bytes, int, int] = (b"", 0, 0)  # digest, object, length
    while rows := cursor.fetchmany(_FETCH):
        for digest, object_id, length in rows:
            rank = ranks.get(object_id)
            if rank is None:
                continue
            found = usage.setdefault(object_id, ObjectUsage())
            found.blobs += 1
            found.bytes += length
            if digest[:PREFIX] not in marked:
                continue
            if digest == needed[0]:
                if rank < ranks[needed[1]]:
                    continue
                usage[needed[1]].live_blobs -= 1
                usage[needed[1]].live_bytes -= needed[2]
            found.live_blobs += 1
            found.live_bytes += length
            needed = (bytes(digest), object_id, length)


def condemn(db: Database, connection: Connection, ids: Iterable[int], before: int) -> list[int]:
    """Condemn live objects that were last touched before a time; return them."""
    condition = sa.and_(objects.c.state == ObjectState.LIVE.value, objects.c.touched_at < before)
    values = {"state": ObjectState.CONDEMNED.value, "condemned_at": db.now(connection)}
    return _change(connection, ids, condition, values)


def revive(connection: Connection, ids: Iterable[int]) -> list[int]:
    """Make condemned objects live again, because something needs them; return them."""
    condition = objects.c.state == ObjectState.CONDEMNED.value
    values = {"state": ObjectState.LIVE.value, "condemned_at": None}
    return _change(connection, ids, condition, values)


def doom(connection: Connection, ids: Iterable[int], before: int) -> list[int]:
    """Give up objects that were condemned before a time; return them."""
    condition = sa.and_(
        objects.c.state == ObjectState.CONDEMNED.value, objects.c.condemned_at < before
    )
    return _change(connection, ids, condition, {"state": ObjectState.DELETING.value})


def doom_abandoned(connection: Connection) -> int:
    """Give up what was reserved by uploads whose lease is gone; return how many objects.

    Never condemned: their bytes may be incomplete.
    """
    abandoned = sa.or_(
        objects.c.lease_id.is_(None), objects.c.lease_id.not_in(sa.select(leases.c.id))
    )
    statement = (
        sa.update(objects)
        .where(objects.c.state == ObjectState.PENDING.value, abandoned)
        .values(state=ObjectState.DELETING.value)
    )
    return connection.execute(statement).rowcount


def doomed(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """Return (key, size) of up to ``limit`` objects that are to be deleted."""
    statement = (
        sa.select(objects.c.key, objects.c.size)
        .where(objects.c.state == ObjectState.DELETING.value)
        .order_by(objects.c.key)
        .limit(limit)
    )
    return [(row.key, row.size) for row in connection.execute(statement)]


def replace(
    db: Database,
    connection: Connection,
    lease: str | None,
    uploaded: int,
    old: Iterable[int],
    before: int,
) -> list[int]:
    """End a repacking: its new objects become live, and the old ones are condemned.

    An old one that a writer has touched meanwhile stays: the writer may rely on a blob in it that
    was not copied.

    Raises:
        ConflictError: The lease is gone.
    """
    blob_statements.confirm(db, connection, lease, frozenset(), uploaded)
    return condemn(db, connection, old, before)


def _change(
    connection: Connection,
    ids: Iterable[int],
    condition: sa.ColumnElement[bool],
    values: Mapping[str, object],
) -> list[int]:
    changed: list[int] = []
    for batch in chunked(sorted(ids)):
        statement = (
            sa.update(objects)
            .where(objects.c.id.in_(batch), condition)
            .values(**values)
            .returning(objects.c.id)
        )
        changed.extend(connection.scalars(statement))
    return changed
