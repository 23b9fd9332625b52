"""What TensorBoard has written, as values that a run logs."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

from artifacts.media._needs import need

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("artifacts")

_MOST_BINS = 512
_SIZES = 2
"""How many items of an image come before its pictures: width and height."""

_told: set[str] = set()


def value_of(plugin: str, tensor: Any) -> Any:
    """Return a value as it is logged; None for one that is not, which a message says once.

    Args:
        plugin: What kind of value it is, such as ``scalars``.
        tensor: A ``TensorProto``.
    """
    from tensorboard.util.tensor_util import make_ndarray

    convert = _CONVERTERS.get(plugin)
    if convert is not None:
        return convert(make_ndarray(tensor))
    if plugin not in _told:
        _told.add(plugin)
        log.info("what TensorBoard shows as %s is not logged", plugin or "a value of no plugin")
    return None


def _scalar(array: Any) -> float:
    return float(array.item())


def _text(array: Any) -> Any:
    texts = [
        item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
        for item in array.reshape(-1).tolist()
    ]
    return texts[0] if len(texts) == 1 else texts


def _images(array: Any) -> Any:
    from artifacts.media.images import Image

    pil = need("PIL.Image", "pillow", extra="media")
    images = [Image(pil.open(io.BytesIO(data))) for data in array.reshape(-1)[_SIZES:].tolist()]
    return images[0] if len(images) == 1 else images or None


def _histogram(array: Any) -> Any:
    from artifacts.media.histogram import Histogram

    if not array.size:
        return None
    lefts, rights, counts = (column.tolist() for column in array.reshape(-1, 3).T)
    together = -(-len(counts) // _MOST_BINS)
    starts = range(0, len(counts), together)
    sums = [sum(counts[start : start + together]) for start in starts]
    edges = [*(lefts[start] for start in starts), rights[-1]]
    if edges[0] == edges[-1]:
        # All values are the same.
        sums, edges = [sum(sums)], [edges[0] - 0.5, edges[0] + 0.5]
    return Histogram(np_histogram=(sums, edges))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "scalars": _scalar,
    "images": _images,
    "histograms": _histogram,
    "text": _text,
}
