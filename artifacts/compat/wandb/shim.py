"""A package ``wandb`` in a folder, for processes that find modules by their path alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from artifacts.compat.wandb.finding import METADATA
from artifacts.compat.wandb.names import ROOT, VERSION
from artifacts.store.errors import from_os_error

_PACKAGE = '''\
"""Written by artifacts, which stands in for W&B."""

from artifacts.compat.wandb.installing import install_in_place

install_in_place(__name__)
'''


def write_shim(cache: Path) -> Path:
    """Return a folder for ``PYTHONPATH`` in which ``wandb`` is this package; write what is missing.

    Args:
        cache: Folder for what can be lost.

    Raises:
        StorageError: It cannot be written.
    """
    folder = cache / "compat" / f"{ROOT}-{VERSION}"
    files = {f"{ROOT}/__init__.py": _PACKAGE}
    files |= {f"{ROOT}-{VERSION}.dist-info/{name}": text for name, text in METADATA.items()}
    try:
        for name, text in files.items():
            _write(folder / name, text)
    except OSError as error:
        raise from_os_error(error, f"write {folder}") from error
    return folder


def _write(path: Path, text: str) -> None:
    """Write a file unless it is there as it should be; others may be reading or writing it."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
