"""`StoredRun`: a run as the store knows it, running or finished."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from artifacts._alerts import stored_alerts, to_alert
from artifacts._history import DEFAULT_STREAM, check_stream, load, sample_of
from artifacts._parts import in_parts
from artifacts._run_charts import RunCharts
from artifacts._run_editing import EditsOfStoredRun
from artifacts._run_files import FilesOfStoredRun
from artifacts._run_inputs import InputsOfStoredRun
from artifacts.store.errors import NotFoundError
from artifacts.store.records import LinkKind, to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from artifacts._alerts import Alert
    from artifacts._history import History
    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.records import RunRecord
    from artifacts.stored_sweep import Sweep


@in_parts
class StoredRun(InputsOfStoredRun, FilesOfStoredRun, EditsOfStoredRun, RunCharts):
    """A run as it was when it was looked up. Two are equal if they are the same run."""

    def __init__(self, place: Place, record: RunRecord) -> None:
        self._place = place
        self._record = record
        self._lock = threading.RLock()

    @property
    def key(self) -> int:
        """Key of the run within its store."""
        return self._record.key

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, in UTC; None while it runs."""
        finished = self._record.finished_at
        return None if finished is None else to_datetime(finished)

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """A copy of the summary."""
        return dict(self._record.summary)

    @property
    def read_only(self) -> bool:
        """Whether nothing of it can be changed: whether it was deleted."""
        return self._record.deleted_at is not None

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970."""
        return self._record.created_at / 1e6

    @property
    def history_keys(self) -> dict[str, dict[str, Any]]:
        """Types, number and last step of the values that were logged, by key."""
        return self._history().keys()

    def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Return a sample of the rows that were logged, also while the run is running.

        Args:
            samples: At most so many rows, evenly chosen, the first and the last among them.
            keys: Only rows that have all of these, and only these columns; nested ones as ``a.b``.
            x_axis: Column that comes first if ``keys`` is given.
            pandas: Return a DataFrame if pandas is installed. Otherwise it is a list of dicts.
            stream: ``default`` for what was logged, ``system`` for what was measured of the
                machine and the process meanwhile.

        Raises:
            InvalidInputError: ``samples`` is below 1, or there is no such stream.
        """
        history = self._history(check_stream(stream))
        return sample_of(
            history,
            samples=samples,
            keys=keys,
            x_axis=x_axis,
            pandas=pandas,
            present=self._loader().value,
        )

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield all rows that were logged, by step, also while the run is running.

        Args:
            keys: Only rows that have all of these, and only these of them; nested ones as ``a.b``.
            page_size: How many rows to read at a time.
            min_step: The first step.
            max_step: The first step that is not wanted any more.
        """
        rows = self._history().rows(keys, low=min_step, high=max_step, page=page_size)
        return self._loader().rows(rows)

    def logged_artifacts(self, *, internal: bool = False) -> list[Artifact]:
        """Return the versions that the run has logged, in order.

        Args:
            internal: Also those in which the run itself is recorded: its history, its summary.
        """
        return self._linked(LinkKind.OUTPUT, internal=internal)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that the run has used, in order."""
        return self._linked(LinkKind.INPUT)

    @property
    def sweep(self) -> Sweep | None:
        """Search over settings that it belongs to; None for none that the store knows."""
        if self.sweep_id is None:
            return None
        from artifacts.stored_sweep import Sweep

        try:
            record = self._place.store.catalog.sweep(self.entity, self.project, self.sweep_id)
        except NotFoundError:  # a program may name any
            return None
        return Sweep(self._place, record)

    @property
    def alerts(self) -> list[Alert]:
        """The alerts that the run has sent, oldest first."""
        return [to_alert(each) for each in stored_alerts(self._place, self._record)]

    def delete(self, delete_artifacts: bool = False, *, force: bool = False) -> None:
        """Delete the run, and what it is recorded in: its history, its summary, its files.

        It is not listed any more, and its id is not used again; lineage still shows it. What it
        has logged stays, unless that is asked for.

        Args:
            delete_artifacts: Also the versions that it has logged, except for those that another
                run has logged, too. ``art undelete`` brings versions back.
            force: Also if it is running, and what a running run uses or a protected alias names.

        Raises:
            StateError: It is running, or a version that would go with it is held, and ``force`` is
                False. Nothing was changed.
        """
        from artifacts.settings import user_name

        self._place.store.catalog.delete_run(
            self.key, delete_artifacts=delete_artifacts, force=force, by=user_name()
        )

    def _history(self, stream: str = DEFAULT_STREAM) -> History:
        key = self._record.key
        return load(self._place.store, [key], stream=stream)[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredRun) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, int]:
        return self._place.store.uuid, self.key

    def __repr__(self) -> str:
        return f"<StoredRun {'/'.join(self.path)} ({self.name}, {self.state})>"
