"""Going on with a run, and recording what a killed process has left."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import artifacts
from artifacts import _session
from artifacts._run_folders import run_folder
from artifacts.runs import folders
from artifacts.runs.completing import recover
from artifacts.store.journal import Journal
from tests.sdk.helpers import hint_of

KILLED = """
import artifacts, os, signal
run = artifacts.init(project="demo", id={id!r}, resume={resume!r}, config={{"lr": 0.1}})
run.define_metric("best", summary="max")
for i in range({rows}):
    run.log({{"a": run.step, "best": -i}})
run.summary["by hand"] = 1
run.log({{"by hand": 2}})
{end}
"""


def api():
    return artifacts.Api(project="demo")


def steps(name="r"):
    return [row["_step"] for row in api().run(name).scan_history()]


def log_rows(count, *, id="r", resume=None, exit_code=0, **options):
    run = artifacts.init(project="demo", id=id, resume=resume, **options)
    for _ in range(count):
        run.log({"a": run.step})
    run.finish(exit_code)
    return run


def kill_while_logging(rows, *, id="r", resume=None, end="os.kill(os.getpid(), signal.SIGKILL)"):
    script = KILLED.format(id=id, resume=resume, rows=rows, end=end)
    return subprocess.run([sys.executable, "-c", script], check=False).returncode


def recover_all(name=None):
    place = _session.place(project="demo")
    run = None if name is None else place.store.catalog.run("local", "demo", name)
    return [(each.id, each.state) for each in recover(place, run)]


# -- resume


@pytest.mark.parametrize("resume", ["allow", "must"])
def test_it_goes_on_where_it_ended(resume):
    log_rows(3, config={"lr": 0.1, "depth": 2}, exit_code=1)
    with artifacts.init(
        project="demo", id="r", resume=resume, config={"lr": 0.2}, name="again"
    ) as run:
        assert (run.resumed, run.starting_step, run.step) == (True, 3, 3)
        assert (run.state, run.exit_code, run.name) == ("running", None, "again")
        assert dict(run.config) == {"lr": 0.2, "depth": 2}
        assert run.summary["a"] == 2
        run.log({"a": 10})
    assert steps() == [0, 1, 2, 3]
    stored = api().run("r")
    assert (stored.state, stored.summary["a"], stored.config["lr"]) == ("finished", 10, 0.2)
    assert [a.version for a in api().collection("run-r-history").versions()] == ["v1", "v0"]
    assert api().artifact("run-r-history:v1").metadata["rows"] == 4


def test_the_clock_goes_on(monkeypatch):
    with artifacts.init(project="demo", id="r") as run, monkeypatch.context() as patch:
        patch.setattr("artifacts.runs.rows.time.time", lambda: run.start_time + 100)
        run.log({"a": 1})
    with artifacts.init(project="demo", id="r", resume="allow") as run:
        run.log({"a": 2})
        assert run.summary["_runtime"] in {100, 101, 102}


def test_locks_and_metrics_go_on():
    with artifacts.init(project="demo", id="r") as run:
        run.define_metric("loss", summary="min,mean")
        run.log({"loss": 1.0, "acc": 1})
        run.summary["acc"] = 9
    with artifacts.init(project="demo", id="r", resume="must") as run:
        assert run.summary.is_locked("acc")
        run.log({"loss": 3.0, "acc": 2})
        assert (run.summary["acc"], run.summary["loss"]) == (9, {"min": 1.0, "mean": 2.0})


def test_gaps_stay_gaps():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"a": 1}, step=10)
    with artifacts.init(project="demo", id="r", resume=True) as run:
        assert run.step == 11
        run.log({"a": 1}, step=20)
    assert steps() == [10, 20]


def test_nothing_new_makes_no_version():
    log_rows(2)
    log_rows(0, resume="allow")
    assert [a.version for a in api().collection("run-r-history").versions()] == ["v0"]


def test_when_there_is_none():
    run = log_rows(1, id="new", resume="allow")
    assert (run.resumed, run.starting_step) == (False, 0)
    with pytest.raises(artifacts.RunNotFoundError, match=r"resume='must' but run \(x\) doesn't"):
        artifacts.init(project="demo", id="x", resume="must")
    with pytest.raises(artifacts.InvalidInputError, match="needs the id"):
        artifacts.init(project="demo", resume="must")
    with pytest.raises(artifacts.InvalidInputError, match="resume must be"):
        artifacts.init(project="demo", resume="maybe")  # type: ignore[arg-type] # on purpose


def test_when_there_is_one_and_must_not_be():
    log_rows(1)
    with pytest.raises(artifacts.AlreadyExistsError, match="exists already") as caught:
        artifacts.init(project="demo", id="r", resume="never")
    assert "resume='allow'" in hint_of(caught)


# -- the last run of a directory


@pytest.mark.parametrize("resume", [True, "auto"])
def test_a_run_that_failed_is_gone_on_with(resume):
    first = log_rows(2, id=None, resume=resume, exit_code=1)
    second = log_rows(1, id=None, resume=resume)
    assert (second.id, second.resumed, second.starting_step) == (first.id, True, 2)
    third = log_rows(1, id=None, resume=resume)
    assert third.id != first.id


def test_not_in_another_directory_or_project(tmp_path, monkeypatch):
    first = log_rows(1, id=None, resume=True, exit_code=1)
    with artifacts.init(project="other", resume=True) as run:
        assert run.id != first.id
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert log_rows(1, id=None, resume=True).id != first.id


def test_not_one_that_is_running():
    first = artifacts.init(project="demo", resume=True)
    first.log({"a": 1})
    script = "import artifacts; print(artifacts.init(project='demo', resume=True).id)"
    other = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert other.stdout.decode().strip() not in {"", first.id}


# -- after a crash


def test_a_killed_run_is_recovered():
    assert kill_while_logging(5) == -signal.SIGKILL
    assert api().run("r").state == "running"
    assert recover_all() == [("r", "crashed")]
    run = api().run("r")
    assert (run.state, run.exit_code, run.finished_at is not None) == ("crashed", None, True)
    assert steps() == [0, 1, 2, 3, 4, 5]
    assert (run.summary["a"], run.summary["best"], run.summary["by hand"]) == (4, {"max": 0}, 1)
    assert [a.name for a in run.logged_artifacts(internal=True)] == [
        "run-r-history:v0",
        "run-r-summary:v0",
    ]
    assert recover_all() == []
    assert recover_all("r") == [("r", "crashed")]


def test_a_killed_run_is_gone_on_with():
    kill_while_logging(3)
    run = log_rows(2, resume="must")
    assert run.starting_step == 4
    assert steps() == list(range(6))
    assert run.summary["by hand"] == 1
    kill_while_logging(2, resume="allow")
    kill_while_logging(2, resume="allow")
    assert recover_all() == [("r", "crashed")]
    assert steps() == list(range(12))


def test_one_that_ended_while_the_store_was_away(monkeypatch):
    run = artifacts.init(project="demo", id="r")
    run.log({"a": 1})

    def fail(*_arguments, **_options):
        raise artifacts.StorageError("the server cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(run._place.store.catalog, "history_versions", fail)
        with pytest.raises(artifacts.StorageError) as caught:
            run.finish(3)
    assert "art run recover r" in hint_of(caught)
    assert (artifacts.run, run.state) == (None, "failed")
    assert recover_all() == [("r", "failed")]
    assert steps() == [0]


def test_without_its_journal_there_is_what_others_could_see(monkeypatch, tmp_path):
    end = (
        "import time\n"
        "while len(list(artifacts.Api(project='demo').run('r').scan_history())) < 6:\n"
        "    time.sleep(0.05)\n"
    )
    # It reads through its own store, as others do.
    kill_while_logging(5, end=end + "os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setenv("ART_RUN_DIR", str(tmp_path / "other machine"))
    with pytest.raises(artifacts.StateError, match="is running"):
        recover_all("r")
    monkeypatch.setattr("artifacts.store.catalog.runs.CRASHED_AFTER", -(10**7))
    assert recover_all("r") == [("r", "crashed")]
    assert steps() == list(range(6))
    monkeypatch.undo()


def test_journals_of_another_store_are_left_alone(tmp_path, monkeypatch):
    kill_while_logging(1)
    monkeypatch.setenv("ART_STORE", str(tmp_path / "other"))
    log_rows(1, id="mine")
    assert recover_all() == []


def test_a_torn_row_is_left_out():
    kill_while_logging(3)
    [path] = _session.place(project="demo").settings.run_dir.rglob("*.journal")
    os.truncate(path, path.stat().st_size - 3)
    recover_all()
    assert steps() == [0, 1, 2]


# -- several processes


def test_two_processes_go_on_with_one_run():
    log_rows(1)
    with artifacts.init(project="demo", id="r", resume="allow") as run:
        run.log({"a": "first"})
        script = (
            "import artifacts\n"
            "with artifacts.init(project='demo', id='r', resume='allow') as run:\n"
            "    run.log({'a': 'second'}, step=50)\n"
        )
        subprocess.run([sys.executable, "-c", script], check=True)
        run.log({"a": "third"})
    found = [row["a"] for row in api().run("r").scan_history()]
    assert sorted(map(str, found)) == ["0", "first", "second", "third"]


def test_ends_at_the_same_time_lose_nothing(monkeypatch):
    """Another version of the history is made between reading the last one and the commit."""
    run = artifacts.init(project="demo", id="r")
    run.log({"a": 0})
    from artifacts.runs import completing

    real, between = completing._commit, threading.Event()

    def commit(*given):
        if not between.is_set():
            between.set()
            script = (
                "import artifacts\n"
                "with artifacts.init(project='demo', id='r', resume='allow') as run:\n"
                "    run.log({'a': 7}, step=70)\n"
            )
            subprocess.run([sys.executable, "-c", script], check=True)
        return real(*given)

    monkeypatch.setattr(completing, "_commit", commit)
    run.finish()
    assert steps() == [0, 70]
    assert len(api().collection("run-r-history").versions()) == 2


def test_a_journal_that_is_just_being_begun_is_left_alone(monkeypatch):
    """Whether it is in use is asked after it was read: before, its writer may lock it meanwhile."""
    run = artifacts.init(project="demo", id="r")
    folder = run_folder(run._place.settings.run_dir, "local", "demo", "r")
    journal = Journal(folder / "0.journal")
    asked = []

    def is_in_use(path):
        asked.append(path)
        return False

    monkeypatch.setattr(folders, "is_in_use", is_in_use)
    assert folders.find_left(run._place, ("local", "demo", "r")) == []
    assert asked == []
    monkeypatch.undo()
    journal.add_note(folders.begin_note(run._place, run._record, {}))
    assert folders.find_left(run._place, ("local", "demo", "r")) == []
    journal.close()
    journal.path.unlink()
    run.finish()
