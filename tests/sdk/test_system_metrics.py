"""What the machine does while a run is active: a stream of its own beside the rows."""

import importlib.machinery
import subprocess
import sys
import time
import types
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

import artifacts
from artifacts import _session
from artifacts.runs import live, observer, samples
from artifacts.runs.completing import recover
from artifacts.runs.gpus import open_gpus
from artifacts.store.errors import StorageError

ALWAYS = {"system.cpu", "system.memory", "system.disk", "system.proc.memory.rssMB"}


@pytest.fixture
def fast(monkeypatch):
    """Measure often, from the beginning on, and let others see it at once."""
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "0.02")
    monkeypatch.setattr(observer, "SHORT", 0.01)
    monkeypatch.setattr(live, "INTERVAL", 0.02)


def stored(run_id):
    return artifacts.Api(project="demo").run(run_id)


def measured(run):
    return run.history(stream="system", pandas=False)


def wait_for(what):
    """Return what a function returns as soon as that is true."""
    deadline = time.monotonic() + 30
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_it_is_a_stream_of_its_own(fast):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 0.5})
        wait_for(lambda: len(measured(run)) > 3)
        live_rows = list(run.history)
    assert [row["loss"] for row in live_rows] == [1.0, 0.5]
    found = measured(stored("r"))
    assert len(found) > 3
    for row in found:
        assert row.keys() >= ALWAYS
        assert row["_step"] in {0, 1, 2}
        assert 0 <= row["system.cpu"] <= 100
        assert 0 < row["system.memory"] <= 100
    times = [row["_timestamp"] for row in found]
    assert times == sorted(times)
    assert found[0]["_runtime"] == pytest.approx(times[0] - stored("r").start_time, abs=1)
    # What it holds is what the process holds, to an order of magnitude.
    rss = psutil.Process().memory_info().rss / 2**20
    assert rss / 10 < found[-1]["system.proc.memory.rssMB"] < rss * 10


def test_rows_do_not_show_it(fast):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"loss": 1.0})
        wait_for(lambda: measured(run))
    found = stored("r")
    [row] = found.scan_history()
    assert set(row) == {"loss", "_step", "_runtime", "_timestamp"}
    assert set(found.history_keys) == set(row)
    assert set(found.summary) == set(row)
    assert artifacts.Api(project="demo").history().column_names == ["run", *sorted(row)]


def test_it_is_a_second_file_of_the_same_version(fast, tmp_path):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"loss": 1.0})
        wait_for(lambda: measured(run))
    artifact = artifacts.Api(project="demo").artifact("run-r-history:v0")
    folder = Path(artifact.download(tmp_path / "out"))
    assert pq.read_table(folder / "history.parquet").column("loss").to_pylist() == [1.0]
    table = pq.read_table(folder / "system.parquet")
    assert set(table.column_names) >= ALWAYS
    assert table.num_rows == len(measured(stored("r")))


def test_a_run_that_logs_nothing_has_it_too(fast):
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: measured(run))
    found = stored("r")
    assert len(measured(found)) > 0
    assert list(found.scan_history()) == []
    assert found.history(pandas=False) == []
    assert len(found.history()) == 0
    assert found.history_keys == {}
    assert list(run.history) == []


def test_keys_and_samples(fast):
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: len(measured(run)) > 4)
    found = stored("r")
    few = found.history(samples=3, keys=["system.cpu"], stream="system", pandas=False)
    assert len(few) == 3
    assert set(few[0]) == {"_step", "system.cpu"}
    by_time = found.history(keys=["system.cpu"], x_axis="_timestamp", stream="system", pandas=False)
    assert [row["_timestamp"] for row in by_time] == [row["_timestamp"] for row in measured(found)]
    frame = found.history(stream="system")
    assert frame["system.cpu"].tolist() == [row["system.cpu"] for row in measured(found)]
    with pytest.raises(ValueError, match="stream must be"):
        found.history(stream="events")


def test_others_see_it_while_the_run_runs(fast):
    with artifacts.init(project="demo", id="r") as run:
        seen = wait_for(lambda: measured(stored("r")))
        assert seen[0].keys() >= ALWAYS
        wait_for(lambda: len(measured(stored("r"))) > len(seen) + 3)
        latest = wait_for(lambda: stored("r").system_metrics)
        assert latest.keys() >= ALWAYS
        assert list(stored("r").scan_history()) == []
        run.log({"a": 1})
        wait_for(lambda: list(stored("r").scan_history()))
        assert [row["a"] for row in stored("r").scan_history()] == [1]


def test_many_chunks_are_one_stream(fast, monkeypatch):
    monkeypatch.setattr(samples, "_CHUNK", 600)
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: len(measured(stored("r"))) > 20)
        chunks = run._place.store.catalog.history_chunks([run._record.key])[run._record.key]
        assert len(chunks) > 2
        mine, others = measured(run), measured(stored("r"))
        shorter = min(len(mine), len(others))
        assert mine[:shorter] == others[:shorter]
    times = [row["_timestamp"] for row in measured(stored("r"))]
    assert times == sorted(set(times))
    assert run._place.store.catalog.history_chunks([run._record.key]) == {}


def test_the_latest_values(fast):
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: run.system_metrics)
    last = measured(stored("r"))[-1]
    assert run.system_metrics == stored("r").system_metrics == last


def test_a_short_run_costs_nothing(monkeypatch):
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "15")
    monkeypatch.setattr(observer, "SHORT", 60)
    with artifacts.init(project="demo", id="r") as run:
        pass
    assert run.logged_artifacts(internal=True) == []
    assert (measured(stored("r")), run.system_metrics) == ([], {})


