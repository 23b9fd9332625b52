"""What training libraries leave in the store with the callbacks that they or W&B have for it."""

import gc

import pytest

# A program imports a large library, and may have a slow processor to share.
pytestmark = pytest.mark.timeout(300)


def history(run, *keys):
    """Return those rows of a run that have all of the keys, with these only."""
    return list(run.scan_history(keys=list(keys)))


def one(runs, name):
    [found] = [run for run in runs if run.name == name]
    assert found.state == "finished"
    return found


def versions(run):
    """Return the artifacts that a run has logged: their names with number, types and aliases."""
    return [(each.name, each.type, set(each.aliases)) for each in run.logged_artifacts()]


def test_lightning(train):
    run = one(train("lightning_logger.py"), "lightning")
    assert run.tags == ["small"]
    assert run.config == {"rate": 0.1}
    losses = history(run, "train/loss", "trainer/global_step")
    assert [row["trainer/global_step"] for row in losses] == list(range(1, 16, 2))
    assert losses[-1]["train/loss"] < losses[0]["train/loss"]
    assert len(history(run, "val_loss", "epoch")) == 2
    assert history(run, "gradients/layer.weight")
    assert history(run, "parameters/layer.weight")
    [row] = history(run, "samples")
    assert row["samples"]["captions"] == ["black"]
    [row] = history(run, "rows")
    assert row["rows"].data == [[1, 2.0], [3, 4.0]]
    models = versions(run)
    assert [type_ for _, type_, _ in models] == ["model", "model"]
    assert {"best", "latest"} <= models[-1][2]
    best = run.logged_artifacts()[-1]
    assert [file.name for file in best.files()] == ["model.ckpt"]
    assert best.metadata["score"] == pytest.approx(run.summary["val_loss"])
    assert [used.type for used in run.used_artifacts()] == ["model"]


def test_lightning_in_processes_that_it_spawns(train):
    [run] = train("lightning_spawn.py")
    assert (run.name, run.state, run.config) == ("lightning-spawn", "finished", {"rate": 0.1})
    rows = history(run, "loss", "trainer/global_step")
    assert [row["trainer/global_step"] for row in rows] == [0, 1]
    assert history(run, "after") == [{"after": 1}]


def test_transformers(train):
    runs = train(
        "transformers_trainer.py",
        WANDB_PROJECT="clients",
        WANDB_LOG_MODEL="checkpoint",
        WANDB_WATCH="all",
    )
    run = one(runs, "transformers")
    assert run.config["hidden_size"] == 8
    assert run.config["num_train_epochs"] == 2
    assert run.config["model/num_parameters"] > 0
    rows = history(run, "train/loss", "train/global_step")
    assert [row["train/global_step"] for row in rows] == [2, 4, 6, 8]
    assert len(history(run, "eval/loss")) == 2
    assert run.summary["train_loss"] > 0
    models = versions(run)
    assert [name for name, _, _ in models] == [f"model-transformers:v{n}" for n in range(4)]
    assert "base_model" in models[0][2]
    assert "checkpoint_global_step_8" in models[2][2]
    assert {"final_model", "latest"} <= models[3][2]
    assert "model.safetensors" in {file.name for file in run.logged_artifacts()[3].files()}


def test_accelerate(train):
    run = one(train("accelerate_tracker.py"), "accelerate")
    assert run.config == {"rate": 0.1}
    losses = [row["loss"] for row in history(run, "loss")]
    assert len(losses) == 5
    assert losses[-1] < losses[0]
    [row] = history(run, "pixels", "rows")
    assert row["pixels"]["count"] == 2
    assert row["rows"].data == [[1], [2]]


