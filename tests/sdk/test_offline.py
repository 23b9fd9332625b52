"""Runs whose store cannot be reached, or is not to be, and how they get there later."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts
from artifacts import _lineage_events, _session, settings
from artifacts.runs import recovering, syncing
from artifacts.runs.completing import recover
from artifacts.store import remembered
from artifacts.store.catalog import Catalog
from artifacts.store.errors import PermissionDeniedError, RefNotFoundError, StorageError
from artifacts.store.outbox import Delivery, pending
from artifacts.store.store import Store
from artifacts.store.transcript import Record
from tests.sdk.helpers import hint_of


class Remote:
    """A store that counts as remote, and can be made unreachable."""

    def __init__(self, folder, monkeypatch):
        self._patch = monkeypatch
        self._real = Store.open
        self.folder = folder / "store"
        objects = f"local://{folder}/bucket"
        Store.create(self.folder, objects=objects, cache_dir=folder / "cache").close()
        monkeypatch.setenv("ART_STORE", str(self.folder))
        monkeypatch.setenv("ART_PROJECT", "demo")

    def cut_off(self):
        artifacts._session.close_stores()

        def refuse(location, **options):
            if str(location) == str(self.folder):
                raise StorageError("no route to host", retryable=True)
            return self._real(location, **options)

        self._patch.setattr(Store, "open", refuse)

    def come_back(self):
        _session.close_stores()
        self._patch.setattr(Store, "open", self._real)


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path_factory):
    return Remote(tmp_path_factory.mktemp("remote"), monkeypatch)


def sync():
    """Do what `art sync` does with what was kept, as another process would."""
    _session.close_stores()
    place = _session.place()
    return syncing.bring_over(place)


def folder_of():
    stand_in = syncing._existing(settings.load())
    return None if stand_in is None else stand_in.folder


def logged(name, content, run=None, **options):
    Path("file").write_text(content)
    return (run or artifacts).log_artifact("file", name=name, type="dataset", **options)


def online(name, *contents, **options):
    with artifacts.init(mode="online") as run:
        for content in contents:
            logged(name, content, run, **options)


@contextlib.contextmanager
def used_elsewhere():
    """As if another process used the store that stands in."""
    stand_in = syncing._existing(settings.load())
    assert stand_in is not None
    with stand_in.reading():
        yield


def state_of_store():
    """Everything that the catalog says."""
    records: list[Record] = []
    _session.place().store.catalog.export(lambda: records.append)
    return records


def text_of(ref):
    return Path(artifacts.Api().artifact(ref).file()).read_text()


def aliases_of(name):
    return {
        alias: version.version
        for version in artifacts.Api().artifacts("dataset", name)
        for alias in version.aliases
    }


def test_everything_works_and_is_brought_over(store):
    with artifacts.init(mode="offline", id="r1", config={"rate": 0.1}, tags=["x"]) as run:
        assert run.offline
        assert run.url is None
        for i in range(5):
            run.log({"loss": 1 / (i + 1)})
        version = logged("corpus", "text", aliases=["prod"])
        assert version.version == "v0"
        assert run.use_artifact("corpus:prod").digest == version.digest
        run.summary["best"] = 3
        Path("notes.txt").write_text("as it was")
        run.save("notes.txt", policy="now")
        Path("notes.txt").write_text("as it became")
    began = run.created_at
    assert len(artifacts.Api().runs()) == 0
    synced = sync()
    assert synced.emptied
    assert folder_of() is None
    found = artifacts.Api().run("r1")
    assert (found.state, found.exit_code, found.created_at) == ("finished", 0, began)
    assert dict(found.config) == {"rate": 0.1}
    assert found.summary["best"] == 3
    assert Path(found.file("notes.txt").download("back")).read_text() == "as it was"
    assert [row["loss"] for row in found.scan_history()] == [1 / (i + 1) for i in range(5)]
    assert text_of("corpus:prod") == "text"
    assert [version.name for version in found.logged_artifacts()] == ["corpus:v0"]
    assert [version.name for version in found.used_artifacts()] == ["corpus:v0"]
    assert artifacts.Api().artifact("run-r1-history:latest").metadata["rows"] == 5


def test_an_unreachable_store_keeps_the_run_here_and_says_so_once(store, log):
    store.cut_off()
    with artifacts.init(id="r1") as run:
        assert run.offline
        logged("corpus", "text")
    said = [message for message in log.messages if "art sync" in message]
    assert len(said) == 1
    assert "no route to host" in said[0]
    store.come_back()
    assert sync().emptied
    assert text_of("corpus") == "text"


def test_asked_for_expressly_an_unreachable_store_is_an_error(store, monkeypatch):
    store.cut_off()
    with pytest.raises(StorageError) as caught:
        artifacts.init(mode="online")
    assert "leave out mode='online'" in hint_of(caught)
    monkeypatch.setenv("ART_MODE", "online")
    with pytest.raises(StorageError):
        artifacts.init()
    assert folder_of() is None


def test_what_is_wrong_with_a_store_is_not_taken_for_a_bad_network(store, monkeypatch):
    def refuse(location, **options):
        raise PermissionDeniedError("not yours")

    monkeypatch.setattr(Store, "open", refuse)
    with pytest.raises(PermissionDeniedError):
        artifacts.init()


def test_a_server_that_refuses_the_connection(monkeypatch, log):
    monkeypatch.setenv("ART_STORE", "postgresql://nobody@127.0.0.1:1/nothing")
    with artifacts.init() as run:
        assert run.offline
        assert run.log_artifact(__file__, name="code").version == "v0"
    assert not any("nobody" in message for message in log.messages)


def test_a_server_that_does_not_answer(monkeypatch, log):
    """Its queue is full: nobody refuses the connection, and nobody accepts it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setenv("ART_STORE", f"postgresql://nobody@127.0.0.1:{port}/nothing")
        monkeypatch.setenv("ART_CONNECT_TIMEOUT", "0.2")
        with artifacts.init() as run:
            assert run.offline
    assert any("within 0.2 s" in message for message in log.messages)


