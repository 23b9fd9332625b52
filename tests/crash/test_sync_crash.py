"""`art sync` is killed at every call that changes something; the next one finishes its job."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts
from artifacts import _session, settings
from artifacts.store.store import Store
from tests import invariants
from tests.support import read_tree, write_tree

SYNCER = Path(__file__).with_name("syncer.py")
FILES = {"small": b"small\n", "large": bytes(range(256)) * 1500}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A store that counts as remote, and two runs that worked offline; one of them was killed."""
    world = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        live_in(world, patch)
        patch.chdir(world)
        bucket = f"local://{world}/bucket"
        Store.create(world / "store", objects=bucket, cache_dir=world / "cache").close()
        with artifacts.init(id="online") as run:
            log(world, b"online", run)
        child = os.fork()
        if child == 0:
            try:
                run = artifacts.init(mode="offline", id="killed")
                run.log({"a": 1})
                log(world, b"killed", run)
                os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        with artifacts.init(mode="offline", id="done") as run:
            run.log({"a": 1})
            log(world, b"done", run, aliases=["prod"])
        _session.close_stores()
    return world


def live_in(world, patch):
    patch.setenv("ART_STORE", str(world / "store"))
    patch.setenv("ART_PROJECT", "demo")
    patch.setenv("ART_CACHE_DIR", str(world / "cache"))
    for name in ("RUN", "OFFLINE", "OUTBOX"):
        patch.setenv(f"ART_{name}_DIR", str(world / name.lower()))


def log(world, content, run, **options):
    folder = write_tree(world / "data", {**FILES, "own": content})
    run.log_artifact(folder, name="corpus", type="dataset", **options)


@pytest.fixture
def restore(prepared, monkeypatch):
    """Bring back what was prepared, at the same place: the address of the store is part of it."""
    saved = prepared.with_name(f"{prepared.name}-saved")
    live_in(prepared, monkeypatch)

    def bring_back():
        _session.close_stores()
        if not saved.exists():
            shutil.copytree(prepared, saved)
        shutil.rmtree(prepared)
        shutil.copytree(saved, prepared)
        return prepared

    return bring_back


@pytest.fixture
def world(restore):
    return restore()


def sync(call="none", number=0, when="before"):
    """Run the victim; return what it counted, or None if it was killed."""
    ended = subprocess.run(
        [sys.executable, str(SYNCER), call, str(number), when],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def check(world):
    api = artifacts.Api()
    assert not any(path.is_dir() for path in settings.load().offline_dir.glob("*"))
    assert sorted((run.id, run.state) for run in api.runs()) == [
        ("done", "finished"),
        ("killed", "crashed"),
        ("online", "finished"),
    ]
    for number, content in enumerate((b"online", b"killed", b"done")):
        out = Path(api.artifact(f"corpus:v{number}").download(root=world / f"out{number}"))
        assert read_tree(out) == {**FILES, "own": content}
    assert api.artifact("corpus:prod").version == api.artifact("corpus:latest").version == "v2"
    for run_id in ("killed", "done"):
        assert [row["a"] for row in api.run(run_id).scan_history()] == [1]
        assert len(api.artifacts("run-history", f"run-{run_id}-history")) == 1
    invariants.assert_consistent(_session.place().store)


# In the default run: where one step ends and the next begins.
POINTS = [
    ("commit", 1, "before"),
    ("commit", 8, "before"),
    ("commit", 12, "after"),
    ("rename", 1, "after"),
    ("unlink", 3, "before"),
]


CALLS = ("commit", "rename", "mkdir", "unlink", "fsync", "write", "writev", "open")


@pytest.mark.parametrize(("call", "number", "when"), POINTS)
def test_killed_and_repeated(world, call, number, when):
    assert sync(call, number, when) is None, "not a point any more"
    sync()
    check(world)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("call", CALLS)
def test_killed_everywhere(restore, call):
    counts = sync_all(restore())
    for number in range(1, counts.get(call, 0) + 1):
        for when in ("before", "after"):
            world = restore()
            if sync(call, number, when) is None:
                sync()
            check(world)


def sync_all(world):
    counts = sync()
    assert counts is not None
    check(world)
    return counts
