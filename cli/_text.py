"""How sizes, counts, times and tables look to people."""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# C0 and C1 controls, line and paragraph separators, everything that turns the direction of
# writing, and halves of surrogate pairs, as which undecodable bytes of file names appear.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

_COLORS = re.compile("(\x1b\\[[0-9;]*m)")

_GAP = "  "
_NARROWEST = 8
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_AGES = ((60, 1, ""), (3600, 60, "min"), (86400, 3600, "h"), (86400 * 60, 86400, "days"))


def printable(text: str) -> str:
    r"""Return text with characters that control a terminal made visible, as in ``\x1b``."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_colors(text: str) -> str:
    """Return text as `printable` does, but for sequences that set colours."""
    return "".join(
        part if number % 2 else printable(part) for number, part in enumerate(_COLORS.split(text))
    )


def size(count: int) -> str:
    """Return a number of bytes: ``512 B``, ``1.2 MB``, ``34 GB``."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - would show as 1000
        value /= 1000
        unit += 1
    digits = 1 if unit and value < 9.95 else 0  # noqa: PLR2004 - would show as 10.0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 file`` or ``1,234 files``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def number(value: float) -> str:
    """Return a number in a few digits: ``0.3333``, ``12``, ``1.5e+09``."""
    return f"{value:.4g}"


def cell(value: object) -> str:
    """Return a value of a configuration, a summary or a history in a few characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    short = described(value)
    if short is not None:
        return short
    import json

    return json.dumps(value, ensure_ascii=False)


def described(value: object) -> str | None:
    """Return what a description says in a few words: ``image 640x480``, ``3 images``.

    None for what does not describe something that a run logs beyond numbers and text.
    """
    if not isinstance(value, dict) or not isinstance(value.get("_type"), str):
        return None
    what = value["_type"].partition("/")[0].removesuffix("-file")
    if isinstance(value.get("items"), list):
        return count(len(value["items"]), what.removesuffix("s"))
    if isinstance(value.get("bins"), list):
        return f"{what} of {count(max(len(value['bins']) - 1, 0), 'bin')}"
    if "path" not in value:
        return None
    for first, second in (("width", "height"), ("nrows", "ncols")):
        if first in value and second in value:
            return f"{what} {value[first]}x{value[second]}"
    return f"{what} {size(value['size'])}" if isinstance(value.get("size"), int) else str(what)


def age(microseconds: int) -> str:
    """Return how long ago something was: ``now``, ``5 min``, ``3 h``, ``2 days``, or the day."""
    seconds = time.time() - microseconds / 1e6
    for limit, unit, name in _AGES:
        if seconds < limit:
            number = int(seconds // unit)
            return "now" if not name else f"{number} {name.rstrip('s') if number == 1 else name}"
    return f"{datetime.fromtimestamp(microseconds / 1e6, UTC):%Y-%m-%d}"


def ago(microseconds: int) -> str:
    """Return the same as it goes into a sentence: ``just now``, ``3 h ago``."""
    text = age(microseconds)
    if text == "now":
        return "just now"
    return f"on {text}" if text[:4].isdecimal() and "-" in text else f"{text} ago"


def moment(microseconds: int) -> str:
    """Return a time in UTC and how long ago that was."""
    when = datetime.fromtimestamp(microseconds / 1e6, UTC)
    short = ago(microseconds)
    day = f"{when:%Y-%m-%d %H:%M} UTC"
    return day if short.startswith("on ") else f"{day} ({short})"


def duration(microseconds: int) -> str:
    """Return a length of time: ``0.4 s``, ``12 s``, ``5 min 3 s``, ``2 h 5 min``."""
    seconds = microseconds / 1e6
    if seconds < 10:  # noqa: PLR2004 - more precise where it is short
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def layout(
    rows: Sequence[Sequence[str]], *, right: Collection[int] = (), width: int | None = None
) -> list[str]:
    """Return rows as lines in columns, made `printable`.

    Args:
        right: Columns that are aligned to the right.
        width: Cut the widest columns until the lines are no longer than this.
    """
    if not rows:
        return []
    table = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_cells, column)) for column in zip(*table, strict=True)]
    if width is not None:
        _narrow(widths, width - len(_GAP) * (len(widths) - 1))
        table = [[_cut(cell, w) for cell, w in zip(row, widths, strict=True)] for row in table]
    lines = []
    for row in table:
        padded = [
            _pad(cell, w, left=column in right)
            for column, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def _narrow(widths: list[int], available: int) -> None:
    while sum(widths) > available and max(widths) > _NARROWEST:
        widest = max(range(len(widths)), key=widths.__getitem__)
        following = max((w for w in widths if w < widths[widest]), default=_NARROWEST)
        excess = sum(widths) - available
        widths[widest] = max(
            widths[widest] - excess, min(following, widths[widest] - 1), _NARROWEST
        )


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def _pad(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _cells(text))
    return space + text if left else text + space


def _cut(text: str, width: int) -> str:
    if _cells(text) <= width:
        return text
    while text and _cells(text) >= width:
        text = text[:-1]
    return text + "…"
