"""Where runs keep on this machine what is in no version yet."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MEDIA_SUFFIX = ".media"
"""What the name of a folder with media ends with; before that it is that of a journal."""

_LONGEST = 200


def run_folder(root: Path, entity: str, project: str, run_id: str) -> Path:
    """Return the folder of a run."""
    return root.joinpath(*map(segment, (entity, project, run_id)))


def segment(name: str) -> str:
    """Return the name of a folder for what is called so."""
    if name in {".", ".."} or len(os.fsencode(name)) > _LONGEST:
        return "x" + hashlib.sha256(os.fsencode(name)).hexdigest()
    return name


def media_folder(journal: Path) -> Path:
    """Return the folder with the files that the rows of a journal name."""
    return journal.with_suffix(MEDIA_SUFFIX)


def media_folders(folder: Path) -> list[Path]:
    """Return all such folders of a run, the newest first."""
    return sorted(folder.glob(f"*{MEDIA_SUFFIX}"), reverse=True)
