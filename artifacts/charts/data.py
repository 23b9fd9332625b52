"""The data of a chart: the rows of a table as JSON, under keys that Vega-Lite takes as they are."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.charts.templates import Column
from artifacts.media.base import Media

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from artifacts.tables.table import Table

_UNSAFE = re.compile(r"[\\.\[\]'\"]")


class Data(NamedTuple):
    """Rows for a spec.

    Attributes:
        columns: Their keys and types, by the names in the table.
        rows: Values by key.
    """

    columns: Mapping[str, Column]
    rows: list[dict[str, Any]]


def data_of(table: Table) -> Data:
    """Return the rows of a table for a spec."""
    names = [str(name) for name in table.columns]
    keys = _keys(names)
    rows = [[_plain(value) for value in row] for _, row in table.iterrows()]
    columns = {
        name: Column(key, _type(row[number] for row in rows))
        for number, (name, key) in enumerate(zip(names, keys, strict=True))
    }
    return Data(
        columns,
        [{key: to_json(value) for key, value in zip(keys, row, strict=True)} for row in rows],
    )


def to_json(value: Any) -> Any:
    """Return the value of a cell as JSON; numbers that are not finite are missing."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float | Decimal):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Media):
        return str(value.get("caption") or value.get("path") or value)
    if isinstance(value, list | tuple):
        return [to_json(_plain(each)) for each in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(_plain(each)) for key, each in value.items()}
    return str(value)


def _keys(names: Sequence[str]) -> list[str]:
    """Return names without characters that have a meaning in Vega-Lite, no two the same."""
    taken = {name for name in names if not _UNSAFE.search(name)}
    keys = []
    for name in names:
        key = name
        if name not in taken:
            key = _UNSAFE.sub("_", name)
            while key in taken:
                key += "_"
            taken.add(key)
        keys.append(key)
    return keys


def _type(values: Iterable[Any]) -> str:
    """Return what a column is in Vega-Lite."""
    kinds = {_kind(value) for value in values if value is not None}
    return kinds.pop() if len(kinds) == 1 else "nominal"


def _kind(value: Any) -> str:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return "quantitative"
    return "temporal" if isinstance(value, date) else "nominal"


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python, and anything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
