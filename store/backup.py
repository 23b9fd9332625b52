"""The daily backup of the catalog, kept as an object of the store.

The bytes of a store describe themselves; names, versions and lineage are in the catalog alone. So
that a lost catalog is not the end of them, a transcript of it is stored beside the blobs, under
``catalog/<time>.<random>.zst``, once a day and after a commit. No row knows these objects: they
are not blobs, and no collection touches them.
"""

from __future__ import annotations

import io
import logging
import re
import secrets
import threading
import time
from typing import IO, TYPE_CHECKING

import zstandard

from artifacts.store.errors import ArtifactsError, IntegrityError, from_os_error
from artifacts.store.objects import StagedFile
from artifacts.store.records import to_datetime
from artifacts.store.staging import StagingFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from artifacts.store.catalog import Catalog
    from artifacts.store.objects import ObjectStore
    from artifacts.store.transcript import Header, Record

log = logging.getLogger(__name__)

PREFIX = "catalog/"
INTERVAL = 24 * 3600 * 1_000_000
"""Microseconds from one backup to the next."""

KEPT = 7
"""How many backups stay."""

_KEY = re.compile(r"catalog/(\d{8}T\d{6}Z)\.[0-9a-f]{16}\.zst")
_PATIENCE = 20.0  # seconds that `close` waits for a backup
_BUFFER = 1 << 20


class BackupKeeper:
    """Makes a backup in the background when the last one is a day old. Thread-safe.

    Nothing that happens here makes a commit fail: what goes wrong is logged.

    Args:
        staging: Folder for the file that is being made.
        interval: Microseconds from one backup to the next.
    """

    def __init__(
        self,
        catalog: Catalog,
        objects: ObjectStore,
        identity: str,
        staging: Path,
        *,
        interval: int = INTERVAL,
    ) -> None:
        self._catalog = catalog
        self._objects = objects
        self._identity = identity
        self._staging = staging
        self._interval: int | None = interval
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._look_at: float | None = None  # by the monotonic clock; None before the first look

    def turn_off(self) -> None:
        """Make no backups from now on."""
        with self._lock:
            self._interval = None

    def after_commit(self, at: int) -> None:
        """Make a backup if it is time. Returns at once; asks at most once a day what there is.

        Args:
            at: Time of the commit, by the catalog's clock.
        """
        with self._lock:
            if self._interval is None:
                return
            if self._look_at is not None and time.monotonic() < self._look_at:
                return
            self._look_at = time.monotonic() + self._interval / 1e6
            if self._thread is not None and self._thread.is_alive():
                return
            # A young store has nothing that a backup of yesterday could hold; of one that was just
            # made nobody has looked at the age.
            made = self._catalog.created_at
            age = 0 if made is None else at - made
            if age < self._interval:
                self._look_at = time.monotonic() + (self._interval - age) / 1e6
                return
            self._thread = threading.Thread(
                target=self._work,
                args=[self._interval],
                name="artifacts-backup",
                daemon=True,
            )
            self._thread.start()

    def close(self) -> None:
        """Wait for a backup that is being made, for a while."""
        self.turn_off()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PATIENCE)
            if thread.is_alive():
                log.warning("the daily backup of the catalog was not finished in time")

    def _work(self, interval: int) -> None:
        try:
            last = newest(self._objects)
            limit = stamp(self._catalog.now() - interval)
            if last is None or _stamp_of(last) < limit:
                write(self._catalog, self._objects, self._identity, self._staging)
        except ArtifactsError as error:
            log.warning("the daily backup of the catalog was not made: %s", error)
        except Exception:
            # In a thread of its own: nobody else would hear of it.
            log.exception("the daily backup of the catalog was not made")


def write(catalog: Catalog, objects: ObjectStore, identity: str, staging: Path) -> str:
    """Store a backup, and delete all but the newest `KEPT`; return its key."""
    at = catalog.now()
    folder = StagingFolder(staging)
    try:
        path = folder.new_path()
        with path.open("xb") as file:
            from artifacts.store import transcript  # here, because few commits come this far

            _compress(catalog, file, transcript.Header(identity, at))
        key = f"{PREFIX}{stamp(at)}.{secrets.token_hex(8)}.zst"
        objects.put(key, StagedFile(path), size=path.stat().st_size)
    except OSError as error:
        raise from_os_error(error, "write a backup of the catalog") from error
    finally:
        folder.close()
    objects.delete(keys(objects)[:-KEPT])
    return key


def keys(objects: ObjectStore) -> list[str]:
    """Return the keys of all backups, the oldest first."""
    return sorted(info.key for info in objects.list(PREFIX) if is_backup(info.key))


def newest(objects: ObjectStore) -> str | None:
    """Return the key of the newest backup."""
    return max(keys(objects), default=None)


def is_backup(key: str) -> bool:
    """Whether an object is a backup of the catalog."""
    return _KEY.fullmatch(key) is not None


def read(file: IO[bytes]) -> Iterator[Record]:
    """Yield the records of a backup.

    Raises:
        FormatError: It is none, or of a newer format.
        IntegrityError: It is damaged or cut off.
    """
    from artifacts.store import transcript

    try:
        with (
            zstandard.ZstdDecompressor().stream_reader(file) as raw,
            io.BufferedReader(raw, _BUFFER) as lines,
        ):
            yield from transcript.read(lines)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"the backup is damaged: {error}", kind="export_damaged") from error


def stamp(microseconds: int) -> str:
    """Return a time as it stands in a key; later times are greater."""
    return f"{to_datetime(microseconds):%Y%m%dT%H%M%SZ}"


def _stamp_of(key: str) -> str:
    match = _KEY.fullmatch(key)
    assert match is not None  # `keys` returns no others
    return match[1]


def _compress(catalog: Catalog, file: IO[bytes], header: Header) -> None:
    from artifacts.store import transcript

    written: list[tuple[transcript.Writer, IO[bytes]]] = []

    def start() -> Callable[[Record], None]:
        file.seek(0)
        file.truncate()
        packed: IO[bytes] = zstandard.ZstdCompressor(write_checksum=True).stream_writer(
            file, closefd=False
        )
        written[:] = [(transcript.Writer(packed, header), packed)]
        return written[0][0].add

    catalog.export(start)
    text, packed = written[0]
    text.end()
    packed.close()
