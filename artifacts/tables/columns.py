"""What the columns of a table hold: a type for each, found from its values or said by the user."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from artifacts.media.base import Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.tables import values
from artifacts.tables.values import (
    ANY,
    INTEGER,
    NUMBER,
    PLAIN,
    UNKNOWN,
    cell,
    is_nan,
    kind_of,
    known_kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Name = str | int
"""Name of a column."""

_NAMES = frozenset(
    value for name, value in vars(values).items() if name.isupper() and isinstance(value, str)
)
_OF_PYTHON: dict[Any, str] = {
    bool: values.BOOLEAN,
    int: INTEGER,
    float: NUMBER,
    str: values.TEXT,
    bytes: values.BYTES,
    dt.datetime: values.DATETIME,
    dt.date: values.DATE,
    dt.time: values.TIME,
    dt.timedelta: values.DURATION,
    Decimal: values.DECIMAL,
    list: values.LIST,
    tuple: values.LIST,
    dict: values.DICT,
    object: ANY,
    Any: ANY,
    None: UNKNOWN,
}
_CLASSES: dict[str, frozenset[type]] = {
    values.BOOLEAN: frozenset({bool}),
    INTEGER: frozenset({int}),
    NUMBER: frozenset({int, float}),
    values.TEXT: frozenset({str}),
    values.BYTES: frozenset({bytes}),
    values.DATETIME: frozenset({dt.datetime}),
    values.DATE: frozenset({dt.date}),
}
"""The classes of values that a column of a type holds as they are."""

_OF_NUMPY = {"b": values.BOOLEAN, "i": INTEGER, "u": INTEGER, "f": NUMBER, "U": values.TEXT}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: Text, or a number as in a DataFrame without names.
        type: One of the constants of `artifacts.tables.values`, or what the description of a media
            type is called.
        optional: Whether a cell may hold None.
        fixed: Whether the type was said by the user: it does not become wider then.
    """

    name: Name
    type: str = UNKNOWN
    optional: bool = True
    fixed: bool = False

    def taking(self, value: Any, row: int) -> Column:
        """Return the column with the type that it has when it holds a value, too.

        Args:
            value: As `cell` returns it.
            row: In which it is, for messages.

        Raises:
            InvalidTypeError: It does not fit.
        """
        if known_kind(value) == self.type:
            return self
        is_number = self.type in {NUMBER, ANY, UNKNOWN}
        if value is None or (is_nan(value) and not is_number):
            if self.optional:
                return self
            raise InvalidTypeError(
                f"{self._place(row)}: it holds {self.type} and may not be left empty",
                hint="pass optional=True",
            )
        if is_nan(value) or self.type == ANY:
            return self
        kind = kind_of(value, self._place(row))
        if kind == self.type or (kind == INTEGER and self.type == NUMBER):
            return self
        if self.type == UNKNOWN or (kind == NUMBER and self.type == INTEGER and not self.fixed):
            return replace(self, type=kind)
        raise InvalidTypeError(
            f"{self._place(row)}: the value is of type {kind}, and the column holds {self.type}",
            hint="convert the value, or make the table with allow_mixed_types=True",
        )

    def taking_all(self, values: Sequence[Any], start: int) -> tuple[Column, list[Any]]:
        """Return the column with the type that it has with more values, and these as it holds them.

        Args:
            start: Number of the row of the first one, for messages.

        Raises:
            InvalidTypeError: One does not fit.
        """
        column = self
        held: list[Any] = []
        while column.type == UNKNOWN and len(held) < len(values):
            column, value = column._taking_raw(values[len(held)], start + len(held))
            held.append(value)
        rest = values[len(held) :]
        if column._has_only(rest):
            return column, [*held, *rest]
        for number, raw in enumerate(rest, start + len(held)):
            column, value = column._taking_raw(raw, number)
            held.append(value)
        return column, held

    def _taking_raw(self, value: Any, row: int) -> tuple[Column, Any]:
        held = value if type(value) in PLAIN else cell(value, self._place(row))
        return self.taking(held, row), held

    def _has_only(self, values: Sequence[Any]) -> bool:
        """Whether all values are of the class that belongs to the type, which is quick to see."""
        types = set(map(type, values))
        if self.optional:
            types.discard(type(None))
        return types <= _CLASSES.get(self.type, frozenset())

    def united(self, other: Column) -> Column:
        """Return a column of this name that holds the values of both."""
        kinds = {self.type, other.type} - {UNKNOWN}
        if len(kinds) > 1:
            kinds = {NUMBER} if kinds == {INTEGER, NUMBER} else {ANY}
        return Column(
            self.name,
            kinds.pop() if kinds else UNKNOWN,
            self.optional or other.optional,
            self.fixed and other.fixed,
        )

    def _place(self, row: int) -> str:
        return f"column {self.name!r}, row {row}"


