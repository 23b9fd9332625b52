"""Runs and registered models come over from MLflow."""

import contextlib
import gzip
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

import artifacts
from artifacts._session import place
from artifacts.importers import mlflow
from artifacts.importers.entering import enter
from artifacts.store.errors import (
    ConfigError,
    FormatError,
    PermissionDeniedError,
    StorageError,
    StoreNotFoundError,
)
from tests.sdk.helpers import hint_of, maker_of
from tests.support import everything_in

DATA = Path(__file__).parents[1] / "data" / "importers" / "mlflow"
FIRST, SECOND = sorted(
    (path.name for path in (DATA / "mlruns" / "1").iterdir()),
    key=lambda run: (DATA / "mlruns/1" / run / "artifacts/model/weights.bin").stat().st_size,
)


@pytest.fixture
def uri():
    """A database of MLflow, and the artifacts it names."""
    shutil.copytree(DATA / "mlruns", "mlruns")
    path = Path("mlflow.db").absolute()
    path.write_bytes(gzip.decompress((DATA / "mlflow.db.gz").read_bytes()))
    connection = sqlite3.connect(path)
    with connection:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
        ):
            connection.execute(
                f"UPDATE {table} SET {column} = replace({column}, '/EXAMPLE', ?)", [os.getcwd()]
            )
    connection.close()
    return f"sqlite:///{path}"


def bring(uri, **options):
    with tempfile.TemporaryDirectory() as work:
        return enter(mlflow.collect(uri, Path(work)), project="demo", **options)


def test_runs_come_over_whole(uri):
    report = bring(uri)
    assert report.runs == [f"demo/{FIRST}", f"demo/{SECOND}"]
    first = artifacts.Api().run(f"demo/{FIRST}")
    assert (first.name, first.state, first.group, first.notes) == (
        *("train-0", "finished", "digits"),
        "a try",
    )
    assert first.tags == ["team=x"]
    assert dict(first.config) == {"lr": "0.1"}
    assert first.summary["acc"] == 0.9
    assert first.user == "ada"
    assert first.created_at == "2026-01-01T10:00:00Z"
    assert first.metadata["program"] == "train.py"
    assert first.file("notes.txt").size == 2
    assert artifacts.Api().run(f"demo/{SECOND}").state == "failed"


def test_metrics_become_rows_by_step(uri):
    bring(uri)
    rows = list(artifacts.Api().run(f"demo/{FIRST}").scan_history())
    assert [(row["_step"], row["loss"]) for row in rows] == [
        (0, 0.1),
        (1, 0.05),
        (2, 0.1 / 3),
        (3, 0.025),
        (3, 0.0125),  # a second value at the same step
    ]
    assert [row.get("acc") for row in rows] == [None, None, None, 0.9, None]
    assert rows[1]["_timestamp"] == 1767261601.0


def test_models_keep_numbers_aliases_and_the_runs_that_made_them(uri):
    report = bring(uri)
    assert sorted(report.versions) == [
        *("demo/clf:v1", "demo/clf:v2"),
        *("demo/digits-model:v0", "demo/digits-model:v1"),
    ]
    api = artifacts.Api()
    champion = api.artifact("demo/clf:champion")
    assert (champion.version, champion.type, champion.description) == ("v1", "model", "number 0")
    assert champion.metadata["tags"] == {"checked": "yes"}
    assert maker_of(champion).id == FIRST
    assert champion.open("weights.bin", "rb").read() == b"w" * 10
    latest = api.artifact("demo/clf:latest")
    assert (latest.version, maker_of(latest).id) == ("v2", SECOND)
    in_run = api.artifact("demo/digits-model:v0")
    assert (in_run.type, maker_of(in_run).id) == ("model", FIRST)
    assert in_run.digest == champion.digest
    assert [each.what for each in report.left_out] == ["description and tags of model clf"]


def test_importing_twice_changes_nothing(uri):
    bring(uri)
    before = everything_in(place(project="demo").store)
    report = bring(uri)
    assert (report.versions, report.runs, report.links, report.new_bytes) == ([], [], 0, 0)
    assert (report.existing, report.existing_runs) == (4, 2)
    assert everything_in(place(project="demo").store) == before


