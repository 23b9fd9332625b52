"""Statements that enter exact edges, recalls and consumers of a `transcript` into a catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.schema import (
    artifacts,
    consumers,
    derivations,
    projects,
    recalls,
    versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.transcript import Record


class FactRestorer:
    """Enters what is said of versions; what is said here already stays as it is.

    Args:
        find: Returns the version that a record names, by its name and its digest.
        find_run: Returns the run that a record names, if it came along.
        report: Counts what is entered.
        by: Who restores.
    """

    def __init__(
        self,
        db: Database,
        connection: Connection,
        *,
        find: Callable[[Record, str], int | None],
        find_run: Callable[[Record], int | None],
        report: Restored,
        by: str | None,
    ) -> None:
        self._db = db
        self._connection = connection
        self._find = find
        self._find_run = find_run
        self._report = report
        self._by = by

    def derivation(self, record: Record) -> None:
        """Enter an exact edge, unless one of its versions is nowhere."""
        output = self._find(record["version"], record["digest"])
        source = self._find(record["source"], record["source_digest"])
        if output is None or source is None:
            self._report.links_left_out += 1
            return
        if output == source:
            return  # two versions of the export are one here
        row = {
            "output_id": output,
            "input_id": source,
            "run_id": None if record["run"] is None else self._find_run(record["run"]),
            "kind": record["kind"],
            "at": record["at"],
        }
        insert = self._db.insert(derivations).values(row).on_conflict_do_nothing()
        if self._connection.scalar(insert.returning(derivations.c.id)) is not None:
            self._report.links += 1

    def recall(self, record: Record) -> None:
        """Enter a recall, or that one was taken back."""
        version = self._find(record["version"], record["digest"])
        if version is None:
            return
        row = {
            "version_id": version,
            **{name: record[name] for name in ("at", "by", "reason", "undone_at", "undone_by")},
        }
        same = sa.and_(
            recalls.c.version_id == version,
            recalls.c.at == record["at"],
            recalls.c.reason == record["reason"],
        )
        if self._connection.scalar(sa.select(recalls.c.id).where(same).limit(1)) is None:
            self._connection.execute(sa.insert(recalls).values(row))
        elif record["undone_at"] is not None:
            self._connection.execute(
                sa.update(recalls)
                .where(same, recalls.c.undone_at.is_(None))
                .values(undone_at=record["undone_at"], undone_by=record["undone_by"])
            )

    def consumer(self, record: Record) -> None:
        """Enter a consumer, or that one has stopped.

        One that is at work, but whose name is that of another one here, is entered as stopped.
        """
        version = self._find(record["version"], record["digest"])
        if version is None:
            return
        same = sa.and_(
            consumers.c.version_id == version,
            *(consumers.c[name] == record[name] for name in ("kind", "name", "since")),
        )
        ending = {"until": record["until"], "ended_by": record["ended_by"]}
        if self._connection.scalar(sa.select(consumers.c.id).where(same).limit(1)) is not None:
            if record["until"] is not None:
                still = sa.update(consumers).where(same, consumers.c.until.is_(None))
                self._connection.execute(still.values(**ending))
            return
        if record["until"] is None and self._is_taken(version, record["name"]):
            ending = {"until": self._db.now(self._connection), "ended_by": self._by}
        row = {
            "version_id": version,
            **{name: record[name] for name in ("kind", "name", "since", "by")},
            **ending,
        }
        self._connection.execute(sa.insert(consumers).values(row))

    def _is_taken(self, version: int, name: str) -> bool:
        entity = version_statements.get(self._connection, version).entity
        statement = (
            sa.select(consumers.c.id)
            .join(versions, versions.c.id == consumers.c.version_id)
            .join(artifacts, artifacts.c.id == versions.c.artifact_id)
            .join(projects, projects.c.id == artifacts.c.project_id)
            .where(
                projects.c.entity == entity, consumers.c.name == name, consumers.c.until.is_(None)
            )
        )
        return self._connection.scalar(statement.limit(1)) is not None
