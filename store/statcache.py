"""Remembers the digests of files, so that files that did not change are not read again.

A file is recognized by device, inode, size, modification and change time. Entries whose times
were too young to prove anything when the file was read are not stored ("racily clean" in Git's
words). The cache is a local SQLite file of its own; losing it costs time, never correctness.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_SCHEMA = 1
_NAME = f"files-v{_SCHEMA}.sqlite"
_CHUNK = 400


class FileStat(NamedTuple):
    """What identifies a state of a file."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, result: os.stat_result) -> FileStat:
        """Take the fields from a stat result."""
        return cls(
            result.st_dev, result.st_ino, result.st_size, result.st_mtime_ns, result.st_ctime_ns
        )


class StatCache:
    """Digest of a file by its `FileStat`. Thread-safe; shared by all processes of a user.

    Args:
        folder: Where it is kept; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def lookup(self, stats: Sequence[FileStat]) -> list[Digest | None]:
        """Return the digest of each file, None where it is not known."""
        found: dict[tuple[int, ...], bytes] = {}
        with self._lock:
            try:
                connection = self._connect()
                if connection is None:
                    return [None] * len(stats)
                by_device: dict[int, list[int]] = {}
                for stat in stats:
                    by_device.setdefault(stat.device, []).append(stat.inode)
                for device, inodes in by_device.items():
                    inodes.sort()
                    for start in range(0, len(inodes), _CHUNK):
                        batch = [_signed(inode) for inode in inodes[start : start + _CHUNK]]
                        marks = ",".join("?" * len(batch))
                        rows = connection.execute(
                            "SELECT inode, size, mtime_ns, ctime_ns, digest FROM files "  # noqa: S608
                            f"WHERE device = ? AND inode IN ({marks})",
                            (_signed(device), *batch),
                        )
                        for inode, size, mtime_ns, ctime_ns, digest in rows:
                            found[device, inode, size, mtime_ns, ctime_ns] = digest
            except sqlite3.Error as error:
                self._give_up(error)
        get = found.get
        return [
            None
            if (digest := get((s[0], _signed(s[1]), s[2], s[3], s[4]))) is None
            else Digest(digest)
            for s in stats
        ]

    def store(self, entries: Iterable[tuple[FileStat, Digest]]) -> None:
        """Remember digests. The caller has made sure that the times prove something."""
        rows = [
            (_signed(s.device), _signed(s.inode), s.size, s.mtime_ns, s.ctime_ns, digest)
            for s, digest in entries
        ]
        if not rows:
            return
        with self._lock:
            try:
                connection = self._connect()
                if connection is None:
                    return
                rows.sort()
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.executemany(
                        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows
                    )
            except sqlite3.Error as error:
                self._give_up(error)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> sqlite3.Connection | None:
        if self._connection is not None or self._path is None:
            return self._connection
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)
            return None
        connection = sqlite3.connect(
            self._path, timeout=10, isolation_level=None, check_same_thread=False
        )
        # Not synced: after a power failure the newest entries are gone, which does no harm.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS files (device INTEGER, inode INTEGER, size INTEGER, "
            "mtime_ns INTEGER, ctime_ns INTEGER, digest BLOB, PRIMARY KEY (device, inode)) "
            "WITHOUT ROWID"
        )
        self._connection = connection
        return connection

    def _give_up(self, error: Exception) -> None:
        """Go on without a cache; a damaged one is removed and will be made anew."""
        log.warning("the file cache %s cannot be used: %s", self._path, error)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        )
        if damaged and self._path is not None:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path = None


def _signed(number: int) -> int:
    """Fit an unsigned 64-bit number into SQLite's signed integer."""
    return number - (1 << 64) if number >= 1 << 63 else number
