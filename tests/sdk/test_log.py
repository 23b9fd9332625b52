"""`Run.log`: steps, the open row, values, and the summary that follows."""

import json
import math
import os
import threading
from datetime import date, datetime
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import artifacts
from artifacts.runs.metrics import SummaryState
from artifacts.runs.rows import Rows


def rows(run):
    """What is in the history, without what the clock says."""
    return [
        {key: value for key, value in row.items() if key not in {"_timestamp", "_runtime"}}
        for row in run.history
    ]


def stored(run):
    return artifacts.Api(project="demo").run(run.id)


# -- steps and commits


def test_each_call_is_a_row(run):
    run.log({"a": 1})
    run.log({"a": 2, "b": "x"})
    assert rows(run) == [{"a": 1, "_step": 0}, {"a": 2, "b": "x", "_step": 1}]
    assert (run.step, run.starting_step, run.resumed) == (2, 0, False)


def test_commit_false_adds_to_the_next_row(run):
    run.log({"a": 1, "b": 1}, commit=False)
    assert (rows(run), run.step, dict(run.summary)) == ([], 0, {})
    run.log({"b": 2})
    assert rows(run) == [{"a": 1, "b": 2, "_step": 0}]


def test_a_step_leaves_the_row_open(run):
    run.log({"a": 1}, step=3)
    run.log({"b": 2}, step=3)
    assert (rows(run), run.step) == ([], 3)
    run.log({"a": 5}, step=7, commit=False)
    assert (rows(run), run.step) == ([{"a": 1, "b": 2, "_step": 3}], 7)
    run.log({"c": 1})
    assert rows(run)[1:] == [{"a": 5, "c": 1, "_step": 7}]
    assert run.step == 8


def test_a_step_with_commit(run, log):
    run.log({"a": 1}, step=3, commit=True)
    assert (rows(run), run.step) == ([{"a": 1, "_step": 3}], 4)
    run.log({"a": 2}, step=3)
    assert "Step must only increase in log calls. Step 3 < 4; dropping {'a': 2}" in log.text
    assert (len(rows(run)), run.step) == (1, 4)


@pytest.mark.parametrize("step", [0, -1])
def test_an_earlier_step_changes_nothing(run, log, step):
    run.log({"a": 1}, step=5)
    run.log({"a": 2}, step=step, commit=True)
    assert "Step must only increase" in log.text
    assert run.step == 5
    run.log({}, commit=True)
    assert rows(run) == [{"a": 1, "_step": 5}]


def test_empty_rows(run):
    run.log({})
    assert (rows(run), run.step) == ([], 1)
    run.log({}, commit=False)
    assert run.step == 1
    run.log({"a": 1}, commit=False)
    run.log({}, commit=True)
    assert (rows(run), run.step) == ([{"a": 1, "_step": 1}], 2)


def test_finish_writes_the_open_row():
    with artifacts.init(project="demo") as run:
        run.log({"a": 1}, step=4)
    assert [row["_step"] for row in stored(run).scan_history()] == [4]


def test_numpy_steps(run):
    run.log({"a": 1}, step=np.int64(6), commit=True)
    assert (run.step, type(run.step)) == (7, int)


@pytest.mark.parametrize("step", [1.0, "1", True, np.bool_(True), np.float32(1)])
def test_steps_that_are_no_integers(run, step):
    with pytest.raises(ValueError, match="step must be an integer") as caught:
        run.log({"a": 1}, step=step)
    assert isinstance(caught.value, TypeError)


def test_a_step_beyond_64_bits(run):
    with pytest.raises(ValueError, match="64 bits"):
        run.log({"a": 1}, step=2**63)


@pytest.mark.parametrize("data", [3, None, [("a", 1)], "a", {1: 2}, {"a": {1: 2}}])
def test_what_is_no_row(run, data):
    with pytest.raises(ValueError, match=r"takes a dict|must be text") as caught:
        run.log(data)
    assert isinstance(caught.value, TypeError)
    assert run.step == 0


