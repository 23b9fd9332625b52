"""What the runs of this process have really read of versions: it becomes part of their edges."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ArtifactsError
from artifacts.store.records import INTERNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from artifacts._session import Place
    from artifacts.store.records import VersionRecord
    from artifacts.store.subset import Subset

log = logging.getLogger("artifacts")

_IN_CHILD_EVERY = 1.5
"""Seconds between two times at which a forked child, where no thread does it, tells the catalog."""

_runs: list[RunReads] = []


def enter(reads: RunReads) -> None:
    """Record from now on what is read for a run."""
    _runs.append(reads)


def leave(reads: RunReads) -> None:
    """Undo `enter`."""
    if reads in _runs:
        _runs.remove(reads)


def current() -> RunReads | None:
    """Return what records the reads of the run that was begun last, of those at work here."""
    return _runs[-1] if _runs else None


def note(
    place: Place,
    version: VersionRecord,
    paths: Iterable[str] | None,
    *,
    ref_text: str | None = None,
    alias: str | None = None,
) -> None:
    """Record that files of a version were read, if a run of its store is at work here.

    That is the run through which the version was found, else the one that was begun last.

    Args:
        place: Of the version.
        paths: Of the files; None for all of them.
        ref_text: How the version was named, if it was.
        alias: The alias through which it was found.

    Raises:
        StorageError: That it is an input of the run cannot be recorded.
    """
    if not _runs or version.type in INTERNAL_TYPES:
        return
    here = [reads for reads in _runs if reads.place.has_same_store(place)]
    own = [reads for reads in here if reads.run == place.run]
    for reads in (own or here)[-1:]:
        reads.note(version, paths, ref_text=ref_text, alias=alias)


class RunReads:
    """What one run has read. Thread-safe.

    Args:
        place: Where the run is.
        run: Its key.

    Attributes:
        names: The artifacts to which names have led, where a name has to mean one version to a run.
    """

    def __init__(self, place: Place, run: int) -> None:
        self.place = place
        self.run = run
        self.names: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._told = 0.0
        self._inputs: dict[int, _Read] = {}
        self._outputs: set[int] = set()

    def use(self, version: VersionRecord) -> None:
        """Take note that a version was declared to be an input."""
        with self._lock:
            self._outputs.discard(version.id)
            self._inputs.setdefault(version.id, _Read(version.file_count))

    def note(
        self,
        version: VersionRecord,
        paths: Iterable[str] | None,
        *,
        ref_text: str | None = None,
        alias: str | None = None,
    ) -> None:
        """Record that files were read; see the function of this name.

        The edge is recorded at once, what was read of it with the next sign of life of the run.
        """
        with self._lock:
            if version.id in self._outputs:
                return
            read = self._inputs.get(version.id)
            if read is None:
                is_input = self.place.store.catalog.begin_read(
                    self.run, version.id, ref_text=ref_text, alias=alias
                )
                if not is_input:
                    self._outputs.add(version.id)
                    return
                read = self._inputs[version.id] = _Read(version.file_count)
            read.add(paths)
        if self._pid != os.getpid():
            self._tell_from_child()

    def flush(self) -> None:
        """Tell the catalog what was read since the last time.

        Raises:
            StorageError: It cannot be told; the next call tries again.
        """
        with self._lock:
            changed = {key: read for key, read in self._inputs.items() if read.changed}
            if not changed:
                return
            subsets = {key: read.subset() for key, read in changed.items()}
            for read in changed.values():
                read.changed = False
        try:  # without the lock: nobody who reads has to wait for a network
            self.place.store.catalog.add_reads(self.run, subsets)
        except BaseException:
            for read in changed.values():
                read.changed = True
            raise

    def after_fork(self) -> None:
        """Forget a lock that a thread of the parent may have held."""
        self._lock = threading.Lock()

    def _tell_from_child(self) -> None:
        if self._told == 0.0:
            _at_exit_of_child(self._last_words)
        if time.monotonic() - self._told >= _IN_CHILD_EVERY:
            self.flush()
            self._told = time.monotonic()

    def _last_words(self) -> None:
        try:
            self.flush()
        except ArtifactsError as error:  # nobody can catch it any more
            log.warning("not all that was read of inputs is recorded: %s", error)


def _at_exit_of_child(work: Callable[[], None]) -> None:
    """Call something when a forked child ends."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:  # children that it has made skip what atexit has
        util.Finalize(None, work, exitpriority=0)
    else:
        atexit.register(work)


class _Read:
    """What was read of one version.

    Args:
        total: How many files it has.
    """

    __slots__ = ("_complete", "_paths", "_total", "changed")

    def __init__(self, total: int) -> None:
        self._total = total
        self._paths: set[str] = set()
        self._complete = False
        self.changed = False

    def add(self, paths: Iterable[str] | None) -> None:
        if self._complete:
            return
        before = len(self._paths)
        if paths is not None:
            self._paths.update(paths)
        if paths is None or len(self._paths) >= self._total:
            self._complete, self._paths = True, set()
            self.changed = True
        elif len(self._paths) > before:
            self.changed = True

    def subset(self) -> Subset:
        from artifacts.store.subset import Subset  # only who reads needs it

        return Subset.whole(self._total) if self._complete else Subset.of(self._paths, self._total)
