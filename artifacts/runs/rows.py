"""What a run logs: the open row, its step, and the journal in which rows end."""

from __future__ import annotations

import copy
import logging
import operator
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from artifacts._corrections import correction
from artifacts._history import SYSTEM_STREAM
from artifacts.runs.samples import Samples
from artifacts.runs.values import storable, to_row
from artifacts.store.errors import InvalidInputError, InvalidTypeError, StateError
from artifacts.store.journal import Journal, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from artifacts.runs.media import MediaLog
    from artifacts.runs.metrics import Metric, SummaryState
    from artifacts.runs.values import Describer

log = logging.getLogger("artifacts")

_STEPS = range(-(2**63), 2**63)


class Rows:
    """Takes rows, and makes the summary follow them. Thread-safe: a `log` is one step.

    Args:
        path: Of the journal, which is begun with the first row or note.
        begin: Returns the first note of the journal.
        state: The summary.
        start: When the run began, in seconds since 1970, less the time between its sessions.
        step: Step of the first row.
        on_stale_step: What becomes of a row of an earlier step: ``warn`` and drop it, ``raise``,
            or ``merge`` it into the row of that step.
        follow: Called with each row that was written.
        media: Makes what keeps the files of media, when there are some.
    """

    def __init__(
        self,
        path: Path,
        begin: Callable[[], list[Any]],
        state: SummaryState,
        *,
        start: float,
        step: int,
        on_stale_step: str = "warn",
        follow: Callable[[Mapping[str, Any]], None] | None = None,
        media: Callable[[], MediaLog] | None = None,
    ) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.state = state
        self.step = step
        self.journal: Journal | None = None
        self.changes = 0
        """Counts changes of the summary."""
        self.samples = Samples()
        self._initial = copy.deepcopy(state.values)
        self._changed = False
        self._begin = begin
        self._start = start
        self._on_stale_step = on_stale_step
        self._follow = follow
        self._make_media = media
        self._media: MediaLog | None = None
        self._open: dict[str, Any] = {}
        self._closed = False
        self._pid = os.getpid()

    def log(self, data: Any, step: Any, commit: bool | None) -> None:
        """Add to the open row; see `Run.log`."""
        if step is not None and type(step) is not int:
            step = _to_step(step)
        # Before the lock: what takes long is encoding media.
        row = to_row(data, partial(self.describer, step))
        with self.lock:
            if self._closed:
                raise _closed()
            if step is not None:
                if step < self.step:
                    self._log_stale(row, step)
                    return
                if step not in _STEPS:
                    raise InvalidInputError(f"step {step} does not fit into 64 bits")
                if step > self.step:
                    self._flush()
                    self.step = step
            elif commit is None:
                commit = True
            if not self._open:
                self._open = row
            else:
                _merge(self._open, row)
            if commit:
                self._flush()
                self.step += 1

    def _log_stale(self, row: dict[str, Any], step: int) -> None:
        """Do with a row of an earlier step what the settings say."""
        if self._on_stale_step == "raise":
            raise InvalidInputError(
                f"Step must only increase in log calls. Step {step} < {self.step}",
                hint="leave step= out, or set on_stale_step to 'merge' or 'warn'",
                kind="stale_step",
            )
        if self._on_stale_step == "warn" or step < 0:
            log.warning(
                "Step must only increase in log calls. Step %d < %d; dropping %r",
                step,
                self.step,
                row,
            )
        elif row:
            now = time.time()
            times = {"_timestamp": int(now), "_runtime": int(now - self._start)}
            amended = correction(step, row, times)
            (self.journal or self._make_journal()).add_row(amended, self.step - 1)
            self.state.correct(step, row)
            self.changes += 1

    def _flush(self) -> None:
        """Write the open row, if there is one."""
        row = self._open
        if not row:
            return
        state = self.state
        if state.metrics:
            state.add_step_metrics(row)
        now = time.time()
        row["_timestamp"] = _whole(row["_timestamp"], now) if "_timestamp" in row else int(now)
        elapsed = now - self._start
        row["_runtime"] = _whole(row["_runtime"], elapsed) if "_runtime" in row else int(elapsed)
        row["_step"] = self.step
        try:
            (self.journal or self._make_journal()).add_row(row, self.step)
        except InvalidInputError:
            self._open = {}
            raise
        # Only now: what finds no space on the disk can be written later.
        self._open = {}
        state.follow(row)
        self.changes += 1
        if self._follow is not None:
            self._follow(row)

    def measure(self, values: Mapping[str, float]) -> dict[str, Any] | None:
        """Write down what was measured of the system, in a stream of its own.

        Returns:
            The sample as it was written; None if the run is being finished.
        """
        with self.lock:
            if self._closed:
                return None
            now = time.time()
            sample = {
                **values,
                "_step": self.step,
                "_timestamp": round(now, 3),
                "_runtime": round(now - self._start, 3),
            }
            (self.journal or self._make_journal()).add_note([SYSTEM_STREAM, sample])
            self.samples.add(sample)
        return sample

    def define(self, metric: Metric) -> None:
        """Treat a key as a definition says."""
        with self.lock:
            self.state.define(metric)
            self.note()

    def note(self) -> None:
        """Write down the summary, after a change that no row explains."""
        with self.lock:
            if self.journal is not None:  # else it begins with what there is by then
                self.journal.add_note(["summary", self.state.values, self.state.tracking()])
            self.changes += 1

    def write_note(self, note: Sequence[Any]) -> None:
        """Append something that is no row to the journal, which is made if need be."""
        with self.lock:
            (self.journal or self._make_journal()).add_note(note)

    @property
    def has_summary(self) -> bool:
        """Whether the summary is this process's: another one may have gone on with the run."""
        with self.lock:
            self._changed = self._changed or self.state.values != self._initial
            return self._changed

    def summary(self) -> dict[str, Any]:
        """Return the summary as the catalog holds it."""
        with self.lock:
            return dict(storable(self.state.values))

    def snapshot(self) -> dict[str, Any]:
        """Return the summary as columns of the run, if it is this process that has one."""
        with self.lock:
            told = {"tracking": self.state.tracking()}
            return {**told, "summary": self.summary()} if self.has_summary else told

    def close(self, exit_code: int) -> None:
        """Write the open row, and make everything durable. `release` lets others have it."""
        with self.lock:
            if self._closed:
                return
            self._flush()
            if self.journal is not None:
                self.journal.add_note(["end", exit_code])
            self._closed = True
        if self.journal is not None:
            self.journal.end_here()

    def keep_summary(self) -> None:
        """Write down the summary, also if nothing else was written yet."""
        with self.lock:
            if self.journal is None:
                self._make_journal()  # it begins with the summary

    def leave_word(self, exit_code: int) -> None:
        """Write down how the run has ended, for those who record it later. It is closed."""
        with self.lock:
            if self.journal is not None and self.journal.path.exists():
                return  # `close` has written it
            if self.journal is not None:
                self.journal.close()  # its rows are in a version
            journal = self._make_journal()
            journal.add_note(["end", exit_code])
        journal.end_here()

    def release(self) -> None:
        """Let others record what was logged, if that has not been done."""
        if self.journal is not None:
            self.journal.close()

    def after_fork(self) -> None:
        """Forget the threads of the parent, to which the rows belong."""
        self.lock = threading.RLock()
        self.samples.after_fork()
        if self._media is not None:
            self._media.spool.after_fork()

    def begin_journal(self) -> None:
        """Make the journal, unless it is there."""
        with self.lock:
            if self.journal is None:
                self._make_journal()

    def describer(self, step: int | None = None) -> Describer:
        """Return what keeps the media of a row.

        Args:
            step: Of the row; None for the open one.
        """
        with self.lock:
            if self._pid != os.getpid():
                raise forked()
            if self._closed:
                raise _closed()
            if self._media is None:
                assert self._make_media is not None
                self._media = self._make_media()
            return self._media.at(self.step if step is None else step)

    def _sync_media(self) -> None:
        if self._media is not None:
            self._media.spool.sync()

    def _make_journal(self) -> Journal:
        if self._pid != os.getpid():
            raise forked()
        self.journal = Journal(self.path, before_sync=self._sync_media)
        self.journal.add_note(self._begin())
        return self.journal


def _closed() -> StateError:
    return StateError("the run is being finished", kind="run_finished")


def _merge(into: dict[str, Any], row: dict[str, Any]) -> None:
    """Update a row; what is nested is merged, too."""
    for key, value in row.items():
        known = into.get(key)
        if type(value) is dict and type(known) is dict and "_type" not in value:
            _merge(known, value)
        else:
            into[key] = value


def _whole(given: Any, otherwise: float) -> int:
    return int(given if isinstance(given, int | float) else otherwise)


def _to_step(step: Any) -> int:
    if isinstance(step, bool) or type(step).__name__ in {"bool", "bool_"}:
        raise InvalidTypeError(f"step must be an integer, not {step!r}", kind="bad_step")
    try:
        return operator.index(step)
    except TypeError:
        raise InvalidTypeError(f"step must be an integer, not {step!r}", kind="bad_step") from None