@pytest.mark.long
def test_what_was_added_since_comes_with_the_next_import(uri):
    """The second run is known here only when it is in the source."""
    connection = sqlite3.connect("mlflow.db")
    with connection:
        hide = "UPDATE runs SET lifecycle_stage = ? WHERE run_uuid = ?"
        connection.execute(hide, ["deleted", SECOND])
    assert bring(uri).runs == [f"demo/{FIRST}"]
    with connection:
        connection.execute(hide, ["active", SECOND])
    connection.close()
    report = bring(uri)
    assert report.runs == [f"demo/{SECOND}"]
    assert report.versions == ["demo/digits-model:v1"]
    assert maker_of(artifacts.Api().artifact("demo/clf:v2")).id == SECOND


def test_a_dry_run_enters_nothing(uri):
    tried = bring(uri, dry_run=True)
    assert everything_in(place(project="demo").store) == []
    assert tried.to_json() == bring(uri).to_json() | {"dry_run": True, "bytes": 0}


def test_artifacts_that_are_elsewhere_are_left_out_and_said(uri):
    shutil.rmtree("mlruns")
    report = bring(uri)
    assert report.versions == []
    assert len(report.runs) == 2
    left_out = dict(report.left_out)
    assert "is not on this machine" in left_out[f"artifacts of run {FIRST}"]
    assert left_out["version models:/clf/1"].endswith("/artifacts/model is not on this machine")


def test_a_folder_of_mlflow_is_read(monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=Path("runs").absolute().as_uri())
    run = client.create_run(client.create_experiment("small"), run_name="one").info.run_id
    client.log_metric(run, "loss", 0.5, step=7)
    Path("report.txt").write_text("fine")
    client.log_artifact(run, "report.txt", "reports")
    report = bring("runs")
    assert report.versions == ["demo/small-reports:v0"]
    stored = artifacts.Api().run(f"demo/{run}")
    assert [(row["_step"], row["loss"]) for row in stored.scan_history()] == [(7, 0.5)]
    assert stored.state == "unknown"
    assert stored.logged_artifacts()[-1].open("report.txt").read() in {"fine", b"fine"}


@pytest.mark.parametrize("source", ["sqlite:///nothing.db", "nothing", "sqlite:////no/where.db"])
def test_a_store_that_is_not_there_is_not_made(source):
    with pytest.raises(StoreNotFoundError) as raised:
        bring(source)
    assert raised.value.kind == "source_not_found"
    assert not Path("nothing.db").exists()
    assert not Path("nothing").exists()


def test_a_database_of_something_else_is_refused_and_stays_as_it_is():
    Path("other.db").write_bytes(b"no database at all, however one looks at it" * 100)
    with pytest.raises(FormatError, match="file is not a database"):
        bring("sqlite:///other.db")
    with sqlite3.connect("shop.db") as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    before = Path("shop.db").read_bytes()
    with pytest.raises(FormatError, match=r"shop\.db is not a database of MLflow"):
        bring("sqlite:///shop.db")
    assert Path("shop.db").read_bytes() == before


def test_what_mlflow_cannot_read_is_said(uri):
    with sqlite3.connect("mlflow.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'of another time'")
    connection.close()
    with pytest.raises(StorageError, match="MLflow cannot read sqlite:///") as raised:
        bring(uri)
    assert raised.value.kind == "source_failed"


def test_mlflow_is_asked_for(uri, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError) as raised:
        bring(uri)
    assert raised.value.kind == "not_installed"
    assert "artifacts-cas[import]" in hint_of(raised)


# -- a tracking server


EMPTY = "7a8ad46bf5be442e82a91947aee01672"


def request_of(method, path, body):
    """Return what tells requests apart: not how many results a page may have."""
    parts = urlsplit(path)
    asked = parse_qs(parts.query) | (json.loads(body) if body else {})
    for name in ("max_results", "run_uuid"):
        asked.pop(name, None)
    return json.dumps([method, parts.path, asked], sort_keys=True)


def recorded():
    """Return what a server of MLflow has answered, by request."""
    told = json.loads((DATA / "served.json").read_text())
    answers = {}
    for request, answer in told.items():
        method, path, *body = request.split(" ", 2)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        answers[request_of(method, path, "".join(body))] = 200, text.encode()
    return answers


