"""The catalog as text: what exports and daily backups hold.

One JSON object a line. The first line is a header, the last one says how many there are between
them, so that a text that was cut off is noticed. Records name each other by what people call
them, never by keys of a database::

    {"record": "header", "format": 1, "store": …, "at": …}
    {"record": "project" | "artifact" | "version" | "alias_event" | "sweep" | "run" | "alert"
               | "link" | "derivation" | "recall" | "consumer", …}
    {"record": "end", "records": N}

They come in this order of kinds: whatever a record names stands before it. Every value is checked
when a text is read, by the rules that hold for writers; members that are not known are ignored.
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from artifacts.store.digests import parse_digest
from artifacts.store.errors import FormatError, IntegrityError, InvalidInputError
from artifacts.store.records import AlertLevel, DerivationKind, SweepState
from artifacts.store.refs import check_alias, check_name, check_project, check_run_id, check_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Check = Callable[[Any], object]

FORMAT = 1

MAX_LINE = 64 << 20
"""Bytes of the longest line that is read."""

Record = dict[str, Any]

_LATER = frozenset({"trial"})
"""Members that older texts do not have; null stands for that."""

_MAX_NUMBER = (1 << 31) - 1
_MAX_INTEGER = (1 << 63) - 1
_MAX_TYPE = 128


class Header(NamedTuple):
    """What a text says of itself.

    Attributes:
        store: UUID of the store whose catalog it was.
        at: When it was written, by that catalog's clock.
    """

    store: str
    at: int


class Writer:
    """Writes a text; the header at once, the last line with `end`."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self.records = 0
        self._write({"record": "header", "format": FORMAT, **header._asdict()})

    def add(self, record: Record) -> None:
        """Write a record."""
        self._write(record)
        self.records += 1

    def end(self) -> None:
        """Say that this was all."""
        self._write({"record": "end", "records": self.records})

    def _write(self, record: Record) -> None:
        # Not orjson: metadata may hold integers of any size, and numbers that are none.
        self._file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")


def read_header(file: IO[bytes]) -> Header:
    """Read the first line.

    Raises:
        FormatError: It is none, or of a newer format.
    """
    record = _parse(file.readline(MAX_LINE + 1), 1)
    if record.get("record") != "header":
        raise FormatError("this is not an export of a catalog", kind="bad_export")
    if record.get("format") != FORMAT:
        raise FormatError(
            f"this export has format {record.get('format')!r}; this program knows format {FORMAT}",
            hint="update with: pip install -U artifacts-cas",
            kind="export_too_new",
        )
    _check(record, _HEADER, 1)
    return Header(record["store"], record["at"])


def read(file: IO[bytes]) -> Iterator[Record]:
    """Yield all records between header and end.

    Raises:
        FormatError: A line is not what it should be.
        IntegrityError: The text is cut off.
    """
    read_header(file)
    rank, count = 0, 0
    while True:
        line = file.readline(MAX_LINE + 1)
        if not line:
            raise IntegrityError("the export is cut off: its end is missing", kind="cut_off")
        record = _parse(line, count + 2)
        kind = record.get("record")
        if kind == "end":
            if record.get("records") != count or file.read(1):
                raise _bad(count + 2, "it is not the end of what stands before it")
            return
        if not isinstance(kind, str) or kind not in _KINDS:
            raise _bad(count + 2, f"this program knows no {kind!r}")
        if _ORDER[kind] < rank:
            raise _bad(count + 2, f"a {kind} has to come before")
        rank = _ORDER[kind]
        _check(record, _KINDS[kind], count + 2)
        yield record
        count += 1


def check_record(record: Record, line: int) -> None:
    """Make sure that a record which was made of something else is what a text could hold.

    Args:
        record: Of a kind that exists.
        line: Where it comes from, for the message.

    Raises:
        FormatError: It is not.
    """
    _check(record, _KINDS[record["record"]], line)


def in_project(record: Record, project: str) -> Record:
    """Return a record as if everything had been in this project; ``origin`` says where it was."""
    if record["record"] == "project":
        return record | {"name": project}
    named = [name for name in ("run", "version", "source") if isinstance(record.get(name), dict)]
    if named:
        return record | {name: record[name] | {"project": project} for name in named}
    moved = record | {"project": project}
    if record["record"] == "version":
        moved["origin"] = "{project}/{name}:v{number}".format_map(record)
    return moved


def _parse(line: bytes, number: int) -> Record:
    if len(line) > MAX_LINE:
        raise _bad(number, "it is too long")
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        if not line.endswith(b"\n"):
            raise IntegrityError("the export is cut off", kind="cut_off") from error
        raise _bad(number, "it is not JSON") from error
    if not isinstance(record, dict):
        raise _bad(number, "it is not a JSON object")
    return record


def _check(record: Record, fields: Mapping[str, Check], number: int) -> None:
    for name, check in fields.items():
        try:
            check(record.get(name) if name in _LATER else record[name])
        except KeyError as error:
            raise _bad(number, f"{name!r} is missing") from error
        except (InvalidInputError, ValueError, TypeError) as error:
            raise _bad(number, f"{name!r} is refused: {error}") from error


def _bad(number: int, why: str) -> FormatError:
    return FormatError(f"line {number} of the export: {why}", kind="bad_export")


# -- what a value may be


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError("not text")


def _integer(most: int = _MAX_INTEGER, least: int = 0) -> Check:
    def check(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"not a number from {least} to {most}")

    return check


