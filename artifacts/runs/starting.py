"""How a run begins: as a new one, or where an earlier process has left it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from artifacts._history import load
from artifacts.runs import folders
from artifacts.runs.completing import recover_run
from artifacts.runs.names import new_id, new_name
from artifacts.store.errors import AlreadyExistsError, InvalidInputError, RunNotFoundError

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.store.records import RunRecord

    Resume = Literal["allow", "must", "never", "auto"]


@dataclass(frozen=True, slots=True)
class Start:
    """A run that begins, or goes on.

    Attributes:
        time: When it began, in seconds since 1970, less the time between its processes.
        step: Number of its next row.
    """

    record: RunRecord
    time: float
    step: int = 0
    resumed: bool = False


def check_resume(resume: bool | Resume | None, run_id: str | None) -> Resume:
    """Return what ``resume`` means.

    Raises:
        InvalidInputError: It means nothing, or nothing without an id.
    """
    if resume is True:
        return "auto"
    if resume in {None, False}:
        return "never"
    if resume not in {"allow", "must", "never", "auto"}:
        raise InvalidInputError(
            f"resume must be 'allow', 'must', 'never' or 'auto', not {resume!r}"
        )
    if resume == "must" and run_id is None:
        raise InvalidInputError("resume='must' needs the id of a run", hint="pass id=")
    return resume


def begin(
    place: Place, resume: Resume, run_id: str | None, name: str | None, values: dict[str, Any]
) -> Start:
    """Make a run, or go on with one.

    Args:
        run_id: None for a new one.
        name: Display name; None for a new one.
        values: Columns of the run.
    """
    auto = resume == "auto"
    if auto and run_id is None:
        run_id = folders.remembered(place)
    record = None if run_id is None else _find(place, run_id)
    if record is not None and auto and folders.is_running(place, record):
        # Another process in this directory, such as one more job of the same script.
        record, run_id = None, None
    if resume == "must" and record is None:
        raise RunNotFoundError(
            f"resume='must' but run ({run_id}) doesn't exist",
            hint="list the runs with: art run ls; or use resume='allow'",
        )
    if record is not None:
        if resume == "never":
            raise AlreadyExistsError(
                f"run {record.id!r} exists already in project {record.project!r}",
                hint="leave id= out to get a fresh one, or go on with it: resume='allow'",
            )
        start = _resume(place, record, name, values)
    else:
        start = _create(place, run_id or new_id(), name, values)
    if auto:
        folders.remember(place, start.record.id)
    return start


def _find(place: Place, run_id: str) -> RunRecord | None:
    try:
        return place.store.catalog.run(place.entity, place.project, run_id)
    except RunNotFoundError:
        return None


def _create(place: Place, run_id: str, name: str | None, values: dict[str, Any]) -> Start:
    catalog = place.store.catalog
    called = name or new_name(catalog.count_runs(place.entity, place.project) + 1)
    record = catalog.create_run(place.entity, place.project, run_id, {**values, "name": called})
    return Start(record, record.created_at / 1e6)


def _resume(place: Place, record: RunRecord, name: str | None, values: dict[str, Any]) -> Start:
    left = folders.find_left(place, (record.entity, record.project, record.id))
    if left:
        record = recover_run(place, record, left)
    catalog = place.store.catalog
    changed = {
        key: value
        for key, value in values.items()
        if key in {"group", "job_type", "notes", "tags"} and value
    }
    if name is not None:
        changed["name"] = name
    changed["config"] = {**record.config, **values["config"]}
    catalog.resume_run(record.key, changed)
    record = catalog.run(record.entity, record.project, record.id)
    last = load(place.store, [record.key])[record.key].last_step
    elapsed = record.summary.get("_runtime", 0)
    return Start(record, time.time() - elapsed, last + 1, resumed=True)
