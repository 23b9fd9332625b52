"""`artifacts.init` and `Run`, as far as artifacts need them: behaviour.md sections 1, 2 and 7."""

import copy
import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import active_run, hint_of


def stored(run):
    """The run as it is in the store."""
    return Api(project=run.project, entity=run.entity).run(run.id)


# -- init


def test_defaults():
    run = artifacts.init()
    assert (run.entity, run.project, run.state) == ("local", "uncategorized", "running")
    assert re.fullmatch(r"[0-9a-z]{8}", run.id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-1", run.name)
    assert (run.group, run.job_type, run.notes, run.tags) == (None, None, None, ())
    assert (dict(run.config), dict(run.summary)) == ({}, {})
    assert (run.url, run.exit_code) == (None, None)


def test_everything_given():
    run = artifacts.init(
        project="demo",
        entity="team",
        name="first try",
        id="my-run",
        config={"lr": 0.1},
        tags=["a", "b", "a"],
        group="folds",
        job_type="train",
        notes="many\nlines",
    )
    assert run.path == "team/demo/my-run"
    assert (run.name, run.group, run.job_type, run.notes) == (
        "first try",
        "folds",
        "train",
        "many\nlines",
    )
    assert run.tags == ("a", "b")
    found = stored(run)
    assert (found.name, found.config, found.tags) == ("first try", {"lr": 0.1}, ["a", "b"])
    assert repr(run) == "<Run team/demo/my-run (first try, running)>"


def test_it_is_the_active_run():
    assert active_run() is None
    run = artifacts.init()
    assert active_run() is run
    run.finish()
    assert active_run() is None


def test_when():
    run = artifacts.init()
    began = datetime.fromisoformat(run.created_at)
    assert timedelta(0) <= datetime.now(UTC) - began < timedelta(minutes=1)
    assert int(run.start_time) == began.timestamp()


def test_in_another_store(tmp_path):
    run = artifacts.init(store=tmp_path / "other")
    run.log_artifact(Artifact("corpus", "dataset"))
    assert Api(store=tmp_path / "other").artifact("corpus").logged_by() == stored(run)


def test_numbered_names():
    for _ in range(2):
        artifacts.init().finish()
    assert artifacts.init().name.endswith("-3")


@pytest.mark.parametrize("project", ["", "a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "x" * 129])
def test_bad_projects(project):
    with pytest.raises(ValueError, match="invalid project name"):
        artifacts.init(project=project)
    with pytest.raises(ValueError, match="invalid entity name"):
        artifacts.init(entity=project)
    assert artifacts.run is None


@pytest.mark.parametrize(
    "run_id", ["", "a:b", "a;b", "a,b", "a#b", "a?b", "a/b", "a'b", " a", "a "]
)
def test_bad_ids(run_id):
    with pytest.raises(ValueError, match="invalid run id"):
        artifacts.init(id=run_id)


def test_ids_are_unique_in_a_project():
    artifacts.init(project="demo", id="mine").finish()
    artifacts.init(project="other", id="mine").finish()
    with pytest.raises(artifacts.AlreadyExistsError, match="run 'mine' exists already"):
        artifacts.init(project="demo", id="mine", resume="never")
    assert artifacts.run is None


def test_tags():
    assert artifacts.init(tags="one").tags == ("one",)
    artifacts.finish()
    for tag in ("", "x" * 65):
        with pytest.raises(ValueError, match="the tag of a run has 1 to 64 characters"):
            artifacts.init(tags=[tag])
    not_texts: Any = [1]
    with pytest.raises(TypeError, match="tags must be texts"):
        artifacts.init(tags=not_texts)


# -- init again


def test_a_second_init_returns_the_active_run(log):
    run = artifacts.init(project="demo")
    assert artifacts.init() is run
    assert artifacts.init(reinit=False) is run
    assert artifacts.init(reinit="return_previous") is run
    assert log.text == ""


def test_a_second_init_says_that_its_arguments_are_not_used(log):
    run = artifacts.init(project="demo")
    assert artifacts.init(project="other") is run
    assert f"init() returned run {run.id}, which is active; its arguments were not used" in log.text


@pytest.mark.parametrize("reinit", [True, "finish_previous"])
def test_reinit_finishes_the_active_run(reinit):
    first = artifacts.init(project="demo")
    second = artifacts.init(project="demo", reinit=reinit)
    assert artifacts.run is second
    assert (first.state, second.state) == ("finished", "running")


def test_an_unknown_reinit():
    reinit: Any = "restart"
    with pytest.raises(ValueError, match=r"reinit must be 'default', .* or 'create_new', not 're"):
        artifacts.init(reinit=reinit)


def test_threads_that_begin_at_once_share_one_run():
    found = []
    barrier = threading.Barrier(4)

    def begin():
        barrier.wait()
        found.append(artifacts.init())

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert len(Api().runs()) == 1


# -- attributes


def test_name_notes_and_tags_are_stored_at_once(run):
    run.name = "better"
    run.notes = "why"
    run.tags = ["a"]
    run.tags += ("b",)
    found = stored(run)
    assert (found.name, found.notes, found.tags) == ("better", "why", ["a", "b"])
    assert (run.name, run.notes, run.tags) == ("better", "why", ("a", "b"))


def test_a_tag_that_is_too_long_is_dropped(run, log):
    run.tags = ["a", "x" * 65, ""]
    assert run.tags == ("a",)
    assert "tags have 1 to 64 characters; dropped" in log.text


def test_unknown_attributes_are_refused(run):
    with pytest.raises(AttributeError, match=r"Attribute nmae is not supported on Run object\."):
        run.nmae = "typo"
    assert not hasattr(run, "nmae")


@pytest.mark.parametrize("name", ["id", "project", "state", "config", "path"])
def test_others_cannot_be_set(run, name):
    with pytest.raises(AttributeError):
        setattr(run, name, "x")


# -- config and summary


def test_config(run):
    run.config["lr"] = 0.1
    run.config.epochs = 3
    run.config.update({"--batch-size": 8})
    assert (run.config.lr, run.config["epochs"], run.config.get("batch-size")) == (0.1, 3, 8)
    assert (run.config.get("missing", 1), "lr" in run.config, len(run.config)) == (1, True, 3)
    assert stored(run).config == {"lr": 0.1, "epochs": 3, "batch-size": 8}


def test_config_is_not_changed_by_accident(run):
    run.config.update({"lr": 0.1, "other": 1})
    run.config.lr = 0.1
    for change in (
        lambda: run.config.__setitem__("lr", 0.2),
        lambda: setattr(run.config, "lr", 0.2),
        lambda: run.config.update({"new": 1, "lr": 0.2}),
    ):
        with pytest.raises(artifacts.ConfigError, match=r"config 'lr' is 0\.1 already") as caught:
            change()
        assert "allow_val_change=True" in hint_of(caught)
    run.config.update({"lr": 0.2}, allow_val_change=True)
    assert stored(run).config == {"lr": 0.2, "other": 1}


def test_config_defaults(run):
    run.config.lr = 0.1
    run.config.setdefaults({"lr": 1, "epochs": 3})
    assert dict(run.config) == {"lr": 0.1, "epochs": 3}


def test_config_deleted(run):
    run.config.update({"a": 1, "b": 2, "c": 3})
    del run.config["a"]
    del run.config.b
    with pytest.raises(KeyError):
        del run.config["a"]
    with pytest.raises(AttributeError):
        del run.config.b
    assert stored(run).config == {"c": 3}


def test_config_from_arguments():
    run = artifacts.init(config=Namespace(lr=0.1, path=Path("a/b"), sizes=(1, 2), f=os.getcwd))
    assert run.config.path == "a/b"
    assert (run.config.lr, run.config.sizes) == (0.1, [1, 2])
    assert stored(run).config["f"] == str(os.getcwd)


def test_config_holds_what_json_cannot(run):
    run.config.update({"limits": [float("inf"), float("-inf"), float("nan")], "keys": {1: "a"}})
    assert stored(run).config == {"limits": ["Infinity", "-Infinity", "NaN"], "keys": {"1": "a"}}


@pytest.mark.parametrize("config", ["lr=1", 3, [1]])
def test_config_of_the_wrong_type(config):
    with pytest.raises(TypeError, match="config must be a dict or a namespace"):
        artifacts.init(config=config)


def test_a_missing_key_is_a_missing_attribute(run):
    assert not hasattr(run.config, "missing")
    assert not hasattr(run.summary, "missing")
    with pytest.raises(AttributeError, match="config has no key 'missing'"):
        run.config.missing  # noqa: B018 - reading it is the point
    with pytest.raises(AttributeError, match="summary has no key 'missing'"):
        run.summary.missing  # noqa: B018 - likewise


def test_summary(run):
    run.summary["acc"] = 0.5
    run.summary.loss = 1
    run.summary.update({" best ": 2}, last=3)
    assert (run.summary.acc, run.summary["loss"], run.summary.get("best")) == (0.5, 1, 2)
    del run.summary["last"]
    assert stored(run).summary == {"acc": 0.5, "loss": 1, "best": 2}
    with pytest.raises(KeyError):
        del run.summary["last"]


def test_a_value_that_is_refused_changes_nothing(run):
    with pytest.raises(TypeError, match="cannot be stored as JSON"):
        run.summary["model"] = object()
    assert dict(run.summary) == {}


def test_module_level_config_and_summary(run):
    artifacts.config.lr = 0.1
    artifacts.summary["acc"] = 0.5
    assert artifacts.config is run.config
    assert (stored(run).config, stored(run).summary) == ({"lr": 0.1}, {"acc": 0.5})


@pytest.mark.parametrize("name", ["config", "summary"])
def test_module_level_without_a_run(name):
    with pytest.raises(artifacts.Error, match=rf"must call artifacts.init\(\) before .*\.{name}"):
        getattr(artifacts, name).update({"lr": 1})


@pytest.mark.parametrize("name", ["config", "summary"])
def test_a_copy_is_a_dictionary(run, name):
    values = getattr(run, name)
    values["a"] = {"b": 1}
    for made in (copy.deepcopy(values), copy.copy(values), pickle.loads(pickle.dumps(values))):
        assert type(made) is dict
        assert made == {"a": {"b": 1}}


def test_threads_may_change_the_config_at_once(run):
    def work(number):
        for n in range(5):
            run.config[f"{number}-{n}"] = n

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(run.config) == len(stored(run).config) == 20


# -- finish


@pytest.mark.parametrize(
    ("exit_code", "state", "expected"),
    [(None, "finished", 0), (0, "finished", 0), (1, "failed", 1), (255, "failed", 255)],
)
def test_finish(exit_code, state, expected):
    run = artifacts.init()
    run.finish(exit_code)
    assert (run.state, run.exit_code) == (state, expected)
    found = stored(run)
    assert (found.state, found.exit_code) == (state, expected)
    assert found.finished_at.timestamp() >= found.start_time


def test_finish_again_does_nothing():
    run = artifacts.init()
    run.finish(3)
    run.finish(0)
    artifacts.finish()
    assert stored(run).exit_code == 3


def test_join_is_finish():
    run = artifacts.init()
    run.join(2)
    assert stored(run).exit_code == 2


def test_module_level_finish():
    artifacts.finish()
    run = artifacts.init()
    artifacts.finish(exit_code=1)
    assert (stored(run).state, active_run()) == ("failed", None)


def test_an_old_run_does_not_end_the_active_one():
    first = artifacts.init()
    second = artifacts.init(reinit=True)
    first.finish()
    assert artifacts.run is second


@pytest.mark.parametrize(
    "call",
    [
        lambda run: run.log_artifact("words.txt"),
        lambda run: run.use_artifact("corpus"),
        lambda run: run.use_model("net"),
        lambda run: setattr(run, "name", "x"),
        lambda run: setattr(run, "tags", ["x"]),
        lambda run: run.config.update({"a": 1}),
        lambda run: run.summary.update({"a": 1}),
    ],
    ids=["log_artifact", "use_artifact", "use_model", "name", "tags", "config", "summary"],
)
def test_after_the_end(call):
    run = artifacts.init()
    run.finish()
    with pytest.raises(
        artifacts.RunFinishedError, match=rf"Run \({run.id}\) is finished"
    ) as caught:
        call(run)
    assert "artifacts.init()" in hint_of(caught)
    assert (dict(run.config), dict(run.summary)) == ({}, {})


def test_what_can_be_read_after_the_end():
    with artifacts.init(config={"lr": 1}) as run:
        run.log_artifact(Artifact("corpus", "dataset"))
    assert (run.config.lr, [a.name for a in run.logged_artifacts()]) == (1, ["corpus:v0"])


# -- context manager


def test_leaving_finishes():
    with artifacts.init() as run:
        assert active_run() is run
    assert (stored(run).state, active_run()) == ("finished", None)


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (RuntimeError("no"), "failed", 1),
        (KeyboardInterrupt(), "failed", 255),
        (SystemExit(), "finished", 0),
        (SystemExit(0), "finished", 0),
        (SystemExit(3), "failed", 3),
        (SystemExit("no"), "failed", 1),
    ],
    ids=repr,
)
def test_leaving_with_an_exception(error, state, code):
    with pytest.raises(type(error)) as caught, artifacts.init() as run:
        raise error
    assert caught.value is error
    assert (stored(run).state, stored(run).exit_code) == (state, code)


# -- the end of the process


def python(script, *, code):
    """Run a script in a process of its own, and return the run it began."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    [run] = Api(project="demo").runs()
    return run


BEGIN = "import os, signal, sys, artifacts\nrun = artifacts.init(project='demo')\n"


@pytest.mark.parametrize(
    ("script", "status", "expected"),
    [
        ("pass", 0, ("finished", 0)),
        ("run.log_artifact('missing')", 1, ("failed", 1)),
        ("sys.excepthook = lambda *error: None; 1 / 0", 1, ("failed", 1)),
        ("sys.exit(3)", 3, ("failed", 3)),
        ("sys.exit('no')", 1, ("failed", 1)),
        ("os.kill(os.getpid(), signal.SIGINT)", -2, ("failed", 255)),
    ],
    ids=["normal", "exception", "excepthook", "exit-3", "exit-text", "interrupt"],
)
def test_a_run_is_finished_at_exit(script, status, expected):
    run = python(BEGIN + script, code=status)
    assert (run.state, run.exit_code) == expected


def test_exit_in_a_thread_ends_the_thread_only():
    script = """
    import threading
    thread = threading.Thread(target=sys.exit, args=(3,))
    thread.start()
    thread.join()
    """
    assert python(BEGIN + textwrap.dedent(script), code=0).state == "finished"


def test_a_run_that_was_finished_stays_as_it_is():
    assert python(BEGIN + "run.finish(0); sys.exit(4)", code=4).state == "finished"


# -- forks


def test_a_forked_child_does_not_finish_the_run():
    script = """
    with run:
        child = os.fork()
        if child == 0:
            sys.exit(3)  # leaves the block, and the interpreter
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        assert artifacts.Api(project="demo").run(run.id).state == "running"
    """
    assert python(BEGIN + textwrap.dedent(script), code=0).state == "finished"


def test_a_forked_child_may_log_through_the_run():
    script = """
    def log(name):
        artifact = artifacts.Artifact(name, "dataset")
        with artifact.new_file("text") as file:
            file.write(name)
        run.log_artifact(artifact)

    log("parent-before")
    child = os.fork()
    if child == 0:
        log("child")
        assert run.use_artifact("parent-before").open("text", "r").read() == "parent-before"
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log("parent-after")
    """
    run = python(BEGIN + textwrap.dedent(script), code=0)
    names = ["parent-before:v0", "child:v0", "parent-after:v0"]
    assert [a.name for a in run.logged_artifacts()] == names
    assert [a.name for a in run.used_artifacts()] == names[:1]


def test_a_forked_child_has_no_active_run():
    script = """
    child = os.fork()
    if child == 0:
        assert artifacts.run is None
        with artifacts.init(project="child") as own:
            assert own.id != run.id
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert artifacts.run is run
    """
    assert python(BEGIN + textwrap.dedent(script), code=0).state == "finished"
    assert [r.state for r in Api(project="child").runs()] == ["finished"]


def test_a_draft_is_not_shared_with_a_forked_child():
    script = """
    draft = artifacts.Artifact("corpus", "dataset")
    with draft.new_file("a") as file:
        file.write("a")
    child = os.fork()
    if child == 0:
        try:
            run.log_artifact(draft)
        except artifacts.StateError as error:
            os._exit(7 if error.kind == "forked" else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    run.log_artifact(draft)
    """
    run = python(BEGIN + textwrap.dedent(script), code=0)
    assert [a.name for a in run.logged_artifacts()] == ["corpus:v0"]
