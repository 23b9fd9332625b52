"""Folders for files that are being made, on the same file system as the objects.

Each upload has a folder of its own, in which it holds a lock for as long as it lives. Folders
whose lock is free belong to processes that were killed, and are removed by the next upload.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import secrets
import shutil
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError, StorageError, from_os_error

if TYPE_CHECKING:
    from pathlib import Path

WORK_FOLDER = ".artifacts-pull"
"""Name of the staging folder inside a folder that is being pulled into; never logged."""

_LOCK = "lock"
_NAME = re.compile(r"[0-9a-f]{16}")
_ATTEMPTS = 20


class StagingFolder:
    """A private folder below ``parent`` that is removed by `close`, or after a crash by others.

    Args:
        parent: Holds nothing but such folders.
        keep: Name of a file; folders that hold one are not removed by others.
    """

    def __init__(self, parent: Path, *, keep: str | None = None) -> None:
        self._numbers = itertools.count(1)
        if parent.is_symlink():
            raise InvalidInputError(
                f"{parent} is a symbolic link", hint="remove the link", kind="in_the_way"
            )
        try:
            for _ in range(_ATTEMPTS):
                self.path = parent / secrets.token_hex(8)
                with contextlib.suppress(FileNotFoundError):  # somebody removed it: once more
                    _make_folder(parent)
                    _remove_abandoned(parent, keep)
                    self._lock = _make_locked(self.path)
                    return
        except OSError as error:
            raise from_os_error(error, f"prepare the staging folder {parent}") from error
        raise StorageError(f"could not prepare the staging folder {parent}", retryable=True)

    def new_path(self) -> Path:
        """Return a path that nobody uses yet. Thread-safe."""
        return self.path / str(next(self._numbers))  # one step, also among threads

    @classmethod
    def take(cls, path: Path) -> StagingFolder | None:
        """Take over a folder whose owner is gone; None if somebody has it.

        Args:
            path: One that a killed process has left.
        """
        try:
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise from_os_error(error, f"look into {path}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(lock), os.stat(path / _LOCK)):
                raise FileNotFoundError(path)
        except OSError:  # it has an owner, or is gone
            os.close(lock)
            return None
        self = cls.__new__(cls)
        self.path = path
        self._lock = lock
        # Files of the former owner have smaller numbers.
        self._numbers = itertools.count(1 + sum(1 for _ in path.iterdir()))
        return self

    def leave(self) -> None:
        """Give the folder up without removing it."""
        with contextlib.suppress(OSError):
            os.close(self._lock)
        self._lock = -1

    def close(self) -> None:
        """Remove the folder and what is left in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)
        self._lock = -1


def _make_folder(path: Path) -> None:
    """Make a folder, unless it is there.

    Raises:
        FileNotFoundError: It was there, and somebody removed it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        # `mkdir` looks again after it has failed, and takes what is gone by then for a file.
        if path.exists() and not path.is_dir():
            raise
        raise FileNotFoundError(path) from None


def _make_locked(path: Path) -> int:
    """Make a folder and lock it.

    Raises:
        FileNotFoundError: Somebody took it for abandoned before it was locked, and removed it.
    """
    path.mkdir(0o700)
    lock = os.open(path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.samestat(os.fstat(lock), os.stat(path / _LOCK)):
            raise FileNotFoundError(path)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _remove_abandoned(parent: Path, keep: str | None) -> None:
    with os.scandir(parent) as entries:
        folders = [entry.path for entry in entries if _NAME.fullmatch(entry.name)]
    for folder in folders:
        try:
            # Made here if need be: its owner may have been killed before it made the lock.
            lock = os.open(
                os.path.join(folder, _LOCK), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        except OSError:
            continue  # being removed right now
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if keep is None or not os.path.exists(os.path.join(folder, keep)):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its owner lives
        finally:
            os.close(lock)
