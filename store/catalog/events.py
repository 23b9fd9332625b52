"""Statements about changes of lineage that others are to be told: an outbox.

A note is written in the transaction of the change itself, so that there is one if and only if
the change took place. It names what has changed by keys; the message is made of the catalog when
it is sent, and the note is deleted then. Nothing is noted unless that is turned on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import lineage_events
from artifacts.store.records import EventKind, EventNote, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database


def note_start(db: Database, connection: Connection, run: int) -> None:
    """Note that a run begins, or goes on."""
    _note(db, connection, run, EventKind.START)


def note_end(db: Database, connection: Connection, run: int, state: str) -> None:
    """Note that a run has ended, in which state."""
    _note(db, connection, run, EventKind.END, state=state)


def note_link(
    db: Database, connection: Connection, run: int, version_id: int, kind: LinkKind
) -> None:
    """Note a new edge."""
    _note(db, connection, run, EventKind.LINK, version=version_id, link=kind.value)


def _note(
    db: Database, connection: Connection, run: int, kind: EventKind, **about: int | str
) -> None:
    if not db.notes_events:
        return
    row = {"run_id": run, "at": db.now(connection), "payload": {"kind": kind.value, **about}}
    connection.execute(sa.insert(lineage_events).values(row))


def waiting(connection: Connection, limit: int) -> list[EventNote]:
    """Return the oldest notes."""
    statement = sa.select(lineage_events).order_by(lineage_events.c.id).limit(limit)
    return [
        EventNote(
            row.id,
            row.run_id,
            row.at,
            EventKind(row.payload["kind"]),
            row.payload.get("state"),
            row.payload.get("version"),
            LinkKind(row.payload["link"]) if "link" in row.payload else None,
        )
        for row in connection.execute(statement)
    ]


def count(connection: Connection) -> int:
    """Return how many notes there are."""
    statement = sa.select(sa.func.count()).select_from(lineage_events)
    return int(connection.execute(statement).scalar_one())


def drop(connection: Connection, ids: Iterable[int]) -> None:
    """Delete notes of what was sent."""
    for batch in chunked(sorted(ids)):
        connection.execute(sa.delete(lineage_events).where(lineage_events.c.id.in_(batch)))