def test_a_local_store_is_simply_used(monkeypatch, tmp_path, log):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "local"))
    with artifacts.init(mode="offline", id="r1") as run:
        assert run.offline
        logged("corpus", "text")
    assert any("on this machine" in message for message in log.messages)
    assert artifacts.Api().run("r1").state == "finished"
    assert sync().joined == []


def test_the_environment_decides(store, monkeypatch):
    monkeypatch.setenv("ART_MODE", "offline")
    with artifacts.init() as run:
        assert run.offline
    assert folder_of() is not None


# -- numbers and aliases


def test_versions_get_the_next_numbers_in_the_order_of_their_commits(store):
    with artifacts.init(mode="offline") as first:
        logged("corpus", "a")
        with artifacts.init(mode="offline", reinit="create_new") as second:
            logged("corpus", "b", second)
        logged("corpus", "c", first)
    online("corpus", "x", "y")
    sync()
    assert [text_of(f"corpus:v{n}") for n in range(5)] == ["x", "y", "a", "b", "c"]


def test_content_that_is_there_makes_no_version(store):
    online("corpus", "same", "other")
    with artifacts.init(mode="offline", id="r1"):
        logged("corpus", "same", aliases=["prod"])
    synced = sync()
    assert [each.versions for each in synced.joined] == [()]
    assert aliases_of("corpus") == {"latest": "v0", "prod": "v0"}
    [used] = artifacts.Api().run("r1").logged_artifacts()
    assert used.version == "v0"


def test_aliases_go_to_what_was_logged_last(store):
    online("corpus", "x", aliases=["prod"])
    with artifacts.init(mode="offline"):
        logged("corpus", "a", aliases=["prod"])
    sync()
    assert aliases_of("corpus") == {"latest": "v1", "prod": "v1"}


