"""How much memory the transfers of a process may use for bytes on their way."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_CAPACITY = 256 << 20


class MemoryBudget:
    """Bytes that may be held at once by all that share this object.

    There are two ways to get a share. ``acquire`` waits; whoever got it makes progress and gives it
    back. ``try_acquire`` never waits, because its share may be kept by somebody who does nothing,
    like a reader that nobody reads; so it leaves half of the capacity to the others. Nobody who
    waits can therefore wait for ever.

    Args:
        capacity: The limit in bytes.

    Attributes:
        peak: The most that was held at once so far.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self.capacity = capacity
        self._renew()

    def _renew(self) -> None:
        self._free = threading.Condition()
        self._waited_for = 0
        self._taken = 0
        self.peak = 0

    @property
    def used(self) -> int:
        """What is held at the moment."""
        return self._waited_for + self._taken

    def acquire(self, size: int) -> None:
        """Take ``size`` bytes, and wait for them if need be.

        More than half of the capacity is let through as soon as nobody else who waited holds any.
        """
        with self._free:
            self._free.wait_for(lambda: self._admits(size))
            self._waited_for += size
            self.peak = max(self.peak, self.used)

    def release(self, size: int) -> None:
        """Give back what ``acquire`` took."""
        with self._free:
            self._waited_for -= size
            self._free.notify_all()

    def try_acquire(self, size: int) -> bool:
        """Take ``size`` bytes if half of the capacity stays free for those who wait.

        Returns:
            Whether they were taken; ``release_taken`` gives them back.
        """
        with self._free:
            if self._taken + size > self.capacity // 2 or self.used + size > self.capacity:
                return False
            self._taken += size
            self.peak = max(self.peak, self.used)
            return True

    def release_taken(self, size: int) -> None:
        """Give back what ``try_acquire`` took."""
        with self._free:
            self._taken -= size
            self._free.notify_all()

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Hold ``size`` bytes for the length of a block."""
        self.acquire(size)
        try:
            yield
        finally:
            self.release(size)

    def _admits(self, size: int) -> bool:
        if self.used + size <= self.capacity:
            return True
        return size > self.capacity // 2 and self._waited_for == 0


PROCESS_BUDGET = MemoryBudget()
"""Shared by all transfers of the process that were not given another one."""

# The threads that hold shares do not exist in a forked process, and the lock may be theirs.
os.register_at_fork(after_in_child=PROCESS_BUDGET._renew)
