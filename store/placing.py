"""Putting complete, verified files under their names.

Files are written into a private folder inside the target and renamed into place: nobody ever
sees a part of a file under its name. A folder that is new as a whole is renamed as a whole,
which also leaves the change times of its files as they were when the files were verified.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import copying, filesystems
from artifacts.store.staging import WORK_FOLDER
from artifacts.store.statcache import FileStat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.digests import Digest
    from artifacts.store.folders import FolderTree
    from artifacts.store.manifest import Entry
    from artifacts.store.staging import StagingFolder

# From so many files or bytes on it pays to let the clock move on before they are published.
_SETTLE_FROM = 500
_SETTLE_FROM_BYTES = 64 << 20
_SETTLE_AT_MOST_NS = 100_000_000
_new = tuple.__new__  # half the time of calling the class, and there are many files
_OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EXDEV})


class Target(NamedTuple):
    """A file to write.

    Attributes:
        folder: Relative path of its folder, "" for the root.
        name: File name.
    """

    entry: Entry
    folder: str
    name: str


class _Written(NamedTuple):
    target: Target
    path: str
    stat: FileStat | None


class Placement:
    """A batch of files: written one by one, then published together.

    Args:
        tree: The target.
        staging: Private folder on the target's file system.
        new_folders: Folders that do not exist yet; those that are published are taken out.
    """

    def __init__(self, tree: FolderTree, staging: StagingFolder, new_folders: set[str]) -> None:
        self._tree = tree
        self._staging = staging
        self._new = new_folders
        self._staged: dict[str, str] = {}
        self._written: dict[str, list[_Written]] = {}
        self.count = 0
        self._bytes = 0

    def path_for(self, target: Target) -> str:
        """Return an unused path at which to write a file; called once for each."""
        folder = target.folder
        staged = self._staged.get(folder)
        if staged is None:
            if folder not in self._new:
                return str(self._staging.new_path())
            staged = self._staged[folder] = str(self._staging.new_path())
            os.mkdir(staged)
        return f"{staged}/{target.name}"

    def create(self, target: Target) -> tuple[int, str]:
        """Create the file; return its descriptor and path. Call `wrote` when it is complete."""
        path = self.path_for(target)
        mode = 0o777 if target.entry.executable else 0o666  # less the umask
        return copying.create(path, mode), path

    def write(self, target: Target, data: bytes | memoryview) -> None:
        """Write a small file that was verified in memory."""
        descriptor, path = self.create(target)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        self.wrote(target, path, status)

    def wrote(self, target: Target, path: str, status: os.stat_result | None) -> None:
        """Note that a file is complete and verified.

        Args:
            status: Its state when it was; None if its digest must not be remembered.
        """
        stat = None if status is None else FileStat.of(status)
        written = self._written.get(target.folder)
        if written is None:
            written = self._written[target.folder] = []
        written.append(_new(_Written, (target, path, stat)))
        self.count += 1
        self._bytes += target.entry.size

    def publish(self) -> list[tuple[FileStat, Digest]]:
        """Give all files their names; return what the stat cache may remember."""
        granularity = filesystems.granularity_ns(self._tree.root)
        much = self.count >= _SETTLE_FROM or self._bytes >= _SETTLE_FROM_BYTES
        if much and granularity <= _SETTLE_AT_MOST_NS:
            # Then the times of all files lie before their publication by more than the clock's
            # grain: whoever changes a file afterwards leaves another time.
            time.sleep(granularity / 1e9)
        proven_before_ns = time.time_ns() - granularity
        proven: list[tuple[FileStat, Digest]] = []
        for folder, files in sorted(self._written.items()):
            staged = self._staged.get(folder)
            if staged is not None and self._publish_folder(folder, staged):
                proven += [
                    (file.stat, file.target.entry.digest)
                    for file in files
                    if file.stat is not None and file.stat.changed_before(proven_before_ns)
                ]
            else:
                proven += self._publish_files(folder, files, proven_before_ns)
            self._new.discard(folder)
        return proven

    def _publish_folder(self, folder: str, staged: str) -> bool:
        """Rename a new folder into place; False if that place is taken by now."""
        above, _, name = folder.rpartition("/")
        if not name:
            return False
        with self._tree.opened(above, make=True) as parent:
            try:
                os.rename(staged, name, dst_dir_fd=parent)
            except OSError as error:
                if error.errno in _OCCUPIED:
                    return False
                raise
        return True

    def _publish_files(
        self, folder: str, files: list[_Written], proven_before_ns: int
    ) -> Iterator[tuple[FileStat, Digest]]:
        """Rename files into a folder that exists; yield what the stat cache may remember."""
        with self._tree.opened(folder, make=True) as parent:
            assert parent is not None
            for file in files:
                name, before = file.target.name, file.stat
                _move(file.path, name, parent)
                if before is None or not before.changed_before(proven_before_ns):
                    continue
                # Renaming has changed the change time. The modification time of before says that
                # nobody has written since: a write by now would have left a later one.
                after = FileStat.of(os.stat(name, dir_fd=parent, follow_symlinks=False))
                if after._replace(ctime_ns=before.ctime_ns) == before:
                    yield after, file.target.entry.digest


def _move(source: str, name: str, parent: int) -> None:
    try:
        os.rename(source, name, dst_dir_fd=parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_across(source, name, parent)


def _move_across(source: str, name: str, parent: int) -> None:
    """Move a file into a folder of the target that is on another file system."""
    temporary = f"{WORK_FOLDER}-{os.getpid()}-{name}"[:250]

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=parent)

    with open(source, "rb") as reader, open(temporary, "wb", opener=opener) as writer:
        shutil.copyfileobj(reader, writer)
        os.fchmod(writer.fileno(), os.fstat(reader.fileno()).st_mode & 0o777)
    os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
