"""Histograms, which are kept in the row itself."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from artifacts._parts import in_parts
from artifacts.media._arrays import as_array
from artifacts.media._numbers import finite_number, whole_number
from artifacts.media.base import TYPE, Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from artifacts.media.base import Files, Keeper

log = logging.getLogger("artifacts")

_MOST_BINS = 512
_AT_ONCE = 1 << 20
_warned = False


class _Counted(NamedTuple):
    """Counts, and the edges between them: one more."""

    counts: Sequence[int | float]
    edges: Sequence[float]


@in_parts
class Histogram(Media):
    """How often values lie in which ranges.

    Args:
        sequence: The values: numbers, an array, or a tensor on any device. Those that are NaN or
            infinite are left out, which is said once.
        np_histogram: Instead of those, what ``numpy.histogram`` has returned: counts, and the
            edges of the bins.
        num_bins: How many bins of equal width, 1 to 512; only with ``sequence``.

    Raises:
        InvalidInputError: There are more than 512 bins or none, counts and edges do not belong
            together, or neither or both were given.
        InvalidTypeError: Something else than numbers was given.
    """

    type_name: ClassVar[str] = "histogram"

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        if (sequence is None) == (np_histogram is None):
            raise InvalidInputError("a histogram is made of either sequence or np_histogram")
        if np_histogram is not None:
            self._counted = _checked(np_histogram)
        else:
            bins = whole_number(num_bins, "num_bins")
            if not 1 <= bins <= _MOST_BINS:
                raise InvalidInputError(f"num_bins must be 1 to {_MOST_BINS}, not {bins}")
            self._counted = _count(sequence, bins)

    @property
    def histogram(self) -> list[int | float]:
        """How many values each bin has."""
        return list(self._counted.counts)

    @property
    def bins(self) -> list[float]:
        """Edges of the bins, from the smallest to the largest: one more than there are bins."""
        return list(self._counted.edges)

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        return {TYPE: self.type_name, "values": self.histogram, "bins": self.bins}

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:  # noqa: ARG003
        loaded = cls.__new__(cls)
        loaded._counted = _Counted(description["values"], description["bins"])
        return loaded

    def __repr__(self) -> str:
        edges = self._counted.edges
        return f"<Histogram of {len(edges) - 1} bins, {edges[0]:g} to {edges[-1]:g}>"


def _checked(np_histogram: Any) -> _Counted:
    if isinstance(np_histogram, str) or not isinstance(np_histogram, Sequence):
        raise InvalidTypeError("np_histogram must be a tuple of counts and the edges of bins")
    if len(np_histogram) != 2:
        raise InvalidInputError(
            f"np_histogram must be counts and the edges of bins, not {len(np_histogram)} things"
        )
    counts, edges = (_numbers(each, "np_histogram") for each in np_histogram)
    if not 1 <= len(counts) <= _MOST_BINS:
        raise InvalidInputError(f"np_histogram must have 1 to {_MOST_BINS} bins, not {len(counts)}")
    if len(edges) != len(counts) + 1:
        raise InvalidInputError(
            f"np_histogram must have one edge more than counts, not {len(edges)} and {len(counts)}"
        )
    if any(high < low for low, high in pairwise(edges)):
        raise InvalidInputError("np_histogram must have edges that increase")
    return _Counted(counts, edges)


def _numbers(values: Any, argument: str) -> list[Any]:
    if not isinstance(values, Iterable) or isinstance(values, str | Mapping):
        raise InvalidTypeError(f"{argument} must hold numbers, not {type(values).__name__}")
    listed = values.tolist() if hasattr(values, "tolist") else values
    return [finite_number(each, argument) for each in listed]


def _count(sequence: Any, bins: int) -> _Counted:
    if find_spec("numpy") is None:
        return _count_plain(_flat(sequence), bins)
    import numpy as np

    array = as_array(_sized(sequence), "sequence").ravel()
    ends = [(piece.min().item(), piece.max().item()) for piece in _finite(array)]
    low, high = (min(ends)[0], max(high for _, high in ends)) if ends else (0.0, 1.0)
    edges = _edges(low, high, bins)
    limits: Any = {"bins": np.array(edges)}
    if math.isfinite(edges[-1] - edges[0]):  # much faster
        limits = {"bins": bins, "range": (edges[0], edges[-1])}
    counts = np.zeros(bins, np.int64)
    for piece in _finite(array):
        counts += np.histogram(piece, **limits)[0]
    return _Counted(counts.tolist(), edges)


def _sized(sequence: Any) -> Any:
    """Return what is not an array, a list or a tensor as a list."""
    plain = isinstance(sequence, Iterable) and not hasattr(sequence, "__len__")
    return list(sequence) if plain or isinstance(sequence, set | frozenset | range) else sequence


def _finite(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the finite values, some at a time, as doubles: of others, sums and bins are too few."""
    import numpy as np

    for start in range(0, array.size, _AT_ONCE):
        piece = array[start : start + _AT_ONCE].astype(np.float64)
        known = np.isfinite(piece)
        if not known.all():
            _say_left_out()
            piece = piece[known]
        if piece.size:
            yield piece


def _flat(values: Any) -> list[float]:
    """Return the numbers of nested lists, or of an array, for want of NumPy."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str | bytes | Mapping):
        raise InvalidTypeError(f"sequence must hold numbers, not {type(values).__name__}")
    if isinstance(values, Iterable):
        return [number for each in values for number in _flat(each)]
    try:
        return [float(values)]
    except (TypeError, ValueError):
        raise InvalidTypeError(f"sequence must hold numbers, not {type(values).__name__}") from None


def _count_plain(values: list[float], bins: int) -> _Counted:
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < len(values):
        _say_left_out()
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    edges = _edges(low, high, bins)
    # Halves, because the whole may be more than there is.
    span = edges[-1] / 2 - edges[0] / 2
    counts = [0] * bins
    for value in finite:
        part = (value / 2 - edges[0] / 2) / span
        counts[min(int(part * bins), bins - 1)] += 1
    return _Counted(counts, edges)


def _edges(low: float, high: float, bins: int) -> list[float]:
    """Return edges of bins of equal width, each above the one before it."""
    least = 2 * bins * max(math.ulp(low), math.ulp(high), sys.float_info.min)
    if high - low < least:  # all are the same, or nearly
        half = max(0.5, least)
        low, high = low - half, high + half
    span = high - low
    if math.isfinite(span):
        inner = [low + span * (number / bins) for number in range(1, bins)]
    else:  # more than the largest number
        inner = [low * (1 - n / bins) + high * (n / bins) for n in range(1, bins)]
    return [low, *inner, high]


def _say_left_out() -> None:
    global _warned  # noqa: PLW0603 - once for the process
    if not _warned:
        _warned = True
        log.warning("a histogram leaves out values that are NaN or infinite")
