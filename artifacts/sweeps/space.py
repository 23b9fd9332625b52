"""The parameters of a sweep, and the configurations that they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

    from artifacts.sweeps.distributions import Distribution

Path = tuple[str, ...]


class Space:
    """All configurations that a sweep may try.

    Args:
        parameters: The distribution of each parameter, by the keys that lead to it.
    """

    def __init__(self, parameters: Mapping[Path, Distribution]) -> None:
        self.parameters = dict(parameters)

    @property
    def size(self) -> int | None:
        """How many configurations there are; None if they cannot be counted."""
        options = [each.values() for each in self.parameters.values()]
        if any(values is None for values in options):
            return None
        return math.prod(len(values) for values in options if values is not None)

    def point(self, number: int) -> dict[str, Any]:
        """Return a configuration by its number; the last parameter changes first."""
        chosen = []
        for each in reversed(self.parameters.values()):
            options = each.values()
            assert options is not None
            number, place = divmod(number, len(options))
            chosen.append(options[place])
        return self.nest(chosen[::-1])

    def draw(self, rng: random.Random) -> dict[str, Any]:
        """Return a random configuration."""
        return self.nest([each.draw(rng) for each in self.parameters.values()])

    def nest(self, chosen: Sequence[Any]) -> dict[str, Any]:
        """Return a configuration of values in the order of the parameters."""
        config: dict[str, Any] = {}
        for path, value in zip(self.parameters, chosen, strict=True):
            inner = config
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value
        return config

    def chosen_in(self, config: Mapping[str, Any]) -> list[Any]:
        """Return the values of the parameters in a configuration, which may hold more.

        Raises:
            KeyError: It lacks one; its name is the argument of the error.
        """
        found = []
        for path in self.parameters:
            inner: Any = config
            for key in path:
                if not isinstance(inner, Mapping) or key not in inner:
                    raise KeyError(".".join(path))
                inner = inner[key]
            found.append(inner)
        return found
