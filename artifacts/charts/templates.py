"""Specs with places: ``${field:x}`` for a column and ``${string:title}`` for a text.

The places are those of the reference, and two of our own: ``${type:x}`` is the type of a column in
Vega-Lite, and ``${string:x-axis-title|field:x}`` is the name of a column if there is no such text,
as ``${string:y-axis-title|count}`` is the text "count" then.
A channel, or another object, whose ``field`` is a place without a column is left out, and so is a
text that is nothing but a place without a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACE = re.compile(r"\$\{(field|string|type):([^}|]+)(?:\|([^}]+))?\}")
_FIELD = "field:"
_READ = frozenset({"title", "text", "description", "subtitle"})


class Places(NamedTuple):
    """The names of the places of a spec, in order."""

    fields: tuple[str, ...]
    strings: tuple[str, ...]


class Column(NamedTuple):
    """A column as a spec knows it.

    Attributes:
        key: Its name in the data, in which no character has a meaning in Vega-Lite.
        type: ``quantitative``, ``temporal`` or ``nominal``.
    """

    key: str
    type: str


class Filling(NamedTuple):
    """What comes into the places.

    Attributes:
        fields: Names of columns.
        strings: Texts.
        columns: Of the data, by their names.
    """

    fields: Mapping[str, str]
    strings: Mapping[str, str]
    columns: Mapping[str, Column]


class _Left:
    """Stands for a value that is left out."""


_LEFT_OUT = _Left()


def places(spec: Mapping[str, Any]) -> Places:
    """Return the names that a spec has for columns and texts."""
    fields: dict[str, None] = {}
    strings: dict[str, None] = {}
    for kind, name, default in _found(spec):
        (strings if kind == "string" else fields)[name] = None
        if default.startswith(_FIELD):
            fields[default.removeprefix(_FIELD)] = None
    return Places(tuple(fields), tuple(strings))


def fill(spec: Mapping[str, Any], filling: Filling) -> dict[str, Any]:
    """Return a spec without places.

    Args:
        spec: The template, which stays as it is.
        filling: What comes into the places.
    """
    filled = _fill(spec, filling, "")
    assert isinstance(filled, dict)
    return filled


def _found(value: Any) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield from _PLACE.findall(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _PLACE.findall(key)
            yield from _found(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _found(each)


def _fill(value: Any, filling: Filling, member: str) -> Any:
    """Return a value of the member of that name of an object, or of a list in it."""
    if isinstance(value, str):
        return _text(value, filling, member)
    if isinstance(value, dict):
        return _object(value, filling)
    if isinstance(value, list | tuple):
        items = (_fill(each, filling, member) for each in value)
        return [item for item in items if item is not _LEFT_OUT]
    return value


def _object(value: Mapping[str, Any], filling: Filling) -> Any:
    filled = {_text(key, filling, ""): _fill(each, filling, key) for key, each in value.items()}
    if filled.get("field") is _LEFT_OUT:
        return _LEFT_OUT
    return {key: each for key, each in filled.items() if each is not _LEFT_OUT}


def _text(text: str, filling: Filling, member: str) -> Any:
    named = member in _READ
    whole = _PLACE.fullmatch(text)
    if whole is None:
        return _PLACE.sub(lambda place: _value(place, filling, named=named) or "", text)
    found = _value(whole, filling, named=named)
    return _LEFT_OUT if found is None else found


def _value(place: re.Match[str], filling: Filling, *, named: bool) -> str | None:
    """Return what comes into a place.

    Args:
        named: Whether people read it: a column is called what it is called in the table.
    """
    kind, name, default = place.groups()
    if kind == "string":
        text = filling.strings.get(name, default)
        if text is default and default is not None and default.startswith(_FIELD):
            return filling.fields.get(default.removeprefix(_FIELD))
        return text
    column = filling.fields.get(name)
    if column is None or named:
        return column
    known = filling.columns[column]
    return known.key if kind == "field" else known.type
