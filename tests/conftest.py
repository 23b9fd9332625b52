"""What every test gets: generated cases by profile, and a world of its own."""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    max_examples=50,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "long", settings.get_profile("default"), max_examples=1000, stateful_step_count=40
)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path, tmp_path_factory):
    """No setting, store, cache or home of whoever runs the tests; an empty working folder."""
    for name in list(os.environ):
        if name.startswith("ART_") and not name.startswith("ART_TEST_"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ART_CACHE_DIR", str(home / "cache" / "artifacts"))
    for variable, folder in (
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
    ):
        monkeypatch.setenv(variable, str(home / folder))
    monkeypatch.chdir(tmp_path)
    yield
    _end_runs()
    _close_stores()


def _end_runs():
    runs = sys.modules.get("artifacts.runs.run")
    while runs is not None and runs.active_run() is not None:
        run = runs.active_run()
        try:
            run.finish()
        finally:
            # Its store may be gone; the next test must not find it all the same.
            runs._active.clear()


def _close_stores():
    session = sys.modules.get("artifacts._session")
    if session is not None:
        session._active.clear()
        session.close_stores()
