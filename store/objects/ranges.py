"""Reads an object in ranges, some of them ahead of the reader."""

from __future__ import annotations

import os
from collections import deque
from typing import IO, TYPE_CHECKING, NamedTuple

from artifacts.store.copying import PieceReader
from artifacts.store.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from _typeshed import WriteableBuffer

    from artifacts.store.objects.base import Buffer
    from artifacts.store.objects.budget import MemoryBudget
    from artifacts.store.objects.retrying import RetryPolicy

RANGE_SIZE = 8 << 20
_MODEST = 1 << 20
"""A range that is read when the budget is used up; it is not counted."""


class Range(NamedTuple):
    """What there is of a range.

    Attributes:
        object_size: Bytes of the whole object; where the range begins, if that is past its end.
    """

    data: Buffer
    object_size: int


def whole_range(key: str, data: Buffer, offset: int, count: int, object_size: int) -> Range:
    """Return what a service answered for ``count`` bytes from ``offset``.

    Raises:
        StorageError: It is less than the object has there.
    """
    if len(data) != max(min(count, object_size - offset), 0):
        raise StorageError(
            f"the answer with object {key} broke off after {len(data)} bytes", retryable=True
        )
    return Range(data, object_size)


class _Wanted(NamedTuple):
    """A range that was asked for."""

    start: int
    end: int
    counted: bool
    bytes: Future[Buffer]


class RangeReader(PieceReader, IO[bytes]):
    """A seekable stream over a window of an object, fetched in ranges.

    While it is read from front to back, ranges are fetched ahead, more and more of them up to
    ``ahead``; after a seek only what is read. Memory comes from the budget, never waited for: a
    reader may lie open and unread for hours. Closing cancels what is under way. A read returns
    fewer bytes than it was asked for only at the end.

    Args:
        fetch: Starts to fetch ``length`` bytes from ``offset`` of the window; called again for a
            range that failed.
        length: Size of the window.
        first: The bytes at its beginning, as far as they are there already.
        eager: Whether the window is known to be wanted in full.
    """

    def __init__(
        self,
        fetch: Callable[[int, int], Future[Buffer]],
        *,
        length: int,
        first: Buffer,
        budget: MemoryBudget,
        policy: RetryPolicy,
        doing: str,
        eager: bool = False,
        range_size: int = RANGE_SIZE,
        ahead: int = 4,
    ) -> None:
        self._fetch = fetch
        self._length = length
        self._budget = budget
        self._policy = policy
        self._doing = doing
        self._range_size = range_size
        self._most_ahead = ahead
        self._wanted_ahead = ahead if eager else 0
        self._position = 0
        self._data: Buffer = first
        self._data_start = 0
        self._data_counted = bool(first) and budget.try_acquire(len(first))
        self._ahead: deque[_Wanted] = deque()
        self._read_ahead(len(first))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        rest = max(self._length - self._position, 0)
        count = rest if size is None or size < 0 else min(size, rest)
        pieces = []
        while count:
            piece = self._next(count)
            pieces.append(bytes(piece))
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = min(len(view), max(self._length - self._position, 0))
        done = 0
        while done < count:
            piece = self._next(count - done)
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def read_piece(self, most: int) -> memoryview:
        count = min(most, self._length - self._position)
        return self._next(count) if count > 0 else memoryview(b"")

    def close(self) -> None:
        if not self.closed:
            self._drop_data()
            while self._ahead:
                self._cancel(self._ahead.popleft())
        super().close()

    def _next(self, count: int) -> memoryview:
        """Return up to ``count`` bytes at the position, at least one, and move on."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if not 0 <= self._position - self._data_start < len(self._data):
            self._load()
        start = self._position - self._data_start
        piece = memoryview(self._data)[start : start + count]
        self._position += len(piece)
        return piece

    def _load(self) -> None:
        """Make the range at the position the one that is held."""
        goes_on = self._position == self._data_start + len(self._data)
        self._wanted_ahead = min(self._most_ahead, self._wanted_ahead * 2 or 1) if goes_on else 0
        self._drop_data()
        while self._ahead and not self._ahead[0].start <= self._position < self._ahead[0].end:
            self._cancel(self._ahead.popleft())
        wanted = self._ahead.popleft() if self._ahead else self._ask(self._position)
        try:
            self._read_ahead(wanted.end)
            self._data = self._await(wanted)
        except BaseException:
            self._cancel(wanted)
            raise
        self._data_start = wanted.start
        self._data_counted = wanted.counted

    def _await(self, wanted: _Wanted) -> Buffer:
        """Return the bytes of a range, fetched again while that fails for the moment."""
        pending: Future[Buffer] | None = wanted.bytes

        def attempt() -> Buffer:
            nonlocal pending
            future, pending = pending, None
            if future is None:
                future = self._fetch(wanted.start, wanted.end - wanted.start)
            try:
                return future.result()
            except BaseException:
                future.cancel()
                raise

        return self._policy.run(attempt, self._doing)

    def _ask(self, start: int) -> _Wanted:
        end = min(start + self._range_size, self._length)
        counted = self._budget.try_acquire(end - start)
        if not counted:
            end = min(start + _MODEST, self._length)
        return self._begin(start, end, counted=counted)

    def _read_ahead(self, start: int) -> None:
        if self._ahead:
            start = self._ahead[-1].end
        while len(self._ahead) < self._wanted_ahead and start < self._length:
            end = min(start + self._range_size, self._length)
            if not self._budget.try_acquire(end - start):
                return
            self._ahead.append(self._begin(start, end, counted=True))
            start = end

    def _begin(self, start: int, end: int, *, counted: bool) -> _Wanted:
        try:
            return _Wanted(start, end, counted, self._fetch(start, end - start))
        except BaseException:
            if counted:
                self._budget.release_taken(end - start)
            raise

    def _cancel(self, range_: _Wanted) -> None:
        range_.bytes.cancel()
        if range_.counted:
            self._budget.release_taken(range_.end - range_.start)

    def _drop_data(self) -> None:
        if self._data_counted:
            self._budget.release_taken(len(self._data))
        # Where it ended is still of interest.
        self._data_start += len(self._data)
        self._data = b""
        self._data_counted = False