def test_sync_is_accepted(run):
    with pytest.warns(DeprecationWarning, match="sync"):
        run.log({"a": 1}, sync=True)
    assert len(run.history) == 1


def test_module_level():
    with pytest.raises(artifacts.Error, match=r"You must call artifacts.init\(\) before"):
        artifacts.log({"a": 1})
    with artifacts.init(project="demo") as run:
        artifacts.define_metric("a", summary="max")
        artifacts.log({"a": 1})
        assert rows(run) == [{"a": 1, "_step": 0}]


def test_after_the_end():
    with artifacts.init(project="demo") as run:
        pass
    with pytest.raises(artifacts.RunFinishedError, match="call to `log` will be ignored"):
        run.log({"a": 1})
    with pytest.raises(artifacts.RunFinishedError):
        run.define_metric("a")


class Model:
    """The documented algorithm, on lists and dicts."""

    def __init__(self):
        self.step, self.open, self.rows = 0, {}, []

    def flush(self):
        if self.open:
            self.rows.append((self.step, self.open))
        self.open = {}

    def log(self, data, step, commit):
        if step is not None:
            if step < self.step:
                return
            if step > self.step:
                self.flush()
                self.step = step
        elif commit is None:
            commit = True
        self.open = {**self.open, **data}
        if commit:
            self.flush()
            self.step += 1


CALLS = st.tuples(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=2),
    st.none() | st.integers(0, 12),
    st.sampled_from([None, True, False]),
)


@given(st.lists(CALLS, max_size=12))
def test_any_sequence_of_calls(tmp_path_factory, calls):
    path = tmp_path_factory.mktemp("journal") / "1.journal"
    state = SummaryState({}, None)
    real = Rows(path, lambda: ["begin", {}], state, start=0, step=0)
    model = Model()
    for call in calls:
        real.log(*call)
        model.log(*call)
        assert real.step == model.step
    real.close(0)
    real.release()
    model.flush()
    from artifacts.store.journal import read_journal

    found = [row for row in read_journal(path) if isinstance(row, dict)] if path.exists() else []
    assert [
        (row["_step"], {key: row[key] for key in row if len(key) == 1}) for row in found
    ] == model.rows
    last = {key: value for _, row in model.rows for key, value in row.items()}
    assert {key: value for key, value in state.values.items() if len(key) == 1} == last


# -- values


def test_system_keys(run, monkeypatch):
    monkeypatch.setattr("artifacts.runs.rows.time.time", lambda: run.start_time + 12.7)
    run.log({"a": 1})
    [row] = run.history
    assert row == {
        "a": 1, "_step": 0, "_runtime": 12, "_timestamp": int(run.start_time + 12.7)
    }  # fmt: skip


def test_system_keys_of_the_user(run):
    run.log({"_timestamp": 5.9, "_runtime": 3.2, "_step": 77})
    assert list(run.history) == [{"_step": 0, "_runtime": 3, "_timestamp": 5}]


class Level(IntEnum):
    """An integer with a name."""

    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(4), 4),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.array([[7]]), 7),
        (np.arange(4), [0, 1, 2, 3]),
        (Level.HIGH, 3),
        (b"caf\xc3\xa9", "café"),
        (datetime(2020, 1, 2, 3, 4, 5), "2020-01-02T03:04:05"),  # noqa: DTZ001 - as given
        (date(2020, 1, 2), "2020-01-02"),
        (np.datetime64("2020-01-02"), "2020-01-02"),
        ((1, 2), [1, 2]),
        ([1, "a", None], [1, "a", None]),
        (10**30, 10**30),
        (math.inf, math.inf),
        ("\ud800", "\ud800"),
    ],
    ids=repr,
)
def test_values(value, expected):
    with artifacts.init(project="demo") as run:
        run.log({"x": value})
        [live] = run.history
    [row] = stored(run).scan_history(["x"])
    assert (live["x"], row["x"]) == (expected, expected)
    assert type(row["x"]) is type(expected)


