"""From the arguments of `save` to files, and to their paths among the files of a run."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artifacts._setting_list import STORE_FOLDER
from artifacts.runs.file_policies import is_hidden
from artifacts.store import walking
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_CLOUD = ("gs://", "s3://")


@dataclass(slots=True)
class Found:
    """What a call of `save` means.

    Attributes:
        pattern: What it asks for, relative to the run's folder; a pattern of `glob`.
        sources: Files outside of that folder, by their paths in there.
        named: Those of them whose name was given, so that nothing else leaves them out.
        wildcard: Whether it may match more files later.
        flattened: Whether only one level of folders was kept of an absolute path.
    """

    pattern: str
    wildcard: bool = False
    sources: dict[str, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    flattened: bool = False


def to_text(value: object, what: str) -> str:
    """Return a path that was given as text, bytes or a path object.

    Raises:
        InvalidTypeError: It is something else.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        raise InvalidTypeError(f"Must call artifacts.save({what}) with {what} a str")
    return value


def is_cloud_url(text: str) -> bool:
    """Whether something lies in a bucket, from where `save` does not take it."""
    return text.startswith(_CLOUD)


def has_wildcard(text: str) -> bool:
    """Whether something in a path has a meaning in patterns."""
    return glob.has_magic(text)


def find(
    text: str,
    base: str | None,
    folder: str,
    *,
    expand: bool,
    skip: Collection[str],
) -> Found:
    """Find the files that are to be saved.

    Args:
        text: Path or pattern.
        base: Folder to which the paths of saved files are relative; None for the default.
        folder: The run's folder. What lies in there keeps its path.
        expand: Whether ``text`` is a pattern.
        skip: Folders that are left out where a folder is saved with all that is in it.

    Raises:
        InvalidInputError: A file would lie outside of the run's folder, or two have one path.
    """
    absolute = os.path.abspath(text)
    if _is_below(absolute, folder):
        base, flat = folder, False
    elif base is not None:
        base, flat = os.path.abspath(base), False
    elif os.path.isabs(text):
        flat = True
    else:
        base, flat = os.getcwd(), False
    found = Found(_relative(absolute, base, flat=flat), flattened=flat)
    if expand:
        found.wildcard = has_wildcard(found.pattern)
    else:
        found.pattern = glob.escape(found.pattern)
    for match in sorted(map(os.path.abspath, glob.glob(text))) if expand else [absolute]:
        path = _relative(match, base, flat=flat)
        if os.path.isdir(match):
            _add(found, _files_below(match, path, skip), folder)
        elif os.path.isfile(match):
            _add(found, [(path, match)], folder)
            if match == absolute:
                found.named.add(path)
        elif os.path.exists(match):
            raise InvalidInputError(
                f"{match} is neither a file nor a folder (a socket, pipe or device?)",
                kind="special_file",
            )
    return found


def _files_below(root: str, path: str, skip: Collection[str]) -> Iterable[tuple[str, str]]:
    for file in walking.walk(root, skip_folders=[STORE_FOLDER]):
        if not is_hidden(file.path) and not any(_is_below(file.source, f) for f in skip):
            yield file.path if path == "." else f"{path}/{file.path}", file.source


def _add(found: Found, files: Iterable[tuple[str, str]], folder: str) -> None:
    for path, source in files:
        if _is_below(source, folder):
            continue
        if found.sources.setdefault(path, source) != source:
            raise InvalidInputError(
                f"both {found.sources[path]} and {source} would be saved as {path!r}",
                hint="keep more of their paths with base_path=",
                kind="same_path",
            )


def _relative(path: str, base: str | None, *, flat: bool) -> str:
    """Return a path relative to a folder, or with one level of folders only."""
    if flat or base is None:
        return os.path.join(*path.split(os.sep)[-2:]).lstrip(os.sep)
    relative = os.path.relpath(path, base)
    if relative == os.pardir or relative.startswith(os.pardir + os.sep):
        raise InvalidInputError(
            f"globs can't walk above base_path: {path!r} is not below {base!r}",
            hint="give base_path= a folder that all the files are in",
            kind="above_base_path",
        )
    return relative


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
