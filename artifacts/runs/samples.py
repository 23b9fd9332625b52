"""What was measured of the system, on its way to where others can see it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from artifacts._history import SYSTEM_SESSION
from artifacts.store.frames import frame
from artifacts.store.records import HistoryChunk

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHUNK = 64 << 10


class Samples:
    """The samples of a run that others may not have seen. Thread-safe.

    The journal has all of them; here are those since the last full chunk, because a small chunk is
    sent again with what follows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: list[bytes] = []
        self._first = 0
        self._sent = 0

    def add(self, sample: Mapping[str, Any]) -> None:
        """Take one more."""
        data = frame(sample)
        with self._lock:
            self._frames.append(data)

    def chunk(self, journal: str) -> HistoryChunk | None:
        """Return what is to be sent; None if all of it was.

        Args:
            journal: Name of the journal that has them.
        """
        import zstandard

        with self._lock:
            first, count, data = self._first, len(self._frames), b"".join(self._frames)
        if first + count == self._sent:
            return None
        payload = zstandard.ZstdCompressor().compress(data)
        return HistoryChunk(journal + SYSTEM_SESSION, first, count, -1, payload)

    def sent(self, chunk: HistoryChunk) -> None:
        """Note that others see a chunk."""
        with self._lock:
            self._sent = chunk.first_row + chunk.row_count
            if sum(map(len, self._frames[: chunk.row_count])) >= _CHUNK:
                del self._frames[: chunk.row_count]
                self._first = self._sent

    def after_fork(self) -> None:
        """Forget the threads of the parent."""
        self._lock = threading.Lock()
