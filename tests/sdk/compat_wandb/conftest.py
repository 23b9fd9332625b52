"""This package stands in for W&B, with nothing of W&B in the environment."""

import importlib
import os

import pytest

from artifacts.compat import wandb as compat


@pytest.fixture(autouse=True)
def nothing_of_wandb(monkeypatch):
    for name in list(os.environ):
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)


@pytest.fixture
def wandb():
    """What ``import wandb`` gives."""
    compat.install()
    yield importlib.import_module("wandb")
    compat.uninstall()
