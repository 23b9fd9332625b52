"""What a run does with rows: it logs them and shows them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from artifacts._history import DEFAULT_STREAM, check_stream, load, sample_of
from artifacts._recorded import RecordedRun
from artifacts.runs.metrics import Metric, make_metric
from artifacts.store.errors import RunFinishedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from artifacts._history import History
    from artifacts._run_media import Loader
    from artifacts.runs.rows import Rows
    from artifacts.runs.trial_watch import TrialWatch


class RowCalls(RecordedRun):
    """The part of `Run` that logs rows and reads them back."""

    _finished: bool
    _rows: Rows
    _trial: TrialWatch | None
    _first_step: int
    _resumed: bool

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Log a row of the run's history, or add to one.

        It is in a file on this machine on return, and on its disk within a second. Others see it
        within seconds, as long as the store can be reached; `finish` makes a version of all rows.

        Args:
            data: Values by name: numbers, text, booleans, lists, nested dicts; arrays and tensors
                of up to 32 items as lists, larger ones as histograms; images, tables, charts and
                other media, and what stands for them, such as a DataFrame or a figure; anything
                else as text.
            step: Number of the row. The row stays open then, for further calls with this step. A
                step that is lower than the one before is dropped with a warning.
            commit: Whether the row is complete. Default: True without ``step``, False with it.
            sync: Accepted for compatibility, without effect.

        Raises:
            ValueError: ``data`` is no mapping with text keys, or ``step`` is no integer; it is a
                TypeError, too. Or media cannot be read.
            StorageError: The disk is full; the rows before stay.
            StateError: This process is a fork of the one that began the run.
            RunFinishedError: The run has ended.
            SystemExit: The run is a trial of a sweep, which ends it early. The row is logged.
        """
        if sync is not None:
            warnings.warn(
                "the argument sync of log() has no effect", DeprecationWarning, stacklevel=2
            )
        if self._finished:
            raise RunFinishedError(
                f"Run ({self._record.id}) is finished. The call to `log` will be ignored.",
                hint="start another run with artifacts.init()",
            )
        self._rows.log(data, step, commit)
        if self._trial is not None:
            self._trial.check()

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a key is summarised and against which other key it is shown.

        Args:
            name: The key, or the beginning of keys with ``*`` at its end. The own definition of a
                key comes before that of a beginning, and that of a longer one before a shorter.
            step_metric: Key that is its x-axis.
            step_sync: Whether rows that lack the x-axis get its last value. Default: True if
                ``step_metric`` is given.
            hidden: Whether charts leave it out.
            summary: What its summary says, with commas between several: ``min``, ``max``,
                ``mean``, ``first``, ``last``, ``best``, or ``none`` for no summary. Default: the
                last value, by itself.
            goal: ``minimize`` or ``maximize``; what ``best`` means.
            overwrite: Forget what was defined before, instead of adding to it.

        Raises:
            InvalidInputError: An argument cannot be used.
            RunFinishedError: The run has ended.
        """
        if self._finished:
            raise RunFinishedError(
                f"Run ({self._record.id}) is finished. The call to `define_metric` will be "
                "ignored.",
                hint="start another run with artifacts.init()",
            )
        before = None if overwrite else self._rows.state.metrics.get(name)
        metric = make_metric(
            name,
            step_metric=step_metric,
            step_sync=step_sync,
            hidden=hidden,
            summary=summary,
            goal=goal,
            before=before,
        )
        self._rows.define(metric)
        return metric

    @property
    def step(self) -> int:
        """Number of the row that the next call of `log` adds to."""
        return self._rows.step

    @property
    def starting_step(self) -> int:
        """Number of the first row of this process: 0, or one more than the last when resumed."""
        return self._first_step

    @property
    def resumed(self) -> bool:
        """Whether the run was begun by an earlier process."""
        return self._resumed

    @property
    def history(self) -> RunHistory:
        """The rows that were logged: a sequence, and a function that returns some of them."""
        return RunHistory(self._history, self._loader)

    @property
    def history_keys(self) -> dict[str, dict[str, Any]]:
        """Types, number and last step of the values that were logged, by key."""
        return self._history().keys()

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all rows by step.

        Args:
            keys: Only rows that have all of these, and only these of them; nested ones as ``a.b``.
            page_size: How many rows to read at a time.
            min_step: The first step.
            max_step: The first step that is not wanted any more.
        """
        rows = self._history().rows(keys, low=min_step, high=max_step, page=page_size)
        return self._loader().rows(rows)

    def _history(self, stream: str = DEFAULT_STREAM) -> History:
        key = self._record.key
        path = self._rows.path
        journals: list[Path] = [path] if path.exists() else []
        return load(self._place.store, [key], {key: journals}, stream)[key]


class RunHistory:
    """The rows that a run has logged so far: a sequence of dicts, of keys such as ``a.b``.

    Calling it returns a sample of them, like `StoredRun.history`.
    """

    def __init__(
        self, load_history: Callable[..., History], make_loader: Callable[[], Loader]
    ) -> None:
        self._load = load_history
        self._make_loader = make_loader

    def __call__(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Return a sample of the rows; see `StoredRun.history`."""
        history = self._load(check_stream(stream))
        return sample_of(
            history,
            samples=samples,
            keys=keys,
            x_axis=x_axis,
            pandas=pandas,
            present=self._make_loader().value,
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._make_loader().rows(self._load().rows())

    def __len__(self) -> int:
        return sum(1 for _ in self._load().rows())

    def __getitem__(self, index: int | slice) -> Any:
        return list(self)[index]

    def __repr__(self) -> str:
        return f"<RunHistory of {len(self)} rows>"
