"""A run that does nothing: ``mode="disabled"``."""

import inspect
import os
import subprocess
import sys

import pytest

import artifacts
from artifacts import Artifact
from artifacts._silence import Dummy
from artifacts.runs.run import Run
from tests.sdk.helpers import active_run

PUBLIC = sorted(name for name in vars(Run) if not name.startswith("_"))


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A disabled run, in a world in which a store would be seen."""
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("ART_RUN_DIR", str(tmp_path / "runs"))
    run = artifacts.init(project="demo", id="r", mode="disabled", config={"lr": 0.1}, tags=["a"])
    yield run
    run.finish()
    assert os.listdir(tmp_path) == []


def test_what_it_says_of_itself(nothing):
    assert isinstance(nothing, Run)
    assert (nothing.disabled, nothing.offline, nothing.state) == (True, False, "running")
    assert (nothing.path, nothing.tags, nothing.url) == ("local/demo/r", ("a",), None)
    nothing.name, nothing.notes = "other", "why"
    nothing.tags += ("b",)
    assert (nothing.name, nothing.notes, nothing.tags) == ("other", "why", ("a", "b"))
    nothing.finish(3)
    assert (nothing.state, nothing.exit_code, active_run()) == ("failed", 3, None)


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_can_be_asked_and_called(nothing, name):
    value = getattr(nothing, name)
    if inspect.ismethod(value) and name not in {"finish", "join"}:
        names = [
            p.name for p in inspect.signature(value).parameters.values() if p.kind not in {2, 4}
        ]
        value(**dict.fromkeys(names))
        value(*(object() for _ in names))


def test_values_and_steps_behave_as_always(nothing):
    nothing.log({"a": {"b": 1}, "picture": object()})
    nothing.log({"a": 2}, step=7)
    assert (nothing.step, nothing.starting_step) == (7, 0)
    nothing.log({}, commit=True)
    nothing.log("no row at all")
    assert nothing.step == 9
    nothing.summary["best"] = object()
    nothing.summary.acc = 0.5
    assert (nothing.summary["a"], nothing.summary.acc) == (2, 0.5)
    nothing.config.lr = 0.2
    nothing.config.update({"net": {"depth": 3}})
    assert (nothing.config.lr, nothing.config.net.depth) == (0.2, 3)


def test_it_is_the_active_one(nothing):
    artifacts.log({"loss": 1})
    artifacts.config.depth = 3
    artifacts.define_metric("loss", summary="min")
    assert artifacts.summary["loss"] == 1
    assert artifacts.use_artifact("corpus:latest").wait().name == "corpus:v0"
    assert artifacts.init() is nothing


def test_artifacts_that_are_not_there(nothing, tmp_path):
    draft = Artifact("corpus", "dataset", metadata={"n": 1})
    assert isinstance(draft, Artifact)
    draft.add_file("no such file")
    draft.add_dir("no such folder", name="x")
    assert draft.add_reference("s3://bucket/prefix") == []
    with draft.new_file("a.txt") as file:
        file.write("text")
    with draft.new_file("a.bin", mode="wb") as file:
        file.write(b"bytes")
    logged = nothing.log_artifact(draft, aliases=["prod"])
    assert logged.wait() is logged.save() is logged
    assert (logged.name, logged.version, logged.type) == ("corpus:v0", "v0", "dataset")
    assert (logged.metadata, logged.state, logged.files()) == ({"n": 1}, "COMMITTED", [])
    assert logged.download() == os.path.join(tmp_path, "artifacts", "corpus:v0")
    assert logged.download("there") == os.path.join(tmp_path, "there")
    logged.aliases.append("x")
    logged.metadata = {"n": 2}
    logged.description, logged.tags = "about", ["t"]
    assert (logged.aliases, logged.metadata, logged.tags) == (["x"], {"n": 2}, ["t"])
    assert logged.logged_by() is None
    named = nothing.log_artifact("folder/model.pt", name="net", type="model")
    assert (named.name, named.type) == ("net:v0", "model")
    assert nothing.use_artifact(named) is named
    assert nothing.logged_artifacts() == []


def test_beside_another_run(run):
    draft = Artifact("corpus", "dataset")
    other = artifacts.init(mode="disabled", reinit="create_new")
    assert other.log_artifact(draft).name == "corpus:v0"
    assert draft.is_draft()
    # The active one is another one, which goes on.
    assert run.log_artifact(Artifact("mine", "dataset")).logged_by().id == run.id
    other.finish()
    assert active_run() is run


def test_by_the_environment(monkeypatch, tmp_path):
    script = (
        "import sys, artifacts\n"
        "with artifacts.init() as run:\n"
        "    run.log({'a': 1})\n"
        "    run.log_artifact(artifacts.Artifact('a', 'b'))\n"
        "print(run.disabled, 'sqlalchemy' in sys.modules)\n"
    )
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("ART_MODE", "disabled")
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert told.stdout.decode().split() == ["True", "False"]
    assert not (tmp_path / "store").exists()


def test_an_ordinary_run_after_it(nothing):
    assert artifacts.init(mode="disabled", reinit=True) is not nothing
    artifacts.finish()
    assert active_run() is None


def test_a_dummy_leads_to_itself():
    dummy = Dummy()
    with dummy as inside:
        assert inside is dummy.a.b(1)["c"] is dummy
    dummy.x = 1
    dummy["x"] = 1
    del dummy["x"]
    assert (list(dummy), len(dummy), bool(dummy), repr(dummy)) == ([], 0, False, "<Dummy>")
