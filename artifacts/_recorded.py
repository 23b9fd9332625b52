"""What runs and collections tell from their record in the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.records import INTERNAL_TYPES, to_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.records import ArtifactRecord, LinkKind, RunRecord


class Recorded:
    """The part of `Run`, `StoredRun` and `ArtifactCollection` that says to whom they belong."""

    _place: Place
    _record: ArtifactRecord | RunRecord

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._record.entity

    @property
    def project(self) -> str:
        """Project it belongs to."""
        return self._record.project


class RecordedRun(Recorded):
    """The part of `Run` and `StoredRun` that nobody can change."""

    _record: RunRecord

    @property
    def id(self) -> str:
        """Unique within the project."""
        return self._record.id

    @property
    def group(self) -> str | None:
        """Name that bundles runs, such as the processes of one training."""
        return self._record.group

    @property
    def job_type(self) -> str | None:
        """What kind of work it does, such as ``train``."""
        return self._record.job_type

    @property
    def created_at(self) -> datetime:
        """When it began, in UTC."""
        return to_datetime(self._record.created_at)

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``failed`` or ``crashed``.

        A run that gave no sign of life for five minutes counts as crashed.
        """
        return self._record.state

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._record.exit_code

    @property
    def url(self) -> str | None:
        """Page of the run; None, because a local store has no pages."""
        return None

    def _linked(self, kind: LinkKind, *, internal: bool = True) -> list[Artifact]:
        from artifacts.artifact import Artifact

        links = self._place.store.catalog.links_of_runs([self._record.key], kind)
        return [
            Artifact._from_record(self._place, link.version)
            for link in links
            if internal or link.version.type not in INTERNAL_TYPES
        ]
