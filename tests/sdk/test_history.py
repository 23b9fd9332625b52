"""Reading back what was logged: from versions, from running runs, over many runs."""

import builtins
import io
import math
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import artifacts
from artifacts import _columns, _history
from artifacts.runs import live
from tests.sdk.helpers import hint_of


@pytest.fixture
def quick(monkeypatch):
    """Others see at once what a run logs."""
    monkeypatch.setattr(live, "INTERVAL", 0.02)


def api():
    return artifacts.Api(project="demo")


def stored(run):
    return api().run(run.id)


def wait_for(what):
    """Return what a function returns as soon as that is true."""
    deadline = time.monotonic() + 30
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def log_rows(rows, **options):
    with artifacts.init(project="demo", reinit=True, **options) as run:
        for row in rows:
            run.log(row)
    return run


# -- versions


def test_a_run_is_recorded_as_two_artifacts():
    run = log_rows([{"loss": 1.0}, {"loss": 0.5}], id="r1", config={"lr": 0.1})
    assert run.logged_artifacts() == []
    history, summary = run.logged_artifacts(internal=True)
    assert (history.name, history.type) == ("run-r1-history:v0", "run-history")
    assert (summary.name, summary.type) == ("run-r1-summary:v0", "run-summary")
    assert history.metadata == {"rows": 2, "last_step": 1}
    folder = Path(api().artifact("run-r1-history").download())
    table = pq.read_table(folder / "history.parquet")
    assert table.column("loss").to_pylist() == [1.0, 0.5]
    assert pd.read_parquet(folder / "history.parquet")["_step"].tolist() == [0, 1]
    with summary.open("summary.json") as file:
        text = file.read()
    assert text["summary"]["loss"] if isinstance(text, dict) else "0.5" in str(text)
    assert [a.type for a in api().collections()] == []
    assert [a.type for a in api().collections(internal=True)] == ["run-history", "run-summary"]
    assert [a.name for a in api().collections(type="run-history")] == ["run-r1-history"]


def test_a_run_that_logged_nothing_leaves_no_artifacts(store):
    with artifacts.init(project="demo") as run:
        pass
    assert run.logged_artifacts(internal=True) == []
    assert list(stored(run).scan_history()) == []
    assert stored(run).history(pandas=False) == []
    assert (stored(run).history_keys, len(run.history)) == ({}, 0)


def test_a_summary_alone_is_recorded():
    with artifacts.init(project="demo", id="r1") as run:
        run.summary["acc"] = 1
    assert [a.name for a in run.logged_artifacts(internal=True)] == ["run-r1-summary:v0"]


def test_ids_that_no_artifact_can_have():
    names = {
        log_rows([{"a": 1}], id=name).logged_artifacts(internal=True)[0].name
        for name in ("a b", "a_b", "é", "x" * 128)
    }
    assert len(names) == 4


def test_nothing_is_left_on_this_machine(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_RUN_DIR", str(tmp_path / "runs"))
    log_rows([{"a": 1}])
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []


TYPES = [
    ([1, 2], "int64"),
    ([2**62 + 1, -1], "int64"),
    ([1.5, math.nan, math.inf, -math.inf], "double"),
    ([1, 2.5], "double"),
    ([2**60 + 1, 2.5], "json"),
    ([10**30, 1], "json"),
    ([True, False], "bool"),
    ([True, 1], "json"),
    (["a", "é", ""], "string"),
    (["a", 1], "json"),
    (["a", "\ud800"], "json"),
    ([[1, 2], []], "list<element: int64>"),
    ([[1, 2.5], [0.5]], "list<element: double>"),
    ([["a"], [None]], "json"),
    ([[1], 2], "json"),
    ([{"_type": "histogram", "bins": [1.5]}, None], "json"),
    ([None, 3], "int64"),
]


@pytest.mark.parametrize(("values", "type_"), TYPES, ids=[repr(v) for v, _ in TYPES])
def test_types_of_columns(values, type_):
    run = log_rows([{"x": value} for value in values])
    told = stored(run).history_keys["x"]
    there = [value for value in values if value is not None]
    last = max(i for i, value in enumerate(values) if value is not None)
    assert told == {"types": [type_], "count": len(there), "last_step": last}
    found = [row["x"] for row in stored(run).scan_history(["x"])]
    assert alike(found, there)


KEYS = st.text("abc", min_size=1, max_size=2)
SCALARS = st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
ROWS = st.lists(
    st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4), max_size=8
)


