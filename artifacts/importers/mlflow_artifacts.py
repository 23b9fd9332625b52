"""Artifacts of MLflow: where their files are, and which of them are versions of the same thing."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from artifacts.importers.sources import MissingError, SourceFile, SourceVersion
from artifacts.runs.masking import mask_url
from artifacts.store.walking import walk

if TYPE_CHECKING:
    from artifacts.importers.sources import Key

_MARKER = "MLmodel"  # the file that makes a folder a model


class ArtifactFiles:
    """Finds the files of artifacts, and downloads those that are not on this machine.

    Args:
        uri: Of the tracking server, through which some are downloaded.
        work: An empty folder for what is downloaded.
    """

    def __init__(self, uri: str, work: Path) -> None:
        self._uri = uri
        self._work = work
        self._count = 0

    def fetch(self, uri: str) -> list[SourceFile]:
        """Return all files below a URI.

        Raises:
            MissingError: The place for them is on another machine, or of a kind that MLflow cannot
                read as it is installed here.
            MlflowException: They cannot be downloaded.
        """
        parts = urlsplit(uri)
        if parts.scheme in {"", "file"}:
            place = Path(unquote(parts.path) if parts.scheme else uri)
            if not place.exists():
                # MLflow makes the folder of a run when something is logged into it.
                if place.parent.parent.exists():
                    return []
                raise MissingError(f"{mask_url(uri)} is not on this machine")
        else:
            try:
                found = self._download(uri)
            except ImportError as error:
                raise MissingError(
                    f"reading {mask_url(uri)} needs a package that is not installed: {error}"
                ) from error
            if found is None:
                return []
            place = found
        if place.is_file():
            return [SourceFile(place.name, place)]
        return [SourceFile(file.path, Path(file.source)) for file in walk(str(place))]

    def _download(self, uri: str) -> Path | None:
        """Return where the files are now; None if there are none, of which MLflow makes errors."""
        from mlflow.artifacts import download_artifacts, list_artifacts

        if not list_artifacts(artifact_uri=uri, tracking_uri=self._uri):
            above, _, name = uri.rstrip("/").rpartition("/")
            beside = list_artifacts(artifact_uri=above, tracking_uri=self._uri)
            if not any(posixpath.basename(each.path) == name for each in beside if not each.is_dir):
                return None
        self._count += 1
        target = self._work / str(self._count)
        target.mkdir()
        return Path(
            download_artifacts(artifact_uri=uri, dst_path=str(target), tracking_uri=self._uri)
        )


@dataclass(slots=True)
class _Named:
    """Versions of one artifact.

    Attributes:
        is_model: Whether one of them is a model.
    """

    versions: list[dict[str, Any]] = field(default_factory=list)
    is_model: bool = False


class Series:
    """Versions by the artifact that they belong to, whose type is known when all were seen."""

    def __init__(self) -> None:
        self._named: dict[str, _Named] = {}

    def add(
        self,
        name: str,
        *,
        key: Key,
        files: list[SourceFile],
        is_model: bool = False,
        **about: Any,
    ) -> None:
        """Add a version.

        Args:
            about: As for `SourceVersion`.
        """
        named = self._named.setdefault(name, _Named())
        named.versions.append({"key": key, "files": files, **about})
        named.is_model |= is_model or any(file.path == _MARKER for file in files)

    def versions(self) -> list[SourceVersion]:
        """Return all versions, in the order in which they were made."""
        found = [
            SourceVersion(name=name, type="model" if named.is_model else "artifact", **about)
            for name, named in self._named.items()
            for about in named.versions
        ]
        return sorted(found, key=lambda version: version.created_at)
