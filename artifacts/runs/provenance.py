"""What ran where, as it is recorded with a run: the column ``metadata``, and files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts import settings as settings_module
from artifacts.runs import environment, git
from artifacts.runs.values import storable

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from artifacts.settings import Settings

    Keep = Callable[[str, bytes], None]

DIFF_FILE, CODE_FOLDER = "diff.patch", "code"


def collect(settings: Settings, folder: Path, started: dt.datetime, keep: Keep) -> dict[str, Any]:
    """Return what ran where.

    Args:
        settings: Whether Git is asked, and whether the program is kept.
        folder: The working directory.
        started: When the process began to log to the run.
        keep: Given the name and the contents of what is to be a file of the run.

    Raises:
        OSError: Something could not be read.
    """
    state = git.inspect(folder) if settings.save_git else None
    root = None if state is None else state.root
    user, _, host = settings_module.user_name().partition("@")
    told: dict[str, Any] = {
        "started_at": started.isoformat(),
        "user": user,
        "host": host,
        **environment.describe(root, folder),
        "packages": environment.packages(),
    }
    gpus = environment.gpus()
    if gpus:
        told["gpus"] = gpus
    if state is not None:
        told["git"] = state.to_metadata()
        if state.dirty:
            told["git"] |= _keep_diff(state.root, keep)
    if settings.save_code:
        _keep_program(root or folder, keep)
    metadata: dict[str, Any] = storable(told)
    return metadata


def _keep_diff(root: Path, keep: Keep) -> dict[str, str]:
    """Keep what is not committed; return what is to be said if that is not possible."""
    diff = git.diff(root)
    if diff is None:
        return {"diff": f"left out: larger than {git.LARGEST_DIFF} bytes, or git did not tell"}
    if diff:
        keep(DIFF_FILE, diff)
    return {}


def _keep_program(base: Path, keep: Keep) -> None:
    program = environment.find_program()
    if program is not None:
        name = program.relative_to(base) if program.is_relative_to(base) else Path(program.name)
        keep(f"{CODE_FOLDER}/{name.as_posix()}", program.read_bytes())
