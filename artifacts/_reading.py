"""Reading an artifact: its files."""

from __future__ import annotations

import functools
import os
from typing import IO, TYPE_CHECKING, Any

from artifacts._entry import ArtifactEntry, ArtifactFile, ArtifactManifest
from artifacts._identity import Identity
from artifacts._values import slashes, texts
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from artifacts.artifact import Artifact
    from artifacts.store.checkout import CheckoutResult, LinkMode
    from artifacts.store.diff import ManifestDiff
    from artifacts.store.manifest import Manifest
    from artifacts.store.progress import Progress
    from artifacts.store.row_diff import RowDiff


class Reading(Identity):
    """The part of `Artifact` that looks into it; most of that needs a logged version."""

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
        return self.manifest[slashes(name)]

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactEntry:
        """Return the entry of a path of a logged artifact; `get_entry` takes drafts too.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            KeyError: There is none.
        """
        self._version()
        return self.get_entry(name)

    def get(self, name: str | os.PathLike[str]) -> Any:
        """Return an object that was added with `add`: a table, an image, or the like.

        Its files are read when they are needed. Of a draft it is the object itself.

        Args:
            name: As it was given to `add`, or the path of its file.

        Returns:
            The object; None if the artifact has none of that name.

        Raises:
            FormatError: What is there cannot be read as an object.
        """
        from artifacts._media_files import get_object

        return get_object(self, slashes(name))

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        path_prefix: str | None = None,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        link: LinkMode = "copy",
        allow_missing_references: bool = False,
        allow_broken: bool = False,
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
            allow_broken: Leave out files whose data are lost, of a version that is marked so.
            recursive: Accepted for compatibility, like ``multipart``.
            skip_cache: What has to be fetched from a remote store is not kept in the cache: a large
                file is written once instead of twice, and fetched anew by the next download into
                another folder. What the cache has is used.
            multipart: How large files are fetched is the store's concern.
            progress: Told about every file.

        Returns:
            The folder's path.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            RefNotFoundError: The version was deleted.
            InvalidInputError: Nothing passes the filters, or something is in the way of a file.
            IntegrityError: Stored bytes are damaged, or a referenced file has changed.
                ``version_broken``: a check found that data of the version are lost.
            StorageError: A referenced file is gone, or writing failed.
        """
        self.pull(
            root,
            path_prefix=path_prefix,
            include=include,
            exclude=exclude,
            link=link,
            allow_missing_references=allow_missing_references,
            allow_broken=allow_broken,
            skip_cache=skip_cache,
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
        allow_broken: bool = False,
        skip_cache: bool = False,
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
            allow_broken: As for `download`.
            skip_cache: As for `download`.
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
            allow_broken=allow_broken,
            remove_extra=delete,
            skip_cache=skip_cache,
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

    def materialize(self, *, latest: bool = True, progress: Progress | None = None) -> Artifact:
        """Log a new version in which the files that are referred to are stored.

        They are read from where they are, and compared with what was recorded of them. The
        metadata of the new version say what it was made of, as ``materialized_from``; a run that
        is active uses this version, and logs the new one.

        Args:
            latest: Whether the alias ``latest`` moves to the new version.
            progress: Told about every file.

        Returns:
            The new version; this one if nothing in it is a reference.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            IntegrityError: A referenced file is gone or has changed.
            StorageError: A service does not answer, or storing failed.
        """
        from artifacts._materializing import materialize
        from artifacts.artifact import Artifact

        assert isinstance(self, Artifact)  # of which this class is a part
        return materialize(self, latest=latest, progress=progress)

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        """Open one file of a version for reading, without downloading it; see `ArtifactEntry.open`.

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
        """Return what changed from this artifact to ``other``: files, renamed ones, metadata."""
        from artifacts.store.diff import diff_manifests, diff_metadata

        found = diff_manifests(self._any_manifest(), other._any_manifest())
        return found._replace(metadata=diff_metadata(self._metadata, other._metadata))

    def diff_rows(
        self,
        other: Artifact,
        path: str,
        *,
        key: Iterable[str] | str | None = None,
        examples: int = 5,
    ) -> RowDiff:
        """Return which rows of a table changed from this version to ``other``.

        Rows are compared in the columns that both tables have, whatever their order, and read one
        after the other: memory stays small however large the tables are.

        Args:
            other: A version that has the path too, of whatever store.
            path: A file that ends in ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
            key: The column, or columns, whose values say which row is which. Without it, rows
                are only equal or not.
            examples: At most so many rows of each kind of change are returned.

        Raises:
            KeyError: One of the versions has no such file.
            InvalidInputError: It is no table by its name, or the key does not tell rows apart.
            FormatError: It is no such table.
        """
        from artifacts.store.row_diff import diff_rows
        from artifacts.store.rows import KINDS, Table, table_kind

        kind = table_kind(path)
        if kind is None:
            raise InvalidInputError(
                f"{path!r} is no table by its name",
                hint=f"rows are compared of files that end in: {', '.join(KINDS)}",
                kind="no_table",
            )
        before, after = (
            Table(kind, functools.partial(each.get_path(path).open, "rb")) for each in (self, other)
        )
        return diff_rows(before, after, key=texts(key, "key"), examples=examples)

    # -- inside

    def __getitem__(self, name: str) -> Any:
        # A path is an entry, and the name of an object is the object.
        if name not in self.manifest:
            found = self.get(name)
            if found is not None:
                return found
        return self.get_entry(name)

    def _any_manifest(self) -> Manifest:
        if self._logged is not None:
            return self._stored().manifest
        return self._draft_for_logging().manifest
