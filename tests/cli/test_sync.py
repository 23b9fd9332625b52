"""`art sync`: what waits in the outbox is delivered, whatever happened to who logged it."""

import io
import itertools
import logging
import os
import secrets
import signal
from pathlib import Path

import pytest

import artifacts
from artifacts._session import close_stores
from artifacts.cli import _output, _progress
from artifacts.cli._progress import CountingObjects
from artifacts.store import outbox
from artifacts.store.errors import PermissionDeniedError, StorageError
from artifacts.store.objects import MemoryObjects
from artifacts.store.outbox import Delivery
from artifacts.store.progress import Progress
from artifacts.store.store import Store


@pytest.fixture
def remote(art, monkeypatch, tmp_path_factory):
    """A store whose objects are behind fsspec, and so count as remote; a project to log in."""
    monkeypatch.setenv("ART_PROJECT", "demo")
    art("init", "--objects", f"local://{tmp_path_factory.mktemp('bucket')}")


def log(*names):
    """Log a version of each artifact in a run that cannot deliver them."""
    with pytest.MonkeyPatch.context() as patch:

        def fail(*_):
            raise StorageError("the network is down")

        patch.setattr(Delivery, "run", fail)
        run = artifacts.init()
        for name in names:
            Path("file").write_bytes(secrets.token_bytes(300_000))
            run.log_artifact("file", name=name, type="dataset", aliases=["prod"])
        with pytest.raises(StorageError):
            run.finish()
        close_stores()


@pytest.fixture
def waiting(remote):
    """Three versions of two artifacts that wait."""
    log("corpus", "model", "corpus")


@pytest.fixture
def failing(monkeypatch):
    """Let the deliveries of an artifact fail with an error."""
    real = Delivery._upload

    def install(name, error):
        def upload(self, store, draft, objects):
            if draft.name == name:
                raise error
            return real(self, store, draft, objects)

        monkeypatch.setattr(Delivery, "_upload", upload)
        return lambda: monkeypatch.setattr(Delivery, "_upload", real)

    return install


def ids(art):
    return art("sync", "--list", "-q").lines


def test_nothing_to_do(art, remote):
    assert art("sync").out == "nothing is waiting\n"
    assert art("sync", "--list").out == "nothing is waiting\n"
    assert art("sync", "--dry-run").out == "nothing is waiting\n"
    assert art("sync", "--json").json == {
        "delivered": [],
        "failed": [],
        "busy": [],
        "waiting": [],
        "recovered": [],
        "not_recovered": [],
        "offline": {
            "runs": [],
            "versions": [],
            "aliases_moved": [],
            "aliases_kept": [],
            "failed": [],
            "unfinished": [],
            "emptied": False,
        },
        "lineage_events": 0,
    }


def test_a_store_that_is_not_remote_has_nothing_to_do(art, store):
    assert art("sync").out == "nothing is waiting\n"


def test_list(art, waiting):
    head, *rows = art("sync", "--list").lines
    assert head.split() == ["ID", "ARTIFACT", "SIZE", "LOGGED"]
    assert [row.split()[1] for row in rows] == ["demo/corpus", "demo/model", "demo/corpus"]
    found = art("sync", "--list", "--json").json["waiting"]
    assert [one["id"] for one in found] == ids(art)
    assert found[0]["aliases"] == ["prod"]
    assert found[0]["bytes"] > 300_000


def test_everything_is_delivered_in_order(art, waiting):
    assert art("ls", "-q").lines == []
    newest = Path("file").read_bytes()
    result = art("sync")
    assert result.lines == [f"delivered demo/{n}" for n in ("corpus:v0", "model:v0", "corpus:v1")]
    assert art("sync").out == "nothing is waiting\n"
    art("pull", "corpus:prod", "-o", "out")
    assert Path("out/file").read_bytes() == newest
    art("check", "--read-data")


def test_the_run_that_logged_it_is_known(art, waiting):
    art("sync")
    assert "corpus:v1" in art("lineage", "corpus:v1").out
    [run] = art("run", "ls", "-q").lines
    assert run.rpartition("/")[2] in art("lineage", "corpus:v1").out


def test_one_that_fails_does_not_keep_others_from_it(art, waiting, failing):
    mend = failing("corpus", PermissionDeniedError("not yours", hint="ask the owner"))
    first, _, second = ids(art)
    result = art("sync", code=3)
    assert "delivered demo/model:v0" in result.lines
    assert f"failed demo/corpus ({first}): not yours" in result.lines
    assert "  → ask the owner" in result.lines
    assert f"demo/corpus ({second}) goes on waiting" in result.lines
    found = art("sync", "--json", code=3).json
    assert [one["kind"] for one in found["failed"]] == ["permission_denied"]
    assert [one["id"] for one in found["waiting"]] == [second]
    mend()
    assert art("sync", "-q").lines == ["demo/corpus:v0", "demo/corpus:v1"]


