"""Copying one file while hashing it, and sharing its blocks where the file system can."""

from __future__ import annotations

import fcntl
import io
import itertools
import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

from artifacts.store.digests import Hasher, hash_bytes
from artifacts.store.errors import from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from artifacts.store.digests import Digest

BUFFER_SIZE = 4 << 20
_BUFFERS = 3
_SYNC_EVERY = 64 << 20
_IOV_MAX = 1024
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter
_FICLONE = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)


class PieceReader(io.RawIOBase):
    """A stream whose bytes are in memory already when they are read."""

    def read_piece(self, most: int) -> memoryview:
        """Return up to ``most`` bytes as they lie there, none at the end; they stay as they are."""
        raise NotImplementedError


def read_piece(file: IO[bytes], most: int) -> memoryview:
    """Return up to ``most`` bytes of an open file, not copied if it has them in memory."""
    return file.read_piece(most) if isinstance(file, PieceReader) else memoryview(file.read(most))


def pieces_of(file: IO[bytes]) -> Iterator[memoryview]:
    """Yield the rest of an open file, as `pieces` does."""
    if isinstance(file, PieceReader):
        return iter(lambda: file.read_piece(BUFFER_SIZE), b"")
    return pieces(file.readinto)  # type: ignore[attr-defined] # IO does not declare it


def pieces_at(descriptor: int, held: int = _BUFFERS) -> Iterator[memoryview]:
    """Yield an open file from its current position on, as `pieces` does."""
    return pieces(lambda buffer: os.readv(descriptor, [buffer]), held)


def pieces(read: Callable[[memoryview], int], held: int = _BUFFERS) -> Iterator[memoryview]:
    """Yield what ``read`` delivers, piece by piece.

    Args:
        read: Fills a buffer and returns how many bytes it put there; 0 at the end.
        held: A piece stays as it is until so many more were asked for; `copy_and_hash` needs the
            default, who is done with each piece at once needs 1.
    """
    buffers = [memoryview(bytearray(BUFFER_SIZE)) for _ in range(held)]
    for buffer in itertools.cycle(buffers):
        count = read(buffer)
        if count == 0:
            return
        yield buffer[:count]


def copy_and_hash(
    source: Iterable[memoryview],
    target: int,
    progress: Callable[[int], None] | None = None,
    *,
    durable: bool = False,
    also: Callable[[memoryview], None] | None = None,
) -> tuple[Digest, int]:
    """Write everything that comes from ``source`` to a file, and hash the bytes that are written.

    Hashing and writing run side by side on the same memory: no byte is read twice, and the
    digest is that of the copy whatever happens to the original meanwhile.

    Args:
        source: `pieces`, or something that lets them lie as long.
        target: Descriptor of the file to write, at its start.
        progress: Called with the number of bytes of each piece that was read.
        durable: Send large files to the disk while the rest is still being read; the caller
            syncs at the end.
        also: Gets the same bytes, piece by piece.

    Returns:
        The digest and the number of bytes.
    """
    hasher = Hasher()
    writes: deque[Future[None]] = deque()
    sync: Future[None] | None = None
    total = synced = 0

    def write(piece: memoryview) -> None:
        write_all(target, piece)
        if also is not None:
            also(piece)

    with (
        ThreadPoolExecutor(1, thread_name_prefix="artifacts-write") as writer,
        ThreadPoolExecutor(1, thread_name_prefix="artifacts-sync") as syncer,
    ):
        for piece in source:
            writes.append(writer.submit(write, piece))
            hasher.update(piece)
            total += len(piece)
            if progress is not None:
                progress(len(piece))
            if durable and total - synced >= _SYNC_EVERY and (sync is None or sync.done()):
                sync = syncer.submit(_sync, target)
                synced = total
            if len(writes) == _BUFFERS:
                writes.popleft().result()  # the next piece may come where this one was
        for each in writes:
            each.result()
        if sync is not None:
            sync.result()
    return hasher.digest(), total


def hash_file(descriptor: int, progress: Callable[[int], None] | None = None) -> tuple[Digest, int]:
    """Return the digest and size of an open file, read from its current position."""
    return hash_all(pieces_at(descriptor, 1), progress)


def hash_all(
    source: Iterable[memoryview], progress: Callable[[int], None] | None = None
) -> tuple[Digest, int]:
    """Return the digest and size of everything that comes from ``source``; see `copy_and_hash`."""
    hasher = Hasher()
    total = 0
    for piece in source:
        hasher.update(piece)
        total += len(piece)
        if progress is not None:
            progress(len(piece))
    return hasher.digest(), total


def write_all(descriptor: int, data: memoryview | bytes) -> None:
    """Write all of ``data``; a single write may stop early, for instance at 2 GiB."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def create(path: str | Path, mode: int = 0o600) -> int:
    """Create a file for reading and writing; return its descriptor.

    Raises:
        OSError: It exists, or cannot be made.
    """
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode)


def write_new(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write a file that does not exist yet, with few system calls for many small pieces.

    Raises:
        OSError: It exists, or cannot be written in full; then a part of it is left.
    """
    _write_to_file(os.O_CREAT | os.O_EXCL, path, pieces)


def append(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Append to a file that exists; otherwise as `write_new`.

    Raises:
        OSError: They cannot be written in full; then a part of them is.
    """
    _write_to_file(os.O_APPEND, path, pieces)


def _write_to_file(flags: int, path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    descriptor = os.open(path, flags | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        for start in range(0, len(pieces), _IOV_MAX):
            batch = pieces[start : start + _IOV_MAX]
            written = os.writev(descriptor, batch)
            if written != sum(map(len, batch)):
                # The disk is nearly full: the next write says so.
                write_all(descriptor, b"".join(batch)[written:])
    finally:
        os.close(descriptor)


def reflink(source: int, target: int) -> bool:
    """Make ``target`` share all blocks of ``source``; False where the file system cannot.

    The copy is instant and takes no space, and later writes to either file do not show in the
    other one (Linux ``FICLONE``: XFS, btrfs, bcachefs and some network file systems).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def has_content(path: str, digest: Digest, size: int) -> bool:
    """Read a file and say whether it is the given blob.

    Raises:
        ArtifactsError: It exists and cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
    try:
        if size > BUFFER_SIZE:
            return os.fstat(descriptor).st_size == size and hash_file(descriptor)[0] == digest
        data = os.read(descriptor, size + 1)
        while len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
            data += more
        return len(data) == size and hash_bytes(data) == digest
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
    finally:
        os.close(descriptor)
