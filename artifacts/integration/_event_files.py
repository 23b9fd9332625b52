"""Event files of TensorBoard: which ones a run follows, and what is new in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = "tfevents"
"""What the name of every event file has in it."""

_USUAL = frozenset({"train", "validation", "eval", "test"})


class Event(NamedTuple):
    """A value that was written for TensorBoard.

    Attributes:
        time: When, in seconds since 1970.
        step: Of the training.
        tag: Its name, below the folder of the file.
        plugin: What kind of value it is, such as ``scalars``.
        tensor: The value, as TensorBoard has it.
    """

    time: float
    step: int
    tag: str
    plugin: str
    tensor: Any


class EventFile:
    """One event file, which may be growing.

    Args:
        path: The file.
        prefix: What the names of its values begin with.
    """

    def __init__(self, path: Path, prefix: str) -> None:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

        self.path = path
        self._prefix = f"{prefix}/" if prefix else ""
        self._loader = EventFileLoader(str(path))
        self._plugins: dict[str, str] = {}

    def read(self) -> Iterator[Event]:
        """Yield what was added since the last time."""
        for event in self._loader.Load():
            for value in event.summary.value:
                # Only the first value of a name has to say of which kind it is.
                plugin = value.metadata.plugin_data.plugin_name
                plugin = self._plugins.setdefault(value.tag, plugin)
                tag = self._prefix + value.tag
                yield Event(event.wall_time, event.step, tag, plugin, value.tensor)


class EventFiles:
    """The event files that this process writes, and those below a folder if one is named.

    Args:
        root: The folder, below which values are called by the folder of their file; None for the
            first folder in which a file is found.
        present: Files below it that do not count.
        opened: Files that were read before, and are read on where that has stopped. What is
            opened is added.
    """

    def __init__(
        self, root: str | None, present: Iterable[Path], opened: dict[Path, EventFile]
    ) -> None:
        self._root = None if root is None else Path(root).absolute()
        self._whole = self._root is not None
        self._folders: set[Path] = set()
        self._opened = opened
        self._known: dict[Path, EventFile | None] = dict.fromkeys(present)

    @property
    def paths(self) -> list[Path]:
        """The files that are followed."""
        return [path for path, file in self._known.items() if file is not None]

    @property
    def root(self) -> Path | None:
        """The folder to which the names of values are relative, once there is one."""
        return self._root

    def add_folder(self, folder: str, present: set[Path]) -> None:
        """Follow what is written to a folder from now on.

        Args:
            present: The files that were there before.
        """
        path = Path(folder).absolute()
        if path not in self._folders:
            self._folders.add(path)
            self._known.update((each, None) for each in present if each not in self._known)

    def read(self) -> list[Event]:
        """Return what was added since the last time, in the order in which it was written."""
        for path in sorted(self._found() - self._known.keys()):
            if path not in self._opened:
                self._opened[path] = EventFile(path, self._prefix_of(path.parent))
            self._known[path] = self._opened[path]
        events = [
            event for file in self._known.values() if file is not None for event in file.read()
        ]
        return sorted(events, key=lambda event: event.time)

    def _found(self) -> set[Path]:
        found = _open_files()
        for folder in self._folders:
            found |= files_in(folder)
        if self._whole:
            assert self._root is not None
            found |= files_below(self._root)
        return found

    def _prefix_of(self, folder: Path) -> str:
        """Return what the names of the values begin with that are in a folder."""
        if self._root is None:
            # Keras has a folder for each of these, side by side.
            self._root = folder.parent if folder.name in _USUAL else folder
        if folder.is_relative_to(self._root):
            inside = folder.relative_to(self._root).as_posix()
            return "" if inside == "." else inside
        return folder.name


def files_in(folder: str | Path) -> set[Path]:
    """Return the event files in a folder, which may not exist."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return set()
    return {Path(folder, name).absolute() for name in names if MARK in name}


def files_below(root: str | Path) -> set[Path]:
    """Return the event files in a folder, which may not exist, and in all folders inside."""
    return {path for path in Path(root).absolute().rglob(f"*{MARK}*") if path.is_file()}


def _open_files() -> set[Path]:
    """Return the event files that this process has open: TensorFlow writes them without Python."""
    import psutil

    try:
        opened = psutil.Process().open_files()
    except psutil.Error:  # not allowed here; Python's own writers tell of their folders
        return set()
    return {Path(each.path) for each in opened if MARK in os.path.basename(each.path)}
