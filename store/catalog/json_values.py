"""A value inside a column of JSON, as SQL that means the same on both databases."""

from __future__ import annotations

import json
import re
import sqlite3
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.patterns import parse_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    Element = sa.ColumnElement[Any]
    Truth = sa.ColumnElement[bool]

NUMBER, TEXT, BOOLEAN, OTHER, NOTHING = range(5)
"""Ranks of values in an order: numbers first, then texts."""


class JsonValue(ABC):
    """The value at a path. A condition on what is not there is false or NULL."""

    _type: Element  # as the database calls it; NULL if there is nothing

    def exists(self) -> Truth:
        """Whether there is one, perhaps null."""
        return self._type.is_not(None)

    def is_dict(self) -> Truth:
        """Whether it is a dict."""
        return self._type == "object"

    def is_null(self) -> Truth:
        """Whether it is null, or not there."""
        return sa.or_(self._type.is_(None), self._type == "null")

    @abstractmethod
    def is_among(self, values: Sequence[Any]) -> Truth:
        """Whether it equals one of some values."""

    @abstractmethod
    def compare(self, operator: str, value: float | str) -> Truth:
        """Whether it is a number or a text, and ``gt``, ``gte``, ``lt`` or ``lte`` another one."""

    @abstractmethod
    def matches(self, pattern: str) -> Truth:
        """Whether it is a text in which a pattern occurs."""

    @abstractmethod
    def contains(self, value: Any) -> Truth:
        """Whether it is a list with such an item, or a text with such a part."""

    @abstractmethod
    def rank(self) -> Element:
        """Its place in an order before its size counts: `NUMBER` to `NOTHING`."""

    @abstractmethod
    def by_rank(self, rank: int) -> Element | None:
        """Return what orders values of a rank; None if nothing does."""


def json_value(dialect: str, document: Element, path: Sequence[str]) -> JsonValue:
    """Return the value at a path of a column."""
    if dialect == "postgresql":
        return PostgresJson(document, path)
    return SqliteJson(document, path)


def _text(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


class SqliteJson(JsonValue):
    """JSON that is text."""

    # What JSON functions and Python's way to write JSON spell alike, whatever the version.
    _SIMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ /.:@-]*")

    def __init__(self, document: Element, path: Sequence[str]) -> None:
        if _HAS_ARROW and all(map(self._SIMPLE.fullmatch, path)):
            steps = "$" + "".join(f'."{key}"' for key in path)
            self._value: Element = document.op("->", return_type=sa.String())(
                sa.literal(steps, sa.String())
            )
        else:
            self._value = sa.func.art_json_get(document, _text(list(path)), type_=sa.String())
        self._type: Element = sa.func.json_type(self._value, type_=sa.String())
        self._plain: Element = sa.func.json_extract(self._value, "$", type_=sa.types.NullType())

    def is_among(self, values: Sequence[Any]) -> Truth:
        if all(isinstance(value, str) for value in values):
            return sa.and_(self._type == "text", self._plain.in_(values))
        return sa.func.art_json_in(self._value, _text(list(values)), type_=sa.Boolean()) == 1

    def compare(self, operator: str, value: float | str) -> Truth:
        if isinstance(value, str):
            return sa.and_(self._type == "text", OPERATORS[operator](self._plain, value))
        order = sa.func.art_compare(self._value, _text(value), type_=sa.Integer())
        # CASE, because both sides of AND may be worked out.
        return sa.case((self._is_number(), OPERATORS[operator](order, 0)))

    def matches(self, pattern: str) -> Truth:
        return sa.case((self._type == "text", matches("sqlite", self._plain, pattern)))

    def contains(self, value: Any) -> Truth:
        has = sa.func.art_json_has(self._value, _text(value), type_=sa.Boolean()) == 1
        in_list = sa.case((self._type == "array", has))
        if not isinstance(value, str):
            return in_list
        return sa.or_(in_list, sa.and_(self._type == "text", sa.func.instr(self._plain, value) > 0))

    def rank(self) -> Element:
        return sa.case(
            (self._is_number(), NUMBER),
            (self._type == "text", TEXT),
            (self._type.in_(["true", "false"]), BOOLEAN),
            (self.is_null(), NOTHING),
            else_=OTHER,
        )

    def by_rank(self, rank: int) -> Element | None:
        wanted = {
            NUMBER: self._is_number(),
            TEXT: self._type == "text",
            BOOLEAN: self._type.in_(["true", "false"]),
        }
        return sa.case((wanted[rank], self._plain)) if rank in wanted else None

    def _is_number(self) -> Truth:
        return self._type.in_(["integer", "real"])


