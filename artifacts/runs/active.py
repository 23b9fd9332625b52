"""The runs that are active in this process; module-level functions act on one of them."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from artifacts.runs.run import Run

log = logging.getLogger("artifacts")

runs: list[Run] = []
"""Those that have not ended, the newest last."""

lock = threading.RLock()
"""Held while a run begins, so that two threads do not begin one each."""

_current: list[Run] = []


def active_run() -> Run | None:
    """Return the run that module-level functions act on."""
    return _current[-1] if _current else None


def enter(run: Run, *, current: bool) -> None:
    """Take note of a run that has begun.

    Args:
        current: Whether it is the one that module-level functions act on.
    """
    runs.append(run)
    if current:
        _current.append(run)


def leave(run: Run) -> None:
    """Undo `enter`; again does nothing."""
    for known in (runs, _current):
        if run in known:
            known.remove(run)


def finish_all(exit_code: int) -> None:
    """Finish what is active when the interpreter exits."""
    for run in reversed(runs[:]):
        try:
            run.finish(exit_code)
        except ArtifactsError:
            log.exception("run %s could not be finished", run.id)


def _after_fork() -> None:
    # The runs belong to the parent; the lock may have been held by a thread that is no more.
    global lock  # noqa: PLW0603 - the child's own
    lock = threading.RLock()
    for run in runs:
        run._after_fork()
    runs.clear()
    _current.clear()


os.register_at_fork(after_in_child=_after_fork)
