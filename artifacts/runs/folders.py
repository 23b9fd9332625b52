"""The folder in which a run keeps its journals, and those that killed processes have left."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts._history import CORRECTED
from artifacts._run_folders import media_folder, run_folder, segment
from artifacts.store.errors import from_os_error
from artifacts.store.journal import SUFFIX, is_in_use, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifacts._session import Place
    from artifacts.store.records import RunRecord

FORMAT = 1

_STORE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Left:
    """A journal whose process is gone, before it was made a version.

    Attributes:
        begin: Says to which run it belongs, and what the summary was at its beginning.
    """

    path: Path
    begin: dict[str, Any]

    @property
    def run(self) -> tuple[str, str, str]:
        """Entity, project and id of the run."""
        return self.begin["entity"], self.begin["project"], self.begin["run"]


def files_folder(place: Place, run: RunRecord) -> Path:
    """Return the folder of a run's files, which runs of the same name in other stores lack."""
    folder = run_folder(place.settings.run_dir, run.entity, run.project, run.id)
    return folder / place.store.uuid[:_STORE_DIGITS] / "files"


def new_journal(folder: Path, *, corrected: bool = False) -> Path:
    """Return the path of a new journal; later ones come after earlier ones by name.

    Args:
        corrected: Whether it may amend rows of earlier steps.
    """
    name = f"{time.time_ns() // 1000:016x}-{secrets.token_hex(4)}"
    return folder / f"{name}{CORRECTED if corrected else ''}{SUFFIX}"


def begin_note(place: Place, run: RunRecord, columns: dict[str, Any]) -> list[Any]:
    """Return the first note of a journal."""
    told = {
        "format": FORMAT,
        "store": place.store.uuid,
        "entity": run.entity,
        "project": run.project,
        "run": run.id,
        **columns,
    }
    return ["begin", told]


def find_left(place: Place, run: tuple[str, str, str] | None = None) -> list[Left]:
    """Return the journals of killed processes, oldest first.

    Args:
        place: Only those of runs in its store.
        run: Only those of one run: entity, project and id.
    """
    root = place.settings.run_dir
    try:
        if run is None:
            found = list(root.glob(f"*/*/*/*{SUFFIX}"))
        else:
            found = list(run_folder(root, *run).glob(f"*{SUFFIX}"))
    except OSError as error:
        raise from_os_error(error, f"list {root}") from error
    left = [Left(path, begin) for path in found for begin in _begin_of(path)]
    mine = [each for each in left if each.begin["store"] == place.store.uuid]
    return sorted(
        (each for each in mine if run is None or each.run == run), key=lambda each: each.path.name
    )


def is_running(place: Place, run: RunRecord, *, but: Path | None = None) -> bool:
    """Whether a process of this machine is logging to a run.

    Args:
        but: A journal that does not count.
    """
    folder = run_folder(place.settings.run_dir, run.entity, run.project, run.id)
    return any(is_in_use(path) for path in folder.glob(f"*{SUFFIX}") if path != but)


def remove(paths: Sequence[Path], folder: Path) -> None:
    """Remove journals that are in a version, and the run's folder if nothing else is in it."""
    for path in paths:
        # In this order, because a journal leads to its media.
        shutil.rmtree(media_folder(path), ignore_errors=True)
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty, not there: both are fine
        folder.rmdir()


def _begin_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what a journal says of itself, unless it is being written or says nothing."""
    first = next(read_journal(path), None)
    if not isinstance(first, list) or first[0] != "begin" or first[1]["format"] != FORMAT:
        return
    # Only now: whoever has written that held the lock before, so that a process which is just
    # beginning its journal is not taken for one that is gone.
    if not is_in_use(path):
        yield first[1]


# -- which run to go on with, by working directory


def remembered(place: Place) -> str | None:
    """Return the id of the run that was begun here with ``resume="auto"`` and did not end well."""
    try:
        told = json.loads(_memory(place).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise from_os_error(error, "find out which run to resume") from error
    return str(told["id"])


def remember(place: Place, run_id: str) -> None:
    """Let the next process in this working directory go on with a run."""
    path = _memory(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{secrets.token_hex(4)}")
        temporary.write_text(json.dumps({"id": run_id}), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise from_os_error(error, f"write {path}") from error


def forget(place: Place, run_id: str) -> None:
    """Undo `remember`, unless it was done for another run since."""
    if remembered(place) == run_id:
        _memory(place).unlink(missing_ok=True)


def _memory(place: Place) -> Path:
    here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:16]
    folder = place.settings.run_dir / segment(place.entity) / segment(place.project)
    return folder / f"resume-{here}.json"
