"""What to look for among runs and versions, as users write it, checked and made plain.

A filter is a mapping in the style of MongoDB: ``{"config.lr": {"$gt": 0.1}, "state": "failed"}``.
It becomes a `Condition`, which the catalog turns into SQL. Here is what filters mean; the catalog
adds nothing to it.

A field of JSON is followed by the keys that lead to a value: ``config.model.depth``; a dot or a
backslash within a key has a backslash before it. Values are compared with values of their kind:
numbers as the decimal numbers that they are written as, text by code points, never one with the
other. A comparison is false for what is not there, so that ``$ne``, ``$nin``, ``$nor`` and ``$not``
are true for it. None stands for null and for nothing at all.
"""

from __future__ import annotations

import difflib
import enum
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from artifacts.store.digests import MIN_PREFIX, parse_digest_prefix
from artifacts.store.errors import InvalidInputError
from artifacts.store.patterns import parse_pattern

MAX_TESTS = 500
"""Comparisons in one filter; databases limit the depth of an expression."""

MAX_VALUES = 10_000
"""Values in all lists of one filter; databases limit the number of parameters."""

MAX_DEPTH = 40

_SECOND = 1_000_000
_INT64 = range(-(2**63), 2**63)
_MOST_BITS = 8192


class Kind(enum.Enum):
    """What a field holds, and so with what it can be compared."""

    TEXT = "text"
    NUMBER = "a number"
    TIME = "a time"
    DURATION = "a duration"
    SET = "a set of texts"
    DIGEST = "a digest"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Field:
    """Something that is known of every run, or of every version."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison.

    Attributes:
        path: Keys to follow in a field of JSON, otherwise empty.
        operator: ``eq``, ``in``, ``gt``, ``gte``, ``lt``, ``lte``, ``exists``, ``regex`` or
            ``contains``.
        value: With what to compare. Times and durations are in microseconds, a digest is its
            prefix in hex. For ``in`` it is a tuple, for ``exists`` a boolean.
        fallback: Where the value is if there is nothing at the path, and no dict either.
    """

    field: Field
    path: tuple[str, ...]
    operator: str
    value: Any
    fallback: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class All:
    """All of these hold; true if there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds; false if there are none."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold."""

    part: Condition


Condition = Test | All | AnyOf | Not

EVERYTHING = All(())


@dataclass(frozen=True, slots=True)
class Order:
    """By what to sort. What has no value comes last in both directions."""

    field: Field
    path: tuple[str, ...] = ()
    descending: bool = False


class Fields:
    """The fields of one kind of thing.

    Args:
        fields: All of them.
        synonyms: Other spellings of their names.
    """

    def __init__(self, fields: Mapping[Kind, str], synonyms: Mapping[str, str]) -> None:
        self._fields = {
            name: Field(name, kind) for kind, names in fields.items() for name in names.split()
        }
        self._synonyms = synonyms

    @property
    def names(self) -> list[str]:
        """What they are called, those of JSON with a dot at the end."""
        return [
            f"{name}." if field.kind is Kind.JSON else name for name, field in self._fields.items()
        ]

    def find(self, text: str, where: str) -> tuple[Field, tuple[str, ...]]:
        """Return a field, and the keys to follow in it.

        Args:
            text: As in a filter.
            where: Place in the filter, for messages.

        Raises:
            InvalidInputError: There is no such field.
        """
        first, *path = split_path(text)
        name = self._synonyms.get(first, first)
        field = self._fields.get(name)
        if field is None:
            known = [*self._fields, *self._synonyms]
            near = difflib.get_close_matches(first, known, 2)
            raise InvalidInputError(
                f"{where}: there is no field {first!r}",
                hint=f"did you mean {' or '.join(near)}?"
                if near
                else f"there are: {', '.join(self.names)}",
                kind="bad_filter",
            )
        if bool(path) != (field.kind is Kind.JSON) or "" in path:
            raise InvalidInputError(
                f"{where}: {text!r} names no value",
                hint=f"write {name}.KEY" if field.kind is Kind.JSON else f"write {name}",
                kind="bad_filter",
            )
        return field, tuple(path)


