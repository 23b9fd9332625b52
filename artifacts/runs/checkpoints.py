"""The thread that makes versions of a run's history and summary while the run goes on."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from artifacts._summary_versions import commit_summary
from artifacts.runs.completing import commit_history
from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts._session import Place
    from artifacts.runs.rows import Rows
    from artifacts.store.records import RunRecord

log = logging.getLogger("artifacts")


class Checkpoints:
    """Makes a version every so often, if something was logged since the one before.

    It is made from the journal, as far as that reaches by then; the journal goes on, and the last
    version is made when the run ends. What could not be made is made the next time.

    Args:
        place: Where the run is; its setting ``history_interval`` says how often.
        rows: What the run logs.
        record: Returns the run as it is.
    """

    def __init__(self, place: Place, rows: Rows, record: Callable[[], RunRecord]) -> None:
        self._place = place
        self._rows = rows
        self._record = record
        self._interval = place.settings.history_interval
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if self._interval > 0:
            self._thread = threading.Thread(
                target=self._work, name="artifacts-checkpoints", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread, when the version that it is making is complete."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        seen, failing = self._rows.changes, False
        while not self._stop.wait(self._interval):
            changes = self._rows.changes
            if changes == seen:
                continue
            try:
                self._make()
            except ArtifactsError as error:
                if not failing:
                    log.warning(
                        "no version of the history was made for now, nothing is lost: %s", error
                    )
                failing = True
            else:
                seen, failing = changes, False

    def _make(self) -> None:
        run, journal = self._record(), self._rows.journal
        summary = self._rows.summary() if self._rows.has_summary else None
        if journal is not None:
            commit_history(self._place, run, [journal.path])
        if summary is not None:
            commit_summary(self._place, run, summary)
