"""Runs that begin in the middle: forks, runs that are wound back, runs that are begun anew."""

import math
import subprocess
import sys

import pytest

import artifacts
from tests.sdk.helpers import active_run, hint_of


def api():
    return artifacts.Api(project="demo")


def column(name, key="a"):
    return [row[key] for row in api().run(name).scan_history([key])]


def versions(name):
    found = api().collection(f"run-{name}-history").versions()
    return [(each.version, each.metadata["rows"]) for each in found]


def log_rows(count, *, id="r", exit_code=0, **options):
    with artifacts.init(project="demo", id=id, **options) as run:
        for _ in range(count):
            run.log({"a": run.step, "loss": 1 / (1 + run.step), "net": {"depth": run.step}})
    return run


KILLED = """
import artifacts, os, signal
run = artifacts.init(project="demo", id="r")
for i in range(6):
    run.log({"a": i})
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_while_logging():
    subprocess.run([sys.executable, "-c", KILLED], check=False)


def init_any(**options):
    return artifacts.init(project="demo", **options)


# -- begun anew


@pytest.mark.parametrize("resume", [None, False])
def test_a_run_is_begun_anew(resume, log):
    first = log_rows(3, config={"lr": 0.1}, tags=["old"], notes="old", group="g", name="mine")
    with init_any(id="r", resume=resume, config={"depth": 2}) as run:
        assert (run.resumed, run.step, dict(run.summary), run.state) == (False, 0, {}, "running")
        assert (dict(run.config), run.tags, run.notes, run.group) == ({"depth": 2}, (), None, None)
        assert run.start_time > first.start_time
        assert run.name == "mine"
        assert list(run.scan_history()) == []
        run.log({"a": 100})
    assert "run r is begun anew" in log.text
    assert column("r") == [100]
    assert versions("r") == [("v2", 1), ("v1", 0), ("v0", 3)]
    assert api().run("r").summary["a"] == 100
    assert "loss" not in api().run("r").summary


def test_one_that_logs_nothing():
    log_rows(3)
    init_any(id="r").finish()
    assert list(api().run("r").scan_history()) == []
    summary = api().artifact("run-r-summary:latest").open("summary.json", "r").read()
    assert '"summary": {}' in summary


def test_one_that_had_logged_nothing():
    init_any(id="r", config={"a": 1}).finish()
    init_any(id="r").finish()
    assert api().run("r").config == {}
    with pytest.raises(artifacts.RefNotFoundError):
        api().artifact("run-r-history:latest")


def test_locks_and_metrics_do_not_go_on():
    with init_any(id="r") as run:
        run.define_metric("a", summary="max")
        run.summary["best"] = 1
    with init_any(id="r") as run:
        run.log({"a": 3, "best": 2})
        assert (run.summary["a"], run.summary["best"]) == (3, 2)


def test_a_killed_one_is_recovered_first():
    kill_while_logging()
    log_rows(1)
    assert [rows for _, rows in versions("r")] == [1, 0, 6]


def test_one_that_is_running_is_not_begun_anew():
    first = init_any(id="r", reinit="create_new")
    first.log({"a": 1})
    for options in ({"id": "r"}, {"resume_from": "r?_step=0"}):
        with pytest.raises(artifacts.StateError, match="run 'r' is running") as caught:
            init_any(**options, reinit="create_new")
        assert "finish it first" in hint_of(caught)
    assert active_run() is None
    first.finish()
    assert column("r") == [1]


def test_nor_one_in_another_process(tmp_path):
    script = (
        "import artifacts, sys\n"
        "run = artifacts.init(project='demo', id='r')\n"
        "run.log({'a': 1})\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "run.log({'a': 2})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(artifacts.StateError, match="run 'r' is running"):
            init_any(id="r")
        process.communicate("go\n", timeout=60)
    assert column("r") == [1, 2]


# -- wound back


def test_a_run_is_wound_back():
    log_rows(10, config={"lr": 0.1})
    with init_any(resume_from="r?_step=3", config={"lr": 0.2}) as run:
        assert (run.id, run.resumed, run.step, run.starting_step) == ("r", True, 4, 4)
        assert (run.summary["a"], run.summary["net"], run.summary["_step"]) == (3, {"depth": 3}, 3)
        assert dict(run.config) == {"lr": 0.2}
        assert [row["a"] for row in run.scan_history()] == [0, 1, 2, 3]
        run.log({"a": 40})
    assert column("r") == [0, 1, 2, 3, 40]
    assert versions("r") == [("v2", 5), ("v1", 4), ("v0", 10)]
    old = api().artifact("run-r-history:v0").metadata
    assert (old["rows"], old["last_step"]) == (10, 9)


def test_twice():
    log_rows(6)
    for step in (4, 2):
        init_any(resume_from=f"r?_step={step}").finish()
    assert column("r") == [0, 1, 2]
    init_any(resume_from="r?_step=2").finish()
    assert [rows for _, rows in versions("r")] == [3, 5, 6]


def test_a_killed_run_is_wound_back():
    kill_while_logging()
    with init_any(resume_from="r?_step=1") as run:
        run.log({"a": 20})
    assert column("r") == [0, 1, 20]


def test_a_run_that_goes_on_after_that():
    log_rows(5)
    init_any(resume_from="r?_step=1").finish()
    with init_any(id="r", resume="must") as run:
        assert run.step == 2
        run.log({"a": 7})
    assert column("r") == [0, 1, 7]


@pytest.mark.parametrize("options", [{"resume_from": "r?_step=3"}, {"id": "r"}])
def test_one_that_is_interrupted_can_be_repeated(monkeypatch, options):
    log_rows(6)

    def fail(*_arguments, **_options):
        raise artifacts.StorageError("the server cannot be reached")

    catalog = "artifacts.store.catalog.catalog.Catalog"
    with monkeypatch.context() as patch:
        patch.setattr(f"{catalog}.resume_run", fail)
        patch.setattr(f"{catalog}.restart_run", fail)
        with pytest.raises(artifacts.StorageError, match="cannot be reached"):
            init_any(**options)
    assert (active_run(), api().run("r").state) == (None, "finished")
    with init_any(**options) as run:
        run.log({"a": 9})
    assert column("r") == ([0, 1, 2, 3, 9] if "resume_from" in options else [9])
    assert [rows for _, rows in versions("r")][-1] == 6


def test_the_summary_follows_definitions():
    with init_any(id="r") as run:
        run.define_metric("a", summary="max,mean")
        run.summary["by hand"] = 1
        for value in (1, 5, 3):
            run.log({"a": value, "x.y": value})
    with init_any(resume_from="r?_step=0") as run:
        assert (run.summary["a"], run.summary["x.y"]) == ({"max": 1, "mean": 1.0}, 1)
        assert "by hand" not in run.summary
        run.log({"a": 3})
        assert run.summary["a"] == {"max": 3, "mean": 2.0}


# -- forked


def test_a_run_is_forked():
    parent = log_rows(10, config={"lr": 0.1, "depth": 2}, tags=["old"], group="g")
    with init_any(fork_from="r?_step=3", config={"lr": 0.2}, id="child") as run:
        assert (run.id, run.resumed, run.step, run.starting_step) == ("child", False, 4, 4)
        assert (run.summary["a"], run.summary["net"]) == (3, {"depth": 3})
        assert (dict(run.config), run.tags, run.group) == ({"lr": 0.2, "depth": 2}, (), None)
        assert column("child") == [0, 1, 2, 3]
        run.log({"a": 40, "new": math.nan})
    assert column("child") == [0, 1, 2, 3, 40]
    assert column("r") == list(range(10))
    assert api().run("r").config == dict(parent.config)
    assert versions("child") == [("v1", 5), ("v0", 4)]
    assert api().artifact("run-child-history:v0").metadata["forked_from"] == "r?_step=3"


def test_a_fork_that_logs_nothing():
    log_rows(4)
    run = init_any(fork_from="r?_step=2")
    run.finish()
    assert (column(run.id), api().run(run.id).summary["a"]) == ([0, 1, 2], 2)


def test_a_fork_of_a_running_run():
    parent = init_any(id="r", reinit="create_new")
    parent.log({"a": 1})
    while parent.lastHistoryStep < 0 or not column("r"):
        pass  # until others see the row
    with init_any(fork_from="r?_step=0", id="child", reinit="create_new") as run:
        run.log({"a": 2})
    parent.log({"a": 3})
    parent.finish()
    assert (column("r"), column("child")) == ([1, 3], [1, 2])


def test_a_fork_of_a_killed_run():
    kill_while_logging()
    init_any(fork_from="r?_step=4", id="child").finish()
    assert column("child") == [0, 1, 2, 3, 4]


def test_a_killed_fork_keeps_its_beginning():
    log_rows(4)
    script = (
        "import artifacts, os, signal\n"
        "run = artifacts.init(project='demo', id='child', fork_from='r?_step=1')\n"
        "run.log({'a': 9})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    with init_any(id="child", resume="must") as run:
        assert (run.step, run.summary["a"]) == (3, 9)
    assert column("child") == [0, 1, 9]


def test_the_clock_goes_on(monkeypatch):
    with init_any(id="r") as run, monkeypatch.context() as patch:
        patch.setattr("artifacts.runs.rows.time.time", lambda: run.start_time + 100)
        run.log({"a": 1})
    with init_any(fork_from="r?_step=0") as run:
        run.log({"a": 2})
        assert run.summary["_runtime"] in {100, 101, 102}


# -- what cannot be


@pytest.mark.parametrize(
    "text", ["r", "r?_step=", "r?_step=-1", "r?_step=x", "r?step=1", "?_step=1"]
)
@pytest.mark.parametrize("argument", ["fork_from", "resume_from"])
def test_another_form(argument, text):
    with pytest.raises(artifacts.InvalidInputError, match=f"{argument} must be '<id of a run>"):
        init_any(**{argument: text})


@pytest.mark.parametrize(
    "options",
    [
        {"fork_from": "r?_step=1", "resume_from": "r?_step=1"},
        {"fork_from": "r?_step=1", "resume": "allow"},
        {"resume_from": "r?_step=1", "resume": True},
    ],
)
def test_only_one_of_them(options):
    with pytest.raises(artifacts.InvalidInputError, match="cannot be used together"):
        init_any(**options)


def test_resume_of_the_environment_does_not_contradict(monkeypatch):
    log_rows(3)
    monkeypatch.setenv("ART_RESUME", "allow")
    with init_any(fork_from="r?_step=1") as run:
        assert run.step == 2


@pytest.mark.parametrize("argument", ["fork_from", "resume_from"])
def test_a_run_or_a_step_that_is_not_there(argument):
    with pytest.raises(artifacts.RunNotFoundError):
        init_any(**{argument: "r?_step=1"})
    log_rows(3)
    with pytest.raises(
        artifacts.InvalidInputError, match="run 'r' has no step 3: its last step is"
    ):
        init_any(**{argument: "r?_step=3"})
    with artifacts.init(project="demo", id="empty"):
        pass
    with pytest.raises(artifacts.InvalidInputError, match="'empty' has no step 0: it has no rows"):
        init_any(**{argument: "empty?_step=0"})
    assert {(run.id, run.state) for run in api().runs()} == {
        ("r", "finished"),
        ("empty", "finished"),
    }
    assert versions("r") == [("v0", 3)]


def test_ids_that_contradict():
    log_rows(3)
    log_rows(1, id="other")
    with pytest.raises(artifacts.AlreadyExistsError, match="'other' exists already"):
        init_any(fork_from="r?_step=1", id="other")
    with pytest.raises(artifacts.InvalidInputError, match="resume_from names run 'r', and id="):
        init_any(resume_from="r?_step=1", id="other")
    with init_any(resume_from="r?_step=1", id="r") as run:
        assert run.step == 2


def test_a_fork_that_cannot_be_copied(monkeypatch):
    log_rows(3)

    def fail(*_arguments, **_options):
        raise artifacts.StorageError("no space")

    with monkeypatch.context() as patch:
        patch.setattr("artifacts.runs.branching.commit_streams", fail)
        with pytest.raises(artifacts.StorageError, match="no space"):
            init_any(fork_from="r?_step=1", id="child")
    assert api().run("child").state == "failed"
    assert active_run() is None
