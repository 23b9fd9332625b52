"""Every call that people make of W&B does what they expect: the tables of what is called how often.

Each test says which rows it shows; the last one makes sure that no row is left.
"""

import importlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import artifacts
from tests.sdk.helpers import hint_of

wandb: Any = artifacts  # as users import it

# By number of files, over public scripts and the callbacks of training libraries.
CALLS = """
wandb.init, wandb.log, wandb.config, wandb.login, wandb.finish, config.<key> (read attr),
wandb.Table, wandb.Image, wandb.run, wandb.Artifact, Artifact.download, Table.add_data,
config.<key> = (set attr), Run.finish, Artifact.add_file, Run.id, wandb.use_artifact,
Run.log_artifact, Run.use_artifact, Run.log, config.update, wandb.log_artifact, Run.config,
wandb.Api, Artifact.add_dir, Run.name, from wandb.keras import WandbCallback, Artifact.add,
wandb.sklearn, wandb.watch, config[key], wandb.sweep, wandb.agent, Run.summary,
summary[key] = (set item), from wandb.keras import WandbMetricsLogger, Run.link_artifact,
Entry.download, wandb.summary, Api.artifact, wandb.plot, wandb.Object3D, Artifact.get_path,
Api.runs, from wandb.integration.keras import WandbMetricsLogger, Artifact.get, Artifact.save,
Artifact.new_file, wandb.save, wandb.__version__,
from wandb.integration.keras import WandbModelCheckpoint, Artifact.metadata, wandb.Audio,
wandb.Html, from wandb.fastai import WandbCallback, wandb.util,
from wandb.keras import WandbModelCheckpoint, Table.data, Api.run, config[key] = (set item),
summary.<key> (read attr), config.items, wandb.Histogram, util.make_artifact_name_safe,
plot.confusion_matrix, Run.entity, Table.add_column, wandb.define_metric, wandb.Classes,
Artifact.name, Run.step, wandb.sagemaker_auth, Artifact.wait, summary.update, wandb.alert,
wandb.require, wandb.Video, from wandb.keras import WandbEvalCallback,
from wandb.integration.diffusers import autolog, Run.history
"""
ARGUMENTS = """
wandb.init(project=), wandb.init(job_type=), wandb.init(config=), wandb.Table(columns=),
wandb.init(name=), wandb.init(entity=), wandb.Artifact(type=), wandb.init(sync_tensorboard=),
wandb.init(save_code=), wandb.Table(data=), wandb.init(monitor_gym=), wandb.Artifact(metadata=),
wandb.Artifact(description=), wandb.Artifact(name=), Run.use_artifact(type=),
wandb.use_artifact(type=), wandb.Table(dataframe=), wandb.log(step=), wandb.Image(caption=),
Artifact.add_file(name=), wandb.log_artifact(aliases=), wandb.Image(masks=), wandb.init(group=),
wandb.log(commit=), wandb.init(resume=), wandb.init(reinit=), wandb.sweep(project=),
wandb.agent(function=), wandb.init(id=), wandb.agent(count=), Artifact.add_file(local_path=),
Api.artifacts(type_name=), Api.artifacts(name=), Api.artifacts(tags=), wandb.init(notes=),
Run.use_artifact(artifact_or_name=), Artifact.new_file(mode=), Table.get_column(convert_to=),
wandb.watch(log=), wandb.Image(classes=), wandb.Audio(sample_rate=), Run.log(step=),
Run.log(commit=), wandb.define_metric(step_metric=), Run.log_artifact(aliases=),
config.update(allow_val_change=), Api.artifact(type=), wandb.watch(log_freq=),
wandb.Image(boxes=), Artifact.download(root=), plot.bar(title=), plot.confusion_matrix(y_true=),
plot.confusion_matrix(preds=), plot.confusion_matrix(class_names=), wandb.sagemaker_auth(path=),
wandb.log_artifact(type=), Artifact.add_dir(name=), Run.link_artifact(artifact=),
Run.link_artifact(target_path=), wandb.sweep(entity=), wandb.log_model(aliases=),
wandb.alert(title=), wandb.alert(text=), Run.history(keys=), Run.history(samples=),
Run.define_metric(step_metric=), wandb.init(magic=), wandb.init(settings=), Run.log_code(name=),
Run.log_code(include_fn=)
"""

