"""What a sweep may choose for a parameter is what its distribution says."""

import math
import random
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from artifacts.store.records import RunRecord, Trial
from artifacts.sweeps.choosing import plan
from artifacts.sweeps.configuration import parse
from artifacts.sweeps.parameters import parse_parameters

PLACES = st.floats(0, 1)
NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-6, 1e6)
EXPONENTS = st.floats(-20, 20)
STEPS = st.one_of(st.integers(1, 50), st.sampled_from([0.1, 0.25, 0.3, 1.5, 7.0]))


def law(**about):
    return parse_parameters({"p": about}, "parameters", grid=False)[("p",)]


def two(numbers):
    """Two numbers in order."""
    return st.tuples(numbers, numbers).map(sorted)


def is_multiple(value, step):
    return (Fraction(str(value)) / Fraction(str(step))).denominator == 1


@given(two(NUMBERS), PLACES)
def test_uniform(limits, place):
    low, high = limits
    value = law(min=float(low), max=float(high)).at(place)
    assert low <= value <= high
    assert math.isclose(value, low + place * (high - low), rel_tol=1e-9, abs_tol=1e-6)


@given(two(st.integers(-100, 100)), PLACES)
def test_int_uniform(limits, place):
    low, high = limits
    found = law(min=low, max=high)
    value = found.at(place)
    assert type(value) is int
    assert low <= value <= high
    assert found.at(0) == low
    assert found.at(1) == high
    assert found.at(found.place_of(value)) == value


@given(st.integers(1, 9))
def test_whole_numbers_are_all_alike(count):
    found = law(min=1, max=count)
    values = [found.at((index + 0.5) / (10 * count)) for index in range(10 * count)]
    assert [values.count(number) for number in range(1, count + 1)] == [10] * count


@given(two(POSITIVE), PLACES, st.sampled_from(["log_uniform_values", "inv_log_uniform_values"]))
def test_log_uniform_values(limits, place, distribution):
    low, high = limits
    value = law(distribution=distribution, min=low, max=high).at(place)
    assert low <= value <= high
    wanted = math.log(low) + place * (math.log(high) - math.log(low))
    assert math.isclose(math.log(value), wanted, abs_tol=1e-6)


@given(two(EXPONENTS), PLACES)
def test_log_uniform_takes_exponents(limits, place):
    low, high = limits
    value = law(distribution="log_uniform", min=low, max=high).at(place)
    assert math.isclose(math.log(value), low + place * (high - low), abs_tol=1e-6)


@given(two(EXPONENTS), PLACES)
def test_inv_log_uniform_takes_exponents_of_the_inverse(limits, place):
    low, high = limits
    value = law(distribution="inv_log_uniform", min=low, max=high).at(place)
    assert low - 1e-6 <= math.log(1 / value) <= high + 1e-6


@given(two(NUMBERS), STEPS, PLACES)
def test_q_uniform(limits, step, place):
    low, high = map(float, limits)
    assume(math.floor(high / step) > math.ceil(low / step))
    found = law(distribution="q_uniform", min=low, max=high, q=step)
    value = found.at(place)
    assert low <= value <= high
    assert is_multiple(value, step)
    assert isinstance(value, int) == isinstance(step, int)
    exact = low + place * (high - low)
    assert abs(value - exact) <= step * (1 + 1e-6)


@given(two(st.floats(1, 1e4)), st.integers(1, 9), PLACES)
def test_q_log_uniform_values(limits, step, place):
    low, high = limits
    assume(math.floor(high / step) >= math.ceil(low / step))
    value = law(distribution="q_log_uniform_values", min=low, max=high, q=step).at(place)
    assert low <= value <= high
    assert is_multiple(value, step)


@given(two(st.floats(0, 9)), PLACES)
def test_q_log_uniform(limits, place):
    low, high = limits
    assume(math.floor(math.exp(high)) >= math.ceil(math.exp(low)))
    value = law(distribution="q_log_uniform", min=low, max=high).at(place)
    assert math.exp(low) <= value <= math.exp(high)
    assert is_multiple(value, 1)


