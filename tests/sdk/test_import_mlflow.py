"""Runs and registered models come over from MLflow."""

import gzip
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

import artifacts
from artifacts._session import place
from artifacts.importers import mlflow
from artifacts.importers.entering import enter
from artifacts.store.errors import ConfigError, FormatError, StorageError, StoreNotFoundError
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
    work = Path("work")
    work.mkdir(exist_ok=True)
    return enter(mlflow.collect(uri, work), project="demo", **options)


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
    assert left_out["version models:/clf/1"] == "it has no files on this machine"


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
