"""Programs that train with libraries, each in a process of its own, as their users write them.

`make test-clients` runs these, in an environment that has the libraries; other environments leave
them out.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts

PROGRAMS = Path(__file__).parent / "programs"

if importlib.util.find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def store(monkeypatch, tmp_path_factory):
    """An empty store, which the settings name."""
    folder = tmp_path_factory.mktemp("clients") / "store"
    monkeypatch.setenv("ART_STORE", str(folder))
    return folder


@pytest.fixture
def train(store):
    """A function that runs a program as if it imported W&B, and returns the runs it has left."""

    def run(name, *arguments, **variables):
        environment = {
            **os.environ,
            "ART_SYSTEM_METRICS_INTERVAL": "0",
            "CUDA_VISIBLE_DEVICES": "",
            "HF_HUB_OFFLINE": "1",
            "KERAS_BACKEND": "jax",
            "TOKENIZERS_PARALLELISM": "false",
            **variables,
        }
        program = str(PROGRAMS / name)
        done = subprocess.run(
            [sys.executable, "-m", "artifacts.compat.wandb", program, *arguments],
            env=environment, check=False, text=True, timeout=280,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return artifacts.Api(project="clients").runs()

    return run