def test_keras(train):
    runs = train("keras_callbacks.py")
    run = one(runs, "keras")
    epochs = history(run, "epoch/epoch", "epoch/loss", "epoch/val_mae", "epoch/learning_rate")
    assert [row["epoch/epoch"] for row in epochs] == [0, 1, 2]
    assert epochs[0]["epoch/learning_rate"] == pytest.approx(0.05)
    batches = history(run, "batch/batch_step", "batch/loss", "batch/learning_rate")
    assert [row["batch/batch_step"] for row in batches] == [0, 2, 4, 6, 8, 10]
    found = {each.name.partition(":")[0]: each for each in run.logged_artifacts()}
    assert set(found) == {f"run_{run.id}_model", f"run_{run.id}_pred", "val"}
    assert {"best", "epoch_2"} <= set(found[f"run_{run.id}_model"].aliases)
    truth, predicted = found["val"].get("val_data"), found[f"run_{run.id}_pred"].get("eval_data")
    assert truth.columns == ["index", "truth"]
    assert [row[:2] for row in predicted.data] == [[2, 0], [2, 1], [2, 2]]

    older = one(runs, "keras-older")
    rows = history(older, "epoch", "loss", "val_loss", "val_mae")
    assert [row["epoch"] for row in rows] == [0, 1]
    assert older.summary["best_val_loss"] == min(row["val_loss"] for row in rows)
    assert older.summary["best_epoch"] == 1
    assert any(key.endswith("only/kernel") for key in older.history_keys)
    assert versions(older)[-1][:2] == ("model-keras-older:v1", "model")

    images = one(runs, "keras-images")
    [row] = history(images, "examples", "accuracy", "val_accuracy")
    assert row["examples"]["count"] == 3
    captions = [caption.split(", in truth ") for caption in row["examples"]["captions"]]
    assert [truth for _, truth in captions] == ["cat", "dog", "cat"]
    assert {answer for answer, _ in captions} <= {"cat", "dog"}
    assert images.summary["best_val_accuracy"] == row["val_accuracy"]
    assert len(history(images, "loss")) == 3  # of two batches, and of the epoch
    [weights] = images.logged_artifacts()
    assert [file.name for file in weights.files()] == ["model-best.weights.h5"]


def test_xgboost(train):
    runs = train("xgboost_callback.py")
    run = one(runs, "xgboost")
    assert run.config["learner"]["objective"]["name"] == "binary:logistic"
    rows = history(run, "train-logloss", "train-auc", "epoch")
    assert [row["epoch"] for row in rows] == list(range(len(rows)))
    assert run.summary["train-logloss"] == {"min": min(row["train-logloss"] for row in rows)}
    assert run.summary["best_score"] == 1
    [row] = history(run, "Feature Importance_table")
    assert row["Feature Importance_table"].data[0][0] == "one"
    assert [type_ for _, type_, _ in versions(run)] == ["model"]
    assert history(one(runs, "xgboost-sklearn"), "validation_0-logloss")
    assert len(history(one(runs, "xgboost-cv"), "train-logloss", "test-logloss")) == 2


def test_lightgbm(train):
    run = one(train("lightgbm_callback.py"), "lightgbm")
    assert run.config["objective"] == "binary"
    rows = history(run, "valid_binary_logloss", "valid_auc", "iteration")
    assert [row["iteration"] for row in rows] == list(range(5))
    assert run.summary["valid_auc"] == {"max": max(row["valid_auc"] for row in rows)}
    [row] = history(run, "Feature Importance_table")
    assert row["Feature Importance_table"].data[0][0] == "one"
    assert [type_ for _, type_, _ in versions(run)] == ["model"]


def test_catboost(train):
    run = one(train("catboost_callback.py"), "catboost")
    assert run.config["eval_metric"] == "AUC"
    assert len(history(run, "learn-Logloss", "validation-AUC", "iteration")) == 5
    assert run.summary["best_score"]["validation"]["AUC"] == 1
    assert [type_ for _, type_, _ in versions(run)] == ["model"]


def test_stable_baselines(train):
    run = one(train("sb3_callback.py"), "sb3")
    assert run.config["algo"] == "PPO"
    assert run.config["n_steps"] == 64
    rows = history(run, "time/fps", "global_step")
    assert [row["global_step"] for row in rows] == [64, 128, 192]
    assert any(key.startswith("gradients/") for key in run.history_keys)
    videos = [row["videos"] for row in history(run, "videos")]
    assert len(videos) == 2  # of an environment, and of several at once
    assert all(video["path"].endswith(".mp4") for video in videos)
    files = {file.name for file in run.files()}
    assert "model.zip" in files
    assert any("tfevents" in name for name in files)


