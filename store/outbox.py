"""Versions that are complete on this machine and on their way to a remote store.

Logging to a remote store does not wait for the network: what is logged is snapshotted into a
folder of its own, as packs and large objects like those that go into a store, and a thread brings
it there. The folder is removed after the commit. If the process is killed before, `pending` finds
the folder, and `Delivery.run` finishes the job.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson

from artifacts.store import copying, filesystems, keys, packs, reading
from artifacts.store.digests import Digest, format_digest, parse_digest
from artifacts.store.errors import (
    ConflictError,
    FormatError,
    IntegrityError,
    StorageError,
    from_os_error,
    is_lost,
)
from artifacts.store.manifest import Manifest
from artifacts.store.objects import LocalObjects
from artifacts.store.places import BlobLocation, BlobPlace, Encoding
from artifacts.store.records import (
    DerivationKind,
    ObjectDraft,
    ObjectKind,
    Source,
    VersionDraft,
)
from artifacts.store.staging import StagingFolder
from artifacts.store.statcache import FileStat
from artifacts.store.upload import Upload, check_unchanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store

T = TypeVar("T")

log = logging.getLogger(__name__)

_ENTRY = "entry.json"
_FORMAT = 1
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that waits for its delivery.

    Attributes:
        path: Its folder.
        draft: What is to be committed.
        since: Microseconds since 1970, by this machine's clock.
        size: Bytes that wait.
    """

    path: Path
    draft: VersionDraft
    since: int
    size: int


class _Kept(NamedTuple):
    draft: ObjectDraft
    file: str  # name in the snapshot's folder, or the path of a file that is the user's
    stat: FileStat | None  # of such a file


class _Ready(NamedTuple):
    draft: ObjectDraft
    path: Path
    stat: FileStat | None


class Snapshot(Upload):
    """An upload whose objects stay on this machine until they are delivered.

    Args:
        base: As for `store.Store.upload`.
    """

    def __init__(self, store: Store, base: Callable[[], VersionRecord | None]) -> None:
        self._cut_off = False
        super().__init__(
            store.catalog,
            store.objects,
            store.outbox,
            store.leases,
            base=lambda: store.load_base(base()),
        )
        self._kept: list[_Kept] = []

    def _make_staging(self) -> StagingFolder:
        return StagingFolder(self._staging_parent, keep=_ENTRY)

    def _missing(self, digests: set[Digest]) -> set[Digest]:
        return self._ask(lambda: super(Snapshot, self)._missing(digests), digests - self._known)

    def _ask(self, question: Callable[[], T], otherwise: T) -> T:
        """Ask the store what it has; if it is out of reach, everything is kept here."""
        if self._cut_off:
            return otherwise
        try:
            return question()
        except StorageError as error:
            if not is_lost(error):
                raise
            log.warning("the store cannot be reached, all that is logged is kept here: %s", error)
            self._cut_off = True
            return otherwise

    def _reserve(self, drafts: list[ObjectDraft]) -> None:
        self.new_bytes += sum(draft.size for draft in drafts)

    def _put(
        self, draft: ObjectDraft, path: Path, *, keep: bool = False, stat: FileStat | None = None
    ) -> None:
        if stat is None:
            try:
                filesystems.sync(path)
            except OSError as error:
                raise from_os_error(error, f"write {path}") from error
        with self._noting:
            self._kept.append(_Kept(draft, path.name if stat is None else str(path), stat))

    def seal(self, draft: VersionDraft) -> Delivery:
        """Make what was collected durable, so that it is delivered whatever happens.

        Returns:
            What remains to be done; the snapshot is at its end.
        """
        self.finish()
        path = self.new_path().parent
        entry = {
            "format": _FORMAT,
            "since": time.time_ns() // 1000,
            "draft": asdict(draft) | {"digest": format_digest(draft.digest)},
            "objects": [_described(*kept) for kept in self._kept],
        }
        try:
            temporary = path / f"{_ENTRY}.new"
            temporary.write_bytes(orjson.dumps(entry))
            filesystems.sync(temporary)
            temporary.replace(path / _ENTRY)
            filesystems.sync(path)
        except OSError as error:
            raise from_os_error(error, f"write to {path}") from error
        folder, self._staging = self._staging, None
        assert folder is not None  # new_path made it
        self._cleanup.detach()
        self.close()
        return Delivery(folder)

    def abandon(self) -> None:
        self.close()


