"""The file in which a run keeps what its program prints."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger("artifacts")

FILE = "output.log"

LIMIT = 50 << 20
"""Bytes."""

_LONGEST_LINE = 64 << 10
_NOTE = b"[the middle of this log is left out]\n"


class OutputLog:
    """A text file that lines are added to. Thread-safe.

    It is made with the first line. If it cannot be written, a warning says so once, and what
    follows is not kept: printing must not fail.

    Args:
        path: Of the file; what is in it already stays.
        begun: Called when this process adds its first line, by the thread that does.
        limit: Bytes that it may grow to before its middle is left out.
    """

    def __init__(
        self, path: Path, begun: Callable[[], None] | None = None, *, limit: int = LIMIT
    ) -> None:
        self.path = path
        self._begun = begun
        self._limit = limit
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0
        self._is_ours = False
        self._closed = False
        self._lines: list[Lines] = []

    def lines(self) -> Lines:
        """Return a place to write text to that need not be whole lines."""
        lines = Lines(self)
        with self._lock:
            self._lines.append(lines)
        return lines

    def add(self, text: str) -> None:
        """Add whole lines. They are with the operating system on return."""
        data = text.encode("utf-8", "backslashreplace")
        problem: OSError | None = None
        with self._lock:
            if self._closed:
                return
            is_first = self._descriptor is None
            try:
                self._write(data)
            except OSError as error:
                self._closed = True
                problem = error
        if problem is not None:
            log.warning("what the program prints is not kept any more: %s", problem)
        elif is_first and self._begun is not None:
            self._begun()

    def prepend(self, data: bytes) -> None:
        """Put what another process has added before what this one has.

        Raises:
            OSError: The file cannot be written; it stays as it is.
        """
        with self._lock:
            if not self._is_ours:
                return
            with self._replacing() as (source, target):
                target.write(data if data.endswith(b"\n") else data + b"\n")
                shutil.copyfileobj(source, target)

    def close(self) -> None:
        """Add lines that are not complete, and take no more; again does nothing."""
        for lines in self._lines:
            lines.end()
        with self._lock:
            self._closed = True
            self._close_file()

    def after_fork(self) -> None:
        """Forget the threads of the parent, which may have had the lock."""
        self._lock = threading.Lock()
        self._lines.clear()

    def _write(self, data: bytes) -> None:
        descriptor = self._descriptor
        if descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._is_ours = not self.path.exists()
            descriptor = self._open()
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
        self._size += len(data)
        if self._size > self._limit:
            self._shorten()

    def _open(self) -> int:
        # A link leads to a file that the program has saved under this name, and that is not ours.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
        return self._descriptor

    def _close_file(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _shorten(self) -> None:
        """Leave out the middle of the file, lines that are between its first and its last ones."""
        with self._replacing() as (source, target):
            head = source.read(self._limit // 5).partition(_NOTE)[0]
            target.write(head[: head.rfind(b"\n") + 1] + _NOTE)
            source.seek(-self._limit // 2, os.SEEK_END)
            tail = source.read()
            target.write(tail[tail.find(b"\n") + 1 :])

    @contextlib.contextmanager
    def _replacing(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Give the file, and one that replaces it in the end."""
        temporary = self.path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            with self.path.open("rb") as source, temporary.open("xb") as target:
                yield source, target
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        if self._descriptor is not None:
            self._close_file()
            self._open()


class Lines:
    """Makes lines of what is printed, as they look in a terminal in the end.

    A progress bar, which goes back to the beginning of its line again and again, is one line. A
    line is added to the log when it is complete. Thread-safe.
    """

    def __init__(self, output: OutputLog) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._line = ""

    def write(self, text: str) -> None:
        """Take some text."""
        if not text:
            return
        with self._lock:
            line = self._line + text
            complete, newline, self._line = line.rpartition("\n")
            if len(self._line) > _LONGEST_LINE or "\r" in self._line:
                self._line = _overwritten(self._line, complete=False)
            if len(self._line) > _LONGEST_LINE:
                complete, newline, self._line = complete + newline + self._line, "\n", ""
            if newline:
                if "\r" in complete:
                    complete = "\n".join(map(_overwritten, complete.split("\n")))
                self._output.add(complete + newline)

    def end(self) -> None:
        """Add what is left of a line."""
        with self._lock:
            line, self._line = _overwritten(self._line), ""
            if line.strip():
                self._output.add(line + "\n")


def _overwritten(line: str, complete: bool = True) -> str:
    """Return what a terminal shows of a line in which carriage returns go back to its start.

    Args:
        complete: Whether the line has ended; else a carriage return at its end still matters.
    """
    shown = line.rstrip("\r")
    shown = shown[shown.rfind("\r") + 1 :]
    return shown if complete or not line.endswith("\r") else shown + "\r"
