"""Statements that enter what was logged while the catalog could not be reached.

The records are those of a `transcript`. Unlike an import, which adds a copy, this makes up for
logs that did not take place: a version gets the next number, and an alias moves as those logs
would have moved it, unless it was moved later in the catalog. A version or run that was brought
before is known by when it was made; what became of it since stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from artifacts.store.catalog import events
from artifacts.store.catalog import versions as reading
from artifacts.store.catalog.restore import Restoring, columns_of, run_key_of
from artifacts.store.catalog.schema import (
    alias_events,
    aliases,
    artifacts,
    projects,
    runs,
    versions,
)
from artifacts.store.digests import parse_digest
from artifacts.store.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database
    from artifacts.store.catalog.restore import Restored
    from artifacts.store.records import RunRecord
    from artifacts.store.transcript import Record

RUN_ID_TAKEN = "run_id_taken"

_ENDING = ("state", "exit_code", "finished_at", "summary", "tracking", "config", "system_metrics")


def join(db: Database, connection: Connection, records: Iterable[Record]) -> Restored:
    """Enter what was logged elsewhere, in the order of a transcript.

    Raises:
        InvalidInputError: An artifact exists with another type.
        ConflictError: A run's id is another run's; see `find_places`.
    """
    return _enter(_Joining(db, connection), records)


def take_in(db: Database, connection: Connection, records: Iterable[Record]) -> Restored:
    """Enter versions of another catalog, under their numbers and without their aliases."""
    return _enter(_TakingIn(db, connection), records)


class RunPlace(NamedTuple):
    """Where a run of another catalog belongs in this one.

    Attributes:
        id: Its id here: its own, unless another run has that.
        known: Whether it is here already.
    """

    id: str
    known: bool


def find_places(connection: Connection, found: Iterable[RunRecord]) -> dict[int, RunPlace]:
    """Return, by key, where each run of another catalog belongs."""
    places: dict[int, RunPlace] = {}
    taken: set[tuple[str, str, str]] = set()
    for run in found:
        run_id, attempt = run.id, 1
        while True:
            created_at = _begun_at(connection, run, run_id)
            free = created_at is None and (run.entity, run.project, run_id) not in taken
            if free or created_at == run.created_at:
                break
            attempt += 1
            run_id = f"{run.id}-{attempt}"
        places[run.key] = RunPlace(run_id, known=created_at is not None)
        taken.add((run.entity, run.project, run_id))
    return places


def _begun_at(connection: Connection, run: RunRecord, run_id: str) -> int | None:
    """Return when the run was begun that has an id in the project of another one."""
    statement = (
        sa.select(runs.c.created_at)
        .join(projects, projects.c.id == runs.c.project_id)
        .where(
            projects.c.entity == run.entity,
            projects.c.name == run.project,
            runs.c.run_id == run_id,
        )
    )
    created_at: int | None = connection.scalar(statement)
    return created_at


def _enter(work: Restoring, records: Iterable[Record]) -> Restored:
    for record in records:
        work.enter(record)
    work.end()
    return work.report


class _TakingIn(Restoring):
    def __init__(self, db: Database, connection: Connection) -> None:
        super().__init__(db, connection, move_aliases=False, by=None)

    def end(self) -> None:
        # What an alias leads to is known for the catalog they come from, not for this one.
        pass


class _Joining(Restoring):
    def __init__(self, db: Database, connection: Connection) -> None:
        super().__init__(db, connection, move_aliases=True, by=None)
        self._last_moves: dict[tuple[int, str], int] = {}
        self._moved: set[tuple[int, str]] = set()

    def end(self) -> None:
        for alias in self._aliases:
            here = sa.and_(aliases.c.artifact_id == alias.artifact_id, aliases.c.name == alias.name)
            held = self._connection.scalar(sa.select(aliases.c.version_id).where(here))
            version = reading.get(self._connection, alias.version_id)
            name = f"{version.project}/{version.name}:{alias.name}"
            if held != alias.version_id:
                self.report.aliases_kept.append(f"{name} ({version.version} was logged offline)")
            elif (alias.artifact_id, alias.name) in self._moved:
                self.report.aliases_moved.append(f"{name} -> {version.version}")
                if alias.protected:
                    self._connection.execute(sa.update(aliases).where(here).values(protected=1))

    # -- versions

    def _artifact(self, record: Record) -> None:
        super()._artifact({**record, "next_number": 0})

    def _find_version(self, artifact_id: int, record: Record) -> tuple[int, int, bool] | None:
        """Return (key, number, deleted) of the version that a log would find, or has made."""
        same = versions.c.created_at == record["created_at"]
        live = versions.c.deleted_at.is_(None)
        statement = sa.select(versions.c.id, versions.c.number, versions.c.deleted_at).where(
            versions.c.artifact_id == artifact_id,
            versions.c.digest == parse_digest(record["digest"]),
            same if record["deleted_at"] is not None else sa.or_(same, live),
        )
        rows = self._connection.execute(statement.order_by(versions.c.number.desc())).all()
        if not rows:
            return None
        row = min(rows, key=lambda row: row.deleted_at is not None)
        return row.id, row.number, row.deleted_at is not None

    def _insert_version(self, artifact_id: int, record: Record) -> tuple[int, int]:
        counter = sa.select(artifacts.c.next_number).where(artifacts.c.id == artifact_id)
        number = self._connection.execute(counter).scalar_one()
        return super()._insert_version(artifact_id, {**record, "number": number})

    def _bring_back(self, version_id: int, record: Record, *, deleted: bool) -> None:
        if deleted:
            return  # somebody has deleted it since it was brought
        logged_at = record["logged_at"]
        here = sa.update(versions).where(versions.c.id == version_id)
        self._connection.execute(
            here.where(versions.c.logged_at < logged_at).values(logged_at=logged_at)
        )
        if record["broken"] is None:
            self._connection.execute(here.values(broken=None))

    # -- aliases

    def _event(self, record: Record) -> None:
        artifact_id, alias = self._artifact_of(record).id, record["alias"]
        version_id = self._version_of(record, record["to"])
        place = artifact_id, alias
        if place not in self._last_moves:
            self._last_moves[place] = self._last_move(artifact_id, alias)
        if record["at"] <= self._last_moves[place]:
            self._note_event(record, artifact_id, version_id)
            return
        here = sa.and_(aliases.c.artifact_id == artifact_id, aliases.c.name == alias)
        held = self._connection.execute(
            sa.select(aliases.c.version_id, aliases.c.protected).where(here)
        ).first()
        previous = None if held is None else held.version_id
        if previous == version_id or (held is not None and held.protected):
            return
        if version_id is None:
            if previous != self._version_of(record, record["from"]):
                return
            self._connection.execute(sa.delete(aliases).where(here))
        elif self._is_deleted(version_id):
            return
        elif held is None:
            row = {"artifact_id": artifact_id, "name": alias, "version_id": version_id}
            self._connection.execute(sa.insert(aliases).values(**row, protected=0))
        else:
            self._connection.execute(sa.update(aliases).where(here).values(version_id=version_id))
        self._moved.add(place)
        move = {
            "artifact_id": artifact_id,
            "alias": alias,
            "from_version_id": previous,
            "to_version_id": version_id,
            "at": record["at"],
            "by": record["by"],
        }
        statement = sa.insert(alias_events).values(move).returning(alias_events.c.id)
        self._events[record["event"]] = self._connection.execute(statement).scalar_one()

    def _last_move(self, artifact_id: int, alias: str) -> int:
        statement = sa.select(sa.func.max(alias_events.c.at)).where(
            alias_events.c.artifact_id == artifact_id, alias_events.c.alias == alias
        )
        return self._connection.scalar(statement) or 0

    def _note_event(self, record: Record, artifact_id: int, version_id: int | None) -> None:
        """Find a move that was brought before, for the edges that name it."""
        statement = sa.select(alias_events.c.id).where(
            alias_events.c.artifact_id == artifact_id,
            alias_events.c.alias == record["alias"],
            alias_events.c.to_version_id.is_not_distinct_from(version_id),
            alias_events.c.at == record["at"],
        )
        event = self._connection.scalar(statement.limit(1))
        if event is not None:
            self._events[record["event"]] = event

    def _is_deleted(self, version_id: int) -> bool:
        statement = sa.select(versions.c.deleted_at).where(versions.c.id == version_id)
        return self._connection.scalar(statement) is not None

    # -- runs

    def _run(self, record: Record) -> None:
        here = sa.and_(runs.c.project_id == self._project_of(record), runs.c.run_id == record["id"])
        found = self._connection.execute(
            sa.select(runs.c.id, runs.c.created_at, runs.c.finished_at).where(here)
        ).first()
        if found is None:
            super()._run(record)
            self._note(record, begun=True)
            return
        if found.created_at != record["created_at"]:
            raise ConflictError(
                f"another run {record['id']!r} was begun meanwhile",
                hint="repeat: art sync",
                kind=RUN_ID_TAKEN,
            )
        self._runs[run_key_of(record)] = found.id
        if found.finished_at is None or found.finished_at < record["finished_at"]:
            # It was gone on with after it had been brought.
            ending = columns_of(record, *_ENDING)
            self._connection.execute(sa.update(runs).where(runs.c.id == found.id).values(**ending))
            self._note(record, begun=False)

    def _note(self, record: Record, *, begun: bool) -> None:
        key = self._runs[run_key_of(record)]
        if begun:
            events.note_start(self._db, self._connection, key)
        events.note_end(self._db, self._connection, key, record["state"])