def test_one_that_ends_before_the_first_interval_is_measured_once(monkeypatch):
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "3600")
    monkeypatch.setattr(observer, "SHORT", 0.01)
    probed = []
    original = psutil.net_io_counters

    def counters():
        probed.append(True)
        return original()

    monkeypatch.setattr(psutil, "net_io_counters", counters)
    with artifacts.init(project="demo", id="r"):
        wait_for(lambda: probed)
        time.sleep(0.05)
    assert len(measured(stored("r"))) == 1


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "0")
    monkeypatch.setattr(observer, "SHORT", 0)
    with artifacts.init(project="demo", id="r") as run:
        run.log({"a": 1})
    [history, _] = run.logged_artifacts(internal=True)
    assert [file.name for file in history.files()] == ["history.parquet"]
    assert measured(stored("r")) == []


@pytest.mark.parametrize("text", ["-1", "often", "nan", "inf"])
def test_a_wrong_interval(text, monkeypatch):
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", text)
    with pytest.raises(artifacts.ConfigError, match="system_metrics_interval"):
        artifacts.init(project="demo", id="r")
    monkeypatch.delenv("ART_SYSTEM_METRICS_INTERVAL")
    with pytest.raises(artifacts.RunNotFoundError):
        stored("r")


def test_it_goes_on_when_a_run_is_resumed(fast):
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: len(measured(run)) > 1)
    first = measured(stored("r"))
    with artifacts.init(project="demo", id="r", resume="must") as run:
        assert measured(run)[: len(first)] == first
        wait_for(lambda: len(measured(run)) > len(first) + 1)
    found = measured(stored("r"))
    assert found[: len(first)] == first
    assert len(found) > len(first)
    runtimes = [row["_runtime"] for row in found]
    assert runtimes[0] < runtimes[-1]


def test_a_resumed_run_keeps_it_without_more(fast, monkeypatch):
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: measured(run))
    first = measured(stored("r"))
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "0")
    with artifacts.init(project="demo", id="r", resume="must") as run:
        run.log({"a": 1})
    assert measured(stored("r")) == first


KILLED = """
import artifacts, os, time
from artifacts.runs import observer
observer.SHORT = 0.01
run = artifacts.init(project="demo", id="r")
while len(run.history(stream="system", pandas=False)) < 5:
    time.sleep(0.01)
print(len(run.history(stream="system", pandas=False)), flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_has_measured_is_recovered(monkeypatch):
    monkeypatch.setenv("ART_SYSTEM_METRICS_INTERVAL", "0.02")
    result = subprocess.run(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, check=False
    )
    assert result.returncode == -9
    recover(_session.place(project="demo"))
    found = stored("r")
    rows = measured(found)
    assert len(rows) >= int(result.stdout)
    assert found.state == "crashed"
    assert list(found.scan_history()) == []
    assert found.system_metrics == rows[-1]
    assert found.metadata["host"] == found.host


def test_a_full_disk_ends_measuring_and_not_the_program(fast, monkeypatch, log):
    from artifacts.store.journal import Journal

    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: measured(run))

        def full(self, note):
            raise StorageError("no space left", kind="disk_full")

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "add_note", full)
            wait_for(lambda: "the system is not measured any more" in log.text)
        run.log({"a": 1})
    assert [row["a"] for row in stored("r").scan_history()] == [1]


def test_a_probe_that_fails_is_left_out(fast, monkeypatch, log):
    def refuse(path):
        raise PermissionError(f"may not look at {path}")

    monkeypatch.setattr(psutil, "disk_usage", refuse)
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: len(measured(run)) > 2)
    rows = measured(stored("r"))
    assert all("system.cpu" in row and "system.disk" not in row for row in rows)
    assert log.text.count("is not measured any more") == 1


# -- GPUs, with a library that stands in for NVIDIA's


@pytest.fixture
def nvml(monkeypatch):
    """A machine with two GPUs, the second of which does not tell its power."""

    class NVMLError(Exception):
        pass

    def power(device):
        if device == 1:
            raise NVMLError("Not Supported")
        return 250_500

    loads = [types.SimpleNamespace(gpu=90 + number, memory=40) for number in range(2)]
    module = types.ModuleType("pynvml")
    module.__spec__ = importlib.machinery.ModuleSpec("pynvml", None)
    members = {
        "NVMLError": NVMLError,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda number: number,
        "nvmlDeviceGetName": lambda device: [b"Old Card", "New Card"][device],
        "nvmlDeviceGetUtilizationRates": lambda device: loads[device],
        "nvmlDeviceGetMemoryInfo": lambda _: types.SimpleNamespace(used=6, total=24),
        "nvmlDeviceGetTemperature": lambda *_: 71,
        "nvmlDeviceGetPowerUsage": power,
    }
    for name, value in members.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return module


def test_gpus(fast, nvml):
    with artifacts.init(project="demo", id="r") as run:
        wait_for(lambda: measured(run))
        assert run.metadata["gpus"] == ["Old Card", "New Card"]
    row = measured(stored("r"))[0]
    gpus = {key: value for key, value in row.items() if key.startswith("system.gpu")}
    assert gpus == {
        "system.gpu.0.gpu": 90.0,
        "system.gpu.0.memory": 40.0,
        "system.gpu.0.memoryAllocated": 25.0,
        "system.gpu.0.temp": 71.0,
        "system.gpu.0.powerWatts": 250.5,
        "system.gpu.1.gpu": 91.0,
        "system.gpu.1.memory": 40.0,
        "system.gpu.1.memoryAllocated": 25.0,
        "system.gpu.1.temp": 71.0,
    }


def test_a_library_without_a_driver(nvml):
    def refuse():
        raise nvml.NVMLError("Driver Not Loaded")

    nvml.nvmlInit = refuse
    assert open_gpus() is None
