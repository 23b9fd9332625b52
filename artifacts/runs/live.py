"""The thread that shows a running run to others: its rows, its summary, and that it is alive."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from artifacts.store.errors import ArtifactsError
from artifacts.store.records import HistoryChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from artifacts.runs.rows import Rows
    from artifacts.store.catalog import Catalog
    from artifacts.store.journal import Journal, Mark

log = logging.getLogger("artifacts")

INTERVAL = 1.5
"""Seconds between two looks at what is new."""

_BEAT_EVERY = 30.0
_CHUNK = 128 << 10
_AT_ONCE = 8


class Columns(Protocol):
    """Something that keeps columns of the run."""

    changes: int
    """Counts its changes."""

    def snapshot(self) -> dict[str, Any]:
        """Return the columns as they are now."""


class LiveView:
    """Sends what is new to the catalog. What cannot be sent is sent later: the journal keeps it.

    Args:
        catalog: Where the run is.
        run: Its key.
        rows: What it logs.
        others: Who keeps columns beside those that the rows keep.
        flush: Called each time, to send what belongs to no column.
    """

    def __init__(
        self,
        catalog: Catalog,
        run: int,
        rows: Rows,
        others: Sequence[Columns] = (),
        flush: Callable[[], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._run = run
        self._rows = rows
        self._columns: tuple[Columns, ...] = (rows, *others)
        self._flush = flush
        self._stop = threading.Event()
        self._start: Mark | None = None
        self._sent: Mark | None = None
        self._changes = [rows.changes, *(0 for _ in others)]
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
                if self._flush is not None:
                    self._flush()
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
        changes, journal = [each.changes for each in self._columns], self._rows.journal
        chunks, last, end = ([], None, None) if journal is None else self._chunks(journal)
        full = len(chunks) == _AT_ONCE
        samples = None if journal is None else self._rows.samples.chunk(journal.path.stem)
        if samples is not None:
            chunks.append(samples)
        if not chunks and changes == self._changes:
            if time.monotonic() - self._beaten >= _BEAT_EVERY:
                self._catalog.beat(self._run, {})
                self._beaten = time.monotonic()
            return False
        values: dict[str, Any] = {}
        for each, now, before in zip(self._columns, changes, self._changes, strict=True):
            if now != before:
                values |= each.snapshot()
        self._catalog.beat(self._run, values, chunks)
        self._beaten = time.monotonic()
        if samples is not None:
            self._rows.samples.sent(samples)
        self._changes = changes
        if last is None or end is None:
            return False
        self._sent = end
        # A small chunk is sent again with what follows, so that there are few of them.
        self._start = last if end.offset - last.offset < _CHUNK else end
        return full

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
