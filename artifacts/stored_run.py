"""`StoredRun`: a run as the store knows it, running or finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.store.records import LinkKind, to_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.records import RunRecord


class StoredRun:
    """A run as it was when it was looked up. Two are equal if they are the same run."""

    def __init__(self, place: Place, record: RunRecord) -> None:
        self._place = place
        self._record = record

    @property
    def key(self) -> int:
        """Key of the run within its store."""
        return self._record.key

    @property
    def id(self) -> str:
        """Unique within the project."""
        return self._record.id

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._record.entity

    @property
    def project(self) -> str:
        """Project it belongs to."""
        return self._record.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def name(self) -> str:
        """Display name."""
        return self._record.name

    @property
    def state(self) -> str:
        """``running``, ``finished`` or ``failed``."""
        return self._record.state

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._record.exit_code

    @property
    def group(self) -> str | None:
        """Name that bundles runs."""
        return self._record.group

    @property
    def job_type(self) -> str | None:
        """What kind of work it does."""
        return self._record.job_type

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
    def created_at(self) -> datetime:
        """When it began, in UTC."""
        return to_datetime(self._record.created_at)

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
    def url(self) -> str | None:
        """Page of the run; None, because a local store has no pages."""
        return None

    def logged_artifacts(self) -> list[Artifact]:
        """Return the versions that the run has logged, in order."""
        return self._linked(LinkKind.OUTPUT)

    def used_artifacts(self) -> list[Artifact]:
        """Return the versions that the run has used, in order."""
        return self._linked(LinkKind.INPUT)

    def _linked(self, kind: LinkKind) -> list[Artifact]:
        from artifacts.artifact import Artifact

        links = self._place.store.catalog.links_of_runs([self.key], kind)
        return [Artifact._from_record(self._place, link.version) for link in links]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredRun) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, int]:
        return self._place.store.uuid, self.key

    def __repr__(self) -> str:
        return f"<StoredRun {'/'.join(self.path)} ({self.name}, {self.state})>"
