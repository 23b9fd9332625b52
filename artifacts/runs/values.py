"""What may be logged: any value as one that a journal holds exactly."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping
from typing import Any

from artifacts._history import STATISTICS
from artifacts.store.errors import InvalidTypeError

log = logging.getLogger("artifacts")

_PLAIN = frozenset({bool, int, float, str, type(None)})
_TEXT = frozenset({str})
_MOST_ITEMS = 32
_BINS = 32
_LATER = frozenset({"PIL", "matplotlib", "pandas", "plotly", "polars", "bokeh"})
_warned: set[type] = set()


def to_row(data: Any) -> dict[str, Any]:
    """Return what was logged as a row of plain values.

    Raises:
        InvalidTypeError: It is no mapping, a key is not text, or a value cannot be logged.
    """
    if (
        type(data) is dict
        and _PLAIN.issuperset(map(type, data.values()))
        and _TEXT.issuperset(map(type, data))
    ):
        return data.copy()
    if not isinstance(data, Mapping):
        raise InvalidTypeError(
            f"log() takes a dict of values by name, not {type(data).__name__}", kind="bad_row"
        )
    row: dict[str, Any] = {}
    for key, value in data.items():
        name = key if type(key) is str else _text_key(key)
        row[name] = value if type(value) in _PLAIN else to_value(value, name)
    return row


def to_value(value: Any, where: str, *, strict: bool = False) -> Any:
    """Return a value as one that a journal holds exactly.

    Args:
        where: Name of the value in messages.
        strict: Refuse what has no form of its own, instead of turning it into text.

    Raises:
        InvalidTypeError: It cannot be logged.
    """
    if type(value) in _PLAIN:
        return value
    # Subclasses, such as members of an enum and numpy's numbers.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {
            key if type(key) is str else _text_key(key): to_value(
                item, f"{where}.{key}", strict=strict
            )
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = [to_value(item, f"{where}[{i}]", strict=strict) for i, item in enumerate(value)]
        return [_bare(item) for item in items] if dict in map(type, items) else items
    return _foreign(value, where, strict=strict)


def _foreign(value: Any, where: str, *, strict: bool) -> Any:
    """Return an object of another library, none of which is imported for that."""
    if type(value).__module__.partition(".")[0] in _LATER:
        raise InvalidTypeError(
            f"{where} is a {type(value).__name__}; media, tables and figures cannot be logged in "
            "this release",
            hint="log numbers and text, or a file with log_artifact()",
            kind="media_not_supported",
        )
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist") or hasattr(value, "numpy"):
        return _array(value, where, strict=strict)
    if strict:
        raise InvalidTypeError(
            f"{where} is a {type(value).__name__}, which cannot be stored as JSON",
            hint="convert it to numbers, text, lists or dicts",
        )
    if type(value) not in _warned:
        _warned.add(type(value))
        log.warning("%s is a %s, which is logged as text", where, type(value).__name__)
    return str(value)


def _text_key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise InvalidTypeError(f"keys must be text, not {type(key).__name__}: {key!r}", kind="bad_key")


def _array(value: Any, where: str, *, strict: bool) -> Any:
    """Return an array or tensor: one number, a list, or the histogram of many."""
    if hasattr(value, "detach"):  # torch, perhaps on a GPU, perhaps with gradients
        value = value.detach().cpu()
    elif not hasattr(value, "tolist"):  # tensorflow
        value = value.numpy()
    # bfloat16 and the like are lists of floats too.
    plain = value.tolist()
    if not isinstance(plain, list):
        return to_value(plain, where, strict=strict)
    items = _flat(plain)
    if len(items) == 1:
        return to_value(items[0], where, strict=strict)
    if len(items) <= _MOST_ITEMS or not all(isinstance(item, int | float) for item in items):
        return to_value(plain, where, strict=strict)
    kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    finite = [float(number) for number in items if math.isfinite(number)]
    return {**_histogram(finite), STATISTICS: _statistics(kind, finite, len(items))}


def _flat(items: list[Any]) -> list[Any]:
    while items and isinstance(items[0], list):
        items = [item for part in items for item in part]
    return items


def _histogram(finite: list[float]) -> dict[str, Any]:
    """Return 32 bins of equal width."""
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = [low + (high - low) * number / _BINS for number in range(_BINS + 1)]
    if "numpy" in sys.modules:
        import numpy as np

        counts = [int(count) for count in np.histogram(finite, bins=edges)[0]]
    else:
        counts = [0] * _BINS
        for number in finite:
            counts[min(int((number - low) / (high - low) * _BINS), _BINS - 1)] += 1
    return {"_type": "histogram", "values": counts, "bins": edges}


def _statistics(kind: str, finite: list[float], size: int) -> dict[str, Any]:
    """Return what stands for an array in a summary.

    Args:
        kind: Its class.
        finite: Those of its numbers that are finite.
        size: How many numbers it has.
    """
    if not finite:
        return {"_type": kind, "size": size}
    ordered = sorted(finite)
    # Not with `fsum` or powers, which refuse what is too large for a double.
    mean = sum(ordered) / len(ordered)
    return {
        "_type": kind,
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "var": sum((number - mean) * (number - mean) for number in ordered) / len(ordered),
        **{f"{percent}%": _percentile(ordered, percent) for percent in (10, 25, 75, 90)},
        "size": size,
    }


def _percentile(ordered: list[float], percent: int) -> float:
    """Return a percentile of sorted numbers, between two of them if need be."""
    place, rest = divmod((len(ordered) - 1) * percent, 100)
    low = ordered[place]
    return low + (ordered[place + 1] - low) * rest / 100 if rest else low


def for_summary(value: Any) -> Any:
    """Return a value of a row as a summary has it: arrays as their statistics."""
    if type(value) is not dict:
        return value
    if STATISTICS in value:
        return value[STATISTICS]
    return {key: for_summary(item) for key, item in value.items()}


def _bare(value: Any) -> Any:
    """Return a value without statistics, which are for those that have a key of their own."""
    if type(value) is list:
        return [_bare(item) for item in value]
    if type(value) is not dict:
        return value
    return {key: _bare(item) for key, item in value.items() if key != STATISTICS}


def storable(value: Any) -> Any:
    """Return a plain value as one that the catalog's JSON can hold.

    Numbers that are not finite become the texts ``NaN``, ``Infinity`` and ``-Infinity``.
    """
    if isinstance(value, dict):
        return {_storable_text(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return _storable_text(value) if isinstance(value, str) else value


def _storable_text(text: str) -> str:
    # PostgreSQL refuses a zero in JSON, and both refuse what is no Unicode.
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
