"""How a run begins that an agent has reserved for a trial of a sweep."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from artifacts.runs import trials
from artifacts.runs.mapping import with_value
from artifacts.runs.starting import Start, resume
from artifacts.runs.trial_watch import TrialWatch
from artifacts.store.errors import RunNotFoundError, StateError
from artifacts.store.records import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts._session import Place
    from artifacts.runs.starting import Request
    from artifacts.runs.trials import Ticket
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")


def begin_trial(place: Place, request: Request, ticket: Ticket) -> Start | None:
    """Begin the run that is reserved for a trial, with the configuration that was chosen for it.

    If this process has begun and ended it before, it goes on.

    Returns:
        None, with a warning, if another process has begun it, such as one more of a distributed
        job: only one logs rows of a run.

    Raises:
        StateError: The run is not in this store.
    """
    catalog = place.store.catalog
    try:
        record = catalog.run(ticket.entity, ticket.project, ticket.run_id)
    except RunNotFoundError as error:
        raise StateError(
            f"the run {ticket.run_id!r} that is reserved for a trial of sweep "
            f"{ticket.sweep_id!r} is not in this store",
            hint="leave mode='offline' out: agents share the store of their sweep",
            kind="no_such_trial",
        ) from error
    if ticket.begun:
        start = resume(place, record, request)
        return replace(start, trial=TrialWatch(place, start.record, ticket))
    trials.take(ticket)
    first = False

    def begin(run: RunRecord) -> Mapping[str, Any]:
        nonlocal first
        trial = Trial.of(run)
        first = not trial.begun
        return {"trial": replace(trial, begun=True).to_json()}

    record = catalog.edit_run(record.key, begin)
    if not first:
        trials.withdraw()
        log.warning(
            "another process has begun run %s, the trial of sweep %s; this one begins a run of its "
            "own, in the group of that name",
            ticket.run_id,
            ticket.sweep_id,
        )
        return None
    config = request.values["config"]
    for path, value in _paths(Trial.of(record).config):
        config = with_value(config, path, value)
    name = request.name or record.name
    catalog.resume_run(record.key, {**request.values, "name": name, "config": config})
    record = catalog.run(record.entity, record.project, record.id)
    return Start(record, record.created_at / 1e6, trial=TrialWatch(place, record, ticket))


def _paths(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values of nested dicts, with the keys that lead to them."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            for path, inner in _paths(value):
                yield (key, *path), inner
        else:
            yield (key,), value
