"""Clouds of points, and scenes of points, boxes and vectors, as what a file holds exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.media._arrays import as_array, check_finite
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TYPES = ("lidar/beta",)

_COLUMNS = {3: "x y z", 4: "x y z category", 6: "x y z red green blue"}
_CATEGORIES = (1, 14)
_COLOURS = (0, 255)
# Members that are numbers. The colour of a box is from 0 to 255 or from 0 to 1, as viewers take it.
_OF_BOX: Mapping[str, tuple[int, ...]] = {"corners": (8, 3), "color": (3,), "score": ()}
_OF_VECTOR: Mapping[str, tuple[int, ...]] = {"start": (3,), "end": (3,)}
_WRITTEN = ("float32", "float64", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")


def to_points(value: Any, argument: str) -> NDArray[Any]:
    """Return points as an array of a type that can be written.

    Raises:
        InvalidInputError: Wrong shape or values.
        InvalidTypeError: It holds something other than numbers.
    """
    array = as_array(value, argument)
    import numpy as np

    if array.ndim != 2 or array.shape[1] not in _COLUMNS or len(array) == 0:
        shapes = ", ".join(f"(n, {count}) for {names}" for count, names in _COLUMNS.items())
        raise InvalidInputError(f"{argument} must be {shapes}, not of shape {array.shape}")
    check_finite(array, argument)
    if array.shape[1] == 4:
        _check_range(array[:, 3], _CATEGORIES, f"the category of {argument}")
    elif array.shape[1] == 6:
        _check_range(array[:, 3:], _COLOURS, f"the colours of {argument}")
    if array.dtype.name not in _WRITTEN:
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    return np.ascontiguousarray(array)


def to_scene(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scene with its points as an array.

    Raises:
        InvalidInputError: There is no such type, a member is missing or unknown, or wrong.
        InvalidTypeError: A member is of a wrong type.
    """
    if value.get("type") not in TYPES:
        raise InvalidInputError(
            f"type must be {' or '.join(map(repr, TYPES))}, not {value.get('type')!r}"
        )
    unknown = set(value) - {"type", "points", "boxes", "vectors"}
    if unknown:
        raise InvalidInputError(f"a scene has no member {min(unknown, key=str)!r}")
    if value.get("points") is None:
        raise InvalidInputError("points are missing")
    scene: dict[str, Any] = {
        "type": value["type"],
        "points": to_points(value["points"], "points"),
        "boxes": [
            _to_box(box, f"boxes[{number}]") for number, box in enumerate(_listed(value, "boxes"))
        ],
    }
    if "vectors" in value:
        scene["vectors"] = [
            _to_vector(vector, f"vectors[{number}]")
            for number, vector in enumerate(_listed(value, "vectors"))
        ]
    return scene


def _listed(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    if found is None:
        return []
    if hasattr(found, "tolist"):
        found = found.tolist()
    if not isinstance(found, list | tuple):
        raise InvalidTypeError(f"{name} must be a list, not {type(found).__name__}")
    return list(found)


def _to_box(box: Any, where: str) -> Any:
    """Return a box: a dict, or its corners alone."""
    if not isinstance(box, dict):
        return _numbers(box, (8, 3), where)
    label = box.get("label")
    if label is not None and not isinstance(label, str):
        raise InvalidTypeError(f"{where}['label'] must be text, not {type(label).__name__}")
    return _with_numbers(box, where, _OF_BOX, ("corners",))


def _to_vector(vector: Any, where: str) -> Any:
    """Return a vector: a dict, or its two ends."""
    if not isinstance(vector, dict):
        return _numbers(vector, (2, 3), where)
    return _with_numbers(vector, where, _OF_VECTOR, ("start", "end"))


def _with_numbers(
    value: dict[str, Any],
    where: str,
    shapes: Mapping[str, tuple[int, ...]],
    needed: tuple[str, ...],
) -> dict[str, Any]:
    """Return a dict with those of its members as lists that are numbers of some shape."""
    for name in needed:
        if value.get(name) is None:
            raise InvalidInputError(f"{where} has no {name!r}")
    numbers = {
        name: _numbers(value[name], shape, f"{where}[{name!r}]")
        for name, shape in shapes.items()
        if value.get(name) is not None
    }
    return {**value, **numbers}


def _numbers(value: Any, shape: tuple[int, ...], where: str) -> Any:
    """Return numbers in lists."""
    array = as_array(value, where)
    if array.shape != shape:
        raise InvalidInputError(f"{where} must be of shape {shape}, not {array.shape}")
    check_finite(array, where)
    return array.tolist()


def _check_range(array: NDArray[Any], allowed: tuple[int, int], what: str) -> None:
    low, high = allowed
    if array.min() < low or array.max() > high:
        raise InvalidInputError(
            f"{what} must be from {low} to {high}, not {array.min()} to {array.max()}"
        )
