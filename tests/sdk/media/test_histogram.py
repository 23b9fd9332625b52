"""Histograms: of numbers, arrays and tensors, and what is refused."""

import importlib.util
import math
import sys

import numpy as np
import pytest

import artifacts
from artifacts.media import histogram
from tests.sdk.media.trips import through_artifact, through_run


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """What is said once is said once in each test."""
    monkeypatch.setattr(histogram, "_warned", False)


@pytest.fixture(params=["numpy", "lists"])
def counting(request, monkeypatch):
    """With NumPy, and where it is not installed."""
    if request.param == "lists":
        monkeypatch.setitem(sys.modules, "numpy", None)
        find_spec = importlib.util.find_spec
        monkeypatch.setattr(
            histogram, "find_spec", lambda name: None if name == "numpy" else find_spec(name)
        )
    return request.param


class FakeTensor:
    """A torch tensor as far as histograms are concerned."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array

    def tolist(self):
        return self.array.tolist()


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_it_comes_back_from_the_row_itself(through):
    given = artifacts.Histogram([1, 2, 2, 4], num_bins=3)
    found = through(given)
    assert isinstance(found, artifacts.Histogram)
    assert found.histogram == [1, 2, 1]
    assert found.bins == [1.0, 2.0, 3.0, 4.0]
    assert found.to_json() == {"_type": "histogram", "values": [1, 2, 1], "bins": found.bins}
    assert found == given


def test_it_counts_as_numpy_does(counting):
    values = np.random.default_rng(3).normal(size=1000).round(2)
    counts, edges = np.histogram(values, bins=64)
    found = artifacts.Histogram(values.tolist())
    assert found.bins == pytest.approx(edges.tolist())
    assert sum(found.histogram) == 1000
    # Values on an edge may count on either side of it, by what is rounded.
    assert np.abs(np.cumsum(found.histogram) - np.cumsum(counts)).max() <= 15


def test_edges_belong_to_the_bin_above(counting):
    assert artifacts.Histogram([0, 1, 2, 3, 4], num_bins=4).histogram == [1, 1, 1, 2]


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3, 4]],
        (1.0, 2, 3, 4),
        {1, 2, 3, 4},
        range(1, 5),
        (n for n in (1, 2, 3, 4)),
        FakeTensor(np.array([[1, 2], [3, 4]], np.float32)),
    ],
    ids=lambda values: type(values).__name__,
)
def test_any_collection(counting, values):
    if counting == "numpy" or not hasattr(values, "gi_frame"):
        assert artifacts.Histogram(values, num_bins=3).histogram == [1, 1, 2]


@pytest.mark.parametrize("type_", ["bool", "int8", "uint64", "float16", "float32", "longdouble"])
def test_any_type_of_number(type_):
    found = artifacts.Histogram(np.array([0, 0, 1, 1, 1], type_), num_bins=2)
    assert found.histogram == [2, 3]
    assert found.bins == [0.0, 0.5, 1.0]


def test_few_bits_are_enough_for_many_bins():
    found = artifacts.Histogram(np.array([-60000, 60000], np.float16), num_bins=2)
    assert found.histogram == [1, 1]
    next_to_one = np.nextafter(np.float32(1), np.float32(2))
    found = artifacts.Histogram(np.array([1, next_to_one], np.float32), num_bins=512)
    assert (found.histogram[0], found.histogram[-1]) == (1, 1)


def test_more_values_than_are_counted_at_once(monkeypatch, log):
    monkeypatch.setattr(histogram, "_AT_ONCE", 100)
    values = np.random.default_rng(3).normal(size=1234)
    values[[0, 500]] = math.nan
    counts, edges = np.histogram(values[np.isfinite(values)], bins=64)
    found = artifacts.Histogram(values)
    assert found.histogram == counts.tolist()
    assert found.bins == pytest.approx(edges.tolist())


def test_what_is_not_finite_is_left_out_with_one_warning(counting, log):
    for _ in range(2):
        found = artifacts.Histogram([1, math.nan, 2, math.inf, -math.inf], num_bins=1)
    assert (found.histogram, found.bins) == ([2], [1.0, 2.0])
    assert log.text.count("leaves out values that are NaN or infinite") == 1


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_without_values(counting, values):
    found = artifacts.Histogram(values, num_bins=2)
    assert (found.histogram, found.bins) == ([0, 0], [0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    "values",
    [
        [5, 5],
        [1.0, math.nextafter(1, 2)],
        [1e20, 1e20],
        [0, 1.7e308],
        [-1.7e308, 1.7e308],
        [1e-320, 0],
    ],
)
@pytest.mark.parametrize("bins", [1, 64, 512])
def test_ranges_that_are_hardly_any_or_nearly_all(counting, values, bins):
    found = artifacts.Histogram(values, num_bins=bins)
    assert sum(found.histogram) == 2
    assert all(math.isfinite(edge) for edge in found.bins)
    assert all(low < high for low, high in zip(found.bins, found.bins[1:], strict=False))
    assert found.bins[0] <= min(values) <= max(values) <= found.bins[-1]


def test_one_of_numpy():
    counts, edges = np.histogram([1, 2, 2, 4], bins=3)
    found = through_run(artifacts.Histogram(np_histogram=(counts, edges)))
    assert (found.histogram, found.bins) == ([1, 2, 1], [1.0, 2.0, 3.0, 4.0])
    assert artifacts.Histogram(np_histogram=([0.5], [0, 1])).histogram == [0.5]
    density = np.histogram([1, 2, 2, 4], bins=3, density=True)
    assert artifacts.Histogram(np_histogram=density).histogram == density[0].tolist()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "either sequence or np_histogram"),
        ({"sequence": [1], "np_histogram": ([1], [0, 1])}, "either sequence or np_histogram"),
        ({"sequence": [1], "num_bins": 513}, "num_bins must be 1 to 512, not 513"),
        ({"sequence": [1], "num_bins": 0}, "num_bins must be 1 to 512, not 0"),
        ({"sequence": [1], "num_bins": 2.5}, "num_bins must be a whole number"),
        ({"sequence": ["a"]}, "sequence must hold numbers"),
        ({"sequence": "12"}, "sequence must hold numbers"),
        ({"sequence": {"a": 1}}, "sequence must hold numbers"),
        ({"sequence": [None]}, "sequence must hold numbers"),
        ({"np_histogram": ([1] * 513, [0] * 514)}, "1 to 512 bins, not 513"),
        ({"np_histogram": ([], [0])}, "1 to 512 bins, not 0"),
        ({"np_histogram": ([1], [0, 1, 2])}, "one edge more than counts, not 3 and 1"),
        ({"np_histogram": ([1], [1, 0])}, "edges that increase"),
        ({"np_histogram": ([1], [0, math.nan])}, "np_histogram must be finite"),
        ({"np_histogram": ([1],)}, "not 1 things"),
        ({"np_histogram": 5}, "must be a tuple"),
        ({"np_histogram": (1, 2)}, "must hold numbers, not int"),
    ],
)
def test_wrong_arguments_are_refused(counting, arguments, why):
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.Histogram(**arguments)


def test_a_generator_is_counted_without_numpy(monkeypatch):
    monkeypatch.setattr(histogram, "find_spec", lambda _: None)
    assert artifacts.Histogram((n for n in (1, 2)), num_bins=2).histogram == [1, 1]
