"""Blobs on their way into a store: claim, pack, upload. The commit is in `store`.

Small blobs are collected into packs, large ones become objects of their own. What the store has
already is not written again. Nothing is visible before the commit; whatever a killed writer
leaves is in state ``pending`` under a lease.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import packs
from artifacts.store.copying import write_all
from artifacts.store.errors import from_os_error
from artifacts.store.objects import ObjectStore, StagedFile
from artifacts.store.records import BlobPlace, Encoding, ObjectDraft, ObjectKind
from artifacts.store.staging import StagingFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from artifacts.store.catalog import Catalog
    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Manifest

PACK_THRESHOLD = 256 * 1024
"""Blobs up to this many bytes go into packs."""

PACK_TARGET = 32 << 20
"""A pack is closed when it holds this many bytes."""

_BASE_FROM = 512
_CLAIM_BYTES = 8 << 20
_CLAIM_COUNT = 4096
_STAGED_COUNT = 64
_STAGED_BYTES = 1 << 30
_IOV_MAX = 1024
_WORKERS = 4
# Packs are held in memory until they are written, files are not.
_PACKS_IN_FLIGHT = 2
_FILES_IN_FLIGHT = 16


class _Small(NamedTuple):
    digest: Digest
    size: int
    stored: bytes
    encoding: Encoding


class _Staged(NamedTuple):
    digest: Digest
    size: int
    path: Path
    length: int
    encoding: Encoding


class BaseVersion(NamedTuple):
    """A live version and all its blobs, its manifest included."""

    version_id: int
    digests: set[Digest]


class Upload:
    """One writer's session. Not thread-safe: its owner serializes the calls.

    Args:
        staging: Folder on the file system of the objects, for files that are being made.
        base: Returns a version whose blobs are taken to exist without asking, because the commit
            makes sure that it is still there. Called when there is much to ask about.
        holder: Who uploads, for people who wonder about an old lease.
    """

    def __init__(
        self,
        catalog: Catalog,
        objects: ObjectStore,
        staging: Path,
        *,
        base: Callable[[], BaseVersion | None] | None = None,
        holder: str | None = None,
    ) -> None:
        self.base: BaseVersion | None = None
        self._load_base = base
        self._catalog = catalog
        self._objects = objects
        self._staging_parent = staging
        self._staging: StagingFolder | None = None
        self._holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self._lease_id = secrets.token_hex(16)
        self._has_lease = False
        self._known: set[Digest] = set()
        self._claimed: set[int] = set()
        self._uploaded = 0
        self._unclaimed: dict[Digest, _Small] = {}
        self._unclaimed_bytes = 0
        self._staged: dict[Digest, _Staged] = {}
        self._staged_bytes = 0
        self._pack: list[_Small] = []
        self._pack_bytes = 0
        self._in_flight: deque[Future[None]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self.new_bytes = 0

    # -- adding

    def claim(self, digests: Iterable[Digest]) -> set[Digest]:
        """Return which blobs need no upload, because the store or this upload has them."""
        wanted = set(digests)
        unknown = wanted - self._known - self._unclaimed.keys() - self._staged.keys()
        if len(unknown) >= _BASE_FROM and self._load_base is not None:
            self.base, self._load_base = self._load_base(), None
            if self.base is not None:
                self._known |= self.base.digests
                unknown -= self.base.digests
        if unknown:
            claim = self._catalog.claim(unknown)
            self._known |= claim.present
            self._claimed |= claim.objects
            unknown -= claim.present
        return wanted - unknown

    def claim_base(self) -> None:
        """Stop relying on the base version, which was deleted; `claim` asks about its blobs."""
        if self.base is not None:
            self._known -= self.base.digests
            self.base = None

    def add(self, data: bytes, digest: Digest) -> None:
        """Add a blob that is in memory."""
        if len(data) > PACK_THRESHOLD:
            path = self.new_path()
            try:
                path.write_bytes(data)
            except OSError as error:
                raise from_os_error(error, "stage a blob") from error
            self.add_staged(path, digest, len(data))
        else:
            self._add_small(_Small(digest, len(data), data, Encoding.IDENTITY))

    def add_staged(self, path: Path, digest: Digest, size: int) -> None:
        """Add a blob that lies in a file made at `new_path`, and belongs to the upload now."""
        self._add_staged(_Staged(digest, size, path, size, Encoding.IDENTITY))

    def add_manifest(self, manifest: Manifest) -> None:
        """Add the manifest, compressed; it refers to blobs and so comes last."""
        if manifest.digest in self._known:
            return
        data = b"".join(manifest.chunks())
        stored, encoding = packs.compress(data)
        if len(stored) <= PACK_THRESHOLD:
            self._add_small(_Small(manifest.digest, len(data), stored, encoding))
            return
        path = self.new_path()
        try:
            path.write_bytes(stored)
        except OSError as error:
            raise from_os_error(error, "stage the manifest") from error
        self._add_staged(_Staged(manifest.digest, len(data), path, len(stored), encoding))

    def new_path(self) -> Path:
        """Return an unused path for a file that is to become a blob without another copy."""
        if self._staging is None:
            self._staging = StagingFolder(self._staging_parent)
        return self._staging.new_path()

    def _add_small(self, blob: _Small) -> None:
        digest = blob.digest
        if digest in self._known or digest in self._unclaimed:
            return
        self._unclaimed[digest] = blob
        self._unclaimed_bytes += len(blob.stored)
        if self._unclaimed_bytes >= _CLAIM_BYTES or len(self._unclaimed) >= _CLAIM_COUNT:
            self._claim_small()

    def _add_staged(self, blob: _Staged) -> None:
        if blob.digest in self._known or blob.digest in self._staged:
            blob.path.unlink()
            return
        self._staged[blob.digest] = blob
        self._staged_bytes += blob.length
        if self._staged_bytes >= _STAGED_BYTES or len(self._staged) >= _STAGED_COUNT:
            self._upload_staged()

    # -- uploading

    def _claim_small(self) -> None:
        blobs, self._unclaimed, self._unclaimed_bytes = self._unclaimed, {}, 0
        present = self.claim(blobs)
        for digest, blob in blobs.items():
            if digest not in present:
                self._pack.append(blob)
                self._pack_bytes += len(blob.stored)
                self._known.add(digest)
                if self._pack_bytes >= PACK_TARGET:
                    self._upload_pack()

    def _upload_pack(self) -> None:
        blobs, self._pack, self._pack_bytes = self._pack, [], 0
        places = packs.layout((b.digest, b.size, len(b.stored), b.encoding) for b in blobs)
        pieces = [b.stored for b in blobs if b.stored]
        pieces.append(packs.trailer(places))
        size = sum(map(len, pieces))
        name = secrets.token_hex(16)
        draft = ObjectDraft(f"packs/{name[:2]}/{name}", ObjectKind.PACK, size, tuple(places))
        self._count([draft])
        path = self.new_path()

        def upload() -> None:
            self._catalog.reserve(self._lease_id, [draft])
            _write_pieces(path, pieces)
            self._objects.put(draft.key, StagedFile(path), size=size)

        self._submit(upload, _PACKS_IN_FLIGHT)

    def _upload_staged(self) -> None:
        blobs, self._staged, self._staged_bytes = self._staged, {}, 0
        present = self.claim(blobs)
        missing = [blob for digest, blob in blobs.items() if digest not in present]
        for digest in present:
            blobs[digest].path.unlink()
        drafts = [_loose_draft(blob) for blob in missing]
        if drafts:
            self._count(drafts)
            self._catalog.reserve(self._lease_id, drafts)
        for blob, draft in zip(missing, drafts, strict=True):
            self._known.add(blob.digest)
            self._submit(self._put_job(draft, blob.path), _FILES_IN_FLIGHT)

    def _put_job(self, draft: ObjectDraft, path: Path) -> Callable[[], None]:
        def upload() -> None:
            self._objects.put(draft.key, StagedFile(path), size=draft.size)
            path.unlink(missing_ok=True)

        return upload

    def _count(self, drafts: list[ObjectDraft]) -> None:
        """Note that these objects are going to be reserved and uploaded."""
        if not self._has_lease:
            self._catalog.open_lease(self._lease_id, self._holder)
            self._has_lease = True
        self._uploaded += len(drafts)
        self.new_bytes += sum(draft.size for draft in drafts)

    def _submit(self, job: Callable[[], None], limit: int) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="artifacts-upload")
        self._in_flight.append(self._pool.submit(job))
        while len(self._in_flight) > limit:
            self._in_flight.popleft().result()

    # -- ending

    def finish(self) -> None:
        """Upload what is still in memory and wait until everything is durable.

        Raises:
            StorageError: The object store failed; nothing was committed.
        """
        if self._unclaimed:
            self._claim_small()
        if self._staged:
            self._upload_staged()
        if self._pack:
            self._upload_pack()
        while self._in_flight:
            self._in_flight.popleft().result()

    @property
    def lease(self) -> str | None:
        """The lease under which objects were reserved, or None if there are none."""
        return self._lease_id if self._has_lease else None

    @property
    def claimed(self) -> frozenset[int]:
        """Ids of the objects that hold blobs which the store had already."""
        return frozenset(self._claimed)

    @property
    def uploaded(self) -> int:
        """How many objects were reserved."""
        return self._uploaded

    def close(self) -> None:
        """Free threads and temporary files. After a commit there is nothing else to do."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        if self._staging is not None:
            self._staging.close()
            self._staging = None
        self._unclaimed, self._staged, self._pack = {}, {}, []

    def abandon(self) -> None:
        """Undo everything: the upload will not be committed."""
        self.close()
        if self._has_lease:
            keys = self._catalog.abandon(self._lease_id)
            self._has_lease = False
            self._objects.delete(keys)
            self._catalog.forget(keys)


def _loose_draft(blob: _Staged) -> ObjectDraft:
    text = blob.digest.hex()
    suffix = ".zst" if blob.encoding is Encoding.ZSTD else ""
    key = f"blobs/{text[:2]}/{text}.{secrets.token_hex(8)}{suffix}"
    place = BlobPlace(blob.digest, blob.size, 0, blob.length, blob.encoding)
    return ObjectDraft(key, ObjectKind.LOOSE, blob.length, (place,))


def _write_pieces(path: Path, pieces: list[bytes]) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            for start in range(0, len(pieces), _IOV_MAX):
                batch = pieces[start : start + _IOV_MAX]
                written = os.writev(descriptor, batch)
                if written != sum(map(len, batch)):
                    # Disk nearly full: the next write says so.
                    write_all(descriptor, b"".join(batch)[written:])
        finally:
            os.close(descriptor)
    except OSError as error:
        raise from_os_error(error, "write a pack") from error
