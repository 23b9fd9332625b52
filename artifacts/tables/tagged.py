"""Values as JSON from which they come back exactly.

What JSON does not have is an object whose ``_type`` says what it is: bytes, times, decimals,
arrays, media, and dicts that would be taken for one of those or whose keys are no texts. Numbers
that are not finite are written as ``NaN``, ``Infinity`` and ``-Infinity``.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import zoneinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from artifacts.media import registry
from artifacts.media._needs import need
from artifacts.media.base import TYPE, Media
from artifacts.store.errors import FormatError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from artifacts.media.base import Files

    Describe = Callable[[Media], dict[str, Any]]

_SCALARS = frozenset({bool, int, float, str, type(None)})


def to_json(value: Any, describe: Describe) -> str:
    """Return a value of a cell as a JSON text.

    Args:
        describe: Keeps a media object and returns its description.

    Raises:
        InvalidInputError: It has nanoseconds.
    """
    return json.dumps(_tagged(value, describe))


def from_json(text: str, files: Files) -> Any:
    """Return the value that a JSON text stands for.

    Args:
        files: Where the files of media are.

    Raises:
        FormatError: It is no such text.
    """
    try:
        return _plain(json.loads(text), files)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"a cell cannot be read: {error}", kind="bad_table") from error


def array_to_bytes(array: Any) -> bytes:
    """Return an array of NumPy in the format of its files."""
    import numpy as np

    data = io.BytesIO()
    np.save(data, array, allow_pickle=False)
    return data.getvalue()


def array_from_bytes(data: bytes) -> Any:
    """Return the array that such bytes hold."""
    return need("numpy", "numpy", extra="media").load(io.BytesIO(data), allow_pickle=False)


def zone_name(value: dt.datetime | dt.time) -> str | None:
    """Return the time zone of a time, or its offset such as ``+05:30``; None if it has none.

    Raises:
        InvalidInputError: The offset is not one of whole minutes.
    """
    zone = value.tzinfo
    if zone is None:
        return None
    if zone is dt.UTC:
        return "UTC"
    # Those of zoneinfo and of pytz.
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name is not None:
        return str(name)
    offset = value.utcoffset()
    if offset is None:
        return None
    minutes, rest = divmod(offset, dt.timedelta(minutes=1))
    if rest:
        raise InvalidInputError(f"the offset of a time zone must be whole minutes: {value!r}")
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def zone_of(name: str) -> dt.tzinfo:
    """Return the time zone that `zone_name` has named."""
    if name == "UTC":
        return dt.UTC
    if name[0] in "+-":
        hours, _, minutes = name[1:].partition(":")
        offset = dt.timedelta(hours=int(hours), minutes=int(minutes))
        return dt.timezone(-offset if name[0] == "-" else offset)
    return zoneinfo.ZoneInfo(name)


def _tagged(value: Any, describe: Describe) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, list):
        return [_tagged(item, describe) for item in value]
    if isinstance(value, dict):
        return _tagged_dict(value, describe)
    if isinstance(value, Media):
        return describe(value)
    if isinstance(value, bytes):
        return _tag("bytes", base64=_to_text(value))
    if isinstance(value, dt.datetime):
        if getattr(value, "nanosecond", 0):
            raise InvalidInputError(
                f"{value!r} has nanoseconds, which only a column of times can hold"
            )
        return _tagged_time("datetime", value)
    if isinstance(value, dt.time):
        return _tagged_time("time", value)
    if isinstance(value, dt.date):
        return _tag("date", iso=value.isoformat())
    if isinstance(value, dt.timedelta):
        return _tag(
            "duration", days=value.days, seconds=value.seconds, microseconds=value.microseconds
        )
    if isinstance(value, Decimal):
        return _tag("decimal", text=str(value))
    return _tag("ndarray", npy=_to_text(array_to_bytes(value)))


def _tagged_dict(value: Mapping[Any, Any], describe: Describe) -> dict[str, Any]:
    if all(type(name) is str for name in value) and TYPE not in value:
        return {name: _tagged(item, describe) for name, item in value.items()}
    items = [[_tagged(name, describe), _tagged(item, describe)] for name, item in value.items()]
    return _tag("dict", items=items)


def _tagged_time(name: str, value: dt.datetime | dt.time) -> dict[str, Any]:
    iso = value.replace(tzinfo=None).isoformat()
    return _tag(name, iso=iso, zone=zone_name(value), fold=value.fold)


def _tag(name: str, **members: Any) -> dict[str, Any]:
    return {TYPE: name, **members}


def _to_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _plain(value: Any, files: Files) -> Any:
    if isinstance(value, list):
        return [_plain(item, files) for item in value]
    if not isinstance(value, dict):
        return value
    name = value.get(TYPE)
    if name is None:
        return {key: _plain(item, files) for key, item in value.items()}
    read = _READERS.get(name)
    if read is not None:
        return read(value)
    if name == "dict":
        return {_plain(key, files): _plain(item, files) for key, item in value["items"]}
    return registry.load(value, files)


def _time(value: dict[str, Any], read: Callable[[str], Any]) -> Any:
    zone = value["zone"]
    return read(value["iso"]).replace(
        tzinfo=None if zone is None else zone_of(zone), fold=value["fold"]
    )


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bytes": lambda value: base64.b64decode(value["base64"]),
    "datetime": lambda value: _time(value, dt.datetime.fromisoformat),
    "time": lambda value: _time(value, dt.time.fromisoformat),
    "date": lambda value: dt.date.fromisoformat(value["iso"]),
    "duration": lambda value: dt.timedelta(value["days"], value["seconds"], value["microseconds"]),
    "decimal": lambda value: Decimal(value["text"]),
    "ndarray": lambda value: array_from_bytes(base64.b64decode(value["npy"])),
}
