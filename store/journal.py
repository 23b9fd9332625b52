"""An append-only file of frames, synced within a second: what a run has logged.

The file begins with eight bytes of magic. Rows are mappings, and notes about them are lists.
Its writer holds a lock on it for as long as it lives, so that others can tell a journal that was
left behind by a killed process.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store import filesystems
from artifacts.store.errors import FormatError, StateError, StorageError, from_os_error
from artifacts.store.frames import frame, read_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

SUFFIX = ".journal"
MAGIC = b"ARTJRNL\x01"

_MARK_EVERY = 1 << 20
_SYNC_AFTER = 0.4


class Mark(NamedTuple):
    """A place between two frames.

    Attributes:
        offset: Bytes before it.
        rows: Rows before it.
        step: Step of the last row before it, -1 if there is none.
    """

    offset: int
    rows: int
    step: int


class Journal:
    """A journal that is being written. Thread-safe; not to be used in a forked child.

    Args:
        path: Must not exist; its folder is made if need be.
        before_sync: Makes durable what rows refer to; called each time before the journal is.

    Raises:
        StorageError: It cannot be made.
    """

    def __init__(self, path: Path, *, before_sync: Callable[[], None] | None = None) -> None:
        self.path = path
        self._before_sync = before_sync
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._dirty = False
        self._failure: Exception | None = None
        self._forked = False
        self._released = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, 0o600)
            # Nobody else writes to it, but somebody may be looking whether it is in use.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            os.write(self._descriptor, MAGIC)
            filesystems.sync(path.parent)
        except OSError as error:
            raise from_os_error(error, f"make {path}") from error
        self.start = self._end = Mark(len(MAGIC), 0, -1)
        self._offset, self._rows, self._step = self.start
        self._marks: list[Mark] = []
        self._thread = threading.Thread(target=self._work, name="artifacts-journal", daemon=True)
        self._thread.start()
        _open.add(self)

    def add_row(self, row: Mapping[str, Any], step: int) -> None:
        """Append a row; it is with the operating system on return, and on disk a second later.

        Raises:
            StorageError: It could not be written; the rows before it are kept.
            StateError: This process is a fork of the one that began the journal.
        """
        data = frame(row)
        with self._lock:
            self._write(data)
            self._rows += 1
            self._step = step
            if self._offset - self._end.offset >= _MARK_EVERY:
                self._end = Mark(self._offset, self._rows, step)
                self._marks.append(self._end)

    def add_note(self, note: Sequence[Any]) -> None:
        """Append something that is no row; as `add_row`."""
        data = frame(note)
        with self._lock:
            self._write(data)

    @property
    def end(self) -> Mark:
        """Where the journal ends."""
        with self._lock:
            return Mark(self._offset, self._rows, self._step)

    def marks_after(self, mark: Mark) -> list[Mark]:
        """Return places after ``mark``, about a MiB apart, the last of them the end."""
        with self._lock:
            end = Mark(self._offset, self._rows, self._step)
            self._marks = [known for known in self._marks if known.offset > mark.offset]
            found = list(self._marks)
        if end.offset > (found[-1] if found else mark).offset:
            found.append(end)
        return found

    def read(self, start: Mark, end: Mark) -> bytes:
        """Return the frames between two places."""
        try:
            data = os.pread(self._descriptor, end.offset - start.offset, start.offset)
        except OSError as error:
            raise from_os_error(error, f"read {self.path}") from error
        if len(data) != end.offset - start.offset:
            raise StorageError(f"{self.path} was cut by somebody else", kind="journal_damaged")
        return data

    def end_here(self) -> None:
        """Make everything durable and take no more; others still see that the writer lives."""
        with self._lock:
            if self._closing.is_set() or self._forked:
                return
            self._closing.set()
            self._wake.set()
        self._thread.join()
        try:
            self._sync()
        except OSError as error:
            raise from_os_error(error, f"write to {self.path}") from error

    def close(self) -> None:
        """End the journal and let others have it; again does nothing."""
        try:
            self.end_here()
        finally:
            with self._lock:
                if not self._released and not self._forked:
                    self._released = True
                    os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        if self._forked or self._failure is not None or self._closing.is_set():
            raise self._refusal()
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as error:
            self._cut()
            raise _not_written(error, self.path) from error
        self._offset += written
        if not self._dirty:
            self._dirty = True
            self._wake.set()

    def _cut(self) -> None:
        """Remove a frame that was not written as a whole: nothing behind it could be read."""
        try:
            os.ftruncate(self._descriptor, self._offset)
        except OSError as error:
            self._failure = from_os_error(error, f"write to {self.path}")

    def _refusal(self) -> Exception:
        if self._forked:
            return forked()
        return self._failure or StateError(f"{self.path} was closed", kind="journal_closed")

    def _sync(self) -> None:
        if self._before_sync is not None:
            self._before_sync()
        os.fsync(self._descriptor)

    def _work(self) -> None:
        while True:
            self._wake.wait()
            if self._closing.wait(_SYNC_AFTER):
                return
            with self._lock:
                self._dirty = False
                self._wake.clear()
            try:
                self._sync()
            except OSError as error:
                log.exception("%s cannot be made durable", self.path)
                # Told to whoever logs next: pages that failed once are not written again.
                self._failure = from_os_error(error, f"write to {self.path}")


def read_journal(path: Path, size: int | None = None, *, notes_only: bool = False) -> Iterator[Any]:
    """Yield the rows and notes of a journal in order; a torn last frame is left out.

    One that is gone has none: a journal is removed when a version has its rows.

    Args:
        size: Read only so many bytes from its beginning, as if it ended there.
        notes_only: Leave out the rows, which then cost little.

    Raises:
        FormatError: It is no journal, or of a newer version.
        StorageError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
            if magic == MAGIC:
                rest = None if size is None else size - len(magic)
                yield from read_values(file, rest, lists_only=notes_only)
            elif not MAGIC.startswith(magic):  # else it was killed at the very start
                raise FormatError(f"{path} is no journal of this version", kind="store_too_new")
    except FileNotFoundError:
        return
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error


def forked() -> StateError:
    """Return the error for a process that is not the one that began a journal."""
    return StateError(
        "rows are logged by the process that began the run, and this one is a fork of it",
        hint="start a run in the child with artifacts.init(), tied to this one by group=",
        kind="forked",
    )


def is_in_use(path: Path) -> bool:
    """Whether the writer of a journal is alive."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _not_written(error: OSError, path: Path) -> Exception:
    told = from_os_error(error, f"write to {path}")
    told.hint = "the rows that were logged before are kept; free some space and go on"
    return told


_open: weakref.WeakSet[Journal] = weakref.WeakSet()


def _after_fork() -> None:
    # The lock on the file is the parent's: it must end with the parent, not with its last child.
    for journal in list(_open):
        if not journal._released:
            os.close(journal._descriptor)
        journal._forked = True
        journal._lock = threading.Lock()
    _open.clear()


os.register_at_fork(after_in_child=_after_fork)
