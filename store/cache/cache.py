"""Blobs by digest on the local disk, for all stores and all processes of a user.

Blobs are immutable and named by what they hold, so one cache serves every remote store, and there
is never more than one copy of a blob in it. It has the shape of a local object store: small blobs
in packs, large ones in files of their own, read and placed by the same code. An index says what
lies where; see `index`.

What a caller has to know:

- Every method may raise an ArtifactsError: a disk that is full, a folder that may not be written.
  None of that may make a read fail: the caller reports it once and goes on without the cache.
- An object may be evicted between `BlobCache.locate` and the opening of its file, which then raises
  ObjectNotFoundError. Ask again, and fetch what is gone. A file that is open stays readable.
  `BlobCache.hold` makes this rare; it is never impossible.
- Files are not synced. A blob that turns out damaged is handed to `BlobCache.discard` and fetched
  again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import stat as stat_module
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import keys, packs
from artifacts.store.cache import files, partial, upkeep
from artifacts.store.cache.files import CachedObject
from artifacts.store.cache.holds import now
from artifacts.store.cache.space import EVERYTHING, Space, translated
from artifacts.store.errors import ArtifactsError, IntegrityError, InvalidInputError
from artifacts.store.places import BlobLocation, BlobPlace, Encoding
from artifacts.store.upload import PACK_TARGET, PACK_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from artifacts.store.cache.partial import PartialFile
    from artifacts.store.cache.upkeep import VerifyReport
    from artifacts.store.digests import Digest
    from artifacts.store.staging import StagingFolder

log = logging.getLogger(__name__)

_TOUCH_AFTER = 60 * 10**6  # microseconds: uses within a minute count as one
# A pack goes as a whole: in a small cache it must not be a large part of it.
_PACK_SHARE = 16
_PACK_AT_LEAST = 1 << 20


class CachedBlob(NamedTuple):
    """A blob in memory, as it is stored."""

    digest: Digest
    size: int
    stored: bytes | memoryview
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What is in a cache.

    Attributes:
        bytes: Size of all objects.
        oldest_use: When the least recently used object was used, in microseconds since 1970;
            None if there is none.
        newest_use: The same for the most recently used one.
    """

    path: Path
    limit: int
    bytes: int
    objects: int
    blobs: int
    oldest_use: int | None
    newest_use: int | None