def test_when_the_store_cannot_be_reached_the_rest_is_not_tried(art, waiting, failing):
    failing("corpus", StorageError("no route", retryable=True))
    found = art("sync", "--json", code=3).json
    assert (len(found["failed"]), len(found["waiting"])) == (1, 2)
    assert len(ids(art)) == 3


def test_what_another_process_delivers_is_left_to_it(art, waiting):
    with_store = Store.open(
        ".artifacts", cache_dir=Path(os.environ["ART_CACHE_DIR"]), outbox_dir=_outbox()
    )
    taken = Delivery.take(outbox.pending(with_store)[0])
    assert taken is not None
    result = art("sync")
    assert result.lines == [
        "delivered demo/model:v0",
        "demo/corpus is being delivered by another process",
        f"demo/corpus ({ids(art)[1]}) goes on waiting",
    ]
    art("sync", "--discard", ids(art)[0], "-y", code=12)
    taken.leave()
    with_store.close()
    assert art("sync", "-q").lines == ["demo/corpus:v0", "demo/corpus:v1"]


def _outbox():
    from artifacts import settings

    return settings.load().outbox_dir


def test_interrupted_the_rest_stays_whole(art, waiting, failing):
    mend = failing("model", KeyboardInterrupt())
    assert art("sync", code=130).err == "interrupted\n"
    assert len(ids(art)) == 2
    mend()
    assert art("sync", "-q").lines == ["demo/model:v0", "demo/corpus:v1"]
    art("check", "--read-data")


def test_killed_just_before_the_commit(art, waiting, monkeypatch):
    """Another process is killed when it has uploaded everything, and this one goes on."""
    child = os.fork()
    if child == 0:
        try:
            from artifacts.store.catalog import Catalog

            monkeypatch.setattr(
                Catalog, "commit", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
            )
            art("sync")
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert len(ids(art)) == 3
    assert len(art("sync", "-q").lines) == 3
    art("check", "--read-data")


# -- what was kept here


@pytest.fixture
def offline(remote):
    """A run that worked offline; `other` shares nothing with it."""
    for run_id, name in (("r1", "corpus"), ("r2", "other")):
        with artifacts.init(mode="offline", id=run_id) as run:
            Path("file").write_text(run_id)
            run.log_artifact("file", name=name, type="dataset", aliases=["prod"])
            run.log({"a": 1})
    close_stores()


def kill_a_run():
    child = os.fork()
    if child == 0:
        try:
            run = artifacts.init(id="killed")
            run.log({"a": 1})
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(child, 0)


def test_what_was_kept_is_shown(art, offline):
    kill_a_run()
    lines = art("sync", "--dry-run").lines
    assert lines[0] == "run demo/killed was killed, and is to be recorded"
    assert [line.split(",")[0] for line in lines[1:]] == [
        "logged offline: run demo/r1",
        "logged offline: run demo/r2",
    ]
    found = art("sync", "--dry-run", "--json").json
    assert [run["id"] for run in found["journals"]] == ["killed"]
    assert [part["runs"][0]["id"] for part in found["offline"]["parts"]] == ["r1", "r2"]
    assert art("run", "ls", "-q").lines == ["killed"]


def test_what_was_kept_is_brought(art, offline):
    kill_a_run()
    assert art("sync").lines == [
        "recorded run demo/killed, which crashed",
        "brought run demo/r1",
        "brought demo/corpus:v0",
        "brought run demo/r2",
        "brought demo/other:v0",
    ]
    assert art("sync").out == "nothing is waiting\n"
    assert sorted(art("run", "ls", "-q").lines) == ["killed", "r1", "r2"]
    art("pull", "corpus:prod", "-o", "out")
    assert Path("out/file").read_text() == "r1"
    art("check", "--read-data")


def test_what_was_brought_as_data(art, offline):
    found = art("sync", "--json").json["offline"]
    assert [(run["id"], run["logged_as"]) for run in found["runs"]] == [("r1", "r1"), ("r2", "r2")]
    assert found["versions"] == ["demo/corpus:v0", "demo/other:v0"]
    assert "demo/corpus:prod -> v0" in found["aliases_moved"]
    assert found["emptied"] is True
    assert art("sync", "-q").lines == []


def test_names_of_new_versions_for_scripts(art, offline):
    assert art("sync", "-q").lines == ["demo/corpus:v0", "demo/other:v0"]


