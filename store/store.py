"""A store: catalog and objects, kept consistent.

An embedded one is a folder::

    <root>/catalog.sqlite          the catalog; its transactions are the only commit points
    <root>/objects/store.json      which store these objects belong to
    <root>/objects/blobs, packs    the bytes
    <root>/staging/                files that are being made

Catalog and objects may each be elsewhere; then ``<root>/store.toml`` says where (`opening`).
"""

from __future__ import annotations

import contextlib
import itertools
from typing import IO, TYPE_CHECKING

from artifacts.store import collecting, opening, reading
from artifacts.store.backup import BackupKeeper
from artifacts.store.digests import format_digest
from artifacts.store.errors import (
    BlobNotFoundError,
    ConflictError,
    ObjectNotFoundError,
    StateError,
)
from artifacts.store.keeping import cache_may_fail
from artifacts.store.leases import LeaseKeeper
from artifacts.store.manifest import Manifest, digests_in
from artifacts.store.places import BlobLocation
from artifacts.store.resume import UploadNotes
from artifacts.store.sources import BlobSource, CachedSource, RemoteSource
from artifacts.store.statcache import StatCache
from artifacts.store.upload import BaseVersion, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from artifacts.store.cache import BlobCache
    from artifacts.store.catalog import Catalog
    from artifacts.store.digests import Digest
    from artifacts.store.objects import ObjectStore
    from artifacts.store.opening import Opened
    from artifacts.store.records import VersionDraft, VersionRecord

_FROM_PACKS_FROM = 1000
_SAMPLES = 32
_REMOTE_WRITERS = 3


