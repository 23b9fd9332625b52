"""`StoredRun`: a run as the store knows it, running or finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._parts import in_parts
from artifacts._recorded import RecordedRun
from artifacts.store.records import LinkKind, to_datetime

if TYPE_CHECKING:
    from datetime import datetime

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

    def logged_artifacts(self) -> list[Artifact]:
        """Return the versions that the run has logged, in order."""
        return self._linked(LinkKind.OUTPUT)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that the run has used, in order."""
        return self._linked(LinkKind.INPUT)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredRun) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, int]:
        return self._place.store.uuid, self.key

    def __repr__(self) -> str:
        return f"<StoredRun {'/'.join(self.path)} ({self.name}, {self.state})>"
