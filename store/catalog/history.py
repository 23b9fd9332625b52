"""Statements about rows that runs have logged and that are in no version of their history yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import history_chunks
from artifacts.store.records import HistoryChunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database


def put(db: Database, connection: Connection, run: int, chunks: Sequence[HistoryChunk]) -> None:
    """Enter rows; a chunk replaces the one that begins with the same row."""
    for chunk in chunks:
        place = {"run_id": run, "session": chunk.session, "first_row": chunk.first_row}
        values = {
            "row_count": chunk.row_count,
            "last_step": chunk.last_step,
            "payload": chunk.payload,
        }
        statement = db.insert(history_chunks).values(**place, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=list(place), set_=values))


def chunks(connection: Connection, runs: Iterable[int]) -> dict[int, list[HistoryChunk]]:
    """Return what there is of each run, by journal and row."""
    found: dict[int, list[HistoryChunk]] = {}
    for batch in chunked(sorted(set(runs))):
        statement = (
            sa.select(history_chunks)
            .where(history_chunks.c.run_id.in_(batch))
            .order_by(history_chunks.c.run_id, history_chunks.c.session, history_chunks.c.first_row)
        )
        for row in connection.execute(statement):
            chunk = HistoryChunk(
                row.session, row.first_row, row.row_count, row.last_step, bytes(row.payload)
            )
            found.setdefault(row.run_id, []).append(chunk)
    return found


def drop(connection: Connection, run: int, sessions: Mapping[str, int]) -> None:
    """Delete the rows of a run that are in a version.

    Args:
        sessions: How many rows of each journal are in it.
    """
    for session, count in sessions.items():
        statement = sa.delete(history_chunks).where(
            history_chunks.c.run_id == run,
            history_chunks.c.session == session,
            history_chunks.c.first_row + history_chunks.c.row_count <= count,
        )
        connection.execute(statement)
