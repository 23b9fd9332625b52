"""The files that a run has saved, as the store has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts._entry import ArtifactEntry, ArtifactFile, ArtifactManifest
from artifacts._file_versions import FileVersions
from artifacts._parts import in_parts
from artifacts._recorded import RecordedRun, record_name
from artifacts._run_media import MEDIA, VERSIONS_WITH_MEDIA
from artifacts._values import absolute, texts
from artifacts.store import copying, walking
from artifacts.store.errors import AlreadyExistsError, EntryNotFoundError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts._session import Place
    from artifacts.store.records import RunRecord


@in_parts
class RunFile(ArtifactFile):
    """One file of a run, as `StoredRun.files` and `Run.files` list them."""

    def download(self, root: str | os.PathLike[str] | None = None, replace: bool = False) -> str:
        """Write the file into a folder and return its path.

        Args:
            root: The folder; default the working directory.
            replace: Replace a file of that name that has other contents.

        Raises:
            AlreadyExistsError: There is such a file, and ``replace`` is False.
        """
        folder = absolute(root or ".")
        entry = self._entry._entry
        target = os.path.join(folder, *entry.path.split("/"))
        exists = os.path.lexists(target)
        if exists and not replace and not copying.has_content(target, entry.digest, entry.size):
            raise AlreadyExistsError(
                f"{target} exists already and is another file",
                hint="pass replace=True, or another root=",
            )
        return self._entry.download(folder)

    def __repr__(self) -> str:
        return f"<RunFile {self.name} ({self.size} bytes)>"


class FilesOfStoredRun(RecordedRun):
    """The part of `StoredRun` that finds and adds files."""

    def files(self, names: Iterable[str] | str | None = None, per_page: int = 50) -> list[RunFile]:
        """Return the files of the run that are in the store, in the order of their paths.

        Each is as it was stored last; what it was before is in the versions of the artifact
        ``run-<id>-files``. The files of images and the like that were logged are among them.

        Args:
            names: Only these paths.
            per_page: Accepted for compatibility; the list is complete.

        Raises:
            EntryNotFoundError: The run has no file of one of these names. It is a KeyError, too.
        """
        return list_files(self._place, self._record, names)

    def file(self, name: str) -> RunFile:
        """Return one file of the run that is in the store.

        Args:
            name: Its path among the files of the run, or that of an image or the like, which its
                row says: ``row["image"]["path"]``.

        Raises:
            EntryNotFoundError: The run has no such file. It is a KeyError, too.
        """
        return get_file(self._place, self._record, name)

    def upload_file(
        self, path: str | os.PathLike[str], root: str | os.PathLike[str] = "."
    ) -> RunFile:
        """Add a file to the run, or store it again; it is in the store on return.

        Args:
            path: The file.
            root: Folder to which its path among the files of the run is relative.

        Raises:
            InvalidInputError: There is no such file, or it is not below ``root``.
        """
        source = absolute(path)
        name = Path(os.path.relpath(source, absolute(root))).as_posix()
        if name.split("/")[0] == os.pardir:
            raise InvalidInputError(
                f"{source} is not below {absolute(root)}",
                hint="pass root= with a folder that it is in",
                kind="bad_path",
            )
        added = FileVersions(self._place, self._record).add([walking.source_file(source, name)])
        return self.file(added.entries[name].path)


def list_files(
    place: Place, run: RunRecord, names: Iterable[str] | str | None = None
) -> list[RunFile]:
    """Return files of a run that are in the store; see `StoredRun.files`."""
    if names is not None:
        return [get_file(place, run, name) for name in texts(names, "names")]
    manifest = _manifest(place, run)
    found = {} if manifest is None else dict(manifest)
    found |= _media(place, run)
    return [RunFile(found[path]) for path in sorted(found)]


def get_file(place: Place, run: RunRecord, name: str) -> RunFile:
    """Return a file of a run that is in the store; see `StoredRun.file`."""
    media = _media(place, run) if name.startswith(MEDIA) else {}
    if name in media:
        return RunFile(media[name])
    manifest = _manifest(place, run)
    if manifest is None:
        raise EntryNotFoundError(
            f"run {run.id} has no files in the store",
            hint="files are stored by save(), and at the end of the run",
        )
    return RunFile(manifest[name])


def find_file(place: Place, run: RunRecord, name: str) -> ArtifactEntry | None:
    """Return a file of a run that is in the store; None if there is none of that name."""
    manifest = _manifest(place, run)
    return manifest[name] if manifest is not None and name in manifest else None


def _media(place: Place, run: RunRecord) -> dict[str, ArtifactEntry]:
    """Return the media in the versions of a run's history and summary, by their paths."""
    from artifacts.artifact import Artifact

    found: dict[str, ArtifactEntry] = {}
    for what in VERSIONS_WITH_MEDIA:
        version = place.store.latest(run.entity, run.project, record_name(run.id, what))
        if version is not None:
            manifest = Artifact._from_record(place, version).manifest
            found |= {path: manifest[path] for path in manifest if path.startswith(MEDIA)}
    return found


def _manifest(place: Place, run: RunRecord) -> ArtifactManifest | None:
    from artifacts.artifact import Artifact

    version = FileVersions(place, run).latest()
    return None if version is None else Artifact._from_record(place, version).manifest
