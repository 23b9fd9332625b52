"""Which files below a folder are the source code of a program."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts._ignore import make_ignore
from artifacts.runs import git
from artifacts.store.errors import InvalidInputError, InvalidTypeError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Choice = Callable[[str], bool] | Callable[[str, str], bool]

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


def is_python(path: str) -> bool:
    """Whether a file is source code of Python, by its name."""
    return path.endswith(".py")


def find_code(root: str, include: Choice, exclude: Choice) -> Iterator[tuple[str, str]]:
    """Yield the files below a folder that are wanted, each as its name there and its path.

    What Git or ``.artignore`` ignores, and virtual environments, are left out in any case.

    Args:
        include: Called with the absolute path of a file, and with that of ``root`` if it needs
            a second argument or has one of this name.
        exclude: Likewise; says what is not wanted all the same.

    Raises:
        InvalidInputError: There is no such folder.
        InvalidTypeError: ``include`` or ``exclude`` cannot be called so.
        StorageError: The folder cannot be read.
    """
    if not os.path.isdir(root):
        raise InvalidInputError(f"{root} is no folder", kind="bad_path")
    is_wanted = _with_root(include, root, "include_fn")
    is_unwanted = _with_root(exclude, root, "exclude_fn")
    ignored = make_ignore(root)
    names = git.tracked_and_new(Path(root))
    environments = _Environments(root)
    for name in _walk(root, environments) if names is None else names:
        path = os.path.join(root, name)
        if (
            is_wanted(path)
            and not is_unwanted(path)
            and not (ignored is not None and ignored(name, False))
            and not environments.has(name)
            and os.path.isfile(path)
        ):
            yield name, path


def _with_root(function: Any, root: str, argument: str) -> Callable[[str], bool]:
    """Return a function of one path, from one that may take the folder, too."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise InvalidTypeError(f"{argument} must be a function of a path") from error
    if "root" not in signature.parameters and _takes(signature, 1):
        return lambda path: bool(function(path))
    if _takes(signature, 2):
        return lambda path: bool(function(path, root))
    raise InvalidTypeError(f"{argument} must take a path, or a path and the folder")


def _takes(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*[""] * count)
    except TypeError:
        return False
    return True


def _walk(root: str, environments: _Environments) -> Iterator[str]:
    for folder, folders, files in os.walk(root, onerror=_fail):
        below = os.path.relpath(folder, root)
        place = "" if below == os.curdir else below
        folders[:] = sorted(
            name
            for name in folders
            if name != ".git" and not environments.is_one(os.path.join(place, name))
        )
        yield from (os.path.join(place, name) for name in sorted(files))


def _fail(error: OSError) -> None:
    raise from_os_error(error, f"list {error.filename}") from error


class _Environments:
    """Knows the folders below another one that are environments of Python, not code."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[str, bool] = {"": False}

    def has(self, name: str) -> bool:
        """Whether a file, by its path relative to the root, is in one of them."""
        return self.is_one(os.path.dirname(name))

    def is_one(self, folder: str) -> bool:
        """Whether a folder, by its path relative to the root, is one or is in one."""
        known = self._known.get(folder)
        if known is None:
            here = os.path.join(self._root, folder)
            known = self.is_one(os.path.dirname(folder)) or any(
                os.path.exists(os.path.join(here, mark)) for mark in _ENVIRONMENT_MARKS
            )
            self._known[folder] = known
        return known