def _or_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _listed(check: Check) -> Check:
    def check_all(value: Any) -> None:
        if not isinstance(value, list):
            raise TypeError("not a list")
        for item in value:
            check(item)

    return check_all


def _object(value: Any) -> None:
    if not isinstance(value, dict):
        raise TypeError("not an object")


def _named(check: Callable[[str], str]) -> Check:
    def check_name_of(value: Any) -> None:
        _text(value)
        check(value)

    return check_name_of


def _fields(fields: Mapping[str, Check]) -> Check:
    def check(value: Any) -> None:
        _object(value)
        for name, check_field in fields.items():
            check_field(value[name])

    return check


def _type(value: Any) -> None:
    _text(value)
    if not 0 < len(value) <= _MAX_TYPE:
        raise ValueError("not a type")


def _digest(value: Any) -> None:
    _text(value)
    parse_digest(value)


_TIME = _integer()
_SIZE = _integer()
_NUMBER = _integer(_MAX_NUMBER)
_PLACE = {"entity": _named(check_project), "project": _named(check_project)}
_ARTIFACT = {**_PLACE, "name": _named(check_name)}
_VERSION = {**_ARTIFACT, "number": _NUMBER}
_RUN = {**_PLACE, "id": _named(check_run_id)}
_OPTIONAL_TEXT = _or_none(_text)
_ALIASES = _listed(_named(check_alias))
_TAGS = _listed(_named(check_tag))


def _link_kind(value: Any) -> None:
    if value not in {"in", "out"}:
        raise ValueError("neither in nor out")


_HEADER: dict[str, Check] = {"store": _text, "at": _TIME}
_KINDS: dict[str, dict[str, Check]] = {
    "project": {
        "entity": _named(check_project),
        "name": _named(check_project),
        "created_at": _TIME,
    },
    "artifact": {
        **_ARTIFACT,
        "type": _type,
        "description": _OPTIONAL_TEXT,
        "next_number": _integer(_MAX_NUMBER + 1),
        "retention": _or_none(_object),
        "tags": _TAGS,
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "version": {
        **_VERSION,
        "digest": _digest,
        "size": _SIZE,
        "file_count": _SIZE,
        "description": _OPTIONAL_TEXT,
        "metadata": _object,
        "created_at": _TIME,
        "updated_at": _TIME,
        "logged_at": _TIME,
        "created_by": _OPTIONAL_TEXT,
        "ttl": _or_none(_integer()),
        "broken": _OPTIONAL_TEXT,
        "deleted_at": _or_none(_TIME),
        "aliases": _ALIASES,
        "protected": _ALIASES,
        "tags": _TAGS,
    },
    "alias_event": {
        **_ARTIFACT,
        "event": _integer(),
        "alias": _named(check_alias),
        "from": _or_none(_NUMBER),
        "to": _or_none(_NUMBER),
        "at": _TIME,
        "by": _OPTIONAL_TEXT,
    },
    "sweep": {
        **_RUN,
        "name": _text,
        "config": _object,
        "state": SweepState,
        "created_at": _TIME,
        "created_by": _OPTIONAL_TEXT,
    },
    "run": {
        **_RUN,
        "name": _text,
        "state": _text,
        "group": _OPTIONAL_TEXT,
        "job_type": _OPTIONAL_TEXT,
        "notes": _OPTIONAL_TEXT,
        "tags": _listed(_text),
        "config": _object,
        "summary": _object,
        "created_at": _TIME,
        "finished_at": _or_none(_TIME),
        "exit_code": _or_none(_integer(_MAX_NUMBER, -_MAX_NUMBER)),
        "user": _OPTIONAL_TEXT,
        "host": _OPTIONAL_TEXT,
        "tracking": _or_none(_object),
        "sweep_id": _OPTIONAL_TEXT,
        "metadata": _or_none(_object),
        "system_metrics": _or_none(_object),
        "deleted_at": _or_none(_TIME),
        "trial": _or_none(_object),
    },
    "alert": {
        "run": _fields(_RUN),
        "title": _text,
        "text": _text,
        "level": AlertLevel,
        "at": _TIME,
        "suppressed": _NUMBER,
    },
    "link": {
        "run": _fields(_RUN),
        "version": _fields(_VERSION),
        "digest": _digest,
        "kind": _link_kind,
        "at": _TIME,
        "ref_text": _OPTIONAL_TEXT,
        "event": _or_none(_integer()),
        "subset": _or_none(_object),
    },
    "derivation": {
        "version": _fields(_VERSION),
        "digest": _digest,
        "source": _fields(_VERSION),
        "source_digest": _digest,
        "run": _or_none(_fields(_RUN)),
        "kind": DerivationKind,
        "at": _TIME,
    },
    "recall": {
        "version": _fields(_VERSION),
        "digest": _digest,
        "at": _TIME,
        "by": _OPTIONAL_TEXT,
        "reason": _text,
        "undone_at": _or_none(_TIME),
        "undone_by": _OPTIONAL_TEXT,
    },
    "consumer": {
        "version": _fields(_VERSION),
        "digest": _digest,
        "kind": _named(check_project),
        "name": _named(check_project),
        "since": _TIME,
        "by": _OPTIONAL_TEXT,
        "until": _or_none(_TIME),
        "ended_by": _OPTIONAL_TEXT,
    },
}
_ORDER = {kind: number for number, kind in enumerate(_KINDS)}
