"""Runs that log to a remote store without waiting for the network."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import artifacts
from artifacts.store.errors import StorageError
from artifacts.store.outbox import Delivery, pending
from artifacts.store.store import Store

FILES = {"a.txt": b"text", "large.bin": bytes(300_000)}


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path_factory):
    """A store whose objects are in a folder, but behind fsspec, and so count as remote."""
    folder = tmp_path_factory.mktemp("remote")
    monkeypatch.setenv("ART_STORE", str(folder / "store"))
    monkeypatch.setenv("ART_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("ART_OUTBOX_DIR", str(folder / "outbox"))
    Store.create(
        folder / "store", objects=f"local://{folder}/bucket", cache_dir=folder / "cache"
    ).close()
    return folder / "store"


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


class Gate:
    """Holds up every upload until it is opened."""

    def __init__(self, monkeypatch):
        self.open = threading.Event()
        self.error = None
        real = Delivery.run

        def run(delivery, store):
            assert self.open.wait(60)
            if self.error is not None:
                raise self.error
            return real(delivery, store)

        monkeypatch.setattr(Delivery, "run", run)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


def test_logging_does_not_wait(data, gate):
    with artifacts.init(project="demo") as run:
        artifact = run.log_artifact(str(data), name="corpus", type="dataset")
        assert artifact.state == "PENDING"
        assert artifact.name == "corpus"
        assert artifact.file_count == len(FILES)
        assert len(artifact.digest) == 64
        assert not artifact.is_draft()
        with pytest.raises(TimeoutError):
            artifact.wait(timeout=0.01)
        gate.open.set()
        assert artifact.wait() is artifact
        assert (artifact.state, artifact.version, artifact.is_new) == ("COMMITTED", "v0", True)


def test_what_is_on_its_way_cannot_be_changed(data, gate):
    with artifacts.init(project="demo") as run:
        artifact = run.log_artifact(str(data), name="corpus", type="dataset")
        with pytest.raises(artifacts.ArtifactFinalizedError):
            artifact.add_file(str(data / "a.txt"), name="b.txt")
        gate.open.set()


def test_logging_it_again_waits(data, gate):
    with artifacts.init(project="demo") as run:
        artifact = run.log_artifact(str(data), name="corpus", type="dataset")
        threading.Timer(0.2, gate.open.set).start()
        run.log_artifact(artifact, aliases=["prod"])
        assert (artifact.version, "prod" in artifact.aliases) == ("v0", True)


def test_whoever_needs_the_version_waits_for_it(data, gate, tmp_path):
    with artifacts.init(project="demo") as run:
        artifact = run.log_artifact(str(data), name="corpus", type="dataset")
        threading.Timer(0.2, gate.open.set).start()
        assert artifact.version == "v0"
        out = Path(artifact.download(tmp_path / "out"))
    assert {p.name: p.read_bytes() for p in out.iterdir()} == FILES


def test_finish_waits(data, gate):
    run = artifacts.init(project="demo")
    artifact = run.log_artifact(str(data), name="corpus", type="dataset", aliases=["prod"])
    threading.Timer(0.2, gate.open.set).start()
    run.finish()
    assert artifact.state == "COMMITTED"
    [logged] = artifacts.Api().run(f"demo/{run.id}").logged_artifacts()
    assert (logged.qualified_name, "prod" in logged.aliases) == ("local/demo/corpus:v0", True)


def test_the_original_may_change_at_once(data, gate, tmp_path):
    with artifacts.init(project="demo") as run:
        artifact = run.log_artifact(str(data), name="corpus", type="dataset")
        (data / "a.txt").write_bytes(b"something else")
        (data / "large.bin").unlink()
        gate.open.set()
    out = Path(artifact.download(tmp_path / "out"))
    assert {p.name: p.read_bytes() for p in out.iterdir()} == FILES


def test_an_error_surfaces_in_wait_and_in_finish(data, gate, store):
    gate.error = StorageError("the network is down", retryable=True)
    gate.open.set()
    run = artifacts.init(project="demo")
    artifact = run.log_artifact(str(data), name="corpus", type="dataset")
    with pytest.raises(StorageError, match="the network is down"):
        artifact.wait()
    with pytest.raises(StorageError, match="the network is down") as caught:
        run.finish()
    assert "art sync" in str(caught.value.hint)
    assert run.state == "finished"


def test_versions_come_in_the_order_in_which_they_were_logged(tmp_path, gate):
    with artifacts.init(project="demo") as run:
        logged = []
        for i in range(5):
            file = tmp_path / "f"
            file.write_text(str(i))
            logged.append(run.log_artifact(str(file), name="x", type="t"))
        gate.open.set()
    assert [artifact.version for artifact in logged] == [f"v{i}" for i in range(5)]


def test_an_incremental_draft_waits(data, gate):
    gate.open.set()
    with artifacts.init(project="demo") as run:
        run.log_artifact(str(data), name="corpus", type="dataset").wait()
        draft = artifacts.Artifact("corpus", type="dataset", incremental=True)
        draft.add_file(str(data / "a.txt"), name="b.txt")
        assert run.log_artifact(draft).state == "COMMITTED"


def test_it_can_be_switched_off(data, monkeypatch):
    monkeypatch.setenv("ART_WRITE_BEHIND", "false")
    with artifacts.init(project="demo") as run:
        artifact = run.log_artifact(str(data), name="corpus", type="dataset")
        assert artifact.state == "COMMITTED"


def test_outside_of_a_run_saving_waits(data):
    artifact = artifacts.Artifact("corpus", type="dataset", project="demo")
    artifact.add_dir(str(data))
    assert artifact.save().state == "COMMITTED"


SCRIPT = """
import sys, artifacts
run = artifacts.init(project="demo")
run.log_artifact(sys.argv[1], name="corpus", type="dataset")
{ending}
"""


def script(data, ending, **options):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(ending=ending), str(data)],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "1 / 0"])
def test_the_process_does_not_end_before_everything_is_there(data, ending, tmp_path):
    result = script(data, ending)
    assert result.returncode == (1 if "/" in ending else 0), result.stderr
    assert "corpus:v0" in artifacts.Api().artifact("demo/corpus").qualified_name


def test_what_a_killed_process_logged_is_finished_later(data, store, tmp_path):
    stall = (
        "from artifacts.store.outbox import Delivery\n"
        "import os, signal, time\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    code = SCRIPT.format(ending=stall).replace(
        "run = ",
        "from artifacts.store.outbox import Delivery\n"
        "import time\n"
        "Delivery.run = lambda self, store: time.sleep(60)\n"
        "run = ",
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(data)], env=os.environ, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    opened = Store.open(
        store,
        cache_dir=Path(os.environ["ART_CACHE_DIR"]),
        outbox_dir=Path(os.environ["ART_OUTBOX_DIR"]),
    )
    [waiting] = pending(opened)
    delivery = Delivery.take(waiting)
    assert delivery is not None
    delivery.run(opened)
    assert pending(opened) == []
    opened.close()
    out = Path(artifacts.Api().artifact("demo/corpus:latest").download(tmp_path / "out"))
    assert {p.name: p.read_bytes() for p in out.iterdir()} == FILES


def test_immutable_files_are_not_copied(data, gate, store):
    with artifacts.init(project="demo") as run:
        artifact = artifacts.Artifact("data", "dataset")
        artifact.add_dir(data, policy="immutable")
        run.log_artifact(artifact)
        waiting = [f for f in (store.parent / "outbox").rglob("*") if f.is_file()]
        assert sum(file.stat().st_size for file in waiting) < len(FILES["large.bin"])
        gate.open.set()
    path = Path(artifacts.Api().artifact("demo/data:latest").download(root=data.parent / "out"))
    assert (path / "large.bin").read_bytes() == FILES["large.bin"]
    assert (data / "large.bin").read_bytes() == FILES["large.bin"]
