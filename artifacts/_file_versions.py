"""Versions of ``run-<id>-files``: each of them holds every file of a run in its latest state."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from artifacts import _session
from artifacts._recorded import record_draft, record_name
from artifacts.store import ingest
from artifacts.store.errors import (
    ArtifactsError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    PermissionDeniedError,
)
from artifacts.store.manifest import Manifest
from artifacts.store.records import RUN_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from artifacts._session import Place
    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.upload import Upload
    from artifacts.store.walking import SourceFile

_WHAT = "files"
_ATTEMPTS = 20
_TRIES = 3

Failures = dict[str, ArtifactsError]
"""Why files could not be read, by their paths."""


class Added(NamedTuple):
    """What became of files that were to be added.

    Attributes:
        entries: Those that were, by the path under which they were given.
        failed: Why the others were left out.
    """

    entries: dict[str, Entry]
    failed: Failures


def raise_all(_error: ArtifactsError) -> bool:
    """Leave no file out; see `FileVersions.add`."""
    return False


class FileVersions:
    """Adds files of one run to the store. Not thread-safe.

    A file that is not there any more stays in later versions as it was. Where a path was a file
    and is a folder by now, or the other way round, the newer one stays.

    Args:
        place: Where the run is.
        run: Gets an output edge to each version.
    """

    def __init__(self, place: Place, run: RunRecord) -> None:
        self._place = place
        self._run = run
        self.name = record_name(run.id, _WHAT)
        self._read: tuple[Digest, dict[str, Entry]] | None = None
        # Versions that wait in the outbox have a number only when they are in the store.
        self._sent: dict[str, Entry] = {}
        self._last_sent: Digest | None = None
        self._first = 0

    def latest(self) -> VersionRecord | None:
        """Return the newest version that is in the store."""
        run = self._run
        return self._place.store.latest(run.entity, run.project, self.name)

    def entries(self) -> dict[str, Entry]:
        """Return all files of the run, also those that are on their way to a remote store."""
        return merge(self._entries_of(self.latest()), self._sent)

    def add(
        self,
        files: Sequence[SourceFile],
        *,
        leave_out: Callable[[ArtifactsError], bool] = raise_all,
        behind: bool = False,
    ) -> Added:
        """Make a version with files as they are now, and with those of the newest version.

        Nothing is done if the newest version has them.

        Args:
            leave_out: Says whether a file that cannot be read for this reason is left out. The
                error is raised otherwise, and nothing is added.
            behind: Leave the version in the outbox of a remote store, from where a thread brings
                it there.

        Raises:
            ConflictError: Others kept adding files at the same time.
            IntegrityError: A file kept changing while it was read.
            StorageError: Reading or storing failed.
        """
        if not files and not self._sent:
            return Added({}, {})
        for _ in range(_TRIES):
            try:
                return self._add(files, leave_out, behind=behind)
            except ConflictError as error:
                # What the store had when it was asked was collected since.
                if error.kind != "upload_expired":
                    raise
                expired = error
        raise expired

    def add_last(
        self, files: Sequence[SourceFile], *, leave_out: Callable[[ArtifactsError], bool]
    ) -> Added:
        """Add files when the run ends: what is in the outbox has to come before.

        It would otherwise become the newest version, and that would lack these files. What other
        processes have added to the run meanwhile stays, too.

        Args:
            leave_out: As for `add`.

        Raises:
            StorageError: The store cannot be reached; what is in the outbox stays there.
        """
        self.deliver()
        added = self.add(files, leave_out=leave_out)
        self._sent = {}
        return added

    def deliver(self) -> None:
        """Bring versions of these files from the outbox of a remote store there.

        Raises:
            StorageError: The store cannot be reached.
        """
        store, run = self._place.store, self._run
        if not store.remote:
            return
        from artifacts.store.outbox import Delivery, pending

        _session.wait_for_deliveries(store)
        for waiting in pending(store):  # of processes that were killed
            draft = waiting.draft
            if (draft.entity, draft.project, draft.name) != (run.entity, run.project, self.name):
                continue
            delivery = Delivery.take(waiting)
            if delivery is None:
                continue
            try:
                delivery.run(store)
            except BaseException:
                delivery.leave()
                raise

    def _add(
        self,
        files: Sequence[SourceFile],
        leave_out: Callable[[ArtifactsError], bool],
        *,
        behind: bool,
    ) -> Added:
        store = self._place.store
        upload: Upload
        if behind:
            from artifacts.store.outbox import Snapshot

            upload = Snapshot(store, self.latest)
        else:
            upload = store.upload(self.latest)
        try:
            added = self._take(upload, files, leave_out)
            new = {entry.path: entry for entry in added.entries.values()}
            if behind:
                self._send(upload, new)
            else:
                self._commit(upload, merge(self._unseen(), new))
        except BaseException:
            upload.abandon()
            raise
        return added

    def _take(
        self,
        upload: Upload,
        files: Sequence[SourceFile],
        leave_out: Callable[[ArtifactsError], bool],
    ) -> Added:
        """Bring files into an upload: all at once, or one by one if that fails because of one."""
        store = self._place.store
        try:
            entries = ingest.add_files(store, upload, list(files))
            return Added(dict(zip((file.path for file in files), entries, strict=True)), {})
        except ArtifactsError as error:
            if not _is_of_a_file(error, files):
                raise
        found, failed = {}, {}
        for file in files:
            try:
                [found[file.path]] = ingest.add_files(store, upload, [file])
            except ArtifactsError as error:
                if not (_is_of_a_file(error, [file]) and leave_out(error)):
                    raise
                failed[file.path] = error
        return Added(found, failed)

    def _commit(self, upload: Upload, new: Mapping[str, Entry]) -> None:
        store = self._place.store
        for _ in range(_ATTEMPTS):
            latest = self.latest()
            manifest = Manifest(merge(self._entries_of(latest), new).values())
            if not new or (latest is not None and latest.digest == manifest.digest):
                upload.abandon()
                return
            try:
                expected = 0 if latest is None else latest.id
                draft = record_draft(
                    self._run, _WHAT, RUN_FILES, manifest, expected_latest=expected
                )
                store.commit(draft, upload, manifest)
            except ConflictError as error:
                if error.kind != "latest_moved":
                    raise
                continue
            return
        raise ConflictError(
            f"other processes kept adding files to run {self._run.id}", hint="try again"
        )

    def _send(self, upload: Upload, new: Mapping[str, Entry]) -> None:
        """Make a version durable on this machine; a thread brings it to the store."""
        from artifacts.store.outbox import Snapshot

        assert isinstance(upload, Snapshot)
        store, run = self._place.store, self._run
        latest = self.latest()
        if not self._sent:
            self._first = 0 if latest is None else latest.number
        sent = merge(self._sent, new)
        manifest = Manifest(merge(self._entries_of(latest), sent).values())
        known = self._last_sent if self._sent else latest and latest.digest
        if manifest.digest == known:
            upload.abandon()
            return
        store.catalog.check_type(run.entity, run.project, self.name, RUN_FILES)
        upload.add_manifest(manifest)
        delivery = upload.seal(record_draft(run, _WHAT, RUN_FILES, manifest))
        _session.deliveries(store).submit(delivery)
        self._sent, self._last_sent = sent, manifest.digest

    def _unseen(self) -> dict[str, Entry]:
        """Return what versions may have hidden that were made without looking at one another.

        That is so for those of the outbox: they are made here, and get their place among those
        of other processes later.
        """
        if not self._sent:
            return {}
        run = self._run
        versions = self._place.store.catalog.list_versions(run.entity, run.project, self.name)
        found: dict[str, Entry] = {}
        for version in reversed(versions):
            if version.number >= self._first:
                found = merge(found, self._entries_of(version))
        return merge(found, self._sent)

    def _entries_of(self, version: VersionRecord | None) -> dict[str, Entry]:
        if version is None:
            return {}
        if self._read is None or self._read[0] != version.digest:
            manifest = self._place.store.manifest(version.digest)
            self._read = version.digest, {entry.path: entry for entry in manifest}
        return self._read[1]


def merge(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return entries by path, the new ones instead of old ones that are in their way."""
    folders = {folder for path in new for folder in _folders_of(path)}
    kept = {
        path: entry
        for path, entry in old.items()
        if path not in folders and not any(folder in new for folder in _folders_of(path))
    }
    return {**kept, **new}


def _folders_of(path: str) -> Iterable[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _is_of_a_file(error: ArtifactsError, files: Sequence[SourceFile]) -> bool:
    """Whether an error is about one of the files, and not about the store."""
    if isinstance(error, IntegrityError | InvalidInputError | PermissionDeniedError):
        return True
    return error.kind == "file_changed" or not all(os.path.exists(f.source) for f in files)