@given(NUMBERS, POSITIVE, st.floats(0.01, 0.99))
def test_normal(mu, sigma, place):
    value = law(distribution="normal", mu=mu, sigma=sigma).at(place)
    assert math.isclose(value, NormalDist(mu, sigma).inv_cdf(place), abs_tol=1e-6)
    logarithm = math.log(law(distribution="log_normal", mu=1, sigma=2).at(place))
    assert math.isclose(logarithm, NormalDist(1, 2).inv_cdf(place), abs_tol=1e-6)


@given(STEPS, PLACES)
def test_quantized_normal(step, place):
    assert is_multiple(law(distribution="q_normal", sigma=20, q=step).at(place), step)
    value = law(distribution="q_log_normal", q=step).at(place)
    assert is_multiple(value, step)
    assert value >= 0


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.integers())
def test_beta(a, b, seed):
    rng = random.Random(seed)
    assert 0 <= law(distribution="beta", a=a, b=b).draw(rng) <= 1
    value = law(distribution="q_beta", a=a, b=b, q=0.25).draw(rng)
    assert value in {0, 0.25, 0.5, 0.75, 1}


def test_beta_is_drawn_by_its_shape():
    found, rng = law(distribution="beta", a=9, b=1), random.Random(1)
    assert sum(found.draw(rng) for _ in range(2000)) / 2000 == pytest.approx(0.9, abs=0.02)


@given(st.lists(st.integers(0, 9), min_size=1, unique=True), PLACES)
def test_one_of_some_values(values, place):
    found = law(values=values)
    assert found.at(place) == values[min(int(place * len(values)), len(values) - 1)]
    assert [found.at(found.place_of(value)) for value in values] == values


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_weights_are_how_often_a_value_comes(weights):
    total = sum(weights)
    found = law(
        values=list(range(len(weights))), probabilities=[weight / total for weight in weights]
    )
    drawn = [found.at((place + 0.5) / total) for place in range(total)]
    assert [drawn.count(index) for index in range(len(weights))] == weights


@given(
    st.sampled_from(
        [
            {"min": 0.0, "max": 5.0},
            {"distribution": "log_uniform_values", "min": 1e-4, "max": 10},
            {"distribution": "normal", "mu": 3, "sigma": 2},
            {"distribution": "log_normal"},
            {"distribution": "beta", "a": 2, "b": 3},
        ]
    ),
    st.floats(0.001, 0.999),
)
def test_a_place_and_its_value_lead_to_each_other(about, place):
    found = law(**about)
    assert found.place_of(found.at(place)) == pytest.approx(place, abs=1e-6)


# -- grids and random searches


def record(number, trial, state="finished", **values):
    fields = dict.fromkeys(("group", "job_type", "notes", "finished_at", "user", "host"))
    return RunRecord(
        key=number,
        entity="local",
        project="demo",
        id=f"r{number}",
        name="r",
        state=state,
        tags=(),
        config={},
        created_at=0,
        trial=trial.to_json(),
        **{**fields, "exit_code": 0, "summary": {}, **values},
    )


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
        min_size=1,
    ),
    st.integers(),
)
def test_a_grid_is_tried_once_each_whatever_is_lost(values, seed):
    rng = random.Random(seed)
    parameters = {name: {"values": options} for name, options in values.items()}
    configuration = parse({"method": "grid", "parameters": parameters})
    runs: list[RunRecord] = []
    kept = []
    while (found := plan(configuration, runs)).number is not None:
        assert found.config is not None
        trial = Trial(found.number, found.config)
        lost = rng.random() < 0.3 and sum(Trial.of(r).number == found.number for r in runs) < 2
        runs.append(record(len(runs), trial, "crashed" if lost else "finished"))
        kept += [] if lost else [tuple(sorted(found.config.items()))]
    assert len(kept) == len(set(kept)) == configuration.expected == configuration.space.size
    assert all(value in values[name] for point in kept for name, value in point)


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_a_seed_decides_every_choice(seed, count):
    def chosen(seed):
        configuration = parse(
            {
                "method": "random",
                "seed": seed,
                "run_cap": count,
                "parameters": {"x": {"min": 0.0, "max": 1.0}, "y": {"distribution": "normal"}},
            }
        )
        runs: list[RunRecord] = []
        while (found := plan(configuration, runs)).number is not None:
            assert found.config is not None
            runs.append(record(len(runs), Trial(found.number, found.config)))
        return [Trial.of(run).config for run in runs]

    first = chosen(seed)
    assert len(first) == count
    assert chosen(seed) == first
    assert chosen(seed + 1) != first