class Delivery:
    """Brings one version to its store.

    Args:
        folder: Locked by this process.
    """

    def __init__(self, folder: StagingFolder) -> None:
        self._folder = folder

    @classmethod
    def take(cls, waiting: Waiting) -> Delivery | None:
        """Take over a delivery of a process that is gone; None if somebody is at it."""
        folder = StagingFolder.take(waiting.path)
        if folder is None or not (waiting.path / _ENTRY).exists():
            return None
        return cls(folder)

    def run(self, store: Store) -> tuple[VersionRecord, bool]:
        """Upload what the store lacks, and commit.

        Returns:
            The version, and whether it is new. Its folder is gone, its blobs are in the cache.

        Raises:
            ConflictError: Blobs that the store had when they were logged were collected since.
            StorageError: The store could not be reached; the delivery can be run again.
        """
        entry = _read_entry(self._folder.path)
        draft = _draft_of(entry)
        objects = [_object_of(self._folder.path, said) for said in entry["objects"]]
        for attempt in range(_ATTEMPTS):
            try:
                result = self._upload(store, draft, objects)
                break
            except ConflictError as error:
                # The machine slept for so long that its lease was ended: claim everything again.
                if error.kind != "upload_expired" or attempt + 1 == _ATTEMPTS:
                    raise
        self._into_cache(store, objects)
        self.discard()
        return result

    def leave(self) -> None:
        """Leave the delivery to `pending` and another attempt."""
        self._folder.leave()

    def discard(self) -> None:
        """Remove what waits here: it was delivered, or is given up."""
        # First: of a folder without it nothing is expected, should this process be killed now.
        (self._folder.path / _ENTRY).unlink(missing_ok=True)
        self._folder.close()

    def _upload(
        self, store: Store, draft: VersionDraft, objects: list[_Ready]
    ) -> tuple[VersionRecord, bool]:
        manifest = Manifest.parse([self._manifest(store, draft.digest, objects)])
        upload = store.upload(lambda: store.latest(draft.entity, draft.project, draft.name))
        try:
            here = {place.digest for ready in objects for place in ready.draft.blobs}
            needed = {entry.digest for entry in manifest if entry.reference is None}
            present = upload.claim(needed | here | {draft.digest})
            for ready in objects:
                _add(upload, ready, present)
            return store.commit(draft, upload, manifest)
        except BaseException:
            upload.suspend()
            raise

    def _manifest(self, store: Store, digest: Digest, objects: list[_Ready]) -> bytes:
        for kept, path, _ in objects:
            for place in kept.blobs:
                if place.digest == digest:
                    return bytes(_read(path, place))
        return store.read_blob(digest)

    def _into_cache(self, store: Store, objects: list[_Ready]) -> None:
        if store.cache is None:
            return
        from artifacts.store.keeping import cache_may_fail

        for kept, path, stat in objects:
            if stat is not None:
                continue  # it is on this machine anyway, and stays the user's
            with cache_may_fail():
                if kept.kind is ObjectKind.PACK:
                    store.cache.adopt_pack(path, kept.blobs)
                elif kept.blobs[0].encoding is Encoding.IDENTITY:
                    store.cache.adopt(path, kept.blobs[0].digest, kept.size)


def pending(store: Store) -> list[Waiting]:
    """Return what waits for its delivery, oldest first; also what is being delivered right now."""
    folder = store.outbox
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # delivered meanwhile
            try:
                entry = _read_entry(path)
            except FormatError as error:
                # It must not keep the others from being delivered.
                log.warning("%s", error.message)
                continue
            size = sum(said["size"] for said in entry["objects"])
            found.append(Waiting(path, _draft_of(entry), entry["since"], size))
    return sorted(found, key=lambda waiting: waiting.since)


