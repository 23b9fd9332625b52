"""`artifacts.init`: its arguments, the environment, and runs beside each other."""

import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

import artifacts
from artifacts import Api
from tests.sdk.helpers import active_run, hint_of


def stored(run):
    return Api(project=run.project, entity=run.entity).run(run.id)


# -- the environment


ENVIRONMENT = {
    "ART_PROJECT": "from-env",
    "ART_ENTITY": "team",
    "ART_RUN_ID": "env-id",
    "ART_RUN_GROUP": "folds",
    "ART_JOB_TYPE": "train",
    "ART_NAME": "named",
    "ART_NOTES": "why",
    "ART_TAGS": "a, b,,a",
    "ART_SWEEP_ID": "search",
}


@pytest.fixture
def environment(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_the_environment_says_what_no_argument_says(environment):
    with artifacts.init() as run:
        assert run.path == "team/from-env/env-id"
        assert (run.group, run.job_type, run.name, run.notes) == ("folds", "train", "named", "why")
        assert (run.tags, run.sweep_id) == (("a", "b"), "search")
    assert (stored(run).sweep_id, stored(run).tags) == ("search", ["a", "b"])


def test_an_argument_goes_before_the_environment(environment):
    with artifacts.init(
        project="arg",
        entity="me",
        id="arg-id",
        group="g",
        job_type="j",
        name="n",
        notes="",
        tags=[],
        sweep_id="s",
    ) as run:
        assert run.path == "me/arg/arg-id"
        assert (run.group, run.job_type, run.name, run.notes) == ("g", "j", "n", "")
        assert (run.tags, run.sweep_id) == ((), "s")


def test_how_to_go_on_by_the_environment(monkeypatch):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"a": 1})
    monkeypatch.setenv("ART_RUN_ID", "r")
    monkeypatch.setenv("ART_RESUME", "must")
    with artifacts.init(project="demo") as run:
        assert (run.id, run.resumed, run.step) == ("r", True, 1)
    monkeypatch.setenv("ART_RESUME", "perhaps")
    with pytest.raises(artifacts.InvalidInputError, match=r"resume must be .*, not 'perhaps'"):
        artifacts.init(project="demo")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("ART_RUN_ID", "a/b", "invalid run id"),
        ("ART_TAGS", "x" * 65, "the tag of a run has 1 to 64 characters"),
        ("ART_MODE", "shared", "mode must be 'online', 'offline' or 'disabled', not 'shared'"),
    ],
)
def test_a_variable_that_cannot_be_used(monkeypatch, variable, value, why):
    monkeypatch.setenv(variable, value)
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.init()
    assert active_run() is None


# -- where it works


def test_the_folder_of_a_run(tmp_path, monkeypatch):
    with artifacts.init(project="demo", id="r", dir=tmp_path / "here") as run:
        run.log({"a": 1})
        assert list((tmp_path / "here").rglob("*.journal"))
    monkeypatch.setenv("ART_DIR", "there")
    with artifacts.init(project="demo", id="s") as run:
        run.log({"a": 1})
        assert list((tmp_path / "there").rglob("*.journal"))


@pytest.mark.parametrize(
    "given",
    [
        {"on_stale_step": "raise", "write_behind": False},
        SimpleNamespace(on_stale_step="raise", write_behind=None),
    ],
    ids=["dict", "object"],
)
def test_settings_of_a_run(given):
    with artifacts.init(project="demo", settings=given) as run:
        run.log({"a": 1})
        with pytest.raises(artifacts.InvalidInputError, match="Step must only increase"):
            run.log({"a": 1}, step=0)
    with artifacts.init(project="demo") as run:
        run.log({"a": 1})
        run.log({"a": 1}, step=0)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"on_stale_stpe": "raise"}, "no such setting: 'on_stale_stpe'"),
        ({"on_stale_step": "ignore"}, "on_stale_step must be one of warn, raise, merge"),
        ({"write_behind": "perhaps"}, "write_behind must be true or false"),
        ({"run_dir": ["a"]}, "the setting run_dir cannot be a list"),
    ],
)
def test_settings_that_cannot_be_used(given, why):
    with pytest.raises(artifacts.ConfigError, match=why):
        artifacts.init(project="demo", settings=given)
    assert Api(project="demo").runs() == []


# -- what is not supported


def test_what_is_not_supported_is_said(log):
    artifacts.init(magic=True, force=True, monitor_gym=False, anonymous="never")
    assert log.text.count("init() does not support force, magic: without effect") == 1


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="unexpected keyword argument 'prject'"):
        artifacts.init(prject="demo")  # type: ignore[call-arg] # on purpose


# -- beside another run


