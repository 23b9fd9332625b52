"""The inputs of a run, as files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from artifacts._recorded import RecordedRun
from artifacts._values import absolute
from artifacts.store.errors import StateError
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.checkout import LinkMode
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord, VersionRecord

_NAMED = 20


class RestoredInput(NamedTuple):
    """An input of a run that was written into a folder.

    Attributes:
        artifact: The version.
        folder: Path of the folder.
        written: Files that were written.
        unchanged: Files that matched already.
    """

    artifact: Artifact
    folder: str
    written: int
    unchanged: int


class InputsOfStoredRun(RecordedRun):
    """The part of `StoredRun` that restores what the run has used."""

    def checkout(
        self,
        root: str | os.PathLike[str],
        *,
        link: LinkMode = "copy",
        progress: Progress | None = None,
    ) -> list[RestoredInput]:
        """Write all inputs of the run into folders, each version as a whole and verified.

        Files that match already are not written again, other files are left alone.

        Args:
            root: The folder in which there will be a folder for each input: ``NAME``;
                ``PROJECT/NAME`` for all if two have the same name, and with ``:vN`` after it for
                several versions of one artifact.
            link: As for `Artifact.download`.
            progress: Told about every file.

        Returns:
            The inputs in the order in which the run has used them.

        Raises:
            StateError: Inputs were deleted or are broken; all of them are named, and nothing was
                written.
            IntegrityError: Stored bytes are damaged, or a referenced file has changed.
            StorageError: A referenced file is gone, or writing failed.
        """
        versions = self._linked(LinkKind.INPUT)
        records = [each.record for each in versions]
        check_restorable(self._place, self._record, records)
        target = absolute(root)
        restored = []
        for artifact, name in zip(versions, folder_names(records), strict=True):
            folder = os.path.join(target, *name.split("/"))
            result = artifact.pull(folder, link=link, progress=progress)
            restored.append(RestoredInput(artifact, folder, result.written, result.unchanged))
        return restored


def folder_names(versions: Sequence[VersionRecord]) -> list[str]:
    """Return a folder for each version, all of them different."""
    places = {(each.entity, each.project, each.name) for each in versions}
    names = {name for _, _, name in places}
    projects = {(project, name) for _, project, name in places}
    counts = [(each.entity, each.project, each.name) for each in versions]
    found = []
    for each in versions:
        # All of them or none: a project may be called like an artifact.
        parts = [each.name]
        if len(names) < len(places):
            parts.insert(0, each.project)
        if len(projects) < len(places):
            parts.insert(0, each.entity)
        several = counts.count((each.entity, each.project, each.name)) > 1
        found.append("/".join(parts) + (f":{each.version}" if several else ""))
    return found


def check_restorable(place: Place, run: RunRecord, versions: Sequence[VersionRecord]) -> None:
    """Raise StateError unless the files of all inputs of a run can be had."""
    deleted = [each for each in versions if each.deleted_at is not None]
    broken = [each for each in versions if each.deleted_at is None and each.broken is not None]
    if not deleted and not broken:
        return
    collected = place.store.find({each.digest for each in deleted})[1]
    reasons = [
        f"{each.ref} was deleted" + (", its data are gone" if each.digest in collected else "")
        for each in deleted
    ]
    reasons += [f"{each.ref} is broken" for each in broken]
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    back = [each.ref for each in deleted if each.digest not in collected]
    if back:
        hint = f"bring back what was deleted with: art undelete {' '.join(back[:_NAMED])}"
    else:
        hint = "repair the store with: art check --repair --from STORE"
    raise StateError(
        f"{len(reasons)} of {len(versions)} input(s) of run {run.id} cannot be restored: "
        f"{'; '.join(reasons[:_NAMED])}{more}",
        hint=hint,
        kind="inputs_missing",
    )
