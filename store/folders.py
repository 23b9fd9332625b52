"""A folder and what is below it, reached without following any symbolic link."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderTree:
    """Opens folders below ``root`` one segment at a time, each relative to the one above.

    Nobody can lead a writer elsewhere by putting a link in its way, not even between two steps.
    The root itself may be reached through links; it is created if need be.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        os.makedirs(root, exist_ok=True)
        self._descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @contextlib.contextmanager
    def opened(self, folder: str, *, make: bool = False) -> Iterator[int | None]:
        """Provide the descriptor of a folder; None if it does not exist and ``make`` is False.

        Args:
            folder: Relative path, "" for the root.
            make: Create what is missing.

        Raises:
            InvalidInputError: A file or a symbolic link is where a folder belongs.
        """
        descriptor: int | None = os.dup(self._descriptor)
        try:
            for segment in folder.split("/") if folder else ():
                assert descriptor is not None
                below = self._open(segment, descriptor, folder, make=make)
                os.close(descriptor)
                descriptor = below
                if below is None:
                    break
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _open(self, segment: str, parent: int, folder: str, *, make: bool) -> int | None:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(segment, dir_fd=parent)
        try:
            return os.open(segment, _FLAGS, dir_fd=parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise in_the_way(
                    folder, f"{segment!r} is a file or a symbolic link where a folder belongs"
                ) from error
            raise

    def close(self) -> None:
        """Close the root."""
        os.close(self._descriptor)


def in_the_way(path: str, why: str) -> InvalidInputError:
    """Return the error for a place that is taken by something of another kind."""
    return InvalidInputError(
        f"cannot write {path}: {why}",
        hint="move it away, or choose another folder",
        kind="in_the_way",
    )
