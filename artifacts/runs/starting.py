"""How a run begins: as a new one, where an earlier process has left it, or at a step of one."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from artifacts._history import load
from artifacts.runs import branching, folders
from artifacts.runs.completing import recover_run
from artifacts.runs.files import NOT_STORED
from artifacts.runs.names import new_id, new_name
from artifacts.runs.values import storable
from artifacts.store.errors import (
    AlreadyExistsError,
    InvalidInputError,
    RunNotFoundError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from artifacts._session import Place
    from artifacts.runs.branching import Branch
    from artifacts.runs.folders import Left
    from artifacts.runs.trial_watch import TrialWatch
    from artifacts.runs.trials import Ticket
    from artifacts.store.records import RunRecord

    Resume = Literal["allow", "must", "never", "auto"]

log = logging.getLogger("artifacts")


@dataclass(frozen=True, slots=True)
class Request:
    """The run that is wanted.

    Attributes:
        id: None for a new one.
        name: Display name; None for a new one.
        resume: What to do if there is a run of this id; None to begin it anew.
        fork: Where in another run it begins.
        rewind: Where in its own history it begins.
        values: Columns of the run.
        trial: The trial of a sweep that it is; None for none.
    """

    id: str | None = None
    name: str | None = None
    resume: Resume | None = None
    fork: Branch | None = None
    rewind: Branch | None = None
    values: dict[str, Any] = field(default_factory=dict)
    trial: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """A run that begins, or goes on.

    Attributes:
        time: When it began, in seconds since 1970, less the time between its processes.
        step: Number of its next row.
        resumed: Whether it goes on.
        recorded: Whether versions of its history may exist.
        trial: What ends it early, if it is a trial of a sweep.
    """

    record: RunRecord
    time: float
    step: int = 0
    resumed: bool = False
    recorded: bool = False
    trial: TrialWatch | None = None


def check_resume(resume: bool | Resume | str | None, run_id: str | None) -> Resume | None:
    """Return what ``resume`` means.

    Raises:
        InvalidInputError: It means nothing, or nothing without an id.
    """
    if resume is True:
        return "auto"
    if resume in {None, False}:
        return None
    if resume not in {"allow", "must", "never", "auto"}:
        raise InvalidInputError(
            f"resume must be 'allow', 'must', 'never' or 'auto', not {resume!r}"
        )
    if resume == "must" and run_id is None:
        raise InvalidInputError("resume='must' needs the id of a run", hint="pass id=")
    return resume


def begin(place: Place, request: Request) -> Start:
    """Make a run, go on with one, or begin one anew.

    Raises:
        AlreadyExistsError: There is a run of this id, and it shall not be gone on with.
        RunNotFoundError: There is none, and there must be.
        StateError: A process is logging to a run that would lose rows.
        InvalidInputError: A run has not come as far as it shall be gone on with.
    """
    if request.trial is not None:
        from artifacts.runs.trial_start import begin_trial  # few runs are trials

        start = begin_trial(place, request, request.trial)
        if start is not None:
            return start
        values = {**request.values, "sweep_id": None, "group": request.trial.run_id}
        request = Request(name=request.name, values=values)
    if request.fork is not None:
        return _fork(place, request, request.fork)
    if request.rewind is not None:
        return _rewind(place, request, request.rewind)
    auto = request.resume == "auto"
    run_id = request.id
    if auto and run_id is None:
        run_id = folders.remembered(place)
    record = (
        None
        if run_id is None
        else place.store.catalog.find_run(place.entity, place.project, run_id)
    )
    if record is not None and auto and folders.is_running(place, record):
        # Another process in this directory, such as one more job of the same script.
        record, run_id = None, None
    if record is None:
        if request.resume == "must":
            raise RunNotFoundError(
                f"resume='must' but run ({run_id}) doesn't exist",
                hint="list the runs with: art run ls; or use resume='allow'",
            )
        start = _create(place, run_id or new_id(), request)
    elif request.resume is None:
        start = _restart(place, record, request)
    elif request.resume == "never":
        raise _exists(record)
    else:
        start = resume(place, record, request)
    if auto:
        folders.remember(place, start.record.id)
    return start


def _exists(record: RunRecord) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"run {record.id!r} exists already in project {record.project!r}",
        hint="leave id= out to get a fresh one, or go on with it: resume='allow'",
    )


def _create(place: Place, run_id: str, request: Request) -> Start:
    catalog = place.store.catalog
    name = request.name or new_name(catalog.count_runs(place.entity, place.project) + 1)
    values = {**request.values, "name": name}
    record = catalog.create_run(place.entity, place.project, run_id, values)
    return Start(record, record.created_at / 1e6)


def _restart(place: Place, record: RunRecord, request: Request) -> Start:
    """Begin a run anew. What it has logged stays in the versions that were made of it."""
    record = branching.settle(place, record, "begun anew")
    branching.cut(place, record, None)
    name = request.name or record.name
    place.store.catalog.restart_run(record.key, {**request.values, "name": name})
    log.info(
        "run %s is begun anew; what it has logged so far stays in older versions of its history",
        record.id,
    )
    record = _reload(place, record)
    return Start(record, record.created_at / 1e6, recorded=True)


def resume(place: Place, record: RunRecord, request: Request) -> Start:
    """Go on with a run after its last row."""
    left = folders.find_left(place, (record.entity, record.project, record.id))
    if left:
        record = _recover(place, record, left)
    place.store.catalog.resume_run(record.key, _changes(record, request))
    record = _reload(place, record)
    last = load(place.store, [record.key])[record.key].last_step
    elapsed = _elapsed(record.summary)
    return Start(record, time.time() - elapsed, last + 1, resumed=True, recorded=True)


def _recover(place: Place, record: RunRecord, left: Sequence[Left]) -> RunRecord:
    """Record what killed processes have left of a run that goes on."""
    try:
        return recover_run(place, record, left)
    except StorageError as error:
        if error.kind != NOT_STORED:
            raise
        # They stay in the run's folder, and are tried again when the run ends.
        log.warning("%s", error)
        return _reload(place, record)


def _rewind(place: Place, request: Request, branch: Branch) -> Start:
    """Go on with a run after one of its steps; rows after it are in older versions only."""
    record = place.store.catalog.run(place.entity, place.project, branch.run)
    branching.check_idle(place, record, "wound back")
    # Before anything is changed.
    branching.check_step(load(place.store, [record.key], _left(place, record))[record.key], branch)
    record = branching.settle(place, record, "wound back")
    history = load(place.store, [record.key])[record.key]
    state = branching.summary_at(history, record, branch.step)
    branching.cut(place, record, branch.step)
    summary = {"summary": storable(state.values), "tracking": state.tracking()}
    place.store.catalog.resume_run(record.key, {**_changes(record, request), **summary})
    record = _reload(place, record)
    began = time.time() - _elapsed(record.summary)
    return Start(record, began, branch.step + 1, resumed=True, recorded=True)


def _fork(place: Place, request: Request, branch: Branch) -> Start:
    """Make a run that begins with what another one had logged, configured and found by a step."""
    catalog = place.store.catalog
    parent = catalog.run(place.entity, place.project, branch.run)
    history = load(place.store, [parent.key], _left(place, parent))[parent.key]
    branching.check_step(history, branch)
    if request.id is not None:
        existing = place.store.catalog.find_run(place.entity, place.project, request.id)
        if existing is not None:
            raise _exists(existing)
    state = branching.summary_at(history, parent, branch.step)
    values = {
        **request.values,
        "config": {**parent.config, **request.values["config"]},
        "summary": storable(state.values),
        "tracking": state.tracking(),
    }
    record = _create(
        place, request.id or new_id(), Request(name=request.name, values=values)
    ).record
    try:
        branching.copy_rows(place, record, parent, history, branch)
    except BaseException:
        catalog.finish_run(record.key, "failed", 1)
        raise
    began = time.time() - _elapsed(record.summary)
    return Start(record, began, branch.step + 1, recorded=True)


def _left(place: Place, record: RunRecord) -> dict[int, list[Path]]:
    """Return the journals that killed processes of this machine have left of a run."""
    left = folders.find_left(place, (record.entity, record.project, record.id))
    return {record.key: [each.path for each in left]}


def _changes(record: RunRecord, request: Request) -> dict[str, Any]:
    """Return the columns that change when a run goes on."""
    changed = {
        key: value
        for key, value in request.values.items()
        if key in {"group", "job_type", "notes", "tags", "sweep_id"} and value
    }
    if request.name is not None:
        changed["name"] = request.name
    changed["config"] = {**record.config, **request.values["config"]}
    return changed


def _elapsed(summary: dict[str, Any]) -> float:
    elapsed = summary.get("_runtime", 0)
    return elapsed if isinstance(elapsed, int | float) else 0


def _reload(place: Place, record: RunRecord) -> RunRecord:
    return place.store.catalog.run(record.entity, record.project, record.id)
