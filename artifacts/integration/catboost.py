"""CatBoost: a callback that logs metrics, and a summary of the model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from artifacts.integration._running import importance_chart, log_model_file, plain, running
from artifacts.store.errors import InvalidInputError, InvalidTypeError

__all__ = ["WandbCallback", "log_summary"]


class WandbCallback:
    """Logs a row for each round, with ``<data>-<metric>`` as keys.

    Args:
        metric_period: Every how many rounds.

    Raises:
        InvalidInputError: ``metric_period`` is less than 1.
        StateError: No run is active.
    """

    def __init__(self, metric_period: int = 1) -> None:
        if metric_period < 1:
            raise InvalidInputError(f"metric_period is 1 or more, not {metric_period}")
        running("WandbCallback")
        self.metric_period = metric_period

    def after_iteration(self, info: Any) -> bool:
        """Log a row; return that the training goes on."""
        if info.iteration % self.metric_period == 0:
            row = {
                f"{data}-{metric}": values[-1]
                for data, metrics in (info.metrics or {}).items()
                for metric, values in metrics.items()
            }
            running("WandbCallback").log({**row, "iteration": info.iteration})
        return True


def log_summary(
    model: Any,
    log_all_params: bool = True,
    save_model_checkpoint: bool = False,
    log_feature_importance: bool = True,
) -> None:
    """Log what there is to say of a trained model.

    Its best iteration and the best score of each metric become part of the summary.

    Args:
        model: A ``CatBoost`` model that was fitted.
        log_all_params: Whether all its parameters become configuration, not only given ones.
        save_model_checkpoint: Whether the model becomes a version of ``model_<run id>``.
        log_feature_importance: Whether a chart shows how much each feature counts.

    Raises:
        InvalidTypeError: ``model`` is something else.
        StateError: No run is active.
    """
    run = running("log_summary")
    if not hasattr(model, "get_all_params"):
        raise InvalidTypeError(f"model is a model of CatBoost, not {type(model).__name__}")
    parameters = model.get_all_params() if log_all_params else model.get_params()
    run.config.update(plain(parameters))
    run.summary["best_iteration"] = model.get_best_iteration()
    if model.get_best_score():
        run.summary["best_score"] = plain(model.get_best_score())
    if save_model_checkpoint:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.cbm")
            model.save_model(str(path))
            log_model_file(run, path, f"model_{run.id}", metadata=plain(parameters))
    if log_feature_importance:
        values = model.get_feature_importance()
        importances = dict(zip(model.feature_names_, map(float, values), strict=True))
        run.log({"Feature Importance": importance_chart(importances)})
