"""Statements about leases: signs of life of uploads, pulls and the collector."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import leases, objects
from artifacts.store.digests import Digest
from artifacts.store.errors import ConflictError
from artifacts.store.records import LeaseKind, LeaseRecord, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

_COLLECTOR_LOCK = 1


def open_lease(
    db: Database,
    connection: Connection,
    lease: str,
    kind: LeaseKind,
    holder: str,
    manifest: Digest | None = None,
) -> None:
    """Start a piece of work."""
    now = db.now(connection)
    row = {
        "id": lease,
        "kind": kind.value,
        "holder": holder,
        "manifest": manifest,
        "started_at": now,
        "renewed_at": now,
    }
    connection.execute(sa.insert(leases).values(row))


def open_collector(
    db: Database, connection: Connection, lease: str, holder: str, max_age: int
) -> None:
    """Start the one collection that may run.

    Raises:
        ConflictError: Another one is running, and gave a sign of life within ``max_age``.
    """
    db.lock(connection, _COLLECTOR_LOCK)
    of_collectors = leases.c.kind == LeaseKind.COLLECTOR.value
    oldest = db.now(connection) - max_age
    connection.execute(sa.delete(leases).where(of_collectors, leases.c.renewed_at < oldest))
    running = connection.scalar(sa.select(leases.c.holder).where(of_collectors))
    if running is not None:
        raise ConflictError(
            f"{running} is collecting already",
            hint="wait until it has finished",
            kind="collector_busy",
        )
    open_lease(db, connection, lease, LeaseKind.COLLECTOR, holder)


def take_over(
    db: Database, connection: Connection, lease: str, finished: frozenset[str]
) -> frozenset[str] | None:
    """Go on with the upload of a process that was killed.

    What it had reserved and not finished is given up.

    Args:
        finished: Keys of the objects that are complete.

    Returns:
        Those of the keys that belong to the lease now, or None if the lease is gone.
    """
    if lease not in renew(db, connection, [lease]):
        return None
    own = sa.and_(objects.c.lease_id == lease, objects.c.state == ObjectState.PENDING.value)
    keys = frozenset(connection.scalars(sa.select(objects.c.key).where(own)))
    for batch in chunked(sorted(keys - finished)):
        given_up = sa.update(objects).where(own, objects.c.key.in_(batch))
        connection.execute(given_up.values(state=ObjectState.DELETING.value))
    return keys & finished


def renew(db: Database, connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    """Give a sign of life; return the leases that still exist."""
    alive: set[str] = set()
    for batch in chunked(sorted(ids)):
        statement = (
            sa.update(leases)
            .where(leases.c.id.in_(batch))
            .values(renewed_at=db.now(connection))
            .returning(leases.c.id)
        )
        alive.update(connection.scalars(statement))
    return frozenset(alive)


def close_lease(connection: Connection, lease: str) -> None:
    """End a piece of work that leaves nothing to clean up."""
    connection.execute(sa.delete(leases).where(leases.c.id == lease))


def reap(db: Database, connection: Connection, max_age: int) -> list[LeaseRecord]:
    """Delete the leases without a sign of life for ``max_age`` microseconds; return them.

    That is the fence: whoever held one finds it gone at commit, and claims again.
    """
    expired = sa.delete(leases).where(leases.c.renewed_at < db.now(connection) - max_age)
    return [_record(row) for row in connection.execute(expired.returning(leases))]


def list_leases(connection: Connection) -> list[LeaseRecord]:
    """Return everybody at work, and those who were killed at it, longest first."""
    return [
        _record(row) for row in connection.execute(sa.select(leases).order_by(leases.c.started_at))
    ]


def _record(row: sa.Row[tuple[object, ...]]) -> LeaseRecord:
    return LeaseRecord(
        row.id,
        LeaseKind(row.kind),
        row.holder,
        None if row.manifest is None else Digest(row.manifest),
        row.started_at,
        row.renewed_at,
    )
