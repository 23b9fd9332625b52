"""`StoredRun`: a run as the store knows it, running or finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._history import load, sample_of
from artifacts._parts import in_parts
from artifacts._recorded import RecordedRun
from artifacts.store.records import LinkKind, to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from artifacts._history import History
    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.records import RunRecord


@in_parts
class StoredRun(RecordedRun):
    """A run as it was when it was looked up. Two are equal if they are the same run."""

    def __init__(self, place: Place, record: RunRecord) -> None:
        self._place = place
        self._record = record

    @property
    def key(self) -> int:
        """Key of the run within its store."""
        return self._record.key

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def name(self) -> str:
        """Display name."""
        return self._record.name

    @property
    def notes(self) -> str | None:
        """Free text."""
        return self._record.notes

    @property
    def tags(self) -> list[str]:
        """Labels."""
        return list(self._record.tags)

    @property
    def config(self) -> dict[str, Any]:
        """The experiment's settings."""
        return self._record.config

    @property
    def summary(self) -> dict[str, Any]:
        """The experiment's results."""
        return self._record.summary

    @property
    def finished_at(self) -> datetime | None:
        """When it ended, in UTC; None while it runs."""
        finished = self._record.finished_at
        return None if finished is None else to_datetime(finished)

    @property
    def user(self) -> str | None:
        """Name of the user who started it."""
        return self._record.user

    @property
    def host(self) -> str | None:
        """Name of the machine on which it was started."""
        return self._record.host

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
            stream: ``default``; ``system`` is empty in this release.

        Raises:
            InvalidInputError: ``samples`` is below 1, or there is no such stream.
        """
        return sample_of(
            self._history(),
            samples=samples,
            keys=keys,
            x_axis=x_axis,
            pandas=pandas,
            stream=stream,
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
        return self._history().rows(keys, low=min_step, high=max_step, page=page_size)

    def logged_artifacts(self, *, internal: bool = False) -> list[Artifact]:
        """Return the versions that the run has logged, in order.

        Args:
            internal: Also those in which the run itself is recorded: its history, its summary.
        """
        return self._linked(LinkKind.OUTPUT, internal=internal)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that the run has used, in order."""
        return self._linked(LinkKind.INPUT)

    def _history(self) -> History:
        key = self._record.key
        return load(self._place.store, [key])[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredRun) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, int]:
        return self._place.store.uuid, self.key

    def __repr__(self) -> str:
        return f"<StoredRun {'/'.join(self.path)} ({self.name}, {self.state})>"