shown: set[str] = set()


def shows(*rows):
    """Say which rows of the tables a test shows."""
    shown.update(rows)
    return lambda test: test


@pytest.fixture
def image():
    return np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@shows(
    "wandb.init", "wandb.init(project=)", "wandb.init(job_type=)", "wandb.init(config=)",
    "wandb.init(name=)", "wandb.init(entity=)", "wandb.init(group=)", "wandb.init(notes=)",
    "wandb.init(id=)", "wandb.init(reinit=)", "wandb.init(save_code=)", "wandb.init(settings=)",
    "wandb.run", "wandb.finish", "Run.finish", "Run.id", "Run.name", "Run.entity", "Run.config",
)  # fmt: skip
def test_runs():
    assert not wandb.run
    run = wandb.init(
        project="demo", entity="me", name="first", id="r1", group="g", job_type="train",
        notes="text", config={"lr": 0.1}, tags=["a"], save_code=True, reinit=True,
        settings=wandb.Settings(console="off", start_method="thread", _disable_stats=True),
    )  # fmt: skip
    assert wandb.run is run
    assert (run.project, run.entity, run.name, run.id) == ("demo", "me", "first", "r1")
    assert (run.group, run.job_type, run.notes) == ("g", "train", "text")
    assert run.config["lr"] == 0.1
    again = wandb.init(project="demo", reinit=True)
    assert (again.id != "r1", run.state) == (True, "finished")
    again.finish()
    wandb.finish()
    assert wandb.run is None


@shows("wandb.init(resume=)", "Run.step", "wandb.log(step=)", "wandb.log(commit=)", "wandb.log")
@shows("Run.log", "Run.log(step=)", "Run.log(commit=)", "Run.history", "Run.history(keys=)")
@shows("Run.history(samples=)", "Api.run", "wandb.Api")
def test_rows():
    with wandb.init(project="demo", id="r1", resume="allow") as run:
        wandb.log({"loss": 3.0}, commit=False)
        wandb.log({"acc": 0.1})
        run.log({"loss": 2.0}, step=5)
        assert run.step == 5
        run.log({"acc": 0.2}, step=5, commit=True)
    with wandb.init(project="demo", id="r1", resume="allow") as run:
        assert run.step == 6
        run.log({"loss": 1.0}, commit=True)
    stored = wandb.Api().run("demo/r1")
    rows = stored.history(keys=["loss", "acc"], samples=10, pandas=False)
    assert [(row["_step"], row["loss"], row["acc"]) for row in rows] == [
        (0, 3.0, 0.1),
        (5, 2.0, 0.2),
    ]
    assert len(stored.history(samples=2, pandas=False)) == 2


@shows(
    "wandb.config", "config.<key> (read attr)", "config.<key> = (set attr)", "config.update",
    "config[key]", "config[key] = (set item)", "config.items", "config.update(allow_val_change=)",
)  # fmt: skip
def test_config(run):
    wandb.config.lr = 0.1
    wandb.config["depth"] = 2
    wandb.config.update({"lr": 0.2}, allow_val_change=True)
    assert (wandb.config.lr, wandb.config["depth"]) == (0.2, 2)
    assert dict(wandb.config.items()) == {"lr": 0.2, "depth": 2}
    assert dict(wandb.config.user_items()) == {"lr": 0.2, "depth": 2}
    with pytest.raises(wandb.Error):
        wandb.config.update({"lr": 0.3})


