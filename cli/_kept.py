"""What `art sync` does beside the outbox: journals of killed runs, and runs that were kept here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.cli import _describe, _text
from artifacts.cli._errors import Failure, describe
from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from artifacts.cli._app import App
    from artifacts.cli._output import Output
    from artifacts.runs.folders import Left
    from artifacts.runs.syncing import Kept, Synced
    from artifacts.store.joining import Part
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord


class Found(NamedTuple):
    """What there is to do.

    Attributes:
        journals: Of runs of the store that were killed.
        kept: What was logged while the store could not be reached.
        events: How many events of lineage were not sent.
    """

    journals: list[Left]
    kept: Kept
    events: int = 0

    def __bool__(self) -> bool:
        return bool(self.journals or self.kept.parts or self.kept.unfinished or self.events)


class Done(NamedTuple):
    """What was done.

    Attributes:
        recovered: Runs of which killed processes had left something.
        failures: Why something of that could not be recorded.
        synced: What became of what was kept.
        events: How many events of lineage were sent.
    """

    recovered: list[RunRecord]
    failures: list[Failure]
    synced: Synced
    events: int = 0

    @property
    def failed(self) -> bool:
        """Whether something remains that should not."""
        return bool(self.failures or self.synced.failed)

    def __bool__(self) -> bool:
        brought = any(each.runs or each.versions for each in self.synced.joined)
        return bool(
            self.recovered or self.failed or brought or self.synced.unfinished or self.events
        )


def look(app: App) -> Found:
    """Return what there is to do, without changing anything."""
    from artifacts.runs import syncing

    place = app.api._place
    waiting = 0 if app.settings.lineage_events is None else place.store.catalog.count_events()
    return Found(syncing.left_journals(place), syncing.look(app.settings), waiting)


def bring(app: App, progress: Progress | None) -> Done:
    """Do all of it."""
    from artifacts._lineage_events import send_waiting
    from artifacts.runs import syncing
    from artifacts.runs.completing import recover

    place = app.api._place
    recovered: list[RunRecord] = []
    failures = []
    try:
        recovered = recover(place)
    except ArtifactsError as error:
        failures.append(describe(error))
    synced = syncing.bring_over(place, progress)
    if synced.recovery is not None:
        failures.append(describe(synced.recovery))
    events = 0
    try:
        events = send_waiting(place)
    except ArtifactsError as error:
        failures.append(describe(error))
    return Done(recovered, failures, synced, events)


def data_of(done: Done) -> dict[str, Any]:
    """Return what was done, for JSON."""
    synced = done.synced
    return {
        "recovered": [_describe.run(run) for run in done.recovered],
        "offline": {
            "runs": [
                _run(run) | {"id": run_id, "logged_as": run.id}
                for each in synced.joined
                for run, run_id in each.runs
            ],
            "versions": [ref for each in synced.joined for ref in each.versions],
            "aliases_moved": [
                text for each in synced.joined for text in each.changes.aliases_moved
            ],
            "aliases_kept": [text for each in synced.joined for text in each.changes.aliases_kept],
            "failed": [_part(part) | _failure(error) for part, error in synced.failed],
            "unfinished": [_run(run) for run in synced.unfinished],
            "emptied": synced.emptied,
        },
        "not_recovered": [
            {"kind": failure.kind, "message": failure.message, "hint": failure.hint}
            for failure in done.failures
        ],
        "lineage_events": done.events,
    }


def show(out: Output, done: Done) -> None:
    """Print what was done."""
    for run in done.recovered:
        out.line(f"recorded run {run.project}/{run.id}, which {run.state}")
    synced = done.synced
    for each in synced.joined:
        for run, run_id in each.runs:
            as_ = "" if run_id == run.id else f" as {run_id}: there is another run {run.id}"
            out.line(f"brought run {run.project}/{run.id}{as_}")
        for ref in each.versions:
            out.line(f"brought {ref}")
        for text in each.changes.aliases_kept:
            out.line(f"{text}, and stays where it was moved to since")
    for part, error in synced.failed:
        if error is None:
            out.line(f"{_name(part)} goes on waiting")
        else:
            _show_failure(out, f"failed {_name(part)}", describe(error))
    for run in synced.unfinished:
        out.line(f"run {run.project}/{run.id} goes on, and stays here until it has ended")
    if done.events:
        out.line(f"sent {_text.count(done.events, 'event')} of lineage")
    for failure in done.failures:
        _show_failure(out, "not everything could be done", failure)


def data_of_found(found: Found) -> dict[str, Any]:
    """Return what there is to do, for JSON."""
    return {
        "journals": [
            {"entity": entity, "project": project, "id": run_id}
            for entity, project, run_id in _runs_of(found.journals)
        ],
        "offline": {
            "parts": [_part(part) for part in found.kept.parts],
            "unfinished": [_run(run) for run in found.kept.unfinished],
        },
        "lineage_events": found.events,
    }


def show_found(out: Output, found: Found) -> None:
    """Print what there is to do."""
    from artifacts.cli._text import size

    for _, project, run_id in _runs_of(found.journals):
        out.line(f"run {project}/{run_id} was killed, and is to be recorded")
    for part in found.kept.parts:
        out.line(f"logged offline: {_name(part)}, {size(part.size)}")
    for run in found.kept.unfinished:
        out.line(f"logged offline: run {run.project}/{run.id}, which has not ended")
    if found.events:
        out.line(f"{_text.count(found.events, 'event')} of lineage to be sent")


def _runs_of(journals: list[Left]) -> list[tuple[str, str, str]]:
    return list(dict.fromkeys(each.run for each in journals))


def _run(run: RunRecord) -> dict[str, Any]:
    return {"entity": run.entity, "project": run.project, "id": run.id, "name": run.name}


def _part(part: Part) -> dict[str, Any]:
    return {
        "runs": [_run(run) for run in part.runs],
        "versions": [_describe.version(version) for version in part.versions],
        "bytes": part.size,
    }


def _name(part: Part) -> str:
    """Say what a part is, by its runs or by its versions."""
    if part.runs:
        return "run " + ", ".join(f"{run.project}/{run.id}" for run in part.runs)
    return ", ".join(version.ref for version in part.versions)


def _failure(error: Exception | None) -> dict[str, Any]:
    if error is None:
        return {"kind": None, "message": None, "hint": None}
    failure = describe(error)
    return {"kind": failure.kind, "message": failure.message, "hint": failure.hint}


def _show_failure(out: Output, what: str, failure: Failure) -> None:
    out.line(f"{what}: {failure.message}", fg="red")
    if failure.hint:
        out.line(f"  → {failure.hint}")
