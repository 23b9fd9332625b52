"""Boxes in space, of their centre, size and orientation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from artifacts.media._arrays import as_array, check_finite
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def box3d(
    *,
    center: Any,
    size: Any,
    orientation: Any,
    color: Any,
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """Return a box for `Object3D.from_point_cloud`.

    Args:
        center: Its middle: x, y and z.
        size: Its lengths along its own axes.
        orientation: The quaternion (r, x, y, z) that turns the axes of space into those of the box;
            (1, 0, 0, 0) turns nothing. Its length does not matter.
        color: Red, green and blue.
        label: What it is called.
        score: How certain it is.

    Returns:
        A dict with the eight ``corners``, and ``color``, ``label`` and ``score`` as given.

    Raises:
        InvalidInputError: An argument has another shape, or the quaternion is zero.
        InvalidTypeError: One holds something other than numbers.
        ConfigError: NumPy is not installed; the hint says how to.
    """
    middle, lengths = _vector(center, 3, "center"), _vector(size, 3, "size")
    turn = _rotation(_vector(orientation, 4, "orientation"))
    signs = as_array(list(itertools.product((-1, 1), repeat=3)), "corners")
    corners = middle + (signs * lengths / 2) @ turn.T
    return {
        "corners": corners.tolist(),
        "color": _vector(color, 3, "color").tolist(),
        "label": label,
        "score": score,
    }


def _vector(value: Any, length: int, argument: str) -> NDArray[Any]:
    array = as_array(value, argument)
    if array.shape != (length,):
        raise InvalidInputError(f"{argument} must be {length} numbers, not of shape {array.shape}")
    check_finite(array, argument)
    return array


def _rotation(quaternion: NDArray[Any]) -> NDArray[Any]:
    """Return the matrix (3, 3) that turns a column."""
    import numpy as np

    length = np.linalg.norm(quaternion)
    if length == 0:
        raise InvalidInputError("orientation must be a quaternion other than zero")
    r, x, y, z = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * r), 2 * (x * z + y * r)],
            [2 * (x * y + z * r), 1 - 2 * (x * x + z * z), 2 * (y * z - x * r)],
            [2 * (x * z - y * r), 2 * (y * z + x * r), 1 - 2 * (x * x + y * y)],
        ]
    )
