"""Marks of readers that need what they have found in the cache to stay for a while.

A hold is a file whose name begins with the time at which it was taken; its owner keeps a lock on
it for as long as he lives. Whatever was used since the oldest hold was taken is not evicted.
That is coarser than a list of blobs, and it needs no list: it covers what a reader finds and what
he adds alike, and whatever a killed process held is free at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import threading
import time
from typing import TYPE_CHECKING

from artifacts.store.copying import create

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME = re.compile(r"([0-9]{20})-[0-9a-f]{16}")


def now() -> int:
    """Return microseconds since 1970."""
    return time.time_ns() // 1000


class Holds:
    """The holds of all processes, as files in ``folder``. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: list[int] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Hold on to what is used from now on."""
        path, descriptor, since = _take(self._folder)
        with self._lock:
            self._mine.append(since)
        try:
            yield
        finally:
            with self._lock:
                self._mine.remove(since)
            os.close(descriptor)
            with contextlib.suppress(OSError):  # without its lock it counts as dead anyway
                path.unlink()

    def newest_of_mine(self) -> int:
        """Return when the newest hold of this object was taken, 0 if there is none."""
        with self._lock:
            return max(self._mine, default=0)

    def oldest(self) -> int | None:
        """Return when the oldest hold of any living process was taken; forget those of the dead."""
        try:
            names = sorted(name for name in os.listdir(self._folder) if _NAME.fullmatch(name))
        except FileNotFoundError:
            return None
        for name in names:
            if _is_alive(self._folder / name):
                return int(name.partition("-")[0])
        return None


def _take(folder: Path) -> tuple[Path, int, int]:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        since = now()
        path = folder / f"{since:020}-{secrets.token_hex(8)}"
        descriptor = create(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Somebody may have taken it for one of the dead before it was locked.
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return path, descriptor, since
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_alive(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(descriptor)
