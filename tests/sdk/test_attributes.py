"""What a run says of itself, live and stored: behaviour.md section 2."""

import getpass
import logging
import socket
import sys
from types import ModuleType

import pytest

import artifacts
from artifacts import Api, Artifact

APP = {"app_url": "https://app.example.com/"}


def stored(run):
    return Api(project=run.project, entity=run.entity).run(run.id)


def both(run):
    return run, stored(run)


def test_what_both_say(run):
    run.log({"a": 1})
    run.log({"a": 2}, step=7, commit=True)
    for each in (run, artifacts.init()):
        assert each.host == socket.gethostname()
        assert each.display_name == each.name
        assert each.read_only is False
        assert each.lastHistoryStep == 7
        assert each.summary_metrics["a"] == 2
        assert each.user
    run.finish()
    found = stored(run)
    assert (found.host, found.display_name, found.lastHistoryStep) == (run.host, run.name, 7)
    assert (found.user, found.summary_metrics) == (run.user, dict(run.summary))
    assert (run.read_only, found.read_only) == (True, False)
    assert (found.group, found.job_type, found.sweep_id) == (None, None, None)


DOCUMENTED = {
    "config": {"lr": 0.1},
    "display_name": "first",
    "entity": "local",
    "id": "r",
    "name": "first",
    "notes": "to try it",
    "project": "demo",
    "read_only": False,
    "system_metrics": {},
    "url": "https://app.example.com/local/demo/runs/r",
}


@pytest.mark.parametrize("which", [0, 1, 2], ids=["live", "seen by others", "stored"])
def test_what_w_and_b_documents(monkeypatch, which):
    monkeypatch.setenv("ART_APP_URL", APP["app_url"])
    with artifacts.init(
        project="demo", id="r", name="first", notes="to try it", tags=["x"], config={"lr": 0.1}
    ) as run:
        run.log({"loss": 0.5})
        run.summary["by"] = "hand"
        found: artifacts.Run | artifacts.StoredRun = run
        if which == 1:
            found = stored(run)
        if which == 2:
            run.finish()
            found = stored(run)
        assert {name: getattr(found, name) for name in DOCUMENTED} == DOCUMENTED
        assert found.state == ("finished" if which == 2 else "running")
        assert list(found.tags or ()) == ["x"]
        assert found.path == ("local/demo/r" if which == 0 else ["local", "demo", "r"])
        assert found.created_at == run.created_at
        assert found.start_time == run.start_time
        assert found.user == getpass.getuser()
        assert found.summary["by"] == "hand"
        if which != 1:  # others see rows within seconds
            assert found.history_keys["loss"]["count"] == 1
            assert found.summary["loss"] == 0.5
            assert found.lastHistoryStep == 0


def test_a_run_without_rows(run):
    assert [each.lastHistoryStep for each in both(run)] == [-1, -1]


def test_older_forms(run):
    assert (run.mode, run.offline, run.disabled) == ("run", False, False)
    assert run.project_name() == run.project


def test_it_can_work_offline():
    with artifacts.init(project="demo", mode="offline", settings=APP) as run:
        assert (run.mode, run.offline) == ("dryrun", True)
        assert run.get_url() is None


# -- addresses


@pytest.fixture
def app(monkeypatch):
    monkeypatch.setenv("ART_APP_URL", APP["app_url"])


def test_addresses(app):
    with artifacts.init(project="my project", entity="me&co", id="r 1", sweep_id="s/1") as run:
        base = "https://app.example.com/me%26co/my%20project"
        for each in both(run):
            assert each.url == each.get_url() == f"{base}/runs/r%201"
            assert each.project_url == each.get_project_url() == base
            assert each.sweep_url == each.get_sweep_url() == f"{base}/sweeps/s%2F1"


def test_without_a_sweep(app, log):
    with artifacts.init(project="demo") as run:
        assert [each.sweep_url for each in both(run)] == [None, None]
    assert "URL" not in log.text


def test_without_pages(run, log):
    for get in (run.get_url, run.get_project_url, stored(run).get_url):
        log.clear()
        assert get() is None
        assert [(r.levelno, "URL not available" in r.getMessage()) for r in log.records] == [
            (logging.WARNING, True)
        ]


def test_offline_there_is_none(app, log):
    with artifacts.init(project="demo", mode="offline") as run:
        assert (run.url, run.project_url) == (None, None)
    assert "URL not available in offline run" in log.text


# -- notebooks


def test_what_a_notebook_shows(app):
    with artifacts.init(
        project="demo", id="r", name="<b>bold</b>", config={"<i>": "</table>", "_hidden": 1}
    ) as run:
        run.log({"loss": 0.25})
        for each in (run, artifacts.init()):
            text = each._repr_html_()
            assert "&lt;b&gt;bold&lt;/b&gt;" in text
            assert "<b>" not in text
            assert "config.&lt;i&gt;" in text
            assert "&lt;/table&gt;" in text
            assert "_hidden" not in text
            assert "summary.loss" in text
            assert "0.25" in text
            assert '<iframe src="https://app.example.com/local/demo/runs/r"' in text
        assert "height:99px" in run.to_html(height=99)
        assert run.to_html(hidden=True).count("<details>") == 1
    assert "local/demo/r, finished" in stored(run)._repr_html_()


def test_a_notebook_without_pages(run, log):
    run.config.update({f"k{n}": "x" * 500 for n in range(30)})
    text = run.to_html()
    assert "<iframe" not in text
    assert "<a " not in text
    assert "10 more" in text
    assert len(text) < 10_000
    assert log.text == ""


def test_display(run, monkeypatch):
    assert run.display() is False
    shown: list[str] = []
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = object  # type: ignore[attr-defined]
    display.HTML = str  # type: ignore[attr-defined]
    display.display = shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    assert run.display(hidden=True) is True
    assert shown == [run.to_html(hidden=True)]


def test_an_artifact_in_a_notebook(run, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    artifact = Artifact("corpus", "dataset", metadata={"<script>": 1})
    assert "<strong>corpus</strong>" in artifact._repr_html_()
    artifact.add_file(tmp_path / "a.txt")
    run.log_artifact(artifact, aliases=["prod"])
    text = artifact._repr_html_()
    for part in ("<strong>corpus:v0</strong>", "dataset", "prod, latest", "5 bytes"):
        assert part in text or "latest, prod" in text
    assert "metadata.&lt;script&gt;" in text


# -- how far it is


def test_status(run):
    status = run.status()
    assert (status.sync_items_total, status.sync_items_pending) == (0, 0)
    assert abs(status.sync_time.timestamp() - run.start_time) < 60
