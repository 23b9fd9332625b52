"""Rows of two tables side by side, by a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.tables.columns import Column, Columns
from artifacts.tables.values import is_nan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from artifacts.tables.columns import Name
    from artifacts.tables.looking import Looking

How = Literal["inner", "left", "right", "outer"]

_NAN = object()


def join(
    left: Looking,
    right: Looking,
    left_on: Sequence[Name],
    right_on: Sequence[Name],
    how: How,
    suffixes: tuple[str, str],
) -> tuple[Columns, list[list[Any]]]:
    """Return the columns and the rows of two tables together; see `Table.join`.

    Args:
        left: The first table, whose order of rows is kept.
        right: The second one.
        left_on: Columns of the first one that are the key.
        right_on: The same of the second one.
        how: Which rows without a match stay.
        suffixes: Of columns that both have.
    """
    if how not in get_args(How):
        raise InvalidInputError(f"how must be one of {', '.join(get_args(How))}, not {how!r}")
    if not left_on:
        raise InvalidInputError("on names no column")
    first, second = _Side(left, left_on), _Side(right, right_on)
    columns = Columns(_columns(first, second, suffixes))
    return columns, list(_rows(first, second, how))


class _Side:
    """One of the two tables."""

    def __init__(self, table: Looking, on: Sequence[Name]) -> None:
        self.table = table
        self.key = [table._columns.place(name) for name in on]
        self.rest = [place for place in range(len(table._columns)) if place not in self.key]

    def columns(self, places: Iterable[int]) -> list[Column]:
        return [self.table._columns[place] for place in places]

    def rows(self) -> Iterator[tuple[tuple[Any, ...], list[Any], list[Any]]]:
        """Yield the key of each row in a form that can be looked up, the key, and the rest."""
        for number, row in self.table.iterrows():
            key = [row[place] for place in self.key]
            found = tuple(_NAN if is_nan(value) else value for value in key)
            if any(_is_no_key(value) for value in found):
                raise InvalidTypeError(
                    f"row {int(number)} has a value in the key by which rows cannot be joined",
                    hint="join on columns of numbers, text, times or bytes",
                )
            yield found, key, [row[place] for place in self.rest]


def _is_no_key(value: Any) -> bool:
    from artifacts.media.base import Media

    return isinstance(value, Media | list | dict) or hasattr(value, "dtype")


def _columns(first: _Side, second: _Side, suffixes: tuple[str, str]) -> Iterator[Column]:
    for one, other in zip(first.columns(first.key), second.columns(second.key), strict=True):
        yield replace(one.united(other), optional=True)
    keys = {str(column.name) for column in first.columns(first.key)}
    mine, theirs = first.columns(first.rest), second.columns(second.rest)
    both = {str(column.name) for column in mine} & {str(column.name) for column in theirs}
    both |= {str(column.name) for column in [*mine, *theirs]} & keys
    for columns, suffix in ((mine, suffixes[0]), (theirs, suffixes[1])):
        for column in columns:
            name = f"{column.name}{suffix}" if str(column.name) in both else column.name
            yield replace(column, name=name, optional=True)


def _rows(first: _Side, second: _Side, how: How) -> Iterator[list[Any]]:
    found: dict[tuple[Any, ...], list[tuple[int, list[Any], list[Any]]]] = {}
    for number, (key, shown, rest) in enumerate(second.rows()):
        found.setdefault(key, []).append((number, shown, rest))
    matched: set[tuple[Any, ...]] = set()
    for key, shown, rest in first.rows():
        if key in found:
            matched.add(key)
            for _, _, other in found[key]:
                yield [*shown, *rest, *other]
        elif how in {"left", "outer"}:
            yield [*shown, *rest, *([None] * len(second.rest))]
    if how in {"right", "outer"}:
        alone = [rows for key, rows in found.items() if key not in matched]
        for _, shown, rest in sorted(
            (row for rows in alone for row in rows), key=lambda row: row[0]
        ):
            yield [*shown, *([None] * len(first.rest)), *rest]
