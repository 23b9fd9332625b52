"""What users pass in, checked and in one form."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidTypeError
from artifacts.store.refs import check_alias, check_name, check_project, check_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from artifacts.store.records import Source


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How a version is logged, beside what the artifact itself says.

    Attributes:
        aliases: Aliases that shall point at the version, besides those of the artifact.
        tags: Labels for the version, likewise.
        latest: Whether ``latest`` moves to it too.
        run: Key of the run that logs it, or None.
        output: Whether the run gets an output edge to it.
        sources: What it is known to be made of.
    """

    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    latest: bool = True
    run: int | None = None
    output: bool = True
    sources: tuple[Source, ...] = ()


def texts(value: Iterable[str] | str | None, what: str) -> list[str]:
    """Return one text, or several, as a list; None is an empty one.

    Args:
        what: Name of the argument in the message.

    Raises:
        InvalidTypeError: Something else.
    """
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    try:
        found = list(value)
    except TypeError:
        raise InvalidTypeError(
            f"{what} must be a list of texts, not {value.__class__.__name__}"
        ) from None
    for item in found:
        if not isinstance(item, str):
            raise InvalidTypeError(
                f"{what} must be texts; {item!r} is of type {item.__class__.__name__}"
            )
    return found


def to_aliases(value: Iterable[str] | str | None) -> tuple[str, ...]:
    """Return aliases, each once.

    Raises:
        InvalidInputError: One of them cannot be an alias.
    """
    return tuple(dict.fromkeys(check_alias(alias) for alias in texts(value, "aliases")))


def to_tags(value: Iterable[str] | str | None) -> tuple[str, ...]:
    """Return the tags of a version, each once.

    Raises:
        InvalidInputError: One of them cannot be a tag.
    """
    return tuple(dict.fromkeys(check_tag(tag) for tag in texts(value, "tags")))


def to_name(value: str) -> str:
    """Return the name of an artifact."""
    return _to_text(value, "name", check_name)


def to_type(value: str) -> str:
    """Return the type of an artifact."""
    return _to_text(value, "type", lambda text: check_project(text, what="type"))


def to_description(value: str | None) -> str | None:
    """Return free text."""
    return None if value is None else _to_text(value, "description", str)


def _to_text(value: str, what: str, check: Callable[[str], str]) -> str:
    if not isinstance(value, str):
        raise InvalidTypeError(f"{what} must be text, not {value.__class__.__name__}")
    return check(value)


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path on this machine from its root on; ``~`` is the home directory."""
    return os.path.abspath(Path(os.fspath(path)).expanduser())


def slashes(path: str | os.PathLike[str]) -> str:
    """Return a path inside an artifact, of which the parts are separated by ``/``."""
    text = os.fspath(path)
    return text.replace(os.sep, "/") if os.sep != "/" else text
