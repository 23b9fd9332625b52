r"""Conditions as people write them in a shell, such as ``metadata.acc > 0.9 and tags = golden``.

::

    condition   = comparison | "has" FIELD | "not" condition | "(" condition ")"
                | condition "and" condition | condition "or" condition
    comparison  = FIELD ("=" | "==" | "!=" | ">" | ">=" | "<" | "<=") VALUE
                | FIELD ("~" | "!~") PATTERN
                | FIELD ["not"] "in" "(" VALUE {"," VALUE} ")"
                | FIELD ["not"] "contains" VALUE

A field is one of `filters.Fields`; keys with other characters than letters, digits and ``_-/@%``
stand in quotes: ``summary."best loss"``. A value in quotes is text. Without quotes it is what fits
the field: a number, ``true``, ``false`` or ``null``; for sizes ``10MB``; for durations ``90s`` or
``1h30m``; for times ``2026-01-05``, ``2026-01-05T12:30`` (UTC) or ``7d``, which is seven days ago;
otherwise text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from artifacts.settings import parse_size
from artifacts.store.errors import ConfigError, InvalidInputError
from artifacts.store.filters import MAX_DEPTH, Fields, Kind, escape_key, parse_filter
from artifacts.store.retention import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Filter = dict[str, Any]

_TOKEN = re.compile(
    r"""
    (?P<space> \s+ )
    | (?P<symbol> == | != | >= | <= | !~ | [=<>~(),] )
    | (?P<word> (?: "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s"'=<>~!(),] )+ )
    """,
    re.VERBOSE,
)
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|\.|[^.\'"]+')
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None}
_COMPARISONS = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SIZES = frozenset({"size"})


class _Token(NamedTuple):
    """A part of the text; the last one is empty.

    Attributes:
        column: Where it begins, from 1 on.
    """

    kind: str
    text: str
    column: int


def parse_where(texts: Iterable[str] | str, fields: Fields) -> Filter:
    """Return the filter that several conditions make, all of which shall hold.

    Args:
        texts: The conditions.
        fields: What there is to be compared: `filters.RUN_FIELDS` or `filters.VERSION_FIELDS`.

    Raises:
        InvalidInputError: One is malformed; the message names the column of the mistake.
    """
    given = [texts] if isinstance(texts, str) else list(texts)
    found = [_Parser(text, fields).parse() for text in given]
    return found[0] if len(found) == 1 else {"$and": found} if found else {}


class _Parser:
    """Reads one condition, from left to right."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._text = text
        self._fields = fields
        self._tokens = list(self._scan())
        self._place = 0
        self._depth = 0

    def parse(self) -> Filter:
        found = self._either()
        if self._next.kind != "end":
            self._fail("'and' or 'or' was expected")
        return found

    # -- grammar

    def _either(self) -> Filter:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else {"$or": parts}

    def _both(self) -> Filter:
        parts = [self._single()]
        while self._take("and"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else {"$and": parts}

    def _single(self) -> Filter:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail("this is nested too deep")
        try:
            if self._take("not"):
                return {"$not": self._single()}
            if self._take("("):
                found = self._either()
                if not self._take(")"):
                    self._fail("')' was expected")
                return found
            if self._next.text == "has" and self._tokens[self._place + 1].kind == "word":
                self._place += 1
                start = self._next
                return self._checked({self._field()[0]: {"$exists": True}}, start)
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Filter:
        start = self._next
        name, kind = self._field()
        negative = self._take("not")
        if self._take("in"):
            value = {"$nin" if negative else "$in": self._values(name, kind)}
            return self._checked({name: value}, start)
        if self._take("contains"):
            condition = {name: {"$contains": self._value(name, kind)}}
            return self._checked({"$not": condition} if negative else condition, start)
        symbol = self._next
        if negative or symbol.kind != "symbol" or symbol.text in "(),":
            self._fail("one of = != > >= < <= ~ in contains was expected")
        self._place += 1
        return self._checked(self._compared(name, kind, symbol.text), start)

    def _compared(self, name: str, kind: Kind, symbol: str) -> Filter:
        if symbol in {"~", "!~"}:
            pattern = {"$regex": _unquoted(self._word("a pattern").text)}
            return {name: {"$not": pattern}} if symbol == "!~" else {name: pattern}
        token = self._next
        value = self._value(name, kind)
        if symbol in _COMPARISONS:
            return {name: {_COMPARISONS[symbol]: value}}
        if kind is Kind.TIME and _DAY.fullmatch(token.text):
            during = {"$gte": value, "$lt": value + timedelta(days=1)}
            return {name: {"$not": during}} if symbol == "!=" else {name: during}
        return {name: {"$ne": value}} if symbol == "!=" else {name: {"$eq": value}}

    def _values(self, name: str, kind: Kind) -> list[Any]:
        if not self._take("("):
            self._fail("'(' was expected")
        found = [self._value(name, kind)]
        while self._take(","):
            found.append(self._value(name, kind))
        if not self._take(")"):
            self._fail("',' or ')' was expected")
        return found

    def _field(self) -> tuple[str, Kind]:
        """Read a field; return it as filters spell it, and its kind."""
        token = self._word("a field")
        parts = [""]
        for part in _PART.findall(token.text):
            if part == ".":
                parts.append("")
            else:
                parts[-1] += escape_key(_unquoted(part)) if part[0] in "\"'" else part
        name = ".".join(parts)
        return name, self._fields.find(name, self._at(token))[0].kind

    # -- values

    def _value(self, name: str, kind: Kind) -> Any:
        token = self._word("a value")
        if token.text[0] in "\"'":
            return _unquoted(token.text)
        try:
            return self._plain(token.text, name, kind)
        except (ConfigError, InvalidInputError, ValueError, OverflowError):
            self._fail(f"{token.text!r} is not {kind.value}", token)

    def _plain(self, text: str, name: str, kind: Kind) -> Any:
        if kind is Kind.TIME:
            return self._time(text)
        if kind is Kind.DURATION and not _NUMBER.fullmatch(text):
            return timedelta(microseconds=parse_duration(text))
        if name in _SIZES:
            return parse_size(text)
        if text.lower() in {"null", "none"}:
            return None
        if kind is Kind.JSON and text.lower() in _CONSTANTS:
            return _CONSTANTS[text.lower()]
        if kind in {Kind.JSON, Kind.NUMBER, Kind.DURATION} and _NUMBER.fullmatch(text):
            return int(text) if text.lstrip("+-").isdigit() else float(text)
        return text

    def _time(self, text: str) -> datetime:
        if text[:4].isdigit() and text[4:5] == "-":
            found = datetime.fromisoformat(text)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        ago = timedelta(microseconds=parse_duration(text))
        self._take("ago")
        return datetime.now(UTC) - ago

    # -- tokens

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, text: str) -> bool:
        """Go on if the next part is this one."""
        found = self._next.kind != "end" and self._next.text.lower() == text
        self._place += found
        return found

    def _word(self, what: str) -> _Token:
        token = self._next
        if token.kind != "word":
            self._fail(f"{what} was expected")
        self._place += 1
        return token

    def _scan(self) -> Iterator[_Token]:
        place = 0
        while place < len(self._text):
            match = _TOKEN.match(self._text, place)
            if match is None:
                what = "this quote is not closed" if self._text[place] in "\"'" else "not expected"
                self._fail(what, _Token("bad", self._text[place], place + 1))
            if match.lastgroup != "space":
                yield _Token(str(match.lastgroup), match[0], place + 1)
            place = match.end()
        yield _Token("end", "", place + 1)

    # -- errors

    def _checked(self, condition: Filter, token: _Token) -> Filter:
        """Return a condition that has a meaning."""
        parse_filter(condition, self._fields, name=self._at(token))
        return condition

    def _at(self, token: _Token) -> str:
        return f"column {token.column} of {self._text!r}"

    def _fail(self, what: str, token: _Token | None = None) -> NoReturn:
        place = self._next if token is None else token
        found = (
            f", and not {place.text!r}" if place.kind in {"word", "symbol"} and not token else ""
        )
        raise InvalidInputError(
            f"{self._at(place)}: {what}{found}",
            hint="write for instance: metadata.acc > 0.9 and tags = golden",
            kind="bad_filter",
        )


def _unquoted(text: str) -> str:
    if text[:1] in {'"', "'"} and text[-1:] == text[:1] and len(text) > 1:
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text
