"""What ran where: the program and its command line, the machine, and what is installed."""

from __future__ import annotations

import builtins
import functools
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.runs.masking import mask_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISTRIBUTION = re.compile(
    r"(?P<name>.+?)-(?P<version>[^-]+)(?:\.dist-info|(?:-py[\d.]+)?\.egg-info)"
)
_SEPARATORS = re.compile(r"[-_.]+")


def find_program() -> Path | None:
    """Return the file that this process executes.

    None at a prompt and in a notebook, where there is no such file.
    """
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file is None or hasattr(sys, "ps1") or hasattr(builtins, "__IPYTHON__"):
        return None
    path = Path(os.path.abspath(file))
    return path if path.is_file() else None


def describe(root: Path | None, folder: Path) -> dict[str, Any]:
    """Return what can be said of this process and its machine without asking anybody.

    Args:
        root: Of the repository that the program runs in; paths are relative to it.
        folder: The working directory.
    """
    told: dict[str, Any] = {
        "cwd": _relative(folder, root),
        "executable": sys.executable,
        "python": platform.python_version(),
        "os": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "cpu_count": os.cpu_count(),
        "pid": os.getpid(),
    }
    program = find_program()
    if program is not None:
        told["program"] = _relative(program, root or folder)
        told["args"] = mask_arguments(sys.argv[1:])
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if spec is not None:
            told["module"] = spec.name.removesuffix(".__main__")
    memory = _memory()
    if memory is not None:
        told["memory"] = {"total": memory}
    return told


def _relative(path: Path, base: Path | None) -> str:
    if base is not None and path.is_relative_to(base):
        return path.relative_to(base).as_posix()
    return str(path)


def _memory() -> int | None:
    """Return the bytes of memory that the machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # a system that does not tell
        return None


@functools.cache
def _packages(path: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in path:
        for name, version in _installed(folder):
            # What comes first on the path is what is imported.
            found.setdefault(_SEPARATORS.sub("-", name).lower(), version)
    return dict(sorted(found.items()))


def packages() -> dict[str, str]:
    """Return the versions of what is installed, by name.

    They are read from the names of the folders that installers write, where the specification of
    installed projects puts them: `importlib.metadata` opens a file of each, and its import alone
    takes longer than this.
    """
    return _packages(tuple(sys.path))


def requirements() -> str:
    """Return what is installed in the form that pip reads."""
    return "".join(f"{name}=={version}\n" for name, version in packages().items())


def _installed(folder: str) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:  # a path may name what is not there, or an archive
        return
    for name in names:
        match = _DISTRIBUTION.fullmatch(name)
        if match is not None:
            yield match["name"], match["version"]


def gpus() -> list[str]:
    """Return the names of the NVIDIA GPUs, if the library that knows them is installed."""
    from artifacts.runs.gpus import open_gpus

    found = open_gpus()
    return [] if found is None else found.names()
