"""Callbacks and helpers for libraries that train models; each imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "catboost",
    "diffusers",
    "fastai",
    "gym",
    "keras",
    "langchain",
    "lightgbm",
    "openai",
    "sb3",
    "sklearn",
    "tensorboard",
    "xgboost",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
