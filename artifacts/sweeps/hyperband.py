"""Hyperband: which runs are worth going on with, from what others had reached as early."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_MAX_ITERATION = 10**12


@dataclass(frozen=True, slots=True)
class Hyperband:
    """A rule that ends runs early.

    Attributes:
        brackets: Iterations at which a run is compared with the others, in order.
        eta: One run in so many goes on.
        strict: Compare what a run has reached at the bracket, not the best of its whole history.
    """

    brackets: tuple[int, ...]
    eta: float
    strict: bool

    @classmethod
    def from_below(cls, min_iter: int, eta: float, *, strict: bool = False) -> Hyperband:
        """Return a rule whose first bracket is ``min_iter``; each is ``eta`` times the last."""
        found: list[int] = []
        bracket = float(min_iter)
        while bracket <= _MAX_ITERATION:
            found.append(int(bracket))
            bracket *= eta
        return cls(tuple(dict.fromkeys(found)), eta, strict)

    @classmethod
    def from_above(
        cls, max_iter: int, eta: float, s: int | None = None, *, strict: bool = False
    ) -> Hyperband:
        """Return a rule whose last bracket is ``max_iter / eta``; each is ``eta`` times the last.

        Args:
            s: How many brackets there are at most; default as many as there can be.
        """
        found: list[int] = []
        bracket = max_iter / eta
        while bracket >= 1 and (s is None or len(found) < s):
            found.append(int(bracket))
            bracket /= eta
        return cls(tuple(sorted(set(found))), eta, strict)

    def is_stopped(self, value: float, values: Collection[float], *, maximize: bool) -> bool:
        """Whether a run does not belong to the best part.

        Args:
            value: What the run has reached.
            values: What every run has reached that came as far as the bracket, this one among
                them.
            maximize: Whether more is better.
        """
        ordered = sorted(values, reverse=maximize)
        threshold = ordered[min(int(len(ordered) / self.eta), len(ordered) - 1)]
        return value < threshold if maximize else value > threshold