@shows("Run.summary", "summary[key] = (set item)", "wandb.summary", "summary.<key> (read attr)")
@shows("summary.update", "wandb.define_metric", "wandb.define_metric(step_metric=)")
@shows("Run.define_metric(step_metric=)")
def test_summary(run):
    wandb.define_metric("epoch")
    wandb.define_metric("val/*", step_metric="epoch")
    run.define_metric("loss", step_metric="epoch", summary="min")
    wandb.log({"epoch": 1, "loss": 2.0, "val/acc": 0.5})
    wandb.log({"epoch": 2, "loss": 3.0})
    wandb.summary["best"] = 0.5
    run.summary.update({"note": "done"})
    assert (wandb.summary.best, run.summary.note) == (0.5, "done")
    assert run.summary["loss"] == {"min": 2.0}


def test_config_and_summary_before_there_is_a_run():
    config = wandb.config
    assert "without a run" in repr(wandb.summary)
    for use in (
        lambda: config.lr,
        lambda: config["lr"],
        lambda: setattr(config, "lr", 1),
        lambda: config.update({"lr": 1}),
        lambda: dict(config),
    ):
        with pytest.raises(wandb.Error, match=r"call artifacts.init\(\) before artifacts.config"):
            use()
    with wandb.init(project="demo", config={"lr": 1, "depth": 2}) as run:
        assert dict(config) == dict(run.config)
        config.lr2 = 2
        del config["lr2"]
        assert ("lr2" in config, "lr" in config, len(config)) == (False, True, 2)


