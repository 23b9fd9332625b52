"""`Artifact`: a draft that is built, or a version that was logged."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from artifacts import _session
from artifacts._draft import Draft, scan
from artifacts._entry import ArtifactEntry, ArtifactManifest
from artifacts._logged import Logged
from artifacts._metadata import check_metadata
from artifacts.store import ingest
from artifacts.store.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    InvalidInputError,
    InvalidTypeError,
)
from artifacts.store.records import to_datetime
from artifacts.store.refs import check_alias, check_name, check_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from artifacts._entry import ArtifactFile
    from artifacts._session import Place
    from artifacts.store.checkout import LinkMode
    from artifacts.store.diff import ManifestDiff
    from artifacts.store.ingest import SymlinkPolicy
    from artifacts.store.progress import Progress
    from artifacts.store.records import RunRecord, VersionRecord

log = logging.getLogger("artifacts")

DRAFT, COMMITTED, DELETED = "DRAFT", "COMMITTED", "DELETED"


class Artifact:
    """A versioned set of files.

    A new artifact is a *draft*: add files, then log it with ``run.log_artifact(artifact)`` or
    `save`. From then on the same object is a *version*, which does not change any more except
    for its description, metadata, aliases and tags.

    Args:
        name: Letters, digits, ``_``, ``-`` and ``.``, at most 128.
        type: What kind of thing it is, such as ``dataset`` or ``model``. All versions of a name
            have one type.
        description: Free text.
        metadata: A JSON object; numbers, text, lists and dicts, at most 100 keys.
        incremental: Start from the latest version's files: adding and removing changes those.
        store: Folder of the store. Default: that of the active run, else of the settings.
        project: Project in which to look for the previous version and to `save`.

    Raises:
        InvalidInputError: A name or a value cannot be used.

    Example:
        >>> artifact = artifacts.Artifact("corpus", type="dataset", metadata={"lang": "en"})
        >>> artifact.add_dir("data/")
        >>> run.log_artifact(artifact, aliases=["prod"])
        >>> artifact.version
        'v0'
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        incremental: bool = False,
        store: str | os.PathLike[str] | None = None,
        project: str | None = None,
    ) -> None:
        self._name = check_name(name)
        self._type = _check_type(type)
        self._description = description
        self._metadata = check_metadata(metadata)
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._incremental = incremental
        self._where: dict[str, Any] = {"store": store, "project": project}
        self._draft: Draft | None = None
        self._logged: Logged | None = None

    @classmethod
    def _from_record(cls, place: Place, record: VersionRecord) -> Artifact:
        self = cls.__new__(cls)
        self._draft = None
        self._become(Logged(place, record))
        return self

    def _become(self, logged: Logged) -> None:
        record = logged.record
        self._logged = logged
        self._name = record.name
        self._type = record.type
        self._description = record.description
        self._metadata = dict(record.metadata)
        self._aliases = list(record.aliases)
        self._tags = list(record.tags)
        self._incremental = False

    # -- identity

    @property
    def name(self) -> str:
        """``corpus`` for a draft, ``corpus:v3`` once logged."""
        if self._logged is None:
            return self._name
        return f"{self._name}:{self._logged.record.version}"

    @property
    def collection(self) -> str:
        """Name without the version."""
        return self._name

    @property
    def type(self) -> str:
        """What kind of thing it is."""
        return self._type

    @property
    def state(self) -> str:
        """``DRAFT``, ``COMMITTED`` or ``DELETED``."""
        if self._logged is None:
            return DRAFT
        return COMMITTED if self._logged.record.deleted_at is None else DELETED

    @property
    def id(self) -> str:
        """Key of the version within its store."""
        return str(self._version().record.id)

    @property
    def version(self) -> str:
        """``vN``."""
        return self._version().record.version

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._version().record.entity

    @property
    def project(self) -> str:
        """Project in which it was logged."""
        return self._version().record.project

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:vN``."""
        record = self._version().record
        return f"{record.entity}/{record.project}/{record.name}:{record.version}"

    @property
    def digest(self) -> str:
        """Hex of the BLAKE3 digest of the manifest: the identity of the contents."""
        if self._logged is not None:
            return self._logged.record.digest.hex()
        return self._open_draft().manifest.digest.hex()

    @property
    def commit_hash(self) -> str:
        """The digest with its algorithm: ``blake3:<64 hex>``."""
        return f"blake3:{self.digest}"

    @property
    def size(self) -> int:
        """Sum of the sizes of all files, references included, in bytes."""
        if self._logged is not None:
            return self._logged.record.size
        return self._open_draft().manifest.size

    @property
    def file_count(self) -> int:
        """Number of files, references included."""
        if self._logged is not None:
            return self._logged.record.file_count
        return len(self._open_draft().manifest)

    @property
    def created_at(self) -> datetime:
        """When the version was made, in UTC."""
        return to_datetime(self._version().record.created_at)

    @property
    def updated_at(self) -> datetime:
        """When description, metadata, aliases or tags last changed, in UTC."""
        return to_datetime(self._version().record.updated_at)

    # -- what may change

    @property
    def description(self) -> str | None:
        """Free text. After a change of a logged version call `save`."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value

    @property
    def metadata(self) -> dict[str, Any]:
        """A JSON object. After a change of a logged version call `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, value: Mapping[str, Any]) -> None:
        self._metadata = check_metadata(value)

    @property
    def aliases(self) -> list[str]:
        """Movable names of the version. After a change of a logged version call `save`."""
        return self._aliases

    @aliases.setter
    def aliases(self, value: Iterable[str]) -> None:
        self._aliases = list(_check_aliases(value))

    @property
    def tags(self) -> list[str]:
        """Free labels. After a change of a logged version call `save`."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = list(dict.fromkeys(check_tag(tag) for tag in value))

    # -- building a draft

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        *,
        overwrite: bool = False,
        is_tmp: bool = False,
    ) -> ArtifactEntry:
        """Add a file as it is now; what happens to it afterwards does not matter.

        Args:
            local_path: The file; a symbolic link stands for the file it leads to.
            name: Path inside the artifact. Default: the file's own name.
            overwrite: Replace an entry of other contents.
            is_tmp: Accepted for compatibility; every file is stored by content.

        Raises:
            ValueError: It is not a file, or the path inside the artifact is taken.
            ArtifactFinalizedError: The artifact was logged already.
            IntegrityError: The file kept changing while it was read.
        """
        source = _absolute(local_path)
        path = name if name is not None else os.path.basename(source)
        file = ingest.source_file(source, _slashes(path))
        draft = self._open_draft()
        [entry] = draft.add_files([file], overwrite=overwrite)
        return ArtifactEntry(self, entry)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        *,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        symlinks: SymlinkPolicy = "follow",
        merge: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Add all files below a folder, hidden ones too; empty folders leave no trace.

        A file ``.artignore`` in the folder says what is left out, in the syntax of .gitignore.

        Args:
            local_path: The folder.
            name: Folder inside the artifact. Default: its root.
            include: Patterns, of which a file has to match one.
            exclude: Patterns of what is left out.
            symlinks: ``follow`` them (circles are found), take them for an ``error``, or
                ``skip`` them.
            merge: Replace entries of other contents.
            progress: Told about every file.

        Raises:
            ValueError: It is not a folder, a name in it cannot be used, or a path is taken.
            ArtifactFinalizedError: The artifact was logged already.
        """
        draft = self._open_draft()
        files = scan(
            _absolute(local_path),
            name=None if name is None else _slashes(name),
            include=include,
            exclude=exclude,
            symlinks=symlinks,
        )
        draft.add_files(files, overwrite=merge, progress=progress)

    @contextlib.contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Open a new file for writing; it is added when the block ends without an error.

        Args:
            name: Path inside the artifact.
            mode: ``x`` (refuse if the path is taken) or ``w`` (replace), with ``b`` for bytes.
            encoding: Of text; UTF-8 by default.

        Raises:
            ValueError: The path is taken, or the mode is another one.
        """
        if mode not in {"x", "w", "xb", "wb", "xt", "wt"}:
            raise InvalidInputError(f"mode must be 'w' or 'x', with 'b' for bytes: {mode!r}")
        draft = self._open_draft()
        path = _slashes(name)
        overwrite = mode.startswith("w")
        if not overwrite and draft.manifest.get(path) is not None:
            raise InvalidInputError(
                f"File with name {path!r} already exists", hint="use mode='w'", kind="same_path"
            )
        with tempfile.TemporaryDirectory(prefix="artifacts-") as folder:
            temporary = os.path.join(folder, "file")
            text_encoding = None if "b" in mode else encoding or "utf-8"
            with open(temporary, mode, encoding=text_encoding) as file:
                yield file
            draft.add_files([ingest.source_file(temporary, path)], overwrite=overwrite)

    def add_reference(
        self,
        uri: str | ArtifactEntry,
        name: str | None = None,
        *,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[ArtifactEntry]:
        """Add files that stay where they are; the artifact records what they contained.

        Args:
            uri: ``file:///folder/or/file``, or an entry of a logged artifact, whose bytes the
                store has already.
            name: Path inside the artifact; for a folder, the folder under which its files go.
            checksum: Read and hash the files, so that a change is noticed later.
            max_objects: Refuse a folder with more files than this (default 10,000,000).

        Raises:
            ValueError: Not a URI, nothing there, or too many files.
        """
        draft = self._open_draft()
        if isinstance(uri, ArtifactEntry):
            entry = uri.copy_for(draft.place.store, name)
            draft.add_entries([entry], overwrite=False)
            return [ArtifactEntry(self, entry)]
        from artifacts._references import file_references

        entries = file_references(
            uri, None if name is None else _slashes(name), checksum=checksum, limit=max_objects
        )
        draft.add_entries(entries, overwrite=False)
        return [ArtifactEntry(self, entry) for entry in entries]

    def remove(self, item: str | os.PathLike[str] | ArtifactEntry) -> None:
        """Remove a file, or a folder with everything below it, from the draft.

        Raises:
            FileNotFoundError: There is neither.
            ArtifactFinalizedError: The artifact was logged already.
        """
        path = item.path if isinstance(item, ArtifactEntry) else _slashes(os.fspath(item))
        self._open_draft().remove(path)

    def finalize(self) -> None:
        """Allow no more changes of the contents, before the artifact is logged."""
        self._finalized = True

    def is_draft(self) -> bool:
        """Whether the artifact has not been logged."""
        return self._logged is None

    _finalized = False

    # -- logging

    def save(self, project: str | None = None) -> Artifact:
        """Log a draft without a run, or store changes of a logged version's description,
        metadata, aliases and tags.

        Args:
            project: Where to log a draft; default as in the constructor.

        Returns:
            The artifact itself.
        """
        if self._logged is not None:
            self._metadata = check_metadata(self._metadata)
            self._become(
                self._logged.edit(
                    description=self._description,
                    metadata=self._metadata,
                    aliases=_check_aliases(self._aliases),
                    tags=tuple(dict.fromkeys(check_tag(tag) for tag in self._tags)),
                )
            )
            return self
        place = self._place()
        self._log(entity=place.entity, project=project or place.project)
        return self

    def _log(
        self,
        *,
        entity: str,
        project: str,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        latest: bool = True,
        run: int | None = None,
        output: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """Commit the draft and become its version."""
        if self._logged is not None:
            raise ArtifactFinalizedError(f"{self.name} was logged already")
        draft = self._draft_for_logging()
        names = _check_aliases((*aliases, *self._aliases))
        record, created = draft.commit(
            type=self._type,
            entity=entity,
            project=project,
            description=self._description,
            metadata=check_metadata(self._metadata),
            aliases=names,
            tags=tuple(dict.fromkeys(check_tag(tag) for tag in (*tags, *self._tags))),
            latest=latest,
            run=run,
            output=output,
        )
        self._draft = None
        self._become(Logged(draft.place, record))
        if created:
            log.info("logged %s (%d files, %d bytes)", self.name, self.file_count, self.size)
        else:
            log.info("%s exists already with the same content; no new version was made", self.name)

    def wait(self, timeout: float | None = None) -> Artifact:
        """Return when the version is committed. On a local store it is when it is logged.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
        """
        self._version()
        return self

    def new_draft(self) -> Artifact:
        """Return a draft with the files of this version, nothing of which is copied.

        Logging it makes the next version.
        """
        logged = self._version()
        record = logged.record
        draft = Artifact(
            record.name, record.type, record.description, record.metadata, project=record.project
        )
        draft._draft = Draft(logged.place, record.name)
        draft._draft.carry(record)
        return draft

    # -- reading

    @property
    def manifest(self) -> ArtifactManifest:
        """What the artifact contains."""
        if self._logged is not None:
            return ArtifactManifest(self, self._logged.manifest)
        return ArtifactManifest(self, self._open_draft().manifest)

    def files(
        self, names: Iterable[str] | None = None, per_page: int = 50
    ) -> Sequence[ArtifactFile]:
        """Return the files of a version, in the order of their paths.

        Args:
            names: Only these paths.
            per_page: Accepted for compatibility; the list is complete.
        """
        from artifacts._entry import ArtifactFile

        manifest = self._version().manifest
        if names is None:
            return [ArtifactFile(ArtifactEntry(self, entry)) for entry in manifest]
        return [ArtifactFile(self.get_entry(name)) for name in names]

    def get_entry(self, name: str) -> ArtifactEntry:
        """Return the entry of a path.

        Raises:
            KeyError: There is none.
        """
        return self.manifest[_slashes(name)]

    def get_path(self, name: str) -> ArtifactEntry:
        """Older name of `get_entry`."""
        self._version()
        return self.get_entry(name)

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        path_prefix: str | None = None,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        link: LinkMode = "copy",
        allow_missing_references: bool = False,
        recursive: bool = False,
        progress: Progress | None = None,
    ) -> str:
        """Write the files of a version into a folder.

        Files that match already are not written again, other files are left alone. Every file
        is verified before it appears under its name.

        Args:
            root: The folder. Default: ``./artifacts/<name>:vN``.
            path_prefix: Only paths that start with this text.
            include: Only paths that match one of these patterns, in the syntax of .gitignore.
            exclude: Leave out paths that match one of these patterns.
            link: ``hardlink`` or ``symlink`` place large files as read-only links into a store
                on the same machine instead of copying them.
            allow_missing_references: Leave out referenced files that are gone or changed.
            recursive: Accepted for compatibility.
            progress: Told about every file.

        Returns:
            The folder's path.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            IntegrityError: Stored bytes are damaged.
        """
        target = self._root(root)
        self._version().download(
            target,
            path_prefix=path_prefix,
            include=include,
            exclude=exclude,
            link=link,
            allow_missing_references=allow_missing_references,
            progress=progress,
        )
        return target

    def checkout(
        self, root: str | os.PathLike[str] | None = None, *, progress: Progress | None = None
    ) -> str:
        """Like `download`, and delete files in the folder that the version does not have.

        Args:
            root: The folder. Default: ``./artifacts/<name>``, the same for all versions.
        """
        default = None if root is not None else self._version().default_root(versioned=False)
        target = self._root(root if root is not None else default)
        self._version().download(target, remove_extra=True, progress=progress)
        return target

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Download an artifact of exactly one file and return the file's path.

        Raises:
            ValueError: It has more or fewer files.
        """
        entries = self._version().manifest.entries
        if len(entries) != 1:
            raise InvalidInputError(
                f"{self.name} has {len(entries)} files; file() needs exactly one",
                hint="use download(), or get_entry(path).download()",
                kind="not_one_file",
            )
        return os.path.join(self.download(root), *entries[0].path.split("/"))

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """Open one file of a version for reading, without downloading it.

        Args:
            path: Path inside the artifact.
            mode: ``rb`` for bytes, ``r`` for text.
            encoding: Of text; UTF-8 by default.

        Raises:
            KeyError: There is no such file.
        """
        return self.get_entry(path).open(mode, encoding=encoding)

    def verify(
        self, root: str | os.PathLike[str] | None = None, *, progress: Progress | None = None
    ) -> None:
        """Check that a folder has exactly the files of a version; every byte is read.

        Args:
            root: The folder; default as for `download`.

        Raises:
            IntegrityError: A file is missing, differs, or does not belong there.
        """
        self._version().verify(self._root(root), progress=progress)

    def diff(self, other: Artifact) -> ManifestDiff:
        """Return what changed from this artifact to ``other``."""
        from artifacts.store.diff import diff_manifests

        return diff_manifests(self._any_manifest(), other._any_manifest())

    # -- lineage

    def logged_by(self) -> RunRecord | None:
        """Return the run that logged this version first, or None."""
        return self._version().logged_by()

    def used_by(self) -> list[RunRecord]:
        """Return the runs that used this version, oldest first."""
        return self._version().used_by()

    # -- deleting

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete this version. Its number is not used again, and lineage still shows it.

        Args:
            delete_aliases: Also if it has aliases other than ``latest``.

        Raises:
            StateError: It has such aliases.
        """
        logged = self._version()
        self._become(logged.delete(delete_aliases=delete_aliases))

    # -- inside

    def __getitem__(self, name: str) -> ArtifactEntry:
        return self.get_entry(name)

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self._type}, {self.state.lower()})>"

    def _any_manifest(self) -> Any:
        if self._logged is not None:
            return self._logged.manifest
        return self._open_draft().manifest

    def _version(self) -> Logged:
        if self._logged is None:
            raise ArtifactNotLoggedError(
                f"artifact {self._name!r} has not been logged yet",
                hint="log it with run.log_artifact(artifact) or artifact.save()",
            )
        return self._logged

    def _place(self) -> Place:
        if self._draft is not None:
            return self._draft.place
        if self._logged is not None:
            return self._logged.place
        return _session.place(**self._where)

    def _open_draft(self) -> Draft:
        if self._logged is not None or self._finalized:
            raise ArtifactFinalizedError(
                f"Can't add to finalized artifact {self.name}",
                hint="make a new draft from the logged version with .new_draft()",
            )
        return self._draft_for_logging()

    def _draft_for_logging(self) -> Draft:
        if self._draft is None:
            self._draft = Draft(self._place(), self._name, incremental=self._incremental)
        return self._draft

    def _root(self, root: str | os.PathLike[str] | None) -> str:
        if root is None:
            return self._version().default_root()
        return _absolute(root)


def _check_aliases(aliases: Iterable[str]) -> tuple[str, ...]:
    if isinstance(aliases, str):
        aliases = [aliases]
    return tuple(dict.fromkeys(check_alias(alias) for alias in aliases))


def _check_type(type_: str) -> str:
    if not isinstance(type_, str):
        raise InvalidTypeError(f"type must be text, not {type(type_).__name__}")
    return check_name(type_)


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(Path(os.fspath(path)).expanduser())


def _slashes(path: str) -> str:
    return path.replace(os.sep, "/") if os.sep != "/" else path
