"""A version that is being built: the first of an artifact's two states."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from artifacts import _session
from artifacts._setting_list import STORE_FOLDER
from artifacts.store import ingest, walking
from artifacts.store.errors import (
    ArtifactFinalizedError,
    ConflictError,
    EntryNotFoundError,
    IntegrityError,
    InvalidInputError,
    StateError,
)
from artifacts.store.manifest import Entry, Manifest, check_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from artifacts._session import Place
    from artifacts.media.spool import Content
    from artifacts.store.delivering import Delivered
    from artifacts.store.progress import Progress
    from artifacts.store.records import VersionDraft, VersionRecord
    from artifacts.store.store import Store
    from artifacts.store.upload import Upload
    from artifacts.store.walking import SourceFile, SymlinkPolicy

log = logging.getLogger("artifacts")

_ATTEMPTS = 20


class Draft:
    """Entries collected so far, their bytes on the way into a store. Thread-safe.

    Args:
        place: The store, and the project in which the artifact is expected to be logged.
        name: Of the artifact.
        incremental: Whether the entries are a patch on the latest version.
    """

    def __init__(self, place: Place, name: str, *, incremental: bool = False) -> None:
        self.place = place
        self.name = name
        self.incremental = incremental
        self.finalized = False
        self.new_bytes = 0
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._removed: set[str] = set()
        self._manifest: Manifest | None = None
        self._upload: Upload | None = None
        self._carried: VersionRecord | None = None
        # A patch is applied to what is latest at commit, which only the commit itself can know.
        self.later = not incremental and place.writes_behind
        self._sources: list[Callable[[], list[SourceFile]]] = []

    # -- building

    def carry(self, version: VersionRecord) -> None:
        """Start from the entries of a version; their bytes are not touched."""
        manifest = self.place.store.manifest(version.digest)
        with self._lock:
            self._carried = version
            self._entries = {entry.path: entry for entry in manifest}

    def add_files(
        self,
        files: list[SourceFile],
        *,
        overwrite: bool,
        progress: Progress | None = None,
        again: Callable[[], list[SourceFile]] | None = None,
        in_place: bool = False,
    ) -> list[Entry]:
        """Store files and add their entries: all of them, or none if one is refused.

        Args:
            files: What to add.
            overwrite: Replace entries of other contents.
            progress: Told about every piece.
            again: Finds the files once more, if their bytes are collected before the commit.
            in_place: As for `ingest.add_files`.
        """
        with self._lock:
            self._check_open()
            entries = ingest.add_files(
                self.place.store, self.upload, files, progress, in_place=in_place
            )
            self.add_entries(entries, overwrite=overwrite)
            if again is not None:
                self._sources.append(again)
            return entries

    def add_blob(self, content: bytes | Path) -> Content:
        """Bring contents in, to which `add_entries` gives a path.

        Args:
            content: The bytes, or a file as it is now.

        Raises:
            InvalidInputError: It is not a file.
            StorageError: It cannot be read.
        """
        from artifacts.media.spool import content_of, copy_and_hash
        from artifacts.store.copying import create

        with self._lock:
            self._check_open()
            if isinstance(content, bytes):
                found = content_of(content)
                self.upload.add(content, found.digest)
                return found
            path = self.upload.new_path()
            descriptor = create(path)
            try:
                found = copy_and_hash(content, descriptor)
            except BaseException:
                path.unlink()
                raise
            finally:
                os.close(descriptor)
            self.upload.add_staged(path, found.digest, found.size)
            return found

    def add_entries(self, entries: Iterable[Entry], *, overwrite: bool) -> None:
        """Add entries whose bytes are in the upload, in the store, or elsewhere.

        Raises:
            InvalidInputError: A path is taken by other contents and ``overwrite`` is False. That a
                path is both file and folder is refused when the manifest is made.
        """
        with self._lock:
            self._check_open()
            added: dict[str, Entry] = {}
            for entry in entries:
                existing = added.get(entry.path) or self._entries.get(entry.path)
                if existing is not None and not existing.same_content(entry) and not overwrite:
                    raise InvalidInputError(
                        f"Cannot add the same path twice: {entry.path!r}",
                        hint="pass overwrite=True to replace it, or another name=",
                        kind="same_path",
                    )
                added[entry.path] = entry
            self._entries.update(added)
            self._removed -= added.keys()
            self._manifest = None

    def remove(self, path: str) -> list[str]:
        """Remove a file, or a folder with everything below it; return the removed paths.

        Raises:
            EntryNotFoundError: There is neither.
        """
        path = check_path(path.rstrip("/"))
        with self._lock:
            self._check_open()
            gone = [p for p in self._entries if p == path or p.startswith(path + "/")]
            if not gone and not (self.incremental and self._base_has(path)):
                raise EntryNotFoundError(f"the artifact has no file or folder {path!r}")
            if self.incremental:
                self._removed.add(path)
            for name in gone:
                del self._entries[name]
            self._manifest = None
            return gone

    @property
    def upload(self) -> Upload:
        """The session that brings in the bytes."""
        if self._upload is None:
            store = self.place.store
            if self.later:
                from artifacts.store.outbox import Snapshot

                self._upload = Snapshot(store, self._base)
            else:
                self._upload = store.upload(self._base)
        return self._upload

    @property
    def manifest(self) -> Manifest:
        """The entries so far, sorted and checked."""
        with self._lock:
            if self._manifest is None:
                self._manifest = Manifest(self._entries.values())
            return self._manifest

    def _base(self) -> VersionRecord | None:
        """Return a version that probably shares most blobs with this one."""
        if self._carried is not None:
            return self._carried
        return self._latest(self.place.entity, self.place.project)

    def _latest(self, entity: str, project: str) -> VersionRecord | None:
        return self.place.store.latest(entity, project, self.name)

    def _base_has(self, path: str) -> bool:
        """Whether the version that this draft changes has a file or folder of that path."""
        base = self._latest(self.place.entity, self.place.project)
        if base is None:
            return False
        entries = self.place.store.manifest(base.digest)
        return any(e.path == path or e.path.startswith(path + "/") for e in entries)

    def _check_open(self) -> None:
        if self._pid != os.getpid():
            raise StateError(
                f"{self.name!r} was begun in another process, of which this one is a fork",
                hint="build and log an artifact in one process",
                kind="forked",
            )
        if self.finalized:
            raise ArtifactFinalizedError(
                "Can't add to finalized artifact",
                hint="make a new draft from the logged version with .new_draft()",
            )

    # -- ending

    def commit(self, version: VersionDraft) -> tuple[VersionRecord, bool]:
        """Make a version of the draft; it is committed and durable on return.

        Args:
            version: What to commit. What follows from the contents is filled in here, where they
                do not change any more.

        Returns:
            The version, and whether it is new.
        """
        store = self.place.store
        with self._lock:
            self._check_open()
            for _ in range(_ATTEMPTS):
                base = self._latest(version.entity, version.project) if self.incremental else None
                manifest = self.manifest if base is None else self._patched(base)
                complete = replace(
                    version,
                    digest=manifest.digest,
                    size=manifest.size,
                    file_count=len(manifest),
                    expected_latest=(base.id if base else 0) if self.incremental else None,
                )
                try:
                    result = store.commit(complete, self.upload, manifest)
                except ConflictError as error:
                    if error.kind == "upload_expired":
                        self._upload_again(manifest, error)
                    elif error.kind != "latest_moved":
                        raise
                    continue
                if result[1]:
                    self._warn_of_case(manifest)
                self.finalized = True
                self.new_bytes = self.upload.new_bytes
                self._upload = None
                return result
        raise ConflictError(
            f"other writers kept logging versions of {self.name!r} at the same time",
            hint="try again",
        )

    def commit_later(self, version: VersionDraft) -> Delivered:
        """Make the draft complete and durable on this machine; a thread brings it to the store.

        Args:
            version: As for `commit`.

        Returns:
            What `commit` would return, once it is there.
        """
        from artifacts.store.outbox import Snapshot

        store = self.place.store
        with self._lock:
            self._check_open()
            upload, manifest = self.upload, self.manifest
            assert isinstance(upload, Snapshot)
            self.place.check_type(version.entity, version.project, version.name, version.type)
            complete = replace(
                version, digest=manifest.digest, size=manifest.size, file_count=len(manifest)
            )
            upload.add_manifest(manifest)
            delivery = upload.seal(complete)
            self._warn_of_case(manifest)
            self.finalized = True
            self.new_bytes = upload.new_bytes
            self._upload = None
        return _session.deliveries(store).submit(delivery)

    def _upload_again(self, manifest: Manifest, expired: ConflictError) -> None:
        """Start a new upload and bring in what was collected since the files were added.

        Raises:
            ConflictError: ``expired``, if some of it is not on disk any more as it was.
        """
        log.info("%s: files were collected before they were logged; reading them again", self.name)
        if self._upload is not None:
            self._upload.abandon()
            self._upload = None
        needed = {entry.digest for entry in manifest if entry.reference is None}
        missing = needed - self.upload.claim(needed)
        for find in self._sources:
            if not missing:
                return
            try:
                # Every file that has not changed since is found by its stat, and not read.
                entries = ingest.add_files(self.place.store, self.upload, find())
            except (InvalidInputError, IntegrityError) as error:
                raise expired from error
            missing -= {entry.digest for entry in entries}
        if missing:
            raise expired

    def _warn_of_case(self, manifest: Manifest) -> None:
        # All at once, because there may be a million; no path holds a line break.
        text = "\n".join(entry.path for entry in manifest).casefold()
        if len(set(text.split("\n"))) >= len(manifest):
            return
        folded: dict[str, str] = {}
        for entry in manifest:
            other = folded.setdefault(entry.path.casefold(), entry.path)
            if other != entry.path:
                log.warning(
                    "%s holds %r and %r: where case is ignored, as on macOS and Windows, only one "
                    "of them can be written",
                    self.name,
                    other,
                    entry.path,
                )
                return

    def _patched(self, base: VersionRecord) -> Manifest:
        """Return the latest version's entries with this draft's changes applied."""
        entries = {entry.path: entry for entry in self.place.store.manifest(base.digest)}
        for path in self._removed:
            for name in [p for p in entries if p == path or p.startswith(path + "/")]:
                del entries[name]
        entries.update(self._entries)
        return Manifest(entries.values())

    def abandon(self, *, resumable: bool = False) -> None:
        """Give the draft up; what it uploaded is deleted, or left to the next upload."""
        with self._lock:
            self.finalized = True
            if self._upload is not None:
                if resumable:
                    self._upload.suspend()
                else:
                    self._upload.abandon()
                self._upload = None


def scan(
    store: Store,
    path: str,
    *,
    name: str | None,
    include: Iterable[str] | str | None,
    exclude: Iterable[str] | str | None,
    symlinks: SymlinkPolicy,
) -> list[SourceFile]:
    """List the files of a folder as they are to be added.

    Args:
        store: The store to which they go; it is left out if it lies in the folder.
        name: Folder inside the artifact, None for its root.
        include: Patterns of which a file has to match one, in the syntax of .gitignore.
        exclude: Patterns of files and folders that are left out, beside those in ``.artignore``.
    """
    if not os.path.isdir(path):
        raise InvalidInputError(f"path is not a directory: {path!r}", kind="not_a_directory")
    prefix = f"{check_path(name.strip('/'))}/" if name and name.strip("/") else ""
    from artifacts._ignore import make_ignore

    ignore = make_ignore(path, include=include, exclude=exclude)
    files = walking.walk(
        path,
        ignore=ignore,
        symlinks=symlinks,
        skip_folders=[STORE_FOLDER],
        skip_path=store.location,
    )
    return [file._replace(path=prefix + file.path) for file in files] if prefix else files
