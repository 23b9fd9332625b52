"""The files of a run while it runs, and when it ends."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from artifacts._file_versions import FileVersions, raise_all
from artifacts.runs import file_policies, folders
from artifacts.runs.file_folder import RunFolder
from artifacts.runs.file_policies import Policies, is_due, matches
from artifacts.store import walking
from artifacts.store.errors import ArtifactsError, RunFinishedError, StorageError, is_lost

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from pathlib import Path

    from artifacts._session import Place
    from artifacts.runs.file_matching import Found
    from artifacts.runs.file_policies import Policy
    from artifacts.runs.rows import Rows
    from artifacts.store.records import RunRecord
    from artifacts.store.statcache import FileStat
    from artifacts.store.walking import SourceFile

log = logging.getLogger("artifacts")

POLL = 5.0
"""Seconds between two looks at the folder."""

NOT_STORED = "files_not_stored"
"""Kind of the error for files that stay on this machine."""


class RunFiles:
    """Stores the files of a run in time. Thread-safe.

    A thread watches the folder from its first use on. In a forked child files can be saved, too;
    those of policy ``live`` and ``end`` are stored once more when the parent's run ends.

    Args:
        place: Where the run is.
        run: Whose files.
        rows: Have the journal, which tells after a crash what was saved.
    """

    def __init__(self, place: Place, run: RunRecord, rows: Rows) -> None:
        self.folder = RunFolder(folders.files_folder(place, run))
        self._place = place
        self._run = run
        self._rows = rows
        self._versions = FileVersions(place, run)
        self._policies = Policies(place.settings.ignore_globs)
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._stored: dict[str, FileStat] = {}
        self._seen: dict[str, FileStat] = {}
        self._tried: dict[str, float] = {}
        self._failing = False

    # -- while the run runs

    def open(self) -> Path:
        """Return the folder, which is made and watched from now on."""
        with self._lock:
            if not self._closed:
                if self._thread is None and self._pid == os.getpid():
                    self._begin()
                self.folder.make()
        return self.folder.path

    def _begin(self) -> None:
        # The journal leads to the folder after a crash.
        self._rows.write_note(["files"])
        self._thread = threading.Thread(target=self._watch, name="artifacts-files", daemon=True)
        self._thread.start()

    def save(self, found: Found, policy: Policy) -> list[str]:
        """Store files, and link those from elsewhere into the folder; see `Run.save`."""
        self.open()
        with self._lock:
            if self._closed:
                raise RunFinishedError(
                    f"Run ({self._run.id}) is being finished. The call to `save` will be ignored."
                )
            there = self.folder.list().files
            here = {
                path: file
                for path, file in there.items()
                if matches(path, found.pattern)
                and (path == found.pattern or not self._policies.is_excluded(path))
            }
            sources = self._sources(found, there)
            new = [walking.source_file(source, path) for path, source in sources.items()]
            files = [*(file for path, file in here.items() if path not in sources), *new]
            self._store_first(files, policy)
            for path, source in sources.items():
                self.folder.link(path, source)
            paths = sorted(file.path for file in files)
            self._remember(paths, found.pattern if found.wildcard else None, policy)
        if found.wildcard and sources and not here:
            log.warning(
                "saved %d file(s) that match now, call save() again for those that come later",
                len(sources),
            )
        return [os.path.join(self.folder.path, path) for path in paths]

    def _store_first(self, files: Sequence[SourceFile], policy: Policy) -> None:
        """Store files that are saved; what cannot be stored yet is later, unless it has to be now.

        That is so for a file that is being written, and while the store cannot be reached.
        """
        wait = raise_all if policy == "now" else _keeps_changing
        try:
            self._add(files, wait)
        except StorageError as error:
            if policy == "now" or not is_lost(error):
                raise
            log.warning("%d file(s) are stored later: %s", len(files), error)

    def _add(
        self, files: Sequence[SourceFile], leave_out: Callable[[ArtifactsError], bool]
    ) -> None:
        behind = self._place.writes_behind
        added = self._versions.add(files, leave_out=leave_out, behind=behind)
        now = time.monotonic()
        for file in files:
            if file.path in added.entries:
                self._stored[file.path] = file.stat
                self._tried[file.path] = now

    def _sources(self, found: Found, there: dict[str, SourceFile]) -> dict[str, str]:
        """Return which files from elsewhere get a link in the folder."""
        sources = {}
        for path, source in found.sources.items():
            if path not in found.named and self._policies.is_excluded(path):
                continue
            if self.folder.check(path, source):
                sources[path] = source
            else:
                log.warning(
                    "%s is not saved: the run has another file of its own at %s",
                    source,
                    there[path].source if path in there else path,
                )
        return sources

    def _remember(self, paths: Sequence[str], pattern: str | None, policy: Policy) -> None:
        self._policies.set(paths, pattern, policy)
        if self._pid == os.getpid():
            self._rows.write_note(self._policies.note(paths, pattern, policy))

    def _watch(self) -> None:
        while not self._stopping.wait(POLL):
            try:
                self._store_due()
            except ArtifactsError as error:
                if not self._failing:
                    log.warning("files of the run are stored later, nothing is lost: %s", error)
                self._failing = True
            else:
                self._failing = False

    def _store_due(self) -> None:
        """Store the live files that have changed, and those that were to be stored once."""
        with self._lock:
            if self._closed:
                return
            files = self.folder.list().files
            now = time.monotonic()
            due = [file for file in files.values() if self._is_due(file, now)]
            self._seen = {path: file.stat for path, file in files.items()}
            self._tried.update(dict.fromkeys((file.path for file in due), now))
            if due:
                self._add(due, _any_reason)

    def _is_due(self, file: SourceFile, now: float) -> bool:
        path, stat = file.path, file.stat
        policy = self._policies.of(path)
        if policy in {None, "end"} or self._is_empty(file):
            return False
        last = self._stored.get(path)
        if last is None:
            tried = self._tried.get(path)
            again = tried is None or now - tried >= file_policies.MIN_INTERVAL
            # What is stored only once must not be half written.
            return again and (policy == "live" or self._seen.get(path) == stat)
        if policy == "now" or last == stat:
            return False
        return is_due(stat.size, last.size, now - self._tried[path])

    def _is_empty(self, file: SourceFile) -> bool:
        return file.stat.size == 0 and not self._policies.is_named(file.path)

    # -- at its end

    def stop(self) -> None:
        """End the thread, and take no more files."""
        with self._lock:
            self._closed = True
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def finish(self) -> None:
        """Store what is there, and remove it from this machine; see `store_all`."""
        if self.folder.exists():
            store_all(
                self._place,
                self._run,
                self._policies,
                self._versions,
                once=self._stored.keys(),
                journal=self._rows.path,
            )

    def after_fork(self) -> None:
        """Forget the threads of the parent, to which the run belongs."""
        self._lock = threading.RLock()
        self._thread = None


def store_left(place: Place, run: RunRecord, policies: Policies) -> None:
    """Store the files that killed processes have left; see `store_all`.

    Args:
        policies: Of the files, as the journals tell them.
    """
    if not RunFolder(folders.files_folder(place, run)).exists():
        return
    if folders.is_running(place, run):  # the process that goes on with the run stores them
        return
    versions = FileVersions(place, run)
    versions.deliver()
    store_all(place, run, policies, versions, once=versions.entries())


def store_all(
    place: Place,
    run: RunRecord,
    policies: Policies,
    versions: FileVersions,
    *,
    once: Container[str],
    journal: Path | None = None,
) -> None:
    """Store all files of a run that has ended, and remove what is in the store then.

    Args:
        once: Paths of files that were stored; those of policy ``now`` are not stored again.
        journal: Of this process. While another one logs to the run, nothing is removed.

    Raises:
        StorageError: Some files could not be read, or the store could not be reached. These
            files stay.
    """
    folder = RunFolder(folders.files_folder(place, run))
    contents = folder.list()
    kept: set[str] = set()
    files = []
    for path, file in contents.files.items():
        policy = policies.of(path)
        if policy is None or (file.stat.size == 0 and not policies.is_named(path)):
            continue
        kept.add(path)
        if policy != "now" or path not in once:
            files.append(file)
    added = versions.add_last(files, leave_out=_any_reason)
    _tell_vanished(contents.vanished, policies, versions)
    failed = {**contents.failed, **added.failed}
    if not failed and not folders.is_running(place, run, but=journal):
        folder.remove({path: contents.files[path].stat for path in kept})
    if failed:
        raise _not_stored(run, folder, failed)


def _tell_vanished(paths: Sequence[str], policies: Policies, versions: FileVersions) -> None:
    entries = versions.entries() if paths else {}
    for path in paths:
        if path not in entries:
            log.warning("%s is gone, and was not stored before", path)
        elif policies.of(path) != "now":
            log.warning("%s is gone; the run keeps it as it was when it was stored last", path)


def _not_stored(
    run: RunRecord, folder: RunFolder, failed: dict[str, ArtifactsError]
) -> StorageError:
    reasons = "; ".join(f"{path} ({error.message})" for path, error in failed.items())
    return StorageError(
        f"{len(failed)} file(s) of run {run.id} are not in the store: {reasons}",
        hint=f"they stay in {folder.path}; when they can be read, finish the job with: "
        f"art run recover {run.id}",
        kind=NOT_STORED,
    )


def _keeps_changing(error: ArtifactsError) -> bool:
    return error.kind == "file_changed"


def _any_reason(_error: ArtifactsError) -> bool:
    return True
