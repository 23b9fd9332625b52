"""A store: catalog and objects, kept consistent.

::

    <root>/catalog.sqlite          the catalog; its transactions are the only commit points
    <root>/objects/store.json      which store these objects belong to
    <root>/objects/blobs, packs    the bytes
    <root>/staging/                files that are being made
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import uuid
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson

from artifacts.store import collecting, filesystems, reading
from artifacts.store.catalog import Catalog
from artifacts.store.digests import format_digest
from artifacts.store.errors import (
    AlreadyExistsError,
    BlobNotFoundError,
    ConfigError,
    ConflictError,
    FormatError,
    ObjectNotFoundError,
    StateError,
    StoreNotFoundError,
    from_os_error,
)
from artifacts.store.leases import LeaseKeeper
from artifacts.store.manifest import Manifest, digests_in
from artifacts.store.objects import LocalObjects
from artifacts.store.records import BlobLocation
from artifacts.store.statcache import StatCache
from artifacts.store.upload import BaseVersion, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from artifacts.store.digests import Digest
    from artifacts.store.objects import ObjectStore
    from artifacts.store.records import VersionDraft, VersionRecord

FORMAT = 1
IDENTITY_KEY = "store.json"

_FROM_PACKS_FROM = 1000
_SAMPLES = 32

_CATALOG = "catalog.sqlite"
_OBJECTS = "objects"
_STAGING = "staging"
_GITIGNORE = ".gitignore"


class Store:
    """Use `create` or `open`. Thread-safe; may be open in many processes at once.

    Attributes:
        location: Where it is, as text.
        uuid: Its identity, the same in catalog and object store.
        staging: Folder for files that are being made, on the file system of local objects.
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
    ) -> None:
        self.location = location
        self.uuid = identity
        self.catalog = catalog
        self.objects = objects
        self.stat_cache = stat_cache
        self.leases = LeaseKeeper(catalog)
        self.staging = staging

    @classmethod
    def create(cls, location: str | Path, *, cache_dir: Path | None = None) -> Store:
        """Make a store in a folder, which may exist if it is empty.

        Args:
            cache_dir: Where digests of files that do not change are remembered.

        Raises:
            AlreadyExistsError: There is a store, or something else.
            ConfigError: The folder is on a network file system.
        """
        root = _root(location)
        if is_store(root):
            raise AlreadyExistsError(f"there is a store already at {root}")
        return cls._open(root, cache_dir=cache_dir, create=True)

    @classmethod
    def open(
        cls, location: str | Path, *, create: bool = False, cache_dir: Path | None = None
    ) -> Store:
        """Open a store.

        Args:
            location: The folder.
            create: Make it if there is none.
            cache_dir: As for `create`.

        Raises:
            StoreNotFoundError: There is none, and ``create`` is False.
            AlreadyExistsError: It is to be made in a folder that holds something else.
            FormatError: It was made by a newer version, or catalog and objects do not belong
                together.
        """
        root = _root(location)
        if not is_store(root) and not create:
            damaged = (objects_path(root) / IDENTITY_KEY).exists()
            raise StoreNotFoundError(
                f"there is no store at {root}" + (" (its catalog is missing)" if damaged else ""),
                hint="rebuild the catalog with: art check --rebuild"
                if damaged
                else "make one with: art init",
            )
        return cls._open(root, cache_dir=cache_dir, create=create)

    @classmethod
    def _open(cls, root: Path, *, cache_dir: Path | None, create: bool) -> Store:
        if filesystems.is_network(root):
            raise ConfigError(
                f"{root} is on a network file system ({filesystems.kind(root)}), on which an "
                "SQLite catalog can be damaged",
                hint="put the store on a local disk",
                kind="network_filesystem",
            )
        try:
            if create and not is_store(root):
                _make_root(root)
            writable = os.access(root, os.W_OK)
        except OSError as error:
            raise from_os_error(error, f"make a store at {root}") from error
        objects = LocalObjects(objects_path(root))
        catalog = Catalog.sqlite(catalog_path(root), read_only=not writable)
        try:
            identity = _identify(catalog, objects, writable=writable)
        except BaseException:
            catalog.close()
            raise
        return cls(
            location=str(root),
            identity=identity,
            catalog=catalog,
            objects=objects,
            staging=root / _STAGING,
            stat_cache=StatCache(cache_dir),
        )

    def close(self) -> None:
        """Close the catalog. The store cannot be used afterwards."""
        self.leases.close()
        self.catalog.close()
        self.stat_cache.close()

    # -- writing

    def upload(self, base: Callable[[], VersionRecord | None] | None = None) -> Upload:
        """Start to bring in blobs.

        Args:
            base: Returns a version that has most of them, usually the one before.
        """

        def load() -> BaseVersion | None:
            version = base() if base is not None else None
            if version is None:
                return None
            digests = digests_in(self.read_blob(version.digest))
            return BaseVersion(version.id, digests | {version.digest})

        return Upload(self.catalog, self.objects, self.staging, self.leases, base=load)

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

    def manifest(self, digest: Digest) -> Manifest:
        """Return the manifest of a version.

        Raises:
            BlobNotFoundError: It is missing.
            IntegrityError: It is damaged.
        """
        data = self.read_blob(digest)
        with collecting.paused():
            return Manifest.parse([data])

    def locate(self, digests: Iterable[Digest]) -> dict[Digest, BlobLocation]:
        """Return where each of these blobs lies.

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
        while len(missing) >= _FROM_PACKS_FROM:
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
            data = reading.read_blob(self.objects, self.locate([digest])[digest])
        except ObjectNotFoundError:
            # It may have been moved into another object between the two look-ups.
            data = reading.read_blob(self.objects, self.locate([digest])[digest])
        return bytes(data)

    def open_blob(self, digest: Digest) -> IO[bytes]:
        """Open a blob for reading; see `reading.open_blob`."""
        return reading.open_blob(self.objects, self.locate([digest])[digest])


def _collected(version: VersionRecord) -> StateError:
    return StateError(
        f"the data of {version.ref} were collected and are gone",
        hint="log them again",
        kind="collected",
    )


def catalog_path(root: Path) -> Path:
    """Return where a store keeps its catalog."""
    return root / _CATALOG


def objects_path(root: Path) -> Path:
    """Return where a store keeps its objects."""
    return root / _OBJECTS


def _make_root(root: Path) -> None:
    """Make the folder of a new store, or go on with one that was not finished."""
    root.mkdir(parents=True, exist_ok=True)
    own = {_GITIGNORE, _OBJECTS, _STAGING}
    if any(name not in own and not name.startswith(_CATALOG) for name in os.listdir(root)):
        raise AlreadyExistsError(f"{root} is not empty", hint="choose another folder for the store")
    # A store inside a project's folder does not belong into its Git history.
    with contextlib.suppress(FileExistsError), (root / _GITIGNORE).open("x") as file:
        file.write("*\n")


def is_store(root: Path) -> bool:
    """Whether there is a store in this folder."""
    return catalog_path(root).exists()


def write_identity(objects: ObjectStore, identity: str) -> None:
    """Say in the object store which store its objects belong to."""
    data = orjson.dumps({"format": FORMAT, "uuid": identity}, option=orjson.OPT_INDENT_2) + b"\n"
    objects.put(IDENTITY_KEY, lambda: io.BytesIO(data), size=len(data))


def read_identity(objects: ObjectStore) -> str | None:
    """Return the UUID of the store that the objects belong to, or None if they do not say.

    Raises:
        FormatError: The objects are of a newer format.
    """
    try:
        with objects.open(IDENTITY_KEY) as file:
            described = orjson.loads(file.read())
        version, identity = described["format"], str(described["uuid"])
    except ObjectNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{IDENTITY_KEY} of the object store is damaged") from error
    if version != FORMAT:
        raise FormatError(
            f"this store has format {version}; this program knows format {FORMAT}",
            hint="update with: pip install -U artifacts-cas",
            kind="store_too_new",
        )
    return identity


def _root(location: str | Path) -> Path:
    text = str(location)
    if "://" in text:
        raise ConfigError(
            f"cannot open a store at {text}: this version keeps stores in local folders",
            hint="give the path of a folder",
            kind="unsupported_store",
        )
    return Path(text).expanduser().absolute()


def _identify(catalog: Catalog, objects: ObjectStore, *, writable: bool) -> str:
    """Return the store's UUID; a new store gets one, catalog first."""
    on_objects = read_identity(objects)
    entered = catalog.identity()
    if entered is None and writable:
        if on_objects is not None:
            raise FormatError(
                "the catalog is empty, but the object store belongs to a store already",
                hint="rebuild the catalog with: art check --rebuild",
                kind="store_mismatch",
            )
        entered = catalog.identify(str(uuid.uuid4()), FORMAT)
    if entered is None:
        raise FormatError("the store has no identity: it was never finished", kind="store_mismatch")
    identity, version = entered
    if version != FORMAT:
        raise FormatError(
            f"this store has format {version}; this program knows format {FORMAT}",
            hint="update with: pip install -U artifacts-cas",
            kind="store_too_new",
        )
    if on_objects is None:
        # Another process may have finished making the store since we looked.
        on_objects = read_identity(objects)
    if on_objects is None and writable and not catalog.list_objects():
        write_identity(objects, identity)
    elif on_objects != identity:
        raise FormatError(
            f"catalog (store {identity}) and objects (store {on_objects}) do not belong together",
            hint="is the right folder mounted?",
            kind="store_mismatch",
        )
    return identity
