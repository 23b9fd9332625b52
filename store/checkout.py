"""From a version to files: write what is missing, leave what matches, replace what differs.

See `placing` for how files come to their names. No symbolic link inside the target is followed.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat as stat_module
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple

from artifacts.store import collecting, copying, filesystems, reading
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import IntegrityError, InvalidInputError, from_os_error
from artifacts.store.folders import FolderTree, in_the_way
from artifacts.store.objects.external import changed
from artifacts.store.placing import Placement, Target
from artifacts.store.progress import Progress
from artifacts.store.references import is_remote, opened_ahead
from artifacts.store.staging import WORK_FOLDER, StagingFolder
from artifacts.store.statcache import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry
    from artifacts.store.places import BlobLocation
    from artifacts.store.sources import BlobSource
    from artifacts.store.store import Store

LinkMode = Literal["copy", "hardlink", "symlink"]

# Each round is published before the next one begins: a pull that is killed has not lost more.
_ROUND_FILES = 20_000
_ROUND_BYTES = 2 << 30
_SMALL = 1 << 20
_NO_LINKS_HERE = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP})


class CheckoutResult(NamedTuple):
    """What a checkout did.

    Attributes:
        written: Files that were written.
        unchanged: Files that matched already.
        removed: Paths that were removed because the version does not have them.
        skipped: Paths of references that could not be read and were allowed to be missing.
    """

    written: int
    unchanged: int
    removed: tuple[str, ...]
    skipped: tuple[str, ...]


def checkout(
    store: Store,
    entries: Iterable[Entry],
    root: str,
    *,
    link: LinkMode = "copy",
    remove_extra: bool = False,
    allow_missing_references: bool = False,
    keep: bool = True,
    progress: Progress | None = None,
) -> CheckoutResult:
    """Make a folder hold the given entries.

    Args:
        root: The folder; it is created if need be. Other files in it are left alone.
        link: ``hardlink`` and ``symlink`` place files that are objects of their own (above
            256 KiB) as read-only links into a local store, which saves space; editing such a file
            is not possible, and must not be forced. Smaller files are always copied.
        remove_extra: Delete files in ``root`` that are not among the entries.
        allow_missing_references: Skip references whose file is gone or has changed.
        keep: Whether the cache of a remote store gets what has to be fetched.

    Raises:
        IntegrityError: Stored bytes are damaged; the file in question was not written.
        InvalidInputError: Something in the folder is in the way.
        StorageError: Reading or writing failed.
    """
    wanted = sorted(entries, key=lambda entry: entry.path)
    try:
        work = _Checkout(store, root, link, progress or Progress())
        work.allow_missing = allow_missing_references
        work.keep = keep
        try:
            with collecting.paused():
                targets = work.find_targets(wanted)
            work.write(targets)
            removed = work.remove(extra_files(wanted, root)) if remove_extra else ()
        finally:
            work.close()
    except OSError as error:
        raise from_os_error(error, f"write to {root}") from error
    unchanged = len(wanted) - work.written - len(work.skipped)
    return CheckoutResult(work.written, unchanged, removed, tuple(work.skipped))


def extra_files(entries: Iterable[Entry], root: str) -> list[str]:
    """Return the paths of all files and links below ``root`` that no entry has, sorted."""
    keep = {entry.path for entry in entries}
    found = []
    for folder, subfolders, files in os.walk(root):
        prefix = os.path.relpath(folder, root)
        prefix = "" if prefix == "." else prefix + "/"
        if not prefix and WORK_FOLDER in subfolders:
            subfolders.remove(WORK_FOLDER)
        links = [name for name in subfolders if os.path.islink(os.path.join(folder, name))]
        found += [prefix + name for name in (*files, *links) if prefix + name not in keep]
    return sorted(found)


class _Checkout:
    """One checkout: finds out what to write, then writes it in rounds of bounded size."""

    def __init__(self, store: Store, root: str, link: LinkMode, progress: Progress) -> None:
        self._store = store
        self._root = root
        self._link = link
        self._progress = progress
        self._tree = FolderTree(root)
        self._granularity = filesystems.granularity_ns(root)
        self._staging: StagingFolder | None = None
        self._new_folders: set[str] = set()
        self.allow_missing = False
        self.keep = True
        self.skipped: list[str] = []
        self.written = 0

    # -- what to write

    def find_targets(self, wanted: Sequence[Entry]) -> list[Target]:
        """Return what has to be written, by path; changes nothing."""
        self._progress.start(len(wanted), sum(entry.size for entry in wanted))
        by_folder: dict[str, list[Target]] = {}
        for entry in wanted:
            folder, _, name = entry.path.rpartition("/")
            by_folder.setdefault(folder, []).append(Target(entry, folder, name))
        targets: list[Target] = []
        candidates: list[tuple[Target, FileStat, bool]] = []
        for folder, here in by_folder.items():
            with self._tree.opened(folder) as descriptor:
                if descriptor is None:
                    self._new_folders.add(folder)
                    targets += here
                else:
                    targets += self._look_into(descriptor, here, candidates)
        targets += self._differing(candidates)
        targets.sort(key=lambda target: target.entry.path)
        return targets

    def _look_into(
        self,
        descriptor: int,
        targets: list[Target],
        candidates: list[tuple[Target, FileStat, bool]],
    ) -> Iterator[Target]:
        """Yield targets that are missing or of another size; others become candidates."""
        with os.scandir(descriptor) as iterator:
            there = {entry.name: entry for entry in iterator}
        for target in targets:
            found = there.get(target.name)
            if found is None:
                yield target
                continue
            status = found.stat(follow_symlinks=False)
            mode = status.st_mode
            if stat_module.S_ISDIR(mode):
                raise in_the_way(target.entry.path, "a folder is where a file belongs")
            if stat_module.S_ISREG(mode) and status.st_size == target.entry.size:
                executable = mode & stat_module.S_IXUSR != 0
                candidates.append((target, FileStat.of(status), executable))
            else:
                yield target

    def _differing(self, candidates: list[tuple[Target, FileStat, bool]]) -> Iterator[Target]:
        """Yield those of the files of the right size that have other contents."""
        known = self._store.stat_cache.lookup([stat for _, stat, _ in candidates])
        learned: list[tuple[FileStat, Digest]] = []
        for (target, stat, executable), remembered in zip(candidates, known, strict=True):
            entry = target.entry
            matches = remembered == entry.digest
            if remembered is None:
                started_ns = time.time_ns()
                source = os.path.join(self._root, entry.path)
                matches = copying.has_content(source, entry.digest, entry.size)
                if matches and stat.changed_before(started_ns - self._granularity):
                    learned.append((stat, entry.digest))
            if matches and executable == entry.executable:
                self._progress.advance(1, entry.size)
            else:
                yield target
        self._store.stat_cache.store(learned)

    # -- writing

    def write(self, targets: Sequence[Target]) -> None:
        """Write all targets."""
        folder = Path(self._root) / WORK_FOLDER
        if not targets and not folder.is_dir():
            return
        self._staging = StagingFolder(folder)  # also removes what a killed pull has left
        for batch in _rounds(targets):
            placement = Placement(self._tree, self._staging, self._new_folders)
            with collecting.paused():
                self._write_round(batch, placement)
                proven = placement.publish()
                self.written += placement.count
                self._store.stat_cache.store(proven)

    def _write_round(self, batch: list[Target], placement: Placement) -> None:
        by_digest: dict[Digest, list[Target]] = {}
        for target in batch:
            if target.entry.reference is None:
                by_digest.setdefault(target.entry.digest, []).append(target)
        self._write_references(
            [target for target in batch if target.entry.reference is not None], placement
        )
        for source in self._store.sources(by_digest, keep=self.keep):
            linked = self._links(source)
            small = [place for place in source.locations if _is_small(place, linked=linked)]
            for blobs in source.read(small):
                files = size = 0
                for place, data in blobs:
                    targets = by_digest[place.digest]
                    for target in targets:
                        placement.write(target, data)
                    files += len(targets)
                    size += len(targets) * place.size
                self._progress.advance(files, size)
            for place in source.locations:
                if not _is_small(place, linked=linked):
                    twin: str | None = None
                    for target in by_digest[place.digest]:
                        twin = self._write_large(source, place, target, placement, twin)

    def _links(self, source: BlobSource) -> bool:
        return self._link != "copy" and source.linkable

    def _write_large(
        self,
        source: BlobSource,
        place: BlobLocation,
        target: Target,
        placement: Placement,
        twin: str | None,
    ) -> str:
        """Write a file, and return where it lies until it is published.

        Args:
            twin: Path of another target with the same contents, so that these are fetched once.
        """
        file = source.file_of(place)
        # Objects are not executable, and a link has the mode of what it leads to.
        if file is not None and self._links(source) and not target.entry.executable:
            path = placement.path_for(target)
            self._check_object(file, place)
            if _place_link(file, path, self._link):
                placement.wrote(target, path, None)
                self._progress.advance(1, place.size)
                return path
        if file is None and twin is not None:
            file = Path(twin)
        descriptor, path = placement.create(target)
        try:
            if file is not None and _reflink(file, descriptor):
                digest, size = copying.hash_file(descriptor, self._advance)
            elif twin is not None:
                with open(twin, "rb", buffering=0) as reader:
                    digest, size = copying.copy_and_hash(
                        copying.pieces_of(reader), descriptor, self._advance
                    )
            else:
                digest, size = source.copy(place, descriptor, self._advance)
            if digest != place.digest or size != place.size:
                raise reading.damaged(place)
            placement.wrote(target, path, os.fstat(descriptor))
        finally:
            os.close(descriptor)
        self._progress.advance(1, 0)
        return path

    def _check_object(self, file: Path, place: BlobLocation) -> None:
        if not copying.has_content(str(file), place.digest, place.size):
            raise reading.damaged(place)

    def _write_references(self, targets: Sequence[Target], placement: Placement) -> None:
        with opened_ahead(target.entry for target in targets) as files:
            for target, opening in zip(targets, files, strict=True):
                try:
                    with opening() as file:
                        self._copy_reference(target, file, placement)
                except (IntegrityError, InvalidInputError):  # not: somebody does not answer
                    if not self.allow_missing:
                        raise
                    self.skipped.append(target.entry.path)

    def _copy_reference(self, target: Target, file: IO[bytes], placement: Placement) -> None:
        entry, reference = target.entry, target.entry.reference
        assert reference is not None
        descriptor, path = placement.create(target)
        try:
            digest, size = _copy_all(file, descriptor, self._advance)
            if reference.hashed:
                is_other = digest != entry.digest
            else:  # then a size of 0 may mean one that is not known
                is_other = is_remote(reference) and entry.size not in {0, size}
            if is_other:
                raise changed(reference.uri)
            placement.wrote(target, path, os.fstat(descriptor) if reference.hashed else None)
        except BaseException:
            os.unlink(path)  # it may lie in a folder that is published as a whole
            raise
        finally:
            os.close(descriptor)
        self._progress.advance(1, 0)

    def _advance(self, count: int) -> None:
        self._progress.advance(0, count)

    # -- ending

    def remove(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Delete files below the root, and folders that this leaves empty."""
        for path in paths:
            folder, _, name = path.rpartition("/")
            with self._tree.opened(folder) as parent, contextlib.suppress(FileNotFoundError):
                if parent is not None:
                    os.unlink(name, dir_fd=parent)
        for folder in sorted({path.rpartition("/")[0] for path in paths}, reverse=True):
            self._remove_empty(folder)
        return tuple(paths)

    def _remove_empty(self, folder: str) -> None:
        while folder:
            above, _, name = folder.rpartition("/")
            with self._tree.opened(above) as parent:
                try:
                    os.rmdir(name, dir_fd=parent)
                except OSError:
                    return  # not empty
            folder = above

    def close(self) -> None:
        """Remove the private folder."""
        if self._staging is not None:
            self._staging.close()
            with contextlib.suppress(OSError):  # another pull into the same folder uses it
                os.rmdir(os.path.join(self._root, WORK_FOLDER))
        self._tree.close()


