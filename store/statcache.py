"""Remembers the digests of files, so that files that did not change are not read again.

A file is recognized by device, inode, size, modification and change time. Entries whose times
were too young to prove anything when the file was read are not stored ("racily clean" in Git's
words). The cache is a local SQLite file of its own; losing it costs time, never correctness.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

_SCHEMA = 2
_NAME = f"files-v{_SCHEMA}.sqlite"
_CHUNK = 400

# One row holds the files of 256 neighbouring inodes, which mostly are of one folder: that is an
# order of magnitude faster than a row for each file.
_BUCKET_BITS = 8
_RECORD = struct.Struct("<QQqq32s")  # inode, size, mtime, ctime, digest
_UNKNOWN = (None, None, None, None, None)


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
        mtime_ns, ctime_ns = result.st_mtime_ns, result.st_ctime_ns
        # Half the time of calling the class, and there are many files.
        return tuple.__new__(
            cls, (result.st_dev, result.st_ino, result.st_size, mtime_ns, ctime_ns)
        )

    def matches(self, result: os.stat_result) -> bool:
        """Whether a stat result shows the same state of the same file."""
        return (
            self.mtime_ns == result.st_mtime_ns
            and self.ctime_ns == result.st_ctime_ns
            and self.size == result.st_size
            and self.inode == result.st_ino
            and self.device == result.st_dev
        )

    def changed_before(self, time_ns: int) -> bool:
        """Whether the last change lies before a point in time."""
        return self.mtime_ns < time_ns and self.ctime_ns < time_ns


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
        known: dict[int, dict[int, tuple[Any, ...]]] = {stat.device: {} for stat in stats}
        wanted = {(stat.device, stat.inode >> _BUCKET_BITS) for stat in stats}
        with self._lock:
            try:
                connection = self._connect()
                if connection is None:
                    return [None] * len(stats)
                for (device, _), records in _read(connection, wanted):
                    files = known[device]
                    for record in _RECORD.iter_unpack(records):
                        files[record[0]] = record
            except sqlite3.Error as error:
                self._give_up(error)
        digests: list[Digest | None] = []
        for device, inode, size, mtime_ns, ctime_ns in stats:
            _, known_size, known_mtime, known_ctime, digest = known[device].get(inode, _UNKNOWN)
            same = mtime_ns == known_mtime and ctime_ns == known_ctime and size == known_size
            digests.append(digest if same else None)
        return digests

    def store(self, entries: Iterable[tuple[FileStat, Digest]]) -> None:
        """Remember digests. The caller has made sure that the times prove something."""
        buckets: dict[tuple[int, int], dict[int, bytes]] = {}
        pack = _RECORD.pack
        for (device, inode, size, mtime_ns, ctime_ns), digest in entries:
            bucket = buckets.setdefault((device, inode >> _BUCKET_BITS), {})
            bucket[inode] = pack(inode, size, mtime_ns, ctime_ns, digest)
        if not buckets:
            return
        with self._lock:
            try:
                connection = self._connect()
                if connection is None:
                    return
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    for key, records in _read(connection, buckets):
                        for start in range(0, len(records), _RECORD.size):
                            record = records[start : start + _RECORD.size]
                            buckets[key].setdefault(_RECORD.unpack(record)[0], record)
                    connection.executemany(
                        "INSERT OR REPLACE INTO files VALUES (?, ?, ?)",
                        [(_signed(d), b, b"".join(r.values())) for (d, b), r in buckets.items()],
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
            "CREATE TABLE IF NOT EXISTS files "
            "(device INTEGER, bucket INTEGER, records BLOB, PRIMARY KEY (device, bucket))"
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


def _read(
    connection: sqlite3.Connection, wanted: Iterable[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], bytes]]:
    by_device: dict[int, list[int]] = {}
    for device, bucket in wanted:
        by_device.setdefault(device, []).append(bucket)
    for device, buckets in by_device.items():
        buckets.sort()
        for start in range(0, len(buckets), _CHUNK):
            batch = buckets[start : start + _CHUNK]
            rows = connection.execute(
                "SELECT bucket, records FROM files "  # noqa: S608 - only marks are put in
                f"WHERE device = ? AND bucket IN ({','.join('?' * len(batch))})",
                (_signed(device), *batch),
            )
            for bucket, records in rows.fetchall():
                yield (device, bucket), records


def _signed(number: int) -> int:
    """Fit an unsigned 64-bit number into SQLite's signed integer."""
    return number - (1 << 64) if number >= 1 << 63 else number