class BlobCache:
    """A cache below ``root``. Thread-safe; several processes may use it at once.

    Args:
        root: Its folder, which is made when it is first needed.
        limit: Bytes that it may hold. By default 20 GB, or a tenth of the file system if that
            is less.

    Attributes:
        objects: Where what `locate` returns is read from.
    """

    def __init__(self, root: Path, *, limit: int | None = None) -> None:
        self._space = Space(root, limit)
        self._warned = False
        self.root = root
        self.objects = self._space.objects

    # -- reading

    def locate(self, digests: Iterable[Digest]) -> dict[Digest, BlobLocation]:
        """Return where those of the blobs lie that are complete here.

        Their objects count as used, noted at most once a minute.
        """
        wanted = list(dict.fromkeys(digests))
        space = self._space
        with space.prepared("look into the cache"):
            while True:
                found = space.index.find(wanted)
                objects = {blob.location.key: blob for blob in found}
                gone = space.gone({key: blob.object_size for key, blob in objects.items()})
                if gone:
                    space.index.forget(gone)
                    self.objects.delete(gone)
                    found = [blob for blob in found if blob.location.key not in gone]
                if self._note_use({blob.location.key: blob.used_at for blob in found}):
                    return {blob.location.digest: blob.location for blob in found}

    def _note_use(self, used: dict[str, int]) -> bool:
        """Note that objects are used; False if one of them was evicted meanwhile.

        Args:
            used: Keys, and when they were used last.
        """
        time = now()
        noted = max(time - _TOUCH_AFTER, self._space.holds.newest_of_mine())
        keys = [key for key, used_at in used.items() if used_at < noted or used_at > time]
        if not keys:
            return True
        try:
            return self._space.index.touch(keys, time) == len(keys)
        except ArtifactsError as error:
            # What is here can be read all the same, on a full disk most of all.
            if not self._warned:
                log.warning("the cache %s cannot note what is used: %s", self.root, error)
                self._warned = True
            return True

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep all processes from evicting what anybody locates or adds from now on.

        For the time of one pull, not for the life of a process: what is held takes room that
        others need, and who finds no room cannot cache. Only `clear` and `discard` do not care.
        """
        with contextlib.ExitStack() as stack:
            with self._space.prepared("hold on to the cache"):
                stack.enter_context(self._space.holds.taken())
            yield

    def discard(self, digests: Iterable[Digest]) -> None:
        """Drop blobs that turned out damaged. Objects that hold no other ones are deleted."""
        with self._space.prepared("drop damaged blobs from the cache"):
            self.objects.delete(self._space.index.forget_blobs(digests))

    # -- adding

    def staging(self) -> StagingFolder:
        """Return a new folder for files to be adopted, on the file system of the cache.

        The caller closes it. What killed processes have left is removed.
        """
        with self._space.prepared("prepare the cache"):
            return self._space.staging()

    @property
    def limit(self) -> int:
        """Bytes that it may hold."""
        return self._space.limit

    def partial(self, location: BlobLocation) -> PartialFile | None:
        """Return the file for the download of a large blob, with what an earlier one left in it.

        The caller hands it to `adopt` when it is complete, and closes it.

        Returns:
            None for a blob that is not worth it, and if another process is downloading it.
        """
        if location.size < partial.LEAST:
            return None
        with self._space.prepared("prepare the cache"):
            self._space.sweep_partial()
            found = partial.open_partial(self._space.partial, location.digest)
            if found is not None and found.size > location.size:
                found.reset()
            return found

    def add(
        self, blobs: Iterable[tuple[Digest, int, bytes | memoryview, Encoding]]
    ) -> dict[Digest, BlobLocation]:
        """Add verified blobs that are in memory; small ones become packs.

        Args:
            blobs: (digest, raw size, stored bytes, encoding) of each.

        Returns:
            Where they lie. Those for which there is no room under the limit are left out.

        Raises:
            StorageError: The disk is full (kind ``disk_full``), or failed otherwise.
        """
        since = now()
        added: dict[Digest, BlobLocation] = {}
        with self._space.prepared("write to the cache"):
            for batch in self._batches(blobs):
                added |= self._add_batch(batch, since)
        return added

    def adopt(self, path: Path, digest: Digest, size: int) -> BlobLocation | None:
        """Make a file an object of its own. It is moved if it comes from `staging`, else copied.

        Args:
            path: A complete verified file that nobody else knows of.

        Returns:
            Where the blob lies now, and the file is gone. None if there is no room under the
            limit; then the file stays.

        Raises:
            IntegrityError: The file has another size.
            StorageError: As for `add`.
        """
        since = now()
        place = BlobPlace(digest, size, 0, size)
        key = keys.new_loose_key(digest, Encoding.IDENTITY)
        with self._space.prepared("write to the cache"):
            if _size_of(path) != size:
                raise IntegrityError(f"{path} has not {size} bytes")
            # Once more if another process is faster.
            while (location := self.locate([digest]).get(digest)) is None:
                present = self._publish_file(path, key, size, [place], since)
                if present is None:
                    return None
                if not present:
                    location = BlobLocation(key, *place)
                    break
            path.unlink(missing_ok=True)
            return location

    def adopt_pack(self, path: Path, places: Sequence[BlobPlace]) -> dict[Digest, BlobLocation]:
        """Make a pack an object. If some of its blobs are here already, only the others are added.

        Args:
            path: A complete file, as for `adopt`, with its index at the end.
            places: Its blobs.

        Returns:
            Where its blobs lie now, and the file is gone. If there is no room under the limit for
            all of them, the others are left out, and the file stays.

        Raises:
            FormatError: It is not a pack.
            IntegrityError: Its index is damaged, or says otherwise than ``places``.
            StorageError: As for `add`.
        """
        since = now()
        key = keys.new_pack_key()
        with self._space.prepared("write to the cache"):
            size = _size_of(path)
            with path.open("rb") as file:
                index = packs.read_index(lambda start, n: os.pread(file.fileno(), n, start), size)
            if not set(places) <= set(index):
                raise IntegrityError("the index of a pack is not as expected", kind="bad_pack")
            here = self.locate(place.digest for place in places)
            if not here:
                present = self._publish_file(path, key, size, places, since)
                if present is None:
                    return {}
                if not present:
                    path.unlink(missing_ok=True)
                    return {place.digest: BlobLocation(key, *place) for place in places}
            missing = [place for place in places if place.digest not in here]
            for batch in self._batches(_read_places(path, missing)):
                here |= self._add_batch(batch, since)
            if all(place.digest in here for place in places):
                path.unlink()
            return here

    def _batches(
        self, blobs: Iterable[tuple[Digest, int, bytes | memoryview, Encoding]]
    ) -> Iterator[dict[Digest, CachedBlob]]:
        """Yield what becomes an object each: one large blob, or small ones for a pack."""
        target = min(PACK_TARGET, max(self._space.limit // _PACK_SHARE, _PACK_AT_LEAST))
        batch: dict[Digest, CachedBlob] = {}
        size = 0
        for blob in map(CachedBlob._make, blobs):
            if len(blob.stored) > PACK_THRESHOLD:
                yield {blob.digest: blob}
            elif blob.digest not in batch:
                batch[blob.digest] = blob
                size += len(blob.stored)
                if size >= target:
                    yield batch
                    batch, size = {}, 0
        if batch:
            yield batch

    def _add_batch(self, batch: dict[Digest, CachedBlob], since: int) -> dict[Digest, BlobLocation]:
        """Add blobs as one object; return where they lie, as far as there is room."""
        # Once more each time that another process is faster with some of them.
        while True:
            here = self.locate(batch)
            missing = [blob for digest, blob in batch.items() if digest not in here]
            if not missing:
                return here
            places = packs.layout((b.digest, b.size, len(b.stored), b.encoding) for b in missing)
            pieces = [blob.stored for blob in missing if blob.stored]
            if len(missing[0].stored) > PACK_THRESHOLD:
                key = keys.new_loose_key(missing[0].digest, missing[0].encoding)
            else:
                key = keys.new_pack_key()
                pieces.append(packs.trailer(places))
            present = self._write(key, pieces, places, since)
            if present is None:
                return here
            if not present:
                return here | {place.digest: BlobLocation(key, *place) for place in places}

    def _write(
        self,
        key: str,
        pieces: Sequence[bytes | memoryview],
        places: Sequence[BlobPlace],
        since: int,
    ) -> set[Digest] | None:
        """Write an object and `Space.publish` it."""
        size = sum(map(len, pieces))
        if size > self._space.limit:
            return None

        def work() -> set[Digest] | None:
            path = self._space.new_path()
            files.write_file(path, pieces)
            try:
                return self._space.publish(CachedObject(key, size, now(), places), path, since)
            finally:
                path.unlink(missing_ok=True)

        return self._space.with_room(size, since, work)

    def _publish_file(
        self, path: Path, key: str, size: int, places: Sequence[BlobPlace], since: int
    ) -> set[Digest] | None:
        """As `Space.publish`, for a file that may lie on another file system."""

        def work() -> set[Digest] | None:
            new = CachedObject(key, size, now(), places)
            try:
                return self._space.publish(new, path, since)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            copy = self._space.new_path()
            try:
                shutil.copyfile(path, copy)
                return self._space.publish(new, copy, since)
            finally:
                copy.unlink(missing_ok=True)

        return self._space.with_room(size, since, work)

    # -- looking after it

    def info(self) -> CacheInfo:
        """Return what is in the cache."""
        with self._space.prepared("look into the cache"):
            totals = self._space.index.totals()
            return CacheInfo(self.root, self._space.limit, *totals)

    def prune(self, *, to: int | None = None, older_than: float | None = None) -> int:
        """Delete what was not used for long, and what killed processes have left; then `compact`.

        Args:
            to: Bytes that may stay, by default the limit. The least recently used objects go
                first. What is held stays.
            older_than: Seconds; objects that were not used for longer than that go as well.

        Returns:
            Freed bytes.
        """
        with self._space.prepared("prune the cache"):
            to = self._space.limit if to is None else to
            return upkeep.prune(self._space, to=to, older_than=older_than)

    def compact(self) -> int:
        """Merge small packs if there are many; return by how many objects there are fewer."""
        with self._space.prepared("merge packs of the cache"):
            return upkeep.compact(self._space)

    def verify(self) -> VerifyReport:
        """Read and hash everything. Damaged blobs are dropped, and so fetched again when needed."""
        with self._space.prepared("verify the cache"):
            return upkeep.verify(self._space)

    def clear(self) -> int:
        """Delete everything, also what is being read: its readers fetch it again.

        Returns:
            Freed bytes.
        """
        with self._space.prepared("clear the cache"):
            freed = self._space.evict(EVERYTHING, EVERYTHING) + self._space.sweep()
            return freed + self._space.sweep_partial(older_than=0)

    def close(self) -> None:
        """Close the index, and remove what was not finished."""
        with translated("close the cache"):
            self._space.close()


def _size_of(path: Path) -> int:
    status = path.lstat()
    if not stat_module.S_ISREG(status.st_mode):
        raise InvalidInputError(f"{path} is not a file", kind="not_a_file")
    return status.st_size


def _read_places(
    path: Path, places: Iterable[BlobPlace]
) -> Iterator[tuple[Digest, int, bytes, Encoding]]:
    with path.open("rb") as file:
        for place in places:
            stored = os.pread(file.fileno(), place.length, place.offset)
            yield place.digest, place.size, stored, place.encoding
