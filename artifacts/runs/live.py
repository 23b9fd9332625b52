"""The thread that shows a running run to others: its rows, its summary, and that it is alive."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ArtifactsError
from artifacts.store.records import HistoryChunk

if TYPE_CHECKING:
    from artifacts.runs.rows import Rows
    from artifacts.store.catalog import Catalog
    from artifacts.store.journal import Journal, Mark

log = logging.getLogger("artifacts")

INTERVAL = 1.5
"""Seconds between two looks at what is new."""

_BEAT_EVERY = 30.0
_CHUNK = 128 << 10
_AT_ONCE = 8


class LiveView:
    """Sends what is new to the catalog. What cannot be sent is sent later: the journal keeps it.

    Args:
        catalog: Where the run is.
        run: Its key.
        rows: What it logs.
    """

    def __init__(self, catalog: Catalog, run: int, rows: Rows) -> None:
        self._catalog = catalog
        self._run = run
        self._rows = rows
        self._stop = threading.Event()
        self._start: Mark | None = None
        self._sent: Mark | None = None
        self._changes = rows.changes
        self._beaten = time.monotonic()
        self._failing = False
        self._thread = threading.Thread(target=self._work, name="artifacts-live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it has not sent is in the journal."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(INTERVAL):
            try:
                while self._send() and not self._stop.is_set():
                    pass
            except ArtifactsError as error:
                if not self._failing:
                    log.warning(
                        "others do not see what is logged at the moment, nothing is lost: %s", error
                    )
                self._failing = True
            else:
                self._failing = False

    def _send(self) -> bool:
        """Send what is new; return whether there is more."""
        changes, journal = self._rows.changes, self._rows.journal
        chunks, last, end = ([], None, None) if journal is None else self._chunks(journal)
        if not chunks and changes == self._changes:
            if time.monotonic() - self._beaten >= _BEAT_EVERY:
                self._catalog.beat(self._run, {})
                self._beaten = time.monotonic()
            return False
        values: dict[str, Any] = {} if changes == self._changes else self._rows.snapshot()
        self._catalog.beat(self._run, values, chunks)
        self._beaten = time.monotonic()
        self._changes = changes
        if last is None or end is None:
            return False
        self._sent = end
        # A small chunk is sent again with what follows, so that there are few of them.
        self._start = last if end.offset - last.offset < _CHUNK else end
        return len(chunks) == _AT_ONCE

    def _chunks(self, journal: Journal) -> tuple[list[HistoryChunk], Mark | None, Mark | None]:
        """Return rows that were not sent, and where the last chunk of them begins and ends."""
        import zstandard

        if self._start is None or self._sent is None:
            self._start = self._sent = journal.start
        start, chunks = self._start, []
        last: Mark | None = None
        for end in journal.marks_after(self._sent)[:_AT_ONCE]:
            if end.rows > start.rows:
                payload = zstandard.ZstdCompressor().compress(journal.read(start, end))
                count = end.rows - start.rows
                chunks.append(HistoryChunk(journal.path.stem, start.rows, count, end.step, payload))
                last = start
            start = end
        return chunks, last, start