class Tensor:
    """Looks like one of torch, with a gradient and on a device."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    def cpu(self):
        return self

    def tolist(self):
        return self.values


def test_tensors(run):
    run.log({"loss": Tensor(0.25), "one": Tensor([3]), "some": Tensor([[1, 2], [3, 4]])})
    [row] = run.history
    assert (row["loss"], row["one"], row["some"]) == (0.25, 3, [[1, 2], [3, 4]])


def test_many_numbers_are_a_histogram(run):
    run.log({"weights": np.append(np.arange(40.0), np.nan)})
    [row] = run.history
    assert row["weights"]["_type"] == "histogram"
    assert sum(row["weights"]["values"]) == 40
    assert (len(row["weights"]["values"]), len(row["weights"]["bins"])) == (32, 33)
    assert (row["weights"]["bins"][0], row["weights"]["bins"][-1]) == (0, 39)


def test_other_objects_are_text(run, log):
    run.log({"x": 1j})
    run.log({"x": 2j})
    assert [row["x"] for row in run.history] == ["1j", "2j"]
    assert log.text.count("x is a complex, which is logged as text") <= 1


def test_objects_of_libraries_become_media(run):
    import pandas as pd

    run.log({"table": pd.DataFrame({"a": [1]}), "when": pd.Timestamp("2026-01-02")})
    [row] = run.history
    assert row["table"].data == [[1]]
    assert row["when"] == "2026-01-02T00:00:00"


def test_charts_are_tables_and_definitions(run):
    table = artifacts.Table(columns=["x", "y"], data=[[1, 2]])
    chart = artifacts.plot_table("wandb/line/v0", table, {"x": "x", "y": "y"})
    run.log({"roc": chart, "deep": {"roc": chart}})
    run.log({"roc": chart})
    first, second = run.history
    assert first["roc_table"].data == first["deep.roc_table"].data == [[1, 2]]
    assert second["roc_table"].data == [[1, 2]]
    assert {"roc", "deep.roc"}.isdisjoint(first)
    assert dict(run.config) == {}
    stored = artifacts.Api(project="demo").run(run.id)
    assert dict(stored.config) == {}
    assert stored._record.config["_artifacts"]["charts"].keys() == {"roc", "deep.roc"}
    run.config["lr"] = 0.1
    stored = artifacts.Api(project="demo").run(run.id)
    assert dict(stored.config) == {"lr": 0.1}
    assert stored._record.config["_artifacts"]["charts"].keys() == {"roc", "deep.roc"}


def test_a_chart_is_a_value_of_a_row(run):
    table = artifacts.Table(columns=["x", "y"], data=[[1, 2]])
    chart = artifacts.plot_table("wandb/line/v0", table, {"x": "x", "y": "y"})
    with pytest.raises(artifacts.InvalidTypeError, match=r"roc\[0\] is a chart"):
        run.log({"roc": [chart, 1]})
    with pytest.raises(artifacts.InvalidInputError, match="used by this library"):
        run.config["_artifacts"] = 1
    assert run.step == 0


def test_charts_are_kept_while_the_store_is_lost(run, monkeypatch):
    from artifacts.store.catalog import Catalog

    table = artifacts.Table(columns=["x", "y"], data=[[1, 2]])
    chart = artifacts.plot_table("wandb/line/v0", table, {"x": "x", "y": "y"})

    def lost(*_):
        raise artifacts.StorageError("no route to host", retryable=True)

    with monkeypatch.context() as patched:
        patched.setattr(Catalog, "update_run", lost)
        run.log({"roc": chart})
    run.finish()
    stored = artifacts.Api(project="demo").run(run.id)
    assert stored._record.config["_artifacts"]["charts"].keys() == {"roc"}


def test_nested(run):
    run.log({"d": {"a": 1, "b": 1}}, commit=False)
    run.log({"d": {"b": 2, "c": {"d": 3}}, "h": {"_type": "histogram"}, "e": {}})
    assert rows(run) == [
        {"d.a": 1, "d.b": 2, "d.c.d": 3, "h": {"_type": "histogram"}, "e": {}, "_step": 0}
    ]
    assert run.summary["d"] == {"a": 1, "b": 2, "c": {"d": 3}}


def test_what_was_logged_is_a_copy(run):
    data: dict[str, Any] = {"list": [1], "dict": {"a": 1}}
    run.log(data, commit=False)
    data["list"].append(2)
    data["dict"]["a"] = 5
    run.log({})
    assert rows(run) == [{"list": [1], "dict.a": 1, "_step": 0}]


def test_a_key_that_cannot_be_stored_costs_one_row(run):
    with pytest.raises(ValueError, match="not valid Unicode"):
        run.log({"\ud800": 1})
    run.log({"a": 1})
    assert [row["a"] for row in run.history] == [1]


# -- summary


def test_the_summary_follows(run):
    run.log({"a": 1, "b": 1})
    run.log({"a": 2})
    assert (run.summary["a"], run.summary.b, run.summary["_step"]) == (2, 1, 1)
    assert set(run.summary) == {"a", "b", "_step", "_runtime", "_timestamp"}


def test_what_was_set_by_hand_stays(run):
    run.log({"acc": 0.5, "d": {"a": 1, "b": 1}})
    run.summary["acc"] = 0.9
    run.summary["d"]["a"] = 100
    run.log({"acc": 0.6, "d": {"a": 2, "b": 2}})
    assert run.summary["acc"] == 0.9
    assert run.summary["d"] == {"a": 100, "b": 2}
    assert [row["acc"] for row in run.history] == [0.5, 0.6]
    assert stored(run).summary["d"]["a"] == 100


def test_a_dict_set_by_hand_is_locked_as_a_whole(run):
    run.summary["d"] = {"a": 1}
    run.log({"d": {"a": 2, "b": 2}})
    assert run.summary["d"] == {"a": 1}
    run.summary["x"] = {"y": {"z": 1}}
    run.summary["x"]["y"]["z"] = 2
    assert run.summary.x["y"]["z"] == 2


def test_locks(run):
    run.summary["a"] = 1
    run.summary.update({"d": {"b": 1}})
    assert run.summary.is_locked("a")
    assert run.summary.is_locked("d.b")
    assert not run.summary.is_locked("c")
    run.summary.unlock("a")
    run.log({"a": 2, "d": {"b": 2}})
    assert (run.summary["a"], run.summary["d"]) == (2, {"b": 1})
    del run.summary["d"]
    assert "d" not in run.summary
    run.log({"d": {"b": 3}})
    assert run.summary["d"] == {"b": 3}


def test_nested_values_like_a_dict(run):
    run.summary["d"] = {"a": 1, "b": 2, "c": 3, "e": 4}
    nested = run.summary["d"]
    assert nested.pop("a") == 1
    del nested["b"]
    assert nested.setdefault("z", 5) == 5
    nested.update(y=6)
    assert nested.get("nothing", 7) == 7
    assert run.summary["d"] == {"c": 3, "e": 4, "z": 5, "y": 6} == nested
    assert json.loads(json.dumps(dict(run.summary))) == {"d": dict(nested)}
    nested.clear()
    assert run.summary["d"] == {}


def test_numbers_that_are_not_finite(run):
    run.log({"a": math.nan, "b": -math.inf})
    assert math.isnan(run.summary["a"])
    run.summary["c"] = math.inf
    assert run.summary["c"] == math.inf
    found = stored(run).summary
    assert (found["a"], found["b"], found["c"]) == ("NaN", "-Infinity", "Infinity")


# -- define_metric


def test_aggregates(run):
    run.define_metric("loss", summary="min,max,mean,first,last")
    run.define_metric("acc", summary="best", goal="maximize")
    run.define_metric("val/*", summary="max")
    run.define_metric("val/x", summary="none")
    run.define_metric("kept", summary="copy")
    for value in (2.0, 4.0, math.nan, 3.0):
        run.log({"loss": value, "acc": value, "val/a": value, "val/x": value, "kept": value})
    assert run.summary["loss"] == {"min": 2.0, "max": 4.0, "mean": 3.0, "first": 2.0, "last": 3.0}
    assert (run.summary["acc"], run.summary["val/a"]) == ({"best": 4.0}, {"max": 4.0})
    assert (run.summary["kept"], "val/x" in run.summary) == (3.0, False)


def test_nested_metrics(run):
    run.define_metric("d.loss", summary="min")
    run.log({"d": {"loss": 2, "n": 1}})
    run.log({"d": {"loss": 3, "n": 2}})
    assert run.summary["d"] == {"loss": {"min": 2}, "n": 2}


def test_the_x_axis_is_filled_in(run):
    run.define_metric("epoch")
    run.define_metric("val", step_metric="epoch")
    run.define_metric("other", step_metric="epoch", step_sync=False)
    run.log({"epoch": 3})
    run.log({"val": 1})
    run.log({"other": 1})
    assert [row.get("epoch") for row in run.history] == [3, 3, None]


def test_the_x_axis_is_what_was_logged_not_what_the_summary_says(run):
    run.define_metric("epoch", summary="max")
    run.define_metric("val", step_metric="epoch")
    run.log({"epoch": 3})
    run.log({"epoch": 2})
    run.summary["epoch"] = 100
    run.log({"val": 1})
    assert [row.get("epoch") for row in run.history] == [3, 2, 2]


@pytest.mark.parametrize("value", [math.nan, [1, 2], {"a": 1}], ids=["nan", "list", "dict"])
def test_what_is_no_place_on_an_axis(run, value):
    run.define_metric("val", step_metric="epoch")
    run.log({"epoch": 3})
    run.log({"epoch": value})
    run.log({"val": 1})
    assert run.history[-1]["epoch"] == 3


def test_definitions_add_up(run):
    first = run.define_metric("a", summary="min", goal="minimize")
    both = run.define_metric("a", step_metric="epoch", hidden=True)
    assert (both.summary, both.step_metric, both.hidden, both.step_sync) == (
        ("min",), "epoch", True, True
    )  # fmt: skip
    assert (both.goal, first.step_metric) == ("minimize", None)
    assert run.define_metric("a", overwrite=True).summary == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "cannot be called"),
        ({"name": "a*b"}, "cannot be called"),
        ({"name": 3}, "must be text"),
        ({"name": "a", "summary": "median"}, "cannot be median"),
        ({"name": "a", "goal": "up"}, "goal must be"),
        ({"name": "a", "step_metric": 3}, "must be text"),
    ],
    ids=["empty", "star", "number", "summary", "goal", "step"],
)
def test_bad_definitions(run, arguments, message):
    with pytest.raises(artifacts.Error, match=message):
        run.define_metric(**arguments)


# -- threads and forks


def test_threads(run):
    def work(number):
        for i in range(100):
            run.log({"thread": number, "i": i})

    threads = [threading.Thread(target=work, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = rows(run)
    assert sorted(row["_step"] for row in found) == list(range(400))
    for number in range(4):
        assert [row["i"] for row in found if row["thread"] == number] == list(range(100))


@pytest.mark.parametrize("before", [0, 1], ids=["first row", "later row"])
def test_a_forked_child_is_told(before):
    with artifacts.init(project="demo") as run:
        for i in range(before):
            run.log({"a": i})
        child = os.fork()
        if child == 0:
            try:
                run.log({"a": 5})
            except artifacts.StateError as error:
                os._exit(7 if error.kind == "forked" else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        run.log({"b": 1})
    assert len(list(stored(run).scan_history())) == before + 1


def test_a_forked_child_with_a_run_of_its_own():
    with artifacts.init(project="demo", group="g") as run:
        run.log({"a": 1})
        child = os.fork()
        if child == 0:
            with artifacts.init(project="demo", id="child", group="g") as own:
                own.log({"a": 2})
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [row["a"] for row in artifacts.Api(project="demo").run("child").scan_history()] == [2]
