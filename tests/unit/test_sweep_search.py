"""What a sweep tries next, whom it ends early, and which configurations it refuses."""

import json
import sys
from statistics import mean

import pytest

from artifacts.store.errors import ConfigError, InvalidInputError
from artifacts.store.records import RunRecord, Trial
from artifacts.sweeps import bayes
from artifacts.sweeps.choosing import plan
from artifacts.sweeps.commands import DEFAULT, fill_in
from artifacts.sweeps.configuration import parse, to_plain
from artifacts.sweeps.hyperband import Hyperband
from artifacts.sweeps.measuring import Metric
from tests.property.test_sweep_laws import record

LOSS = {"name": "loss"}


def grid(**config):
    return parse({"method": "grid", "parameters": {"a": {"values": [1, 2, 3]}}, **config})


def tried(number, state="finished", **values):
    return record(number, Trial(number, {"a": number + 1}), state, **values)


# -- what comes next


def test_a_lost_configuration_comes_before_a_new_one():
    runs = [tried(0), tried(1, "crashed"), tried(2, "running")]
    found = plan(grid(), runs)
    assert (found.number, found.config) == (1, {"a": 2})


@pytest.mark.parametrize(
    "lost",
    [
        {"state": "crashed"},
        {"state": "preempted"},
        {"state": "failed", "exit_code": 255},
        {"state": "finished", "deleted_at": 1},
    ],
    ids=["crashed", "preempted", "interrupted", "deleted"],
)
def test_what_counts_as_lost(lost):
    assert plan(grid(), [tried(0, **lost)]).number == 0


def test_a_run_that_has_failed_is_not_tried_again():
    assert plan(grid(), [tried(0, "failed", exit_code=1)]).number == 1


def test_what_crashes_each_time_is_given_up():
    assert plan(grid(), [tried(0, "crashed")] * 2).number == 0
    assert plan(grid(), [tried(0, "crashed")] * 3).number == 1


def test_the_end_waits_for_runs_that_may_be_lost():
    runs = [tried(0), tried(1), tried(2, "running")]
    assert (plan(grid(), runs).number, plan(grid(), runs).waits) == (None, True)
    runs[2] = tried(2)
    assert (plan(grid(), runs).number, plan(grid(), runs).waits) == (None, False)


def test_a_cap_counts_configurations():
    runs = [tried(0, "crashed"), record(9, Trial(0, {"a": 1})), tried(1)]
    assert plan(grid(run_cap=2), runs).number is None
    assert plan(grid(run_cap=3), runs).number == 2
    assert [grid(run_cap=cap).expected for cap in (2, 9)] == [2, 3]
    assert parse({"method": "random", "parameters": {"a": {"value": 1}}}).expected is None


def test_a_grid_leaves_out_what_prior_runs_have_tried():
    prior = record(7, Trial(None, {"a": 1}))
    found = plan(grid(), [prior])
    assert (found.number, found.config) == (1, {"a": 2})


def test_a_target_that_is_reached_ends_the_search():
    config = {"metric": {"name": "acc", "goal": "maximize", "target": 0.9}}
    assert plan(grid(**config), [tried(0, summary={"acc": 0.89})]).number == 1
    assert plan(grid(**config), [tried(0, summary={"acc": 0.9})]).number is None


# -- Bayesian search


def bowl(config):
    return (config["x"] - 0.3) ** 2 + (config["y"] + 1) ** 2 + (config["kind"] != "b")


def search(method, seed, count=40):
    configuration = parse(
        {
            "method": method,
            "seed": seed,
            "metric": LOSS,
            "parameters": {
                "x": {"min": -5.0, "max": 5.0},
                "y": {"distribution": "normal", "sigma": 3},
                "kind": {"values": ["a", "b", "c"]},
            },
        }
    )
    runs: list[RunRecord] = []
    for number in range(count):
        config = plan(configuration, runs).config or bayes.suggest(configuration, runs, number)
        runs.append(record(number, Trial(number, config), summary={"loss": bowl(config)}))
    return configuration, runs


def best(method, seed):
    return min(run.summary["loss"] for run in search(method, seed)[1])


def test_it_finds_a_minimum_that_chance_does_not():
    seeds = range(6)
    assert mean(best("bayes", seed) for seed in seeds) < mean(best("random", s) for s in seeds) / 2


def test_a_seed_decides_what_it_suggests():
    chosen = [[Trial.of(run).config for run in search("bayes", 3, 15)[1]] for _ in range(2)]
    assert chosen[0] == chosen[1]


def test_what_is_being_tried_keeps_others_away():
    configuration, runs = search("bayes", 5, 30)
    first = bayes.suggest(configuration, runs, 30)
    under_way = [record(30 + i, Trial(30 + i, first), "running") for i in range(8)]
    second = bayes.suggest(configuration, [*runs, *under_way], 30)
    assert abs(second["x"] - first["x"]) + abs(second["y"] - first["y"]) > 0.1


