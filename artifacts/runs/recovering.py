"""Recovering, beside the work of a run that begins, what killed runs of its project have left."""

from __future__ import annotations

import functools
import logging
import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from artifacts import _session
from artifacts.runs import folders
from artifacts.runs.completing import recover_run
from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.runs.folders import Left

log = logging.getLogger("artifacts")


class _Recovery(NamedTuple):
    thread: threading.Thread
    stop: threading.Event


_running: list[_Recovery] = []


def begin(place: Place) -> None:
    """Look for journals of killed processes on this machine, and record what is in them.

    A thread does it, for which the end of the process waits, one run long at most. What cannot be
    recovered stays, and is only mentioned: ``art run recover`` says why.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=_work, args=(_without_run(place), stop), name="artifacts-recovery", daemon=True
    )
    _prepare()
    _running[:] = [each for each in _running if each.thread.is_alive()]
    _running.append(_Recovery(thread, stop))
    thread.start()


@functools.cache
def _prepare() -> None:
    _session.before_close(_end)
    os.register_at_fork(after_in_child=_running.clear)


def _end() -> None:
    while _running:
        recovery = _running.pop()
        recovery.stop.set()
        recovery.thread.join()


def _without_run(place: Place) -> Place:
    """Return the same place, in which nothing is logged behind the back of the run."""
    return _session.Place(
        place.store,
        place.settings,
        place.entity,
        place.project,
        offline=place.offline,
        remembered=place.remembered,
    )


def _work(place: Place, stop: threading.Event) -> None:
    try:
        left: dict[str, list[Left]] = {}
        for each in folders.find_left(place):
            entity, project, run_id = each.run
            if (entity, project) == (place.entity, place.project):
                left.setdefault(run_id, []).append(each)
    except (ArtifactsError, OSError) as error:
        log.warning("could not look for what killed runs have left: %s", error)
        return
    for run_id, journals in left.items():
        if stop.is_set():
            return
        _recover(place, run_id, journals)


def _recover(place: Place, run_id: str, journals: list[Left]) -> None:
    try:
        run = place.store.catalog.run(place.entity, place.project, run_id)
        recover_run(place, run, journals)
    except (ArtifactsError, OSError) as error:
        if all(each.path.exists() for each in journals):  # else somebody else has done it
            log.warning(
                "what run %s has left could not be recorded: %s; try again with: art run recover",
                run_id,
                error,
            )
    else:
        log.info("recorded what run %s had logged before it was killed", run_id)
