"""Statements about searches over settings, and the trials that their agents reserve.

A trial is a run: it is inserted, with the configuration that was chosen for it, before its program
begins. What was tried, and what is being tried, is therefore what the table of runs says, and an
agent that is killed leaves nothing behind but a run without signs of life.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from artifacts.store.catalog import projects as project_statements
from artifacts.store.catalog import runs as run_statements
from artifacts.store.catalog.schema import projects, runs, sweeps
from artifacts.store.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from artifacts.store.records import RunRecord, SweepRecord, SweepState, Trial

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from artifacts.store.catalog.database import Database


class NewTrial(NamedTuple):
    """A run to be made.

    Attributes:
        run_id: Its id, which is not taken.
        values: Other columns of the run.
    """

    run_id: str
    trial: Trial
    values: Mapping[str, Any]


Reserve = Callable[[SweepRecord, Sequence[RunRecord]], NewTrial | SweepState | None]
"""Decides what to try, from the sweep and all its trials; see `reserve_trial`."""


def create(
    db: Database,
    connection: Connection,
    entity: str,
    project: str,
    sweep_id: str,
    values: Mapping[str, Any],
    prior: Mapping[int, Trial],
) -> SweepRecord:
    """Make a sweep, which is running.

    Args:
        values: ``name``, ``config`` and ``created_by``.
        prior: Trials from before the sweep, by the keys of their runs.

    Raises:
        AlreadyExistsError: The project has a sweep of this id.
        InvalidInputError: A run belongs to a sweep already.
    """
    row = {
        **values,
        "project_id": project_statements.ensure_project(db, connection, entity, project),
        "sweep_id": sweep_id,
        "state": SweepState.RUNNING.value,
        "created_at": db.now(connection),
    }
    statement = db.insert(sweeps).values(row).on_conflict_do_nothing().returning(sweeps.c.id)
    key = connection.scalar(statement)
    if key is None:
        raise AlreadyExistsError(f"sweep {sweep_id!r} exists already in project {project!r}")
    for run, trial in prior.items():
        adopted = (
            sa.update(runs)
            .where(runs.c.id == run, runs.c.sweep_id.is_(None))
            .values(sweep_id=sweep_id, trial=trial.to_json())
            .returning(runs.c.id)
        )
        if connection.scalar(adopted) is None:
            record = run_statements.get_many(db, connection, [run])[run]
            raise InvalidInputError(
                f"run {record.id!r} belongs to sweep {record.sweep_id!r} already",
                hint="leave it out of prior_runs",
                kind="bad_prior_run",
            )
    return _load(connection, sweeps.c.id == key)[0]


def get(connection: Connection, entity: str, project: str, sweep_id: str) -> SweepRecord:
    """Return one sweep.

    Raises:
        NotFoundError: The project has no sweep of this id; near matches are in the hint.
    """
    here = sa.and_(projects.c.entity == entity, projects.c.name == project)
    found = _load(connection, sa.and_(here, sweeps.c.sweep_id == sweep_id))
    if not found:
        known = {text: each.id for each in _load(connection, here) for text in (each.name, each.id)}
        near = dict.fromkeys(known[text] for text in difflib.get_close_matches(sweep_id, known))
        raise NotFoundError(
            f"no sweep {sweep_id!r} in project {project!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else "list them: art sweep ls",
            kind="sweep_not_found",
        )
    return found[0]


def list_sweeps(
    connection: Connection, *, entity: str, project: str | None, sweep_id: str | None
) -> list[SweepRecord]:
    """Return sweeps, newest first.

    Args:
        project: None for all projects.
        sweep_id: None for any.
    """
    condition: sa.ColumnElement[bool] = projects.c.entity == entity
    if project is not None:
        condition = sa.and_(condition, projects.c.name == project)
    if sweep_id is not None:
        condition = sa.and_(condition, sweeps.c.sweep_id == sweep_id)
    return _load(connection, condition)[::-1]


def change(
    connection: Connection, key: int, change_state: Callable[[SweepState], SweepState]
) -> SweepRecord:
    """Change the state of a sweep, which nobody else changes meanwhile."""
    before = _locked(connection, key)
    after = change_state(before.state)
    if after != before.state:
        _set_state(connection, key, after)
    return _load(connection, sweeps.c.id == key)[0]


def reserve_trial(
    db: Database, connection: Connection, key: int, reserve: Reserve
) -> RunRecord | None:
    """Reserve what to try next: make its run.

    Agents take turns: the row of the sweep is locked before its trials are read (on SQLite, the
    whole catalog is), and the run is inserted in the same transaction. Each agent so decides with
    the reservations of all others before its eyes, and none is made twice.

    Args:
        reserve: Returns the run to be made, the state that the sweep has come to if nothing is
            left to try, or None to change nothing. What it raises ends the transaction. It may be
            called again.

    Returns:
        The run that is reserved, if there is one.
    """
    sweep = _locked(connection, key)
    decided = reserve(sweep, run_statements.trials(db, connection, sweep))
    if decided is None:
        return None
    if isinstance(decided, SweepState):
        _set_state(connection, key, decided)
        return None
    values = {**decided.values, "sweep_id": sweep.id, "trial": decided.trial.to_json()}
    return run_statements.create(
        db, connection, sweep.entity, sweep.project, decided.run_id, values, begins=False
    )


def _locked(connection: Connection, key: int) -> SweepRecord:
    connection.execute(sa.select(sweeps.c.id).where(sweeps.c.id == key).with_for_update())
    return _load(connection, sweeps.c.id == key)[0]


def _set_state(connection: Connection, key: int, state: SweepState) -> None:
    connection.execute(sa.update(sweeps).where(sweeps.c.id == key).values(state=state.value))


def _load(connection: Connection, condition: sa.ColumnElement[bool]) -> list[SweepRecord]:
    statement = (
        sa.select(sweeps, projects.c.name.label("project_name"), projects.c.entity.label("entity"))
        .join(projects, projects.c.id == sweeps.c.project_id)
        .where(condition)
        .order_by(sweeps.c.id)
    )
    return [
        SweepRecord(
            row.id,
            row.entity,
            row.project_name,
            row.sweep_id,
            row.name,
            row.config,
            SweepState(row.state),
            row.created_at,
            row.created_by,
        )
        for row in connection.execute(statement)
    ]
