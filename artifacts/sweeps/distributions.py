"""How the values of a parameter lie: one class for each kind of distribution.

Every distribution maps a place from 0 to 1 to a value. A random search draws the place evenly; a
Bayesian one searches among places, which makes all parameters alike to it.
"""

from __future__ import annotations

import bisect
import itertools
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist
from typing import Any

_EDGE = 1e-9
"""How close to 0 and 1 a place comes where the values there would be infinite."""


class Distribution(ABC):
    """The values of one parameter."""

    @abstractmethod
    def at(self, place: float) -> Any:
        """Return the value at a place from 0 to 1."""

    @abstractmethod
    def place_of(self, value: Any) -> float:
        """Return the place of a value; one that is out of range is at the nearest end."""

    def draw(self, rng: random.Random) -> Any:
        """Return a random value."""
        return self.at(rng.random())

    def values(self) -> Sequence[Any] | None:
        """Return all values in order; None if they cannot be listed."""
        return None


class Choice(Distribution):
    """One of some values, of any kind.

    Args:
        options: The values.
        weights: How likely each is; None for all alike.
    """

    def __init__(self, options: Sequence[Any], weights: Sequence[float] | None = None) -> None:
        self.options = list(options)
        shares = [1.0] * len(self.options) if weights is None else list(weights)
        total = math.fsum(shares)
        self._ends = [end / total for end in itertools.accumulate(shares)]

    def at(self, place: float) -> Any:
        return self.options[min(bisect.bisect_right(self._ends, place), len(self.options) - 1)]

    def place_of(self, value: Any) -> float:
        index = self.index_of(value)
        return ((self._ends[index - 1] if index else 0.0) + self._ends[index]) / 2

    def index_of(self, value: Any) -> int:
        """Return where a value is among the options.

        Raises:
            ValueError: It is none of them.
        """
        return self.options.index(value)

    def values(self) -> Sequence[Any]:
        return self.options


class IntUniform(Distribution):
    """Whole numbers from ``low`` to ``high``, all alike."""

    def __init__(self, low: int, high: int) -> None:
        self._range = range(low, high + 1)

    def at(self, place: float) -> int:
        count = len(self._range)
        return self._range[min(int(place * count), count - 1)]

    def place_of(self, value: Any) -> float:
        count = len(self._range)
        index: float = min(max(value - self._range[0], 0), count - 1)
        return (index + 0.5) / count

    def values(self) -> Sequence[int]:
        return self._range


class Uniform(Distribution):
    """Numbers from ``low`` to ``high``, all alike."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def at(self, place: float) -> float:
        return min(max(self.low + place * (self.high - self.low), self.low), self.high)

    def place_of(self, value: Any) -> float:
        return _share(value, self.low, self.high)


class LogUniform(Distribution):
    """Numbers from ``low`` to ``high``, both above 0, whose logarithms are all alike."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def at(self, place: float) -> float:
        low, high = math.log(self.low), math.log(self.high)
        return min(max(math.exp(low + place * (high - low)), self.low), self.high)

    def place_of(self, value: Any) -> float:
        inside: float = min(max(value, self.low), self.high)
        return _share(math.log(inside), math.log(self.low), math.log(self.high))


class Normal(Distribution):
    """Numbers around ``mu``, with the standard deviation ``sigma``."""

    def __init__(self, mu: float, sigma: float) -> None:
        self._normal = NormalDist(mu, sigma)

    def at(self, place: float) -> float:
        return self._normal.inv_cdf(min(max(place, _EDGE), 1 - _EDGE))

    def place_of(self, value: Any) -> float:
        return self._normal.cdf(value)


class LogNormal(Distribution):
    """Numbers above 0 whose natural logarithms are normally distributed."""

    def __init__(self, mu: float, sigma: float) -> None:
        self._logarithms = Normal(mu, sigma)

    def at(self, place: float) -> float:
        return math.exp(self._logarithms.at(place))

    def place_of(self, value: Any) -> float:
        return self._logarithms.place_of(math.log(value)) if value > 0 else 0.0


class Beta(Distribution):
    """Numbers from 0 to 1, distributed as Beta with the shapes ``a`` and ``b``.

    A place is the number itself: a Bayesian search begins without the shape.
    """

    def __init__(self, a: float, b: float) -> None:
        self._a, self._b = a, b

    def at(self, place: float) -> float:
        return place

    def place_of(self, value: Any) -> float:
        return _share(value, 0, 1)

    def draw(self, rng: random.Random) -> float:
        return rng.betavariate(self._a, self._b)


class Quantized(Distribution):
    """Multiples of ``step`` nearest to the values of another distribution.

    Args:
        low: The lowest value; None for no limit.
        high: The highest value; at least one multiple is between them.
    """

    def __init__(
        self,
        base: Distribution,
        step: float,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self._base = base
        self._step = step
        self._exact = Decimal(str(step))
        self._first = None if low is None else math.ceil(_multiples(low, step))
        self._last = None if high is None else math.floor(_multiples(high, step))

    @property
    def is_empty(self) -> bool:
        """Whether no multiple is between the limits."""
        return self._first is not None and self._last is not None and self._first > self._last

    def at(self, place: float) -> float:
        return self._nearest(self._base.at(place))

    def place_of(self, value: Any) -> float:
        return self._base.place_of(value)

    def draw(self, rng: random.Random) -> float:
        return self._nearest(self._base.draw(rng))

    def values(self) -> Sequence[float] | None:
        if self._first is None or self._last is None:
            return None
        return [self._multiple(number) for number in range(self._first, self._last + 1)]

    def _nearest(self, value: float) -> float:
        number = round(value / self._step)
        if self._first is not None:
            number = max(number, self._first)
        if self._last is not None:
            number = min(number, self._last)
        return self._multiple(number)

    def _multiple(self, number: int) -> float:
        # Without the error that, for instance, 3 * 0.1 has.
        exact = self._exact * number
        return int(exact) if isinstance(self._step, int) else float(exact)


def _multiples(value: float, step: float) -> Fraction:
    """Return how many steps a value is from 0, as the numbers are written."""
    return Fraction(str(value)) / Fraction(str(step))


def _share(value: float, low: float, high: float) -> float:
    if high == low:
        return 0.5
    return min(max((value - low) / (high - low), 0.0), 1.0)
