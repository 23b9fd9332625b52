"""Values of cells: in which form a table holds them, and of what kind each is."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from artifacts.media.base import Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError

ANY = "any"
"""Type of a column that holds values of several kinds."""

UNKNOWN = "unknown"
"""Type of a column that holds no value yet."""

BOOLEAN, INTEGER, NUMBER, TEXT, BYTES = "boolean", "integer", "number", "text", "bytes"
DATETIME, DATE, TIME, DURATION, DECIMAL = "datetime", "date", "time", "duration", "decimal"
LIST, DICT, ARRAY = "list", "dict", "ndarray"

_KINDS: dict[type, str] = {
    bool: BOOLEAN,
    int: INTEGER,
    float: NUMBER,
    str: TEXT,
    bytes: BYTES,
    dt.datetime: DATETIME,
    dt.date: DATE,
    dt.time: TIME,
    dt.timedelta: DURATION,
    Decimal: DECIMAL,
    list: LIST,
    dict: DICT,
}
PLAIN = frozenset({bool, int, float, str, bytes, type(None)})
"""Types of values that a table holds as they are."""

_TABLES = frozenset({"table-file", "joined-table", "partitioned-table"})
_MISSING = frozenset({"NAType", "NaTType"})  # of pandas


def cell(value: Any, where: str) -> Any:
    """Return a value in the form in which a table holds it.

    Numbers of other libraries become those of Python, tensors become arrays of NumPy, tuples and
    sets become lists, and objects that something stands for become media.

    Args:
        where: Where it is, for messages.

    Raises:
        InvalidTypeError: A table cannot hold it.
        InvalidInputError: It would not come back as it is.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, Media):
        return _media(value, where)
    if isinstance(value, list | tuple | set | frozenset):
        return _list(value, where)
    if isinstance(value, Mapping):
        return {
            _key(name, where): cell(item, f"{where}, member {name!r}")
            for name, item in value.items()
        }
    if type(value) in _KINDS:
        return value
    if type(value).__name__ in _MISSING:
        return None
    module = type(value).__module__.partition(".")[0]
    if module == "numpy":
        return _of_numpy(value, where)
    if isinstance(value, dt.datetime | dt.timedelta):
        return _time(value, where)
    plain = _plain(value)
    return _foreign(value, where) if plain is None else plain


def is_nan(value: Any) -> bool:
    """Whether a value is the number that stands for nothing in columns of other types."""
    return type(value) is float and math.isnan(value)


def without_nan(values: Sequence[Any]) -> Sequence[Any]:
    """Return values of a column that is not one of numbers, with None in place of NaN."""
    if float not in set(map(type, values)):
        return values
    return [None if is_nan(value) else value for value in values]


def known_kind(value: Any) -> str | None:
    """Return the kind of a value by its class alone; None if that does not say it."""
    return _KINDS.get(type(value))


def kind_of(value: Any, where: str) -> str:
    """Return the kind of a value that a table holds, which is not None.

    Raises:
        InvalidTypeError: It is of no kind.
    """
    found = known_kind(value)
    if found is not None:
        return found
    if isinstance(value, Media):
        return value.type_name
    if type(value).__module__ == "numpy":
        return ARRAY
    if isinstance(value, dt.datetime):
        return DATETIME
    raise _refused(value, where)


def _media(value: Media, where: str) -> Media:
    if value.type_name in _TABLES:
        raise InvalidTypeError(
            f"{where}: a table cannot be in a table",
            hint="log it under a key of its own, or add its columns with Table.join()",
        )
    return value


def _key(name: Any, where: str) -> Any:
    found = cell(name, where)
    if found.__hash__ is None:  # a tuple becomes a list
        raise InvalidTypeError(f"{where}: the key of a dict cannot be {name!r}")
    return found


def same(first: Any, second: Any) -> bool:
    """Whether two values of cells are equal. NaN equals itself, and arrays have their dtypes."""
    if first is second or (is_nan(first) and is_nan(second)):
        return True
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[n], second[n]) for n in first)
    if hasattr(first, "dtype") and hasattr(second, "dtype"):
        return _same_arrays(first, second)
    return bool(first == second)


def _same_arrays(first: Any, second: Any) -> bool:
    import numpy as np

    if (first.dtype, first.shape) != (second.dtype, second.shape):
        return False
    return bool(np.array_equal(first, second, equal_nan=first.dtype.kind in "fcmM"))


def _list(values: Any, where: str) -> list[Any]:
    if type(values) is list and PLAIN.issuperset(map(type, values)):
        return values
    return [cell(item, f"{where}, item {number}") for number, item in enumerate(values)]


def _plain(value: Any) -> Any:
    """Return a member of an enum, or another object of a subclass, as what it is besides."""
    if isinstance(value, str):
        return str.__str__(value)
    for base in (int, float):
        if isinstance(value, base):
            return base(value)
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def _time(value: Any, where: str) -> Any:
    """Return a time of another library as one of Python; those of pandas may have nanoseconds."""
    if isinstance(value, dt.timedelta):
        if getattr(value, "nanoseconds", 0):
            raise _too_fine(value, where)
        return dt.timedelta(value.days, value.seconds, value.microseconds)
    if hasattr(value, "to_pydatetime") and not value.nanosecond:
        return value.to_pydatetime()
    return value


def _of_numpy(value: Any, where: str) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.hasobject:
            raise InvalidTypeError(
                f"{where}: an array of Python objects cannot be in a table",
                hint="convert it to a list with .tolist(), or to an array of one type",
            )
        if np.ma.is_masked(value):
            raise InvalidTypeError(
                f"{where}: an array with masked values cannot be in a table",
                hint="fill them with .filled(), or convert it to a list",
            )
        return np.asarray(value)
    if value.dtype.kind in "mM":
        return _time_of_numpy(value, where)
    item = value.item()
    if type(item) is type(value) or value.dtype.names:  # there is no such number in Python
        raise _refused(value, where)
    return cell(item, where)


def _time_of_numpy(value: Any, where: str) -> Any:
    import numpy as np

    if np.isnat(value):
        return None
    coarser = value.astype("datetime64[us]" if value.dtype.kind == "M" else "timedelta64[us]")
    found = coarser.item()
    if coarser != value or isinstance(found, int):
        raise _too_fine(value, where)
    return found


def _foreign(value: Any, where: str) -> Any:
    """Return what stands for an object of another library, none of which is imported for that."""
    if hasattr(value, "detach"):  # torch, perhaps on a GPU, perhaps with gradients
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):  # which NumPy does not have
            value = value.float()
    if hasattr(value, "numpy") and hasattr(value, "shape"):
        return cell(value.numpy(), where)
    from artifacts.media import registry

    adopted = registry.adopt(value)
    if adopted is None:
        raise _refused(value, where)
    return _media(adopted, where)


def _too_fine(value: Any, where: str) -> InvalidInputError:
    return InvalidInputError(
        f"{where}: {value!r} is finer than microseconds",
        hint="use pandas.Timestamp for times with nanoseconds, and integers for durations",
    )


def _refused(value: Any, where: str) -> InvalidTypeError:
    return InvalidTypeError(
        f"{where}: a table cannot hold a {type(value).__module__}.{type(value).__qualname__}",
        hint="convert it to text, numbers, lists or dicts",
    )