@shows(
    "wandb.Artifact", "wandb.Artifact(type=)", "wandb.Artifact(metadata=)",
    "wandb.Artifact(description=)", "wandb.Artifact(name=)", "Artifact.add_file",
    "Artifact.add_file(name=)", "Artifact.add_file(local_path=)", "Artifact.add_dir",
    "Artifact.add_dir(name=)", "Artifact.new_file", "Artifact.new_file(mode=)",
    "Artifact.metadata", "Artifact.name", "Artifact.wait", "wandb.log_artifact",
    "wandb.log_artifact(aliases=)", "wandb.log_artifact(type=)", "Run.log_artifact",
    "Run.log_artifact(aliases=)", "wandb.use_artifact", "wandb.use_artifact(type=)",
    "Run.use_artifact", "Run.use_artifact(type=)", "Run.use_artifact(artifact_or_name=)",
    "Artifact.download", "Artifact.download(root=)", "Artifact.get_path", "Entry.download",
    "Api.artifact", "Api.artifact(type=)", "Api.artifacts(type_name=)", "Api.artifacts(name=)",
    "Api.artifacts(tags=)", "Api.runs",
)  # fmt: skip
def test_artifacts(run, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    artifact = wandb.Artifact(
        name="corpus", type="dataset", description="words", metadata={"words": 1}
    )
    artifact.add_file(local_path=str(folder / "a.txt"), name="one.txt")
    artifact.add_dir(str(folder), name="all")
    with artifact.new_file("made.txt", mode="w") as file:
        file.write("made")
    run.log_artifact(artifact, aliases=["prod"])
    artifact.wait()
    assert (artifact.name, artifact.metadata) == ("corpus:v0", {"words": 1})
    artifact.tags = ["clean"]
    artifact.save()
    logged = wandb.log_artifact(folder / "a.txt", name="single", type="raw", aliases=["x"])
    assert (logged.type, sorted(logged.aliases)) == ("raw", ["latest", "x"])
    used = wandb.use_artifact("corpus:prod", type="dataset")
    used = run.use_artifact(artifact_or_name="corpus:prod", type="dataset")
    where = used.download(root=str(tmp_path / "got"))
    assert (tmp_path / "got" / "made.txt").read_text() == "made"
    assert where == str(tmp_path / "got")
    path = used.get_path("one.txt").download(root=str(tmp_path / "one"))
    assert Path(path).read_text() == "a"
    api = wandb.Api()
    assert api.artifact("demo/corpus:v0", type="dataset").digest == artifact.digest
    [found] = api.artifacts(type_name="dataset", name="demo/corpus", tags=["clean"])
    assert found.name == "corpus:v0"
    assert [each.id for each in api.runs("demo")] == [run.id]


@shows("Artifact.save")
def test_an_artifact_that_is_saved_by_itself():
    artifact = wandb.Artifact("alone", type="dataset")
    with artifact.new_file("a.txt") as file:
        file.write("a")
    artifact.save(project="demo")
    assert wandb.Api().artifact("demo/alone:v0").file_count == 1


@shows("Run.link_artifact", "Run.link_artifact(artifact=)", "Run.link_artifact(target_path=)")
@shows("wandb.log_model(aliases=)")
def test_models_and_links(run, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w")
    model = wandb.log_model(weights, name="net", aliases=["best"])
    assert "best" in model.aliases
    linked = run.link_artifact(artifact=model, target_path="registry/nets", aliases=["prod"])
    assert linked.is_link
    assert wandb.link_artifact(model, "registry/more").is_link
    assert wandb.link_model(weights, "nets", name="net").is_link
    assert Path(wandb.use_model("net:best")).read_bytes() == b"w"


@shows("wandb.save", "Run.log_code(name=)", "Run.log_code(include_fn=)")
def test_files_and_code(run, tmp_path):
    (tmp_path / "results.txt").write_text("r")
    assert len(wandb.save("results.txt")) == 1
    (tmp_path / "train.py").write_text("print()")
    (tmp_path / "train.sh").write_text("echo")
    code = run.log_code(
        str(tmp_path), name="source", include_fn=lambda path: path.endswith((".py", ".sh"))
    )
    assert sorted(code.manifest.entries) == ["train.py", "train.sh"]
    assert wandb.log_code(str(tmp_path), name="source").version == "v1"


def test_versions_that_many_make(tmp_path):
    (tmp_path / "part.txt").write_text("p")
    with wandb.init(project="demo", group="g"):
        wandb.upsert_artifact("part.txt", name="shared", type="dataset")
        done = wandb.finish_artifact(wandb.Artifact("shared", type="dataset"))
        assert done.version == "v0"
        wandb.mark_preempting()
        assert wandb.run.state == "preempting"
        wandb.join()
    assert wandb.run is None


@shows("wandb.alert", "wandb.alert(title=)", "wandb.alert(text=)")
def test_alerts(run):
    wandb.alert(title="low accuracy", text="0.1", level=wandb.AlertLevel.WARN)
    assert [alert.title for alert in run.alerts] == ["low accuracy"]


@shows(
    "wandb.Table", "wandb.Table(columns=)", "wandb.Table(data=)", "wandb.Table(dataframe=)",
    "Table.add_data", "Table.data", "Table.add_column", "Table.get_column(convert_to=)",
)  # fmt: skip
def test_tables(run):
    pandas = pytest.importorskip("pandas")
    table = wandb.Table(columns=["id", "text"], data=[[1, "a"]])
    table.add_data(2, "b")
    table.add_column("score", [0.5, 1.0])
    assert [list(row) for row in table.data] == [[1, "a", 0.5], [2, "b", 1.0]]
    assert table.get_column("score", convert_to="numpy").sum() == 1.5
    framed = wandb.Table(dataframe=pandas.DataFrame({"x": [1, 2]}))
    assert framed.columns == ["x"]
    wandb.log({"table": table})
    run.finish()
    [row] = wandb.Api().run(run.path).scan_history()
    assert [list(each) for each in row["table"].data] == [[1, "a", 0.5], [2, "b", 1.0]]


@shows(
    "wandb.Image", "wandb.Image(caption=)", "wandb.Image(masks=)", "wandb.Image(boxes=)",
    "wandb.Image(classes=)", "wandb.Classes", "wandb.Histogram", "wandb.Audio", "wandb.Html",
    "wandb.Audio(sample_rate=)", "wandb.Video", "wandb.Object3D",
)  # fmt: skip
def test_media(run, image):
    classes = wandb.Classes([{"id": 0, "name": "sky"}, {"id": 1, "name": "sea"}])
    mask = {"mask_data": np.eye(4, dtype=np.uint8), "class_labels": {0: "sky", 1: "sea"}}
    corners = {"minX": 0.1, "maxX": 0.9, "minY": 0.1, "maxY": 0.9}
    boxes = {"box_data": [{"position": corners, "class_id": 1}], "class_labels": {1: "sea"}}
    wandb.log(
        {
            "image": wandb.Image(
                image, caption="both", classes=classes, masks={"truth": mask},
                boxes={"found": boxes},
            ),
            "histogram": wandb.Histogram([1, 2, 2, 3], num_bins=3),
            "audio": wandb.Audio(np.zeros(800, dtype=np.float32), sample_rate=8000),
            "html": wandb.Html("<b>bold</b>"),
            "video": wandb.Video(np.zeros((3, 3, 8, 8), dtype=np.uint8), fps=2, format="gif"),
            "points": wandb.Object3D(np.random.default_rng(0).random((5, 3))),
        }
    )  # fmt: skip
    run.finish()
    [row] = wandb.Api().run(run.path).scan_history()
    assert row["image"]["caption"] == "both"
    assert np.array_equal(np.asarray(row["image"].image)[..., :3], image)
    assert {"masks", "boxes"} <= set(row["image"].keys())
    kinds = {key: row[key]["_type"] for key in ("histogram", "audio", "html", "video", "points")}
    assert kinds == {
        "histogram": "histogram", "audio": "audio-file", "html": "html-file",
        "video": "video-file", "points": "object3D-file",
    }  # fmt: skip


@shows("Artifact.add", "Artifact.get")
def test_objects_in_artifacts(run, image):
    artifact = wandb.Artifact("gallery", type="dataset")
    artifact.add(wandb.Image(image, caption="c"), "picture")
    artifact.add(wandb.Table(columns=["a"], data=[[1]]), "rows")
    run.log_artifact(artifact)
    stored = wandb.Api().artifact("demo/gallery:latest")
    assert stored.get("picture").caption == "c"
    assert [list(row) for row in stored.get("rows").data] == [[1]]
    assert stored.get("nothing") is None


@shows("wandb.plot", "plot.bar(title=)", "plot.confusion_matrix", "plot.confusion_matrix(y_true=)")
@shows("plot.confusion_matrix(preds=)", "plot.confusion_matrix(class_names=)")
def test_charts(run):
    table = wandb.Table(columns=["label", "value"], data=[["a", 1], ["b", 2]])
    matrix = wandb.plot.confusion_matrix(
        y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["cat", "dog"]
    )
    bars = wandb.plot.bar(table, "label", "value", title="Values")
    own = wandb.plot_table("wandb/bar/v0", table, {"label": "label", "value": "value"})
    wandb.log({"matrix": matrix, "bars": bars, "own": own})
    run.finish()
    [row] = wandb.Api().run(run.path).scan_history()
    assert {"matrix_table", "bars_table", "own_table"} <= set(row)
    counts = {(r[0], r[1]): r[2] for r in row["matrix_table"].data}
    assert counts == {("cat", "cat"): 1, ("cat", "dog"): 0, ("dog", "cat"): 1, ("dog", "dog"): 1}


@shows("wandb.sweep", "wandb.agent", "wandb.sweep(project=)", "wandb.sweep(entity=)")
@shows("wandb.agent(function=)", "wandb.agent(count=)")
def test_sweeps():
    config = {"method": "grid", "parameters": {"lr": {"values": [1, 2, 3]}}}
    sweep_id = wandb.sweep(config, project="demo", entity="me")
    tried = []

    def train():
        with wandb.init() as run:
            tried.append((wandb.config.lr, run.sweep_id, run.project))
            wandb.log({"loss": wandb.config.lr})

    wandb.agent(sweep_id, function=train, count=2, project="demo", entity="me")
    assert len(tried) == 2
    assert {each[1:] for each in tried} == {(sweep_id, "demo")}


@shows("wandb.watch", "wandb.watch(log=)", "wandb.watch(log_freq=)")
def test_watching(run):
    """That histograms are logged is shown with PyTorch, by the tests of clients."""
    with pytest.raises(artifacts.InvalidTypeError):
        wandb.watch("no model", log="all", log_freq=10)
    wandb.unwatch()


@shows(
    "from wandb.keras import WandbCallback", "from wandb.keras import WandbMetricsLogger",
    "from wandb.keras import WandbModelCheckpoint", "from wandb.keras import WandbEvalCallback",
    "from wandb.integration.keras import WandbMetricsLogger",
    "from wandb.integration.keras import WandbModelCheckpoint",
    "from wandb.fastai import WandbCallback", "wandb.sklearn",
)  # fmt: skip
@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("keras", "WandbCallback WandbMetricsLogger WandbModelCheckpoint WandbEvalCallback"),
        ("integration.keras", "WandbMetricsLogger WandbModelCheckpoint"),
        ("fastai", "WandbCallback"),
        ("sklearn", "plot_confusion_matrix plot_roc plot_classifier"),
        ("xgboost", "WandbCallback"),
        ("lightgbm", "wandb_callback log_summary"),
    ],
)
def test_integrations_are_where_scripts_look_for_them(module, names):
    found = importlib.import_module(f"artifacts.{module}")
    assert set(names.split()) <= {*dir(found), *getattr(found, "__all__", ())}
    for name in names.split():
        missing = what_is_missing(found, name)
        assert missing is None or "pip install" in missing or "wandb.install()" in missing


