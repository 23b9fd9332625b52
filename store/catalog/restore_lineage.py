"""Statements that enter lineage of which only events are known, without data.

The records are those of a `transcript`. What the catalog knows stays as it is: somebody else's
events never bring a deleted version back and never change a run, except that they end one of
which it was not known how it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog.restore import UNKNOWN, Restoring, columns_of, run_key_of
from artifacts.store.catalog.schema import runs
from artifacts.store.errors import InvalidInputError
from artifacts.store.records import ACTIVE_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.transcript import Record


def restore_lineage(
    db: Database, connection: Connection, records: Iterable[Record], *, by: str | None
) -> Restored:
    """Enter records, in the order of a transcript.

    Args:
        by: Who points the aliases.

    Raises:
        InvalidInputError: An artifact exists with another type.
    """
    work = _LineageRestoring(db, connection, move_aliases=False, by=by)
    for record in records:
        work.enter(record)
    work.end()
    return work.report


class _LineageRestoring(Restoring):
    def _artifact(self, record: Record) -> None:
        try:
            super()._artifact(record)
        except InvalidInputError as error:
            error.hint = "give one of the two another name or type, and import once more"
            raise

    def _bring_back(self, version_id: int, record: Record, *, deleted: bool) -> None:
        pass  # no data were brought

    def _run(self, record: Record) -> None:
        known = self._find_run(record)
        if known is None:
            super()._run(record)
            return
        self._runs[run_key_of(record)] = known.id
        if known.state == UNKNOWN and record["state"] not in ACTIVE_STATES:
            ending = columns_of(record, "state", "exit_code", "finished_at")
            self._connection.execute(sa.update(runs).where(runs.c.id == known.id).values(**ending))

    def _find_run(self, record: Record) -> sa.Row[Any, Any, Any] | None:
        """Return the run that an earlier import has brought, or that was begun here."""
        project_id = self._project_of(record)
        run_id, attempt = record["id"], 1
        while True:
            row = self._connection.execute(
                sa.select(runs.c.id, runs.c.state, runs.c.created_at).where(
                    runs.c.project_id == project_id, runs.c.run_id == run_id
                )
            ).first()
            if row is None or row.created_at == record["created_at"]:
                return row
            attempt += 1
            run_id = f"{record['id']}-{attempt}"
