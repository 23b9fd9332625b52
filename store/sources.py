"""Where blobs are read from: the store's own objects, or for a remote store the cache first.

All verification of what is read is here and in `reading`, so that no caller can forget it.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

from artifacts.store import copying, reading
from artifacts.store.errors import ArtifactsError, IntegrityError, ObjectNotFoundError
from artifacts.store.keeping import CACHE_FAILED, KeptDownload, cache_may_fail
from artifacts.store.places import Encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from artifacts.store.cache import BlobCache
    from artifacts.store.digests import Digest
    from artifacts.store.objects import ObjectStore
    from artifacts.store.places import BlobLocation

    Blobs = list[tuple[BlobLocation, bytes | memoryview]]

log = logging.getLogger(__name__)

_AT_ONCE = 8  # ranges of up to `reading.SPAN_SIZE` bytes, each of which is in memory
_CACHED_TOGETHER = 32 << 20
_REMOTE_GAP = 256 * 1024  # fetching so many bytes that nobody wants beats another request


class BlobSource:
    """Some blobs of a store, all in one object store.

    Args:
        locations: What it holds.

    Attributes:
        linkable: Whether users may have links to its files: those of a cache come and go.
    """

    linkable = True

    def __init__(self, objects: ObjectStore, locations: Sequence[BlobLocation]) -> None:
        self.objects = objects
        self.locations = sorted(locations, key=lambda place: (place.key, place.offset))

    def read(self, locations: Iterable[BlobLocation]) -> Iterator[Blobs]:
        """Yield the raw, verified bytes of some of the blobs, those of one read at a time.

        Raises:
            IntegrityError: A blob is damaged.
        """
        return reading.read_blobs(self.objects, locations)

    def file_of(self, location: BlobLocation) -> Path | None:
        """Return a local file that is just this blob, not verified, or None."""
        if location.encoding is not Encoding.IDENTITY or location.offset != 0:
            return None
        return self.objects.local_path(location.key)

    def open(self, location: BlobLocation) -> IO[bytes]:
        """Open a blob for reading; see `reading.open_blob`."""
        return reading.open_blob(self.objects, location)

    def copy(
        self, location: BlobLocation, descriptor: int, progress: Callable[[int], None]
    ) -> tuple[Digest, int]:
        """Write a large blob to a file; return digest and size of what was written."""
        if location.encoding is not Encoding.IDENTITY:
            data = reading.read_blob(self.objects, location)
            copying.write_all(descriptor, data)
            progress(len(data))
            return location.digest, len(data)
        with self.objects.open(
            location.key, offset=location.offset, length=location.length
        ) as file:
            return copying.copy_and_hash(copying.pieces_of(file), descriptor, progress)


class RemoteSource(BlobSource):
    """Blobs behind a network: fetched by several threads, and kept in the cache."""

    def __init__(
        self,
        objects: ObjectStore,
        locations: Sequence[BlobLocation],
        cache: BlobCache | None,
    ) -> None:
        super().__init__(objects, locations)
        self._cache = cache

    def read(self, locations: Iterable[BlobLocation]) -> Iterator[Blobs]:
        kept: Blobs = []
        size = 0
        # The cache is written beside the caller's own files, one batch at a time.
        with ThreadPoolExecutor(1, thread_name_prefix="artifacts-cache") as keeper:
            writing: Future[None] | None = None
            for span in self._spans(locations):
                yield [(location, reading.checked(location, stored)) for location, stored in span]
                kept += span
                size += sum(location.length for location, _ in span)
                if size >= _CACHED_TOGETHER:
                    if writing is not None:
                        writing.result()
                    writing = keeper.submit(self._keep, kept)
                    kept, size = [], 0
            if writing is not None:
                writing.result()
            self._keep(kept)

    def _spans(self, locations: Iterable[BlobLocation]) -> Iterator[Blobs]:
        """Yield stored bytes, several reads ahead of the caller."""

        def fetch(span: reading.Span) -> Blobs:
            return list(span.cut(reading.fetch(self.objects, span)))

        spans = iter(reading.spans(locations, gap=_REMOTE_GAP))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="artifacts-fetch") as pool:
            ahead = deque(pool.submit(fetch, span) for span in itertools.islice(spans, _AT_ONCE))
            try:
                while ahead:
                    fetched = ahead.popleft().result()
                    if (following := next(spans, None)) is not None:
                        ahead.append(pool.submit(fetch, following))
                    yield fetched
            finally:
                for future in ahead:
                    future.cancel()

    def _keep(self, blobs: Blobs) -> None:
        if self._cache is None or not blobs:
            return
        with cache_may_fail():
            self._cache.add(
                (place.digest, place.size, stored, place.encoding) for place, stored in blobs
            )

    def copy(
        self, location: BlobLocation, descriptor: int, progress: Callable[[int], None]
    ) -> tuple[Digest, int]:
        cache = self._cache
        if (
            cache is None
            or location.encoding is not Encoding.IDENTITY
            or location.size > cache.limit
        ):
            return super().copy(location, descriptor, progress)
        try:
            kept = KeptDownload(cache, location)
        except (ArtifactsError, OSError) as error:
            log.warning(CACHE_FAILED, error)
            return super().copy(location, descriptor, progress)
        with kept:
            return kept.fetch(self.objects, descriptor, progress)


class CachedSource(BlobSource):
    """Blobs that are in the cache. One that is damaged or gone is fetched again.

    Args:
        again: Returns a source for blobs that have to be fetched after all.
    """

    linkable = False

    def __init__(
        self,
        cache: BlobCache,
        locations: Sequence[BlobLocation],
        again: Callable[[set[Digest]], BlobSource],
    ) -> None:
        super().__init__(cache.objects, locations)
        self._cache = cache
        self._again = again

    def read(self, locations: Iterable[BlobLocation]) -> Iterator[Blobs]:
        bad: set[Digest] = set()
        for span in reading.spans(locations):
            try:
                data = reading.fetch(self.objects, span)
            except (ArtifactsError, OSError):
                bad.update(place.digest for place in span.places)
                continue
            blobs: Blobs = []
            for location, stored in span.cut(data):
                try:
                    blobs.append((location, reading.checked(location, stored)))
                except IntegrityError:
                    bad.add(location.digest)
            if blobs:
                yield blobs
        if bad:
            yield from self._replaced(bad)

    def _replaced(self, bad: set[Digest]) -> Iterator[Blobs]:
        log.warning("%d blob(s) in the cache are damaged or gone, and are fetched again", len(bad))
        with cache_may_fail():
            self._cache.discard(bad)
        source = self._again(bad)
        yield from source.read(source.locations)

    def open(self, location: BlobLocation) -> IO[bytes]:
        if location.size <= reading.IN_MEMORY or location.encoding is not Encoding.IDENTITY:
            [[(_, data)]] = self.read([location])
            return io.BytesIO(data)
        try:
            return super().open(location)
        except ObjectNotFoundError:
            source = self._again({location.digest})
            return source.open(source.locations[0])

    def copy(
        self, location: BlobLocation, descriptor: int, progress: Callable[[int], None]
    ) -> tuple[Digest, int]:
        with contextlib.suppress(ObjectNotFoundError):
            digest, size = super().copy(location, descriptor, progress)
            if (digest, size) == (location.digest, location.size):
                return digest, size
        with cache_may_fail():
            self._cache.discard([location.digest])
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.ftruncate(descriptor, 0)
        source = self._again({location.digest})
        return source.copy(source.locations[0], descriptor, progress)
