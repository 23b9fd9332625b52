"""The switch by which this package stands in for W&B, and what it looks like to others."""

import importlib
import importlib.metadata
import importlib.util
import logging
import pickle
import subprocess
import sys

import pytest

import artifacts
from artifacts.compat import wandb as compat
from artifacts.compat.wandb.names import MODULES
from tests.sdk.helpers import hint_of


@pytest.fixture
def real(tmp_path, monkeypatch):
    """W&B itself, installed in a folder on the path."""
    site = tmp_path / "site"
    (site / "wandb").mkdir(parents=True)
    (site / "wandb" / "__init__.py").write_text("real = True\n")
    metadata = site / "wandb-0.19.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: wandb\nVersion: 0.19.1\n")
    (metadata / "INSTALLER").write_text("pip\n")
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    yield site
    sys.modules.pop("wandb", None)


def spec_of(name):
    spec = importlib.util.find_spec(name)
    assert spec is not None
    return spec


def modules_of_wandb():
    return [name for name in sys.modules if name.partition(".")[0] == "wandb"]


def test_what_importing_it_gives(wandb):
    assert wandb.init is artifacts.init
    assert wandb.Artifact is artifacts.Artifact
    assert wandb.__name__ == "wandb"
    assert wandb.__version__ == compat.VERSION
    assert wandb.__file__.endswith(".py")
    assert "stands in" in importlib.metadata.metadata("wandb")["Summary"]


def test_what_clients_probe(wandb):
    assert spec_of("wandb").name == "wandb"
    assert spec_of("wandb").loader is not None
    version = tuple(map(int, importlib.metadata.version("wandb").split(".")))
    assert version >= (0, 12, 10)
    assert importlib.metadata.version("wandb") == wandb.__version__
    assert importlib.metadata.distribution("wandb").metadata["Name"] == "wandb"
    assert importlib.metadata.packages_distributions()["wandb"] == ["wandb"]


def test_what_clients_probe_before_they_import_it():
    compat.install()
    try:
        assert "wandb" not in sys.modules
        assert spec_of("wandb").loader is not None
        assert spec_of("wandb.sdk.wandb_run").name == "wandb.sdk.wandb_run"
        assert importlib.util.find_spec("wandb.no_such_module") is None
    finally:
        compat.uninstall()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_is_there_once(wandb, name):
    module = importlib.import_module(name)
    assert module is importlib.import_module(name)
    assert module is sys.modules[name]
    assert spec_of(name).name == module.__name__ == name
    parent, _, own = name.rpartition(".")
    if parent:
        assert getattr(importlib.import_module(parent), own) is module


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_name_of_a_module_is_there(wandb, name):
    module = importlib.import_module(name)
    assert [each for each in MODULES[name].names if not hasattr(module, each)] == []
    assert set(MODULES[name].names) <= set(dir(module))


def test_a_run_is_a_run_by_any_path(wandb):
    from wandb.sdk.lib import RunDisabled
    from wandb.sdk.wandb_run import Run

    with wandb.init(project="demo") as run:
        assert isinstance(run, Run)
        assert isinstance(run, wandb.wandb_run.Run)
        assert isinstance(run, wandb.sdk.wandb_run.Run)
        assert not isinstance(run, RunDisabled)
        assert wandb.run is run
    assert wandb.run is None
    with wandb.init(mode="disabled") as run:
        assert isinstance(run, Run)
        assert isinstance(run, RunDisabled)


def test_a_disabled_run_that_nobody_began(wandb):
    run = wandb.sdk.lib.disabled.RunDisabled()
    run.log({"loss": 1})
    run.finish()
    assert (run.disabled, run.state) == (True, "finished")
    assert wandb.run is None


def test_current_things_are_not_those_of_an_earlier_time(wandb):
    from wandb import config

    with wandb.init(project="demo", config={"lr": 1}) as run:
        assert wandb.config is run.config
        assert wandb.summary is run.summary
        assert config.lr == 1
        config["lr2"] = 2
        assert run.config["lr2"] == 2
    with pytest.raises(wandb.Error, match=r"call artifacts.init\(\) before artifacts.config.lr"):
        config.lr  # noqa: B018 - reading it is the point


def test_names_that_do_not_exist_say_what_is_near(wandb):
    assert not hasattr(wandb, "__wrapped__")
    assert not hasattr(wandb, "settings")  # a module here, no name of W&B
    with pytest.raises(AttributeError, match=r"artifacts stands in for W&B.*mean log_artif"):
        wandb.lgo_artifact  # noqa: B018 - reading it is the point
    with pytest.raises(ImportError, match="cannot import name 'no_such_thing'"):
        exec("from wandb import no_such_thing")
    with pytest.raises(ModuleNotFoundError, match=r"wandb\.no_such_module"):
        importlib.import_module("wandb.no_such_module")


def test_errors_are_told_apart(wandb):
    assert wandb.errors.Error is wandb.Error is artifacts.ArtifactsError
    with pytest.raises(wandb.errors.CommError) as caught:
        wandb.Api().artifact("demo/nothing:latest")
    assert not isinstance(caught.value, wandb.errors.UsageError)
    with pytest.raises(wandb.errors.UsageError) as caught:
        wandb.log({"a": 1})
    assert not isinstance(caught.value, wandb.CommError)
    run = wandb.init(project="demo", config={"lr": 1})
    with pytest.raises(wandb.sdk.lib.config_util.ConfigError):
        run.config.lr = 2
    run.finish()