def test_runs_without_the_metric_do_not_disturb_it():
    configuration, runs = search("bayes", 1, 5)
    config = Trial.of(runs[0]).config
    odd = [
        record(90, Trial(90, config), "failed", exit_code=1),
        record(91, Trial(91, config), summary={"loss": "NaN"}),
        record(92, Trial(92, config), summary={"loss": float("inf")}),
    ]
    assert bayes.suggest(configuration, [*runs, *odd], 5) == bayes.suggest(configuration, runs, 5)


def test_importances_say_which_parameter_matters():
    configuration = parse(
        {
            "method": "random",
            "seed": 1,
            "metric": LOSS,
            "parameters": {
                "model": {"parameters": {"lr": {"min": 0.0, "max": 1.0}}},
                "idle": {"min": 0.0, "max": 1.0},
            },
        }
    )
    runs: list[RunRecord] = []
    for number in range(60):
        config = plan(configuration, runs).config
        assert config is not None
        summary = {"loss": (config["model"]["lr"] - 0.5) ** 2}
        runs.append(record(number, Trial(number, config), summary=summary))
    shares = bayes.importances(configuration, runs)
    assert list(shares) == ["model.lr", "idle"]
    assert shares["model.lr"] > 0.7
    assert bayes.importances(configuration, runs[:1]) == {}


def test_without_optuna_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    config = {"method": "bayes", "metric": LOSS, "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    with pytest.raises(ConfigError) as caught:
        bayes.suggest(parse(config), [], 0)
    assert caught.value.kind == "not_installed"
    assert "pip install" in str(caught.value.hint)


# -- Hyperband


def test_brackets_from_below_and_from_above():
    assert Hyperband.from_below(3, 3).brackets[:4] == (3, 9, 27, 81)
    assert Hyperband.from_above(27, 3, 2).brackets == (3, 9)
    assert Hyperband.from_above(27, 3).brackets == (1, 3, 9)
    assert Hyperband.from_below(2, 1.5).brackets[:4] == (2, 3, 4, 6)


@pytest.mark.parametrize("maximize", [False, True])
def test_the_best_part_goes_on(maximize):
    rule, sign = Hyperband.from_below(1, 3), -1 if maximize else 1
    values = [sign * value for value in (1, 2, 3, 4, 5, 6)]
    going = [v for v in values if not rule.is_stopped(v, values, maximize=maximize)]
    assert going == values[:3]
    assert not rule.is_stopped(5, [5], maximize=maximize)


# -- the metric


@pytest.mark.parametrize(
    ("summary", "value"),
    [
        ({"val": {"loss": 0.5}}, 0.5),
        ({"val.loss": 1}, 1.0),
        ({"val": {"loss": {"min": 0.1, "max": 9, "last": 3}}}, 0.1),
        ({"val": {"loss": {"best": 0.2, "min": 0.1}}}, 0.2),
        ({"val": {"loss": "NaN"}}, None),
        ({"val": {"loss": True}}, None),
        ({"val": 3}, None),
        ({}, None),
    ],
)
def test_the_metric_of_a_summary(summary, value):
    assert Metric("val.loss").of_summary(summary) == value


# -- what is refused

A = {"a": {"values": [1, 2]}}
RANDOM = {"method": "random", "parameters": A}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "best"}, "method must be one of 'grid', 'random', 'bayes'"),
        ({"methd": 1}, "has no key 'methd'"),
        ({"name": 3}, "name must be text"),
        ({"run_cap": 0}, "run_cap must be a whole number of at least 1"),
        ({"run_cap": True}, "run_cap must be"),
        ({"seed": -1}, "seed must be"),
        ({"method": "bayes"}, "metric is missing"),
        ({"metric": "loss"}, "metric must be a mapping"),
        ({"metric": {"name": ""}}, "metric.name must be"),
        ({"metric": {"name": "a", "goal": "up"}}, "metric.goal must be one of"),
        ({"metric": {"name": "a", "target": "x"}}, "metric.target must be a number"),
        ({"metric": {"name": "a", "gaol": "x"}}, "metric has no key 'gaol'"),
        ({"parameters": {}}, "parameters must be a mapping of at least one"),
        ({"parameters": {"a": 3}}, "parameters.a must be a mapping"),
        ({"parameters": {"a": {}}}, "parameters.a needs value, values, or min and max"),
        ({"parameters": {"a": {"values": []}}}, "parameters.a.values must be a list"),
        ({"parameters": {"a": {"min": 0}}}, "parameters.a.max is missing"),
        ({"parameters": {"a": {"min": 2, "max": 1}}}, "parameters.a.max must be at least min"),
        ({"parameters": {"a": {"min": "0.1", "max": 1}}}, "parameters.a.min must be a number"),
        ({"parameters": {"a": {"min": 0, "max": 1, "mu": 1}}}, "parameters.a.mu does not belong"),
        ({"parameters": {"a": {"distribution": "uniformm"}}}, "distribution is unknown"),
        (
            {"parameters": {"a": {"distribution": "int_uniform", "min": 0.5, "max": 2}}},
            "parameters.a.min must be a whole number",
        ),
        (
            {"parameters": {"a": {"distribution": "log_uniform_values", "min": 0, "max": 1}}},
            "parameters.a.min must be above 0",
        ),
        (
            {"parameters": {"a": {"distribution": "log_uniform", "min": 1, "max": 1000}}},
            "parameters.a.max is out of range",
        ),
        (
            {"parameters": {"a": {"distribution": "q_uniform", "min": 1, "max": 2, "q": 5}}},
            "parameters.a.q has no multiple",
        ),
        ({"parameters": {"a": {"distribution": "normal", "sigma": 0}}}, "a.sigma must be above 0"),
        (
            {"parameters": {"a": {"values": [1, 2], "probabilities": [1]}}},
            "parameters.a.probabilities must be a list of 2",
        ),
        (
            {"parameters": {"a": {"values": [1, 2], "probabilities": [0.5, 0.6]}}},
            "parameters.a.probabilities must be at least 0 each, and 1 together",
        ),
        (
            {"parameters": {"o": {"parameters": {"a": {"min": 1}}}}},
            "parameters.o.parameters.a.max is missing",
        ),
        (
            {"method": "grid", "parameters": {"a": {"min": 0.0, "max": 1}}},
            "parameters.a cannot be tried in a grid",
        ),
        ({"early_terminate": {"type": "hyperband", "min_iter": 1}}, "metric is missing"),
        ({"metric": LOSS, "early_terminate": {"type": "envelope"}}, "early_terminate.type must"),
        ({"metric": LOSS, "early_terminate": {"type": "hyperband"}}, "either min_iter or max_iter"),
        (
            {"metric": LOSS, "early_terminate": {"type": "hyperband", "min_iter": 1, "s": 1}},
            "early_terminate.s goes with max_iter",
        ),
        (
            {"metric": LOSS, "early_terminate": {"type": "hyperband", "min_iter": 1, "eta": 1}},
            "early_terminate.eta must be a number above 1",
        ),
        (
            {"metric": LOSS, "early_terminate": {"type": "hyperband", "max_iter": 2}},
            "early_terminate.max_iter must be at least eta",
        ),
        ({"command": 3}, "command must be a list of words"),
        ({"command": ["${program}"]}, "command has ${program}, and there is no program"),
        ({"command": ["x", "${arg}"]}, "command has an unknown macro ${arg}"),
        ({"command": ["x${args}"]}, "command has ${args} within a word"),
    ],
)
def test_a_configuration_that_is_refused(change, message):
    with pytest.raises(InvalidInputError) as caught:
        parse({**RANDOM, **change})
    assert message in str(caught.value)
    assert caught.value.kind == "bad_sweep"


