"""The callback for XGBoost, which this imports."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgboost.callback import TrainingCallback

from artifacts.integration._running import importance_chart, log_model_file, running
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from artifacts.runs import Run

_TREES = frozenset({"weight", "gain", "cover", "total_gain", "total_cover"})
_RISING = ("auc", "aucpr", "pre", "map", "ndcg")
"""Metrics of which more is better; with ``@`` and a number, too."""


class WandbCallback(TrainingCallback):  # type: ignore[misc]
    """Logs a row for each round, with ``<data>-<metric>`` as keys and the round as ``epoch``.

    The parameters of the booster become configuration, and its best score and iteration part of
    the summary.

    Args:
        log_model: Whether the trained model becomes a version of ``model_<run id>``.
        log_feature_importance: Whether a chart shows how much each feature counts.
        importance_type: ``weight``, ``gain``, ``cover``, ``total_gain`` or ``total_cover``.
        define_metric: Whether the summary tells the best value of each metric, not the last one.

    Raises:
        InvalidInputError: There is no such ``importance_type``.
        StateError: No run is active.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        super().__init__()
        if importance_type not in _TREES:
            raise InvalidInputError(
                f"importance_type is one of {', '.join(sorted(_TREES))}, not {importance_type!r}"
            )
        running("WandbCallback")
        self._log_model = log_model
        self._log_importance = log_feature_importance
        self._importance_type = importance_type
        self._define_metric = define_metric

    def before_training(self, model: Any) -> Any:
        """Take note of the parameters."""
        if _is_booster(model):
            running("WandbCallback").config.update(json.loads(model.save_config()))
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Log a row; return that the training goes on."""
        run = running("WandbCallback")
        row: dict[str, Any] = {}
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                key = f"{data}-{metric}"
                if self._define_metric and epoch == 0:
                    run.define_metric(key, summary=_best(metric))
                value = values[-1]
                # With cross-validation the mean and the deviation.
                row[key] = value[0] if isinstance(value, tuple) else value
        run.log({**row, "epoch": epoch})
        return False

    def after_training(self, model: Any) -> Any:
        """Log what there is to say of the model."""
        run = running("WandbCallback")
        if not _is_booster(model):
            return model
        if self._log_model:
            _log_booster(run, model)
        if self._log_importance:
            _log_importance(run, model, self._importance_type)
        for name in ("best_score", "best_iteration"):
            value = model.attr(name)
            if value is not None:
                run.summary[name] = float(value) if name == "best_score" else int(value)
        return model


def wandb_callback() -> WandbCallback:
    """Return a callback that logs metrics only; the older form of `WandbCallback`."""
    return WandbCallback(log_feature_importance=False, define_metric=False)


def _is_booster(model: Any) -> bool:
    """Whether it is one model; those of a cross-validation are several, of which none counts."""
    return hasattr(model, "save_config")


def _best(metric: str) -> str:
    name = metric.partition("@")[0]
    return "max" if name in _RISING else "min"


def _log_booster(run: Run, model: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{run.id}_model.json")
        model.save_model(str(path))
        log_model_file(
            run, path, f"model_{run.id}", metadata=json.loads(model.save_config()), aliases=["best"]
        )


def _log_importance(run: Run, model: Any, importance_type: str) -> None:
    linear = json.loads(model.save_config())["learner"]["gradient_booster"]["name"] == "gblinear"
    scores = model.get_score(importance_type="weight" if linear else importance_type)
    if not scores:  # a model that has not split once
        return
    # With several classes, a linear one has a list for each feature.
    whole = {
        name: float(sum(score)) if isinstance(score, list) else float(score)
        for name, score in scores.items()
    }
    run.log({"Feature Importance": importance_chart(whole)})
