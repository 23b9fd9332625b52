"""The folder of a run's files: ``run.dir``."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import walking
from artifacts.store.errors import ArtifactsError, InvalidInputError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.store.statcache import FileStat
    from artifacts.store.walking import SourceFile


class Contents(NamedTuple):
    """What is in the folder.

    Attributes:
        files: By their paths.
        vanished: Paths of links to files that are gone.
        failed: Why others cannot be looked at, by their paths.
    """

    files: dict[str, SourceFile]
    vanished: list[str]
    failed: dict[str, ArtifactsError]


class RunFolder:
    """Files that a program writes there, and links to files elsewhere that it has saved.

    Args:
        path: Of the folder, which is made by `make`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder unless it is there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, f"make {self.path}") from error

    def exists(self) -> bool:
        """Whether the folder was made, and not removed since."""
        return self.path.is_dir()

    def list(self) -> Contents:
        """Return what is in the folder now; links are followed, also those to folders."""
        contents = Contents({}, [], {})
        for path, source in self._walk():
            try:
                contents.files[path] = walking.source_file(source, path)
            except InvalidInputError:  # no regular file, or gone by now
                if os.path.islink(source) and not os.path.exists(source):
                    contents.vanished.append(path)
            except ArtifactsError as error:
                contents.failed[path] = error
        return contents

    def check(self, path: str, source: str) -> bool:
        """Return whether a file may be linked; False if there is one that is to stay.

        Raises:
            InvalidInputError: Something that is there makes it impossible.
        """
        target = self.path / path
        parent = target.parent
        while not os.path.lexists(parent):
            parent = parent.parent
        real = os.path.realpath(parent)
        root = os.path.realpath(self.path)
        if not os.path.isdir(real) or os.path.commonpath([real, root]) != root:
            raise InvalidInputError(
                f"{source} cannot be saved as {path!r}: {parent} is no folder of the run",
                hint="give it another path with base_path=",
                kind="in_the_way",
            )
        if target.is_symlink() or not target.exists():
            return True
        if target.is_dir():
            raise InvalidInputError(
                f"{source} cannot be saved as {path!r}: the run has a folder of that path",
                hint="give it another path with base_path=",
                kind="in_the_way",
            )
        return False

    def link(self, path: str, source: str) -> None:
        """Let a path in the folder lead to a file elsewhere, also if it leads to another one."""
        target = self.path / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_symlink() and os.readlink(target) == source:
                return
            temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
            temporary.symlink_to(source)
            temporary.replace(target)
        except OSError as error:
            raise from_os_error(error, f"make the link {target}") from error

    def remove(self, stored: Mapping[str, FileStat]) -> None:
        """Remove what is in the store, and all links, which lead to files that stay.

        Args:
            stored: What files looked like when they were stored; those that have changed since,
                and all others, stay.
        """
        try:
            for folder, folders, files in os.walk(self.path, topdown=False):
                for name in (*files, *folders):
                    source = os.path.join(folder, name)
                    stat = stored.get(os.path.relpath(source, self.path))
                    if os.path.islink(source) or (stat is not None and _is_as(source, stat)):
                        with contextlib.suppress(FileNotFoundError):  # somebody else did it
                            os.unlink(source)
                _remove_empty(folder)
        except OSError as error:
            raise from_os_error(error, f"remove files from {self.path}") from error
        if not self.path.exists():
            _remove_empty(self.path.parent)

    def _walk(self) -> Iterator[tuple[str, str]]:
        """Yield paths of files with where they are; a folder is entered once only."""
        entered: set[tuple[int, int]] = set()
        for folder, folders, files in os.walk(self.path, followlinks=True, onerror=_fail):
            try:
                status = os.stat(folder)
            except FileNotFoundError:  # removed meanwhile
                continue
            if (status.st_dev, status.st_ino) in entered:
                folders.clear()
                continue
            entered.add((status.st_dev, status.st_ino))
            folders.sort()
            for name in sorted(files):
                source = os.path.join(folder, name)
                yield os.path.relpath(source, self.path), source


def _remove_empty(folder: str | Path) -> None:
    with contextlib.suppress(OSError):  # not empty, not there: both are fine
        os.rmdir(folder)


def _is_as(path: str, stat: FileStat) -> bool:
    try:
        return stat.matches(os.lstat(path))
    except FileNotFoundError:
        return False


def _fail(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # removed while it was being listed
        raise from_os_error(error, f"list {error.filename}") from error