def what_is_missing(module, name):
    """Return what to do if a library is not installed that something needs, else None."""
    try:
        getattr(module, name)
    except artifacts.ConfigError as error:
        return error.hint if error.kind == "not_installed" else ""
    return None


@shows("from wandb.integration.diffusers import autolog")
def test_what_is_not_served_says_so():
    from artifacts.integration.diffusers import autolog

    with pytest.raises(artifacts.UnsupportedError, match="not supported") as caught:
        autolog()
    assert hint_of(caught)


@shows("wandb.init(sync_tensorboard=)", "wandb.init(monitor_gym=)", "wandb.init(magic=)")
def test_older_switches_of_init(log):
    pytest.importorskip("tensorboard")
    with wandb.init(project="demo", sync_tensorboard=True) as run:
        assert run.state == "running"
    with wandb.init(project="demo", monitor_gym=False, magic=True):
        pass
    assert "init() does not support magic" in log.text


@shows("wandb.login", "wandb.sagemaker_auth", "wandb.sagemaker_auth(path=)", "wandb.require")
def test_what_there_is_nothing_to_do_for(log, store, tmp_path):
    assert wandb.login(key="x" * 40, relogin=True) is True
    assert f"the store is {store}" in log.text
    assert wandb.login(verify=True) is True
    assert wandb.sagemaker_auth(path=str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []
    wandb.setup()
    wandb.ensure_configured()
    assert not any(record.levelno >= logging.WARNING for record in log.records)
    wandb.require("service")
    assert "require" not in log.text
    wandb.require(["service", "teleport"])
    assert "require('teleport') has no effect" in log.text
    wandb.setup(settings=wandb.Settings(mode="offline"))
    assert "setup() does not keep settings" in log.text


def test_login_where_the_store_cannot_be_reached(monkeypatch, log):
    monkeypatch.setenv("ART_STORE", "postgresql://user@127.0.0.1:1/db")
    assert wandb.login() is True
    assert "postgresql://127.0.0.1:1/db" in log.text
    assert "user@" not in log.text
    with pytest.raises(artifacts.StorageError):
        wandb.login(verify=True)


def test_login_before_there_is_a_store(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "none"))
    assert wandb.login(verify=True) is True
    assert not (tmp_path / "none").exists()


