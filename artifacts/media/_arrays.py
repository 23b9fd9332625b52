"""Arrays and tensors of any library as NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.media._needs import need
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_array(value: Any, argument: str) -> NDArray[Any]:
    """Return an array, a tensor of any library and device, or nested lists as a NumPy array.

    Args:
        argument: Its name in messages.

    Raises:
        InvalidTypeError: It holds something other than numbers.
        InvalidInputError: Its rows have different lengths.
        ConfigError: NumPy is not installed.
    """
    array = to_numpy(value, argument)
    if array.dtype.kind not in "biuf":
        raise InvalidTypeError(
            f"{argument} must hold numbers, not {array.dtype} ({type(value).__name__})"
        )
    return array


def to_numpy(value: Any, argument: str) -> NDArray[Any]:
    """Return what `as_array` does, of anything that can be in an array.

    Args:
        argument: Its name in messages.

    Raises:
        InvalidInputError: Its rows have different lengths.
        ConfigError: NumPy is not installed.
    """
    numpy = need("numpy", "numpy", extra="media")
    if hasattr(value, "detach"):  # torch, perhaps on a GPU, perhaps with gradients
        value = value.detach().cpu()
        try:
            value = value.numpy()
        except TypeError:  # bfloat16, which NumPy does not have
            value = value.float().numpy()
    elif hasattr(value, "numpy"):  # tensorflow
        value = value.numpy()
    try:
        array: NDArray[Any] = numpy.asarray(value)
    except ValueError as error:
        raise InvalidInputError(f"{argument} has rows of different lengths") from error
    if array.dtype.kind == "V" and "float" in array.dtype.name:  # bfloat16 and others of JAX
        array = array.astype(numpy.float32)
    return array


def check_finite(array: NDArray[Any], argument: str) -> None:
    """Refuse NaN and infinities.

    Raises:
        InvalidInputError: There are some.
    """
    import numpy as np

    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidInputError(f"{argument} holds NaN or infinite values")
