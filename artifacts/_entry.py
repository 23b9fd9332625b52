"""What users see of the files of an artifact."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from artifacts.store.digests import format_digest
from artifacts.store.errors import (
    ArtifactNotLoggedError,
    EntryNotFoundError,
    InvalidInputError,
    StateError,
)
from artifacts.store.manifest import check_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts._identity import Identity
    from artifacts.store.manifest import Entry, Manifest
    from artifacts.store.store import Store

_COMPARED = 1000


class ArtifactEntry:
    """One file of an artifact."""

    def __init__(self, artifact: Identity, entry: Entry) -> None:
        self._artifact = artifact
        self._entry = entry

    @property
    def path(self) -> str:
        """Path inside the artifact."""
        return self._entry.path

    @property
    def name(self) -> str:
        """Path inside the artifact."""
        return self._entry.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self._entry.size

    @property
    def digest(self) -> str:
        """``blake3:<64 hex>`` of the contents; what ``b3sum`` prints."""
        return format_digest(self._entry.digest)

    @property
    def executable(self) -> bool:
        """Whether the file may be executed."""
        return self._entry.executable

    @property
    def ref(self) -> str | None:
        """Where the bytes lie if the store does not keep them, else None."""
        return None if self._entry.reference is None else self._entry.reference.uri

    def ref_target(self) -> str:
        """Return where the bytes of a reference lie.

        Raises:
            ValueError: The entry is not a reference.
        """
        if self.ref is None:
            raise InvalidInputError(f"{self.path} is not a reference: the store has its bytes")
        return self.ref

    def ref_url(self) -> str:
        """Return a URL that names this entry: that of the artifact with the path after it."""
        return f"art://{self._artifact.qualified_name}/{self.path}"

    def download(self, root: str | os.PathLike[str] | None = None) -> str:
        """Write this file into a folder, under its path, and return the file's path.

        Args:
            root: The folder; default as for `Artifact.download`.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
        """
        artifact = self._artifact
        target = artifact._root(root)
        artifact._stored().download_entries([self._entry], target)
        return os.path.join(target, *self.path.split("/"))

    def open(self, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """Open the file for reading, without downloading it.

        Of a large file, and of a reference behind a network, only what is read is fetched. What is
        read of a reference is not compared with a digest; one behind a network is opened only if
        its service says that it is as it was when it was logged.

        Args:
            mode: ``rb`` for bytes, ``r`` for text.
            encoding: Of text; UTF-8 by default.

        Raises:
            ValueError: The mode is another one, or a referenced file is gone or has changed.
            StorageError: The service that has a referenced file does not answer.
        """
        if mode not in {"r", "rt", "rb"}:
            raise InvalidInputError(f"mode must be 'r' or 'rb', not {mode!r}")
        file = self._artifact._stored().open(self._entry)
        if mode == "rb":
            return file
        return io.TextIOWrapper(file, encoding=encoding or "utf-8")

    def _copy_for(self, store: Store, name: str | None) -> Entry:
        """Return the entry under another name, for an artifact in the same store."""
        logged = self._artifact._logged
        if logged is None:
            raise ArtifactNotLoggedError(
                f"{self.path} belongs to a draft; only files of logged artifacts can be referenced"
            )
        if logged.record.deleted_at is not None:
            raise StateError(f"{self._artifact.name} was deleted", kind="version_deleted")
        if logged.place.store.uuid != store.uuid:
            raise StateError(f"{self._artifact.name} is in another store", kind="other_store")
        path = check_path(name) if name is not None else self._entry.path
        return self._entry._replace(path=path)

    def __repr__(self) -> str:
        return f"<ArtifactEntry {self.path} ({self.size} bytes)>"


class ArtifactFile:
    """One file of a logged artifact, as `Artifact.files` lists them."""

    def __init__(self, entry: ArtifactEntry) -> None:
        self._entry = entry

    @property
    def name(self) -> str:
        """Path inside the artifact."""
        return self._entry.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self._entry.size

    @property
    def digest(self) -> str:
        """``blake3:<64 hex>`` of the contents."""
        return self._entry.digest

    @property
    def mimetype(self) -> str | None:
        """Guess from the name."""
        import mimetypes

        return mimetypes.guess_type(self._entry.path)[0]

    @property
    def url(self) -> str:
        """A URL that names the file."""
        return self._entry.ref_url()

    def download(self, root: str | os.PathLike[str] | None = None) -> str:
        """Write the file into a folder and return its path."""
        return self._entry.download(root)

    def __repr__(self) -> str:
        return f"<ArtifactFile {self.name} ({self.size} bytes)>"


class ArtifactManifest(Mapping[str, ArtifactEntry]):
    """The files of an artifact by their paths, in the order of the paths."""

    def __init__(self, artifact: Identity, manifest: Manifest) -> None:
        self._artifact = artifact
        self._manifest = manifest

    @property
    def entries(self) -> Mapping[str, ArtifactEntry]:
        """All entries by path, in the order of the paths."""
        return self

    def __getitem__(self, path: str) -> ArtifactEntry:
        entry = self._manifest.get(path)
        if entry is None:
            raise EntryNotFoundError(
                f"{self._artifact.name} does not contain {path!r}",
                hint=self._near(path) or f"see its files with: art files {self._artifact.name}",
            )
        return ArtifactEntry(self._artifact, entry)

    def _near(self, path: str) -> str | None:
        """Say which paths look like this one; of many files only those of the same name do."""
        paths = [entry.path for entry in self._manifest]
        if len(paths) > _COMPARED:
            name = path.rpartition("/")[2]
            paths = [p for p in paths if p.rpartition("/")[2] == name][:_COMPARED]
        import difflib

        near = difflib.get_close_matches(path, paths)
        return f"did you mean {' or '.join(near)}?" if near else None

    def __contains__(self, path: object) -> bool:
        return path in self._manifest.by_path

    def __len__(self) -> int:
        return len(self._manifest)

    def __iter__(self) -> Iterator[str]:
        return (entry.path for entry in self._manifest)
