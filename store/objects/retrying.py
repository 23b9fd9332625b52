"""Repeats what failed for the moment: the one place that decides when and how often."""

from __future__ import annotations

import io
import itertools
import logging
import os
import random
import time
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, TypeVar

from artifacts.store import copying
from artifacts.store.errors import StorageError
from artifacts.store.objects.base import ObjectInfo, ObjectStore, StagedFile, batches
from artifacts.store.objects.wrapping import WrappedObjects, WrappedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_BATCH = 1000
"""Keys that one repeatable call of ``stat`` or ``delete`` is about."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often something is tried, and how long is waited in between.

    Before the n-th repetition a random time is waited, up to ``base`` × 2ⁿ⁻¹ seconds ("full
    jitter"), so that many clients do not come back at the same moment.

    Args:
        attempts: How often in all.
        base: Longest wait before the first repetition, in seconds.
        cap: Longest wait of all.
        deadline: No repetition begins later than this many seconds after the first attempt.
        sleep: What waits; for tests.
    """

    attempts: int = 6
    base: float = 0.2
    cap: float = 10.0
    deadline: float = 300.0
    sleep: Callable[[float], None] = time.sleep

    def run(
        self,
        operation: Callable[[], Result],
        doing: str,
        *,
        possible: Callable[[], bool] = lambda: True,
    ) -> Result:
        """Return what ``operation`` returns, repeated while it fails with a retryable error.

        Args:
            doing: What is tried, as it continues "could not …"; it is logged.
            possible: Tells after a failure whether the operation can be repeated at all.

        Raises:
            StorageError: That of the last attempt.
        """
        end = time.monotonic() + self.deadline
        for attempt in itertools.count(1):
            try:
                return operation()
            except StorageError as error:
                delay = random.uniform(0, min(self.cap, self.base * 2 ** (attempt - 1)))  # noqa: S311 - jitter, no secret
                if (
                    not error.retryable
                    or attempt >= self.attempts
                    or time.monotonic() + delay > end
                    or not possible()
                ):
                    raise
                log.warning(
                    "could not %s, attempt %d of %d, trying again in %.1f s: %s",
                    doing,
                    attempt,
                    self.attempts,
                    delay,
                    error,
                )
            self.sleep(delay)
        raise AssertionError("the loop has no end")


class RetryingObjects(WrappedObjects):
    """An object store that repeats calls of another one.

    Args:
        inner: The store whose calls are repeated while they fail with ``retryable``.
        policy: When and how often.
    """

    def __init__(self, inner: ObjectStore, policy: RetryPolicy | None = None) -> None:
        super().__init__(inner)
        self._policy = policy or RetryPolicy()

    def __repr__(self) -> str:
        return f"RetryingObjects({self.inner!r})"

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        def possible() -> bool:
            # The attempt that failed may have moved the file into place.
            return not isinstance(source, StagedFile) or source.path.exists()

        self._policy.run(
            lambda: self.inner.put(key, source, size=size),
            f"store object {key}",
            possible=possible,
        )

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        def reopen(position: int) -> IO[bytes]:
            rest = None if length is None else max(length - position, 0)
            return self._policy.run(
                lambda: self.inner.open(key, offset=offset + position, length=rest),
                f"open object {key}",
            )

        file = reopen(0)
        if isinstance(file, io.BytesIO):  # it is complete: nothing can fail any more
            return file
        return _RetryingReader(file, reopen, self._policy, f"read object {key}")

    def fetch(self, key: str, offset: int, length: int) -> bytes:
        return self._policy.run(lambda: self.inner.fetch(key, offset, length), f"read object {key}")

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        def look(batch: Iterable[str]) -> Collection[ObjectInfo]:
            return tuple(self.inner.stat(batch))

        for batch in batches(keys, _BATCH):
            yield from self._policy.run(partial(look, batch), "look at objects")

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        # A listing that broke is begun anew, and what was seen is left out.
        seen: set[str] = set()
        listing: Iterator[ObjectInfo] | None = None

        def following() -> ObjectInfo | None:
            nonlocal listing
            if listing is None:
                listing = self.inner.list(prefix)
            try:
                return next((info for info in listing if info.key not in seen), None)
            except BaseException:
                listing = None
                raise

        while (info := self._policy.run(following, "list objects")) is not None:
            seen.add(info.key)
            yield info

    def delete(self, keys: Iterable[str]) -> None:
        for batch in batches(keys, _BATCH):
            self._policy.run(partial(self.inner.delete, batch), "delete objects")


class _RetryingReader(WrappedStream):
    """A stream that is opened again where it broke.

    Args:
        file: The stream at its beginning.
        reopen: Opens it anew from a position on.
    """

    def __init__(
        self,
        file: IO[bytes],
        reopen: Callable[[int], IO[bytes]],
        policy: RetryPolicy,
        doing: str,
    ) -> None:
        self._file: IO[bytes] | None = file
        self._start = 0  # where the stream begins that is open
        self._position = 0
        self._reopen = reopen
        self._policy = policy
        self._doing = doing

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            end = self._run(lambda file: file.seek(0, os.SEEK_END)) + self._start
            position = end + offset
        else:
            position = offset + (self._position if whence == os.SEEK_CUR else 0)
        if position < 0:
            raise ValueError("negative seek position")
        self._position = position
        return position

    def read(self, size: int | None = -1) -> bytes:
        data = self._run(lambda file: file.read(-1 if size is None else size))
        self._position += len(data)
        return data

    def read_piece(self, most: int) -> memoryview:
        piece = self._run(lambda file: copying.read_piece(file, most))
        self._position += len(piece)
        return piece

    def close(self) -> None:
        self._drop()
        super().close()

    def _run(self, operation: Callable[[IO[bytes]], Result]) -> Result:
        """Do something with the stream at the position, opened again if need be."""
        if self.closed:
            raise ValueError("I/O operation on closed file")

        def attempt() -> Result:
            if self._file is not None and self._position < self._start:
                self._drop()
            if self._file is None:
                self._file = self._reopen(self._position)
                self._start = self._position
            try:
                if self._start + self._file.tell() != self._position:
                    self._file.seek(self._position - self._start)
                return operation(self._file)
            except StorageError:
                self._drop()
                raise

        return self._policy.run(attempt, self._doing)

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
