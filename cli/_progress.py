"""A progress bar with bytes, files, rate and time left, for what takes long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from artifacts.cli._text import size
from artifacts.store.progress import Progress

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

DELAY = 1.0
"""Seconds after which a bar appears. What is done sooner needs none."""


class Bar(Progress):
    """Use it as a context manager; the bar is gone when the block ends.

    Counting is kept cheap, because an operation may report a million files: the numbers are only
    looked at when the bar is drawn, ten times a second.

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
        self.files = self.bytes = self.total_files = self.total_bytes = 0

    def start(self, files: int, size: int) -> None:
        self.total_files += files
        self.total_bytes += size

    def advance(self, files: int, size: int) -> None:
        self.files += files
        self.bytes += size

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

    class Rate(TextColumn):
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
        Rate(""),
        TimeRemainingColumn(compact=True),
        console=console or Terminal(stderr=True),
        transient=True,
        expand=True,
    )
    drawing.add_task(what, total=None)
    drawing.start()
    return drawing
