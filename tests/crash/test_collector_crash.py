"""A collector is killed at every call that changes something; the next one ends what it began."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.store import gc
from artifacts.store.records import ObjectState
from tests import invariants
from tests.support import (
    LARGE,
    SMALL,
    leave_upload,
    log_files,
    opened,
    resolve,
    staging_folders,
)

VICTIM = Path(__file__).with_name("victim.py")
MANY = {f"f{i}": f"{i}".encode() * 1000 for i in range(40)}
KEPT = {"f1": MANY["f1"], "large": LARGE, "own": SMALL}

# In the default run: where one step ends and the next begins.
POINTS = [
    ("commit", 1, "before"),
    ("commit", 1, "after"),
    ("commit", 4, "after"),
    ("commit", 6, "after"),
    ("rename", 1, "before"),
    ("rename", 1, "after"),
    ("unlink", 2, "before"),
    ("unlink", 2, "after"),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store in which there is something to delete, to rewrite and to leave alone."""
    folder = tmp_path_factory.mktemp("template")
    with opened(folder / "store") as store:
        gone = log_files(store, folder / "1", MANY | {"gone": LARGE[::-1]})
        log_files(store, folder / "2", KEPT)
        leave_upload(store)
        store.catalog.delete_version(gone.id)
        store.catalog.reap_leases(0)
    return folder / "store"


def run(location, call="none", number=0, when="before"):
    """Run the victim; return what it counted, or None if it was killed."""
    command = [sys.executable, str(VICTIM), "collect", str(location), "-"]
    ended = subprocess.run(
        [*command, call, str(number), when], capture_output=True, text=True, check=False
    )
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    counted: dict[str, int] = json.loads(ended.stdout)
    return counted


def check_collect(template, location, call="none", number=0, when="before"):
    shutil.copytree(template, location)
    counted = run(location, call, number, when)
    with opened(location) as store:
        invariants.assert_pulls(store, resolve(store, "data"), KEPT)
        invariants.assert_consistent(store)
        # The dead one's lease counts as gone at once.
        done = gc.collect(store, gc.Settings(min_age=0, grace=0, lease_age=0))
        assert done.failed == []
        gc.collect(store, gc.Settings(min_age=0, grace=0))
        invariants.assert_pulls(store, resolve(store, "data"), KEPT)
        invariants.assert_consistent(store)
        invariants.assert_nothing_left(store)
        survey = gc._survey(store)
        assert all(r.state is ObjectState.LIVE and survey.needed(r) for r in survey.objects)
        known = {record.key for record in survey.objects}
        assert {key for key, _ in store.objects.list()} == known | {"store.json"}
        log_files(store, location.parent / "again", MANY)
        assert staging_folders(store) == []
    return counted


@pytest.mark.parametrize(("call", "number", "when"), POINTS)
def test_killed_while_collecting(template, tmp_path, call, number, when):
    counted = check_collect(template, tmp_path / "store", call, number, when)
    assert counted is None, "not a point any more"


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_anywhere(template, tmp_path, when):
    counts = check_collect(template, tmp_path / "count" / "store")
    assert counts is not None
    assert counts["commit"] >= 6
    assert counts["unlink"] >= 2
    for call, total in counts.items():
        for number in range(1, total + 1):
            folder = tmp_path / f"{call}-{number}"
            check_collect(template, folder / "store", call, number, when)
            shutil.rmtree(folder)
