"""Files of media on this machine, until they are part of a version: each content once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat as stat_module
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import copying, filesystems
from artifacts.store.digests import Digest, hash_bytes
from artifacts.store.errors import IntegrityError, InvalidInputError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.errors import ArtifactsError

HEX = 64
"""Digits of a digest, with which the name of each file begins."""

_ATTEMPTS = 3
_SHORT = 8
_NAME = re.compile(r"_(?P<hash>[0-9a-f]{8,64})(?P<suffix>(\.[^/]*)?)$")
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # NONBLOCK: never wait for a pipe's writer


class Content(NamedTuple):
    """What a file contains.

    Attributes:
        digest: BLAKE3.
        sha256: 64 hexadecimal digits.
        size: Bytes.
    """

    digest: Digest
    sha256: str
    size: int


class Spool:
    """A folder of files that are named by their contents. Thread-safe.

    A file is complete as soon as it has its name, and on the disk after the next `sync`.

    Args:
        folder: Made with the first file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._unsynced: list[Path] = []

    def put(self, content: bytes | Path, suffix: str) -> Content:
        """Put a file there, unless it is there already.

        Args:
            content: The bytes, or a file of which a copy is made as it is now.
            suffix: Of its name, such as ``.png``.

        Raises:
            InvalidInputError: It is not a file.
            IntegrityError: The file kept changing while it was copied.
            StorageError: It cannot be read or written; there is no space for it.
        """
        if isinstance(content, Path):
            return self._put_file(content, suffix)
        found = content_of(content)
        if not self._has(found, suffix):
            with self._new_file() as (path, descriptor):
                try:
                    copying.write_all(descriptor, content)
                except OSError as error:
                    raise _not_kept(error) from error
                self._enter(path, found, suffix)
        return found

    def path_of(self, digest: Digest, suffix: str) -> Path:
        """Return where the file of a content is, if it is there."""
        return self.folder / (digest.hex() + suffix)

    def find(self, path: str, digest: Digest | None = None) -> Path | None:
        """Return the file that is to have a path in a version; None if it is not here.

        Args:
            path: As `path_for` has made it.
            digest: Of its content, if that is known.
        """
        named = _NAME.search(path)
        if named is None:
            return None
        if digest is not None:
            found = self.path_of(digest, _suffix_of(path, digest))
            return found if found.exists() else None
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.folder):
                if name.startswith(named["hash"]) and name[HEX:] == named["suffix"]:
                    return self.folder / name
        return None

    def sync(self) -> None:
        """Make everything durable that was put there.

        Raises:
            OSError: That failed.
        """
        with self._lock:
            waiting, self._unsynced = self._unsynced, []
        for path in waiting:
            with contextlib.suppress(FileNotFoundError):  # somebody has removed it
                filesystems.sync(path)
        if waiting:
            with contextlib.suppress(FileNotFoundError):
                filesystems.sync(self.folder)

    def after_fork(self) -> None:
        """Forget the threads of the parent."""
        self._lock = threading.Lock()

    def _put_file(self, source: Path, suffix: str) -> Content:
        for _ in range(_ATTEMPTS):
            with _opened(source) as descriptor:
                before = os.fstat(descriptor)
                with self._new_file() as (path, target):
                    found = _copy(descriptor, target, source)
                    if _same(before, os.fstat(descriptor), found.size):
                        if not self._has(found, suffix):
                            self._enter(path, found, suffix)
                        return found
        raise IntegrityError(
            f"{source} keeps changing while it is read",
            hint="log it when nobody writes to it, or log a copy",
            kind="file_changed",
        )

    def _has(self, content: Content, suffix: str) -> bool:
        try:
            # A power failure may have cut what had not been synced.
            return self.path_of(content.digest, suffix).stat().st_size == content.size
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _not_kept(error) from error

    def _enter(self, path: Path, content: Content, suffix: str) -> None:
        target = self.path_of(content.digest, suffix)
        try:
            path.chmod(0o400)
            path.replace(target)
        except OSError as error:
            raise _not_kept(error) from error
        with self._lock:
            self._unsynced.append(target)

    @contextlib.contextmanager
    def _new_file(self) -> Iterator[tuple[Path, int]]:
        """Make a file, which is removed in the end if it still has this name."""
        path = self.folder / f"{secrets.token_hex(8)}.tmp"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _not_kept(error) from error
        try:
            yield path, descriptor
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)


def content_of(data: bytes) -> Content:
    """Return what a file with these bytes contains."""
    return Content(hash_bytes(data), hashlib.sha256(data).hexdigest(), len(data))


def path_for(
    folder: str, stem: str, content: Content, suffix: str, taken: dict[str, Digest]
) -> str:
    """Return the path that a content gets in a version.

    Args:
        folder: Below ``media/``.
        stem: What the name begins with.
        taken: The contents of the paths that are in use; this one is entered.
    """
    digits = content.digest.hex()
    length = _SHORT
    path = f"media/{folder}/{stem}_{digits[:length]}{suffix}"
    while taken.setdefault(path, content.digest) != content.digest and length < HEX:
        length *= 2  # as often as two contents begin alike
        path = f"media/{folder}/{stem}_{digits[:length]}{suffix}"
    return path


def copy_and_hash(source: Path, target: int) -> Content:
    """Write a copy of a file, and hash what is written.

    Args:
        target: Descriptor of the copy.

    Raises:
        InvalidInputError: It is not a file.
        StorageError: It cannot be read or written.
    """
    with _opened(source) as descriptor:
        return _copy(descriptor, target, source)


def _copy(descriptor: int, target: int, source: Path) -> Content:
    sha256 = hashlib.sha256()

    def watched(pieces: Iterator[memoryview]) -> Iterator[memoryview]:
        for piece in pieces:
            sha256.update(piece)
            yield piece

    try:
        if copying.reflink(descriptor, target):
            digest, size = copying.hash_all(watched(copying.pieces_at(target)))
        else:
            digest, size = copying.copy_and_hash(watched(copying.pieces_at(descriptor)), target)
    except OSError as error:
        raise from_os_error(error, f"copy {source}") from error
    return Content(digest, sha256.hexdigest(), size)


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[int]:
    """Open a file for reading; what is no file is refused."""
    try:
        descriptor = os.open(source, _FLAGS)
    except FileNotFoundError:
        raise _no_file(source) from None
    except OSError as error:
        raise from_os_error(error, f"read {source}") from error
    try:
        if not stat_module.S_ISREG(os.fstat(descriptor).st_mode):
            raise _no_file(source)
        yield descriptor
    finally:
        os.close(descriptor)


def _no_file(source: Path) -> InvalidInputError:
    return InvalidInputError(f"path is not a file: {str(source)!r}", kind="not_a_file")


def _same(before: os.stat_result, after: os.stat_result, size: int) -> bool:
    return (before.st_size, before.st_mtime_ns) == (size, after.st_mtime_ns)


def _suffix_of(path: str, digest: Digest) -> str:
    """Return the suffix with which `path_for` has made a path."""
    digits = digest.hex()
    place = path.rfind("_" + digits[:_SHORT]) + 1
    for length in (HEX, 4 * _SHORT, 2 * _SHORT, _SHORT):
        if path.startswith(digits[:length], place):
            return path[place + length :]
    return ""


def _not_kept(error: OSError) -> ArtifactsError:
    told = from_os_error(error, "keep a file of the run")
    told.hint = "nothing was logged; free some space and log it again"
    return told