def test_a_number_that_yaml_takes_for_text():
    with pytest.raises(InvalidInputError) as caught:
        parse({**RANDOM, "parameters": {"lr": {"min": "1e-4", "max": 0.1}}})
    assert "1.0e-4" in str(caught.value.hint)


def test_a_configuration_is_kept_as_it_was_written():
    told = {**RANDOM, "parameters": {"a": {"values": (1, None, "x")}}, "description": "why"}
    assert to_plain(told)["parameters"] == {"a": {"values": [1, None, "x"]}}


# -- commands

CHOSEN = {"lr": 0.1, "big": True, "slow": False, "layers": [1, 2]}


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("${args}", ["--lr=0.1", "--big=True", "--slow=False", "--layers=[1, 2]"]),
        ("${args_no_hyphens}", ["lr=0.1", "big=True", "slow=False", "layers=[1, 2]"]),
        ("${args_no_boolean_flags}", ["--lr=0.1", "--big", "--layers=[1, 2]"]),
        ("${args_json}", [json.dumps(CHOSEN)]),
        ("--file=${args_json_file}", ["--file=/tmp/args.json"]),
        ("${env}", ["/usr/bin/env"]),
        ("${interpreter}", [sys.executable]),
        ("x-${program}", ["x-train.py"]),
        ("${envvar:SWEEP_WORD}", ["said"]),
        ("plain", ["plain"]),
    ],
)
def test_macros(monkeypatch, word, words):
    monkeypatch.setenv("SWEEP_WORD", "said")
    assert fill_in([word], "train.py", CHOSEN, "/tmp/args.json") == words


def test_the_default_command():
    found = fill_in(DEFAULT, "train.py", {"lr": 0.1}, "")
    assert found == ["/usr/bin/env", sys.executable, "train.py", "--lr=0.1"]


def test_a_variable_that_is_not_set(monkeypatch):
    monkeypatch.delenv("SWEEP_WORD", raising=False)
    with pytest.raises(InvalidInputError, match="SWEEP_WORD, which is not set"):
        fill_in(["${envvar:SWEEP_WORD}"], None, {}, "")
