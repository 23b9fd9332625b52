"""Stable-Baselines3: a callback that watches the model and logs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.integration._lazy import load

if TYPE_CHECKING:
    from artifacts.integration._sb3_callback import WandbCallback

__all__ = ["WandbCallback"]


def __getattr__(name: str) -> Any:
    home = "artifacts.integration._sb3_callback"
    return load(__name__, name, __all__, home, stable_baselines3="stable-baselines3")