def test_aliases_that_were_moved_since_stay(store):
    with artifacts.init(mode="offline"):
        logged("corpus", "a", aliases=["prod", "mine"])
    online("corpus", "x", aliases=["prod"])
    synced = sync()
    assert aliases_of("corpus") == {"latest": "v0", "prod": "v0", "mine": "v1"}
    kept = [text for each in synced.joined for text in each.changes.aliases_kept]
    assert len(kept) == 2
    assert all("v1" in text for text in kept)


def test_a_protected_alias_stays(store):
    online("corpus", "x", aliases=["prod"])
    artifacts.Api().artifact("corpus:prod").protect_alias("prod")
    with artifacts.init(mode="offline"):
        logged("corpus", "a", aliases=["prod"])
    sync()
    assert aliases_of("corpus") == {"latest": "v1", "prod": "v0"}


def test_links_come_along(store):
    with artifacts.init(mode="offline") as run:
        run.link_artifact(logged("corpus", "a"), "shelf/best", aliases=["prod"])
    with artifacts.init(mode="offline") as run:
        run.log_artifact(__file__, name="unrelated", type="code")
    synced = sync()
    assert [len(each.part.runs) for each in synced.joined] == [1, 1]
    assert synced.emptied
    assert text_of("shelf/best:prod") == "a"


def test_times_are_kept(store):
    with artifacts.init(mode="offline"):
        version = logged("corpus", "a")
    sync()
    assert artifacts.Api().artifact("corpus").created_at == version.created_at


# -- twice, and not all at once


def test_twice_without_harm(store):
    """Somebody goes on offline meanwhile, so that the first time not everything is forgotten."""
    with artifacts.init(mode="offline", id="r1") as run:
        run.log({"a": 1})
        logged("corpus", "a", aliases=["prod"])
    with used_elsewhere():
        assert not sync().emptied
        before = state_of_store()
        again = sync()
        assert not again.emptied
        assert state_of_store() == before
        assert [(each.runs, each.versions) for each in again.joined] == [((), ())]
    assert sync().emptied
    assert state_of_store() == before


def test_what_was_deleted_since_stays_deleted(store):
    with artifacts.init(mode="offline"):
        logged("corpus", "a")
        logged("corpus", "b")
    with used_elsewhere():
        sync()
        artifacts.Api().artifact("corpus:v0").delete()
        sync()
    assert [version.version for version in artifacts.Api().artifacts("dataset", "corpus")] == ["v1"]


def test_a_run_that_goes_on_stays_until_it_has_ended(store):
    with artifacts.init(mode="offline", id="done"):
        logged("corpus", "a")
    script = Path("goes_on.py")
    script.write_text(
        "import sys, artifacts\n"
        "run = artifacts.init(mode='offline', id='busy')\n"
        "open('other', 'w').write('b')\n"
        "run.log_artifact('other', name='other', type='dataset')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "run.finish()\n"
    )
    busy = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert busy.stdout is not None
    assert busy.stdout.readline() == "ready\n"
    synced = sync()
    assert [run.id for run in synced.unfinished] == ["busy"]
    assert not synced.emptied
    assert [run.id for run in artifacts.Api().runs()] == ["done"]
    assert not artifacts.Api().artifact_exists("other:v0")
    busy.communicate("\n")
    assert busy.returncode == 0
    synced = sync()
    assert synced.emptied
    assert text_of("other:latest") == "b"
    assert len(artifacts.Api().runs()) == 2


def test_a_killed_run_is_recovered_and_brought_over(store):
    child = os.fork()
    if child == 0:
        try:
            run = artifacts.init(mode="offline", id="r1")
            run.log({"a": 1})
            logged("corpus", "a", run)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert sync().emptied
    found = artifacts.Api().run("r1")
    assert found.state == "crashed"
    assert [row["a"] for row in found.scan_history()] == [1]
    assert text_of("corpus") == "a"


