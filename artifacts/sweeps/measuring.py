"""The metric of a sweep, as rows and summaries have it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Metric:
    """What a sweep improves.

    Attributes:
        name: Key that runs log; nested ones as ``a.b``.
        maximize: Whether more is better.
        target: A value that is good enough; None for none.
    """

    name: str
    maximize: bool = False
    target: float | None = None

    def of_row(self, row: Mapping[str, Any]) -> float | None:
        """Return the metric in a row; None if it has none, or none that is a finite number."""
        return _number(_find(row, self.name))

    def of_summary(self, summary: Mapping[str, Any]) -> float | None:
        """Return the metric in the summary of a run.

        If `define_metric` says that there are several aggregates, the best one counts.
        """
        found = _find(summary, self.name)
        if isinstance(found, Mapping):
            names = ("best", "max" if self.maximize else "min", "last", "mean")
            found = next((found[name] for name in names if name in found), None)
        return _number(found)

    def is_reached_by(self, value: float) -> bool:
        """Whether a value is good enough."""
        if self.target is None:
            return False
        return value >= self.target if self.maximize else value <= self.target

    def best(self, values: list[float]) -> float:
        """Return the best of some values."""
        return max(values) if self.maximize else min(values)


def _find(values: Mapping[str, Any], name: str) -> Any:
    if name in values:
        return values[name]
    first, dot, rest = name.partition(".")
    inner = values.get(first)
    return _find(inner, rest) if dot and isinstance(inner, Mapping) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
