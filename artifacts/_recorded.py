"""What runs and collections tell from their record in the catalog."""

from __future__ import annotations

import re
import zlib
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from artifacts import settings
from artifacts._pages import RunPages
from artifacts.store.records import INTERNAL_TYPES, VersionDraft, to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts._history import History
    from artifacts._run_media import Loader
    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.manifest import Manifest
    from artifacts.store.records import ArtifactRecord, LinkKind, RunRecord, SweepRecord

_LONGEST = 100


def record_name(run_id: str, what: str) -> str:
    """Return the name of the artifact in which a run is recorded.

    Args:
        what: Which of them: ``history``, ``summary`` or ``files``.
    """
    safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", run_id)
    if safe != run_id or len(safe) > _LONGEST:
        # Two runs never share an artifact.
        safe = f"{safe[:_LONGEST]}-{zlib.crc32(run_id.encode()):08x}"
    return f"run-{safe}-{what}"


def record_draft(
    run: RunRecord,
    what: str,
    type_: str,
    manifest: Manifest,
    *,
    metadata: Mapping[str, Any] | None = None,
    expected_latest: int | None = None,
) -> VersionDraft:
    """Return a version of an artifact in which a run is recorded, as an output of the run.

    Args:
        what: As for `record_name`.
        expected_latest: The version that must be the latest one at the commit; 0 for none, None
            for any.
    """
    return VersionDraft(
        entity=run.entity,
        project=run.project,
        name=record_name(run.id, what),
        type=type_,
        digest=manifest.digest,
        size=manifest.size,
        file_count=len(manifest),
        metadata=dict(metadata or {}),
        run=run.key,
        created_by=settings.user_name(),
        expected_latest=expected_latest,
    )


class Recorded:
    """The part of runs, collections and sweeps that says to whom they belong."""

    _place: Place
    _record: ArtifactRecord | RunRecord | SweepRecord

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._record.entity

    @property
    def project(self) -> str:
        """Project it belongs to."""
        return self._record.project


class RecordedRun(Recorded, RunPages):
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
    def created_at(self) -> str:
        """When it began, in UTC, such as ``2026-11-22T14:02:41Z``; see also `start_time`."""
        return f"{to_datetime(self._record.created_at):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``failed``, ``crashed``, ``preempting`` or ``preempted``.

        A run that gave no sign of life for five minutes counts as crashed, or as preempted if
        `Run.mark_preempting` was called.
        """
        return self._record.state

    @property
    def metadata(self) -> dict[str, Any]:
        """What ran where: program, command line, machine, versions, and the state of Git."""
        return dict(self._record.metadata or {})

    @property
    def system_metrics(self) -> dict[str, Any]:
        """What was measured of the machine and of the process last."""
        return dict(self._record.system_metrics or {})

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return self._record.exit_code

    @property
    def sweep_id(self) -> str | None:
        """Search over settings that it belongs to, or None."""
        return self._record.sweep_id

    @property
    def user(self) -> str | None:
        """Name of the user who started it."""
        return self._record.user

    @property
    def host(self) -> str | None:
        """Name of the machine on which it was started."""
        return self._record.host

    @property
    def display_name(self) -> str:
        """The same as ``name``."""
        return self._record.name

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - as users of the reference know it
        """Step of the last row, -1 if there is none."""
        return self._history().last_step

    @abstractmethod
    def _history(self) -> History:
        """Return all that was logged so far."""

    def _loader(self) -> Loader:
        """Return what turns the descriptions in rows into media objects."""
        from artifacts._run_media import Loader, RunMedia

        return Loader(RunMedia(self._place, self._record))

    def _linked(self, kind: LinkKind, *, internal: bool = True) -> list[Artifact]:
        from artifacts.artifact import Artifact

        links = self._place.store.catalog.links_of_runs([self._record.key], kind)
        return [
            Artifact._from_record(self._place, link.version)
            for link in links
            if internal or link.version.type not in INTERNAL_TYPES
        ]