def test_a_run_that_is_resumed_offline_after_it_was_brought_over(store):
    with artifacts.init(mode="offline", id="r1") as run:
        run.log({"a": 1})
    with used_elsewhere():
        sync()
        with artifacts.init(mode="offline", id="r1", resume="must") as run:
            run.log({"a": 2})
            run.summary["done"] = True
        sync()
    found = artifacts.Api().run("r1")
    assert [row["a"] for row in found.scan_history()] == [1, 2]
    assert found.summary["done"] is True
    assert [each.id for each in artifacts.Api().runs()] == ["r1"]


def test_an_id_that_is_taken(store):
    with artifacts.init(id="r1") as run:
        run.log({"a": "online"})
    with artifacts.init(mode="offline", id="r1") as run:
        run.log({"a": "offline"})
        logged("corpus", "a")
    [joined] = sync().joined
    assert [(each.id, new) for each, new in joined.runs] == [("r1", "r1-2")]
    for run_id, value in (("r1", "online"), ("r1-2", "offline")):
        found = artifacts.Api().run(run_id)
        assert [row["a"] for row in found.scan_history()] == [value]
        history = artifacts.Api().artifact(f"run-{run_id}-history:latest")
        assert history.version == "v0"


def test_what_is_wrong_with_one_does_not_keep_others_from_it(store):
    online("corpus", "x")
    with artifacts.init(mode="offline", id="bad") as run:
        Path("file").write_text("a")
        run.log_artifact("file", name="corpus", type="model")
    with artifacts.init(mode="offline", id="good"):
        logged("other", "b")
    synced = sync()
    [(part, error)] = synced.failed
    assert [run.id for run in part.runs] == ["bad"]
    assert "type" in str(error)
    assert not synced.emptied
    assert text_of("other") == "b"
    assert aliases_of("corpus") == {"latest": "v0"}


def test_interrupted_while_it_uploads(store, monkeypatch):
    with artifacts.init(mode="offline", id="r1"):
        logged("corpus", "a")
    real = Catalog.join

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Catalog, "join", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sync()
    assert len(artifacts.Api().runs()) == 0
    monkeypatch.setattr(Catalog, "join", real)
    assert sync().emptied
    assert text_of("corpus") == "a"


def test_the_store_is_lost_while_it_is_brought_over(store, monkeypatch):
    for name in ("one", "two"):
        with artifacts.init(mode="offline"):
            logged(name, name)

    def fail(*_, **__):
        raise StorageError("no route to host", retryable=True)

    monkeypatch.setattr(Catalog, "join", fail)
    synced = sync()
    (_, first), (_, second) = synced.failed
    assert isinstance(first, StorageError)
    assert second is None
    monkeypatch.undo()


def test_two_at_once(store):
    for name in ("one", "two"):
        with artifacts.init(mode="offline", id=name):
            logged(name, name)
    _session.close_stores()
    script = "from artifacts import _session\nfrom artifacts.runs.syncing import bring_over\n"
    script += "assert bring_over(_session.place()).failed == []\n"
    both = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    sync()
    assert folder_of() is None
    assert sorted(run.id for run in artifacts.Api().runs()) == ["one", "two"]
    assert (text_of("one"), text_of("two")) == ("one", "two")
    assert aliases_of("one") == {"latest": "v0"}


# -- using what is there


def test_what_was_pulled_before_can_be_used_offline(store):
    online("corpus", "x", "y")
    with artifacts.init(id="trained") as run:
        run.use_artifact("corpus:v0").download("out")
    with artifacts.init(mode="offline", id="r1") as run:
        used = run.use_artifact("corpus:v0")
        assert Path(used.file(root="offline")).read_text() == "x"
        logged("model", "m")
    assert sync().emptied
    [found] = artifacts.Api().run("r1").used_artifacts()
    assert (found.name, found.digest) == ("corpus:v0", used.digest)
    assert {run.id for run in artifacts.Api().artifact("corpus:v0").used_by()} == {"trained", "r1"}
    assert aliases_of("corpus") == {"latest": "v1"}


