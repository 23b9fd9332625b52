"""What the runner asks of a tool."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from benchmarks.measure import Command
from benchmarks.servers import S3Service

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = CHECKOUT / ".bench-venvs"

Step = Literal["first", "again", "second", "restore", "restore again", "verify", "verify folder"]
STEPS: tuple[Step, ...] = get_args(Step)
# Settings of the person at the keyboard must not reach a measured tool, and neither must those of
# the interpreter: without PYTHONDONTWRITEBYTECODE every command would compile its own source again.
_OURS = (
    *("ART_", "ARTIFACTS_", "AWS_", "BORG_", "DVC_", "GIT_", "PG", "RCLONE_", "RESTIC_", "S3_"),
    *("PYTHON", "WANDB_", "XDG_"),
)


@dataclass(frozen=True)
class Site:
    """The folders of one tool in one repetition; all on one fresh file system."""

    root: Path
    durable_files: bool = (
        False  # few large files: durability is asked of each; else of the file system
    )
    service: S3Service | None = None
    prefix: str = "work"  # below which everything in the bucket lies

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def target(self) -> Path:
        return self.root / "target"

    @property
    def scratch(self) -> Path:
        return self.root / "scratch"

    @property
    def log(self) -> Path:
        return self.root / "log"

    def create(self) -> None:
        for folder in (self.store, self.target, self.scratch / "home", self.scratch / "tmp"):
            folder.mkdir(parents=True)

    def environment(self, **extra: str) -> dict[str, str]:
        """The caller's environment, without tool settings, home and caches inside the site."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        home = self.scratch / "home"
        return {
            **kept,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "TMPDIR": str(self.scratch / "tmp"),
            "ART_CACHE_DIR": str(self.scratch / "art-cache"),
            **extra,
        }


class Tool(ABC):
    """An adapter: how each step is done with one tool. Steps it does not know stay blank."""

    name: str
    label: str
    warm = False  # measured inside a process that is already running, so without start-up

    @abstractmethod
    def version(self) -> str | None:
        """The version in use, or nothing when the tool is not installed."""

    @abstractmethod
    def commands(self, step: Step, site: Site) -> list[Command] | None:
        """The commands that do the step; nothing when the tool has no such step."""

    def start_up(self, site: Site) -> list[Command] | None:
        """Commands that only start the tool."""
        return None

    def prepare(self, site: Site) -> list[Command]:
        """Commands that create the repository; not measured."""
        return []

    def before(self, step: Step, site: Site) -> list[Command]:
        """Commands needed before the step; not measured."""
        return []

    def expected(self, site: Site) -> Path:
        """Where the inputs lie after `restore`."""
        return site.data

    def restored(self, site: Site) -> Path:
        """Where `restore` put the files."""
        return site.target

    def stored(self, site: Site) -> list[Path]:
        """Folders that count as the store."""
        return [site.store]


def own_python(name: str) -> Path | None:
    """The interpreter of the environment that `setup` made for a tool."""
    python = ENVIRONMENTS / name / "bin" / "python"
    return python if python.exists() else None


def script(name: str) -> str | None:
    """A command installed beside this interpreter, or on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def first_line(*argv: str) -> str | None:
    """The first line a command prints; nothing when it fails or is absent."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=120, check=True, cwd=CHECKOUT
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if lines else None
