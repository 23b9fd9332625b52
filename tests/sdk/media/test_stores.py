"""Media that are logged to a store on servers, and while it is out of reach."""

import pytest

import artifacts
from artifacts import _session
from artifacts.runs import syncing
from artifacts.runs.completing import recover
from artifacts.store.errors import StorageError
from artifacts.store.store import Store
from tests.sdk.media import notes
from tests.sdk.media.notes import Folder, Note


@pytest.fixture(autouse=True)
def known(monkeypatch):
    notes.register(monkeypatch)


@pytest.fixture
def remote(monkeypatch, tmp_path):
    """A store that counts as remote."""
    folder = tmp_path / "remote"
    Store.create(folder, objects=f"local://{tmp_path}/bucket", cache_dir=tmp_path / "cache").close()
    monkeypatch.setenv("ART_STORE", str(folder))
    monkeypatch.setenv("ART_PROJECT", "demo")


def texts(run_id):
    rows = artifacts.Api(project="demo").run(run_id).scan_history()
    return [(row["n"].read(), row["f"].read()) for row in rows]


@pytest.mark.usefixtures("remote")
def test_offline_runs_bring_their_media():
    with artifacts.init(id="r", mode="offline") as run:
        for text in ("one", "two"):
            run.log({"n": Note(text), "f": Folder(Note(text), Note("same"))})
        run.summary["best"] = Note("best")
        assert run.summary["best"].read() == "best"
    _session.close_stores()
    synced = syncing.bring_over(_session.place())
    assert (synced.failed, synced.unfinished, synced.emptied) == ([], [], True)
    assert texts("r") == [("one", ["one", "same"]), ("two", ["two", "same"])]
    assert artifacts.Api(project="demo").run("r").summary["best"].read() == "best"


@pytest.mark.usefixtures("remote")
def test_a_store_that_is_lost_gets_the_media_later(monkeypatch):
    run = artifacts.init(id="r")
    run.log({"n": Note("one"), "f": Folder(Note("x"))})
    with monkeypatch.context() as patched:
        patched.setattr(Store, "upload", _lost)
        with pytest.raises(StorageError, match="no route"):
            run.finish()
    recover(_session.place(project="demo"))
    assert texts("r") == [("one", ["x"])]


def _lost(*_):
    raise StorageError("no route to host", retryable=True)


def test_on_s3_and_postgresql(s3_url, postgres_url, tmp_path, monkeypatch):
    folder = tmp_path / "servers"
    Store.create(folder, objects=s3_url, catalog=postgres_url, cache_dir=tmp_path / "cache").close()
    monkeypatch.setenv("ART_STORE", str(folder))
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("one"), "f": Folder(Note("x"), Note("y"))})
        made = artifacts.Artifact("things", type="dataset")
        made.add(Folder(Note("a"), Note("b")), "f")
        run.log_artifact(made).wait()
    with artifacts.init(project="demo", id="r", resume="must") as run:
        run.log({"n": Note("two"), "f": Folder(Note("x"))})
    assert texts("r") == [("one", ["x", "y"]), ("two", ["x"])]
    found = artifacts.Api(project="demo").artifact("things:latest").get("f")
    assert found.read() == ["a", "b"]
    _session.close_stores()
