"""fastai: the callback that fastai ships itself, as ``fastai.callback.wandb``.

It imports W&B, so `artifacts.compat.wandb.install` comes first.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from artifacts.integration._lazy import load
from artifacts.store.errors import ConfigError

__all__ = ["WandbCallback"]  # noqa: F822 - made by __getattr__


def __getattr__(name: str) -> Any:
    if name in __all__ and importlib.util.find_spec("wandb") is None:
        raise ConfigError(
            "the callback of fastai imports wandb, which is not there",
            hint="call artifacts.compat.wandb.install() first",
            kind="not_installed",
        )
    return load(__name__, name, __all__, "fastai.callback.wandb", fastai="fastai")
