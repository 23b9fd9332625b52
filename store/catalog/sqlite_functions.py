"""What SQLite lacks for filters over JSON and text, as functions of its connections.

All are pure. JSON goes in and out as text; numbers in it are compared as decimal numbers, exactly.
"""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from artifacts.store.patterns import parse_pattern

if TYPE_CHECKING:
    import sqlite3


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions."""
    for name, function in (
        ("art_json_get", json_get),
        ("art_json_in", json_in),
        ("art_json_has", json_has),
        ("art_compare", compare),
        ("art_matches", matches),
    ):
        arguments = function.__code__.co_argcount
        connection.create_function(name, arguments, function, deterministic=True)


def json_get(document: str | None, path: str) -> str | None:
    """Return the JSON at a path, a list of keys, as text; None if there is nothing."""
    if document is None:
        return None
    found = _parse(document)
    for key in _parse(path):
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return _dump(found)


def json_in(value: str | None, wanted: str) -> bool:
    """Whether a value equals an item of a list."""
    return value is not None and _frozen(_parse(value)) in _frozen_items(wanted)


def json_has(values: str | None, wanted: str) -> bool:
    """Whether a list has an item that equals a value."""
    return values is not None and _frozen(_parse(wanted)) in map(_frozen, _parse(values))


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 as a number is less than another one, equal, or greater."""
    a, b = float(one), float(other)
    if a == b and one != other:
        exact = Decimal(one), Decimal(other)
        return (exact[0] > exact[1]) - (exact[0] < exact[1])
    # Rounding to doubles keeps the order of what it leaves different.
    return (a > b) - (a < b)


def matches(text: bytes | None, pattern: str) -> bool | None:
    """Whether a pattern occurs in a text in UTF-8; None if there is no text."""
    if text is None:
        return None
    # As bytes, because a text that is no Unicode would not reach this function.
    return parse_pattern(pattern).python.search(text.decode("utf-8", "replace")) is not None


def _dump(value: Any) -> str:
    """Return JSON with decimal numbers as they were read."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


@functools.lru_cache(maxsize=16)
def _parse(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _frozen(value: Any) -> Any:
    """Return a hashable value that equals another one if both are the same JSON."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    # Python takes True for 1.
    return (bool, value) if isinstance(value, bool) else value


@functools.lru_cache(maxsize=16)
def _frozen_items(wanted: str) -> frozenset[Any]:
    return frozenset(map(_frozen, _parse(wanted)))
