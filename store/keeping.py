"""One download of a large blob, two files: the caller's, and the one that the cache is to keep.

A cache that is full or cannot be written never makes a read fail.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Self

from artifacts.store import copying
from artifacts.store.errors import ArtifactsError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from artifacts.store.cache import BlobCache, PartialFile
    from artifacts.store.digests import Digest
    from artifacts.store.objects import ObjectStore
    from artifacts.store.places import BlobLocation

log = logging.getLogger(__name__)

CACHE_FAILED = "the cache could not be used: %s"


@contextlib.contextmanager
def cache_may_fail() -> Iterator[None]:
    """Report what the cache cannot do, and go on without it."""
    try:
        yield
    except (ArtifactsError, OSError) as error:
        log.warning(CACHE_FAILED, error)


class KeptDownload:
    """The file of the cache for a download; a context manager.

    That of a large blob outlives an interruption, and the next download goes on where it ends.

    Args:
        location: Where the blob lies, stored as it is.

    Raises:
        ArtifactsError: The cache cannot be used.
        OSError: Likewise.
    """

    def __init__(self, cache: BlobCache, location: BlobLocation) -> None:
        self._cache = cache
        self._location = location
        self._given_up = False
        self._path: Path
        self._descriptor: int
        with contextlib.ExitStack() as stack:
            self._partial: PartialFile | None = cache.partial(location)
            if self._partial is not None:
                stack.callback(self._partial.close)
                self._path, self._descriptor = self._partial.path, self._partial.descriptor
            else:
                staging = cache.staging()
                stack.callback(staging.close)
                self._path = staging.new_path()
                self._descriptor = copying.create(self._path)
                stack.callback(os.close, self._descriptor)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def fetch(
        self, objects: ObjectStore, target: int, progress: Callable[[int], None]
    ) -> tuple[Digest, int]:
        """Write the blob to a file, and keep it in the cache if it is what it should be.

        Where the file system can, the two files share their blocks, and are written once.

        Args:
            target: Descriptor of the empty file.

        Returns:
            Digest and size of what was written.
        """
        place = self._location
        shared = copying.reflink(self._descriptor, target)
        while True:
            begun = self._partial is not None and self._partial.size > 0
            with contextlib.closing(_continued(objects, place, self._partial)) as pieces:
                if shared:
                    found = copying.copy_and_hash(pieces, self._descriptor, progress)
                else:
                    found = copying.copy_and_hash(pieces, target, progress, also=self._keep)
            if found == (place.digest, place.size):
                break
            self._forget()
            if not begun:
                return found
            log.warning("what an interrupted download left was damaged, it begins anew")
            os.lseek(target, 0, os.SEEK_SET)
            os.ftruncate(target, 0)
        if shared and not copying.reflink(self._descriptor, target):
            found = self._copy_to(target)
        if self._given_up:
            self._forget()
            return found
        with cache_may_fail():
            if self._cache.adopt(self._path, *found) is None:
                self._path.unlink(missing_ok=True)
        return found

    def _keep(self, piece: memoryview) -> None:
        """Write a piece to the file of the cache, until that fails."""
        if self._given_up:
            return
        try:
            copying.write_all(self._descriptor, piece)
        except OSError as error:
            log.warning(CACHE_FAILED, error)
            self._given_up = True

    def _copy_to(self, target: int) -> tuple[Digest, int]:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return copying.copy_and_hash(copying.pieces_at(self._descriptor), target)

    def _forget(self) -> None:
        """Drop what is in the file of the cache; a file that is no partial one goes as it is."""
        if self._partial is not None:
            self._partial.reset()


def _continued(
    objects: ObjectStore, place: BlobLocation, partial: PartialFile | None
) -> Generator[memoryview]:
    """Yield a blob: what an interrupted download has of it, then the rest from the store."""
    done = 0
    if partial is not None:
        for piece in partial.pieces():
            done += len(piece)
            yield piece
    if done < place.length:
        if done:
            log.info("going on with a download after %d bytes", done)
        with objects.open(
            place.key, offset=place.offset + done, length=place.length - done
        ) as file:
            yield from copying.pieces_of(file)
