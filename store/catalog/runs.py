"""Statements about runs and the edges between runs and versions."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog import changes
from artifacts.store.catalog import projects as project_statements
from artifacts.store.catalog import versions as version_statements
from artifacts.store.catalog.database import chunked
from artifacts.store.catalog.schema import links, projects, runs
from artifacts.store.errors import AlreadyExistsError, RunNotFoundError
from artifacts.store.records import LinkKind, LinkRecord, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database

RUNNING = "running"


def create(
    db: Database,
    connection: Connection,
    entity: str,
    project: str,
    run_id: str,
    values: Mapping[str, Any],
) -> RunRecord:
    """Start a run.

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
        "created_at": db.now(connection),
    }
    statement = db.insert(runs).values(row).on_conflict_do_nothing().returning(runs.c.id)
    key = connection.scalar(statement)
    if key is None:
        raise AlreadyExistsError(
            f"run {run_id!r} exists already in project {project!r}",
            hint="leave id= out to get a fresh one",
        )
    return get_many(connection, [key])[key]


def update(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Change columns of a run."""
    connection.execute(sa.update(runs).where(runs.c.id == key).values(**values))


def finish(db: Database, connection: Connection, key: int, state: str, exit_code: int) -> None:
    """End a run."""
    now = db.now(connection)
    update(connection, key, {"state": state, "exit_code": exit_code, "finished_at": now})


def get(connection: Connection, entity: str, project: str, run_id: str) -> RunRecord:
    """Return one run.

    Raises:
        RunNotFoundError: The project has no run of this id; near matches, by id or by name, are
            in the hint.
    """
    here = sa.and_(projects.c.entity == entity, projects.c.name == project, runs.c.run_id == run_id)
    found = _load(connection, here)
    if not found:
        known = list_runs(connection, entity=entity, project=project)
        named = {text: run.id for run in reversed(known) for text in (run.name, run.id)}
        near = dict.fromkeys(named[text] for text in difflib.get_close_matches(run_id, named))
        raise RunNotFoundError(
            f"no run {run_id!r} in project {project!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else "list the runs with: art run ls",
        )
    return found[0]


def get_many(connection: Connection, keys: Iterable[int]) -> dict[int, RunRecord]:
    """Return runs by their keys."""
    found: dict[int, RunRecord] = {}
    for batch in chunked(sorted(set(keys))):
        found.update((run.key, run) for run in _load(connection, runs.c.id.in_(batch)))
    return found


def list_runs(
    connection: Connection, *, entity: str | None = None, project: str | None = None
) -> list[RunRecord]:
    """Return runs, newest first."""
    condition: sa.ColumnElement[bool] = sa.true()
    if entity is not None:
        condition = sa.and_(condition, projects.c.entity == entity)
    if project is not None:
        condition = sa.and_(condition, projects.c.name == project)
    return _load(connection, condition)[::-1]


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
    event = changes.alias_event(connection, version_id, alias) if alias else None
    row = {
        "run_id": run,
        "version_id": version_id,
        "kind": kind.value,
        "at": db.now(connection),
        "ref_text": ref_text,
        "alias_event_id": event,
    }
    connection.execute(db.insert(links).values(row).on_conflict_do_nothing())


def links_of_runs(connection: Connection, keys: Iterable[int], kind: LinkKind) -> list[LinkRecord]:
    """Return the edges of the given direction at any of these runs, oldest first."""
    return _links(connection, links.c.run_id, keys, kind)


def links_of_versions(
    connection: Connection, ids: Iterable[int], kind: LinkKind
) -> list[LinkRecord]:
    """Return the edges of the given direction at any of these versions, oldest first."""
    return _links(connection, links.c.version_id, ids, kind)


def _links(
    connection: Connection, column: sa.ColumnElement[int], keys: Iterable[int], kind: LinkKind
) -> list[LinkRecord]:
    rows: list[sa.Row[Any]] = []
    for batch in chunked(sorted(set(keys))):
        statement = sa.select(links).where(column.in_(batch), links.c.kind == kind.value)
        rows.extend(connection.execute(statement))
    rows.sort(key=lambda row: row.id)
    run_map = get_many(connection, (row.run_id for row in rows))
    version_map = version_statements.get_many(connection, (row.version_id for row in rows))
    return [
        LinkRecord(
            run_map[row.run_id],
            version_map[row.version_id],
            LinkKind(row.kind),
            row.at,
            row.ref_text,
        )
        for row in rows
    ]


def _load(connection: Connection, condition: sa.ColumnElement[bool]) -> list[RunRecord]:
    statement = (
        sa.select(runs, projects.c.name.label("project_name"), projects.c.entity.label("entity"))
        .join(projects, projects.c.id == runs.c.project_id)
        .where(condition)
        .order_by(runs.c.id)
    )
    return [
        RunRecord(
            row.id,
            row.entity,
            row.project_name,
            row.run_id,
            row.name,
            row.state,
            row.group,
            row.job_type,
            row.notes,
            tuple(row.tags),
            row.config,
            row.summary,
            row.created_at,
            row.finished_at,
            row.exit_code,
            row.user,
            row.host,
        )
        for row in connection.execute(statement)
    ]


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
                runs.c.state == "running",
            )
        )
        found.update((row.version_id, row.run_id) for row in connection.execute(statement))
    return found
