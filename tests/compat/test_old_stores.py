"""Stores of every released format are read and extended; see `make_store.py`."""

import importlib.util
import zipfile
from pathlib import Path

import pytest

from artifacts.store.check import check
from artifacts.store.errors import RefNotFoundError
from artifacts.store.format import FORMAT
from artifacts.store.lineage import lineage
from artifacts.store.store import Store
from tests import invariants
from tests.support import is_executable, log_tree, pull, read_tree, resolve

HERE = Path(__file__).parent
ARCHIVES = sorted(HERE.glob("format-*.zip"))

_spec = importlib.util.spec_from_file_location("make_store", HERE / "make_store.py")
assert _spec is not None
assert _spec.loader is not None
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

# The identity of contents must never change.
DIGESTS = {
    "corpus:v0": "5dafb5a2e6e1fb5390cc300ea18e5881281fea720969c39889be258f40822c2a",
    "corpus:v1": "5580691d4ddca91dc8bf2a8bb2b9f81773fcdd8a637c1b9c75ff72ddcbdaeee0",
    "refs:v0": "47c48ba55c214ac620b8c9a78b8ca77f4f18ebca67e01a7f8465f13268dd596c",
}


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.stem)
def old(request, tmp_path):
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall(tmp_path / "store")
    store = Store.open(tmp_path / "store")
    yield store
    store.close()


def test_there_is_one_of_the_present_format():
    assert HERE / f"format-{FORMAT}.zip" in ARCHIVES


def test_it_is_sound(old):
    report = check(old, read_data=True)
    assert report.problems == []
    assert report.unknown_objects == []
    assert report.versions == 3
    invariants.assert_consistent(old)


def test_digests_are_the_same(old):
    assert {text: resolve(old, text).digest.hex() for text in DIGESTS} == DIGESTS


def test_files_come_back(old, tmp_path):
    pull(old, resolve(old, "corpus:v0"), tmp_path / "0")
    assert read_tree(tmp_path / "0") == made.FIRST
    pull(old, resolve(old, "corpus"), tmp_path / "1")
    assert read_tree(tmp_path / "1") == made.SECOND
    assert is_executable(tmp_path / "1" / "run.sh")


def test_everything_about_versions_and_runs(old):
    first = resolve(old, "corpus:prod")
    assert (first.version, first.aliases, first.tags) == ("v0", ("prod",), ("checked",))
    assert first.metadata == {"rows": 3, "ü": None}
    assert first.description == "a store of an earlier time"
    assert first.created_by == "somebody@somewhere"
    with pytest.raises(RefNotFoundError) as caught:
        resolve(old, "corpus:v2")
    assert caught.value.kind == "version_deleted"
    run = old.catalog.run("local", "demo", "run1")
    assert (run.name, run.state, run.config) == ("first", "finished", {"lr": 0.1})
    graph = lineage(old, resolve(old, "corpus:v1"))
    assert sorted(graph.depths.values()) == [0, 1]
    assert sorted(r.id for r in graph.runs.values()) == ["run1", "run2"]
    [entry] = old.manifest(resolve(old, "refs").digest)
    assert entry.reference == ("file:///nowhere/x", "etag", "7", False)


def test_it_can_be_extended(old, tmp_path):
    for path, data in made.SECOND.items():
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (tmp_path / "data" / "run.sh").chmod(0o755)
    before = old.catalog.list_objects()
    assert log_tree(old, tmp_path / "data", "corpus").version == "v1"
    assert len(old.catalog.list_objects()) == len(before)
    (tmp_path / "data" / "new").write_bytes(b"new")
    version = log_tree(old, tmp_path / "data", "corpus")
    assert version.version == "v3"
    invariants.assert_pulls(old, version, {**made.SECOND, "new": b"new"})
    invariants.assert_consistent(old)
