"""Columns as columns of Arrow: the natural one where that holds every value exactly.

=========  ====================================================================================
``plain``  The values as Arrow has them: booleans, numbers, texts, bytes, times, lists of those.
``json``   JSON texts; see `artifacts.tables.tagged`.
``media``  What the description of a media object says of its file, and the rest of it as JSON.
``array``  The numbers of arrays of NumPy that have one dtype, and one shape or one dimension.
``npy``    Arrays of NumPy in the format of its files.
=========  ====================================================================================
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from artifacts.media import registry
from artifacts.media._needs import need
from artifacts.store.errors import InvalidInputError
from artifacts.tables import values as kinds
from artifacts.tables.tagged import array_from_bytes, array_to_bytes, from_json, to_json, zone_name
from artifacts.tables.values import without_nan

if TYPE_CHECKING:
    from artifacts.media.base import Files
    from artifacts.tables.tagged import Describe

PLAIN, JSON, MEDIA, ARRAY, NPY = "plain", "json", "media", "array", "npy"

MARK = b"artifacts"
"""Key of a field's metadata under which its encoding is, unless that is `PLAIN`."""

_EXACT = 2**53
_MEMBERS = ("_type", "path", "digest", "sha256", "size")
_MEDIA = pa.struct(
    [(name, pa.int64() if name == "size" else pa.string()) for name in _MEMBERS]
    + [("more", pa.string())]
)
_NS_YEARS = range(1678, 2262)
_NATIVE = frozenset("biuf")


class Encoding(NamedTuple):
    """How the values of a column are kept.

    Attributes:
        name: One of those above.
        type: The column of Arrow.
        dtype: Of arrays, as NumPy writes it; `ARRAY` only.
        shape: Of each array; None if they have one dimension and different lengths.
    """

    name: str
    type: pa.DataType
    dtype: str | None = None
    shape: tuple[int, ...] | None = None

    def field(self, name: str) -> pa.Field:
        """Return the field of a column with this name."""
        told = None if self.name == PLAIN else {MARK: self.name.encode()}
        return pa.field(name, self.type, metadata=told)

    def to_info(self) -> dict[str, Any]:
        """Return what the file has to say besides the field, as JSON."""
        if self.name != ARRAY:
            return {}
        return {"dtype": self.dtype, "shape": None if self.shape is None else list(self.shape)}

    def encode(self, values: Sequence[Any], describe: Describe) -> pa.Array:
        """Return values as a column.

        Args:
            describe: Keeps a media object and returns its description.
        """
        if self.name != JSON and not pa.types.is_floating(self.type):
            values = without_nan(values)
        if self.name == ARRAY:
            return self._encode_arrays(values)
        if self.name == JSON:
            values = [None if value is None else to_json(value, describe) for value in values]
        elif self.name == MEDIA:
            values = [None if value is None else _to_struct(describe(value)) for value in values]
        elif self.name == NPY:
            values = [None if value is None else array_to_bytes(value) for value in values]
        return pa.array(values, self.type, from_pandas=False)

    def decode(self, column: pa.Array, files: Files) -> list[Any]:
        """Return the values of a column.

        Args:
            files: Where the files of media are.
        """
        if self.name == ARRAY:
            return self._decode_arrays(column)
        found: list[Any] = column.to_pylist()
        read = _READERS.get(self.name)
        if read is None:
            return found
        return [None if value is None else read(value, files) for value in found]

    def _encode_arrays(self, values: Sequence[Any]) -> pa.Array:
        import numpy as np

        flat = [array.ravel() for array in values if array is not None]
        lengths = [0 if array is None else array.size for array in values]
        offsets = np.cumsum([0, *lengths], dtype=np.int32)
        numbers = np.concatenate(flat) if flat else np.empty(0, dtype=self.dtype)
        return pa.ListArray.from_arrays(
            offsets,
            pa.array(numbers, self.type.value_type),
            type=self.type,
            mask=pa.array([array is None for array in values], pa.bool_()),
        )

    def _decode_arrays(self, column: pa.Array) -> list[Any]:
        need("numpy", "numpy", extra="media")
        found: list[Any] = []
        for place, is_there in enumerate(column.is_valid().to_pylist()):
            if not is_there:
                found.append(None)
                continue
            array = column[place].values.to_numpy(zero_copy_only=False).astype(self.dtype)
            found.append(array if self.shape is None else array.reshape(self.shape))
        return found


def encoding_of(field: pa.Field, info: Mapping[str, Any]) -> Encoding:
    """Return the encoding of a column that was written.

    Args:
        info: What `Encoding.to_info` has returned.
    """
    name = (field.metadata or {}).get(MARK, PLAIN.encode()).decode()
    shape = info.get("shape")
    return Encoding(
        name, field.type, info.get("dtype"), None if shape is None else tuple(map(int, shape))
    )


