"""Modules for libraries that are not installed, and what cannot be served, say so."""

import importlib.util
import subprocess
import sys

import pytest

import artifacts
from artifacts.store.errors import ConfigError, UnsupportedError


@pytest.mark.parametrize(
    ("module", "name", "package"),
    [
        ("keras", "WandbCallback", "keras"),
        ("keras", "WandbMetricsLogger", "keras"),
        ("sb3", "WandbCallback", "stable-baselines3"),
        ("xgboost", "WandbCallback", "xgboost"),
    ],
)
def test_a_library_that_is_missing(module, name, package):
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("this environment has the libraries")
    home = importlib.import_module(f"artifacts.integration.{module}")
    assert name in home.__all__
    with pytest.raises(ConfigError, match=f"needs {package}") as caught:
        getattr(home, name)
    assert caught.value.kind == "not_installed"
    assert caught.value.hint == f"install it with: pip install {package}"


def test_a_name_that_is_not_there():
    from artifacts.integration import keras

    with pytest.raises(AttributeError, match="has no attribute 'WandbCallbak'"):
        keras.WandbCallbak  # noqa: B018 - it is looked up


def test_fastai_needs_the_switch_first():
    from artifacts.integration import fastai

    with pytest.raises(ConfigError, match="imports wandb") as caught:
        fastai.WandbCallback  # noqa: B018 - it is looked up
    assert caught.value.hint == "call artifacts.compat.wandb.install() first"


def test_videos_need_gymnasium():
    if importlib.util.find_spec("gymnasium") is not None:
        pytest.skip("this environment has it")
    with pytest.raises(ConfigError, match="needs gymnasium"):
        artifacts.init(project="demo", monitor_gym=True)
    assert artifacts.run is None


def test_models_need_torch(run):
    with pytest.raises(TypeError, match=r"torch\.nn\.Module"):
        run.watch(object())
    run.unwatch()


def test_a_run_that_has_ended_watches_nothing():
    run = artifacts.init(project="demo")
    run.finish()
    with pytest.raises(artifacts.RunFinishedError):
        run.watch(object())


def test_a_disabled_run_watches_nothing():
    with artifacts.init(project="demo", mode="disabled") as run:
        run.watch(object())
        run.unwatch(object())
        assert run.step == 0


@pytest.mark.parametrize("module", ["diffusers", "langchain", "openai"])
def test_what_is_not_served(module):
    home = importlib.import_module(f"artifacts.integration.{module}")
    for name in home.__all__:
        with pytest.raises(UnsupportedError, match="is not supported") as caught:
            getattr(home, name)({"project": "demo"})
        assert caught.value.hint
        assert "not supported" in repr(getattr(home, name))


def test_modules_are_loaded_when_they_are_used():
    program = (
        "import sys, artifacts\n"
        "assert 'artifacts.integration.sklearn' not in sys.modules\n"
        "artifacts.integration.sklearn.plot_roc, artifacts.sklearn.plot_roc\n"
        "artifacts.tensorboard.patch, artifacts.gym.monitor, artifacts.catboost.log_summary\n"
        "assert not {'sklearn', 'tensorboard', 'numpy'} & set(sys.modules)\n"
        "artifacts.integration.nothing"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert b"has no attribute 'nothing'" in done.stderr
