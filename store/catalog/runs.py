"""Statements about runs and the edges between runs and versions."""

from __future__ import annotations

import difflib
import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import changes, events, key_lists
from artifacts.store.catalog import projects as project_statements
from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import artifacts, links, projects, runs, versions
from artifacts.store.errors import AlreadyExistsError, RunNotFoundError
from artifacts.store.records import (
    ACTIVE_STATES,
    PREEMPTING,
    RUN_HISTORY,
    RUNNING,
    LinkKind,
    LinkRecord,
    RunRecord,
    SweepRecord,
    VersionRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

CRASHED, PREEMPTED = "crashed", "preempted"

_LOOKED_AT = 500  # names that may have been meant

_FIELDS = [field.name for field in fields(RunRecord)]
_NOT_AS_IN_TABLE = {
    "key": runs.c.id,
    "id": runs.c.run_id,
    "entity": projects.c.entity,
    "project": projects.c.name,
}
_COLUMNS = [
    _NOT_AS_IN_TABLE[name] if name in _NOT_AS_IN_TABLE else runs.c[name] for name in _FIELDS
]
_STATE, _TAGS, _HEARTBEAT = map(_FIELDS.index, ("state", "tags", "heartbeat_at"))

CRASHED_AFTER = 5 * 60 * 1_000_000
"""Microseconds without a sign of life after which a run counts as crashed."""


def create(
    db: Database,
    connection: Connection,
    entity: str,
    project: str,
    run_id: str,
    values: Mapping[str, Any],
    *,
    begins: bool = True,
) -> RunRecord:
    """Start a run.

    Args:
        begins: Whether a program works on it already; otherwise `resume` says so later.

    Raises:
        AlreadyExistsError: The project has a run of this id.
    """
    project_id = project_statements.ensure_project(db, connection, entity, project)
    row = {
        "tags": [],
        "config": {},
        "summary": {},
        **values,
        "project_id": project_id,
        "run_id": run_id,
        "state": RUNNING,
        "created_at": (now := db.now(connection)),
        "heartbeat_at": now,
    }
    statement = db.insert(runs).values(row).on_conflict_do_nothing().returning(runs.c.id)
    key = connection.scalar(statement)
    if key is None:
        deleted = sa.select(runs.c.deleted_at).where(
            runs.c.project_id == project_id, runs.c.run_id == run_id
        )
        if connection.scalar(deleted) is not None:
            raise AlreadyExistsError(
                f"project {project!r} had a run {run_id!r}, which was deleted; ids are not used "
                "again",
                hint="leave id= out to get a fresh one",
                kind="run_deleted",
            )
        raise AlreadyExistsError(
            f"run {run_id!r} exists already in project {project!r}",
            hint="leave id= out to get a fresh one",
        )
    if begins:
        events.note_start(db, connection, key)
    return get_many(db, connection, [key])[key]


def update(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Change columns of a run."""
    connection.execute(sa.update(runs).where(runs.c.id == key).values(**values))


def beat(db: Database, connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Give a sign of life of a run, and change columns of it."""
    update(connection, key, {**values, "heartbeat_at": db.now(connection)})


def finish(
    db: Database,
    connection: Connection,
    key: int,
    state: str,
    exit_code: int | None,
    values: Mapping[str, Any],
) -> None:
    """End a run, and change columns of it. A killed one has ended at its last sign of life."""
    now: Any = db.now(connection)
    if state in {CRASHED, PREEMPTED} and exit_code is None:
        now = sa.func.coalesce(runs.c.heartbeat_at, now)
    ending = {"state": state, "exit_code": exit_code, "finished_at": now}
    update(connection, key, {**values, **ending})
    events.note_end(db, connection, key, state)


def resume(db: Database, connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Make a run a running one again, and change columns of it."""
    running = {"state": RUNNING, "exit_code": None, "finished_at": None}
    beat(db, connection, key, {**values, **running})
    events.note_start(db, connection, key)


def restart(db: Database, connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Make a run one that begins now, with nothing known of it but what is given."""
    cleared: dict[str, Any] = {
        "summary": {},
        "tracking": None,
        "metadata": None,
        "system_metrics": None,
        "trial": None,
        "created_at": db.now(connection),
    }
    resume(db, connection, key, {**cleared, **values})


def get(
    db: Database,
    connection: Connection,
    entity: str,
    project: str,
    run_id: str,
    *,
    deleted: bool = False,
) -> RunRecord:
    """Return one run.

    Args:
        deleted: Also one that was deleted.

    Raises:
        RunNotFoundError: The project has no run of this id; near matches, by id or by name, are
            in the hint. Or it was deleted.
    """
    found = find(db, connection, entity, project, run_id)
    if found is not None and found.deleted_at is not None and not deleted:
        raise RunNotFoundError(
            f"run {run_id!r} of project {project!r} was deleted", kind="run_deleted"
        )
    if found is None:
        known = _newest_names(connection, entity, project)
        named = {text: id_ for id_, name in reversed(known) for text in (name, id_)}
        near = dict.fromkeys(named[text] for text in difflib.get_close_matches(run_id, named))
        raise RunNotFoundError(
            f"no run {run_id!r} in project {project!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else "list the runs with: art run ls",
        )
    return found


def find(
    db: Database, connection: Connection, entity: str, project: str, run_id: str
) -> RunRecord | None:
    """Return one run, also one that was deleted; None if the project has none of this id."""
    here = sa.and_(projects.c.entity == entity, projects.c.name == project, runs.c.run_id == run_id)
    return next(iter(_load(db, connection, here)), None)


def _newest_names(connection: Connection, entity: str, project: str) -> list[tuple[str, str]]:
    """Return (id, name) of runs that somebody may have meant: the newest ones, newest first."""
    statement = (
        sa.select(runs.c.run_id, runs.c.name)
        .join(projects, projects.c.id == runs.c.project_id)
        .where(projects.c.entity == entity, projects.c.name == project, runs.c.deleted_at.is_(None))
        .order_by(runs.c.id.desc())
        .limit(_LOOKED_AT)
    )
    return [(row.run_id, row.name) for row in connection.execute(statement)]


def get_many(db: Database, connection: Connection, keys: Iterable[int]) -> dict[int, RunRecord]:
    """Return runs by their keys."""
    wanted = set(keys)
    if not wanted:
        return {}
    statement, values = _keys_statement(db.dialect), key_lists.values(db.dialect, wanted)
    found = _records(db, connection, connection.execute(statement, values).all())
    return {run.key: run for run in found}


def list_runs(
    db: Database, connection: Connection, *, entity: str | None = None, project: str | None = None
) -> list[RunRecord]:
    """Return runs that are not deleted, newest first."""
    condition: sa.ColumnElement[bool] = runs.c.deleted_at.is_(None)
    if entity is not None:
        condition = sa.and_(condition, projects.c.entity == entity)
    if project is not None:
        condition = sa.and_(condition, projects.c.name == project)
    return _load(db, connection, condition)[::-1]


def count(connection: Connection, entity: str, project: str) -> int:
    """Return how many runs a project has."""
    statement = (
        sa.select(sa.func.count())
        .select_from(runs)
        .join(projects, projects.c.id == runs.c.project_id)
        .where(projects.c.entity == entity, projects.c.name == project)
    )
    return int(connection.execute(statement).scalar_one())


def link(
    db: Database,
    connection: Connection,
    run: int,
    version_id: int,
    kind: LinkKind,
    *,
    ref_text: str | None = None,
    alias: str | None = None,
) -> None:
    """Record an edge; recording it again changes nothing.

    Args:
        alias: The alias through which the version was resolved.
    """
    if kind is LinkKind.INPUT:
        changes.check_not_deleted(connection, version_id)
    insert_link(db, connection, run, version_id, kind, ref_text=ref_text, alias=alias)


def insert_link(
    db: Database,
    connection: Connection,
    run: int,
    version_id: int,
    kind: LinkKind,
    *,
    ref_text: str | None = None,
    alias: str | None = None,
) -> None:
    """Do what `link` does, also if the version was deleted meanwhile."""
    event = changes.alias_event(connection, version_id, alias) if alias else None
    row = {
        "run_id": run,
        "version_id": version_id,
        "kind": kind.value,
        "at": db.now(connection),
        "ref_text": ref_text,
        "alias_event_id": event,
        "internal": version_statements.is_internal(version_id),
    }
    new = db.insert(links).values(row).on_conflict_do_nothing().returning(links.c.id)
    if connection.scalar(new) is not None:
        events.note_link(db, connection, run, version_id, kind)


def links_of_runs(
    db: Database, connection: Connection, keys: Iterable[int], kind: LinkKind
) -> list[LinkRecord]:
    """Return the edges of the given direction at any of these runs, oldest first."""
    return _links(db, connection, links.c.run_id, keys, kind)


def links_of_versions(
    db: Database, connection: Connection, ids: Iterable[int], kind: LinkKind
) -> list[LinkRecord]:
    """Return the edges of the given direction at any of these versions, oldest first."""
    return _links(db, connection, links.c.version_id, ids, kind)


def _links(
    db: Database,
    connection: Connection,
    column: sa.ColumnElement[int],
    keys: Iterable[int],
    kind: LinkKind,
) -> list[LinkRecord]:
    rows: list[sa.Row[Any]] = []
    for batch in chunked(sorted(set(keys))):
        statement = sa.select(links).where(column.in_(batch), links.c.kind == kind.value)
        rows.extend(connection.execute(statement))
    rows.sort(key=lambda row: row.id)
    run_map = get_many(db, connection, (row.run_id for row in rows))
    version_map = version_statements.get_many(connection, (row.version_id for row in rows))
    return [
        LinkRecord(
            run_map[row.run_id],
            version_map[row.version_id],
            LinkKind(row.kind),
            row.at,
            row.ref_text,
            row.subset,
        )
        for row in rows
    ]


def history_versions(connection: Connection, keys: Iterable[int]) -> dict[int, VersionRecord]:
    """Return, by the key of the run, the newest version of its history."""
    newest: dict[int, int] = {}
    for batch in chunked(sorted(set(keys))):
        statement = (
            sa.select(links.c.run_id, links.c.version_id)
            .join(versions, versions.c.id == links.c.version_id)
            .join(artifacts, artifacts.c.id == versions.c.artifact_id)
            .where(
                links.c.run_id.in_(batch),
                links.c.kind == LinkKind.OUTPUT.value,
                artifacts.c.type == RUN_HISTORY,
                versions.c.deleted_at.is_(None),
            )
            .order_by(versions.c.number)
        )
        newest.update((row.run_id, row.version_id) for row in connection.execute(statement))
    found = version_statements.get_many(connection, newest.values())
    return {run: found[version_id] for run, version_id in newest.items()}


def trials(db: Database, connection: Connection, sweep: SweepRecord) -> list[RunRecord]:
    """Return the runs whose configurations a sweep has chosen, oldest first, also deleted ones."""
    return _load(
        db,
        connection,
        sa.and_(
            projects.c.entity == sweep.entity,
            projects.c.name == sweep.project,
            runs.c.sweep_id == sweep.id,
            runs.c.trial.is_not(None),
        ),
    )


def _load(
    db: Database, connection: Connection, condition: sa.ColumnElement[bool]
) -> list[RunRecord]:
    return _records(db, connection, connection.execute(_select(condition)).all())


@functools.cache
def _keys_statement(dialect: str) -> sa.Select[Any]:
    """Return the statement for runs by keys; to put it together takes longer than to answer it."""
    return _select(key_lists.is_among(dialect, runs.c.id, key_lists.named()))


def _select(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(*_COLUMNS)
        .join_from(runs, projects, projects.c.id == runs.c.project_id)
        .where(condition)
        .order_by(runs.c.id)
    )


def _records(db: Database, connection: Connection, found: Sequence[Any]) -> list[RunRecord]:
    # By position: to ask a row for a column by its name takes longer than to read it.
    rows = [list(row) for row in found]
    active = any(row[_STATE] in ACTIVE_STATES for row in rows)
    silent = db.now(connection) - CRASHED_AFTER if active else 0
    for row in rows:
        row[_STATE] = _state(row[_STATE], row[_HEARTBEAT], silent)
        row[_TAGS] = tuple(row[_TAGS])
    return [RunRecord(*row) for row in rows]


def _state(state: str, heartbeat_at: int | None, silent: int) -> str:
    """Return the state of a run, of which nobody enters that it was killed."""
    dead = heartbeat_at is not None and heartbeat_at < silent
    if state in ACTIVE_STATES and dead:
        return PREEMPTED if state == PREEMPTING else CRASHED
    return state


def state_at(now: int) -> sa.ColumnElement[str]:
    """Return the state of a run as SQL; see `_state`."""
    dead = sa.and_(
        runs.c.state.in_(sorted(ACTIVE_STATES)), runs.c.heartbeat_at < now - CRASHED_AFTER
    )
    killed = sa.case((runs.c.state == PREEMPTING, PREEMPTED), else_=CRASHED)
    return sa.case((dead, killed), else_=runs.c.state)


def edit(
    db: Database,
    connection: Connection,
    key: int,
    change: Callable[[RunRecord], Mapping[str, Any]],
) -> RunRecord:
    """Change columns of a run as they are now, which nobody else changes meanwhile.

    Args:
        change: Returns columns with their new values.
    """
    connection.execute(sa.select(runs.c.id).where(runs.c.id == key).with_for_update())
    values = change(get_many(db, connection, [key])[key])
    if values:
        update(connection, key, values)
    return get_many(db, connection, [key])[key]


def running_users(connection: Connection, version_ids: Iterable[int]) -> dict[int, str]:
    """Return, by version, the id of a running run that uses it as input."""
    found: dict[int, str] = {}
    for batch in chunked(sorted(set(version_ids))):
        statement = (
            sa.select(links.c.version_id, runs.c.run_id)
            .join(runs, runs.c.id == links.c.run_id)
            .where(
                links.c.version_id.in_(batch),
                links.c.kind == LinkKind.INPUT.value,
                runs.c.state.in_(sorted(ACTIVE_STATES)),
            )
        )
        found.update((row.version_id, row.run_id) for row in connection.execute(statement))
    return found
