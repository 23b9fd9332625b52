"""Boxes that are drawn over an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from artifacts._parts import in_parts
from artifacts.media import _labels
from artifacts.media._numbers import finite_number, whole_number
from artifacts.media._one_file import OneFile
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

_CORNERS = ("minX", "maxX", "minY", "maxY")


@in_parts
class BoundingBoxes2D(OneFile):
    """Boxes over an image, such as those that a model predicts. Passed as ``Image(boxes=)``.

    Args:
        val: ``box_data`` is a list of boxes, each a dict. Its ``position`` is a dict of ``minX``,
            ``maxX``, ``minY`` and ``maxY``, or of ``middle``, which is ``[x, y]``, ``width`` and
            ``height``. Those are pixels if its ``domain`` is ``"pixel"``, otherwise fractions of
            the width and the height of the image. It may have a ``class_id``, which is a whole
            number, ``scores``, which are numbers by their names, and a ``box_caption``. What else
            it has is kept with it. ``class_labels`` is optional, a dict of names by class ids.
        key: What the boxes are, such as ``"predictions"``.

    Raises:
        InvalidTypeError: Something is missing or has the wrong type.
        InvalidInputError: A number is not finite, a size is negative, or a domain is unknown.
    """

    type_name: ClassVar[str] = "boxes2D"
    folder: ClassVar[str] = "metadata/boxes2D"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        where = f"boxes[{key!r}]"
        if not isinstance(val, Mapping) or not isinstance(val.get("box_data"), list | tuple):
            raise InvalidTypeError(f"{where} must be a dict with a list of dicts as box_data")
        boxes = [
            _box(each, f"{where} box_data[{number}]") for number, each in enumerate(val["box_data"])
        ]
        labels = val.get("class_labels")
        if labels is None:
            known = _labels.default_labels(b["class_id"] for b in boxes if "class_id" in b)
        else:
            known = _labels.check_labels(labels, f"{where} class_labels")
        told = {"box_data": boxes, "class_labels": _labels.to_json(known)}
        try:
            text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        except TypeError as error:
            raise InvalidTypeError(f"{where} has what JSON has not: {error}") from error
        self._hold(text.encode("utf-8", "replace"), "boxes2D.json", None)

    @property
    def box_data(self) -> list[dict[str, Any]]:
        """The boxes, as they were given."""
        boxes = self._read()["box_data"]
        assert isinstance(boxes, list)
        return boxes

    @property
    def class_labels(self) -> dict[int, str]:
        """Names of classes by their ids."""
        return _labels.from_json(self._read()["class_labels"])

    def _read(self) -> dict[str, Any]:
        with self.open() as file:
            found = json.load(file)
        assert isinstance(found, dict)
        return found

    def __repr__(self) -> str:
        return f"<BoundingBoxes2D {self.to_json().get('path', '')}>"


def _box(box: Any, where: str) -> dict[str, Any]:
    if not isinstance(box, Mapping):
        raise InvalidTypeError(f"{where} must be a dict, not {type(box).__name__}")
    found = {**box, "position": _position(box.get("position"), f"{where} position")}
    if found.get("domain") not in (None, "pixel"):
        raise InvalidInputError(
            f"{where} has an unknown domain: {found['domain']!r}",
            hint="it is 'pixel', or left out for fractions of the image",
        )
    for name, check in _OPTIONAL.items():
        if found.get(name) is None:
            found.pop(name, None)
        else:
            found[name] = check(found[name], f"{where} {name}")
    return found


def _position(position: Any, where: str) -> dict[str, Any]:
    if isinstance(position, Mapping):
        if all(name in position for name in _CORNERS):
            found = {n: finite_number(position[n], f"{where} {n}") for n in _CORNERS}
            for axis in "XY":
                if found[f"min{axis}"] > found[f"max{axis}"]:
                    raise InvalidInputError(f"{where} has a min{axis} above its max{axis}")
            return found
        if all(name in position for name in ("middle", "width", "height")):
            return _middle(position, where)
    raise InvalidTypeError(
        f"{where} must be a dict with minX, maxX, minY and maxY, or middle, width and height"
    )


def _middle(position: Mapping[str, Any], where: str) -> dict[str, Any]:
    middle = position["middle"]
    if isinstance(middle, str | Mapping) or not hasattr(middle, "__len__") or len(middle) != 2:
        raise InvalidTypeError(f"{where} middle must be [x, y], not {middle!r}")
    found: dict[str, Any] = {"middle": [finite_number(n, f"{where} middle") for n in middle]}
    for name in ("width", "height"):
        found[name] = finite_number(position[name], f"{where} {name}")
        if found[name] < 0:
            raise InvalidInputError(f"{where} has a negative {name}")
    return found


def _scores(scores: Any, where: str) -> dict[str, Any]:
    if not isinstance(scores, Mapping) or not all(isinstance(name, str) for name in scores):
        raise InvalidTypeError(f"{where} must be a dict of numbers by their names")
    return {name: finite_number(score, f"{where} {name}") for name, score in scores.items()}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidTypeError(f"{where} must be text, not {type(value).__name__}")
    return value


_OPTIONAL: dict[str, Callable[[Any, str], Any]] = {
    "domain": _text,
    "class_id": whole_number,
    "scores": _scores,
    "box_caption": _text,
}
