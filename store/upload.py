"""Blobs on their way into a store: claim, pack, upload. The commit is in `store`.

The caller's thread reads and hashes; one worker thread asks the catalog what is missing, collects
small blobs into packs, and writes. What the store has already is not written again. Nothing is
visible before the commit; whatever a killed writer leaves is in state ``pending`` under a lease.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import weakref
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import keys, packs
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ArtifactsError, IntegrityError, StorageError
from artifacts.store.objects import ObjectStore, StagedFile
from artifacts.store.packing import PackFile, StoredBlob, write_pieces
from artifacts.store.places import BlobPlace, Encoding
from artifacts.store.records import LeaseKind, ObjectDraft, ObjectKind
from artifacts.store.staging import StagingFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from artifacts.store.catalog import Catalog
    from artifacts.store.digests import Digest
    from artifacts.store.leases import LeaseKeeper
    from artifacts.store.manifest import Manifest
    from artifacts.store.resume import UploadNotes
    from artifacts.store.statcache import FileStat

log = logging.getLogger(__name__)

PACK_THRESHOLD = 256 * 1024
"""Blobs up to this many bytes go into packs."""

PACK_TARGET = 32 << 20
"""A pack is closed when it holds this many bytes."""

_LARGE = PACK_TARGET + (1 << 20)
"""Objects from this size on may be sent in parts, which outlive an interruption."""

# From so many unknown digests on it pays to read the base version's manifest.
_BASE_FROM = 512
# What is handed to the worker at once. Four such batches are in memory at most; what it has
# written is not.
_BATCH_BYTES = 8 << 20
_BATCH_COUNT = 4096
_STAGED_COUNT = 64
_STAGED_BYTES = 1 << 30
_JOBS_WAITING = 2
_WRITERS = 4  # of large objects: most of the time goes into waiting for the disk


class BaseVersion(NamedTuple):
    """A live version and all its blobs, its manifest included."""

    version_id: int
    digests: set[Digest]


class _Staged(NamedTuple):
    digest: Digest
    size: int
    path: Path
    length: int
    encoding: Encoding
    stored_digest: Digest  # of what lies in the file
    stat: FileStat | None = None  # of a file that is the user's, and stays

    def discard(self) -> None:
        if self.stat is None:
            self.path.unlink()


class Upload:
    """One writer's session. Not thread-safe: its owner serializes the calls.

    Args:
        staging: Folder on the file system of the objects, for files that are being made.
        leases: Renews this upload's lease until it ends.
        base: Returns a version whose blobs are taken to exist without asking, because the commit
            makes sure that it is still there. Called when there is much to ask about.
        notes: With them an upload that is interrupted can be gone on with, by the next one.
        writers: How many packs are stored at once.
    """

    def __init__(
        self,
        catalog: Catalog,
        objects: ObjectStore,
        staging: Path,
        leases: LeaseKeeper,
        *,
        base: Callable[[], BaseVersion | None] | None = None,
        notes: UploadNotes | None = None,
        writers: int = 1,
    ) -> None:
        self.base: BaseVersion | None = None
        self.new_bytes = 0
        self._load_base = base
        self._catalog = catalog
        self._objects = objects
        self._staging_parent = staging
        self._staging: StagingFolder | None = None
        self._staging_lock = threading.Lock()
        self._leases = leases
        self._lease: str | None = None
        self._notes = notes
        self._interrupted = notes  # until it is known whether there is something to go on with
        self._pack_writers = writers
        # Digests that need no upload (any more). The worker adds to it; a reader that misses an
        # addition only hands over a blob that the worker then drops.
        self._known: set[Digest] = set()
        self._claimed: set[int] = set()
        self._uploaded = 0
        self._reserved: set[str] = set()  # keys that the lease holds
        # Keys of large objects that an interrupted upload began, by what is to be under them.
        self._begun: dict[Digest, str] = {}
        # Collected by the caller, not yet handed over.
        self._small: dict[Digest, StoredBlob] = {}
        self._small_bytes = 0
        self._staged: dict[Digest, _Staged] = {}
        self._staged_bytes = 0
        # The worker's.
        self._pack: PackFile | None = None
        self._writes: deque[Future[None]] = deque()
        # Threads of an upload that is larger than what `finish` stores at once.
        self._worker: ThreadPoolExecutor | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._jobs: deque[Future[None]] = deque()
        self._failed = False
        self._noting = threading.Lock()

    # -- adding, by the caller

    def claim(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return which blobs need no upload, because the store or this upload has them."""
        self._wait()
        wanted = set(digests)
        unknown = wanted - self._known - self._small.keys() - self._staged.keys()
        if len(unknown) >= _BASE_FROM and self._load_base is not None:
            self.base, self._load_base = self._load_base(), None
            if self.base is not None:
                self._known |= self.base.digests
                unknown -= self.base.digests
        return wanted - self._missing(unknown)

    def claim_base(self) -> None:
        """Stop relying on the base version, which was deleted; `claim` asks about its blobs."""
        if self.base is not None:
            self._known -= self.base.digests
            self.base = None

    def add(self, data: bytes, digest: Digest) -> None:
        """Add a blob that is in memory."""
        if digest not in self._known and digest not in self._small:
            self._add(StoredBlob(digest, len(data), data, Encoding.IDENTITY))

    def add_staged(self, path: Path, digest: Digest, size: int) -> None:
        """Add a blob that lies in a file made at `new_path`, and belongs to the upload now."""
        self._add_staged(_Staged(digest, size, path, size, Encoding.IDENTITY, digest))

    def add_in_place(self, path: Path, digest: Digest, stat: FileStat) -> None:
        """Add a blob that lies in a file of the user's, which is stored from where it is.

        Args:
            stat: What the file looked like when it was hashed. If it looks otherwise when it was
                stored, the upload fails.
        """
        size = stat.size
        self._add_staged(_Staged(digest, size, path, size, Encoding.IDENTITY, digest, stat))

    def add_object(self, draft: ObjectDraft, path: Path, stat: FileStat | None = None) -> None:
        """Add an object that is complete in a file, which stays; `claim` found none of its blobs.

        Args:
            draft: Under a new key.
            stat: As for `add_in_place`; None for a file of ours.
        """
        self._submit(lambda: self._store_object(draft, path, stat))

    def add_manifest(self, manifest: Manifest) -> None:
        """Add the manifest, compressed; it refers to blobs and so comes last."""
        if manifest.digest in self._known:
            return
        data = b"".join(manifest.chunks())
        self._add(StoredBlob(manifest.digest, len(data), *packs.compress(data)))

    def new_path(self) -> Path:
        """Return an unused path for a file that is to become a blob without another copy."""
        with self._staging_lock:  # the worker writes packs meanwhile
            if self._staging is None:
                self._staging = self._make_staging()
                # Also for an upload that is dropped without an end.
                self._cleanup = weakref.finalize(self, self._staging.close)
            return self._staging.new_path()

    def _make_staging(self) -> StagingFolder:
        return StagingFolder(self._staging_parent)

    def _add(self, blob: StoredBlob) -> None:
        if len(blob.stored) > PACK_THRESHOLD:
            path = self.new_path()
            write_pieces(path, [blob.stored])
            self._add_staged(
                _Staged(
                    blob.digest,
                    blob.size,
                    path,
                    len(blob.stored),
                    blob.encoding,
                    hash_bytes(blob.stored),
                )
            )
            return
        self._small[blob.digest] = blob
        self._small_bytes += len(blob.stored)
        if self._small_bytes >= _BATCH_BYTES or len(self._small) >= _BATCH_COUNT:
            self._hand_over_small()

    def _add_staged(self, blob: _Staged) -> None:
        if blob.digest in self._known or blob.digest in self._staged:
            blob.discard()
            return
        self._staged[blob.digest] = blob
        self._staged_bytes += blob.length
        if self._staged_bytes >= _STAGED_BYTES or len(self._staged) >= _STAGED_COUNT:
            self._hand_over_staged()

    def _hand_over_small(self) -> None:
        blobs, self._small, self._small_bytes = self._small, {}, 0
        self._submit(lambda: self._store_small(blobs))

    def _hand_over_staged(self) -> None:
        blobs, self._staged, self._staged_bytes = self._staged, {}, 0
        self._submit(lambda: self._store_staged(blobs))

    def _submit(self, job: Callable[[], None]) -> None:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="artifacts-upload")
            self._writer = ThreadPoolExecutor(
                self._pack_writers, thread_name_prefix="artifacts-pack"
            )
        self._jobs.append(self._worker.submit(job))
        self._wait(_JOBS_WAITING)

    def _wait(self, jobs: int = 0) -> None:
        """Wait until at most so many jobs are left."""
        with self._unless_failed():
            while len(self._jobs) > jobs:
                self._jobs.popleft().result()

    @contextlib.contextmanager
    def _unless_failed(self) -> Iterator[None]:
        """Refuse to go on after a failure: what was in memory then is lost, and counts as known."""
        if self._failed:
            raise StorageError(
                "an earlier attempt to store these files has failed",
                hint="make a new artifact and add the files to it again",
                kind="upload_failed",
            )
        try:
            yield
        except BaseException:
            self._failed = True
            try:
                self.suspend()
            except ArtifactsError as error:
                log.warning("what a failed upload left has to wait for a collection: %s", error)
            raise

    # -- storing, by the worker; by the caller only while the worker has nothing to do

    def _missing(self, digests: set[Digest]) -> set[Digest]:
        """Claim blobs; return those that the store does not have."""
        if not digests:
            return digests
        self._take_over()
        digests = digests - self._known
        claim = self._catalog.claim(digests)
        self._known |= claim.present
        self._claimed |= claim.objects
        return digests - claim.present

    def _take_over(self) -> None:
        """Go on with an upload that was interrupted, once and if there is one."""
        notes, self._interrupted = self._interrupted, None
        if notes is None or self._lease is not None:
            return
        while (found := notes.find_abandoned()) is not None:
            keys = found.objects.keys() | found.begun.keys()
            taken = self._catalog.take_over(found.lease, frozenset(keys))
            if taken is not None:
                done = taken & found.objects.keys()
                log.info("going on with an upload that was interrupted: %d objects", len(done))
                self._leases.keep(found.lease)
                self._hold(found.lease)
                self._reserved |= taken
                self._uploaded += len(done)
                for key in done:
                    self._known |= found.objects[key]
                for key in taken - done:
                    self._begun |= dict.fromkeys(found.begun[key], key)
                return
            notes.close()

    def _store_small(self, blobs: dict[Digest, StoredBlob]) -> None:
        missing = self._missing(blobs.keys() - self._known)
        fresh = [blob for digest, blob in blobs.items() if digest in missing]
        if not fresh:
            return
        if self._pack is None:
            self._pack = PackFile(self.new_path())
        self._pack.add(fresh)
        self._known |= missing
        if self._pack.size >= PACK_TARGET:
            self._store_pack(self._pack)

    def _store_pack(self, pack: PackFile) -> None:
        self._pack = None
        draft = pack.finish()
        self._reserve([draft])
        if self._writer is None:
            self._put(draft, pack.path)
            self._uploaded += 1
        else:
            # Others wait for the disk or the network while the next pack grows.
            self._writes.append(self._writer.submit(self._put, draft, pack.path))
            self._collect_writes(max(self._pack_writers - 1, 1))

    def _collect_writes(self, waiting: int) -> None:
        """Wait until no more packs than ``waiting`` are being written."""
        while len(self._writes) > waiting:
            self._writes.popleft().result()
            self._uploaded += 1

    def _store_staged(self, blobs: dict[Digest, _Staged]) -> None:
        missing = self._missing(blobs.keys() - self._known)
        drafts = []
        for digest, blob in blobs.items():
            if digest in missing:
                drafts.append((self._continued(_loose_draft(blob)), blob))
            else:
                blob.discard()
        if not drafts:
            return
        self._reserve([draft for draft, _ in drafts])

        def store(draft: ObjectDraft, blob: _Staged) -> None:
            self._put(draft, blob.path, keep=blob.stat is not None, stat=blob.stat)

        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="artifacts-put") as writers:
            for put in [writers.submit(store, *each) for each in drafts]:
                put.result()
                self._uploaded += 1
        self._known |= missing

    def _store_object(self, draft: ObjectDraft, path: Path, stat: FileStat | None) -> None:
        draft = self._continued(draft)
        self._reserve([draft])
        self._known.update(place.digest for place in draft.blobs)
        assert self._writer is not None  # made with this thread
        self._writes.append(self._writer.submit(self._put, draft, path, keep=True, stat=stat))
        self._collect_writes(self._pack_writers)

    def _reserve(self, drafts: list[ObjectDraft]) -> None:
        if self._lease is None:
            lease = self._leases.open(LeaseKind.UPLOAD)
            if self._notes is not None:
                self._notes.start(lease)
            self._hold(lease)
        assert self._lease is not None
        new = [draft for draft in drafts if draft.key not in self._reserved]
        if new:
            self._catalog.reserve(self._lease, new)
            self._reserved.update(draft.key for draft in new)
        self.new_bytes += sum(draft.size for draft in drafts)

    def _continued(self, draft: ObjectDraft) -> ObjectDraft:
        """Return the draft under the key of an interrupted upload, if that began the same object.

        What is compressed may come out otherwise than it did then.
        """
        [place, *others] = draft.blobs
        if others or place.encoding is not Encoding.IDENTITY:
            return draft
        key = self._begun.pop(place.digest, None)
        return draft if key is None else replace(draft, key=key)

    def _drop_begun(self) -> None:
        """Give up the objects that an interrupted upload began and this one does not need."""
        if self._begun and self._lease is not None:
            self._reserved -= set(self._begun.values())
            self._begun = {}
            if self._catalog.take_over(self._lease, frozenset(self._reserved)) is None:
                log.info("the lease of this upload was ended")  # the commit finds that out, too

    def _hold(self, lease: str) -> None:
        """Use a lease, which is renewed until the upload ends or is dropped without an end."""
        self._lease = lease
        weakref.finalize(self, self._leases.drop, lease)
        if self._notes is not None:
            weakref.finalize(self, self._notes.leave)

    def _put(
        self, draft: ObjectDraft, path: Path, *, keep: bool = False, stat: FileStat | None = None
    ) -> None:
        """Store an object; its file is used up unless it is to be kept.

        Raises:
            IntegrityError: The file does not look as ``stat`` says any more.
        """
        source = (lambda: path.open("rb")) if keep else StagedFile(path)
        if stat is not None:
            check_unchanged(path, stat)
        if self._notes is not None and draft.size >= _LARGE:
            with self._noting:
                self._notes.begun(draft)
        try:
            self._objects.put(draft.key, source, size=draft.size)
        except StorageError:
            if stat is not None:
                check_unchanged(path, stat)  # the reason, if it is not what it was
            raise
        if stat is not None:
            check_unchanged(path, stat)  # what was stored is what was hashed
        if self._notes is not None:
            with self._noting:
                self._notes.finished(draft)
        if not keep:
            path.unlink(missing_ok=True)  # a local object store has moved it away

    # -- ending, by the caller

    def finish(self) -> None:
        """Store what is still in memory, and wait until everything is durable.

        Raises:
            StorageError: The object store failed; nothing was committed.
        """
        self._wait()
        with self._unless_failed():
            if self._staged:
                staged, self._staged, self._staged_bytes = self._staged, {}, 0
                self._store_staged(staged)
            if self._small:
                small, self._small, self._small_bytes = self._small, {}, 0
                self._store_small(small)
            if self._pack is not None:
                self._store_pack(self._pack)
            self._collect_writes(0)
            self._drop_begun()

    @property
    def lease(self) -> str | None:
        """The lease under which objects were reserved, or None if there are none."""
        return self._lease

    @property
    def claimed(self) -> frozenset[int]:
        """Ids of the objects that hold blobs which the store had already."""
        return frozenset(self._claimed)

    @property
    def uploaded(self) -> int:
        """How many objects were stored: a commit is refused if more were reserved."""
        return self._uploaded

    def close(self) -> None:
        """Free thread, memory and temporary files. After a commit there is nothing else to do."""
        for pool in (self._worker, self._writer):
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)
        self._worker = self._writer = None
        self._writes.clear()
        if self._staging is not None:
            self._staging.close()
            self._staging = None
        self._jobs.clear()
        self._small, self._staged, self._pack = {}, {}, None
        if self._lease is not None:
            self._leases.drop(self._lease)
        if self._notes is not None:
            self._notes.close()

    def suspend(self) -> None:
        """End without a commit, so that a later upload can go on where that is possible."""
        if self._notes is None:
            self.abandon()
            return
        self._notes.leave()
        self.close()

    def abandon(self) -> None:
        """Undo everything: the upload will not be committed."""
        self.close()
        if self._lease is not None:
            lease, self._lease = self._lease, None
            give_up(self._catalog, self._objects, lease)


def check_unchanged(path: Path, stat: FileStat) -> None:
    """Make sure that a file of the user's is as it was when it was hashed.

    Raises:
        IntegrityError: It is not.
    """
    try:
        same = stat.matches(os.stat(path))
    except OSError:
        same = False
    if not same:
        raise IntegrityError(
            f"{path} was changed or removed before it was stored",
            hint="log it with policy='mutable', which takes a snapshot first",
            kind="file_changed",
        )


def give_up(catalog: Catalog, objects: ObjectStore, lease: str) -> None:
    """End an upload without a commit, and delete what it has stored."""
    doomed = catalog.abandon(lease)
    objects.delete(doomed)
    catalog.forget(doomed)


def _loose_draft(blob: _Staged) -> ObjectDraft:
    key = keys.new_loose_key(blob.digest, blob.encoding)
    place = BlobPlace(blob.digest, blob.size, 0, blob.length, blob.encoding)
    return ObjectDraft(key, ObjectKind.LOOSE, blob.length, (place,), blob.stored_digest)