def test_skorch(train):
    run = one(train("skorch_logger.py"), "skorch")
    assert run.config == {"rate": 0.1}
    losses = [row["train_loss"] for row in history(run, "train_loss", "valid_loss")]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert "best_model.pth" in {file.name for file in run.files()}


def test_ignite(train):
    run = one(train("ignite_logger.py"), "ignite")
    assert run.config == {"rate": 0.1}
    assert len(history(run, "train/loss", "lr/group_0")) == 4
    assert len(history(run, "eval/mse")) == 2
    assert history(run, "gradients/weight")
    assert any(file.name.endswith(".pt") for file in run.files())


def test_optuna(train):
    runs = train("optuna_callback.py")
    run = one(runs, "optuna")
    rows = history(run, "x", "height")
    assert [row["height"] for row in rows] == [pytest.approx(row["x"] ** 2) for row in rows]
    assert len(rows) == 3
    trials = [each for each in runs if each.group == "trials"]
    assert len(trials) == 2
    assert all(each.config["x"] == each.summary["halfway"] for each in trials)


def test_sentence_transformers(train):
    runs = train("sentence_transformers_trainer.py", WANDB_PROJECT="clients")
    run = one(runs, "sentence-transformers")
    assert len(history(run, "train/loss", "train/global_step")) == 4


def test_mmengine(train):
    run = one(train("mmengine_backend.py"), "mmengine")
    assert run.config["model"] == {"type": "Line"}
    assert len(history(run, "loss")) == 3
    assert history(run, "accuracy", "recall")
    assert history(run, "pixels")


def test_torch(train):
    runs = train("torch_watch.py")
    run = one(runs, "torch")
    rows = list(run.scan_history())
    with_parameters = [row["step"] for row in rows if row.get("parameters/0.weight")]
    assert with_parameters == [1, 3]
    assert [row["step"] for row in rows if row.get("gradients/2.bias")] == [1, 3]
    assert [row["step"] for row in rows if row.get("gradients/graph_1weight")] == [0, 1, 2, 3]
    assert sum(rows[1]["parameters/0.weight"].histogram) == 8

    followed = one(runs, "tensorboard")
    losses = history(followed, "global_step", "loss")
    assert losses == [
        {"global_step": step, "loss": pytest.approx(1 / (step + 1))} for step in (0, 10, 20)
    ]
    [row] = history(followed, "weights", "pixels", "note/text_summary")
    assert sum(row["weights"].histogram) == 16
    assert (row["pixels"].width, row["pixels"].height) == (4, 4)
    assert row["note/text_summary"] == "hello"
    rows = history(one(runs, "tensorboardX"), "global_step", "train/loss")
    assert rows == [{"global_step": step, "train/loss": 0.5} for step in (0, 1)]


def test_a_watched_model(store):
    """What no program shows: a model lives and is copied as if it was not watched."""
    import copy
    import pickle
    import weakref

    import torch

    import artifacts
    from artifacts.store.errors import InvalidInputError, InvalidTypeError

    model = torch.nn.Linear(2, 1)
    with artifacts.init(project="clients") as run:
        run.watch(model, log="all", log_freq=1)
        for bad in ({"log": "weights"}, {"log_freq": 0}):
            with pytest.raises(InvalidInputError, match=next(iter(bad))):
                run.watch(torch.nn.Linear(1, 1), **bad)
        with pytest.raises(InvalidInputError, match="already"):
            run.watch(model)
        with pytest.raises(InvalidTypeError, match=r"torch\.nn\.Module"):
            run.watch("model")
        for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            other(torch.ones(1, 2)).sum().backward()
        run.log({"copies": True})
        model(torch.tensor([[1.0, float("nan")]])).sum().backward()
        run.log({"model": True})
        rows = list(run.scan_history())
        assert "parameters/weight" not in rows[0]
        assert {"parameters/weight", "gradients/bias"} <= rows[1].keys()
        watched = weakref.ref(model)
        del model, other
        gc.collect()
        assert watched() is None
