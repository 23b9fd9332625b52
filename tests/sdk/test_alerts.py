"""Alerts: what is stored, what is dropped, what survives a lost store, and where they are sent."""

import http.server
import json
import logging
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

import artifacts
from artifacts import AlertLevel, _setting_files, settings
from artifacts.runs import alert_outbox, notifying
from artifacts.store.catalog import Catalog
from artifacts.store.errors import RunFinishedError, StorageError
from tests.sdk.helpers import hint_of


def stored(run_id="r"):
    return artifacts.Api(project="demo").run(run_id).alerts


def texts(alerts):
    return [alert.text for alert in alerts]


@pytest.fixture
def run():
    with artifacts.init(project="demo", id="r", name="fit") as active:
        yield active


# -- what is stored


def test_an_alert_is_stored_with_the_run(run):
    assert run.alert("Low accuracy", "0.1 after 3 epochs", AlertLevel.WARN) is True
    assert run.alerts == stored()
    (found,) = stored()
    assert (found.title, found.text, found.level) == ("Low accuracy", "0.1 after 3 epochs", "WARN")
    assert abs(found.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.suppressed == 0


def test_the_module_level_function(run):
    assert artifacts.alert(title="t", text="x", level="ERROR", wait_duration=0)
    assert stored()[0].level is AlertLevel.ERROR


def test_without_a_run():
    with pytest.raises(artifacts.StateError, match=r"artifacts\.alert\(\)"):
        artifacts.alert("t", "x")


def test_after_the_end(run):
    run.finish()
    with pytest.raises(RunFinishedError, match="`alert`"):
        run.alert("t", "x")


@pytest.mark.parametrize("level", [None, "INFO", AlertLevel.INFO], ids=repr)
def test_level(run, level):
    run.alert("t", "x", level)
    assert stored()[0].level is AlertLevel.INFO


@pytest.mark.parametrize("level", ["info", "WARNING", "", 1, "CRITICAL"])
def test_another_level(run, level):
    with pytest.raises(ValueError, match="level must be one of 'INFO', 'WARN', or 'ERROR'"):
        run.alert("t", "x", level)
    assert stored() == []


def test_the_title_has_a_limit(run):
    assert run.alert("é" * 63, "")
    for title in ("", "x" * 64):
        with pytest.raises(ValueError, match="1 to 63 characters"):
            run.alert(title, "x")


def test_the_text_has_a_limit(run):
    assert run.alert("fits", "é" * (32 << 10))
    with pytest.raises(ValueError, match="at most 65536 bytes") as caught:
        run.alert("too long", "é" * (32 << 10) + "x")
    assert "file" in hint_of(caught)
    assert len(stored()) == 1


@pytest.mark.parametrize("given", [{"title": 1}, {"title": None}, {"text": b"x"}, {"text": None}])
def test_what_is_no_text(run, given):
    with pytest.raises(TypeError, match="must be text"):
        run.alert(**{"title": "t", "text": "x", **given})


def test_characters_that_no_database_takes(run):
    assert run.alert("t\0", "broken \udc80 text\0")
    assert stored()[0].text == "broken ? text\ufffd"


# -- what is dropped


@pytest.mark.parametrize("wait", [None, 60, 60.0, timedelta(minutes=1), 1e9], ids=repr)
def test_a_second_one_of_the_title_is_dropped_and_counted(run, wait):
    assert run.alert("t", "first", wait_duration=wait) is True
    assert run.alert("t", "second", wait_duration=wait) is False
    assert run.alert("t", "third", wait_duration=wait) is False
    assert run.alert("other", "fourth", wait_duration=wait) is True
    run.finish()
    assert [(a.text, a.suppressed) for a in stored()] == [("first", 2), ("fourth", 0)]


@pytest.mark.parametrize("wait", [0, 0.0, timedelta()], ids=repr)
def test_no_limit(run, wait):
    assert all(run.alert("t", str(i), wait_duration=wait) for i in range(3))
    assert texts(stored()) == ["0", "1", "2"]


def test_each_call_says_how_long(run):
    assert run.alert("t", "0")
    assert not run.alert("t", "1", wait_duration=1000)
    assert run.alert("t", "2", wait_duration=1e-6)
    assert not run.alert("t", "3")
    run.finish()
    assert [(a.text, a.suppressed) for a in stored()] == [("0", 1), ("2", 1)]


@pytest.mark.parametrize(
    "wait", [-1, -0.001, timedelta(seconds=-1), float("nan"), float("inf")], ids=repr
)
def test_a_wait_that_makes_no_sense(run, wait):
    with pytest.raises(ValueError, match="wait_duration must be at least 0"):
        run.alert("t", "x", wait_duration=wait)


@pytest.mark.parametrize("wait", ["60", True, [1]])
def test_a_wait_that_is_no_time(run, wait):
    with pytest.raises(TypeError, match="must be seconds or a timedelta"):
        run.alert("t", "x", wait_duration=wait)


def test_the_limit_holds_for_the_run_not_for_the_process(run):
    assert run.alert("t", "first")
    run.finish()
    with artifacts.init(project="demo", id="r", resume="must") as again:
        assert again.alert("t", "second") is False
        assert again.alert("t", "third", wait_duration=0) is True
    assert [(a.text, a.suppressed) for a in stored()] == [("first", 1), ("third", 0)]


def test_many_threads_send_one(run):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(run.alert("t", "x"))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    assert sorted(answers) == [False] * 19 + [True]
    assert [a.suppressed for a in stored()] == [19]


# -- a store that is lost


@pytest.fixture
def lost(monkeypatch):
    """A switch that takes the catalog away for alerts."""

    class Switch:
        on = False

    real = Catalog.add_alert

    def add_alert(self, *args):
        if Switch.on:
            raise StorageError("the catalog cannot be reached")
        return real(self, *args)

    monkeypatch.setattr(Catalog, "add_alert", add_alert)
    monkeypatch.setattr(alert_outbox, "ANSWER_WITHIN", 0.2)
    return Switch


def test_it_is_delivered_when_the_store_is_back(run, lost, log, monkeypatch):
    monkeypatch.setattr(alert_outbox, "_RETRY_EVERY", 0.05)
    lost.on = True
    assert run.alert("t", "first") is True
    assert run.alert("t", "dropped") is False
    assert run.alert("other", "second") is True
    assert texts(run.alerts) == ["first", "second"]
    assert stored() == []
    lost.on = False
    run._alerts.close()
    assert texts(stored()) == ["first", "second"]
    warnings = [r for r in log.records if "alerts wait until the store" in r.message]
    assert len(warnings) == 1


def test_a_run_ends_without_its_store_and_is_recovered(lost):
    from artifacts import _session
    from artifacts.runs.completing import recover

    run = artifacts.init(project="demo", id="r")
    run.alert("before", "x")
    lost.on = True
    run.alert("t", "first", "ERROR")
    with pytest.raises(StorageError):
        run.finish()
    lost.on = False
    recover(_session.place(project="demo"))
    assert texts(stored()) == ["x", "first"]
    recover(_session.place(project="demo"))
    assert texts(stored()) == ["x", "first"]


KILLED = """
import artifacts, os, signal
from artifacts.runs import alert_outbox
from artifacts.store.catalog import Catalog
from artifacts.store.errors import StorageError

run = artifacts.init(project="demo", id="r")
run.alert("stored", "1")
real = Catalog.add_alert
entered = 0

def add_alert(self, *args):
    global entered
    entered += 1
    if entered == 1:
        real(self, *args)  # it is done, and the answer is lost
    raise StorageError("the catalog cannot be reached")

Catalog.add_alert = add_alert
alert_outbox.ANSWER_WITHIN = 0.2
assert run.alert("answer lost", "2")
assert run.alert("never there", "3")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_none_and_none_comes_twice():
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert killed.returncode < 0
    assert texts(stored()) == ["1", "2"]
    artifacts.init(project="demo", id="r", resume="must").finish()
    assert texts(stored()) == ["1", "2", "3"]


def test_a_forked_child_sends_alerts(run):
    assert run.alert("parent", "1")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if run.alert("child", "2") and not run.alert("parent", "3") else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    run.finish()
    assert [(a.text, a.suppressed) for a in stored()] == [("1", 1), ("2", 0)]


def test_others_see_it_while_the_run_is_running(run):
    run.alert("t", "x")
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import artifacts; print(artifacts.Api(project='demo').run('r').alerts[0].text)",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout == "x\n"


# -- export and import


def test_alerts_come_along_with_an_export(run, tmp_path):
    from artifacts.store.exporting import export
    from artifacts.store.importing import import_bundle
    from artifacts.store.store import Store

    run.alert("t", "x" * 100, "ERROR")
    run.alert("t", "y")
    run.finish()
    export(artifacts.Api().store, tmp_path / "all.tar")
    other = Store.create(tmp_path / "other")
    for _ in range(2):
        import_bundle(other, tmp_path / "all.tar")
        key = other.catalog.run("local", "demo", "r").key
        (found,) = other.catalog.list_alerts([key])[key]
        assert (found.text, found.level, found.suppressed) == ("x" * 100, "ERROR", 1)
    other.close()


# -- sending


class Receiver(http.server.BaseHTTPRequestHandler):
    received: ClassVar[list] = []
    release: ClassVar[threading.Event]

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).received.append((self.path, body))
        type(self).release.wait(20)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def service(monkeypatch):
    """A web hook that the settings name, with a secret in its URL; answers at once."""
    Receiver.received, Receiver.release = [], threading.Event()
    Receiver.release.set()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("ART_ALERT_URLS", f"json://127.0.0.1:{server.server_port}/s3cr3t")
    yield Receiver
    Receiver.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


# The library looks for a module that Python 3.13 no longer has.
sending = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


@sending
def test_an_alert_is_sent(service, caplog):
    caplog.set_level(logging.DEBUG)
    with artifacts.init(project="demo", id="r", name="fit") as run:
        run.alert("Loss", "is NaN", "ERROR")
        run.alert("Loss", "is NaN")
    ((path, body),) = service.received
    assert path == "/s3cr3t"
    assert (body["title"], body["type"]) == ("Loss", "failure")
    assert body["message"] == "is NaN\n\ndemo/r (fit)"
    assert "s3cr3t" not in caplog.text


@sending
def test_sending_does_not_hold_up_the_program(service, monkeypatch, log):
    monkeypatch.setattr(notifying, "LAST_SECONDS", 0.1)
    service.release.clear()
    run = artifacts.init(project="demo", id="r")
    assert run.alert("t", "x")
    assert texts(stored()) == ["x"]
    run.finish()
    assert "not all alerts were sent" in log.text


@sending
def test_a_service_that_is_not_there(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("ART_ALERT_URLS", "json://127.0.0.1:9/s3cr3t")
    with artifacts.init(project="demo", id="r") as run:
        assert run.alert("t", "x")
    assert texts(stored()) == ["x"]
    assert "did not take an alert" in caplog.text
    assert "s3cr3t" not in caplog.text


@sending
def test_a_url_that_the_library_does_not_know(service, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(notifying, "_told", set())
    monkeypatch.setenv("ART_ALERT_URLS", f"nonsense://s3cr3t {os.environ['ART_ALERT_URLS']}")
    with artifacts.init(project="demo", id="r") as run:
        run.alert("t", "x")
    assert "URL 1 of 2 in alert_urls is none that apprise can send to" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert len(service.received) == 1


def test_without_the_library(monkeypatch, log):
    monkeypatch.setattr(notifying, "_told", set())
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setenv("ART_ALERT_URLS", "json://127.0.0.1:9/x")
    for _ in range(2):
        with artifacts.init(project="demo") as run:
            run.alert("t", "x")
            assert texts(run.alerts) == ["x"]
    told = [r.message for r in log.records if "apprise" in r.message]
    text = (
        "alerts are stored, but not sent: alert_urls needs the library apprise; install it with: "
        "pip install 'artifacts-cas[alerts]'"
    )
    assert told == [text]


def test_an_alert_is_in_the_log(run, log):
    run.alert("t", "x", "WARN")
    assert [(r.levelname, r.message) for r in log.records] == [("WARNING", "alert: t: x")]


def test_the_urls_are_not_shown(monkeypatch):
    monkeypatch.setenv("ART_ALERT_URLS", "slack://a/b/c mailto://d")
    found = settings.load()
    assert found.alert_urls == ["slack://a/b/c", "mailto://d"]
    assert "slack" not in repr(found["alert_urls"])
    assert found["alert_urls"].shown == "********"


def test_a_file_with_secrets_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "config.toml"
    _setting_files.write(path, "alert_urls", "slack://a/b/c")
    _setting_files.write(path, "project", "demo")
    assert path.stat().st_mode & 0o777 == 0o600
    _setting_files.write(path, "alert_urls", None)
    assert path.read_text() == 'project = "demo"\n'