def test_what_was_logged_offline_comes_first(store):
    online("corpus", "x")
    with artifacts.init() as run:
        run.use_artifact("corpus:latest").download("out")
    with artifacts.init(mode="offline") as run:
        assert Path(run.use_artifact("corpus:latest").file(root="one")).read_text() == "x"
        logged("corpus", "mine")
        assert Path(run.use_artifact("corpus:latest").file(root="two")).read_text() == "mine"
    sync()
    assert text_of("corpus:latest") == "mine"
    assert text_of("corpus:v0") == "x"


def test_only_what_was_seen_last_is_kept_in_mind(store, monkeypatch):
    monkeypatch.setattr(remembered, "_MOST", 2)
    online("corpus", "x", "y", "z")
    for name in ("v0", "v1", "v2", "v1"):
        artifacts.Api().artifact(f"corpus:{name}")
    with artifacts.init(mode="offline") as run:
        assert run.use_artifact("corpus:v2").version == "v2"
        assert run.use_artifact("corpus:v1").version == "v1"
        with pytest.raises(RefNotFoundError):
            run.use_artifact("corpus:v0")


def test_by_digest(store):
    online("corpus", "x")
    digest = artifacts.Api().artifact("corpus").digest
    with artifacts.init(mode="offline") as run:
        assert run.use_artifact(f"corpus@{digest[:12]}").version == "v0"
        assert run.use_artifact(digest).digest == digest


def test_an_alias_that_has_moved_is_followed(store):
    online("corpus", "x", aliases=["prod"])
    artifacts.Api().artifact("corpus:prod")
    online("corpus", "y", aliases=["prod"])
    artifacts.Api().artifact("corpus:prod")
    with artifacts.init(mode="offline") as run:
        assert run.use_artifact("corpus:prod").version == "v1"
        assert run.use_artifact("corpus:v0").version == "v0"


def test_what_was_seen_and_not_pulled_says_what_to_do(store):
    online("corpus", "x" * 300_000)
    shutil.rmtree(settings.load().cache_dir / "blobs")
    artifacts.Api().artifact("corpus")
    with artifacts.init(mode="offline") as run, pytest.raises(RefNotFoundError) as caught:
        run.use_artifact("corpus:latest")
    assert "art pull demo/corpus:v0" in hint_of(caught)


def test_what_was_never_seen_says_what_there_is(store):
    with artifacts.init(mode="offline") as run, pytest.raises(RefNotFoundError) as caught:
        run.use_artifact("corpus:latest")
    assert "pulled here before" in hint_of(caught)


def test_a_damaged_memory_is_forgotten(store):
    online("corpus", "x")
    artifacts.Api().artifact("corpus").download("out")
    [path] = (settings.load().cache_dir / "seen").glob("*/*.json")
    path.write_text("{")
    with artifacts.init(mode="offline") as run, pytest.raises(RefNotFoundError):
        run.use_artifact("corpus:latest")
    artifacts.Api().artifact("corpus")
    _session.close_stores()
    with artifacts.init(mode="offline") as run:
        assert run.use_artifact("corpus:latest").version == "v0"


def test_no_secret_is_written_anywhere(monkeypatch):
    url = "postgresql://nobody:hunter2@127.0.0.1:1/nothing?sslpassword=hunter2"
    monkeypatch.setenv("ART_STORE", url)
    with artifacts.init(mode="offline") as run:
        run.log({"a": 1})
    for path in settings.load().offline_dir.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes()


# -- a store that is lost while a run goes on


@pytest.fixture
def losing(monkeypatch):
    """Let every call of the catalog fail that changes something or asks for versions."""
    real = {name: getattr(Catalog, name) for name in LOST}

    def fail(*_, **__):
        raise StorageError("no route to host", retryable=True)

    def lose(*, end=False):
        for name, function in real.items():
            monkeypatch.setattr(Catalog, name, function if end else fail)

    return lose


LOST = ("claim", "commit", "check_type", "resolve", "update_run", "finish_run", "beat", "run")


