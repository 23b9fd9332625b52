"""A store of its own for every test, beside the working folder, and a run in it."""

import logging

import pytest

import artifacts


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path_factory):
    """Where the settings say the store is; nothing is there yet."""
    folder = tmp_path_factory.mktemp("sdk") / "store"
    monkeypatch.setenv("ART_STORE", str(folder))
    return folder


@pytest.fixture
def run():
    """The active run, in project ``demo``."""
    with artifacts.init(project="demo") as active:
        yield active


@pytest.fixture
def log(caplog):
    """What the library logs, INFO and above."""
    caplog.set_level(logging.INFO, logger="artifacts")
    return caplog
