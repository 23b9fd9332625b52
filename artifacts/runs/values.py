"""What may be logged: any value as one that a journal holds exactly."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from artifacts._history import STATISTICS
from artifacts.media.base import FILES, TYPE
from artifacts.store.errors import InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from artifacts.charts.custom import CustomChart
    from artifacts.media.base import Media

log = logging.getLogger("artifacts")

_PLAIN = frozenset({bool, int, float, str, type(None)})
_TEXT = frozenset({str})
_MOST_ITEMS = 32
_BINS = 32
_warned: set[type] = set()


class Describer(Protocol):
    """Keeps the files of what is logged beyond plain values."""

    def one(self, value: Media, where: str) -> dict[str, Any]:
        """Keep an object, and return its description.

        Args:
            where: Its key, such as ``a.b``.
        """
        ...

    def several(self, values: Sequence[Media], where: str) -> Any:
        """Keep a list of objects of one type, and return what describes them."""
        ...

    def chart(self, chart: CustomChart, key: str, where: str) -> tuple[str, Media]:
        """Keep the definition of a chart; return its table, and the key of that beside ``key``."""
        ...


MakeDescriber = Callable[[], Describer]


def to_row(data: Any, describer: MakeDescriber | None = None) -> dict[str, Any]:
    """Return what was logged as a row of plain values.

    Args:
        describer: Makes what keeps the files of media; None where there can be none.

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
    return _to_dict(data, "", False, describer)


def to_value(
    value: Any, where: str, *, strict: bool = False, describer: MakeDescriber | None = None
) -> Any:
    """Return a value as one that a journal holds exactly.

    Args:
        where: Name of the value in messages.
        strict: Refuse what has no form of its own, instead of turning it into text.
        describer: Makes what keeps the files of media; None where there can be none.

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
        return _to_dict(value, f"{where}.", strict, describer)
    if isinstance(value, list | tuple | set | frozenset):
        return _to_list(value, where, strict, describer)
    return _foreign(value, where, strict, describer)


def _to_dict(
    values: Mapping[Any, Any], prefix: str, strict: bool, describer: MakeDescriber | None
) -> dict[str, Any]:
    """Return a dict; instead of a chart it has the table of the chart."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = key if type(key) is str else _text_key(key)
        if type(value) in _PLAIN:
            found[name] = value
            continue
        if describer is not None and _is_chart(value):
            name, value = describer().chart(value, name, prefix + name)  # noqa: PLW2901
        found[name] = to_value(value, prefix + name, strict=strict, describer=describer)
    return found


def _to_list(
    values: Iterable[Any], where: str, strict: bool, describer: MakeDescriber | None
) -> Any:
    """Return a list; of media of one type it is one description."""
    items = list(values)
    media = _all_media(items)
    if media is not None:
        return _checked(describer, media[0], where).several(media, where)
    plain = [
        to_value(item, f"{where}[{i}]", strict=strict, describer=describer)
        for i, item in enumerate(items)
    ]
    return [_bare(item) for item in plain] if dict in map(type, plain) else plain


def _foreign(value: Any, where: str, strict: bool, describer: MakeDescriber | None) -> Any:
    """Return an object of another library, none of which is imported for that."""
    media = _as_media(value)
    if media is not None:
        return _checked(describer, media, where).one(media, where)
    if _is_chart(value):
        raise InvalidTypeError(
            f"{where} is a chart, which has to be a value of a row by itself",
            hint="log it under a key of its own: run.log({'key': chart})",
            kind="misplaced_chart",
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


def _as_media(value: Any) -> Media | None:
    """Return a media object, or the one that stands for an object of another library."""
    from artifacts.media.base import Media
    from artifacts.media.registry import adopt

    return value if isinstance(value, Media) else adopt(value)


def _all_media(items: Sequence[Any]) -> list[Media] | None:
    """Return the media objects that a list has; None if it has anything else, or several types."""
    media: list[Media] = []
    for item in items:
        found = None if type(item) in _PLAIN else _as_media(item)
        if found is None or (media and type(found) is not type(media[0])):
            return None
        media.append(found)
    return media or None


def _is_chart(value: Any) -> bool:
    if type(value).__module__ != "artifacts.charts.custom":
        return False
    from artifacts.charts.custom import CustomChart

    return isinstance(value, CustomChart)


def _checked(describer: MakeDescriber | None, media: Media, where: str) -> Describer:
    if describer is None:
        raise InvalidTypeError(
            f"{where} is media of type {type(media).__name__}, which only a running run can keep",
            hint="log it with run.log(), or add it to an artifact with Artifact.add()",
            kind="misplaced_media",
        )
    return describer()


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
    """Return a value of a row as a summary has it.

    Arrays are their statistics, and a table with many files does not name each of them.
    """
    if type(value) is not dict:
        return value
    if STATISTICS in value:
        return value[STATISTICS]
    left_out = FILES if TYPE in value else None
    return {key: for_summary(item) for key, item in value.items() if key != left_out}


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