def choose(type_: str, values: Iterable[Any]) -> Encoding:
    """Return the encoding that holds every value of a column exactly.

    Args:
        type_: Of the column.
        values: Each fits into it.
    """
    found = [value for value in values if value is not None]
    if type_ == kinds.NUMBER:
        arrow = _numbers(found)
    elif type_ == kinds.UNKNOWN:
        arrow = pa.float64() if found else pa.null()
    elif type_ in {kinds.ANY, kinds.DICT, kinds.DECIMAL}:
        arrow = None
    else:
        found = [value for value in without_nan(found) if value is not None]
        if type_ not in _CHOICES:
            return _arrays(found) if type_ == kinds.ARRAY else Encoding(MEDIA, _MEDIA)
        arrow = _CHOICES[type_](found)
    return Encoding(JSON, pa.string()) if arrow is None else Encoding(PLAIN, arrow)


def _integers(values: Sequence[int]) -> pa.DataType | None:
    low, high = (min(values), max(values)) if values else (0, 0)
    if low >= -(2**63) and high < 2**63:
        return pa.int64()
    return pa.uint64() if low >= 0 and high < 2**64 else None


def _numbers(values: Sequence[float]) -> pa.DataType | None:
    integers = [value for value in values if type(value) is not float]
    return pa.float64() if not integers or max(map(abs, integers)) <= _EXACT else None


def _texts(values: Sequence[str]) -> pa.DataType | None:
    return pa.string() if all(map(_is_unicode, values)) else None


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _times(values: Sequence[dt.time]) -> pa.DataType | None:
    is_simple = all(value.tzinfo is None and not value.fold for value in values)
    return pa.time64("us") if is_simple else None


def _durations(values: Sequence[dt.timedelta]) -> pa.DataType | None:
    microsecond = dt.timedelta(microseconds=1)
    is_small = all(-(2**63) < value // microsecond < 2**63 for value in values)
    return pa.duration("us") if is_small else None


def _datetimes(values: Sequence[dt.datetime]) -> pa.DataType | None:
    """Return a column of one time zone, unless a time does not come back from UTC as it is."""
    try:
        zones = {zone_name(value) for value in values}
    except InvalidInputError:
        return None
    if len(zones) > 1 or not all(map(_survives_utc, values)):
        return None
    zone = next(iter(zones), None)
    if not any(getattr(value, "nanosecond", 0) for value in values):
        return pa.timestamp("us", tz=zone)
    return pa.timestamp("ns", tz=zone) if all(value.year in _NS_YEARS for value in values) else None


def _survives_utc(value: dt.datetime) -> bool:
    if value.tzinfo is None:
        return not value.fold
    try:
        back = value.astimezone(dt.UTC).astimezone(value.tzinfo)
    except OverflowError:
        return False
    return (back.replace(tzinfo=None), back.fold) == (value.replace(tzinfo=None), value.fold)


def _lists(values: Sequence[list[Any]]) -> pa.DataType | None:
    """Return lists of one kind of scalars, or of such lists."""
    items = [item for value in values for item in value if item is not None]
    found = set(map(type, items))
    inner: pa.DataType | None = None
    if found == {bool}:
        inner = pa.bool_()
    elif found <= {int}:
        inner = _integers(items)
    elif found <= {int, float}:
        inner = _numbers(items)
    elif found == {str}:
        inner = _texts(items)
    elif found == {list}:
        inner = _lists(items)
    return None if inner is None else pa.list_(inner)


def _arrays(values: Sequence[Any]) -> Encoding:
    dtypes, shapes = {array.dtype for array in values}, {array.shape for array in values}
    if len(dtypes) == 1:
        [dtype] = dtypes
        is_ragged = len(shapes) > 1
        is_native = dtype.kind in _NATIVE and dtype.isnative and dtype.itemsize <= 8  # noqa: PLR2004 - bytes
        if is_native and (not is_ragged or all(len(shape) == 1 for shape in shapes)):
            shape = None if is_ragged else next(iter(shapes))
            return Encoding(ARRAY, pa.list_(pa.from_numpy_dtype(dtype)), dtype.str, shape)
    return Encoding(NPY, pa.binary())


def _to_struct(description: Mapping[str, Any]) -> dict[str, Any]:
    more = {name: value for name, value in description.items() if name not in _MEMBERS}
    told = {name: description.get(name) for name in _MEMBERS}
    return {**told, "more": json.dumps(more) if more else None}


def description_in(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description that a cell of a column of media holds."""
    told = {name: value for name, value in cell.items() if name != "more" and value is not None}
    return told if cell["more"] is None else {**told, **json.loads(cell["more"])}


_CHOICES: dict[str, Callable[[Sequence[Any]], pa.DataType | None]] = {
    kinds.BOOLEAN: lambda _: pa.bool_(),
    kinds.INTEGER: _integers,
    kinds.TEXT: _texts,
    kinds.BYTES: lambda _: pa.binary(),
    kinds.DATE: lambda _: pa.date32(),
    kinds.DATETIME: _datetimes,
    kinds.TIME: _times,
    kinds.DURATION: _durations,
    kinds.LIST: _lists,
}
_READERS: dict[str, Callable[[Any, Files], Any]] = {
    JSON: from_json,
    MEDIA: lambda cell, files: registry.load(description_in(cell), files),
    NPY: lambda data, _: array_from_bytes(data),
}
