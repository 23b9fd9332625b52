"""LightGBM: a callback that logs metrics and parameters, and a summary of the model.

>>> from artifacts.integration.lightgbm import log_summary, wandb_callback
>>> booster = lightgbm.train(parameters, data, valid_sets=[data], callbacks=[wandb_callback()])
>>> log_summary(booster, save_model_checkpoint=True)
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.integration._running import importance_chart, log_model_file, plain, running
from artifacts.store.errors import InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["log_summary", "wandb_callback"]


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> Callable[[Any], None]:
    """Return a callback that logs a row per round: ``<data>_<metric>``, and ``iteration``.

    Args:
        log_params: Whether the parameters become configuration.
        define_metric: Whether the summary tells the best value of each metric, not the last one.

    Raises:
        StateError: No run is active.
    """
    running("wandb_callback")
    return _RowPerRound(log_params, define_metric)


class _RowPerRound:
    """What LightGBM calls after each round."""

    order = 20  # after those that stop the training, as the library's own log does

    def __init__(self, log_params: bool, define_metric: bool) -> None:
        self._log_params = log_params
        self._define_metric = define_metric

    def __call__(self, env: Any) -> None:
        run = running("wandb_callback")
        results = [(f"{data}_{metric}", value, rising) for data, metric, value, rising, *_ in
                   env.evaluation_result_list or ()]  # fmt: skip
        if env.iteration == env.begin_iteration:
            if self._log_params:
                run.config.update(plain(env.params))
            if self._define_metric:
                run.define_metric("iteration")
                for key, _value, rising in results:
                    run.define_metric(
                        key, step_metric="iteration", summary="max" if rising else "min"
                    )
        run.log({**{key: value for key, value, _ in results}, "iteration": env.iteration})


def log_summary(
    model: Any, feature_importance: bool = True, save_model_checkpoint: bool = False
) -> None:
    """Log what there is to say of a trained model.

    Its best iteration and the best score of each metric become part of the summary.

    Args:
        model: A ``lightgbm.Booster``, or a model with one such as ``LGBMClassifier``.
        feature_importance: Whether a chart shows how much each feature counts.
        save_model_checkpoint: Whether the model becomes a version of ``model_<run id>``.

    Raises:
        InvalidTypeError: ``model`` is something else.
        StateError: No run is active.
    """
    run = running("log_summary")
    booster = getattr(model, "booster_", model)
    if not hasattr(booster, "feature_importance"):
        raise InvalidTypeError(
            f"model is a Booster or a model of LightGBM, not {type(model).__name__}"
        )
    run.summary["best_iteration"] = booster.best_iteration
    if booster.best_score:
        run.summary["best_score"] = plain(booster.best_score)
    if save_model_checkpoint:
        _log_booster(booster)
    if feature_importance:
        names, values = booster.feature_name(), booster.feature_importance()
        importances = {name: float(value) for name, value in zip(names, values, strict=True)}
        run.log({"Feature Importance": importance_chart(importances)})


def _log_booster(booster: Any) -> None:
    run = running("log_summary")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"model_{run.id}.txt")
        booster.save_model(str(path))
        log_model_file(run, path, f"model_{run.id}", metadata=plain(booster.params))