def test_a_run_beside_the_active_one():
    first = artifacts.init(project="demo")
    second = artifacts.init(project="demo", reinit="create_new", id="beside")
    assert (active_run(), first.state, second.state) == (first, "running", "running")
    artifacts.log({"a": 1})
    second.log({"b": 2})
    first.finish()
    assert active_run() is None
    second.finish()
    assert [row["b"] for row in stored(second).scan_history(["b"])] == [2]
    assert stored(first).summary["a"] == 1
    assert "a" not in stored(second).summary


def test_one_that_is_beside_nothing_is_not_the_active_one():
    run = artifacts.init(project="demo", reinit="create_new")
    assert active_run() is None
    with pytest.raises(artifacts.StateError, match=r"must call artifacts.init\(\)"):
        artifacts.log({"a": 1})
    assert artifacts.init(reinit="return_previous") is run


def test_all_are_finished_for_another_one():
    first = artifacts.init(project="demo")
    second = artifacts.init(project="demo", reinit="create_new")
    third = artifacts.init(project="demo", reinit="finish_previous")
    assert (first.state, second.state, active_run()) == ("finished", "finished", third)


def test_all_are_finished_at_the_end():
    script = (
        "import artifacts\n"
        "artifacts.init(project='demo', id='a')\n"
        "artifacts.init(project='demo', id='b', reinit='create_new').log({'x': 1})\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert {run.id: run.state for run in Api(project="demo").runs()} == {
        "a": "finished",
        "b": "finished",
    }


class ZMQInteractiveShell:
    """What IPython's shell is called in a notebook."""


def test_a_cell_that_is_run_again_begins_another_run(monkeypatch):
    first = artifacts.init(project="demo")
    assert artifacts.init() is first
    ipython = ModuleType("IPython")
    ipython.get_ipython = ZMQInteractiveShell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    second = artifacts.init(project="demo")
    assert (first.state, active_run()) == ("finished", second)
    assert artifacts.init(reinit="return_previous") is second


# -- many processes


@pytest.mark.parametrize("count", [3, pytest.param(10, marks=pytest.mark.long)])
def test_processes_of_a_group(count):
    script = (
        "import artifacts, sys\n"
        "rank = int(sys.argv[1])\n"
        "with artifacts.init(project='demo', group='job', job_type='worker',\n"
        "                    config={'rank': rank}) as run:\n"
        "    for i in range(20):\n"
        "        run.log({'loss': rank + i / 100})\n"
        "    run.log_artifact(artifacts.Artifact('shards', 'data'), aliases=[f'rank-{rank}'])\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", script, str(rank)]) for rank in range(count)]
    assert [worker.wait(100) for worker in workers] == [0] * count
    runs = Api(project="demo").runs()
    assert sorted(run.config["rank"] for run in runs) == list(range(count))
    assert {(run.group, run.job_type, run.state) for run in runs} == {("job", "worker", "finished")}
    for run in runs:
        rank = run.config["rank"]
        assert [row["loss"] for row in run.scan_history(["loss"])] == [
            rank + i / 100 for i in range(20)
        ]
    assert len({run.name for run in runs}) > 1
    assert len(Api(project="demo").artifact("shards").aliases) == count + 1


# -- its state


def test_a_run_that_will_be_interrupted():
    run = artifacts.init(project="demo")
    run.mark_preempting()
    assert (run.state, stored(run).state) == ("preempting", "preempting")
    run.finish(1)
    assert (run.state, stored(run).state, run.exit_code) == ("preempted", "preempted", 1)


def test_one_that_was_done_before():
    run = artifacts.init(project="demo")
    run.mark_preempting()
    run.finish()
    assert stored(run).state == "finished"
    with pytest.raises(artifacts.RunFinishedError) as caught:
        run.mark_preempting()
    assert "artifacts.init()" in hint_of(caught)


def test_one_that_did_not_get_to_its_end(monkeypatch):
    script = (
        "import artifacts, os, signal\n"
        "run = artifacts.init(project='demo', id='r')\n"
        "run.log({'a': 1})\n"
        "run.mark_preempting()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    with monkeypatch.context() as patch:
        patch.setattr("artifacts.store.catalog.runs.CRASHED_AFTER", -(10**7))
        assert Api(project="demo").run("r").state == "preempted"
    with artifacts.init(project="demo", id="r", resume="must") as run:
        assert (run.state, run.step) == ("running", 1)
    assert Api(project="demo").run("r").state == "finished"


def test_quiet_is_accepted():
    run = artifacts.init(project="demo")
    run.finish(quiet=True)
    artifacts.init(project="demo")
    artifacts.finish(0, quiet=False)
    assert active_run() is None
