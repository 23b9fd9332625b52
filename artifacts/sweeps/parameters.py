"""The parameters of a sweep, as users write them: from a mapping to distributions.

A parameter has ``value``, ``values`` or ``min`` and ``max``, or names a ``distribution`` and has
what belongs to it. ``log_uniform`` and its like take exponents of e, those whose names end with
``_values`` the limits themselves.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from artifacts.store.errors import InvalidInputError
from artifacts.sweeps.distributions import (
    Beta,
    Choice,
    Distribution,
    IntUniform,
    LogNormal,
    LogUniform,
    Normal,
    Quantized,
    Uniform,
)
from artifacts.sweeps.space import Path

_MOST_VALUES = 10**7
"""Values of one parameter of a grid."""


class Told:
    """What is told of one parameter.

    Args:
        path: Where that stands.
    """

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        self.values = values
        self.path = path

    def number(self, key: str, default: float | None = None) -> float:
        """Return a number.

        Raises:
            InvalidInputError: It is none, or missing and there is no default.
        """
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            hint = None
            if isinstance(value, str) and _reads_as_number(value):
                hint = f"in YAML a number needs a point: {float(value)!r} or 1.0e-4, not 1e-4"
            raise self.bad(key, f"must be a number, not {value!r}", hint)
        if not math.isfinite(value):
            raise self.bad(key, f"must be finite, not {value!r}")
        return value

    def above_zero(self, key: str, default: float | None = None) -> float:
        """Return a number above 0."""
        value = self.number(key, default)
        if value <= 0:
            raise self.bad(key, f"must be above 0, not {value!r}")
        return value

    def limits(self) -> tuple[float, float]:
        """Return ``min`` and ``max``."""
        low, high = self.number("min"), self.number("max")
        if low > high:
            raise self.bad("max", f"must be at least min: {high!r} is below {low!r}")
        return low, high

    def positive_limits(self) -> tuple[float, float]:
        """Return ``min`` and ``max``, both above 0."""
        self.above_zero("min")
        return self.limits()

    def powers(self, *, inverse: bool = False) -> tuple[float, float]:
        """Return the limits of which ``min`` and ``max`` are the exponents of e."""
        low, high = self.limits()
        try:
            found = (
                (math.exp(-high), math.exp(-low)) if inverse else (math.exp(low), math.exp(high))
            )
        except OverflowError:
            found = (0.0, math.inf)
        if found[0] == 0 or found[1] == math.inf:
            raise self.bad(
                "max",
                f"is out of range: min and max are exponents of e, {low!r} and {high!r}",
                f"for limits themselves use {self.values['distribution']}_values",
            )
        return found

    def choices(self) -> list[Any]:
        """Return ``values``."""
        values = self.values.get("values")
        if not isinstance(values, list) or not values:
            raise self.bad("values", f"must be a list of at least one value, not {values!r}")
        return values

    def quantized(
        self, base: Distribution, low: float | None = None, high: float | None = None
    ) -> Quantized:
        """Return the multiples of ``q`` nearest to a distribution."""
        found = Quantized(base, self.above_zero("q", 1), low, high)
        if found.is_empty:
            raise self.bad("q", f"has no multiple from {low!r} to {high!r}")
        return found

    def bad(self, key: str, why: str, hint: str | None = None) -> InvalidInputError:
        """Return the error for one of the keys."""
        return _bad(f"{self.path}.{key}", why, hint)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A distribution: which keys it has, and how it is made."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    make: Callable[[Told], Distribution]


def _weighted(told: Told) -> Choice:
    options, weights = told.choices(), told.values.get("probabilities")
    if not isinstance(weights, list) or len(weights) != len(options):
        raise told.bad("probabilities", f"must be a list of {len(options)} numbers, one for each")
    numbered = {str(index): weight for index, weight in enumerate(weights)}
    inner = Told(numbered, f"{told.path}.probabilities")
    shares = [inner.number(key) for key in inner.values]
    if min(shares) < 0 or not math.isclose(math.fsum(shares), 1, abs_tol=1e-6):
        raise told.bad("probabilities", "must be at least 0 each, and 1 together")
    return Choice(options, shares)


def _whole_limits(told: Told) -> IntUniform:
    low, high = told.limits()
    for key, value in (("min", low), ("max", high)):
        if not isinstance(value, int):
            raise told.bad(key, f"must be a whole number, not {value!r}")
    return IntUniform(int(low), int(high))


def _shape(told: Told) -> tuple[float, float]:
    return told.number("mu", 0), told.above_zero("sigma", 1)


def _q_uniform(told: Told) -> Quantized:
    return told.quantized(Uniform(*told.limits()), *told.limits())


def _q_log(told: Told) -> Quantized:
    return told.quantized(LogUniform(*told.powers()), *told.powers())


def _q_log_values(told: Told) -> Quantized:
    return told.quantized(LogUniform(*told.positive_limits()), *told.positive_limits())


def _beta(told: Told) -> Beta:
    return Beta(told.above_zero("a"), told.above_zero("b"))


_LIMITS = ("min", "max")
_SHAPE = ("mu", "sigma")
_KINDS: dict[str, _Kind] = {
    "constant": _Kind(("value",), (), lambda told: Choice([told.values["value"]])),
    "categorical": _Kind(("values",), (), lambda told: Choice(told.choices())),
    "categorical_w_probabilities": _Kind(("values", "probabilities"), (), _weighted),
    "int_uniform": _Kind(_LIMITS, (), _whole_limits),
    "uniform": _Kind(_LIMITS, (), lambda told: Uniform(*told.limits())),
    "q_uniform": _Kind(_LIMITS, ("q",), _q_uniform),
    "log_uniform": _Kind(_LIMITS, (), lambda told: LogUniform(*told.powers())),
    "log_uniform_values": _Kind(_LIMITS, (), lambda told: LogUniform(*told.positive_limits())),
    "q_log_uniform": _Kind(_LIMITS, ("q",), _q_log),
    "q_log_uniform_values": _Kind(_LIMITS, ("q",), _q_log_values),
    # The logarithm of 1/x is evenly distributed exactly if that of x is.
    "inv_log_uniform": _Kind(_LIMITS, (), lambda told: LogUniform(*told.powers(inverse=True))),
    "inv_log_uniform_values": _Kind(_LIMITS, (), lambda told: LogUniform(*told.positive_limits())),
    "normal": _Kind((), _SHAPE, lambda told: Normal(*_shape(told))),
    "q_normal": _Kind((), (*_SHAPE, "q"), lambda told: told.quantized(Normal(*_shape(told)))),
    "log_normal": _Kind((), _SHAPE, lambda told: LogNormal(*_shape(told))),
    "q_log_normal": _Kind(
        (), (*_SHAPE, "q"), lambda told: told.quantized(LogNormal(*_shape(told)))
    ),
    "beta": _Kind(("a", "b"), (), _beta),
    "q_beta": _Kind(("a", "b"), ("q",), lambda told: told.quantized(_beta(told), 0, 1)),
}
_OF_KEYS = {
    frozenset({"value"}): "constant",
    frozenset({"values"}): "categorical",
    frozenset({"values", "probabilities"}): "categorical_w_probabilities",
}


def parse_parameters(told: Any, path: str, *, grid: bool) -> dict[Path, Distribution]:
    """Return the distributions of parameters, by the keys that lead to them.

    Args:
        told: A mapping of names to what is told of them, nested below ``parameters``.
        path: Where it stands, for messages.
        grid: Whether all their values must be known.

    Raises:
        InvalidInputError: A parameter cannot be used; the message says which and why.
    """
    if not isinstance(told, Mapping) or not told:
        raise _bad(path, f"must be a mapping of at least one parameter, not {told!r}")
    found: dict[Path, Distribution] = {}
    for name, about in told.items():
        here = f"{path}.{name}"
        if not isinstance(about, Mapping):
            raise _bad(here, f"must be a mapping, not {about!r}", f"write {{'value': {about!r}}}")
        if about.keys() == {"parameters"}:
            inner = parse_parameters(about["parameters"], f"{here}.parameters", grid=grid)
            found.update({(name, *rest): each for rest, each in inner.items()})
            continue
        found[(name,)] = _parameter(about, here)
        if grid:
            _check_countable(found[(name,)], here)
    return found


def _parameter(about: Mapping[str, Any], path: str) -> Distribution:
    name = about.get("distribution", _guess(about))
    if name is None:
        raise _bad(path, "needs value, values, or min and max; or a distribution")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        near = difflib.get_close_matches(str(name), _KINDS, n=1)
        known = ", ".join(_KINDS)
        hint = f"did you mean {near[0]}?" if near else f"there are {known}"
        raise _bad(f"{path}.distribution", f"is unknown: {name!r}", hint)
    for key in kind.needed:
        if key not in about:
            raise _bad(f"{path}.{key}", f"is missing: the distribution {name} needs it")
    allowed = {"distribution", *kind.needed, *kind.optional}
    for key in about:
        if key not in allowed:
            wanted = ", ".join(sorted(allowed - {"distribution"}))
            raise _bad(f"{path}.{key}", f"does not belong to {name}", f"that has {wanted}")
    return kind.make(Told({**about, "distribution": name}, path))


def _guess(about: Mapping[str, Any]) -> str | None:
    """Return the distribution that the keys of a parameter mean."""
    if "min" in about or "max" in about:
        limits = (about.get("min"), about.get("max"))
        whole = all(isinstance(limit, int) and not isinstance(limit, bool) for limit in limits)
        return "int_uniform" if whole else "uniform"
    for keys, name in _OF_KEYS.items():
        if about.keys() == keys:
            return name
    return next((name for keys, name in _OF_KEYS.items() if keys & about.keys()), None)


def _check_countable(distribution: Distribution, path: str) -> None:
    values = distribution.values()
    if values is None:
        raise _bad(
            path,
            "cannot be tried in a grid: it has no end of values",
            "list them with values, or use int_uniform, q_uniform, or another method",
        )
    if len(values) > _MOST_VALUES:
        raise _bad(path, f"has {len(values):,} values: too many for a grid")


def _reads_as_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _bad(path: str, why: str, hint: str | None = None) -> InvalidInputError:
    return InvalidInputError(f"{path} {why}", hint=hint, kind="bad_sweep")
