"""The thread that logs with a run what the program writes for TensorBoard."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any

from artifacts.integration._event_values import value_of
from artifacts.store.errors import ArtifactsError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from artifacts.integration._event_files import EventFiles
    from artifacts.runs import Run

log = logging.getLogger("artifacts")

STEP = "global_step"
_INTERVAL = 2.0


class EventFollower:
    """Logs a row for each step of the event files, until the run ends.

    What goes wrong is told in the log: it must not end the program.

    Args:
        run: Gets the rows.
        files: What the program writes.
        save: Whether the event files become files of the run.
    """

    def __init__(self, run: Run, files: EventFiles, *, save: bool) -> None:
        self._run = run
        self._save = save
        self._files = files
        self._writers: weakref.WeakSet[Any] = weakref.WeakSet()
        self._step: int | None = None
        self._row: dict[str, Any] = {}
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._work, name="artifacts-tensorboard", daemon=True
        )
        self._thread.start()

    def add_writer(self, writer: Any, folder: str, present: set[Path]) -> None:
        """Follow a writer.

        Args:
            writer: Is flushed when the run ends.
            folder: To which it writes.
            present: The event files that were there before.
        """
        self._writers.add(writer)
        with self._lock:
            self._files.add_folder(folder, present)

    def stop(self) -> None:
        """Log what is left, and end."""
        for writer in list(self._writers):
            writer.flush()
        self._stopped.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._stopped.wait(_INTERVAL):
                self._log_new()
            self._log_new()
            self._log_row()
            if self._save:
                self._save_files()
        except (ArtifactsError, OSError) as error:
            log.warning("what is written for TensorBoard is not logged any more: %s", error)

    def _log_new(self) -> None:
        with self._lock:
            events = self._files.read()
        for event in events:
            if event.step != self._step:
                self._log_row()
                self._step = event.step
            try:
                value = value_of(event.plugin, event.tensor)
            except (InvalidInputError, OSError) as error:
                log.warning(
                    "%s of TensorBoard's step %d is left out: %s", event.tag, event.step, error
                )
                continue
            if value is not None:
                self._row |= {event.tag: value, STEP: event.step, "_timestamp": event.time}

    def _log_row(self) -> None:
        row, self._row = self._row, {}
        if row:
            self._run.log(row)

    def _save_files(self) -> None:
        root = self._files.root
        for path in self._files.paths:
            inside = root is not None and path.is_relative_to(root)
            self._run.save(str(path), base_path=str(root if inside else path.parent), policy="end")
