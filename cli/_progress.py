"""A progress bar with bytes, files, rate and time left, for what takes long."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import IO, TYPE_CHECKING, Any, Self

from artifacts.cli._text import size
from artifacts.store.objects import WrappedObjects, WrappedStream
from artifacts.store.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console

    from artifacts.store.objects import ObjectStore

log = logging.getLogger(__name__)

DELAY = 1.0
"""Seconds after which a bar appears. What is done sooner needs none."""

_WINDOW = 1.0
_SAMPLE = 0.1


class Rate:
    """How many bytes a second went through, on the whole and at best.

    The best rate is the highest over any whole second. It is the only limit that can be seen from
    within: a transfer that is slow throughout has a high share of it all the same.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = self._last = clock()
        self._samples = deque([(self._start, 0)])
        self._best = 0.0
        self.bytes = 0

    def add(self, count: int) -> None:
        """So many more bytes went through."""
        self.bytes += count
        now = self._clock()
        if now - self._last < _SAMPLE:
            return
        self._last = now
        samples = self._samples
        samples.append((now, self.bytes))
        # The newest one that is a whole second old, and none before it.
        while len(samples) > 1 and now - samples[1][0] >= _WINDOW:
            samples.popleft()
        then, before = samples[0]
        if now - then >= _WINDOW:
            self._best = max(self._best, (self.bytes - before) / (now - then))

    def summary(self) -> str:
        """Return bytes, seconds, rate, and η: the share of the best rate, if there is one."""
        seconds = self._clock() - self._start
        rate = self.bytes / max(seconds, 1e-9)
        text = f"{size(self.bytes)} in {seconds:.1f} s, {rate / 1e6:,.1f} MB/s"
        if self._best:
            # Shorter than a second more, the end is part of the whole and of no window.
            share = min(rate / self._best, 1.0)
            text += f", η = {share:.0%} of the best second ({self._best / 1e6:,.1f} MB/s)"
        return text


class Bar(Progress):
    """Use it as a context manager; the bar is gone when the block ends.

    Counting is kept cheap, because an operation may report a million files: the numbers are only
    looked at when the bar is drawn, ten times a second. At the end, what went through and how
    fast is logged, which `-v` shows; see `Rate`.

    Args:
        what: What is being done.
        console: Where the bar is drawn, stderr by default.
        delay: Seconds until then.
    """

    def __init__(self, what: str, *, console: Console | None = None, delay: float = DELAY) -> None:
        self._what = what
        self._console = console
        self._timer = threading.Timer(delay, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._ended = False
        self._drawn: Any = None
        self._rate: Rate | None = None
        self.files = self.bytes = self.total_files = self.total_bytes = 0

    def start(self, files: int, size: int) -> None:
        if self._rate is None:
            self._rate = Rate()
        self.total_files += files
        self.total_bytes += size

    def advance(self, files: int, size: int) -> None:
        self.files += files
        self.bytes += size
        if self._rate is not None:
            self._rate.add(size)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._ended = True
        self._timer.cancel()
        if self._drawn is not None:
            self._drawn.stop()
        if self._rate is not None and self._rate.bytes:
            log.info("%s: %s", self._what, self._rate.summary())

    def amounts(self) -> str:
        """Return bytes and files, done and in all."""
        if not self.total_files:
            return "looking for files"
        done, total = size(min(self.bytes, self.total_bytes)), size(self.total_bytes)
        return f"{done} of {total}, {self.files:,} of {self.total_files:,} files"

    def _show(self) -> None:
        with self._lock:
            if self._ended:
                return
            self._drawn = _draw(self, self._what, self._console)


def _draw(bar: Bar, what: str, console: Console | None) -> Any:
    """Start to draw a bar; `rich` is imported here, when it is sure to be needed."""
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Drawing
    from rich.text import Text

    class Amounts(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(bar.amounts(), style="progress.download")

    class Speed(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(
                f"{size(int(task.speed))}/s" if task.speed else "", style="progress.data.speed"
            )

    class Live(Drawing):
        def get_renderables(self) -> Any:
            for task in self.task_ids:
                self.update(task, completed=bar.bytes, total=bar.total_bytes or None)
            return super().get_renderables()

    drawing = Live(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        Amounts(""),
        Speed(""),
        TimeRemainingColumn(compact=True),
        console=console or Terminal(stderr=True),
        transient=True,
        expand=True,
    )
    drawing.add_task(what, total=None)
    drawing.start()
    return drawing


class CountingObjects(WrappedObjects):
    """An object store that tells how much was stored, part by part. For transfers, not for files.

    Args:
        inner: What does the work.
        progress: Told of bytes when they have been sent, or None.

    Attributes:
        sent: Bytes so far.
    """

    def __init__(self, inner: ObjectStore, progress: Progress | None) -> None:
        super().__init__(inner)
        self._progress = progress
        self._lock = threading.Lock()
        self.sent = 0

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        # A thread that opens the source again has sent what it read from it before.
        on_their_way: dict[int, _Counter] = {}
        counted = 0

        def count(number: int) -> None:
            nonlocal counted
            with self._lock:
                # What is sent again after a failure is no progress.
                number = min(number, size - counted)
                counted += number
                self.sent += number
                if self._progress is not None and number:
                    self._progress.advance(0, number)

        def open_source() -> IO[bytes]:
            thread = threading.get_ident()
            if thread in on_their_way:
                count(on_their_way[thread].passed)
            on_their_way[thread] = counter = _Counter(source())
            return counter

        self.inner.put(key, open_source, size=size)
        count(size)


class _Counter(WrappedStream):
    """A stream that counts the bytes that were read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.passed = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        data = self._file.read(-1 if size is None else size)
        self.passed += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()
