"""Arrays and tensors as pixels of 8 or 16 bits."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.media._arrays import as_array
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

log = logging.getLogger("artifacts")

_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
_GRID_COLUMNS, _GRID_PADDING = 8, 2
_BRIGHTEST = {8: 255, 16: 65535}
_AT_ONCE = 1 << 20
"""How many values are converted at a time: an array is not copied as one of floats."""

_warned: set[str] = set()


class _Scaling(NamedTuple):
    """How values become brightnesses: ``value * factor + offset``."""

    factor: float
    offset: float


def to_pixels(data: Any, argument: str, *, normalize: bool = True, bits: int = 8) -> Array:
    """Return the pixels of an array or tensor of any library.

    Whole numbers are brightnesses. Fractions from 0 to 1 are scaled, and so are those from -1 to
    1 and those beyond what can be shown, which is said once.

    Args:
        data: Height × width, or height × width × 1, 3 or 4 channels; of a torch tensor, the
            channels come first, and a batch of them becomes a grid.
        argument: Its name in messages.
        normalize: Whether numbers may be scaled at all.
        bits: Of a brightness: 8 or 16.

    Returns:
        Unsigned integers, height × width (× 3 or 4), in memory one after the other.

    Raises:
        InvalidInputError: It has another shape, no pixels, NaN or infinities, or numbers that
            would have to be scaled.
        InvalidTypeError: It holds something other than numbers.
        ConfigError: NumPy is not installed.
    """
    array = as_array(data, argument)
    if array.size == 0:
        raise InvalidInputError(f"{argument} has no pixels: its shape is {array.shape}")
    if not _is_torch(data):
        return _to_unsigned(_as_picture(array, argument), argument, normalize, bits)
    if array.ndim == 4:
        return _grid(array, argument, normalize, bits)
    if array.ndim == 3:
        _check_channels(array.shape[0], array.shape, argument)
        array = array.transpose(1, 2, 0)
    return _to_unsigned(_as_picture(array, argument), argument, normalize, bits)


def mode_of(pixels: Any) -> str:
    """Return the mode that Pillow has for pixels: ``L``, ``RGB`` or ``RGBA``.

    Args:
        pixels: Height × width, or height × width × channels.

    Raises:
        InvalidInputError: They are no picture.
    """
    shape = tuple(pixels.shape)
    if len(shape) == 2:
        return "L"
    if len(shape) != 3:
        raise InvalidInputError(f"data must be height x width (x channels), not of shape {shape}")
    return _check_channels(shape[-1], shape, "data")


def _is_torch(data: Any) -> bool:
    return any(
        class_.__name__ == "Tensor" and class_.__module__.partition(".")[0] == "torch"
        for class_ in type(data).__mro__
    )


def _check_channels(count: int, shape: tuple[int, ...], argument: str) -> str:
    mode = _CHANNELS.get(count)
    if mode is None:
        first = len(shape) == 3 and shape[0] in _CHANNELS and shape[-1] not in _CHANNELS
        raise InvalidInputError(
            f"{argument} must have 1, 3 or 4 channels, not {count}: its shape is {shape}",
            hint="the channels of an array come last: pass numpy.moveaxis(data, 0, -1)"
            if first
            else "pass height x width, or height x width x channels",
        )
    return mode


def _as_picture(array: Array, argument: str) -> Array:
    """Return it as height × width (× 3 or 4), without dimensions that say nothing."""
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in {2, 3}:
        raise InvalidInputError(
            f"{argument} must be height x width (x channels), not of shape {array.shape}",
            hint="pass several pictures as a list of them",
        )
    if array.ndim == 2:
        return array
    if array.shape[0] == 1 and array.shape[-1] not in _CHANNELS:
        first: Array = array[0]
        return first
    _check_channels(array.shape[-1], array.shape, argument)
    return array[..., 0] if array.shape[-1] == 1 else array


def _to_unsigned(array: Array, argument: str, normalize: bool, bits: int) -> Array:
    import numpy as np

    type_ = np.uint8 if bits == 8 else np.uint16
    brightest = _BRIGHTEST[bits]
    if array.dtype == bool:
        return np.where(array, type_(brightest), type_(0))
    if array.dtype == type_:
        return np.ascontiguousarray(array)
    scaling = _scaling(array, argument, normalize, brightest)
    pixels = np.empty(array.shape, type_)
    rows = max(1, _AT_ONCE // (array.size // len(array)))
    for start in range(0, len(array), rows):
        piece = array[start : start + rows]
        if scaling is not None:
            scaled = piece.astype(np.float64) * scaling.factor + scaling.offset
            piece = np.rint(scaled, out=scaled).clip(0, brightest, out=scaled)
        pixels[start : start + rows] = piece.astype(type_)
    return pixels


def _scaling(array: Array, argument: str, normalize: bool, brightest: int) -> _Scaling | None:
    """Return how the numbers are scaled, None if they are brightnesses already."""
    low, high = array.min().item(), array.max().item()
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InvalidInputError(f"{argument} holds NaN or infinite values")
    whole = array.dtype.kind in "iu"
    inside = low >= 0 and high <= brightest
    if whole and inside:
        return None
    if not normalize:
        if not inside:
            raise InvalidInputError(
                f"{argument} has values from {low} to {high}, beyond 0 to {brightest}",
                hint="leave normalize=True to have them scaled",
            )
        return _Scaling(1, 0)
    if inside:
        return _Scaling(brightest if high <= 1 else 1, 0)
    if not whole and low >= -1 and high <= 1:
        _warn_once("from -1 to 1 are shown from black to white")
        return _Scaling(brightest / 2, brightest / 2)
    _warn_once(f"beyond 0 to {brightest} are scaled, the smallest to black, the largest to white")
    span = float(high) - float(low)
    if span == 0:
        return _Scaling(0, 0 if low < 0 else brightest)
    return _Scaling(brightest / span, -low * (brightest / span))


def _warn_once(what: str) -> None:
    if what not in _warned:
        _warned.add(what)
        log.warning("an image has values that are no brightnesses; those %s", what)


def _grid(batch: Array, argument: str, normalize: bool, bits: int) -> Array:
    """Return pictures beside each other, in rows of eight.

    Args:
        batch: Number × channels × height × width.
    """
    import numpy as np

    count, channels, height, width = batch.shape
    _check_channels(channels, batch.shape, argument)
    tall = batch.transpose(0, 2, 3, 1).reshape(count * height, width, channels)
    tiles = _to_unsigned(tall, argument, normalize, bits).reshape(count, height, width, channels)
    if count > 1:
        columns = min(_GRID_COLUMNS, count)
        down, across = height + _GRID_PADDING, width + _GRID_PADDING
        rows = math.ceil(count / columns)
        shape = (rows * down + _GRID_PADDING, columns * across + _GRID_PADDING, channels)
        picture = np.zeros(shape, tiles.dtype)
        for number, tile in enumerate(tiles):
            top, left = (
                place * step + _GRID_PADDING
                for place, step in zip(divmod(number, columns), (down, across), strict=True)
            )
            picture[top : top + height, left : left + width] = tile
    else:
        picture = tiles[0]
    return picture[..., 0] if channels == 1 else picture
