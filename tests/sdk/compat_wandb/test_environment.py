"""``WANDB_*`` variables: when they count, for what, and which ones never do."""

import json
import os
from pathlib import Path

import pytest

import artifacts
from artifacts import _run_environment, settings
from artifacts._reference_settings import variables
from artifacts.compat import wandb as compat

SETTINGS = {
    ("WANDB_PROJECT", "p"): ("project", "p"),
    ("WANDB_ENTITY", "team"): ("entity", "team"),
    ("WANDB_CONSOLE", "off"): ("console", "off"),
    ("WANDB_CONSOLE", "redirect"): ("console", "auto"),
    ("WANDB_DISABLE_GIT", "true"): ("save_git", "false"),
    ("WANDB_DISABLE_CODE", "true"): ("save_code", "false"),
    ("WANDB_SAVE_CODE", "true"): ("save_code", "true"),
    ("WANDB_X_DISABLE_STATS", "true"): ("system_metrics_interval", "0"),
    ("WANDB__DISABLE_STATS", "true"): ("system_metrics_interval", "0"),
    ("WANDB_X_STATS_SAMPLING_INTERVAL", "7"): ("system_metrics_interval", "7"),
    ("WANDB_IGNORE_GLOBS", "*.pyc"): ("ignore_globs", "*.pyc"),
}
ARGUMENTS = {
    ("WANDB_RUN_ID", "r1"): ("id", "r1"),
    ("WANDB_NAME", "baseline"): ("name", "baseline"),
    ("WANDB_RUN_NAME", "baseline"): ("name", "baseline"),
    ("WANDB_RUN_GROUP", "fold"): ("group", "fold"),
    ("WANDB_JOB_TYPE", "eval"): ("job_type", "eval"),
    ("WANDB_NOTES", "text"): ("notes", "text"),
    ("WANDB_TAGS", "a, b"): ("tags", "a, b"),
    ("WANDB_MODE", "dryrun"): ("mode", "dryrun"),
    ("WANDB_MODE", "shared"): ("mode", "online"),
    ("WANDB_DISABLED", "true"): ("mode", "disabled"),
    ("WANDB_DIR", "runs"): ("dir", "runs"),
    ("WANDB_RESUME", "must"): ("resume", "must"),
    ("WANDB_RESUME", "true"): ("resume", "auto"),
    ("WANDB_SWEEP_ID", "s1"): ("sweep_id", "s1"),
    ("WANDB_CONFIG_PATHS", "a.json"): ("config_paths", "a.json"),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.delenv("ART_SYSTEM_METRICS_INTERVAL", raising=False)


@pytest.mark.parametrize(("told", "meant"), SETTINGS.items(), ids=str)
def test_settings(wandb, monkeypatch, told, meant):
    variable, text = told
    name, value = meant
    default = settings.load()[name]
    monkeypatch.setenv(variable, text)
    found = settings.load()[name]
    assert (found.value, found.origin) == (value, variable)
    monkeypatch.delenv(_run_environment.COMPAT)
    assert settings.load()[name] == default


@pytest.mark.parametrize(("told", "meant"), ARGUMENTS.items(), ids=str)
def test_what_a_run_is_told(wandb, monkeypatch, told, meant):
    monkeypatch.setenv(*told)
    assert _run_environment.run_variables() == dict([meant])
    monkeypatch.delenv(_run_environment.COMPAT)
    assert _run_environment.run_variables() == {}


def test_every_variable_is_tested():
    tested = {variable for variable, _ in (*SETTINGS, *ARGUMENTS)}
    alike = {"WANDB_CACHE_DIR", "WANDB_ARTIFACT_DIR"}  # below
    spellings = {name for names in variables().values() for name in names}
    # A name of W&B in upper case, beside the one that W&B documents.
    others = {
        "WANDB_RUN_JOB_TYPE", "WANDB_RUN_NOTES", "WANDB_RUN_TAGS", "WANDB_ROOT_DIR",
    }  # fmt: skip
    assert tested | alike | others == spellings


def test_folders(wandb, monkeypatch, tmp_path):
    monkeypatch.delenv("ART_CACHE_DIR")
    monkeypatch.setenv("WANDB_CACHE_DIR", "c")
    monkeypatch.setenv("WANDB_ARTIFACT_DIR", str(tmp_path / "a"))
    found = settings.load()
    assert found.cache_dir == tmp_path / "c"
    assert found.artifact_dir == tmp_path / "a"


def test_ours_go_before(wandb, monkeypatch):
    for name in ("PROJECT", "NAME", "TAGS"):
        monkeypatch.setenv(f"WANDB_{name}", "theirs")
        monkeypatch.setenv(f"ART_{name}", "ours")
    with wandb.init() as run:
        assert (run.project, run.name, run.tags) == ("ours", "ours", ("ours",))


def test_a_run_of_a_shell_that_was_set_up_for_wandb(wandb, monkeypatch):
    Path("base.json").write_text(json.dumps({"lr": 1, "depth": 2}))
    Path("more.toml").write_text("depth = 3\nseed = 4\n")
    told = {"PROJECT": "demo", "NAME": "baseline", "TAGS": "a,b", "NOTES": "text"}
    told |= {"RUN_GROUP": "fold", "JOB_TYPE": "eval", "CONFIG_PATHS": "base.json, more.toml"}
    for name, value in told.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    with wandb.init(config={"seed": 5}, notes="said") as run:
        assert (run.project, run.name, run.group, run.job_type) == (
            "demo", "baseline", "fold", "eval",
        )  # fmt: skip
        assert (run.tags, run.notes) == (("a", "b"), "said")
        assert dict(run.config) == {"lr": 1, "depth": 3, "seed": 5}


def test_a_file_of_a_configuration_that_is_not_there(wandb, monkeypatch):
    monkeypatch.setenv("WANDB_CONFIG_PATHS", "nowhere.json")
    with pytest.raises(artifacts.ConfigError, match=r"no configuration file nowhere\.json"):
        wandb.init(project="demo")
    assert wandb.run is None


def test_without_the_switch_they_do_not_count(monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with artifacts.init() as run:
        assert (run.project, run.disabled) == ("uncategorized", False)


def test_the_switch_in_the_environment_is_enough(monkeypatch):
    """Scripts that begin with ``import artifacts as wandb`` need nothing else."""
    monkeypatch.setenv("ART_COMPAT", "wandb")
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    with artifacts.init() as run:
        assert run.project == "theirs"


def test_the_environment_is_as_before_in_the_end(monkeypatch):
    monkeypatch.setenv("ART_COMPAT", "other")
    compat.install()
    assert _run_environment.stands_in()
    compat.uninstall()
    assert not _run_environment.stands_in()


def test_keys_and_addresses_are_not_looked_at(wandb, monkeypatch, store):
    monkeypatch.setenv("WANDB_API_KEY", "s3cr3t" * 6)
    monkeypatch.setenv("WANDB_BASE_URL", "https://s3cr3t.example.com")
    wandb.login(key="s3cr3t", host="https://s3cr3t.example.com", relogin=True)
    with wandb.init(project="demo", settings=wandb.Settings(api_key="s3cr3t")) as run:
        run.log({"a": 1})
        assert run.app_url is None if hasattr(run, "app_url") else run.get_url() is None
    assert "s3cr3t" not in repr(wandb.Settings(api_key="s3cr3t"))
    assert not any("s3cr3t" in value.value for value in settings.load().values.values())
    files = [file for file in store.rglob("*") if file.is_file()]
    assert files
    assert not any(b"s3cr3t" in file.read_bytes() for file in files)


def test_what_wandb_env_says(wandb, monkeypatch):
    assert wandb.env.get_project("none") == "none"
    monkeypatch.setenv(wandb.env.PROJECT, "p")
    monkeypatch.setenv(wandb.env.RUN_ID, "r")
    monkeypatch.setenv(wandb.env.MODE, "offline")
    assert (wandb.env.get_project(), wandb.env.get_run(), wandb.env.is_offline()) == (
        "p",
        "r",
        True,
    )
    assert wandb.env.get_entity() is None
    assert wandb.env.get_dir() is None
    assert wandb.env.get_cache_dir() == str(settings.load().cache_dir)


def test_what_wandb_env_sets(wandb, monkeypatch):
    for name in ("ART_PROJECT", "ART_ENTITY", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.setenv(name, "before")  # so that it is as it was in the end
    wandb.env.set_project("p")
    wandb.env.set_entity("e")
    assert (os.environ["WANDB_PROJECT"], os.environ["WANDB_ENTITY"]) == ("p", "e")
    with wandb.init() as run:
        assert (run.project, run.entity) == ("p", "e")
