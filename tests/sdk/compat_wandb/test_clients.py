"""The names of W&B that the callbacks of training libraries touch are there.

That the callbacks work is shown by `make test-clients`, which installs the libraries. This is the
part of it that needs none of them, for more of them.
"""

import importlib
import inspect
import sys
from typing import NamedTuple

import pytest

import artifacts


class Client(NamedTuple):
    """What a client touches.

    Attributes:
        modules: Names that it takes from modules of W&B.
        run: What it calls on a run.
        init: What it passes to `init`.
    """

    modules: dict[str, str]
    run: str = ""
    init: str = ""


CLIENTS = {
    "accelerate: WandBTracker": Client(
        {"wandb": "Image Table config init run"},
        run="config finish log",
        init="project",
    ),
    "catboost: WandbCallback": Client(
        {"wandb.catboost": "WandbCallback log_summary"},
        run="log",
    ),
    "composer: WandBLogger": Client(
        {"wandb": "Api Artifact finish init log log_artifact run", "wandb.errors": "CommError"},
        run="entity group id name project",
        init="project group name entity tags",
    ),
    "fastai: WandbCallback": Client(
        {"wandb": "Artifact Image Table config log run watch"},
        run="id log_artifact step summary use_artifact",
    ),
    "keras: wandb.keras": Client(
        {
            "wandb.keras": "WandbCallback WandbEvalCallback WandbMetricsLogger",
            "wandb.integration.keras": "WandbMetricsLogger WandbModelCheckpoint",
        },
    ),
    "lightgbm: wandb_callback": Client(
        {
            "wandb.lightgbm": "log_summary wandb_callback",
            "wandb.integration.lightgbm": "log_summary wandb_callback",
        },
    ),
    "Lightning: WandbLogger": Client(
        {
            "wandb": "Api Artifact Audio Image Table Video _attach init require run",
            "wandb.sdk.lib": "RunDisabled",
            "wandb.wandb_run": "Run",
            "wandb.sdk.wandb_run": "Run",
        },
        run="_attach_id _label config define_metric id log log_artifact name use_artifact watch",
        init="name project dir id resume anonymous",
    ),
    "mmengine: WandbVisBackend": Client(
        {"wandb": "Image config define_metric init join log run watch"},
        run="log_code",
        init="project name config dir",
    ),
    "optuna-integration: WeightsAndBiasesCallback": Client(
        {"wandb": "init run", "wandb.sdk.wandb_run": "Run"},
        run="config finish log name tags",
        init="project tags",
    ),
    "pytorch-ignite: WandBLogger": Client(
        {"wandb": "config finish init log run save summary watch"},
        run="dir",
        init="entity project name config tags",
    ),
    "ray: WandbLoggerCallback": Client(
        {
            "wandb": "Artifact api config ensure_configured finish init log log_artifact",
            "wandb.util": "json_dumps_safer",
            "wandb.wandb_run": "Run",
            "wandb.sdk.lib.disabled": "RunDisabled",
            "wandb.sdk.data_types.base_types.wb_value": "WBValue",
        },
        run="config",
        init="id name resume reinit allow_val_change group project config",
    ),
    "skorch: WandbLogger": Client(
        {},
        run="dir log watch",
    ),
    "spaCy: WandbLogger": Client(
        {"wandb": "Artifact init join log log_artifact run"},
        run="id name",
        init="project config entity reinit",
    ),
    "stable-baselines3: WandbCallback": Client(
        {"wandb.integration.sb3": "WandbCallback"},
        run="config id",
        init="project config sync_tensorboard monitor_gym save_code",
    ),
    "torchtune: WandBLogger": Client(
        {"wandb": "Artifact config define_metric finish init log log_artifact run save"},
        run="_label",
        init="project entity group reinit resume dir",
    ),
    "transformers: WandbCallback": Client(
        {
            "wandb": "Artifact config define_metric finish init log log_artifact run summary watch",
            "wandb.sdk.lib.config_util": "ConfigError",
        },
        run="_label get_url id log_artifact name summary",
        init="project name group",
    ),
    "transformers: search over hyperparameters": Client(
        {"wandb": "agent config init run sweep", "wandb.env": "set_entity set_project"},
        run="config name sweep_id",
        init="project",
    ),
    "ultralytics: callbacks": Client(
        {
            "wandb": "Artifact Image Table __version__ init log plot plot_table run",
            "wandb.plot": "line",
        },
        run="finish id log log_artifact",
        init="project name config",
    ),
    "xgboost: WandbCallback": Client(
        {
            "wandb.xgboost": "WandbCallback wandb_callback",
            "wandb.integration.xgboost": "WandbCallback",
        },
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_names_it_imports(wandb, client):
    for module, names in CLIENTS[client].modules.items():
        assert set(names.split()) <= set(dir(importlib.import_module(module)))


def test_a_library_that_is_not_there_is_what_clients_expect(wandb, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    for name in ("artifacts.integration.xgboost", "artifacts.integration._xgboost_callback"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match="pip install xgboost"):
        exec("from wandb.xgboost import WandbCallback")


@pytest.mark.parametrize("client", CLIENTS)
def test_what_it_calls_on_a_run(wandb, client):
    missing = [name for name in CLIENTS[client].run.split() if not hasattr(artifacts.Run, name)]
    assert missing == []


@pytest.mark.parametrize("client", CLIENTS)
def test_what_it_passes_to_init(client):
    assert set(CLIENTS[client].init.split()) <= set(inspect.signature(artifacts.init).parameters)


def test_a_callback_as_transformers_writes_it(wandb, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "huggingface")
    run = wandb.init(project="huggingface", name="out")
    wandb.config.update({"lr": 1e-3, "nested": {"a": [1, 2]}}, allow_val_change=True)
    wandb.define_metric("train/global_step")
    wandb.define_metric("*", step_metric="train/global_step", step_sync=True)
    wandb.run._label(code="transformers_trainer")
    wandb.config["model/num_parameters"] = 17
    wandb.termwarn("the name is the folder's", repeat=False)
    for step in (10, 20):
        wandb.log({"train/loss": 1 / step, "train/global_step": step})
    wandb.run.summary["train_runtime"] = 3.5
    numbers = {key: value for key, value in dict(wandb.summary).items() if key[0] != "_"}
    artifact = wandb.Artifact(name=f"model-{wandb.run.id}", type="model", metadata=numbers)
    with artifact.new_file("config.json", mode="wb") as file:
        file.write(b"{}")
    wandb.run.log_artifact(artifact, aliases=["final_model"])
    wandb.finish()

    stored = wandb.Api().run(f"huggingface/{run.id}")
    assert stored.config["model/num_parameters"] == 17
    assert [row["train/loss"] for row in stored.scan_history()] == [0.1, 0.05]
    assert stored.summary["train_runtime"] == 3.5
    [model] = stored.logged_artifacts()
    assert (model.metadata["train_runtime"], "final_model" in model.aliases) == (3.5, True)


def test_a_logger_as_lightning_writes_it(wandb):
    from wandb.sdk.lib import RunDisabled
    from wandb.wandb_run import Run

    wandb.require("service")
    logger = {"name": None, "project": "lightning_logs", "dir": "logs", "id": None}
    run = wandb.init(**logger, resume="allow", anonymous=None)
    assert isinstance(run, (Run, RunDisabled))
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    run._label(code="lightning_logger")
    run.config.update({"layers": 2}, allow_val_change=True)
    run.log({"loss": 0.5, "trainer/global_step": 0})
    artifact = wandb.Artifact(name=f"model-{run.id}", type="model", metadata={"score": 0.5})
    with artifact.new_file("model.ckpt", mode="wb") as file:
        file.write(b"weights")
    run.log_artifact(artifact, aliases=["latest", "best"])
    run.finish()
    api = wandb.Api()
    assert api.run(f"lightning_logs/{run.id}").summary["loss"] == 0.5
    found = api.artifact(f"lightning_logs/model-{run.id}:best", type="model")
    assert found.get_path("model.ckpt").size == len(b"weights")


def test_a_callback_as_ray_writes_it(wandb):
    wandb.ensure_configured()
    assert wandb.api.api_key
    settings = {"id": "t1", "name": "trial", "resume": True, "reinit": True, "group": "tune"}
    run = wandb.init(project="p", allow_val_change=True, config={"lr": 1}, **settings)
    run.config.trial_log_path = "/tmp/x"
    wandb.config.update({"lr": 2}, allow_val_change=True)
    assert wandb.util.json_dumps_safer({"a": object, "n": float("nan")})
    wandb.finish()
    assert wandb.Api().run("p/t1").config == {"lr": 2, "trial_log_path": "/tmp/x"}


def test_a_search_as_transformers_writes_it(wandb):
    """It reads what was chosen from the insides of the config."""
    tried = []

    def objective():
        run = wandb.run or wandb.init()
        run.config.update({"assignments": {}, "metric": "eval/loss"})
        tried.append(vars(wandb.config)["_items"]["lr"])
        wandb.log({"eval/loss": tried[-1]})

    search = {"method": "grid", "parameters": {"lr": {"values": [1, 2]}}}
    sweep_id = wandb.sweep(search, project="huggingface", entity=None)
    wandb.agent(sweep_id, function=objective, count=2)
    assert sorted(tried) == [1, 2]