class Columns:
    """The columns of a table, in their order.

    Args:
        columns: Of different names.

    Raises:
        InvalidInputError: Two have one name.
    """

    def __init__(self, columns: Iterable[Column] = ()) -> None:
        self._columns = list(columns)
        self._places: dict[str, int] = {}
        for place, column in enumerate(self._columns):
            if self._places.setdefault(str(column.name), place) != place:
                raise InvalidInputError(
                    f"two columns are named {str(column.name)!r}", hint="rename one of them"
                )

    @property
    def names(self) -> list[Name]:
        """Their names."""
        return [column.name for column in self._columns]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, place: int) -> Column:
        return self._columns[place]

    def place(self, name: Any) -> int:
        """Return the number of a column.

        Raises:
            InvalidInputError: There is none of that name.
        """
        place = self._places.get(str(name), -1)
        if place < 0 or self._columns[place].name != name:
            raise InvalidInputError(
                f"the table has no column {name!r}",
                hint=f"its columns are: {', '.join(map(str, self.names))}",
                kind="no_column",
            )
        return place

    def fitted(self, rows: Sequence[Sequence[Any]], start: int) -> tuple[Columns, list[list[Any]]]:
        """Return the columns as they are with more rows, and the rows as a table holds them.

        Args:
            start: Number of the first row, for messages.

        Raises:
            InvalidInputError: A row has too few cells, or too many.
            InvalidTypeError: A cell does not fit.
        """
        for row in rows:
            if len(row) != len(self._columns):
                raise InvalidInputError(
                    f"This table expects {len(self._columns)} columns: {self.names}, found "
                    f"{len(row)}",
                    hint="pass a value for each column",
                )
        taken, cells = [], []
        for place, column in enumerate(self._columns):
            wider, values = column.taking_all([row[place] for row in rows], start)
            taken.append(wider)
            cells.append(values)
        held = [list(row) for row in zip(*cells, strict=True)] if cells else [[] for _ in rows]
        return Columns(taken), held

    def changed(self, place: int, column: Column) -> Columns:
        """Return the columns with another one at a place, which may be behind the last."""
        return Columns([*self._columns[:place], column, *self._columns[place + 1 :]])


def to_names(columns: Any) -> list[Name]:
    """Return names of columns as a list.

    Raises:
        InvalidTypeError: It is no list, or a name is neither text nor an integer.
        InvalidInputError: A name is not valid Unicode.
    """
    if isinstance(columns, str | bytes) or not isinstance(columns, Iterable):
        raise InvalidTypeError(f"columns must be a list of names, not {type(columns).__name__}")
    return [_checked_name(name) for name in columns]


def make_columns(
    names: Sequence[Name], dtype: Any, optional: Any, *, allow_mixed_types: bool
) -> Columns:
    """Return columns as the arguments of a table say them.

    Args:
        names: As `to_names` returns them.
        dtype: A type for all, one for each, or types by name.
        optional: Likewise.
        allow_mixed_types: Whether every column holds anything.

    Raises:
        InvalidTypeError: A type is not known.
        InvalidInputError: Two names are the same, or there are more or fewer types than columns.
    """
    types = _for_each(dtype, names, "dtype", None)
    empty = _for_each(optional, names, "optional", True)
    return Columns(
        Column(name, ANY, bool(may), fixed=True)
        if allow_mixed_types
        else Column(name, type_of(said), bool(may), fixed=said is not None)
        for name, said, may in zip(names, types, empty, strict=True)
    )


def type_of(dtype: Any) -> str:
    """Return the type of a column that a Python type, a media class or object, or a name says.

    Raises:
        InvalidTypeError: None is known.
    """
    if isinstance(dtype, Media):  # those of classes are ids
        return INTEGER if dtype.type_name == "classes" else dtype.type_name
    if isinstance(dtype, str):
        if dtype in _NAMES or dtype.endswith("-file"):
            return dtype
    elif isinstance(dtype, type) and issubclass(dtype, Media):
        return dtype.type_name
    elif type(dtype).__module__.partition(".")[0] == "numpy" or (
        isinstance(dtype, type) and dtype.__module__ == "numpy"
    ):
        return _type_of_numpy(dtype)
    elif isinstance(dtype, Hashable) and dtype in _OF_PYTHON:
        return _OF_PYTHON[dtype]
    raise InvalidTypeError(
        f"dtype {dtype!r} is not a type of columns",
        hint=f"use a Python type, a media class, or one of: {', '.join(sorted(_NAMES))}",
    )


def _type_of_numpy(dtype: Any) -> str:
    import numpy as np

    if dtype is np.ndarray:
        return values.ARRAY
    kind = np.dtype(dtype).kind
    if kind not in _OF_NUMPY:
        raise InvalidTypeError(f"dtype {dtype!r} is not a type of columns")
    return _OF_NUMPY[kind]


def _checked_name(name: Any) -> Name:
    if type(name).__module__ == "numpy" and hasattr(name, "item"):
        name = name.item()
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise InvalidTypeError(
            f"names of columns must be text or integers, not {type(name).__name__}: {name!r}"
        )
    if isinstance(name, str) and any("\ud800" <= character <= "\udfff" for character in name):
        raise InvalidInputError(f"the name of a column is not valid Unicode: {name!r}")
    return name


def _for_each(said: Any, names: Sequence[Name], what: str, otherwise: Any) -> list[Any]:
    """Return what was said for all columns, or for each, as a list."""
    if isinstance(said, Mapping):
        unknown = [name for name in said if name not in names]
        if unknown:
            raise InvalidInputError(
                f"{what} names a column that is not there: {unknown[0]!r}",
                hint=f"the columns are: {', '.join(map(str, names))}",
            )
        return [said.get(name, otherwise) for name in names]
    if isinstance(said, list | tuple):
        if len(said) != len(names):
            raise InvalidInputError(
                f"{what} has {len(said)} items, and there are {len(names)} columns"
            )
        return list(said)
    return [said for _ in names]
