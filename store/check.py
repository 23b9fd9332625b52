"""Compare catalog, manifests and objects. Checking reports and changes nothing.

Reading all data of a large store takes long. A sample says something sooner; and how far a check
came is noted on this machine, so that one that was interrupted can go on.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import random
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifacts.store import backup, collecting, copying, packs, reading
from artifacts.store.digests import format_digest, hash_bytes, parse_digest
from artifacts.store.errors import ArtifactsError, IntegrityError, ObjectNotFoundError
from artifacts.store.manifest import iter_entries
from artifacts.store.opening import IDENTITY_KEY
from artifacts.store.places import BlobLocation, BlobPlace, Encoding, fingerprint
from artifacts.store.progress import Progress
from artifacts.store.records import ObjectKind, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from artifacts.store.digests import Digest
    from artifacts.store.objects import ObjectStore
    from artifacts.store.records import ObjectRecord
    from artifacts.store.store import Store

log = logging.getLogger(__name__)

_REMEMBERED = 2_000_000
_AT_ONCE = 2  # one reads while the other one hashes
_AT_ONCE_REMOTE = 8
_NOTED_EVERY = 5.0  # seconds
_OF_OBJECTS = frozenset({"missing_object", "wrong_size", "damaged_object", "damaged_blob"})
_READABLE = {ObjectState.LIVE, ObjectState.CONDEMNED}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    Attributes:
        kind: ``missing_object``, ``wrong_size``, ``damaged_blob``, ``damaged_object``,
            ``missing_blob``, ``damaged_manifest`` or ``broken_version``.
        where: Object key, or version.
        detail: One sentence.
    """

    kind: str
    where: str
    detail: str


@dataclass(slots=True)
class CheckReport:
    """What `check` found.

    Attributes:
        problems: What is wrong; empty for a sound store.
        unknown_objects: Keys in the object store that no row knows: left by writers that were
            killed between two steps, or not ours. Harmless.
        pending_objects: Keys reserved by uploads that have not ended.
        objects_read: How many objects were read.
        skipped: How many were not: an earlier check had read them, or they are not in the sample.
        backup: Key of the newest backup of the catalog, or None.
    """

    versions: int = 0
    manifests: int = 0
    objects: int = 0
    blobs: int = 0
    bytes: int = 0
    bytes_read: int = 0
    objects_read: int = 0
    skipped: int = 0
    backup: str | None = None
    problems: list[Problem] = field(default_factory=list)
    unknown_objects: list[str] = field(default_factory=list)
    pending_objects: list[str] = field(default_factory=list)

    @property
    def bad_objects(self) -> set[str]:
        """Keys of objects in which something is wrong."""
        return {problem.where for problem in self.problems if problem.kind in _OF_OBJECTS}


def check(
    store: Store,
    *,
    read_data: bool = False,
    sample: float | None = None,
    notes: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> CheckReport:
    """Compare catalog, manifests and objects.

    Args:
        read_data: Read every stored byte and verify every digest.
        sample: With ``read_data``: only so large a part of the objects, chosen at random.
        notes: Folder in which is noted how far the reading came; not for a sample.
        resume: Go on where the last one that read all data was interrupted.
    """
    with collecting.paused():
        work = _Check(store, progress or Progress())
        work.compare()
        if read_data:
            chosen = work.live
            if sample is not None:
                count = min(math.ceil(len(chosen) * sample), len(chosen))
                chosen = random.sample(chosen, count)
            noted = None if notes is None or sample is not None else notes / f"{store.uuid}.json"
            work.read(chosen, _Notes(noted, resume=resume))
        work.check_manifests()
        return work.report


class _Notes:
    """Up to which object everything was read, and in which ones something was wrong.

    Objects are read in the order of their ids, of which no two are ever the same.
    """

    def __init__(self, path: Path | None, *, resume: bool) -> None:
        self._path = path
        self._noted_at = time.monotonic()
        self._done = 0
        self._bad: set[int] = set()
        if path is not None and resume:
            try:
                said = json.loads(path.read_bytes())
                self._done, self._bad = int(said["done"]), set(map(int, said["bad"]))
            except FileNotFoundError:
                pass  # none was interrupted
            except (OSError, ValueError, TypeError, KeyError) as error:
                log.warning("the check starts over: %s cannot be read: %s", path, error)

    def left(self, records: Iterable[ObjectRecord]) -> list[ObjectRecord]:
        """Return what is still to be read, in its order."""
        chosen = [r for r in records if r.id > self._done or r.id in self._bad]
        return sorted(chosen, key=lambda record: record.id)

    def read(self, record: ObjectRecord, *, bad: bool) -> None:
        """Note that an object was read."""
        self._done = max(self._done, record.id)
        (self._bad.add if bad else self._bad.discard)(record.id)
        if time.monotonic() - self._noted_at > _NOTED_EVERY:
            self.write()

    def write(self) -> None:
        """Write the notes down."""
        self._noted_at = time.monotonic()
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps({"done": self._done, "bad": sorted(self._bad)}))
            temporary.replace(self._path)
        except OSError as error:
            log.warning("how far the check came cannot be noted: %s", error)

    def forget(self) -> None:
        """Remove the notes: everything was read."""
        if self._path is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("the notes of the check cannot be removed: %s", error)