class Store:
    """Use `create` or `open`. Thread-safe; may be open in many processes at once.

    Attributes:
        location: Where it is, as text.
        uuid: Its identity, the same in catalog and object store.
        staging: Folder for files that are being made, on the file system of local objects.
        remote: Whether objects are behind a network.
        outbox: Folder of versions on their way to a remote store.
        cache: Blobs of a remote store that are kept on this machine, or None.
        backups: Keeps a daily backup of the catalog among the objects.
    """

    def __init__(
        self,
        *,
        location: str,
        identity: str,
        catalog: Catalog,
        objects: ObjectStore,
        staging: Path,
        stat_cache: StatCache,
        remote: bool = False,
        cache: BlobCache | None = None,
        outbox: Path | None = None,
    ) -> None:
        self.location = location
        self.uuid = identity
        self.catalog = catalog
        self.objects = objects
        self.stat_cache = stat_cache
        self.remote = remote
        self.cache = cache
        self.outbox = outbox or staging.parent / "outbox"
        self.leases = LeaseKeeper(catalog)
        self.staging = staging
        self.backups = BackupKeeper(catalog, objects, identity, staging)

    @classmethod
    def create(
        cls,
        location: str | Path,
        *,
        objects: str | None = None,
        catalog: str | None = None,
        cache_dir: Path | None = None,
        cache_limit: int | None = None,
        outbox_dir: Path | None = None,
    ) -> Store:
        """Make a store.

        Args:
            location: A folder, which may exist if it is empty. It holds the parts that are not
                elsewhere, and says where the others are.
            objects: Where the bytes go: another folder, ``s3://bucket/prefix``, or a URL of
                another protocol of fsspec.
            catalog: ``postgresql://host/database``, so that many machines can write.
            cache_dir: Folder for what can be lost: digests of files that do not change, and
                blobs of a remote store.
            cache_limit: Bytes of blobs in there; see `cache.BlobCache`.
            outbox_dir: Folder for what is on its way to a remote store, which must not be lost.

        Raises:
            AlreadyExistsError: There is a store, or something else.
            ConfigError: The catalog would be an SQLite file on a network file system, or a URL
                cannot be used.
        """
        opened = opening.create(location, objects=objects, catalog=catalog, cache_dir=cache_dir)
        return cls._from(opened, cache_dir, cache_limit, outbox_dir)

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        create: bool = False,
        cache_dir: Path | None = None,
        cache_limit: int | None = None,
        outbox_dir: Path | None = None,
    ) -> Store:
        """Open a store.

        Args:
            location: Its folder, or the URL of its catalog or of its objects.
            create: Make an embedded store if there is none in that folder.
            cache_dir: As for `create`.
            cache_limit: As for `create`.
            outbox_dir: As for `create`.

        Raises:
            StoreNotFoundError: There is none, and ``create`` is False.
            AlreadyExistsError: It is to be made in a folder that holds something else.
            FormatError: It was made by a newer version, or catalog and objects do not belong
                together.
        """
        opened = opening.open_location(location, make=create, cache_dir=cache_dir)
        return cls._from(opened, cache_dir, cache_limit, outbox_dir)

    @classmethod
    def _from(
        cls,
        opened: Opened,
        cache_dir: Path | None,
        cache_limit: int | None,
        outbox_dir: Path | None,
    ) -> Store:
        cache = None
        if opened.remote and cache_dir is not None and cache_limit != 0:
            from artifacts.store.cache import BlobCache  # an embedded store has none

            cache = BlobCache(cache_dir / "blobs", limit=cache_limit)
        return cls(
            location=opened.location,
            identity=opened.identity,
            catalog=opened.catalog,
            objects=opened.objects,
            staging=opened.staging,
            stat_cache=StatCache(cache_dir),
            remote=opened.remote,
            cache=cache,
            outbox=(outbox_dir or opened.staging.parent / "outbox") / opened.identity,
        )

    def close(self) -> None:
        """Close the catalog. The store cannot be used afterwards."""
        self.leases.close()
        self.backups.close()
        self.catalog.close()
        self.stat_cache.close()
        if self.cache is not None:
            self.cache.close()

    @property
    def shared(self) -> bool:
        """Whether other machines may be using it: its catalog is on a server."""
        return self.catalog.shared

    # -- writing

    def latest(self, entity: str, project: str, name: str) -> VersionRecord | None:
        """Return the latest version of an artifact, or None if there is none."""
        return self.catalog.latest(entity, project, name)

    def upload(self, base: Callable[[], VersionRecord | None] | None = None) -> Upload:
        """Start to bring in blobs.

        Args:
            base: Returns a version that has most of them, usually the one before.
        """
        return Upload(
            self.catalog,
            self.objects,
            self.staging,
            self.leases,
            base=None if base is None else lambda: self.load_base(base()),
            notes=UploadNotes(self.staging.parent / "uploads" / self.uuid) if self.remote else None,
            writers=_REMOTE_WRITERS if self.remote else 1,
        )

    def load_base(self, version: VersionRecord | None) -> BaseVersion | None:
        """Return a version with the digests of all its blobs, for `upload.Upload`."""
        if version is None or version.broken is not None:
            return None
        digests = digests_in(self.read_blob(version.digest))
        return BaseVersion(version.id, digests | {version.digest})

    def commit(
        self, draft: VersionDraft, upload: Upload, manifest: Manifest
    ) -> tuple[VersionRecord, bool]:
        """Make a version of what was uploaded.

        Args:
            draft: Its ``digest``, ``size`` and ``file_count`` must be those of ``manifest``.
            upload: Has brought every blob that the manifest names and the store did not have; it
                is closed on success.

        Returns:
            The version, and whether it is new.

        Raises:
            InvalidInputError: The artifact exists with another type.
            ConflictError: The upload expired, or a blob is in neither upload nor store.
            StorageError: Uploading failed.
        """
        self.catalog.check_type(draft.entity, draft.project, draft.name, draft.type)
        try:
            result = self._commit(draft, upload, manifest)
        except ConflictError as error:
            if error.kind != "base_deleted":
                raise
            upload.claim_base()
            result = self._commit(draft, upload, manifest)
        upload.close()
        self.backups.after_commit(result[0].logged_at)
        return result

    def _commit(
        self, draft: VersionDraft, upload: Upload, manifest: Manifest
    ) -> tuple[VersionRecord, bool]:
        needed = {entry.digest for entry in manifest if entry.reference is None}
        missing = needed - upload.claim(needed)
        if missing:
            raise ConflictError(
                f"{len(missing)} blob(s) of {draft.name!r} are not in the store (any more), such "
                f"as {format_digest(min(missing))}",
                hint="log the files again",
                kind="upload_expired",
            )
        upload.add_manifest(manifest)
        upload.finish()
        return self.catalog.commit(
            draft,
            lease=upload.lease,
            claimed=upload.claimed,
            uploaded=upload.uploaded,
            base=upload.base.version_id if upload.base is not None else None,
        )

    def restore(self, version: VersionRecord, *, by: str | None = None) -> None:
        """Undo the deletion of a version, as long as its bytes are there.

        Its aliases are not given back, because they may have gone to other versions.

        Raises:
            StateError: It is not deleted, its content was logged again since, or its bytes were
                collected.
        """
        try:
            needed = digests_in(self.read_blob(version.digest)) | {version.digest}
        except BlobNotFoundError as error:
            raise _collected(version) from error
        claim = self.catalog.claim(needed)
        if claim.present != needed:
            raise _collected(version)
        self.catalog.restore_version(version.id, claim.objects, by)

    # -- reading

    @contextlib.contextmanager
    def reading(self, manifest: Digest) -> Iterator[None]:
        """Keep what a manifest names from being collected, and from leaving the cache."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.leases.reading(manifest))
            if self.cache is not None:
                with cache_may_fail():
                    stack.enter_context(self.cache.hold())
            yield

    def manifest(self, digest: Digest) -> Manifest:
        """Return the manifest of a version.

        Raises:
            BlobNotFoundError: It is missing.
            IntegrityError: It is damaged.
        """
        data = self.read_blob(digest)
        with collecting.paused():
            return Manifest.parse([data])

    def sources(self, digests: Iterable[Digest], *, keep: bool = True) -> list[BlobSource]:
        """Return where to read these blobs from; every one of them is in one of the sources.

        Args:
            keep: Whether the cache gets what has to be fetched.

        Raises:
            BlobNotFoundError: One of them is in no object.
        """
        wanted = set(digests)
        if not self.remote:
            return [BlobSource(self.objects, list(self.locate(wanted).values()))]
        cached: list[BlobLocation] = []
        if self.cache is not None:
            with cache_may_fail():
                found = self.cache.locate(wanted)
                cached = list(found.values())
                wanted -= found.keys()
        sources: list[BlobSource] = []
        if self.cache is not None and cached:
            sources.append(CachedSource(self.cache, cached, self._remote_source))
        if wanted:
            sources.append(self._remote_source(wanted, keep=keep))
        return sources

    def _remote_source(self, digests: set[Digest], *, keep: bool = True) -> RemoteSource:
        places = list(self.locate(digests).values())
        return RemoteSource(self.objects, places, self.cache if keep else None)

    def locate(self, digests: Iterable[Digest]) -> dict[Digest, BlobLocation]:
        """Return where each of these blobs lies in the object store.

        Raises:
            BlobNotFoundError: One of them is in no object.
        """
        found, missing = self.find(digests)
        if missing:
            example = format_digest(min(missing))
            raise BlobNotFoundError(
                f"{len(missing)} blob(s) are missing from the store, such as {example}",
                hint="find out what is damaged with: art check",
            )
        return found

    def find(self, digests: Iterable[Digest]) -> tuple[dict[Digest, BlobLocation], set[Digest]]:
        """Return where each of these blobs lies, and those that are in no object."""
        missing = set(digests)
        found: dict[Digest, BlobLocation] = {}
        while len(missing) >= _FROM_PACKS_FROM and not self.remote:
            # Most of a version's small blobs lie in a few packs, and a pack says where: that is
            # much faster than a row for each.
            before = len(missing)
            samples = self.catalog.locate(itertools.islice(missing, _SAMPLES))
            found.update(samples)
            missing -= samples.keys()
            self._locate_in_packs({place.key for place in samples.values()}, missing, found)
            if not samples or before - len(missing) < _SAMPLES * 4:
                break
        found.update(self.catalog.locate(missing))
        missing -= found.keys()
        return found, missing

    def _locate_in_packs(
        self, keys: set[str], missing: set[Digest], found: dict[Digest, BlobLocation]
    ) -> None:
        """Move from ``missing`` to ``found`` what these objects hold. They can all be read."""
        for info in self.objects.stat(key for key in keys if key.startswith("packs/")):
            for place in reading.read_pack_index(self.objects, info.key, info.size):
                if place.digest in missing:
                    missing.remove(place.digest)
                    found[place.digest] = BlobLocation(info.key, *place)

    def read_blob(self, digest: Digest) -> bytes:
        """Return a whole blob, verified."""
        try:
            return self._read_blob(digest)
        except ObjectNotFoundError:
            # It may have been moved into another object between the two look-ups.
            return self._read_blob(digest)

    def _read_blob(self, digest: Digest) -> bytes:
        [source] = self.sources([digest])
        [[(_, data)]] = source.read(source.locations)
        return bytes(data)

    def open_blob(self, digest: Digest) -> IO[bytes]:
        """Open a blob for reading; see `reading.open_blob`."""
        [source] = self.sources([digest])
        return source.open(source.locations[0])


def _collected(version: VersionRecord) -> StateError:
    return StateError(
        f"the data of {version.ref} were collected and are gone",
        hint="log them again",
        kind="collected",
    )