def finish_everything():
    """Do what `art sync` does, as another process would."""
    for deliveries in list(_session._deliveries.values()):
        with contextlib.suppress(StorageError):
            deliveries.wait()
    _session.close_stores()
    place = _session.place()
    for waiting in pending(place.store):
        delivery = Delivery.take(waiting)
        assert delivery is not None
        delivery.run(place.store)
    recover(place)


@pytest.mark.parametrize("rows", [0, 3])
def test_a_store_that_is_lost_in_the_middle(store, losing, rows):
    run = artifacts.init(id="r1", project="demo")
    run.log_artifact(__file__, name="before", type="code")
    for i in range(rows):
        run.log({"a": i})
    losing()
    logged("corpus", "text", run, aliases=["prod"])
    run.summary["best"] = 3
    with pytest.raises(StorageError) as caught:
        run.finish(2)
    assert "art sync" in hint_of(caught)
    assert (run.state, run.exit_code) == ("failed", 2)
    assert artifacts.run is None
    run.finish()
    losing(end=True)
    finish_everything()
    found = artifacts.Api().run("r1")
    assert (found.state, found.exit_code) == ("failed", 2)
    assert [row["a"] for row in found.scan_history()] == list(range(rows))
    assert found.summary["best"] == 3
    assert {each.name for each in found.logged_artifacts()} == {"before:v0", "corpus:v0"}
    assert text_of("corpus:prod") == "text"


def test_a_store_that_is_lost_at_the_very_end(store, losing, monkeypatch):
    """The history is there, and that the run has ended cannot be entered."""
    run = artifacts.init(id="r1", project="demo")
    run.log({"a": 1})

    def fail(*_, **__):
        raise StorageError("no route to host", retryable=True)

    real = Catalog.finish_run
    monkeypatch.setattr(Catalog, "finish_run", fail)
    with pytest.raises(StorageError):
        run.finish(1)
    monkeypatch.setattr(Catalog, "finish_run", real)
    assert artifacts.Api().run("r1").state == "running"
    finish_everything()
    found = artifacts.Api().run("r1")
    assert (found.state, found.exit_code) == ("failed", 1)
    assert [row["a"] for row in found.scan_history()] == [1]


# -- recovering in the background


def kill_a_run(run_id, project="demo"):
    child = os.fork()
    if child == 0:
        try:
            run = artifacts.init(id=run_id, project=project)
            run.log({"a": 1})
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_the_next_run_of_the_project_recovers_what_was_killed(store):
    kill_a_run("killed")
    kill_a_run("elsewhere", project="other")
    with artifacts.init(project="demo"):
        pass
    _session.close_stores()
    run = artifacts.Api().run("killed")
    assert [row["a"] for row in run.scan_history()] == [1]
    assert run.state == "crashed"
    assert artifacts.Api().artifact_exists("run-killed-history:v0")
    assert artifacts.Api().run("other/elsewhere").state == "running"


def test_what_cannot_be_recovered_stops_nobody(store, monkeypatch, log):
    kill_a_run("killed")

    def fail(*_, **__):
        raise StorageError("the disk is full")

    monkeypatch.setattr(recovering, "recover_run", fail)
    with artifacts.init(project="demo") as run:
        run.log({"b": 1})
    _session.close_stores()
    assert any("art run recover" in message for message in log.messages)
    assert run.state == "finished"


def test_those_who_follow_lineage_are_told_when_a_run_arrives(store, monkeypatch):
    monkeypatch.setenv("ART_LINEAGE_EVENTS", "file")
    store.cut_off()
    with artifacts.init(id="kept") as run:
        logged("data", "1", run)
    store.come_back()
    sync()
    place = _session.place()
    assert place.store.catalog.count_events() == 2
    _lineage_events.send_waiting(place)
    lines = _lineage_events.file_of(place.store).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    assert [output["name"] for output in events[-1]["outputs"]] == ["demo/data"]
    assert events[-1]["job"]["namespace"] == f"art://{place.store.uuid}"