def _add(upload: Upload, ready: _Ready, present: set[Digest]) -> None:
    """Add what the store lacks of an object: all of it as it is, or its blobs one by one."""
    kept, path, stat = ready
    missing = [place for place in kept.blobs if place.digest not in present]
    if len(missing) == len(kept.blobs):
        upload.add_object(kept, path, stat)
        return
    for place in missing:
        upload.add(bytes(_read(path, place)), place.digest)


def _read(path: Path, place: BlobPlace) -> bytes | memoryview:
    objects = LocalObjects(path.parent)
    return reading.read_blob(objects, BlobLocation(path.name, *place))


def _described(kept: ObjectDraft, file: str, stat: FileStat | None) -> dict[str, Any]:
    # The blobs of a pack are in its own index.
    loose = kept.blobs[0] if kept.kind is ObjectKind.LOOSE else None
    return {
        "file": file,
        "stat": stat and list(stat),
        "kind": kept.kind.value,
        "size": kept.size,
        "digest": None if kept.digest is None else format_digest(kept.digest),
        "blob": loose and [format_digest(loose.digest), loose.size, int(loose.encoding)],
    }


def _object_of(folder: Path, said: dict[str, Any]) -> _Ready:
    """Return an object under a new key: a key is never used twice."""
    stat = None if said.get("stat") is None else FileStat(*map(int, said["stat"]))
    path = folder / Path(said["file"]).name if stat is None else Path(said["file"])
    size = int(said["size"])
    if stat is not None:
        stat = _unchanged(path, stat, parse_digest(said["digest"]))
    elif not path.exists() or path.stat().st_size != size:
        raise IntegrityError(f"{path} is not as it was written", kind="outbox_damaged")
    digest = None if said["digest"] is None else parse_digest(said["digest"])
    if said["kind"] == ObjectKind.LOOSE.value:
        text, raw, encoding = said["blob"]
        place = BlobPlace(parse_digest(text), raw, 0, size, Encoding(encoding))
        key = keys.new_loose_key(place.digest, place.encoding)
        return _Ready(ObjectDraft(key, ObjectKind.LOOSE, size, (place,), digest), path, stat)
    with path.open("rb") as file:
        places = packs.read_index(lambda start, n: os.pread(file.fileno(), n, start), size)
    pack = ObjectDraft(keys.new_pack_key(), ObjectKind.PACK, size, tuple(places), digest)
    return _Ready(pack, path, None)


def _unchanged(path: Path, stat: FileStat, digest: Digest) -> FileStat:
    """Return what a file of the user's looks like now, if it still holds the same bytes."""
    try:
        check_unchanged(path, stat)
    except IntegrityError:
        # A reboot may have given its device another number: the bytes decide.
        try:
            with path.open("rb") as file:
                stat = FileStat.of(os.fstat(file.fileno()))
                same = copying.hash_file(file.fileno())[0] == digest
        except FileNotFoundError:
            same = False
        except OSError as error:
            raise from_os_error(error, f"read {path}") from error
        if not same:
            raise
    return stat


def _read_entry(path: Path) -> dict[str, Any]:
    try:
        entry = orjson.loads((path / _ENTRY).read_bytes())
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    except ValueError as error:
        raise FormatError(f"{path / _ENTRY} is damaged", kind="outbox_damaged") from error
    if entry.get("format") != _FORMAT:
        raise FormatError(
            f"{path} was written by another version of artifacts",
            hint="finish it with that version: art sync",
            kind="store_too_new",
        )
    return dict(entry)


def _draft_of(entry: dict[str, Any]) -> VersionDraft:
    said = dict(entry["draft"])
    said["digest"] = parse_digest(said["digest"])
    for name in ("aliases", "tags"):
        said[name] = tuple(said[name])
    sources = [
        source | {"kind": DerivationKind(source["kind"])} for source in said.get("sources", ())
    ]
    said["sources"] = tuple(Source(**source) for source in sources)
    return VersionDraft(**said)