_HAS_ARROW = sqlite3.sqlite_version_info >= (3, 38)


class PostgresJson(JsonValue):
    """JSONB."""

    def __init__(self, document: Element, path: Sequence[str]) -> None:
        # Not #>, for which a key may be the number of an item.
        json_type = document.type
        value = document
        for key in path:
            value = value.op("->", return_type=json_type)(sa.cast(key, sa.Text()))
        self._value = value
        self._type: Element = sa.func.jsonb_typeof(value, type_=sa.String())
        root = sa.cast(sa.literal("{}"), sa.ARRAY(sa.Text()))
        self._plain: Element = value.op("#>>", return_type=sa.Text())(root)

    def is_among(self, values: Sequence[Any]) -> Truth:
        return sa.or_(sa.false(), *(self._equals(value) for value in values))

    def _equals(self, value: Any) -> Truth:
        return self._value.op("=", is_comparison=True)(_jsonb(value))

    def compare(self, operator: str, value: float | str) -> Truth:
        if isinstance(value, str):
            text = sa.collate(self._plain, "C")
            return sa.and_(self._type == "string", OPERATORS[operator](text, value))
        # JSONB orders numbers as numbers.
        return sa.and_(
            self._type == "number",
            self._value.op(_SYMBOLS[operator], is_comparison=True)(_jsonb(value)),
        )

    def matches(self, pattern: str) -> Truth:
        return sa.and_(self._type == "string", matches("postgresql", self._plain, pattern))

    def contains(self, value: Any) -> Truth:
        has = self._value.op("@>", is_comparison=True)(_jsonb([value]))
        in_list = sa.and_(self._type == "array", has)
        if not isinstance(value, str):
            return in_list
        found = sa.func.strpos(self._plain, value) > 0
        return sa.or_(in_list, sa.and_(self._type == "string", found))

    def rank(self) -> Element:
        return sa.case(
            (self._type == "number", NUMBER),
            (self._type == "string", TEXT),
            (self._type == "boolean", BOOLEAN),
            (self.is_null(), NOTHING),
            else_=OTHER,
        )

    def by_rank(self, rank: int) -> Element | None:
        if rank == NUMBER:
            return sa.case((self._type == "number", sa.cast(self._plain, sa.Numeric())))
        if rank == TEXT:
            return sa.collate(sa.case((self._type == "string", self._plain)), "C")
        if rank == BOOLEAN:
            is_true = sa.cast(sa.cast(self._plain, sa.Boolean()), sa.Integer())
            return sa.case((self._type == "boolean", is_true))
        return None


def _jsonb(value: Any) -> Element:
    from sqlalchemy.dialects.postgresql import JSONB

    return sa.cast(sa.literal(_text(value), sa.Text()), JSONB())


def matches(dialect: str, text: Element, pattern: str) -> Truth:
    """Whether a pattern occurs in a text."""
    if dialect == "postgresql":
        spelled = parse_pattern(pattern).postgres
        return sa.collate(text, "C").op("~", is_comparison=True)(sa.cast(spelled, sa.Text()))
    # The pattern is checked; as text with a surrogate in it, a value would be refused.
    data = sa.cast(text, sa.LargeBinary())
    return sa.func.art_matches(data, pattern, type_=sa.Boolean()) == 1


OPERATORS: dict[str, Any] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}
_SYMBOLS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
