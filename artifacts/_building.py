"""Building an artifact: what can be done with a draft."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import IO, TYPE_CHECKING, Any, Literal

from artifacts._draft import Draft, scan
from artifacts._entry import ArtifactEntry
from artifacts._identity import Identity
from artifacts._values import absolute, slashes
from artifacts.store import walking
from artifacts.store.errors import ArtifactFinalizedError, InvalidInputError, StateError
from artifacts.store.manifest import check_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts._session import Place
    from artifacts.store.progress import Progress
    from artifacts.store.walking import SourceFile, SymlinkPolicy

FilePolicy = Literal["mutable", "immutable"]


class Building(Identity):
    """The part of `Artifact` that collects files."""

    _finalized = False

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
            policy: ``immutable`` promises that nobody changes the file until it is in the store:
                a large one is then uploaded to a remote store from where it is, without the
                snapshot that ``mutable`` takes first. If it was changed all the same, logging
                fails. A local store takes the bytes as it hashes them, whatever the policy.
            overwrite: Replace an entry of other contents.
            progress: Told about every piece.

        Raises:
            ValueError: It is not a file, or the path inside the artifact is taken.
            ArtifactFinalizedError: The artifact was logged already.
            IntegrityError: The file kept changing while it was read.
        """
        draft = self._open_draft()
        _check_policy(policy)
        source = absolute(local_path)
        path = name if name is not None else os.path.basename(source)

        def find() -> list[SourceFile]:
            return [walking.source_file(source, slashes(path))]

        [entry] = draft.add_files(
            find(),
            overwrite=overwrite,
            progress=progress,
            again=find,
            in_place=policy == "immutable",
        )
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
        folder = absolute(local_path)
        prefix = None if name is None else slashes(name)

        def find() -> list[SourceFile]:
            return scan(
                draft.place.store,
                folder,
                name=prefix,
                include=include,
                exclude=exclude,
                symlinks=symlinks,
            )

        draft.add_files(
            find(),
            overwrite=merge,
            progress=progress,
            again=find,
            in_place=policy == "immutable",
        )

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
        path = check_path(slashes(name))
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
            uri: ``file:///folder/or/file``, of which what ``.artignore`` in a folder names is
                left out; ``s3://bucket/key`` or a prefix; ``https://…``; a URL of any other
                protocol of fsspec; or an entry of a logged artifact, whose bytes the store has
                already. Credentials are never part of it.
            name: Path inside the artifact; for a folder, the folder under which its files go.
            checksum: Record what a change is noticed by later: of files of this machine the
                digest, for which they are read, of others what the service says, such as etag,
                size and version. Without it no service is asked, and a URI is one entry.
            max_objects: Refuse a folder with more files than this (default 10,000,000).

        Raises:
            ValueError: Not a URI, credentials in it, nothing there, or too many files.
            StorageError: The service cannot be asked.
            PermissionDeniedError: It refuses to answer.
            ConfigError: A package for the protocol is not installed, or there are no credentials.
        """
        draft = self._open_draft()
        if isinstance(uri, ArtifactEntry):
            entry = uri._copy_for(draft.place.store, None if name is None else slashes(name))
            draft.add_entries([entry], overwrite=False)
            return [ArtifactEntry(self, entry)]
        from artifacts._references import references

        entries = references(
            uri, None if name is None else slashes(name), checksum=checksum, limit=max_objects
        )
        draft.add_entries(entries, overwrite=False)
        return [ArtifactEntry(self, entry) for entry in entries]

    def add(self, obj: Any, name: str | os.PathLike[str], overwrite: bool = False) -> ArtifactEntry:
        """Add a table, an image, or another object of that kind; `get` returns it again.

        A table becomes the file ``<name>.table.parquet``. Any other object becomes
        ``<name>.<type>.json``, which describes it, and files below ``media/``. What another
        artifact of the store has already is not read again.

        Args:
            obj: A `Table`, `Image`, `Video` or the like; or what stands for one, such as a
                DataFrame, an image of Pillow, or a figure.
            name: Path inside the artifact, without these suffixes.
            overwrite: Replace an object of other contents.

        Returns:
            The entry of the file that was named.

        Raises:
            TypeError: ``obj`` is something else. It is a ValueError, too.
            ValueError: The path is taken or cannot be used, or the object is not valid.
            ArtifactFinalizedError: The artifact was logged already.
        """
        from artifacts._media_files import add_object

        draft = self._open_draft()
        value, entry = add_object(draft, obj, slashes(name), overwrite=overwrite)
        self._objects = {**self._objects, entry.path: (value, entry)}
        return ArtifactEntry(self, entry)

    def remove(self, item: str | os.PathLike[str] | ArtifactEntry) -> None:
        """Remove a file, or a folder with everything below it, from the draft.

        Raises:
            FileNotFoundError: There is neither.
            ArtifactFinalizedError: The artifact was logged already.
        """
        path = item.path if isinstance(item, ArtifactEntry) else slashes(item)
        self._open_draft().remove(path)

    def finalize(self) -> None:
        """Allow no more changes of the contents. Logging the artifact does so too."""
        self._finalized = True

    def is_draft(self) -> bool:
        """Whether the artifact has not been logged."""
        return self._logged is None and self._pending is None and not self._upserted

    def discard(self, *, resumable: bool = False) -> None:
        """Give a draft up: what was stored for it is deleted, and it takes no more files.

        Without this it would be deleted too, but only when uploads expire.

        Args:
            resumable: Leave what is in a remote store already to the next upload from this
                machine, which goes on with it.
        """
        if self._draft is not None:
            self._draft.abandon(resumable=resumable)
        self._finalized = True

    # -- inside

    def __setitem__(self, name: str, obj: Any) -> None:
        self.add(obj, name)

    def _open_draft(self) -> Draft:
        if self._logged is not None or self._pending is not None or self._finalized:
            raise ArtifactFinalizedError(
                f"Can't add to finalized artifact {self.name}",
                hint="make a new draft from the logged version with .new_draft()",
            )
        return self._draft_for_logging()

    def _adopt(self, place: Place) -> None:
        """Make the draft use the store of a run."""
        if self._draft is None:
            here = place.at(*self._target(place))
            self._draft = Draft(here, self._name, incremental=self._incremental)
        elif not self._draft.place.has_same_store(place):
            raise StateError(
                f"the files of {self.name!r} were added to the store at "
                f"{self._draft.place.store.location}, and this run uses {place.store.location}",
                hint="call artifacts.init() before adding files, or pass store= to Artifact()",
                kind="other_store",
            )


def _check_policy(policy: str) -> None:
    if policy not in {"mutable", "immutable"}:
        raise InvalidInputError(f"policy must be 'mutable' or 'immutable', not {policy!r}")
