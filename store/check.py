"""Compare catalog, manifests and objects, and rebuild blob rows from objects.

Checking reports and changes nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.store import collecting, copying, packs, reading
from artifacts.store.catalog import Catalog
from artifacts.store.digests import format_digest, hash_bytes, parse_digest
from artifacts.store.errors import (
    ArtifactsError,
    FormatError,
    IntegrityError,
    InvalidInputError,
    ObjectNotFoundError,
    StoreNotFoundError,
)
from artifacts.store.manifest import iter_entries
from artifacts.store.objects import LocalObjects
from artifacts.store.opening import (
    FORMAT,
    IDENTITY_KEY,
    catalog_path,
    objects_path,
    read_identity,
)
from artifacts.store.progress import Progress
from artifacts.store.records import (
    BlobLocation,
    BlobPlace,
    Encoding,
    ObjectDraft,
    ObjectKind,
    ObjectState,
    fingerprint,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts.store.digests import Digest
    from artifacts.store.objects import ObjectStore
    from artifacts.store.records import ObjectRecord
    from artifacts.store.store import Store

_REMEMBERED = 2_000_000
_READABLE = {ObjectState.LIVE, ObjectState.CONDEMNED}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    Attributes:
        kind: ``missing_object``, ``wrong_size``, ``damaged_blob``, ``damaged_object``,
            ``missing_blob`` or ``damaged_manifest``.
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
    """

    versions: int = 0
    manifests: int = 0
    objects: int = 0
    blobs: int = 0
    bytes: int = 0
    bytes_read: int = 0
    problems: list[Problem] = field(default_factory=list)
    unknown_objects: list[str] = field(default_factory=list)
    pending_objects: list[str] = field(default_factory=list)


def check(
    store: Store, *, read_data: bool = False, progress: Progress | None = None
) -> CheckReport:
    """Compare catalog, manifests and objects.

    Args:
        read_data: Read every stored byte and verify every digest.
    """
    with collecting.paused():
        return _check(store, progress or Progress(), read_data=read_data)


def _check(store: Store, progress: Progress, *, read_data: bool) -> CheckReport:
    report = CheckReport()
    known = {record.key: record for record in store.catalog.list_objects()}
    report.pending_objects = [k for k, r in known.items() if r.state is ObjectState.PENDING]
    live = [record for record in known.values() if record.state in _READABLE]
    report.objects = len(live)
    report.bytes = sum(record.size for record in live)
    _check_presence(store, known, report)
    seen: set[Digest] = set()
    if read_data:
        progress.start(len(live), report.bytes)
        seen = _check_data(store, live, report, progress)
    _check_manifests(store, report, seen)
    return report


def rebuild(location: str | Path, progress: Progress | None = None) -> tuple[int, int]:
    """Enter every object that the catalog does not know, from what the objects say themselves.

    The catalog is made anew if it is gone. Versions, aliases and runs are not in the objects;
    they come back from a backup of the catalog.

    Returns:
        How many objects, and how many blobs in them, were entered.

    Raises:
        StoreNotFoundError: There are no objects of a store.
    """
    root = Path(location)
    objects = LocalObjects(objects_path(root))
    identity = read_identity(objects)
    if identity is None:
        raise StoreNotFoundError(f"there are no objects of a store at {root}")
    progress = progress or Progress()
    catalog = Catalog.sqlite(catalog_path(root))
    try:
        catalog.identify(identity, FORMAT)
        known = {record.key for record in catalog.list_objects()}
        found = [info for info in objects.list() if info.key not in known]
        progress.start(len(found), sum(info.size for info in found))
        entered = blobs = 0
        for key, size in found:
            draft = _describe(objects, key, size)
            if draft is not None and catalog.adopt(draft):
                entered += 1
                blobs += len(draft.blobs)
            progress.advance(1, size)
        return entered, blobs
    finally:
        catalog.close()


def _check_presence(store: Store, known: dict[str, ObjectRecord], report: CheckReport) -> None:
    sizes = dict(store.objects.list())
    sizes.pop(IDENTITY_KEY, None)
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


def _check_data(
    store: Store, live: list[ObjectRecord], report: CheckReport, progress: Progress
) -> set[Digest]:
    """Read all objects and verify every blob; return the digests of (up to `_REMEMBERED`) blobs."""
    seen: set[Digest] = set()
    entered = store.catalog.fingerprints()

    def check_object(record: ObjectRecord) -> tuple[list[BlobPlace], list[Problem]]:
        return _check_object(store, record, entered.get(record.id, (0, 0)))

    # One reads while the other one hashes.
    with ThreadPoolExecutor(2, thread_name_prefix="artifacts-check") as pool:
        for record, (places, problems) in zip(live, pool.map(check_object, live), strict=True):
            report.blobs += len(places)
            report.bytes_read += record.size if places else 0
            report.problems += problems
            if len(seen) < _REMEMBERED:
                seen.update(place.digest for place in places)
            progress.advance(1, record.size)
    return seen


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
            places = [_read_loose(store.objects, record.key, record.size)]
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
    for digest, names in manifests.items():
        where = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")  # noqa: PLR2004 - enough
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


def _describe(objects: ObjectStore, key: str, size: int) -> ObjectDraft | None:
    """Return what an object says of itself, or None if it is not a sound object of a store."""
    try:
        if key.startswith("packs/"):
            places = tuple(reading.read_pack_index(objects, key, size))
            return ObjectDraft(key, ObjectKind.PACK, size, places)
        if key.startswith("blobs/"):
            return ObjectDraft(key, ObjectKind.LOOSE, size, (_read_loose(objects, key, size),))
    except (FormatError, IntegrityError, InvalidInputError):
        return None
    return None


def digest_of_loose(key: str) -> Digest:
    """Return the digest that the key of a loose object names.

    Raises:
        InvalidInputError: It is not such a key.
    """
    return parse_digest(f"blake3:{key.rpartition('/')[2].partition('.')[0]}")


def _read_loose(objects: ObjectStore, key: str, size: int) -> BlobPlace:
    """Identify a loose object by its name, and verify that by reading it."""
    digest = digest_of_loose(key)
    if not key.endswith(".zst"):
        with objects.open(key) as file:
            found, _ = copying.hash_all(copying.reader_of(file))
        if found != digest:
            raise IntegrityError(f"object {key} is damaged")
        return BlobPlace(digest, size, 0, size)
    with objects.open(key) as file:
        stored = file.read()
    location = BlobLocation(key, digest, packs.raw_size(stored), 0, size, Encoding.ZSTD)
    reading.checked(location, stored)
    return BlobPlace(digest, location.size, 0, size, Encoding.ZSTD)
