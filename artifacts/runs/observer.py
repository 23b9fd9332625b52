"""What is kept of a run besides what its program logs: where it ran, what it printed, its load."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import math
import os
import queue
import secrets
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.runs.console import Console
from artifacts.runs.output_log import FILE, OutputLog
from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.runs.files import RunFiles
    from artifacts.runs.rows import Rows
    from artifacts.runs.system_metrics import SystemProbes
    from artifacts.settings import Settings

log = logging.getLogger("artifacts")

SHORT = 1.0
"""Seconds that a run has to last for its load to be measured."""

REQUIREMENTS_FILE = "requirements.txt"

COLUMNS = ("metadata", "system_metrics")
"""Those of the run that it keeps."""

NOTE = "observed"
"""First item of a note in the journal with values of these columns."""

_PATIENCE = 5.0
_STOP, _PRINTED = "stop", "printed"


class Observer:
    """Keeps what ran where, what the program prints, and what the machine does meanwhile.

    A thread does all of it but to hear what is printed. What goes wrong is told in the log: it
    must not end the program.

    Args:
        settings: Which of it is wanted.
        rows: Where measurements go.
        files: Where files go, which are stored when the run ends.
        earlier: Returns what the store has of the log of an earlier process of this run; None if
            there can be none.

    Raises:
        ConfigError: A setting cannot be understood.
    """

    def __init__(
        self,
        settings: Settings,
        rows: Rows,
        files: RunFiles,
        earlier: Callable[[], bytes | None] | None = None,
    ) -> None:
        self.changes = 0
        self._settings = settings
        self._interval = settings.system_metrics_interval
        self._rows = rows
        self._files = files
        self._earlier = earlier
        self._metadata: dict[str, Any] = {}
        self._latest: dict[str, Any] = {}
        self._started = dt.datetime.now(dt.UTC)
        self._folder = Path.cwd()
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._known = threading.Event()
        self._closed = False
        self.output = OutputLog(files.folder.path / FILE, lambda: self._events.put(_PRINTED))
        self._console: Console | None = None
        if settings.console:
            self._console = Console(lambda: self.output.lines().write)
        self._thread = threading.Thread(target=self._work, name="artifacts-observer", daemon=True)

    def start(self) -> None:
        """Begin to observe; the run knows its observer by now, and may be asked for its files."""
        self._thread.start()

    @property
    def metadata(self) -> dict[str, Any]:
        """What ran where; waits until that is known."""
        self._known.wait(_PATIENCE)
        return self._metadata

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The latest measurement; empty if there was none."""
        return self._latest

    @property
    def hears(self) -> bool:
        """Whether what the program prints is kept."""
        return self._console is not None

    def snapshot(self) -> dict[str, Any]:
        """Return what is known as columns of the run."""
        values = zip(COLUMNS, (self._metadata, self._latest), strict=True)
        return {name: value for name, value in values if value}

    def stop(self) -> None:
        """Complete what is kept, and keep nothing more."""
        if self._console is not None:
            self._console.close()
        self.output.close()
        self._events.put(_STOP)
        # Git may hang, on a network's files say. What comes of it then is too late.
        self._thread.join(_PATIENCE)
        self._keep_requirements()
        self._closed = True

    def after_fork(self) -> None:
        """Forget the threads of the parent, to which the run belongs."""
        self._known = threading.Event()
        self._known.set()
        self.output.after_fork()

    def _work(self) -> None:
        # Imported here: `init` does not wait for it.
        from artifacts.runs import provenance

        try:
            self._metadata = provenance.collect(
                self._settings, self._folder, self._started, self._keep
            )
            self.changes += 1
            if self._rows.journal is not None:  # else it will begin with what there is by then
                self._rows.write_note([NOTE, self.snapshot()])
        except (ArtifactsError, OSError) as error:
            log.warning("what ran where may not be recorded: %s", error)
        finally:
            self._known.set()
        self._watch()

    def _watch(self) -> None:
        """Do what is due until the run ends."""
        probes: SystemProbes | None = None
        due = time.monotonic() + SHORT if self._interval else math.inf
        asked = -math.inf
        while True:
            event = self._next_event(due)
            if event == _PRINTED:
                self._adopt_output()
                continue
            # A load is an average over the time before, which must not be too short.
            is_due = event is None or time.monotonic() >= asked + SHORT
            if probes is not None and is_due and not self._measure(probes):
                self._interval, probes = 0, None
            if event == _STOP:
                return
            if probes is None and self._interval:
                from artifacts.runs.system_metrics import SystemProbes

                probes = SystemProbes(self._folder)
            else:
                asked = time.monotonic()
            due = time.monotonic() + self._interval if self._interval else math.inf

    def _next_event(self, due: float) -> str | None:
        """Wait for the next event; None if there was none until then."""
        try:
            if due == math.inf:
                return self._events.get()
            wait = min(due - time.monotonic(), threading.TIMEOUT_MAX)
            return self._events.get(timeout=max(wait, 0))
        except queue.Empty:
            return None

    def _measure(self, probes: SystemProbes) -> bool:
        """Measure the system; return whether that makes sense another time."""
        try:
            sample = self._rows.measure(probes.measure())
        except ArtifactsError as error:
            log.warning("the system is not measured any more: %s", error)
            return False
        if sample is not None:
            self._latest = sample
            self.changes += 1
        return sample is not None

    def _adopt_output(self) -> None:
        """Make the log a file of the run, with what earlier processes of the run have printed."""
        try:
            self._files.open()
            earlier = None if self._earlier is None else self._earlier()
            if earlier:
                self.output.prepend(earlier)
        except (ArtifactsError, OSError) as error:
            log.warning("%s may not be complete: %s", FILE, error)

    def _keep_requirements(self) -> None:
        """Say what is installed, if there are files beside which that can lie."""
        from artifacts.runs import environment

        try:
            names = os.listdir(self._files.folder.path)
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("%s is not among the files of the run: %s", REQUIREMENTS_FILE, error)
            return
        if names and REQUIREMENTS_FILE not in names:  # the program may have one of its own
            self._keep(REQUIREMENTS_FILE, environment.requirements().encode())

    def _keep(self, name: str, data: bytes) -> None:
        """Write a file of the run, whole or not at all."""
        if self._closed:
            return
        temporary: Path | None = None
        try:
            path = self._files.open() / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
            temporary.write_bytes(data)
            temporary.replace(path)
        except (ArtifactsError, OSError) as error:
            log.warning("%s is not among the files of the run: %s", name, error)
            with contextlib.suppress(OSError):  # the disk is full, say, as was told
                if temporary is not None:
                    temporary.unlink(missing_ok=True)