RUN_FIELDS = Fields(
    {
        Kind.TEXT: "id name state group job_type notes user host sweep_id project entity",
        Kind.NUMBER: "exit_code",
        Kind.TIME: "created_at finished_at",
        Kind.DURATION: "duration",
        Kind.SET: "tags",
        Kind.JSON: "config summary metadata system_metrics",
    },
    {
        "display_name": "name",
        "displayName": "name",
        "summary_metrics": "summary",
        "jobType": "job_type",
        "sweep": "sweep_id",
        "createdAt": "created_at",
        "created": "created_at",
        "finished": "finished_at",
        "username": "user",
    },
)

VERSION_FIELDS = Fields(
    {
        Kind.TEXT: "name type description state created_by project entity",
        Kind.NUMBER: "version size file_count",
        Kind.TIME: "created_at updated_at",
        Kind.SET: "aliases tags",
        Kind.DIGEST: "digest",
        Kind.JSON: "metadata",
    },
    {
        "alias": "aliases",
        "tag": "tags",
        "createdAt": "created_at",
        "created": "created_at",
        "updatedAt": "updated_at",
        "updated": "updated_at",
        "files": "file_count",
    },
)

_COMPARED = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$not")
_EQUAL = ("$eq", "$ne", "$in", "$nin", "$exists", "$not")
_OPERATORS = {
    Kind.TEXT: (*_COMPARED, "$regex", "$contains"),
    Kind.NUMBER: _COMPARED,
    Kind.TIME: _COMPARED,
    Kind.DURATION: _COMPARED,
    Kind.SET: (*_EQUAL, "$regex", "$contains"),
    Kind.DIGEST: _EQUAL,
    Kind.JSON: (*_COMPARED, "$regex", "$contains"),
}
_UNSORTED = frozenset({Kind.SET, Kind.DIGEST})


def parse_filter(
    filters: Mapping[str, Any] | None, fields: Fields, *, name: str = "filters"
) -> Condition:
    """Check a filter.

    Args:
        filters: As users write it; None and an empty one let everything through.
        fields: What there is to be compared.
        name: What it is called in messages.

    Raises:
        InvalidInputError: It is malformed; the message says where.
    """
    if filters is None:
        return EVERYTHING
    return _Parser(fields).parse(filters, name, 0)


def parse_order(text: str, fields: Fields) -> Order:
    """Check an order: a field, after ``+`` (the default) or ``-`` for the highest first.

    Raises:
        InvalidInputError: There is no such field, or it has no order.
    """
    if not isinstance(text, str):
        raise _bad("order", f"must be text, not {type(text).__name__}")
    descending = text.startswith("-")
    field, path = fields.find(text[1:] if text[:1] in {"+", "-"} else text, "order")
    if field.kind in _UNSORTED:
        raise _bad("order", f"{field.name} is {field.kind.value}, which has no order")
    return Order(field, path, descending)


def split_path(text: str) -> list[str]:
    r"""Return the keys of ``a.b.c``; ``\.`` is a dot within a key and ``\\`` a backslash."""
    parts = [""]
    for match in re.finditer(r"\\(.)|(\.)|(.)", text, re.DOTALL):
        escaped, dot, plain = match.groups()
        if dot:
            parts.append("")
        else:
            parts[-1] += escaped or plain
    return parts


def escape_key(key: str) -> str:
    """Return a key as a part of a path; the inverse of `split_path`."""
    return re.sub(r"[\\.]", r"\\\g<0>", key)


def mentions(condition: Condition, name: str) -> bool:
    """Whether a condition has a comparison with a field."""
    if isinstance(condition, Test):
        return condition.field.name == name
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return any(mentions(part, name) for part in parts)