def test_messages(log):
    wandb.termlog("said")
    wandb.termwarn("warned", repeat=False)
    wandb.termwarn("warned", repeat=False)
    wandb.termerror("wrong")
    assert [(record.levelname, record.message) for record in log.records] == [
        ("INFO", "said"), ("WARNING", "warned"), ("ERROR", "wrong"),
    ]  # fmt: skip


def test_attaching_and_tearing_down():
    run = wandb.init(project="demo", id="r1")
    assert wandb.attach("r1") is wandb.attach(run.path) is run
    with pytest.raises(artifacts.RunNotFoundError) as caught:
        wandb.attach("r2")
    assert "resume='must'" in hint_of(caught)
    other = wandb.init(project="demo", reinit="create_new")
    wandb.teardown(exit_code=1)
    assert (run.state, other.state, wandb.run) == ("failed", "failed", None)
    with pytest.raises(artifacts.RunNotFoundError):
        wandb.attach("r1")


@shows("wandb.util", "util.make_artifact_name_safe", "wandb.__version__")
def test_small_functions():
    assert wandb.util.make_artifact_name_safe("a b/c:d") == "a_b_c_d"
    long = wandb.util.make_artifact_name_safe("x" * 200)
    assert len(long) <= 128
    wandb.Artifact(long, type="dataset")
    assert len({wandb.util.generate_id() for _ in range(100)}) == 100
    assert len(wandb.util.generate_id(12)) == 12
    with pytest.raises(artifacts.InvalidInputError, match="at least 1"):
        wandb.util.generate_id(0)
    assert wandb.util.get_module("json").loads("1") == 1
    assert wandb.util.get_module("no_such_module") is None
    with pytest.raises(ImportError, match="get it"):
        wandb.util.get_module("no_such_module", required="get it")
    assert wandb.util.is_numpy_array(np.zeros(1))
    assert not wandb.util.is_pandas_data_frame(np.zeros(1))
    assert wandb.__version__.count(".") >= 1


