"""Runs that are trials of a sweep: how `init` finds the one that is reserved for it.

An agent reserves a trial, which is a run with a configuration, and then has the program run: in
this process, or in one of its own, which learns of the trial from its environment. The first run
that the program begins is the trial; one that it begins after that has ended goes on with it, so
that a function which asks for its configuration in one run and trains in another makes one trial.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from artifacts import _run_environment
from artifacts.runs import active

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger("artifacts")


class TrialStopped(SystemExit):
    """Raised by `Run.log` to end a trial early; the run then counts as finished.

    It is not an `Exception`, so that programs which go on after errors do not go on after it. A
    program of its own ends with exit code 0, and an agent that has called a function goes on with
    the next trial.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(0)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Ticket:
    """A trial that is reserved for this process.

    Args:
        run: Entity, project and id.
        store: Where the run is, as the settings have it; None for where they say.

    Attributes:
        ending: Why the trial is to end; None while it may go on.
        begun: Whether a run of this process was begun for it.
    """

    def __init__(self, run: tuple[str, str, str], sweep: str, store: str | None = None) -> None:
        self.entity, self.project, self.run_id = run
        self.sweep_id = sweep
        self.store = store
        self.ending: str | None = None
        self.begun = False
        self._pid = os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether the next run of this process is the trial."""
        if not self.begun:
            return True
        return self._pid == os.getpid() and all(run.id != self.run_id for run in active.runs)

    def told(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `init` is told, when it begins this trial.

        Args:
            given: What it was told by arguments and by the environment.
        """
        ours = {"entity": self.entity, "project": self.project, "id": self.run_id}
        if self.store is not None:
            ours["store"] = self.store
        other = [
            key
            for key, value in ours.items()
            if given.get(key) is not None and not _is_same(given[key], value)
        ]
        if other:
            log.warning(
                "init() begins a trial of sweep %s; not used: %s", self.sweep_id, ", ".join(other)
            )
        kept = {
            key: value
            for key, value in given.items()
            if key not in {"resume", "fork_from", "resume_from"}
        }
        return {**kept, **ours, "sweep_id": self.sweep_id}


def _is_same(given: Any, value: str) -> bool:
    """Whether two values of an argument are one; folders may be written in several ways."""
    return str(given) == value or os.path.abspath(str(given)) == value


_offered: list[Ticket] = []


def offer(ticket: Ticket) -> None:
    """Have the next run of this process be a trial."""
    _offered[:] = [ticket]


def withdraw() -> None:
    """Take an offer back: the trial is over."""
    _offered.clear()


def reserved(run_id: str | None = None) -> Ticket | None:
    """Return the trial that the next run of this process is, if one is reserved for it.

    Args:
        run_id: That the run is to have; with one of its own it does not go on with a trial.
    """
    if _offered:
        ticket = _offered[0]
        other = ticket.begun and run_id not in {None, ticket.run_id}
        return ticket if ticket.is_open and not other else None
    told = _run_environment.trial_variables()
    if told is None:
        return None
    run = (told["entity"], told["project"], told["run"])
    return Ticket(run, told["sweep"])


def take(ticket: Ticket) -> None:
    """Say that the reserved trial is being begun by this process."""
    ticket.begun = True
    offer(ticket)
    _run_environment.drop_trial_variables()
