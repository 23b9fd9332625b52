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
from typing import TYPE_CHECKING, Any

import orjson

from artifacts.store import filesystems, keys, packs, reading
from artifacts.store.digests import Digest, format_digest, parse_digest
from artifacts.store.errors import ConflictError, FormatError, IntegrityError, from_os_error
from artifacts.store.manifest import Manifest
from artifacts.store.objects import LocalObjects
from artifacts.store.records import (
    BlobLocation,
    BlobPlace,
    Encoding,
    ObjectDraft,
    ObjectKind,
    VersionDraft,
)
from artifacts.store.staging import StagingFolder
from artifacts.store.upload import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store

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


class Snapshot(Upload):
    """An upload whose objects stay on this machine until they are delivered.

    Args:
        base: As for `store.Store.upload`.
    """

    def __init__(self, store: Store, base: Callable[[], VersionRecord | None]) -> None:
        super().__init__(
            store.catalog,
            store.objects,
            store.outbox,
            store.leases,
            base=lambda: store.load_base(base()),
        )
        self._kept: list[tuple[ObjectDraft, str]] = []

    def _make_staging(self) -> StagingFolder:
        return StagingFolder(self._staging_parent, keep=_ENTRY)

    def _reserve(self, drafts: list[ObjectDraft]) -> None:
        self.new_bytes += sum(draft.size for draft in drafts)

    def _put(self, draft: ObjectDraft, path: Path, *, keep: bool = False) -> None:
        filesystems.sync(path)
        with self._noting:
            self._kept.append((draft, path.name))

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
            "objects": [_described(kept, name) for kept, name in self._kept],
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
        self._folder.close()
        return result

    def leave(self) -> None:
        """Leave the delivery to `pending` and another attempt."""
        self._folder.leave()

    def discard(self) -> None:
        """Give the version up."""
        self._folder.close()

    def _upload(
        self, store: Store, draft: VersionDraft, objects: list[tuple[ObjectDraft, Path]]
    ) -> tuple[VersionRecord, bool]:
        manifest = Manifest.parse([self._manifest(store, draft.digest, objects)])
        upload = store.upload(lambda: store.latest(draft.entity, draft.project, draft.name))
        try:
            here = {place.digest for kept, _ in objects for place in kept.blobs}
            needed = {entry.digest for entry in manifest if entry.reference is None}
            present = upload.claim(needed | here | {draft.digest})
            for kept, path in objects:
                _add(upload, kept, path, present)
            return store.commit(draft, upload, manifest)
        except BaseException:
            upload.suspend()
            raise

    def _manifest(
        self, store: Store, digest: Digest, objects: list[tuple[ObjectDraft, Path]]
    ) -> bytes:
        for kept, path in objects:
            for place in kept.blobs:
                if place.digest == digest:
                    return bytes(_read(path, place))
        return store.read_blob(digest)

    def _into_cache(self, store: Store, objects: list[tuple[ObjectDraft, Path]]) -> None:
        if store.cache is None:
            return
        from artifacts.store.sources import cache_may_fail

        for kept, path in objects:
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


def _add(upload: Upload, kept: ObjectDraft, path: Path, present: set[Digest]) -> None:
    """Add what the store lacks of an object: all of it as it is, or its blobs one by one."""
    missing = [place for place in kept.blobs if place.digest not in present]
    if len(missing) == len(kept.blobs):
        upload.add_object(kept, path)
        return
    for place in missing:
        upload.add(bytes(_read(path, place)), place.digest)


def _read(path: Path, place: BlobPlace) -> bytes | memoryview:
    objects = LocalObjects(path.parent)
    return reading.read_blob(objects, BlobLocation(path.name, *place))


def _described(kept: ObjectDraft, name: str) -> dict[str, Any]:
    # The blobs of a pack are in its own index.
    loose = kept.blobs[0] if kept.kind is ObjectKind.LOOSE else None
    return {
        "file": name,
        "kind": kept.kind.value,
        "size": kept.size,
        "digest": None if kept.digest is None else format_digest(kept.digest),
        "blob": loose and [format_digest(loose.digest), loose.size, int(loose.encoding)],
    }


def _object_of(folder: Path, said: dict[str, Any]) -> tuple[ObjectDraft, Path]:
    """Return an object under a new key: a key is never used twice."""
    path = folder / Path(said["file"]).name
    size = int(said["size"])
    if not path.exists() or path.stat().st_size != size:
        raise IntegrityError(f"{path} is not as it was written", kind="outbox_damaged")
    digest = None if said["digest"] is None else parse_digest(said["digest"])
    if said["kind"] == ObjectKind.LOOSE.value:
        text, raw, encoding = said["blob"]
        place = BlobPlace(parse_digest(text), raw, 0, size, Encoding(encoding))
        return ObjectDraft(
            keys.new_loose_key(place.digest, place.encoding),
            ObjectKind.LOOSE,
            size,
            (place,),
            digest,
        ), path
    with path.open("rb") as file:
        places = packs.read_index(lambda start, n: os.pread(file.fileno(), n, start), size)
    return ObjectDraft(keys.new_pack_key(), ObjectKind.PACK, size, tuple(places), digest), path


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
    return VersionDraft(**said)