def test_modules_of_wandb_by_attribute():
    assert wandb.errors.CommError is artifacts.CommError
    assert wandb.data_types.Table is wandb.Table
    assert wandb.data_types.WBValue is wandb.data_types.Media
    assert isinstance(wandb.Histogram([1]), wandb.data_types.WBValue)
    assert wandb.env.PROJECT == "WANDB_PROJECT"
    assert wandb.sdk.wandb_run.Run is wandb.Run
    assert issubclass(wandb.RefNotFoundError, wandb.errors.CommError)
    assert issubclass(wandb.ConfigError, wandb.errors.UsageError)
    assert callable(wandb.tensorboard.patch)
    assert callable(wandb.gym.monitor)
    for module in (wandb.data_types, wandb.errors, wandb.env, wandb.util):
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_settings_by_the_names_of_wandb(log):
    given = wandb.Settings(
        run_id="r1", run_name="first", run_tags=["a"], run_group="g", mode="online",
        _disable_stats=True, disable_git=True, ignore_globs=["*.a", "*.b"], start_method="fork",
        reinit=True, surely_new=1, api_key="k" * 40,
    )  # fmt: skip
    assert (given.run_id, given.sweep_id, given.api_key) == ("r1", None, None)
    with pytest.raises(AttributeError, match="no setting 'typo'"):
        given.typo  # noqa: B018 - reading it is the point
    assert "the setting surely_new has no effect here" in log.text
    assert "start_method" not in log.text
    first = wandb.init(project="demo")
    run = wandb.init(project="demo", settings=given, name="said")
    assert first.state == "finished"
    assert (run.id, run.name, run.tags, run.group) == ("r1", "said", ("a",), "g")
    found = run._place.settings
    assert (found.system_metrics_interval, found.save_git) == (0, False)
    assert found.ignore_globs == ["*.a", "*.b"]
    run.finish()


def test_settings_in_a_dict_are_strict(log):
    with wandb.init(project="demo", settings={"start_method": "fork", "run_name": "x"}) as run:
        assert run.name == "x"
    with pytest.raises(artifacts.ConfigError, match="no such setting: 'run_nmae'"):
        wandb.init(project="demo", settings={"run_nmae": "x"})
    assert wandb.run is None


def test_every_row_of_the_tables_is_shown():
    rows = {row.strip() for row in f"{CALLS},{ARGUMENTS}".replace("\n", " ").split(",")}
    assert len(rows) == 150
    assert rows == shown
