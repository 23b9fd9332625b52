"""Processes are killed at every call that changes something; what they leave must be sound."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import invariants
from tests.support import (
    LARGE,
    SMALL,
    find_latest,
    log_files,
    log_tree,
    make_template,
    opened,
    pull,
    read_tree,
    staging_folders,
    write_tree,
)

VICTIM = Path(__file__).with_name("victim.py")
BEFORE = {"a": SMALL, "b": LARGE, "c/d": b"d", "c/large": LARGE * 2}
AFTER = {"a": b"new", "b": LARGE[::-1], "e/f": b"f", "e/large": LARGE * 3}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_template(tmp_path_factory.mktemp("template"), BEFORE)


@pytest.fixture
def location(template, tmp_path):
    shutil.copytree(template, tmp_path / "store")
    return tmp_path / "store"


def run(action, location, folder, call="none", number=0, when="before"):
    """Run the victim; return what it counted, or None if it was killed."""
    command = [sys.executable, str(VICTIM), action, str(location), str(folder)]
    ended = subprocess.run(
        [*command, call, str(number), when], capture_output=True, text=True, check=False
    )
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


# In the default run: where one step ends and the next begins.
LOG = [
    ("fsync", 1, "after"),
    ("rename", 1, "before"),
    ("rename", 1, "after"),
    ("writev", 1, "after"),
    ("commit", 2, "before"),
    ("commit", 5, "before"),
    ("commit", 5, "after"),
]
PULL = [("mkdir", 2, "after"), ("rename", 1, "before"), ("rename", 2, "after")]
CREATE = [("mkdir", 1, "after"), ("commit", 1, "before"), ("commit", 2, "after")]
DELETE = [("commit", 1, "before"), ("commit", 1, "after")]


def check_log(location, folder, call, number, when):
    counted = run("log", location, folder, call, number, when)
    with opened(location) as store:
        versions = store.catalog.list_versions("local", "demo", "data")
        assert [v.version for v in versions] in (["v0"], ["v1", "v0"])
        if counted is not None:  # it was not that many: the version was acknowledged
            assert len(versions) == 2
        for version, files in zip(reversed(versions), (BEFORE, AFTER), strict=False):
            invariants.assert_pulls(store, version, files)
        invariants.assert_consistent(store)
        again = log_tree(store, folder)
        assert again.version == "v1"
        invariants.assert_pulls(store, again, AFTER)
        invariants.assert_consistent(store)
        assert staging_folders(store) == []
    return counted


def check_pull(location, out, call, number, when):
    write_tree(out, {"a": b"mine", "other": b"mine"})
    counted = run("pull", location, out, call, number, when)
    for path, data in read_tree(out).items():
        if ".artifacts-pull" not in path:
            assert data in {b"mine", BEFORE.get(path)}
    with opened(location) as store:
        version = find_latest(store, "data")
        assert version is not None
        pull(store, version, out)
        invariants.assert_consistent(store)
    assert read_tree(out) == {**BEFORE, "other": b"mine"}
    assert not (out / ".artifacts-pull").exists()
    return counted


def check_create(location, folder, call, number, when):
    counted = run("create", location, folder, call, number, when)
    with opened(location) as store:
        invariants.assert_pulls(store, log_files(store, folder, AFTER), AFTER)
        invariants.assert_consistent(store)
        invariants.assert_nothing_left(store)
        identity = store.uuid
    with opened(location) as store:
        assert store.uuid == identity
    return counted


def check_delete(location, folder, call, number, when):
    with opened(location) as store:
        log_files(store, folder, AFTER)
    counted = run("delete", location, folder, call, number, when)
    with opened(location) as store:
        version = find_latest(store, "data")
        assert version is not None
        if counted is not None:
            assert version.version == "v0"
        invariants.assert_pulls(store, version, AFTER if version.number else BEFORE)
        invariants.assert_consistent(store)
        assert log_tree(store, folder).version == ("v1" if version.number else "v2")
    return counted


@pytest.mark.parametrize(("call", "number", "when"), LOG)
def test_killed_while_logging(location, tmp_path, call, number, when):
    folder = write_tree(tmp_path / "new", AFTER)
    assert check_log(location, folder, call, number, when) is None, "not a point any more"


@pytest.mark.parametrize(("call", "number", "when"), PULL)
def test_killed_while_pulling(location, tmp_path, call, number, when):
    assert check_pull(location, tmp_path / "out", call, number, when) is None


@pytest.mark.parametrize(("call", "number", "when"), CREATE)
def test_killed_while_making_a_store(tmp_path, call, number, when):
    counted = check_create(tmp_path / "store", tmp_path / "new", call, number, when)
    assert counted is None


@pytest.mark.parametrize(("call", "number", "when"), DELETE)
def test_killed_while_deleting(location, tmp_path, call, number, when):
    assert check_delete(location, tmp_path / "new", call, number, when) is None


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", ["log", "pull", "create", "delete"])
def test_killed_anywhere(template, tmp_path, action, when):
    check: Callable[[Path, Path, str, int, str], dict | None] = {
        "log": check_log,
        "pull": check_pull,
        "create": check_create,
        "delete": check_delete,
    }[action]

    def prepare(name):
        folder = tmp_path / name
        folder.mkdir()
        if action != "create":
            shutil.copytree(template, folder / "store")
        if action == "log":
            write_tree(folder / "files", AFTER)
        return folder / "store", folder / "files"

    location, folder = prepare("count")
    counts = check(location, folder, "none", 0, when)
    assert counts is not None
    assert counts.get("commit", 0) >= (0 if action == "pull" else 1)
    for call, total in counts.items():
        for number in range(1, total + 1):
            location, folder = prepare(f"{call}-{number}")
            check(location, folder, call, number, when)
            shutil.rmtree(location.parent)
