"""Keras: callbacks that log metrics, models and predictions.

>>> from artifacts.integration.keras import WandbMetricsLogger, WandbModelCheckpoint
>>> model.fit(x, y, callbacks=[WandbMetricsLogger(), WandbModelCheckpoint("best.keras")])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.integration._lazy import load

if TYPE_CHECKING:
    from artifacts.integration._keras_checkpoint import WandbModelCheckpoint
    from artifacts.integration._keras_evaluation import WandbEvalCallback
    from artifacts.integration._keras_metrics import WandbMetricsLogger
    from artifacts.integration._keras_older import WandbCallback

__all__ = ["WandbCallback", "WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]

_HOMES = {
    "WandbCallback": "artifacts.integration._keras_older",
    "WandbEvalCallback": "artifacts.integration._keras_evaluation",
    "WandbMetricsLogger": "artifacts.integration._keras_metrics",
    "WandbModelCheckpoint": "artifacts.integration._keras_checkpoint",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, _HOMES, _HOMES.get(name, ""), keras="keras")
