"""Numbers of any library as those of Python."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any

from artifacts.store.errors import InvalidInputError, InvalidTypeError


def whole_number(value: Any, argument: str) -> int:
    """Return a whole number.

    Args:
        argument: Its name in messages.

    Raises:
        InvalidTypeError: It is none; true and false are none.
    """
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise InvalidTypeError(f"{argument} must be a whole number, not {value!r}")


def finite_number(value: Any, argument: str) -> int | float:
    """Return a number, which is neither NaN nor infinite.

    Args:
        argument: Its name in messages.

    Raises:
        InvalidTypeError: It is none; true and false are none.
        InvalidInputError: It is not finite.
    """
    if hasattr(value, "item"):  # a number of NumPy's, or a tensor of one
        try:
            value = value.item()
        except (ValueError, RuntimeError):
            raise InvalidTypeError(f"{argument} must be a number, not several") from None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"{argument} must be a number, not {type(value).__name__}")
    number: int | float = operator.index(value) if hasattr(value, "__index__") else float(value)
    if not math.isfinite(number):
        raise InvalidInputError(f"{argument} must be finite, not {number}")
    return number
