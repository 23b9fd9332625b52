"""Events of OpenLineage that go out while runs run."""

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import artifacts
from artifacts._session import place
from artifacts.store.errors import ConfigError
from artifacts.store.lineage.openlineage import sending


class Service:
    """Takes events, or refuses them."""

    def __init__(self):
        self.events: list[dict] = []
        self.keys: list[str | None] = []
        self.status = 201
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.keys.append(self.headers.get("Authorization"))
                if service.status == 201:
                    service.events.append(json.loads(body))
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def service(monkeypatch):
    found = Service()
    monkeypatch.setenv("ART_LINEAGE_EVENTS", found.url)
    yield found
    found.close()


@pytest.fixture
def to_file(monkeypatch, store):
    """Events go to a file; returns what is in it."""
    monkeypatch.setenv("ART_LINEAGE_EVENTS", "file")

    def read():
        return [json.loads(line) for line in (store / "lineage.jsonl").read_text().splitlines()]

    return read


def log_file(run, name, content, tmp_path):
    artifact = artifacts.Artifact(name, "dataset")
    file = tmp_path / "file.txt"
    file.write_text(content)
    artifact.add_file(file)
    run.log_artifact(artifact)


def work(tmp_path):
    with artifacts.init(project="demo", job_type="prepare") as run:
        log_file(run, "raw", "1", tmp_path)
    with artifacts.init(project="demo", job_type="train") as run:
        run.use_artifact("raw:latest")
        log_file(run, "model", "2", tmp_path)
        run.log({"loss": 0.5})


def told(events):
    """What was said of each run, in order."""
    found = defaultdict(list)
    for event in events:
        names = [[each["name"] for each in event[member]] for member in ("inputs", "outputs")]
        found[event["job"]["name"]].append((event["eventType"], *names))
    return dict(found)


WORK: dict[str, list[tuple]] = {
    "demo/prepare": [
        ("START", [], []),
        ("RUNNING", [], ["demo/raw"]),
        ("COMPLETE", [], ["demo/raw"]),
    ],
    "demo/train": [
        ("START", [], []),
        ("RUNNING", ["demo/raw"], []),
        ("RUNNING", [], ["demo/model"]),
        ("COMPLETE", ["demo/raw"], ["demo/model"]),
    ],
}


def waiting():
    return place().store.catalog.count_events()


def test_events_in_a_file(to_file, tmp_path):
    work(tmp_path)
    events = to_file()
    assert told(events) == WORK
    assert [e["eventTime"] for e in events] == sorted(e["eventTime"] for e in events)
    assert len({e["run"]["runId"] for e in events}) == 2
    assert waiting() == 0


def test_events_for_a_service(service, tmp_path, monkeypatch, log_of_all):
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "hush-hush")
    work(tmp_path)
    assert told(service.events) == WORK
    assert set(service.keys) == {"Bearer hush-hush"}
    assert waiting() == 0
    assert "hush-hush" not in log_of_all.text


@pytest.fixture
def log_of_all(caplog):
    caplog.set_level(0)
    return caplog


def test_how_runs_end(to_file):
    with pytest.raises(ZeroDivisionError), artifacts.init(project="demo", job_type="bad"):
        _ = 1 / 0
    with artifacts.init(project="demo", job_type="interrupted") as run:
        run.mark_preempting()
        run.finish(1)
    found = told(to_file())
    assert found["demo/bad"][-1][0] == "FAIL"
    assert found["demo/interrupted"][-1][0] == "ABORT"


def test_a_run_that_goes_on_begins_again(to_file):
    for _ in range(2):
        artifacts.init(project="demo", id="same", resume="allow").finish()
    events = to_file()
    assert [e["eventType"] for e in events] == ["START", "COMPLETE"] * 2
    assert len({e["run"]["runId"] for e in events}) == 1


def test_nothing_is_noted_by_default(tmp_path, store):
    work(tmp_path)
    assert waiting() == 0
    assert not (store / "lineage.jsonl").exists()


def test_nobody_there_harms_no_run(service, tmp_path, log):
    service.status = 503
    work(tmp_path)
    assert service.events == []
    records = 2  # the history and the summary of the second run are noted, and not sent
    assert waiting() == sum(len(events) for events in WORK.values()) + records
    assert "events of lineage are waiting, none is lost" in log.text
    assert "it answered 503" in log.text
    service.status = 201
    artifacts.init(project="demo", job_type="next").finish()
    assert told(service.events) == WORK | {"demo/next": [("START", [], []), ("COMPLETE", [], [])]}


def test_what_was_sent_is_not_sent_again(service, tmp_path):
    """A service that fails in the middle gets the rest later."""
    service.status = 503
    work(tmp_path)
    found = place()

    class Flaky:
        def __init__(self):
            self.taken = []

        def turn(self):
            return threading.Lock()

        def send(self, event):
            if len(self.taken) == 2:
                raise artifacts.StorageError("enough")
            self.taken.append(event)

        def flush(self):
            pass

    flaky = Flaky()
    with pytest.raises(artifacts.StorageError):
        sending.send_waiting(found.store, flaky)
    service.status = 201
    artifacts.init(project="demo", job_type="next").finish()
    events = [*flaky.taken, *service.events]
    assert {name: told(events)[name] for name in WORK} == WORK


def test_a_line_that_was_torn_is_written_again(to_file, store, tmp_path):
    work(tmp_path)
    whole = len(to_file())
    with (store / "lineage.jsonl").open("a") as file:
        file.write('{"eventType": "STA')
    artifacts.init(project="demo").finish()
    assert len(to_file()) == whole + 2


def test_two_runs_at_once(to_file, tmp_path):
    first = artifacts.init(project="demo", job_type="first", reinit="create_new")
    second = artifacts.init(project="demo", job_type="second", reinit="create_new")
    log_file(first, "raw", "1", tmp_path)
    second.finish()
    first.finish()
    found = told(to_file())
    assert [kind for kind, *_ in found["demo/first"]] == ["START", "RUNNING", "COMPLETE"]
    assert [kind for kind, *_ in found["demo/second"]] == ["START", "COMPLETE"]


def test_events_are_imported_where_they_are_wanted(to_file, store, tmp_path):
    work(tmp_path)
    done = artifacts.Api().import_lineage(store / "lineage.jsonl")
    assert (done.events, done.changes.versions, done.changes.runs) == (7, [], 0)


@pytest.mark.parametrize("value", ["nowhere", "ftp://host", "https://"])
def test_where_events_cannot_go(monkeypatch, value):
    monkeypatch.setenv("ART_LINEAGE_EVENTS", value)
    with pytest.raises(ConfigError, match="lineage_events must be off, file"):
        artifacts.init(project="demo")


def test_a_password_is_refused(monkeypatch):
    monkeypatch.setenv("ART_LINEAGE_EVENTS", "https://me:hush@host/api")
    with pytest.raises(ConfigError, match="holds a password") as caught:
        artifacts.init(project="demo")
    assert "hush" not in str(caught.value)


def test_a_killed_run_is_told_of_when_it_is_recovered(to_file):
    left = artifacts.init(project="demo", job_type="killed")
    found = place()
    left._live.stop()
    found.store.catalog.finish_run(left._record.key, "crashed", None)  # as recovering does
    assert left._events is not None
    left._events.stop()
    assert [e["eventType"] for e in to_file()] == ["START", "FAIL"]
    left.finish()
