"""The folder of a store that stands in, on this machine, for one that cannot be reached.

::

    <root>/<key>.lock          held, shared, by every process that uses the store
    <root>/<key>/target.json   for which store it stands in, for people
    <root>/<key>/store/        an embedded store

A folder goes only when nobody holds the lock. It is renamed first: what a killed process leaves of
it is no store any more, and the next removal takes it along.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.store import filesystems
from artifacts.store.errors import from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_TARGET = "target.json"


class StandIn:
    """Where what is meant for another store is kept meanwhile.

    Args:
        root: For all such folders.
        key: Names the other store, the same whenever it is asked for; see `opening.key_of`.

    Attributes:
        store: Folder of the embedded store.
        lock: File to hold a shared lock on while the store is used.
    """

    def __init__(self, root: Path, key: str) -> None:
        self.folder = root / key
        self.store = self.folder / "store"
        self.lock = root / f"{key}.lock"

    def prepare_lock(self) -> None:
        """Make the file to lock."""
        try:
            self.lock.parent.mkdir(parents=True, exist_ok=True)
            self.lock.touch()
        except OSError as error:
            raise from_os_error(error, f"make {self.lock}") from error

    def prepare(self, address: str) -> None:
        """Make the folder; the caller holds the lock.

        Args:
            address: Of the other store, without secrets.
        """
        path = self.folder / _TARGET
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                temporary = path.with_suffix(f".{secrets.token_hex(4)}")
                temporary.write_text(json.dumps({"store": address}) + "\n", encoding="utf-8")
                temporary.replace(path)
                filesystems.sync(self.folder)
        except OSError as error:
            raise from_os_error(error, f"make {self.folder}") from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Keep others from removing the folder."""
        with self.lock.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep others from using the store, if nobody does; yield whether that is so."""
        with self.lock.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def remove(self) -> None:
        """Remove the folder; the caller is alone."""
        gone = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(4)}")
        try:
            self.folder.rename(gone)
            filesystems.sync(gone.parent)
        except OSError as error:
            raise from_os_error(error, f"remove {self.folder}") from error
        self.sweep()

    def sweep(self) -> None:
        """Remove what is left of folders whose removal was interrupted."""
        for folder in self.folder.parent.glob(f".{self.folder.name}.*"):
            try:
                shutil.rmtree(folder)
            except FileNotFoundError:  # another process is at it
                continue
            except OSError as error:
                raise from_os_error(error, f"remove {folder}") from error