class _Check:
    def __init__(self, store: Store, progress: Progress) -> None:
        self.report = CheckReport()
        self._store = store
        self._progress = progress
        self._known = {record.key: record for record in store.catalog.list_objects()}
        self.live = [record for record in self._known.values() if record.state in _READABLE]
        self._seen: set[Digest] = set()

    def compare(self) -> None:
        """Compare the rows of objects with what lies in the object store."""
        report = self.report
        report.pending_objects = [
            key for key, record in self._known.items() if record.state is ObjectState.PENDING
        ]
        report.objects = len(self.live)
        report.bytes = sum(record.size for record in self.live)
        _check_presence(self._store, self._known, report)

    def read(self, records: list[ObjectRecord], notes: _Notes) -> None:
        """Read objects and verify every blob, several objects at once."""
        left = notes.left(records)
        self.report.skipped = len(self.live) - len(left)
        self._progress.start(len(left), sum(record.size for record in left))
        entered = self._store.catalog.fingerprints()
        try:
            for record, places, problems in self._each(left, entered):
                self.report.blobs += len(places)
                self.report.objects_read += 1
                self.report.bytes_read += record.size if places else 0
                self.report.problems += problems
                if len(self._seen) < _REMEMBERED:
                    self._seen.update(place.digest for place in places)
                notes.read(record, bad=bool(problems))
                self._progress.advance(1, record.size)
        except BaseException:
            notes.write()
            raise
        notes.forget()

    def _each(
        self, records: list[ObjectRecord], entered: dict[int, tuple[int, int]]
    ) -> Iterator[tuple[ObjectRecord, list[BlobPlace], list[Problem]]]:
        """Yield what is in each object and what is wrong with it, in order, a few ahead."""

        def check_object(
            record: ObjectRecord,
        ) -> tuple[ObjectRecord, list[BlobPlace], list[Problem]]:
            return record, *_check_object(self._store, record, entered.get(record.id, (0, 0)))

        at_once = _AT_ONCE_REMOTE if self._store.remote else _AT_ONCE
        rest = iter(records)
        with ThreadPoolExecutor(at_once, thread_name_prefix="artifacts-check") as pool:
            ahead = deque(pool.submit(check_object, r) for r in itertools.islice(rest, at_once))
            try:
                while ahead:
                    done = ahead.popleft().result()
                    if (following := next(rest, None)) is not None:
                        ahead.append(pool.submit(check_object, following))
                    yield done
            finally:
                for future in ahead:
                    future.cancel()

    def check_manifests(self) -> None:
        """Look for everything that a version needs."""
        _check_manifests(self._store, self.report, self._seen)


