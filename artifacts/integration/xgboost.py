"""XGBoost: a callback that logs metrics, parameters, importances and the model of a training.

>>> from artifacts.integration.xgboost import WandbCallback
>>> xgboost.train(parameters, data, evals=[(data, "train")], callbacks=[WandbCallback()])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.integration._lazy import load

if TYPE_CHECKING:
    from artifacts.integration._xgboost_callback import WandbCallback, wandb_callback

__all__ = ["WandbCallback", "wandb_callback"]


def __getattr__(name: str) -> Any:
    home = "artifacts.integration._xgboost_callback"
    return load(__name__, name, __all__, home, xgboost="xgboost")
