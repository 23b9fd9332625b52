"""Finding the files of a folder: links, circles, and what is neither file nor folder."""

from __future__ import annotations

import os
import stat as stat_module
from typing import TYPE_CHECKING, Literal, NamedTuple

from artifacts.store import collecting
from artifacts.store.errors import ArtifactsError, InvalidInputError, from_os_error
from artifacts.store.staging import WORK_FOLDER
from artifacts.store.statcache import FileStat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

SymlinkPolicy = Literal["follow", "error", "skip"]


class SourceFile(NamedTuple):
    """A file that is to become an entry.

    Attributes:
        path: Path of the entry.
        source: Path on disk.
        stat: As seen by the walk, symlinks followed.
        executable: Whether its owner may execute it.
    """

    path: str
    source: str
    stat: FileStat
    executable: bool


def walk(
    root: str,
    *,
    ignore: Callable[[str, bool], bool] | None = None,
    symlinks: SymlinkPolicy = "follow",
    skip_folders: Collection[str] = (),
    skip_path: str | None = None,
) -> list[SourceFile]:
    """List the files below a folder, hidden ones included; empty folders leave no trace.

    Args:
        ignore: Called with a path relative to the root and whether it is a folder; what it
            returns True for is left out, and such folders are not entered.
        symlinks: What to do with symbolic links.
        skip_folders: Names of folders that are left out wherever they are.
        skip_path: A folder that is left out if it is met, by whatever name.

    Raises:
        InvalidInputError: A link leads nowhere or in a circle (or anywhere at all, with
            ``symlinks="error"``), or something is neither file nor folder.
    """
    status = _stat(root)
    walker = _Walker(ignore, symlinks, {WORK_FOLDER, *skip_folders})
    if skip_path is not None and os.path.isdir(skip_path):
        skipped = _stat(skip_path)
        walker.skip = (skipped.st_dev, skipped.st_ino)
    with collecting.paused():
        walker.enter(root, "", ((status.st_dev, status.st_ino),))
    return walker.found


def source_file(source: str, path: str) -> SourceFile:
    """Describe a single file.

    Raises:
        InvalidInputError: It is not a regular file.
    """
    try:
        status = os.stat(source)
    except FileNotFoundError:
        raise InvalidInputError(f"path is not a file: {source!r}", kind="not_a_file") from None
    except OSError as error:
        raise from_os_error(error, f"look at {source}") from error
    if not stat_module.S_ISREG(status.st_mode):
        raise InvalidInputError(f"path is not a file: {source!r}", kind="not_a_file")
    return _source(path, source, status)


class _Walker:
    def __init__(
        self,
        ignore: Callable[[str, bool], bool] | None,
        symlinks: SymlinkPolicy,
        skip_folders: Collection[str],
    ) -> None:
        self._ignore = ignore
        self._symlinks = symlinks
        self._skip_folders = skip_folders
        self.skip: tuple[int, int] | None = None
        self.found: list[SourceFile] = []

    def enter(self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> None:
        """Add everything below a folder.

        Args:
            above: (device, inode) of the folders on the way down; only a link can lead back.
        """
        try:
            with os.scandir(folder) as iterator:
                entries = sorted(iterator, key=_name)
        except OSError as error:
            raise from_os_error(error, f"list the folder {folder}") from error
        ignore, found = self._ignore, self.found
        for entry in entries:
            path = prefix + entry.name
            if not entry.is_file(follow_symlinks=False):
                self._look_at(entry, path, above)
            elif ignore is None or not ignore(path, False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError as error:
                    raise from_os_error(error, f"look at {entry.path}") from error
                found.append(_source(path, entry.path, status))

    def _look_at(
        self, entry: os.DirEntry[str], path: str, above: tuple[tuple[int, int], ...]
    ) -> None:
        """Add what is not simply a file."""
        is_link = entry.is_symlink()
        is_folder = _is_folder(entry)
        if (is_link and self._symlinks == "skip") or (
            is_folder and entry.name in self._skip_folders
        ):
            return
        if self._ignore is not None and self._ignore(path, is_folder):
            return
        if is_link and self._symlinks == "error":
            raise InvalidInputError(
                f"{entry.path} is a symbolic link",
                hint="exclude it, or use symlinks='follow' or 'skip'",
                kind="symlink",
            )
        try:
            status = entry.stat()
        except OSError as error:
            raise _unreadable(entry.path, error, is_link=is_link) from error
        if stat_module.S_ISREG(status.st_mode):
            self.found.append(_source(path, entry.path, status))
        elif is_folder:
            here = (status.st_dev, status.st_ino)
            if here == self.skip:
                return
            if here in above:
                raise InvalidInputError(
                    f"the symbolic link {entry.path} leads back to a folder that contains it",
                    hint="remove or exclude the link, or use symlinks='skip'",
                    kind="symlink_loop",
                )
            self.enter(entry.path, path + "/", (*above, here))
        else:
            raise InvalidInputError(
                f"{entry.path} is neither a file nor a folder (a socket, pipe or device?)",
                hint="exclude it",
                kind="special_file",
            )


def _source(path: str, source: str, status: os.stat_result) -> SourceFile:
    new = tuple.__new__  # half the time of calling the classes, and there are many files
    mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
    stat = new(FileStat, (status.st_dev, status.st_ino, status.st_size, mtime_ns, ctime_ns))
    executable = status.st_mode & stat_module.S_IXUSR != 0
    return new(SourceFile, (path, source, stat, executable))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle of links
        return False


def _unreadable(path: str, error: OSError, *, is_link: bool) -> ArtifactsError:
    if is_link:
        return InvalidInputError(
            f"the symbolic link {path} leads nowhere ({error.strerror})",
            hint="remove or exclude the link, or use symlinks='skip'",
            kind="broken_symlink",
        )
    return from_os_error(error, f"look at {path}")


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise from_os_error(error, f"look at {path}") from error