def _check_presence(store: Store, known: dict[str, ObjectRecord], report: CheckReport) -> None:
    sizes = dict(store.objects.list())
    sizes.pop(IDENTITY_KEY, None)
    backups = sorted(key for key in sizes if backup.is_backup(key))
    report.backup = backups[-1] if backups else None
    for key in backups:
        del sizes[key]
    report.unknown_objects = sorted(sizes.keys() - known.keys())
    for key, record in known.items():
        if record.state not in _READABLE:
            continue
        size = sizes.get(key)
        if size is None:
            report.problems.append(Problem("missing_object", key, "the object is missing"))
        elif size != record.size:
            detail = f"the object has {size} instead of {record.size} bytes"
            report.problems.append(Problem("wrong_size", key, detail))


def _check_object(
    store: Store, record: ObjectRecord, entered: tuple[int, int]
) -> tuple[list[BlobPlace], list[Problem]]:
    """Read an object and verify every blob in it.

    Args:
        entered: Fingerprint of the catalog's rows for it.

    Returns:
        Its blobs, and what is wrong with them.
    """
    places: list[BlobPlace] = []
    try:
        if record.kind is ObjectKind.LOOSE:
            places = [read_loose(store.objects, record.key, record.size)]
            intact = True
        elif record.digest is not None:
            with store.objects.open(record.key) as file:
                data = memoryview(file.read())
            places = packs.read_index(lambda start, n: data[start : start + n], len(data))
            intact = hash_bytes(data) == record.digest
        else:
            places = reading.read_pack_index(store.objects, record.key, record.size)
            intact = False
        if fingerprint(places) != entered:
            raise IntegrityError("what the object says of itself does not agree with the catalog")
        # Who hashes the whole need not look at its parts.
        return places, [] if intact else _damaged_in_pack(store, record.key, places)
    except ObjectNotFoundError:
        return [], []  # reported by _check_presence
    except ArtifactsError as error:
        return places, [Problem("damaged_object", record.key, error.message)]


def _damaged_in_pack(store: Store, key: str, places: list[BlobPlace]) -> list[Problem]:
    problems = []
    for span in reading.read_spans(store.objects, (BlobLocation(key, *p) for p in places)):
        for location, stored in span:
            try:
                reading.checked(location, stored)
            except IntegrityError:
                detail = f"blob {format_digest(location.digest)} is damaged"
                problems.append(Problem("damaged_blob", key, detail))
    return problems


def _check_manifests(store: Store, report: CheckReport, seen: set[Digest]) -> None:
    """Read every manifest and look for every blob that it names.

    Args:
        seen: Blobs that need not be looked for.
    """
    manifests = store.catalog.live_manifests()
    report.versions = sum(len(names) for names in manifests.values())
    report.manifests = len(manifests)
    broken = store.catalog.broken_versions()
    for digest, names in manifests.items():
        where = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")  # noqa: PLR2004 - enough
        if digest in broken:
            report.problems.append(Problem("broken_version", where, broken[digest]))
            continue
        try:
            data = store.read_blob(digest)
            needed = {e.digest for e in iter_entries([data]) if e.reference is None}
        except ArtifactsError as error:
            report.problems.append(Problem("damaged_manifest", where, error.message))
            continue
        missing = store.find(needed - seen)[1]
        if missing:
            detail = f"{len(missing)} blob(s) are missing, such as {_example(missing)}"
            report.problems.append(Problem("missing_blob", where, detail))


def _example(digests: Iterable[Digest]) -> str:
    return format_digest(min(digests))


def digest_of_loose(key: str) -> Digest:
    """Return the digest that the key of a loose object names.

    Raises:
        InvalidInputError: It is not such a key.
    """
    return parse_digest(f"blake3:{key.rpartition('/')[2].partition('.')[0]}")


def read_loose(objects: ObjectStore, key: str, size: int) -> BlobPlace:
    """Identify a loose object by its name, and verify that by reading it."""
    digest = digest_of_loose(key)
    if not key.endswith(".zst"):
        with objects.open(key) as file:
            found, _ = copying.hash_all(copying.pieces_of(file))
        if found != digest:
            raise IntegrityError(f"object {key} is damaged")
        return BlobPlace(digest, size, 0, size)
    with objects.open(key) as file:
        stored = file.read()
    location = BlobLocation(key, digest, packs.raw_size(stored), 0, size, Encoding.ZSTD)
    reading.checked(location, stored)
    return BlobPlace(digest, location.size, 0, size, Encoding.ZSTD)
