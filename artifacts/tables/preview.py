"""What notebooks show of a table: some of its rows. Everything that users wrote is escaped."""

from __future__ import annotations

import itertools
from html import escape
from typing import TYPE_CHECKING, Any

from artifacts.media.base import Media

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_ROWS = 10
_MOST_COLUMNS = 20
_LONGEST = 80
_MOST_ITEMS = 8


def preview(columns: Sequence[Any], rows: Iterable[Sequence[Any]], count: int) -> str:
    """Return the first rows as HTML.

    Args:
        columns: Names of all columns.
        rows: The rows; only the first of them are read.
        count: How many there are.
    """
    names = list(columns[:_MOST_COLUMNS])
    head = "".join(f"<th>{escape(str(name))}</th>" for name in names)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(_short(cell))}</td>" for cell in row[:_MOST_COLUMNS])
        + "</tr>"
        for row in itertools.islice(rows, _MOST_ROWS)
    )
    about = f"{count:,} rows, {len(columns):,} columns"
    shown = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div>{shown}{escape(about)}</div>"


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Media):
        caption = getattr(value, "caption", None)
        kind = type(value).__name__.lower()
        return kind if caption is None else f"{kind}: {caption}"
    if type(value).__module__ == "numpy":
        return f"array of {value.dtype}, shape {value.shape}"
    if isinstance(value, list | dict) and len(value) > _MOST_ITEMS:
        return f"{type(value).__name__} of {len(value)}"
    return str(value)