@contextlib.contextmanager
def serving(answer):
    """Serve what a function makes of a request, as (status, body), and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            status, data = answer(request_of(self.command, self.path, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def answers():
    return recorded()


@pytest.fixture
def server(answers):
    """The address of a server that answers as MLflow's has, and refuses all else."""
    with serving(lambda request: answers.get(request, (400, request.encode()))) as address:
        yield address


def test_a_server_gives_what_its_database_and_its_artifacts_hold(server, uri):
    report = bring(server)
    assert report.runs == [f"demo/{FIRST}", f"demo/{SECOND}", f"demo/{EMPTY}"]
    assert sorted(report.versions) == [
        *("demo/clf:v1", "demo/clf:v2"),
        *("demo/digits-model:v0", "demo/digits-model:v1"),
    ]
    api = artifacts.Api()
    assert api.run(f"demo/{FIRST}").file("notes.txt").size == 2
    assert [row["loss"] for row in api.run(f"demo/{FIRST}").scan_history()] == [
        *(0.1, 0.05, 0.1 / 3, 0.025, 0.0125)
    ]
    champion = api.artifact("demo/clf:champion")
    assert (champion.version, maker_of(champion).id) == ("v1", FIRST)
    again = bring(uri)  # the same contents, which makes the same versions
    assert (again.versions, again.runs, again.existing_runs) == ([], [], 2)


def test_importing_twice_from_a_server_changes_nothing(server):
    bring(server)
    before = everything_in(place().store)
    report = bring(server)
    assert (report.versions, report.runs, report.links, report.new_bytes) == ([], [], 0, 0)
    assert everything_in(place().store) == before


def test_a_run_without_artifacts_is_nothing_that_is_missing(server):
    report = bring(server)
    assert [each.what for each in report.left_out] == ["description and tags of model clf"]
    assert list(artifacts.Api().run(f"demo/{EMPTY}").files()) == []


def test_artifacts_for_which_a_package_is_missing_are_left_out_and_said(
    server, answers, monkeypatch
):
    monkeypatch.setitem(sys.modules, "boto3", None)
    told = "mlflow-artifacts:/1/"
    for request, (status, data) in answers.items():
        answers[request] = status, data.replace(told.encode(), b"s3://bucket/1/")
    report = bring(server)
    why = dict(report.left_out)[f"artifacts of run {FIRST}"]
    assert why.startswith(f"reading s3://bucket/1/{FIRST}/artifacts needs a package")
    assert "boto3" in why
    assert report.versions == []
    assert f"demo/{FIRST}" in report.runs


def with_user(address):
    return address.replace("://", "://ada:hunter2@")


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_is_said_with_what_to_do(status):
    with serving(lambda _: (status, b"You are not authenticated.")) as address:
        before = everything_in(place(project="demo").store)
        with pytest.raises(PermissionDeniedError) as raised:
            bring(with_user(address))
    assert raised.value.kind == "source_denied"
    assert "MLFLOW_TRACKING_USERNAME" in hint_of(raised)
    assert "hunter2" not in str(raised.value)
    assert everything_in(place().store) == before


@pytest.mark.parametrize(
    "answer",
    [(404, b"<html>no</html>"), (200, b"<html>\nhello</html>"), (500, b"x" * 100_000)],
    ids=["not found", "a page", "an error"],
)
def test_an_address_of_something_else_is_said(answer):
    with serving(lambda _: answer) as address, pytest.raises(StorageError) as raised:
        bring(with_user(address))
    assert raised.value.kind == "source_failed"
    assert "http://localhost:5000" in hint_of(raised)
    assert "hunter2" not in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_a_server_that_is_down_is_said_at_once():
    with serving(lambda _: (200, b"{}")) as address:
        pass
    began = time.monotonic()
    with pytest.raises(StorageError) as raised:
        bring(with_user(address))
    assert time.monotonic() - began < 20  # MLflow asks again for minutes
    assert "see whether the server runs" in hint_of(raised)
    assert "hunter2" not in str(raised.value)
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_a_server_that_goes_away_on_the_way_changes_nothing(server, answers, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = everything_in(place(project="demo").store)
    del answers[next(each for each in answers if "weights.bin" in each)]
    with pytest.raises(StorageError, match="MLflow cannot read"):
        bring(server)
    assert everything_in(place().store) == before
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
