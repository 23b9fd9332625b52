"""Media objects in an artifact: how they get there, and how they are read again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from artifacts.media import registry
from artifacts.media.base import TYPE, Kept, Media, describe, named_files
from artifacts.store import copying
from artifacts.store.digests import format_digest
from artifacts.store.errors import (
    ArtifactNotLoggedError,
    EntryNotFoundError,
    FormatError,
    InvalidTypeError,
    from_os_error,
)
from artifacts.store.manifest import Entry, check_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts._draft import Draft
    from artifacts._identity import Identity
    from artifacts.store.manifest import Manifest
    from artifacts.store.store import Store

_HASH = 20
_JSON = ".json"


class LocalCopies:
    """Read-only copies of files in a temporary folder, for as long as somebody has this object."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def path_of(self, path: str) -> Path:
        """Return where the copy of a file is, or is to be made; its folder is there."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="artifacts-media-"))
            weakref.finalize(self, _remove, self._folder, os.getpid())
        found = self._folder.joinpath(*path.split("/"))
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    def make(self, path: str, file: IO[bytes]) -> Path:
        """Return a copy of an open file, which is made the first time."""
        target = self.path_of(path)
        if target.exists():
            return target
        temporary = target.with_name(f"{target.name}.part")
        try:
            descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            try:
                while piece := file.read(copying.BUFFER_SIZE):
                    copying.write_all(descriptor, piece)
            finally:
                os.close(descriptor)
            temporary.chmod(0o400)
            temporary.replace(target)
        except OSError as error:
            raise from_os_error(error, f"copy {path}") from error
        return target


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked process, which has a copy of the object
        shutil.rmtree(folder, ignore_errors=True)


class StoredFiles(ABC):
    """Files of objects that are in a store, or will be; see `artifacts.media.base.Files`."""

    @property
    @abstractmethod
    def store(self) -> Store:
        """Where the bytes are."""

    @abstractmethod
    def find(self, path: str) -> Entry | None:
        """Return the entry of a path; None if no version has it."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes]:
        """Open a file."""

    @abstractmethod
    def local(self, path: str) -> Path:
        """Return a read-only file on this machine with the contents of one."""

    @abstractmethod
    def below(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder."""


class ArtifactFiles(StoredFiles):
    """The files of an artifact, for the objects in it.

    Args:
        artifact: A version, or a draft that was made of one.
    """

    def __init__(self, artifact: Identity) -> None:
        self._artifact = artifact
        self._copies = LocalCopies()

    @property
    def store(self) -> Store:
        return self._artifact._place().store

    def find(self, path: str) -> Entry | None:
        return _manifest_of(self._artifact).get(path)

    def open(self, path: str) -> IO[bytes]:
        entry = self.find(path)
        if entry is None:
            raise EntryNotFoundError(f"{self._artifact.name} does not contain {path!r}")
        if self._artifact._logged is not None:
            return self._artifact._stored().open(entry)
        if entry.digest not in self.store.find([entry.digest])[0]:
            raise ArtifactNotLoggedError(
                f"{path} belongs to a draft, and can be read when that was logged"
            )
        return self.store.open_blob(entry.digest)

    def local(self, path: str) -> Path:
        with self.open(path) as file:
            return self._copies.make(path, file)

    def below(self, folder: str) -> list[str]:
        prefix = f"{folder.rstrip('/')}/"
        paths = (entry.path for entry in _manifest_of(self._artifact))
        return [path for path in paths if path.startswith(prefix)]


class DraftKeeper:
    """Keeps the files of one object for a draft, which gets all of them with `entries`.

    Args:
        draft: Takes the bytes.
        name: Of the object in the artifact.
        type_name: What its description calls it.
    """

    run = None

    def __init__(self, draft: Draft, name: str, type_name: str) -> None:
        self._draft = draft
        self._name = name
        self._type_name = type_name
        self.entries: dict[str, Entry] = {}
        self.standalone: Entry | None = None
        """The file that needs no description."""

    def keep(self, folder: str, suffix: str, content: bytes | Path) -> Kept:
        digest, sha256, size = self._draft.add_blob(content)
        if registry.STANDALONE.get(suffix) == self._type_name and self.standalone is None:
            path = check_path(f"{self._name}{suffix}")
            self.standalone = Entry(path, digest, size)
        else:
            path = f"media/{folder}/{digest.hex()[:_HASH]}{suffix}"
        self.entries[path] = Entry(path, digest, size)
        return Kept(path, format_digest(digest), sha256, size)

    def describe(self, description: Mapping[str, Any]) -> Entry:
        """Keep the description itself, unless a file is complete without; return its entry."""
        if self.standalone is not None:
            return self.standalone
        data = json.dumps(description, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        path = check_path(f"{self._name}.{self._type_name}{_JSON}")
        digest, _, size = self._draft.add_blob(data)
        self.entries[path] = found = Entry(path, digest, size)
        return found


def add_object(draft: Draft, obj: Any, name: str, *, overwrite: bool) -> tuple[Media, Entry]:
    """Add an object to a draft; see `Artifact.add`.

    Returns:
        What stands for it, and the entry under which it is found.
    """
    value = obj if isinstance(obj, Media) else registry.adopt(obj)
    if value is None:
        raise InvalidTypeError(
            f"obj is a {type(obj).__name__}, which is no table and no image, sound or the like",
            hint="add a file with add_file(), or write one with new_file()",
        )
    keeper = DraftKeeper(draft, check_path(name), value.type_name)
    carried = _carried(value, draft.place.store)
    if carried is None:
        entry = keeper.describe(describe(value, keeper))
    else:
        keeper.entries.update((each.path, each) for each in carried)
        entry = keeper.describe(value.to_json())
    draft.add_entries(keeper.entries.values(), overwrite=overwrite)
    return value, entry


def _carried(value: Media, store: Store) -> list[Entry] | None:
    """Return the entries of an object that is as another version of the store has it.

    Of a table it is not known from its description whether it was changed.
    """
    files = value._files
    if not isinstance(files, StoredFiles) or files.store.uuid != store.uuid:
        return None
    if value.type_name in registry.STANDALONE.values():
        return None
    found = [files.find(path) for path in named_files(value.to_json())]
    return None if None in found else [entry for entry in found if entry is not None]


def get_object(artifact: Identity, name: str) -> Any:
    """Return an object of an artifact; None if it has none of that name; see `Artifact.get`."""
    manifest = _manifest_of(artifact)
    entry = next((found for path in _paths(name) if (found := manifest.get(path))), None)
    if entry is None:
        return None
    if artifact._logged is None and entry.path in artifact._objects:
        value, added = artifact._objects[entry.path]
        if added == entry:  # else another file took its place
            return value
    files = ArtifactFiles(artifact)
    standalone = _standalone(entry.path)
    if standalone is not None:
        description = {
            TYPE: standalone,
            "path": entry.path,
            "digest": format_digest(entry.digest),
            "size": entry.size,
        }
        return registry.load(description, files)
    with files.open(entry.path) as file:
        try:
            description = json.loads(file.read())
        except ValueError as error:
            raise FormatError(f"{entry.path} of {artifact.name} is no description") from error
    loaded = registry.load(description, files) if isinstance(description, dict) else None
    if not isinstance(loaded, Media):
        raise FormatError(
            f"{entry.path} of {artifact.name} describes no object of a type that is known",
            hint="read the file itself with open(), or use a newer release",
        )
    return loaded


def _paths(name: str) -> Iterable[str]:
    """Yield the paths at which an object of a name may be, with its suffix or without."""
    if _standalone(name) is not None or _is_description(name):
        yield name
    for type_name in registry.type_names():
        yield f"{name}.{type_name}{_JSON}"
        if name.endswith(f".{type_name}"):
            yield name + _JSON
    for suffix in registry.STANDALONE:
        yield name + suffix
        stem = suffix.rpartition(".")[0]
        if name.endswith(stem):
            yield f"{name}{suffix.removeprefix(stem)}"


def _standalone(path: str) -> str | None:
    found = (kind for suffix, kind in registry.STANDALONE.items() if path.endswith(suffix))
    return next(found, None)


def _is_description(path: str) -> bool:
    return any(path.endswith(f".{name}{_JSON}") for name in registry.type_names())


def _manifest_of(artifact: Identity) -> Manifest:
    if artifact._logged is not None:
        return artifact._stored().manifest
    return artifact._draft_for_logging().manifest
