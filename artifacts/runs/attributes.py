"""What a run says of itself while it is running, and what can be set."""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artifacts import _session
from artifacts._recorded import RecordedRun
from artifacts._values import texts
from artifacts.runs.config import StaticConfig
from artifacts.store.records import PREEMPTING, to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from artifacts.runs.config import Config
    from artifacts.runs.summary import Summary

log = logging.getLogger("artifacts")

MAX_TAG = 64


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far the store has what a run has logged. Made by `Run.status`.

    Attributes:
        sync_items_total: Versions that this process has handed over for a remote store.
        sync_items_pending: Those of them that are not there yet.
        sync_time: When the run last gave a sign of life there.
    """

    sync_items_total: int
    sync_items_pending: int
    sync_time: datetime | None


class Attributes(RecordedRun):
    """The part of `Run` that is read and set as attributes."""

    _config: Config
    _summary: Summary
    _start_time: float
    _finished: bool

    @property
    def path(self) -> str:
        """``entity/project/id``."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def start_time(self) -> float:
        """When it began, in seconds since 1970; the time between its processes does not count."""
        return self._start_time

    @property
    def name(self) -> str:
        """Display name; setting it stores it at once."""
        return self._record.name

    @name.setter
    def name(self, value: str) -> None:
        self._update({"name": str(value)})

    @property
    def notes(self) -> str | None:
        """Free text; setting it stores it at once."""
        return self._record.notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._update({"notes": value})

    @property
    def tags(self) -> tuple[str, ...]:
        """Labels; setting them stores them at once. A label of over 64 characters is dropped."""
        return self._record.tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        tags = list(dict.fromkeys(texts(value, "tags")))
        dropped = [tag for tag in tags if not 0 < len(tag) <= MAX_TAG]
        if dropped:
            log.warning("tags have 1 to %d characters; dropped %r", MAX_TAG, dropped)
        self._update({"tags": [tag for tag in tags if tag not in dropped]})

    @property
    def config(self) -> Config:
        """The experiment's settings."""
        return self._config

    @property
    def config_static(self) -> StaticConfig:
        """The experiment's settings, to be read only."""
        return StaticConfig(self._config)

    @property
    def summary(self) -> Summary:
        """The experiment's results: the last value of every key that was logged, and more."""
        return self._summary

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """A copy of the summary."""
        return dict(self._summary)

    @property
    def read_only(self) -> bool:
        """Whether nothing of it can be changed any more: whether it has ended."""
        return self._finished

    @property
    def mode(self) -> str:
        """``dryrun`` if it is offline, else ``run``."""
        return "dryrun" if self.offline else "run"

    @property
    def offline(self) -> bool:
        """Whether it works without its store, or was asked to."""
        return self._place.offline

    @property
    def disabled(self) -> bool:
        """Whether it takes everything and does nothing."""
        return False

    def project_name(self) -> str:
        """Return the name of the project: older form of ``project``."""
        return self.project

    def mark_preempting(self) -> None:
        """Say that the machine is about to be taken away.

        The state is ``preempting`` at once. A run that then ends with an error, or without a
        word, is ``preempted`` rather than ``failed`` or ``crashed``, and can be gone on with.

        Raises:
            RunFinishedError: The run has ended.
        """
        self._update({"state": PREEMPTING})

    def status(self) -> RunStatus:
        """Return how far the store has what was logged."""
        total, pending = _session.delivery_counts(self._place.store)
        record = self._place.store.catalog.run(self.entity, self.project, self.id)
        beat = record.heartbeat_at
        return RunStatus(total, pending, None if beat is None else to_datetime(beat))

    @abstractmethod
    def _update(self, values: Mapping[str, Any]) -> None:
        """Change columns of the run, in the store too."""
