"""Which files of a folder are left out: ``.artignore`` and patterns, by the rules of Git."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

IGNORE_FILE = ".artignore"


def make_ignore(
    root: str,
    *,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> Callable[[str, bool], bool] | None:
    """Return a function that says whether a path below ``root`` is left out; None if none is.

    Deeper ``.artignore`` files are not read.

    Raises:
        InvalidInputError: A pattern cannot be understood.
    """
    patterns = [*_read(os.path.join(root, IGNORE_FILE)), *_patterns(exclude)]
    return make_filter(include=include, exclude=patterns)


def make_filter(
    *, include: Iterable[str] | str | None = None, exclude: Iterable[str] | str | None = None
) -> Callable[[str, bool], bool] | None:
    """Return a function that says whether a path is left out, given whether it is a folder.

    Without patterns there is none: to call it for each of many files would cost more than to
    list them.

    Raises:
        InvalidInputError: A pattern cannot be understood.
    """
    excluded, included = _patterns(exclude), _patterns(include)
    excluding = _compile(excluded) if excluded else None
    including = _compile(included) if included else None
    if excluding is None and including is None:
        return None

    def leave_out(path: str, is_folder: bool) -> bool:
        if excluding is not None and excluding(path + "/" if is_folder else path):
            return True
        return including is not None and not is_folder and not including(path)

    return leave_out


def _patterns(patterns: Iterable[str] | str | None) -> list[str]:
    if patterns is None:
        return []
    return [patterns] if isinstance(patterns, str) else list(patterns)


def _read(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not UTF-8 text", kind="bad_pattern") from error
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error


def _compile(lines: list[str]) -> Callable[[str], bool]:
    import pathspec

    try:
        spec = pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidInputError(f"bad pattern: {error}", kind="bad_pattern") from error
    return spec.match_file
