"""`Agent`: tries one configuration of a sweep after the other.

Any number of agents may work on one sweep at once, in processes and on machines of their own. They
do not know of each other: each reserves what it tries in the catalog, and decides by what the
catalog says of all runs of the sweep; see `store.catalog.sweeps.reserve_trial`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from artifacts import settings
from artifacts.runs.names import new_id, new_name
from artifacts.runs.trial_watch import note_stop
from artifacts.runs.trials import Ticket
from artifacts.store.catalog.sweeps import NewTrial
from artifacts.store.errors import ArtifactsError, StateError
from artifacts.store.records import ACTIVE_STATES, SweepState, Trial
from artifacts.sweeps.choosing import INTERRUPTED, plan
from artifacts.sweeps.configuration import parse

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.store.records import RunRecord, SweepRecord

log = logging.getLogger("artifacts")

POLL = 2.0
"""Seconds between two looks at the state of the sweep."""

MOST_FAILURES = 5
"""Runs that fail at the start of an agent, before it gives up."""

_BEAT_EVERY = 30.0


class Pulse:
    """Signs of life of a run that is being tried, and news of its sweep."""

    def __init__(self, place: Place, sweep: SweepRecord, run: RunRecord, ticket: Ticket) -> None:
        self._place = place
        self._sweep = sweep
        self._run = run
        self._ticket = ticket
        self._beaten = time.monotonic()
        self._failing = False

    def tick(self) -> None:
        """Tell the catalog that the trial is under way, and learn whether it is to end."""
        catalog = self._place.store.catalog
        try:
            if time.monotonic() - self._beaten >= _BEAT_EVERY:
                catalog.beat(self._run.key, {})
                self._beaten = time.monotonic()
            sweep = catalog.sweep(self._sweep.entity, self._sweep.project, self._sweep.id)
        except ArtifactsError as error:
            if not self._failing:
                log.warning("the agent does not learn of its sweep at the moment: %s", error)
            self._failing = True
            return
        self._failing = False
        if sweep.state is SweepState.CANCELLED and self._ticket.ending is None:
            self._ticket.ending = "the sweep was cancelled"

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Have a thread do it while the trial runs in this one."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(POLL):
                self.tick()

        thread = threading.Thread(target=work, name="artifacts-agent", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


class Work(Protocol):
    """How a trial is run."""

    def run(self, ticket: Ticket, trial: Trial, pulse: Pulse) -> int:
        """Run it, and return the exit code with which it has ended."""


class _UndecidedError(Exception):
    """What to try depends on what was found, and that takes longer than a transaction may."""

    def __init__(self, number: int, runs: Sequence[RunRecord]) -> None:
        super().__init__()
        self.number = number
        self.runs = runs


class Agent:
    """Tries configurations until there is nothing left to try.

    Args:
        work: How a trial is run.
        count: How many to try; None for no limit.
    """

    def __init__(
        self, place: Place, sweep: SweepRecord, work: Work, count: int | None = None
    ) -> None:
        self._place = place
        self._sweep = sweep
        self._configuration = parse(sweep.config)
        self._work = work
        self._count = count
        self._state = sweep.state
        self._suggested: tuple[int, dict[str, object]] | None = None

    def run(self) -> int:
        """Try one configuration after the other; return how many.

        Raises:
            StateError: All of the first runs have failed.
            ConfigError: A library that the search needs is not installed.
            KeyboardInterrupt: Somebody has interrupted it; the run that was being tried is marked
                as failed, and its configuration is tried again.
        """
        tried = failed = 0
        while self._count is None or tried < self._count:
            run = self._next()
            if run is None:
                break
            tried += 1
            failed += self._try(run) in {"failed", "crashed"}
            if failed == tried == MOST_FAILURES:
                raise StateError(
                    f"all of the first {failed} runs of sweep {self._sweep.id} have failed",
                    hint=f"look at what the last one printed: art run log {run.id}",
                    kind="agent_failing",
                )
        log.info("the agent of sweep %s has tried %d configurations", self._sweep.id, tried)
        return tried

    def _next(self) -> RunRecord | None:
        """Reserve what to try; wait while the sweep is paused. None if this is the end."""
        catalog = self._place.store.catalog
        told = False
        while True:
            try:
                run = catalog.reserve_trial(self._sweep.key, self._reserve)
            except _UndecidedError as asked:
                # Others may be faster meanwhile; then it is asked again, with their trials.
                from artifacts.sweeps.bayes import suggest

                config = suggest(self._configuration, asked.runs, asked.number)
                self._suggested = asked.number, config
                continue
            if run is not None:
                return run
            if self._state is not SweepState.PAUSED:
                return None
            if not told:
                log.info("sweep %s is paused; the agent waits", self._sweep.id)
            told = True
            time.sleep(POLL)

    def _reserve(
        self, sweep: SweepRecord, runs: Sequence[RunRecord]
    ) -> NewTrial | SweepState | None:
        """Decide what to try, while no other agent does."""
        self._state = sweep.state
        if sweep.state is not SweepState.RUNNING:
            return None
        found = plan(self._configuration, runs)
        if found.number is None:
            return None if found.waits else SweepState.FINISHED
        config = found.config
        if config is None:
            if self._suggested is None or self._suggested[0] != found.number:
                raise _UndecidedError(found.number, runs)
            config = self._suggested[1]
        user, _, host = settings.user_name().partition("@")
        values = {
            "name": new_name(len(runs) + 1, "sweep"),
            "config": config,
            "user": user,
            "host": host,
        }
        return NewTrial(new_id(), Trial(found.number, config), values)

    def _try(self, run: RunRecord) -> str:
        """Run a trial; return the state in which its run has ended."""
        ticket = Ticket(
            (run.entity, run.project, run.id), self._sweep.id, self._place.settings.store
        )
        trial = Trial.of(run)
        log.info("run %s of sweep %s tries %s", run.id, self._sweep.id, trial.config)
        pulse = Pulse(self._place, self._sweep, run, ticket)
        try:
            code = self._work.run(ticket, trial, pulse)
        except BaseException:
            self._settle(run, INTERRUPTED)
            raise
        return self._settle(run, code, ticket.ending)

    def _settle(self, run: RunRecord, code: int, ending: str | None = None) -> str:
        """See to it that the run of a trial has ended, whatever its program did."""
        catalog = self._place.store.catalog
        record = catalog.run(run.entity, run.project, run.id, deleted=True)
        trial = Trial.of(record)
        if ending is not None and trial.stopped is None:
            note_stop(self._place, run.key, ending)
        if record.state not in ACTIVE_STATES:
            return record.state
        if not trial.begun:
            log.warning(
                "run %s was not begun: what a sweep tries has to call artifacts.init()", run.id
            )
        state = "finished" if code == 0 else "failed"
        catalog.finish_run(run.key, state, code)
        return state
