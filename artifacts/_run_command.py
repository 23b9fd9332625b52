"""What a run has executed, and how the same is executed in a folder that has its code."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping


def command_of(told: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return what a run has executed."""
    program = told.get("program")
    if not program:
        return None
    module = told.get("module")
    what = ("-m", str(module)) if module else (str(program),)
    return (sys.executable, *what, *(str(each) for each in told.get("args") or ()))


def obstacle_of(told: Mapping[str, Any]) -> str | None:
    """Return why a command cannot be executed again; None if it can."""
    from artifacts.runs.masking import MASK

    program = told.get("program")
    if not program:
        return "the run has not recorded a program"
    path = PurePosixPath(str(program))
    if path.is_absolute() or ".." in path.parts:
        return f"its program {program} was not in its folder"
    if any(MASK in str(each) for each in told.get("args") or ()):
        return "its command line had secrets, which are not recorded"
    return None


def locate(
    code: Path, command: tuple[str, ...], told: Mapping[str, Any]
) -> tuple[Path, tuple[str, ...]]:
    """Return in which folder a command is to run, and the command with the path of its program.

    Paths of a commit begin at the root of the repository, those of a logged folder where the
    program has run.
    """
    program = PurePosixPath(told["program"])
    cwd = PurePosixPath(told.get("cwd") or ".")
    below = not cwd.is_absolute() and ".." not in cwd.parts
    for base, path in [
        (code / cwd if below else code, code / program),
        (code, code / program.relative_to(cwd) if below and program.is_relative_to(cwd) else None),
    ]:
        if path is not None and path.is_file():
            base.mkdir(parents=True, exist_ok=True)
            if told.get("module"):
                return base, command
            return base, (command[0], os.path.relpath(path, base), *command[2:])
    raise StateError(
        f"the code of the run does not have its program {program}",
        hint="log the whole code with run.log_code()",
        kind="no_code",
    )