def _is_small(place: BlobLocation, *, linked: bool) -> bool:
    """Whether to write a blob from memory; what can be linked to is not."""
    return place.size <= reading.IN_MEMORY and not (linked and place.key.startswith("blobs/"))


def _rounds(targets: Sequence[Target]) -> Iterator[list[Target]]:
    batch: list[Target] = []
    size = 0
    for target in targets:
        batch.append(target)
        size += target.entry.size
        if len(batch) >= _ROUND_FILES or size >= _ROUND_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _copy_all(file: IO[bytes], target: int, progress: Callable[[int], None]) -> tuple[Digest, int]:
    """Write and hash everything in a file; of a small one without the threads for a large one."""
    first = b""
    while len(first) < _SMALL and (more := file.read(_SMALL - len(first))):
        first += more
    if len(first) < _SMALL:
        copying.write_all(target, first)
        progress(len(first))
        return hash_bytes(first), len(first)
    all_of_it = itertools.chain([memoryview(first)], copying.pieces_of(file))
    return copying.copy_and_hash(all_of_it, target, progress)


def _reflink(source: Path, target: int) -> bool:
    descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return copying.reflink(descriptor, target)
    finally:
        os.close(descriptor)


def _place_link(source: Path, path: str, link: LinkMode) -> bool:
    """Link to an object; False where the file system cannot."""
    try:
        if link == "symlink":
            os.symlink(source.absolute(), path)
        else:
            os.link(source, path)
    except OSError as error:
        if error.errno in _NO_LINKS_HERE:
            return False
        raise
    return True