def test_what_cannot_be_brought_stays(art, offline, data):
    art("push", "data", "corpus", "-t", "model")
    result = art("sync", code=3)
    assert "brought demo/other:v0" in result.lines
    assert any(line.startswith("failed run demo/r1: ") for line in result.lines)
    [failed] = art("sync", "--json", code=3).json["offline"]["failed"]
    assert failed["runs"][0]["id"] == "r1"
    assert failed["kind"] == "type_mismatch"
    assert any("demo/r1" in line for line in art("sync", "--dry-run").lines)


def test_a_run_under_another_id_is_told(art, offline):
    with artifacts.init(id="r1"):
        pass
    close_stores()
    assert "brought run demo/r1 as r1-2: there is another run r1" in art("sync").lines


def test_an_alias_that_stays_is_told(art, offline, data):
    art("push", "data", "corpus", "-a", "prod")
    lines = art("sync").lines
    assert any(line.startswith("demo/corpus:prod (v1 was logged offline)") for line in lines)


# -- giving up


def test_discard(art, waiting):
    first, *others = ids(art)
    assert art("sync", "--discard", first, "-y").out == "gave up demo/corpus\n"
    assert ids(art) == others
    assert art("sync", "-q").lines == ["demo/model:v0", "demo/corpus:v0"]


def test_discard_asks(art, waiting, monkeypatch):
    first, *_ = ids(art)
    result = art("sync", "--discard", first, code=2)
    assert "there is nobody to ask" in result.err
    assert "art sync --list" in result.err
    monkeypatch.setattr(_output, "interactive", lambda: True)
    assert "for ever?" in art("sync", "--discard", first, stdin="n\n", code=1).err
    assert len(ids(art)) == 3
    art("sync", "--discard", first, stdin="y\n")
    assert len(ids(art)) == 2


def test_discard_of_what_is_not_there(art, waiting):
    assert "art sync --list" in art("sync", "--discard", "../x", "-y", code=11).err


# -- progress


class Told(Progress):
    def __init__(self):
        self.steps = []

    def advance(self, files, size):
        self.steps.append(size)


def test_what_is_sent_is_counted_when_it_is_sent():
    progress = Told()
    objects = CountingObjects(MemoryObjects(), progress)
    objects.put("a/b", lambda: io.BytesIO(bytes(1000)), size=1000)
    assert (objects.sent, progress.steps) == (1000, [1000])
    assert objects.fetch("a/b", 0, 1000) == bytes(1000)
    assert [info.size for info in objects.list()] == [1000]


def test_parts_are_counted_one_by_one_and_repetitions_once():
    class Parts(MemoryObjects):
        def put(self, key, source, *, size):
            for start in (0, 400, 400, 800):
                with source() as reader:
                    reader.seek(start)
                    assert len(reader.read(400)) == min(400, size - start)

    progress = Told()
    objects = CountingObjects(Parts(), progress)
    objects.put("a", lambda: io.BytesIO(bytes(1000)), size=1000)
    assert objects.sent == 1000
    assert progress.steps == [400, 400, 200]


def test_rate_and_its_share_of_the_best_second():
    now = 0.0
    rate = _progress.Rate(lambda: now)
    for count in itertools.chain([20] * 8, [40] * 8):  # each takes an eighth of a second
        now += 0.125
        rate.add(count * 10**6)
    assert rate.summary() == (
        "480 MB in 2.0 s, 240.0 MB/s, η = 75% of the best second (320.0 MB/s)"
    )


def test_what_is_quicker_than_a_second_has_no_share():
    rate = _progress.Rate(iter([0.0, 0.5, 0.5]).__next__)
    rate.add(1000)
    assert rate.summary() == "1.0 kB in 0.5 s, 0.0 MB/s"


def test_the_rate_is_logged_at_the_end(caplog):
    with caplog.at_level(logging.INFO, "artifacts"), _progress.Bar("pushing", delay=1000) as bar:
        bar.start(1, 1000)
        bar.advance(1, 1000)
    assert caplog.messages[0].startswith("pushing: 1.0 kB in 0.0 s")


def test_on_a_terminal_there_is_a_bar(art, waiting, monkeypatch):
    bars = []

    def progress(self, what):
        bars.append(_progress.Bar(what, delay=1000))
        return bars[-1]

    monkeypatch.setattr(_output.Output, "progress", progress)
    assert "delivering: " in art("sync", "-v").err
    [bar] = bars
    assert (bar.files, bar.total_files) == (3, 3)
    assert bar.bytes == bar.total_bytes > 900_000
