"""What notebooks show of a run or an artifact. Everything that users wrote is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST = 20
_LONGEST = 80


def page(title: str, about: str, url: str | None, rows: Iterable[tuple[str, str]]) -> str:
    """Return a heading with a table below it.

    Args:
        title: What it is called; it leads to the page of it, if there is one.
        about: What comes after that.
        url: Address of its page, or None.
        rows: Names and values.
    """
    heading = f"<strong>{escape(title)}</strong>"
    if url is not None:
        heading = f'<a href="{escape(url)}" target="_blank" rel="noopener">{heading}</a>'
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(_short(value))}</td></tr>'
        for name, value in rows
    )
    table = f"<table>{cells}</table>" if cells else ""
    return f"<div>{heading} {escape(about)}{table}</div>"


def frame(url: str, *, height: int, hidden: bool) -> str:
    """Return the page at an address inside this one.

    Args:
        height: In pixels.
        hidden: Show it only when it is asked for.
    """
    inside = (
        f'<iframe src="{escape(url)}" style="border:none;width:100%;height:{int(height)}px">'
        "</iframe>"
    )
    return f"<details><summary>Page</summary>{inside}</details>" if hidden else inside


def values(kind: str, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return rows for the first values of a mapping, by ``kind.key``; private keys are left out."""
    shown = [(f"{kind}.{key}", str(value)) for key, value in found.items() if key[:1] != "_"]
    more = len(shown) - _MOST
    return shown[:_MOST] + ([(f"{kind} …", f"{more} more")] if more > 0 else [])


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