def test_who_is_asking(wandb):
    api = wandb.Api(overrides={"entity": "me", "project": "demo", "base_url": "x"}, timeout=30)
    assert (api.default_entity, api.viewer.entity) == ("me", "me")
    assert wandb.api.viewer()["username"] == api.viewer.username
    assert (wandb.api.default_entity, wandb.api.settings("entity")) == ("local", "local")
    assert wandb.api.settings()["project"] == "uncategorized"
    with wandb.init(project="demo", entity="me"):
        wandb.log({"a": 1})
    api.flush()
    assert len(api.runs(include_sweeps=True)) == 1


def test_what_there_is_no_server_for(wandb):
    with pytest.raises(wandb.errors.UnsupportedError) as caught:
        wandb.apis.internal.Api()
    assert "artifacts.Api()" in hint_of(caught)


def test_private_names_of_a_run(wandb):
    with wandb.init(project="demo", mode="disabled") as run:
        assert run._label(repo="a", code="b", version="c") is None
        assert run._settings.mode == run.settings.mode == "disabled"
    with wandb.init(project="demo", config={"lr": 1}) as run:
        assert run._set_config_wandb("framework", "torch") is None
        assert dict(run.config) == {"lr": 1}
        assert wandb._attach(pickle.loads(pickle.dumps(run._attach_id))) is run
        assert (run._settings.mode, run.settings.run_id) == ("online", run.id)
        assert (run.settings.files_dir, run.settings._offline) == (run.dir, False)
        assert not run._is_finished
    assert run._is_finished


def test_going_on_with_a_run_of_another_process(wandb):
    with wandb.init(project="demo") as run:
        run.log({"loss": 1})
        attach_id = run._attach_id
    with wandb._attach(attach_id) as again:
        assert (again.id, again.resumed) == (run.id, True)
        again.log({"loss": 2})
    assert [row["loss"] for row in wandb.Api().run(attach_id).scan_history()] == [1, 2]


def test_a_run_that_another_process_goes_on_with(wandb):
    """As Lightning does when it starts processes: the parent begins the run, and logs nothing."""
    run = wandb.init(project="demo", name="parent")
    run.define_metric("loss", summary="min")
    child = (
        "from artifacts.compat import wandb as compat; compat.install(); import wandb\n"
        f"run = wandb._attach({run._attach_id!r})\n"
        "for loss in (3, 1, 2): run.log({'loss': loss})\n"
        "run.finish()\n"
    )
    subprocess.run([sys.executable, "-c", child], check=True)
    run.define_metric("other")
    run._live._send()  # what its thread does by itself every now and then
    assert wandb.Api().run(run.path).summary["_step"] == 2
    run.finish()
    stored = wandb.Api().run(run.path)
    assert [row["loss"] for row in stored.scan_history()] == [3, 1, 2]
    assert (stored.state, stored.summary["_step"]) == ("finished", 2)
    assert "loss" in stored.summary


def test_again_and_away(monkeypatch):
    compat.install()
    first = importlib.import_module("wandb")
    compat.install()
    assert importlib.import_module("wandb") is first
    compat.uninstall()
    assert not compat.is_installed()
    assert modules_of_wandb() == []
    assert not hasattr(artifacts.Run, "_label")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("wandb")
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("wandb")
    compat.uninstall()
    compat.install()
    assert importlib.import_module("wandb") is first
    compat.uninstall()


def test_the_real_one_is_left_in_peace(real):
    with pytest.raises(artifacts.StateError, match=r"W&B 0\.19\.1 is installed") as caught:
        compat.install()
    assert caught.value.kind == "wandb_installed"
    assert "pip uninstall wandb" in hint_of(caught)
    assert importlib.import_module("wandb").real
    with pytest.raises(artifacts.StateError, match="imported already"):
        compat.install()
    assert not compat.is_installed()


def test_the_real_one_can_be_put_aside(real):
    theirs = importlib.import_module("wandb")
    compat.install(force=True)
    assert importlib.import_module("wandb").init is artifacts.init
    assert importlib.metadata.version("wandb") == compat.VERSION
    compat.uninstall()
    assert importlib.import_module("wandb") is theirs
    assert importlib.metadata.version("wandb") == "0.19.1"


def test_a_folder_that_wandb_has_left_is_no_package(tmp_path, monkeypatch):
    (tmp_path / "wandb" / "run-1").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("wandb")
    compat.install()
    try:
        assert importlib.import_module("wandb").init is artifacts.init
    finally:
        compat.uninstall()
        sys.modules.pop("wandb", None)


def test_silence(monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = logging.getLogger("artifacts")
    before = logger.level
    compat.install()
    assert logger.level == logging.ERROR
    compat.uninstall()
    assert logger.level == before


def test_telemetry_tells_nobody(wandb):
    from wandb.sdk.lib import telemetry

    with telemetry.context(run=None) as told:
        told.feature.keras = True
    assert not told.feature.keras
