"""Rows of earlier steps: the setting `on_stale_step`."""

import subprocess
import sys

import pytest

import artifacts
from tests.sdk.helpers import hint_of


def api():
    return artifacts.Api(project="demo")


def init(policy="merge", **options):
    return artifacts.init(project="demo", id="r", settings={"on_stale_step": policy}, **options)


def rows(run, *keys):
    return [{key: row.get(key) for key in ("_step", *keys)} for row in run.scan_history()]


def test_by_default_it_is_dropped(run, log):
    run.log({"a": 1})
    run.log({"b": 2}, step=0)
    assert "Step must only increase in log calls. Step 0 < 1; dropping {'b': 2}" in log.text
    assert rows(run, "b") == [{"_step": 0, "b": None}]


def test_an_error():
    with init("raise") as run:
        run.log({"a": 1}, step=5)
        with pytest.raises(artifacts.InvalidInputError, match="Step 3 < 5") as caught:
            run.log({"a": 2}, step=3)
        assert "on_stale_step" in hint_of(caught)
        run.log({"b": 3}, step=5)
    assert rows(api().run("r"), "a", "b") == [{"_step": 5, "a": 1, "b": 3}]


EXPECTED = [
    {"_step": 0, "a": 0, "val": 0.5, "n.x": 1, "n.y": None},
    {"_step": 1, "a": 1, "val": None, "n.x": None, "n.y": None},
    {"_step": 2, "a": 20, "val": 0.7, "n.x": 2, "n.y": 3},
    {"_step": 3, "a": 3, "val": None, "n.x": None, "n.y": None},
]


def log_and_amend(run):
    for step in range(4):
        run.log({"a": step, **({"n": {"x": 2}} if step == 2 else {})})
    run.log({"val": 0.5}, step=0)
    run.log({"n": {"x": 1}}, step=0)
    run.log({"val": 0.6}, step=2)
    run.log({"val": 0.7, "a": 20, "n": {"y": 3}}, step=2)


KEYS = ("a", "val", "n.x", "n.y")


def test_it_is_merged():
    run = init()
    log_and_amend(run)
    assert run.step == 4
    assert rows(run, *KEYS) == EXPECTED
    run.finish()
    stored = api().run("r")
    assert rows(stored, *KEYS) == EXPECTED
    assert [row["val"] for row in stored.scan_history(["val"], min_step=1)] == [0.7]
    assert stored.history(keys=["val"], pandas=False) == [
        {"_step": 0, "val": 0.5},
        {"_step": 2, "val": 0.7},
    ]
    assert stored.history_keys["val"] == {"types": ["double"], "count": 2, "last_step": 2}
    assert not [key for key in stored.history_keys if "late" in key or "correct" in key]
    assert api().artifact("run-r-history:latest").metadata == {"rows": 4, "last_step": 3}


def test_reading_before_it_is_a_version():
    with init() as run:
        log_and_amend(run)
        assert [row["val"] for row in run.scan_history(["val"], max_step=1)] == [0.5]
        assert run.history(keys=["val"], pandas=False) == [
            {"_step": 0, "val": 0.5},
            {"_step": 2, "val": 0.7},
        ]
        assert run.history(keys=["none"], pandas=False) == []
        columns = run._history().columns(["val", "n.y"])
        assert columns.select(["_step", "val", "n.y"]).to_pylist() == [
            {"_step": row["_step"], "val": row.get("val"), "n.y": row.get("n.y")}
            for row in run.scan_history()
            if "val" in row or "n.y" in row
        ]
        assert run.history_keys["val"]["count"] == 2
        assert run.lastHistoryStep == 3


def test_others_see_it():
    with init() as run:
        log_and_amend(run)
        while len(found := rows(api().run("r"), *KEYS)) < 4 or found[2]["a"] != 20:
            pass
        assert found == EXPECTED


def test_the_times_of_a_row_stay():
    with init() as run:
        run.log({"a": 0, "_timestamp": 100})
        run.log({"a": 1})
        run.log({"b": 2}, step=0)
    first = next(api().run("r").scan_history())
    assert (first["_timestamp"], first["b"]) == (100, 2)


def test_a_step_that_has_no_row():
    with init() as run:
        run.log({"a": 1}, step=10, commit=True)
        run.log({"b": 2}, step=4)
        assert rows(run, "a", "b") == [
            {"_step": 4, "a": None, "b": 2},
            {"_step": 10, "a": 1, "b": None},
        ]
    found = list(api().run("r").scan_history())
    assert [row["_step"] for row in found] == [4, 10]
    assert "_timestamp" in found[0]


def test_a_row_of_an_earlier_process():
    with init() as run:
        run.log({"a": 1})
        run.log({"a": 2})
    with init(resume="must") as run:
        run.log({"val": 3}, step=0)
    stored = api().run("r")
    assert rows(stored, "a", "val") == [
        {"_step": 0, "a": 1, "val": 3},
        {"_step": 1, "a": 2, "val": None},
    ]
    assert [a.version for a in api().collection("run-r-history").versions()] == ["v1", "v0"]


def test_what_the_summary_says():
    with init() as run:
        run.log({"a": 1, "b": 1})
        run.log({"a": 2})
        run.log({"a": 10, "val": 0.5}, step=0)
        assert (run.summary["a"], run.summary["val"]) == (2, 0.5)
        run.log({"a": 20}, step=1)
        assert (run.summary["a"], run.summary["_step"]) == (20, 1)


def test_a_killed_process_loses_no_correction():
    script = (
        "import artifacts, os, signal\n"
        "run = artifacts.init(project='demo', id='r', settings={'on_stale_step': 'merge'})\n"
        "run.log({'a': 1})\n"
        "run.log({'a': 2})\n"
        "run.log({'val': 3}, step=0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    with init(resume="must") as run:
        assert (run.summary["val"], run.summary["a"], run.step) == (3, 2, 2)
    assert rows(api().run("r"), "a", "val")[0] == {"_step": 0, "a": 1, "val": 3}


def test_nothing_and_negative_steps(log):
    with init() as run:
        run.log({"a": 1})
        run.log({}, step=0)
        run.log({"a": 2}, step=-1)
    assert "Step -1 < 1; dropping" in log.text
    assert rows(api().run("r"), "a") == [{"_step": 0, "a": 1}]


def test_many_runs_in_one_table():
    with init() as run:
        log_and_amend(run)
    table = api().history(keys=["val"])
    assert table.to_pydict() == {"run": ["r", "r"], "_step": [0, 2], "val": [0.5, 0.7]}