@given(ROWS, ROWS)
def test_what_is_written_is_read(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("rows")
    tables, expected = [], []
    for number, rows in enumerate((first, second)):
        numbered = [{**row, "_step": i} for i, row in enumerate(rows)]
        expected += numbered
        if numbered:
            path = folder / f"{number}.parquet"
            told = _columns.write(path, partial(list, numbered), dict)
            assert (told["rows"], told["last_step"]) == (len(rows), len(rows) - 1)
            tables.append(pq.read_table(path))
    found = _columns.to_rows(_columns.concat(tables)) if tables else []
    assert alike(found, expected)


def alike(one, other):
    """Whether two values are the same; a column of numbers may turn integers into floats."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if type(one) is type(other):
        return repr(one) == repr(other)
    return {type(one), type(other)} == {int, float} and one == other


def test_many_rows_are_in_groups(monkeypatch):
    monkeypatch.setattr(_columns, "_GROUP", 10)
    run = log_rows([{"i": i} for i in range(55)])
    assert [row["i"] for row in stored(run).scan_history(min_step=18, max_step=41)] == list(
        range(18, 41)
    )
    assert [row["i"] for row in stored(run).scan_history(page_size=7)] == list(range(55))


# -- samples and scans


def test_scan():
    run = stored(log_rows([{"a": i, "b": i * 2} if i % 2 else {"a": i} for i in range(10)]))
    assert list(run.scan_history(["b"])) == [{"b": 2 * i} for i in range(1, 10, 2)]
    assert list(run.scan_history(["b", "a"], min_step=4, max_step=7)) == [{"b": 10, "a": 5}]
    assert list(run.scan_history(["a"], max_step=100, min_step=9)) == [{"a": 9}]
    assert list(run.scan_history(["never"])) == []
    assert list(run.scan_history(["a", "never"])) == []


def test_keys_of_nested_values_and_numbers_that_are_not_finite():
    with artifacts.init(project="demo") as run:
        run.log({"dataset-1": {"acc": math.nan, "loss": math.inf}})
        run.log({"dataset-1": {"acc": 0.5}})
        run.log({"other": 1})
        [live, _] = run.history(keys=["dataset-1.acc"], pandas=False)
        assert math.isnan(live["dataset-1.acc"])
    first, second = stored(run).scan_history(keys=["dataset-1.acc"])
    assert math.isnan(first["dataset-1.acc"])
    assert second == {"dataset-1.acc": 0.5}
    [row] = stored(run).scan_history(keys=["dataset-1.loss"])
    assert row["dataset-1.loss"] == math.inf
    assert list(stored(run).scan_history(keys=["dataset-1.never"])) == []


class Watched(io.BytesIO):
    """A file that knows which threads have read it."""

    def __init__(self, data):
        super().__init__(data)
        self.threads = set()

    def read(self, *args):
        self.threads.add(threading.get_ident())
        return super().read(*args)


def test_no_other_thread_reads_the_file():
    """One that still has the file when the interpreter ends aborts the process."""
    with artifacts.init(project="demo", id="r") as run:
        for i in range(10):
            run.log({"a": i, "b": -i})
    with api().artifact("run-r-history:latest").open("history.parquet", "rb") as file:
        watched = Watched(file.read())
    record = next(iter(api().lineage("run-r-history:latest").versions.values()))
    found = _history.HistoryFile(record, watched)
    assert found.table(["a"]).column("a").to_pylist() == list(range(10))
    assert [row["b"] for row in found.rows(["b", "_step"])] == [-i for i in range(10)]
    assert watched.threads == {threading.get_ident()}


def test_samples():
    run = stored(log_rows([{"a": i, "d": {"b": -i}} for i in range(100)]))
    frame = run.history(samples=4)
    assert isinstance(frame, pd.DataFrame)
    assert frame["a"].tolist() == [0, 33, 66, 99]
    assert len(run.history()) == 100
    rows = run.history(samples=2, keys=["d.b"], pandas=False)
    assert rows == [{"_step": 0, "d.b": 0}, {"_step": 99, "d.b": -99}]
    assert run.history(samples=1, keys=["a"], x_axis="d.b", pandas=False) == [{"d.b": 0, "a": 0}]
    assert run.history(keys=["never"], pandas=False) == []
    assert len(run.history(stream="system")) == 0
    for options in ({"samples": 0}, {"stream": "other"}):
        with pytest.raises(artifacts.InvalidInputError):
            run.history(**options)


def test_without_pandas(monkeypatch):
    run = stored(log_rows([{"a": 1}]))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert [row["a"] for row in run.history()] == [1]


def test_values_of_mixed_types_in_pandas():
    run = stored(log_rows([{"a": "x"}, {"a": [1]}, {"a": 2}]))
    assert run.history()["a"].tolist() == ["x", [1], 2]


def test_the_own_history_is_a_sequence(run):
    for i in range(5):
        run.log({"a": i})
    assert [row["a"] for row in run.history] == [0, 1, 2, 3, 4]
    assert (len(run.history), run.history[-1]["a"]) == (5, 4)
    assert [row["a"] for row in run.history[1:3]] == [1, 2]
    assert run.history(samples=2, pandas=False)[1]["a"] == 4
    assert list(run.scan_history(["a"], min_step=4)) == [{"a": 4}]
    assert run.history_keys["a"]["count"] == 5
    assert "5 rows" in repr(run.history)


# -- while a run is running


def test_others_see_rows_and_summary(run, quick):
    run._live.stop()
    run._live = live.LiveView(run._place.store.catalog, run._record.key, run._rows)
    for i in range(3):
        run.log({"a": i, "d": {"b": i}})
    wait_for(lambda: len(list(stored(run).scan_history())) == 3)
    assert [row["d.b"] for row in stored(run).scan_history()] == [0, 1, 2]
    wait_for(lambda: stored(run).summary.get("a") == 2)
    run.log({"a": 3})
    wait_for(lambda: [row["a"] for row in stored(run).scan_history()] == [0, 1, 2, 3])
    assert stored(run).history_keys["a"] == {"types": ["int64"], "count": 4, "last_step": 3}
    assert stored(run).state == "running"


def test_chunks_grow_and_are_dropped_at_the_end(quick, monkeypatch):
    monkeypatch.setattr(live, "_CHUNK", 2000)
    with artifacts.init(project="demo") as run:
        catalog, key = run._place.store.catalog, run._record.key
        for i in range(200):
            run.log({"i": i})
            if i % 40 == 0:
                wait_for(lambda i=i: _rows_sent(catalog, key) == i + 1)
        wait_for(lambda: _rows_sent(catalog, key) == 200)
        chunks = catalog.history_chunks([key])[key]
        assert 1 < len(chunks) <= 6
        assert [row["i"] for row in stored(run).scan_history()] == list(range(200))
    assert catalog.history_chunks([key]) == {}
    assert [row["i"] for row in stored(run).scan_history()] == list(range(200))


def _rows_sent(catalog, key):
    return sum(chunk.row_count for chunk in catalog.history_chunks([key]).get(key, []))


def test_much_at_once_goes_in_parts(quick, monkeypatch):
    monkeypatch.setattr("artifacts.store.journal._MARK_EVERY", 1000)
    with artifacts.init(project="demo") as run:
        for i in range(1000):
            run.log({"i": i})
        catalog, key = run._place.store.catalog, run._record.key
        wait_for(lambda: _rows_sent(catalog, key) == 1000)
        assert [row["i"] for row in stored(run).scan_history()] == list(range(1000))


def test_a_catalog_that_cannot_be_reached_stops_nobody(quick, log, monkeypatch):
    failed = threading.Event()

    def fail(*_arguments):
        failed.set()
        raise artifacts.StorageError("the server cannot be reached")

    with artifacts.init(project="demo") as run:
        catalog = run._place.store.catalog
        with monkeypatch.context() as patch:
            patch.setattr(catalog, "beat", fail)
            run.log({"a": 1})
            assert failed.wait(10)
            run.log({"a": 2})
        wait_for(lambda: len(list(stored(run).scan_history())) == 2)
    assert log.text.count("others do not see what is logged at the moment") == 1


def test_another_process_sees_rows_within_five_seconds(run, store):
    script = (
        "import artifacts, sys, time\n"
        f"api = artifacts.Api(project='demo')\n"
        f"run = api.run({run.id!r})\n"
        "end = time.monotonic() + 5\n"
        "while time.monotonic() < end:\n"
        "    rows = run.history(pandas=False)\n"
        "    if rows: sys.exit(rows[0]['a'])\n"
        "    time.sleep(0.1)\n"
        "sys.exit(1)\n"
    )
    run.log({"a": 42})
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 42


def test_a_silent_run_counts_as_crashed(run, monkeypatch):
    monkeypatch.setattr("artifacts.store.catalog.runs.CRASHED_AFTER", -(10**7))
    assert stored(run).state == "crashed"
    assert run.state == "running"


def test_a_run_without_rows_gives_signs_of_life(quick, monkeypatch):
    monkeypatch.setattr(live, "_BEAT_EVERY", 0.02)
    with artifacts.init(project="demo") as run:
        first = stored(run)._record.heartbeat_at
        wait_for(lambda: stored(run)._record.heartbeat_at > first)


# -- many runs


def test_many_runs():
    for number in range(34):  # more than are read at once
        log_rows(
            [{"loss": float(i), "n": number, **({"extra": 1} if number else {})} for i in range(3)],
            id=f"r{number}",
        )
    table = api().history(keys=["loss"])
    assert isinstance(table, pa.Table)
    assert table.schema.names == ["run", "_step", "loss"]
    assert table.num_rows == 3 * 34
    assert table.column("run").to_pylist()[:4] == ["r0", "r0", "r0", "r1"]
    assert (
        api().history(["r1", stored_run("r2")], ["n"]).column("n").to_pylist() == [1] * 3 + [2] * 3
    )
    assert api().history(keys=["extra"]).num_rows == 3 * 33
    assert set(api().history("demo/").schema.names) > {"loss", "n", "extra", "run"}
    assert len(api().history("r5", format="pandas")) == 3
    assert api().history("r5", ["loss"], format="polars")["loss"].to_list() == [0.0, 1.0, 2.0]
    assert api().history(keys=["never"]).num_rows == 0
    assert api().history([]).num_rows == 0
    with pytest.raises(artifacts.InvalidInputError):
        api().history(format="csv")
    with pytest.raises(artifacts.RunNotFoundError):
        api().history("nobody")


def stored_run(name):
    return api().run(name)


def test_runs_that_disagree_about_a_type():
    log_rows([{"x": 1, "y": 2}], id="a")
    log_rows([{"x": "one", "y": 0.5}], id="b")
    table = api().history(keys=["x"])
    assert table.column("x").to_pylist() == ["1", '"one"']
    assert api().history(keys=["y"]).column("y").to_pylist() == [2.0, 0.5]


@pytest.mark.parametrize("format_", ["pandas", "polars"])
def test_a_library_that_is_missing(monkeypatch, format_):
    log_rows([{"x": 1}])
    real = builtins.__import__

    def import_(name, *arguments):
        if name == format_:
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", import_)
    with pytest.raises(artifacts.ConfigError, match=f"needs {format_}") as caught:
        api().history(format=format_)
    assert f"pip install {format_}" in hint_of(caught)


# -- stores on servers


@pytest.mark.usefixtures("quick")
def test_on_postgresql(postgres_url, tmp_path, monkeypatch):
    from artifacts.store.store import Store

    Store.create(tmp_path / "store", catalog=postgres_url).close()
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))
    with artifacts.init(project="demo", id="pg") as run:
        for i in range(50):
            run.log({"i": i, "x": math.nan, "text": "zero \0", "s": np.float64(i)})
        wait_for(lambda: len(list(stored(run).scan_history())) == 50)
        wait_for(lambda: stored(run).summary.get("i") == 49)
        run.log({"i": 50})
        wait_for(lambda: len(list(stored(run).scan_history())) == 51)
    assert [row["i"] for row in stored(run).scan_history()] == list(range(51))
    assert stored(run).summary["text"] == "zero \ufffd"
    assert next(stored(run).scan_history())["text"] == "zero \0"
