"""A fresh file system, or at least a fresh folder, for every tool and repetition.

On ext4, creating files within minutes of deleting 20,000 others can be ten to twenty times slower
(recently freed inodes are avoided), so a tool measured after another one's cleaning up would pay
for it. With loop devices at hand each repetition gets an ext4 image of its own, and cleaning up
deletes one file. Without, folders are used, and those with many files stay until the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

GIB = 1024**3
FileSystem = Literal["auto", "loop", "folder"]


class Workspaces(ABC):
    """Hands out empty folders."""

    description: str

    def __init__(self, root: Path) -> None:
        self.root = root

    @abstractmethod
    @contextmanager
    def fresh(self, name: str, *, many_files: bool) -> Iterator[Path]:
        """An empty folder that no earlier repetition has touched."""
        yield self.root


class Folders(Workspaces):
    """Plain folders below the work folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.description = f"fresh folder per tool and repetition on {_type_of(root)}"

    @contextmanager
    def fresh(self, name: str, *, many_files: bool) -> Iterator[Path]:
        folder = self.root / name
        folder.mkdir(parents=True)
        yield folder
        if (
            not many_files
        ):  # a few large files: deleting them now does no harm, keeping them fills the disk
            shutil.rmtree(folder)


class Loops(Workspaces):
    """An ext4 image per repetition, mounted through a loop device."""

    description = "fresh ext4 image per tool and repetition (loop device, direct I/O)"

    @contextmanager
    def fresh(self, name: str, *, many_files: bool) -> Iterator[Path]:
        image, mounted = self.root / f"{name}.img", self.root / name
        mounted.mkdir(parents=True)
        with open(image, "wb") as file:
            file.truncate(40 * GIB)  # sparse: takes what is written to it
        # Nothing may go on in the background while a tool is measured: see also noinit_itable.
        _run("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard,lazy_itable_init=1", str(image))
        # Direct I/O, or each byte would lie in the page cache twice and fsync would cost twice.
        device = _run("losetup", "--find", "--show", "--direct-io=on", str(image)).strip()
        try:
            _run("mount", "-o", "noinit_itable", device, str(mounted))
            try:
                (mounted / "work").mkdir()
                yield mounted / "work"
            finally:
                _run("umount", str(mounted))
        finally:
            _run("losetup", "--detach", device)
            image.unlink()
            mounted.rmdir()


def workspaces(kind: FileSystem, root: Path) -> Workspaces:
    """What was asked for; `auto` takes loop devices where they work."""
    root.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        return Folders(root)
    loops = Loops(root)
    try:
        if os.geteuid() != 0:
            raise PermissionError("mounting needs root")
        with loops.fresh("trial", many_files=False):
            return loops
    except (OSError, subprocess.CalledProcessError):
        if kind == "loop":
            raise
        return Folders(root)


def settle(folder: Path) -> None:
    """Wait until all is on disk, so that nobody pays for somebody else's writes."""
    _run("sync", "--file-system", str(folder))


def allocated(*roots: Path) -> int:
    """Bytes taken on disk, as `du` counts them; hard links once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for root in roots:
        for folder, _, names in os.walk(root):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                found = os.lstat(path)
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * 512
    return total


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout


def _type_of(folder: Path) -> str:
    try:
        return _run("stat", "--file-system", "--format", "%T", str(folder)).strip()
    except (OSError, subprocess.CalledProcessError):
        return "an unknown file system"
