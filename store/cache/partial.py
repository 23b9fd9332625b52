"""Downloads of large blobs that were interrupted, kept so that the next one goes on.

One file a blob, named by its digest, and locked by the process that writes it. What is in it was
not verified: whoever goes on with it hashes it as if it were being fetched, and begins anew if the
whole turns out wrong.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from typing import TYPE_CHECKING

from artifacts.store import copying

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from artifacts.store.digests import Digest

KEPT_FOR = 7 * 24 * 3600.0
"""Seconds after which nobody is expected to go on with a download."""

LEAST = 64 << 20
"""Blobs from this size on are worth going on with."""

_NAME = re.compile(r"[0-9a-f]{64}")


class PartialFile:
    """A download that is under way. Make one with `open_partial`.

    Attributes:
        path: The file.
        size: Bytes that were in it when it was opened.
        descriptor: Of the file, for writing from its start.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def pieces(self) -> Iterator[memoryview]:
        """Yield what was in the file when it was opened, as `copying.pieces` does."""
        position = 0

        def read(buffer: memoryview) -> int:
            nonlocal position
            count = os.preadv(self.descriptor, [buffer[: self.size - position]], position)
            position += count
            return count

        return copying.pieces(read)

    def reset(self) -> None:
        """Forget what is in it, which turned out wrong."""
        os.ftruncate(self.descriptor, 0)
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        self.size = 0

    def close(self) -> None:
        """Leave it to the next one; what has no bytes is removed."""
        if os.fstat(self.descriptor).st_size == 0:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def open_partial(folder: Path, digest: Digest) -> PartialFile | None:
    """Open the download of a blob, which may have been begun by a process that is gone.

    Returns:
        None if another process is downloading it right now.

    Raises:
        OSError: The file cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / digest.hex()
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    if not _lock(descriptor, path):
        os.close(descriptor)
        return None
    return PartialFile(path, descriptor)


def sweep(folder: Path, *, older_than: float = KEPT_FOR) -> int:
    """Remove downloads that nobody is at.

    Args:
        older_than: Seconds; only those that were not written to for longer than that.

    Returns:
        Freed bytes.
    """
    freed = 0
    if not folder.is_dir():
        return freed
    for entry in os.scandir(folder):
        if not _NAME.fullmatch(entry.name):
            continue
        with contextlib.suppress(FileNotFoundError):
            status = entry.stat(follow_symlinks=False)
            if time.time() - status.st_mtime <= older_than:
                continue
            path = folder / entry.name
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if _lock(descriptor, path):
                    path.unlink()
                    freed += status.st_size
            finally:
                os.close(descriptor)
    return freed


def _lock(descriptor: int, path: Path) -> bool:
    """Lock a file that is still the one of that name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        return False
