"""The folder of a cache: its objects, its index, and the room in it."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from artifacts.store.cache import files, partial
from artifacts.store.cache.holds import Holds
from artifacts.store.cache.index import CacheIndex, Room
from artifacts.store.errors import InvalidInputError, StorageError, from_os_error
from artifacts.store.objects import LocalObjects
from artifacts.store.staging import StagingFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifacts.store.cache.files import CachedObject
    from artifacts.store.digests import Digest

T = TypeVar("T")

DEFAULT_LIMIT = 20 * 10**9
"""Bytes; less on a file system of which that is more than a tenth."""

_DEFAULT_SHARE = 10
EVERYTHING = 1 << 62


class Space:
    """What `BlobCache` and `upkeep` work on. Thread-safe.

    Args:
        root: The folder.
        limit: Bytes, or None for the default.
    """

    def __init__(self, root: Path, limit: int | None) -> None:
        self.root = root
        self.objects = LocalObjects(root / "objects")
        self.index = CacheIndex(root, self.objects)
        self.holds = Holds(root / "holds")
        self.partial = root / "partial"
        self._limit = limit
        self._staging: StagingFolder | None = None
        self._staging_lock = threading.Lock()

    @property
    def limit(self) -> int:
        """Bytes that may be in it."""
        if self._limit is None:
            folder = Path(os.path.abspath(self.root))
            while not folder.exists():
                folder = folder.parent
            share = shutil.disk_usage(folder).total // _DEFAULT_SHARE
            self._limit = min(DEFAULT_LIMIT, share)
        return self._limit

    @contextlib.contextmanager
    def prepared(self, doing: str) -> Iterator[None]:
        """Make sure that nothing leads out of the folder, and translate errors.

        Args:
            doing: What is tried, as it continues "could not …".
        """
        with translated(doing):
            for name in ("objects", "objects/blobs", "objects/packs", "holds", "partial"):
                if (self.root / name).is_symlink():
                    raise InvalidInputError(
                        f"{self.root / name} is a symbolic link",
                        hint="remove it; only the folder of the cache as a whole may be one",
                        kind="in_the_way",
                    )
            yield

    # -- files that are being made

    def staging(self) -> StagingFolder:
        """Return a new staging folder; what killed processes have left is removed."""
        parent = self.root / "staging"
        before = set(os.listdir(parent)) if parent.is_dir() else set()
        folder = StagingFolder(parent)
        if before - set(os.listdir(parent)):
            # Its owner may have been killed anywhere, so also between a file and its row.
            self.sweep()
        return folder

    def new_path(self) -> Path:
        """Return an unused path in a staging folder of our own."""
        with self._staging_lock:
            if self._staging is None or not self._staging.path.is_dir():
                self._staging = self.staging()
                # Also for a cache that is dropped without an end.
                weakref.finalize(self, self._staging.close)
            return self._staging.new_path()

    # -- objects

    def gone(self, sizes: dict[str, int]) -> set[str]:
        """Return the keys of objects whose file is missing or torn.

        Args:
            sizes: What the index says of each key.
        """
        sound = {info.key for info in self.objects.stat(sizes) if info.size == sizes[info.key]}
        return sizes.keys() - sound

    def publish(self, new: CachedObject, path: Path, since: int) -> set[Digest] | None:
        """Make a complete file an object, if none of its blobs is here already.

        Args:
            since: What was used since then does not make room for it.

        Returns:
            The blobs that are here already; None if there is no room. Unless the set is empty,
            the file is still where it was.
        """
        target = self.objects.root / new.key
        try:
            added = self.index.add(
                new,
                Room(self.limit, lambda: self.protected_from(since)),
                lambda: files.place_file(path, target),
            )
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.rename(target, path)
            raise
        self.objects.delete(added.evicted)
        return added.present if added.fits else None

    # -- room

    def protected_from(self, since: int) -> int:
        """Return from when on an object must have been used to stay, whatever room is needed."""
        held = self.holds.oldest()
        return since if held is None else min(since, held)

    def with_room(self, size: int, since: int, work: Callable[[], T]) -> T:
        """Run ``work``; on a full disk evict something and run it once more."""
        try:
            with translated("write to the cache"):
                return work()
        except StorageError as error:
            if error.kind != "disk_full":
                raise
            # More than is needed just now, so that the next one need not do the same again.
            count = max(size, self.index.totals().bytes // 10)
            if not self.evict(count, self.protected_from(since)):
                raise
        return work()

    def evict(self, count: int, before: int) -> int:
        """Delete the least recently used objects until ``count`` bytes are free.

        Args:
            before: Only objects that were last used before that time.

        Returns:
            Freed bytes.
        """
        try:
            rows = self.index.evict(count, before)
            self.objects.delete(row.key for row in rows)
        except StorageError as error:
            if error.kind != "disk_full":
                raise
            # There is not even room to note it. A row without a file is no harm.
            rows = self.index.oldest(count, before)
            self.objects.delete(row.key for row in rows)
            self.index.forget(row.key for row in rows)
        return sum(row.size for row in rows)

    def sweep(self) -> int:
        """Delete files without a row, which killed processes have left; return freed bytes."""
        unknown = self.index.unknown(lambda: files.list_keys(self.objects))
        self.objects.delete(key for key, _ in unknown)
        return sum(size for _, size in unknown) + self.sweep_partial()

    def sweep_partial(self, *, older_than: float = partial.KEPT_FOR) -> int:
        """Remove interrupted downloads; see `partial.sweep`."""
        return partial.sweep(self.partial, older_than=older_than)

    def close(self) -> None:
        """Close the index, and remove what was not finished."""
        self.index.close()
        with self._staging_lock:
            if self._staging is not None:
                self._staging.close()
                self._staging = None


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise the errors of the operating system as ours."""
    try:
        yield
    except OSError as error:
        raise from_os_error(error, doing) from error
