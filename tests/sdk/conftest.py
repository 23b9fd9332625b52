"""A store of its own for every test, beside the working folder, and a run in it."""

import logging
import shutil

import pytest

import artifacts


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store to copy: making one takes longer than most tests."""
    from artifacts.store.store import Store

    folder = tmp_path_factory.mktemp("template") / "store"
    Store.create(folder).close()
    return folder


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path_factory, empty_store):
    """The store that the settings name, empty."""
    folder = tmp_path_factory.mktemp("sdk") / "store"
    shutil.copytree(empty_store, folder)
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
