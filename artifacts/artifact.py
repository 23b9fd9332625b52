"""`Artifact`: a draft that is built, or a version that was logged."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from artifacts import _session
from artifacts._draft import Draft, scan
from artifacts._entry import ArtifactEntry, ArtifactManifest
from artifacts._find import texts
from artifacts._logged import Logged
from artifacts._metadata import check_metadata
from artifacts.store import walking
from artifacts.store.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    InvalidInputError,
    InvalidTypeError,
    RefNotFoundError,
    StateError,
)
from artifacts.store.manifest import check_path
from artifacts.store.records import to_datetime
from artifacts.store.refs import LATEST, check_alias, check_name, check_project, check_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from artifacts._entry import ArtifactFile
    from artifacts._session import Place
    from artifacts.store.checkout import CheckoutResult, LinkMode
    from artifacts.store.diff import ManifestDiff
    from artifacts.store.manifest import Manifest
    from artifacts.store.progress import Progress
    from artifacts.store.records import VersionRecord
    from artifacts.store.walking import SymlinkPolicy
    from artifacts.stored_run import StoredRun

log = logging.getLogger("artifacts")

FilePolicy = Literal["mutable", "immutable"]

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
        entity: Owner of the project.
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
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        self._name = _check_text(name, "name", check_name)
        self._type = _check_text(type, "type", _check_type)
        self._description = _check_description(description)
        self._metadata = check_metadata(metadata)
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._incremental = incremental
        self._where: dict[str, Any] = {"store": store, "entity": entity, "project": project}
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
        # Deep, so that what the user changes inside differs from the record.
        self._metadata = copy.deepcopy(record.metadata)
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
        return self._draft_for_logging().manifest.digest.hex()

    @property
    def commit_hash(self) -> str:
        """The digest with its algorithm: ``blake3:<64 hex>``."""
        return f"blake3:{self.digest}"

    @property
    def size(self) -> int:
        """Sum of the sizes of all files, references included, in bytes."""
        if self._logged is not None:
            return self._logged.record.size
        return self._draft_for_logging().manifest.size

    @property
    def file_count(self) -> int:
        """Number of files, references included."""
        if self._logged is not None:
            return self._logged.record.file_count
        return len(self._draft_for_logging().manifest)

    @property
    def created_at(self) -> datetime:
        """When the version was made, in UTC."""
        return to_datetime(self._version().record.created_at)

    @property
    def created_by(self) -> str | None:
        """Who made the version: ``user@host``."""
        return self._version().record.created_by

    @property
    def url(self) -> str | None:
        """Page of the version; None, because a local store has no pages."""
        self._version()
        return None

    @property
    def updated_at(self) -> datetime:
        """When description, metadata, aliases or tags last changed, in UTC."""
        return to_datetime(self._version().record.updated_at)

    @property
    def record(self) -> VersionRecord:
        """What the catalog knows of the version, as `Api.collections` and others return it."""
        return self._version().record

    @property
    def is_new(self) -> bool:
        """Whether logging this object made a version; False if its content was there already."""
        return self._is_new

    @property
    def new_bytes(self) -> int:
        """How many bytes the store grew by when this object was logged."""
        return self._new_bytes

    # -- what may change

    @property
    def description(self) -> str | None:
        """Free text. After a change of a logged version call `save`."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = _check_description(value)

    @property
    def metadata(self) -> dict[str, Any]:
        """A JSON object. After a change of a logged version call `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, value: Mapping[str, Any] | None) -> None:
        self._metadata = check_metadata(value)

    @property
    def aliases(self) -> list[str]:
        """Movable names of the version. After a change of a logged version call `save`.

        A name that another version has moves to this one. ``latest`` stays until another version
        gets it: a bare name always means something.
        """
        return self._aliases

    @aliases.setter
    def aliases(self, value: Iterable[str]) -> None:
        self._aliases = list(_check_aliases(texts(value, "aliases")))

    @property
    def tags(self) -> list[str]:
        """Free labels. After a change of a logged version call `save`."""
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = list(_check_tags(texts(value, "tags")))

    # -- building a draft

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | os.PathLike[str] | None = None,
        is_tmp: bool = False,
        *,
        skip_cache: bool = False,
        policy: FilePolicy = "mutable",
        overwrite: bool = False,
        progress: Progress | None = None,
    ) -> ArtifactEntry:
        """Add a file as it is now; what happens to it afterwards does not matter.

        Args:
            local_path: The file; a symbolic link stands for the file it leads to.
            name: Path inside the artifact. Default: the file's own name.
            is_tmp: Accepted for compatibility; every file is stored by content.
            skip_cache: Accepted for compatibility; a local store needs no cache.
            policy: ``mutable`` or ``immutable``: accepted for compatibility. Either way the bytes
                that are hashed are the bytes that are stored.
            overwrite: Replace an entry of other contents.
            progress: Told about every piece.

        Raises:
            ValueError: It is not a file, or the path inside the artifact is taken.
            ArtifactFinalizedError: The artifact was logged already.
            IntegrityError: The file kept changing while it was read.
        """
        draft = self._open_draft()
        _check_policy(policy)
        source = _absolute(local_path)
        path = name if name is not None else os.path.basename(source)
        file = walking.source_file(source, _slashes(path))
        [entry] = draft.add_files([file], overwrite=overwrite, progress=progress)
        return ArtifactEntry(self, entry)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | os.PathLike[str] | None = None,
        *,
        skip_cache: bool = False,
        policy: FilePolicy = "mutable",
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
            skip_cache: As for `add_file`.
            policy: As for `add_file`.
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
        _check_policy(policy)
        files = scan(
            draft.place.store,
            _absolute(local_path),
            name=None if name is None else _slashes(name),
            include=include,
            exclude=exclude,
            symlinks=symlinks,
        )
        draft.add_files(files, overwrite=merge, progress=progress)

    @contextlib.contextmanager
    def new_file(
        self, name: str | os.PathLike[str], mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """Open a new file for writing; it is added when the block ends without an error.

        Args:
            name: Path inside the artifact.
            mode: ``x`` (refuse if the path is taken) or ``w`` (replace), with ``b`` for bytes.
            encoding: Of text; UTF-8 by default.

        Raises:
            ValueError: The path is taken or cannot be used, or the mode is another one.
            ArtifactFinalizedError: The artifact was logged already.
        """
        if mode not in {"x", "w", "xb", "wb", "xt", "wt"}:
            raise InvalidInputError(f"mode must be 'w' or 'x', with 'b' for bytes: {mode!r}")
        draft = self._open_draft()
        path = check_path(_slashes(name))
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
            draft.add_files([walking.source_file(temporary, path)], overwrite=overwrite)

    def add_reference(
        self,
        uri: str | ArtifactEntry,
        name: str | os.PathLike[str] | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[ArtifactEntry]:
        """Add files that stay where they are; the artifact records what they contained.

        Args:
            uri: ``file:///folder/or/file``, or an entry of a logged artifact, whose bytes the
                store has already. What ``.artignore`` in a folder names is left out.
            name: Path inside the artifact; for a folder, the folder under which its files go.
            checksum: Read and hash the files, so that a change is noticed later.
            max_objects: Refuse a folder with more files than this (default 10,000,000).

        Raises:
            ValueError: Not a URI, nothing there, or too many files.
        """
        draft = self._open_draft()
        if isinstance(uri, ArtifactEntry):
            entry = uri._copy_for(draft.place.store, None if name is None else _slashes(name))
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
        path = item.path if isinstance(item, ArtifactEntry) else _slashes(item)
        self._open_draft().remove(path)

    def finalize(self) -> None:
        """Allow no more changes of the contents. Logging the artifact does so too."""
        self._finalized = True

    def is_draft(self) -> bool:
        """Whether the artifact has not been logged."""
        return self._logged is None

    def discard(self) -> None:
        """Give a draft up: what was stored for it is deleted, and it takes no more files.

        Without this it would be deleted too, but only when uploads expire.
        """
        if self._draft is not None:
            self._draft.abandon()
        self._finalized = True

    _finalized = False
    _is_new = False
    _new_bytes = 0

    # -- logging

    def save(self, project: str | None = None, *, latest: bool = True) -> Artifact:
        """Log a draft without a run, or store changes of a logged version's description,
        metadata, aliases and tags.

        Args:
            project: Where to log a draft; default as in the constructor, else the project of
                the active run, else that of the settings.
            latest: Whether the alias ``latest`` moves to a draft that is logged.

        Returns:
            The artifact itself. If a run is active, a draft is an output of that run.

        Raises:
            InvalidInputError: Metadata, an alias or a tag cannot be used, or the artifact exists
                with another type.
            RefNotFoundError: The version was deleted.
        """
        if self._logged is not None:
            aliases = _check_aliases(texts(self._aliases, "aliases"))
            if LATEST in self._logged.record.aliases and LATEST not in aliases:
                aliases += (LATEST,)
            self._become(
                self._stored().edit(
                    description=self._description,
                    metadata=check_metadata(self._metadata),
                    aliases=aliases,
                    tags=_check_tags(texts(self._tags, "tags")),
                )
            )
            return self
        place = self._place()
        active = _session.active()
        run = active.run if active is not None and active.has_same_store(place) else None
        target = place if active is None or run is None else active
        entity, own_project = self._target(target)
        self._log(entity=entity, project=project or own_project, latest=latest, run=run)
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
    ) -> None:
        """Commit the draft and become its version."""
        if self._logged is not None:
            raise ArtifactFinalizedError(f"{self.name} was logged already")
        draft = self._draft_for_logging()
        names = _check_aliases((*aliases, *texts(self._aliases, "aliases")))
        check_project(entity, what="entity")
        check_project(project)
        description, metadata = self._description, check_metadata(self._metadata)
        record, created = draft.commit(
            type=self._type,
            entity=entity,
            project=project,
            description=description,
            metadata=metadata,
            aliases=names,
            tags=_check_tags((*tags, *texts(self._tags, "tags"))),
            latest=latest,
            run=run,
            output=output,
        )
        self._draft = None
        self._become(Logged(draft.place, record))
        self._is_new, self._new_bytes = created, draft.new_bytes
        if created:
            log.info("logged %s (%d files, %d bytes)", self.name, self.file_count, self.size)
        else:
            log.info("%s exists already with the same content; no new version was made", self.name)
            kept = (record.description, record.metadata)
            if (description, metadata) not in ((None, {}), kept):
                log.warning(
                    "%s keeps its description and metadata; to change them, set them and call "
                    "save()",
                    self.name,
                )

    def wait(self, timeout: float | None = None) -> Artifact:
        """Return when the version is committed. On a local store it is when it is logged.

        Args:
            timeout: Seconds to wait at most; not needed on a local store.

        Returns:
            The artifact itself.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
        """
        self._version()
        return self

    def new_draft(self) -> Artifact:
        """Return a draft with the files of this version, nothing of which is copied.

        It has the version's name, type, description, metadata and project; logging it makes the
        next version.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: The version was deleted.
        """
        logged = self._stored()
        record = logged.record
        draft = Artifact(
            record.name,
            record.type,
            record.description,
            record.metadata,
            entity=record.entity,
            project=record.project,
        )
        draft._draft = Draft(logged.place.at(record.entity, record.project), record.name)
        draft._draft.carry(record)
        return draft

    # -- reading

    @property
    def manifest(self) -> ArtifactManifest:
        """What the artifact contains."""
        return ArtifactManifest(self, self._any_manifest())

    def files(
        self, names: Iterable[str] | None = None, per_page: int = 50
    ) -> Sequence[ArtifactFile]:
        """Return the files of a version, in the order of their paths.

        Args:
            names: Only these paths.
            per_page: Accepted for compatibility; the list is complete.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            KeyError: One of the names is no path in it.
        """
        from artifacts._entry import ArtifactFile

        manifest = self._stored().manifest
        if names is None:
            return [ArtifactFile(ArtifactEntry(self, entry)) for entry in manifest]
        return [ArtifactFile(self.get_entry(name)) for name in texts(names, "names")]

    def entries(
        self,
        *,
        path_prefix: str | None = None,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
    ) -> list[ArtifactEntry]:
        """Return the entries of a version that pass the filters, in the order of their paths.

        Args:
            path_prefix: Only paths that start with this text.
            include: Only paths that match one of these patterns, in the syntax of .gitignore.
            exclude: Leave out paths that match one of these patterns.

        Raises:
            ValueError: There are filters, and nothing passes.
        """
        chosen = self._stored().select(path_prefix=path_prefix, include=include, exclude=exclude)
        return [ArtifactEntry(self, entry) for entry in chosen]

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactEntry:
        """Return the entry of a path.

        Raises:
            KeyError: There is none.
        """
        return self.manifest[_slashes(name)]

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactEntry:
        """Return the entry of a path of a logged artifact; `get_entry` takes drafts too.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            KeyError: There is none.
        """
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
        skip_cache: bool = False,
        multipart: bool | None = None,
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
            recursive: Accepted for compatibility, like the next two.
            skip_cache: A local store has no cache.
            multipart: How large files are fetched is the store's concern.
            progress: Told about every file.

        Returns:
            The folder's path.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: The version was deleted.
            InvalidInputError: Nothing passes the filters, or something is in the way of a file.
            IntegrityError: Stored bytes are damaged, or a referenced file has changed.
            StorageError: A referenced file is gone, or writing failed.
        """
        self.pull(
            root,
            path_prefix=path_prefix,
            include=include,
            exclude=exclude,
            link=link,
            allow_missing_references=allow_missing_references,
            progress=progress,
        )
        return self._root(root)

    def checkout(
        self, root: str | os.PathLike[str] | None = None, *, progress: Progress | None = None
    ) -> str:
        """Like `download`, and delete files in the folder that the version does not have.

        Args:
            root: The folder. Default: ``./artifacts/<name>``, the same for all versions.
            progress: Told about every file.

        Returns:
            The folder's path.

        Raises:
            StateError: The folder holds the store, or lies in it.
        """
        default = None if root is not None else self._version().default_root(versioned=False)
        target = self._root(root if root is not None else default)
        self.pull(target, delete=True, progress=progress)
        return target

    def pull(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        path_prefix: str | None = None,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        link: LinkMode = "copy",
        delete: bool = False,
        allow_missing_references: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutResult:
        """Do what `download` does, or with ``delete`` what `checkout` does, and say what was done.

        Args:
            root: The folder; default as for `download`, also with ``delete``.
            path_prefix: As for `download`, like the next three.
            include: Patterns.
            exclude: Patterns.
            link: Whether to place links.
            delete: Delete files in the folder that were not asked for; `extra_files` lists them.
            allow_missing_references: As for `download`.
            progress: Told about every file.

        Returns:
            How many files were written, were there already, and were deleted.

        Raises:
            StateError: ``delete`` would delete the store itself.
        """
        return self._stored().download(
            self._root(root),
            path_prefix=path_prefix,
            include=include,
            exclude=exclude,
            link=link,
            allow_missing_references=allow_missing_references,
            remove_extra=delete,
            progress=progress,
        )

    def extra_files(self, root: str | os.PathLike[str] | None = None) -> list[str]:
        """Return the paths of the files in a folder that the version does not have.

        These are what `checkout` would delete. Nothing is read, and links are not followed.
        """
        return self._version().extra_files(self._root(root))

    def default_root(self) -> str:
        """Return the folder into which `download` writes unless told otherwise."""
        return self._root(None)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Download an artifact of exactly one file and return the file's path.

        Args:
            root: The folder; default as for `download`.

        Raises:
            ValueError: It has more or fewer files.
        """
        entries = self._stored().manifest.entries
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

        References of which no checksum was recorded cannot be checked, and other references may
        be missing; what was not checked is logged as a warning.

        Args:
            root: The folder; default as for `download`.
            progress: Told about every file.

        Raises:
            IntegrityError: A file is missing, differs, or does not belong there.
        """
        self._stored().verify(self._root(root), progress=progress)

    def diff(self, other: Artifact) -> ManifestDiff:
        """Return what changed from this artifact to ``other``."""
        from artifacts.store.diff import diff_manifests

        return diff_manifests(self._any_manifest(), other._any_manifest())

    # -- lineage

    def logged_by(self) -> StoredRun | None:
        """Return the run that logged this version first, or None."""
        return self._version().logged_by()

    def used_by(self) -> list[StoredRun]:
        """Return the runs that used this version, oldest first."""
        return self._version().used_by()

    # -- deleting

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete this version. Its number is not used again, and lineage still shows it.

        Args:
            delete_aliases: Also if it has aliases other than ``latest``.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: It was deleted already.
            StateError: It has such aliases.
        """
        self._become(self._stored().delete(delete_aliases=delete_aliases))

    def _check_deletable(self) -> None:
        """Raise what `delete` would raise without ``delete_aliases``."""
        names = [alias for alias in self._stored().record.aliases if alias != LATEST]
        if names:
            raise StateError(
                f"{self.name} has the aliases {', '.join(names)}",
                hint="move or remove the aliases first, or pass delete_aliases=True",
                kind="has_aliases",
            )

    # -- inside

    def __getitem__(self, name: str) -> ArtifactEntry:
        return self.get_entry(name)

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self._type}, {self.state.lower()})>"

    def _any_manifest(self) -> Manifest:
        if self._logged is not None:
            return self._stored().manifest
        return self._draft_for_logging().manifest

    def _version(self) -> Logged:
        if self._logged is None:
            raise ArtifactNotLoggedError(
                f"artifact {self._name!r} has not been logged yet",
                hint="log it with run.log_artifact(artifact) or artifact.save()",
            )
        return self._logged

    def _stored(self) -> Logged:
        """Return the version if it is not deleted."""
        logged = self._version()
        if logged.record.deleted_at is not None:
            raise RefNotFoundError(
                f"{self.name} was deleted on {to_datetime(logged.record.deleted_at):%Y-%m-%d}",
                kind="version_deleted",
            )
        return logged

    def _target(self, place: Place) -> tuple[str, str]:
        """Return (entity, project) in which a draft is to be logged."""
        return self._where["entity"] or place.entity, self._where["project"] or place.project

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
    return tuple(dict.fromkeys(check_alias(alias) for alias in aliases))


def _check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(check_tag(tag) for tag in tags))


def _check_type(type_: str) -> str:
    return check_project(type_, what="type")


def _check_text(value: str, what: str, check: Callable[[str], str]) -> str:
    if not isinstance(value, str):
        raise InvalidTypeError(f"{what} must be text, not {value.__class__.__name__}")
    return check(value)


def _check_description(value: str | None) -> str | None:
    return None if value is None else _check_text(value, "description", str)


def _check_policy(policy: str) -> None:
    if policy not in {"mutable", "immutable"}:
        raise InvalidInputError(f"policy must be 'mutable' or 'immutable', not {policy!r}")


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(Path(os.fspath(path)).expanduser())


def _slashes(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    return text.replace(os.sep, "/") if os.sep != "/" else text
