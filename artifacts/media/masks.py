"""Masks that are laid over an image: the class of each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from artifacts._parts import in_parts
from artifacts.media import _labels, _pictures
from artifacts.media._arrays import as_array, check_finite
from artifacts.media._needs import need
from artifacts.media._one_file import OneFile, existing_file
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from artifacts.media.base import Files

_MOST_8_BIT, _MOST_16_BIT = 255, 65535


@in_parts
class ImageMask(OneFile):
    """The class of each pixel of an image. Passed as ``Image(masks=)``.

    Args:
        val: ``mask_data`` is an array of whole numbers, height × width, from 0 to 65,535; or
            ``path`` names an image file, whose pixels are those numbers. ``class_labels`` is
            optional, a dict of names by class ids.
        key: What the mask is, such as ``"predictions"``.

    Raises:
        InvalidTypeError: Something is missing or has the wrong type.
        InvalidInputError: The data has another shape or other numbers, or the file is no image.
        ConfigError: NumPy or Pillow is not installed.
    """

    type_name: ClassVar[str] = "mask"
    folder: ClassVar[str] = "images/mask"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        where = f"masks[{key!r}]"
        if not isinstance(val, Mapping) or ("mask_data" in val) == ("path" in val):
            raise InvalidTypeError(f"{where} must be a dict with either mask_data or path")
        labels = val.get("class_labels")
        known = None if labels is None else _labels.check_labels(labels, f"{where} class_labels")
        if "path" in val:
            path = existing_file(val["path"], f"{where} path")
            found = _pictures.probe(path, str(path))
            self._hold(path, found.format, None, width=found.width, height=found.height)
        else:
            data = _checked(val["mask_data"], f"{where} mask_data")
            if known is None:
                known = _labels.default_labels(need("numpy", "numpy").unique(data).tolist())
            self._encode(data)
        self._labels = known or {}
        if known is not None:
            self._facts["class_labels"] = _labels.to_json(known)

    def _encode(self, data: NDArray[Any]) -> None:
        mode = "L" if data.dtype.itemsize == 1 else "I;16"
        encoded = _pictures.encode(_pictures.make(data, mode), "png", self)
        height, width = data.shape
        self._hold(encoded, "png", None, width=width, height=height)

    @property
    def mask_data(self) -> NDArray[Any]:
        """The classes, height × width: unsigned integers of 8 or 16 bits."""
        with self.open() as file:
            picture = _pictures.read(file.read(), f"the mask {self.get('path', '')}")
        data: NDArray[Any] = need("numpy", "numpy", extra="media").asarray(picture)
        return data

    @property
    def class_labels(self) -> dict[int, str]:
        """Names of classes by their ids; empty for a mask from a file without any."""
        return dict(self._labels)

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        loaded = super()._load(description, files)
        loaded._labels = _labels.from_json(description.get("class_labels") or {})
        return loaded

    def __repr__(self) -> str:
        return f"<ImageMask of {self._facts['width']} x {self._facts['height']}>"


def _checked(data: Any, where: str) -> NDArray[Any]:
    """Return the classes as unsigned integers, of 16 bits if some do not fit into 8."""
    import numpy as np

    array = as_array(data, where)
    if array.ndim != 2 or array.size == 0:
        raise InvalidInputError(
            f"{where} must be height x width, not of shape {array.shape}",
            hint="of probabilities, pass the most probable class: numpy.argmax(data, axis)",
        )
    check_finite(array, where)
    low, high = array.min().item(), array.max().item()
    if low < 0 or high > _MOST_16_BIT:
        raise InvalidInputError(f"{where} must hold 0 to {_MOST_16_BIT}, not {low} to {high}")
    classes = np.ascontiguousarray(array.astype(np.uint8 if high <= _MOST_8_BIT else np.uint16))
    if array.dtype.kind == "f" and not np.array_equal(classes, array):
        raise InvalidTypeError(f"{where} must hold whole numbers, not fractions")
    return classes