class _Parser:
    """Checks one filter.

    Args:
        fields: What there is to be compared.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._tests = 0
        self._values = 0

    def parse(self, filters: Any, where: str, depth: int) -> Condition:
        """Check a mapping of fields and connectives."""
        if depth > MAX_DEPTH:
            raise _bad(where, f"filters are nested over {MAX_DEPTH} deep")
        if not isinstance(filters, Mapping):
            raise _bad(where, f"a dict is wanted here, not {type(filters).__name__}")
        return _all(self._part(key, value, where, depth) for key, value in filters.items())

    def _part(self, key: Any, value: Any, where: str, depth: int) -> Condition:
        if not isinstance(key, str):
            raise _bad(where, f"keys are text, not {type(key).__name__}")
        place = f"{where}.{key}"
        if not key.startswith("$"):
            field, path = self._fields.find(key, place)
            return self._field(field, path, value, place, depth)
        if key == "$not":
            return Not(self.parse(value, place, depth + 1))
        if key not in {"$and", "$or", "$nor"}:
            raise _unknown(key, ("$and", "$or", "$nor", "$not"), where)
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise _bad(place, "a list of filters is wanted here, and not an empty one")
        parts = [self.parse(each, f"{place}[{i}]", depth + 1) for i, each in enumerate(value)]
        if key == "$and":
            return _all(parts)
        return AnyOf(tuple(parts)) if key == "$or" else Not(AnyOf(tuple(parts)))

    def _field(
        self, field: Field, path: tuple[str, ...], value: Any, where: str, depth: int
    ) -> Condition:
        if isinstance(value, re.Pattern):
            value = {"$regex": value}
        if isinstance(value, Mapping) and any(str(key).startswith("$") for key in value):
            return self._operators(field, path, value, where, depth)
        return self._test(field, path, "$eq", value, where)

    def _operators(
        self, field: Field, path: tuple[str, ...], operators: Any, where: str, depth: int
    ) -> Condition:
        if depth > MAX_DEPTH:
            raise _bad(where, f"filters are nested over {MAX_DEPTH} deep")
        parts: list[Condition] = []
        for key, value in operators.items():
            if not str(key).startswith("$"):
                raise _bad(where, f"{key!r} stands among operators, which begin with $")
            if key not in _OPERATORS[field.kind]:
                raise _unknown(key, _OPERATORS[field.kind], where, field)
            if key != "$not":
                parts.append(self._test(field, path, key, value, f"{where}.{key}"))
                continue
            if not isinstance(value, Mapping | re.Pattern):
                raise _bad(f"{where}.$not", "operators are wanted here, such as {'$gt': 1}")
            parts.append(Not(self._field(field, path, value, f"{where}.$not", depth + 1)))
        return _all(parts)

    def _test(
        self, field: Field, path: tuple[str, ...], operator: str, value: Any, where: str
    ) -> Condition:
        self._tests += 1
        if self._tests > MAX_TESTS:
            raise _bad(where, f"a filter has at most {MAX_TESTS} comparisons")
        if operator == "$ne":
            return Not(self._make(field, path, "eq", _operand(field, value, where)))
        if operator == "$eq":
            return self._make(field, path, "eq", _operand(field, value, where))
        if operator in {"$in", "$nin"}:
            found = self._among(field, path, value, where)
            return found if operator == "$in" else Not(found)
        if operator == "$exists":
            if not isinstance(value, bool):
                raise _bad(where, f"true or false is wanted here, not {value!r}")
            return self._make(field, path, "exists", value)
        if operator == "$regex":
            return self._make(field, path, "regex", _regex(value, where))
        if operator == "$contains":
            return self._make(field, path, "contains", _contained(field, value, where))
        return self._make(field, path, operator[1:], _ordered(field, value, where))

    def _among(self, field: Field, path: tuple[str, ...], values: Any, where: str) -> Condition:
        if not isinstance(values, Collection) or isinstance(values, str | bytes | Mapping):
            raise _bad(where, f"a list is wanted here, not {type(values).__name__}")
        self._values += len(values)
        if self._values > MAX_VALUES:
            raise _bad(where, f"a filter has at most {MAX_VALUES:,} values in lists")
        plain = [_operand(field, value, f"{where}[{i}]") for i, value in enumerate(values)]
        some = tuple(value for value in plain if value is not None)
        found = self._make(field, path, "in", some)
        if len(some) == len(plain):
            return found
        return AnyOf((found, self._make(field, path, "eq", None)))

    def _make(self, field: Field, path: tuple[str, ...], operator: str, value: Any) -> Test:
        fallback = None
        if field.name == "config" and len(path) > 1 and path[-1] == "value":
            # Where the configuration is a dict of {"value": …} by key, this is how it is spelled.
            fallback = path[:-1]
        return Test(field, path, operator, value, fallback)


def _all(parts: Iterator[Condition] | Sequence[Condition]) -> Condition:
    found = tuple(parts)
    return found[0] if len(found) == 1 else All(found)


def _bad(where: str, what: str, hint: str | None = None) -> InvalidInputError:
    return InvalidInputError(f"{where}: {what}", hint=hint, kind="bad_filter")


def _unknown(
    key: str, known: Sequence[str], where: str, field: Field | None = None
) -> InvalidInputError:
    near = difflib.get_close_matches(str(key), known, 2)
    return _bad(
        where,
        f"there is no operator {key!r}" + (f" for {field.kind.value}" if field else " here"),
        f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(known)}",
    )


# -- operands


def _operand(field: Field, value: Any, where: str) -> Any:
    """Return with what a field shall be equal; None for null or nothing."""
    return None if value is None else _OPERANDS[field.kind](value, where)


def _ordered(field: Field, value: Any, where: str) -> Any:
    """Return with what a field shall be compared by size."""
    found = _operand(field, value, where)
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number and not isinstance(found, str):
        raise _bad(where, f"a number or a text is wanted here, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise _bad(where, f"nothing can be compared by size with {value}")
    return found


def _contained(field: Field, value: Any, where: str) -> Any:
    found = _operand(field, value, where)
    if isinstance(found, list | dict):
        raise _bad(where, "a single value is wanted here")
    if field.kind is not Kind.JSON and found is None:
        raise _bad(where, "a text is wanted here, not None")
    return found


def _regex(value: Any, where: str) -> str:
    ignore_case = False
    if isinstance(value, re.Pattern):
        ignore_case = bool(value.flags & re.IGNORECASE)
        if value.flags & ~(re.IGNORECASE | re.UNICODE | re.ASCII | re.DOTALL):
            raise _bad(where, "the only flag that a pattern may have here is re.IGNORECASE")
        value = value.pattern
    text = _text(value, where)
    if ignore_case and not text.startswith("(?i)"):
        text = f"(?i){text}"
    try:
        parse_pattern(text)
    except ValueError as error:
        raise _bad(where, f"{text!r} is no pattern: {error}") from None
    return text


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _bad(where, f"text is wanted here, not {value!r}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _bad(where, f"no database holds the text {value!r}")
    return str.__str__(value)


def _whole(value: Any, where: str) -> int | float:
    if isinstance(value, str) and re.fullmatch(r"v\d{1,18}", value):
        return int(value[1:])  # a version
    number = _number(value, where)
    if isinstance(number, str):
        raise _bad(where, f"a finite number is wanted here, not {value!r}")
    if isinstance(number, int) and number not in _INT64:
        return float(number)
    return number


def _number(value: Any, where: str) -> int | float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(where, f"a number is wanted here, not {value!r}")
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise _bad(where, "the number is too large")
        return int(value)
    if math.isfinite(value):
        return float(value)
    # As what they are stored.
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _time(value: Any, where: str) -> int:
    """Return a time in microseconds since 1970; one without a zone is in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _bad(
                where, f"{value!r} is no time", "write for instance 2026-01-05 or 2026-01-05T12:30Z"
            ) from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    number = _whole(value, where)
    return _microseconds(number, where)


def _duration(value: Any, where: str) -> int:
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    return _microseconds(_whole(value, where), where)


def _microseconds(seconds: float, where: str) -> int:
    found = round(seconds * _SECOND)
    if found not in _INT64:
        raise _bad(where, f"{seconds} seconds are too many")
    return found


def _digest(value: Any, where: str) -> str:
    digits = parse_digest_prefix(_text(value, where))
    if digits is None:
        raise _bad(where, f"{value!r} is no digest: it has {MIN_PREFIX} to 64 hex characters")
    return digits


def _json(value: Any, where: str, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise _bad(where, f"values are nested over {MAX_DEPTH} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int | float):
        return _number(value, where)
    if isinstance(value, Mapping):
        return {_text(k, where): _json(v, f"{where}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if hasattr(value, "item"):  # of numpy and the like
        return _json(value.item(), where, depth + 1)
    raise _bad(where, f"a {type(value).__name__} cannot be in JSON")


_OPERANDS: dict[Kind, Callable[[Any, str], Any]] = {
    Kind.TEXT: _text,
    Kind.SET: _text,
    Kind.NUMBER: _whole,
    Kind.TIME: _time,
    Kind.DURATION: _duration,
    Kind.DIGEST: _digest,
    Kind.JSON: _json,
}
