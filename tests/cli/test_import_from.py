"""`art import-from`: what it prints, and how it ends."""

import tarfile
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data" / "importers"


@pytest.fixture
def repository(monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    with tarfile.open(DATA / "dvc" / "repository.tar.gz") as archive:
        archive.extractall(filter="data")


def test_it_says_what_came_over_and_what_did_not(art, store, repository):
    done = art("import-from", "dvc", "repo", "--history", "--project", "demo")
    first, *rest = done.lines
    assert first.startswith("imported 5 versions, 3 runs and ")
    assert rest[:5] == [
        *("  demo/data-raw:v0", "  demo/classifier:v0", "  demo/lines.txt:v0"),
        *("  demo/data-raw:v1", "  demo/classifier:v1"),
    ]
    assert rest[5] == "3 things could not be carried over:"
    assert "alias 'v1' is reserved" in rest[6]
    assert art("ls", "--project", "demo", "-q").lines == ["classifier", "data-raw", "lines.txt"]
    again = art("import-from", "dvc", "repo", "--history", "--project", "demo")
    assert again.lines[0] == (
        "imported 0 versions, 0 runs and 0 edges of lineage; 8 were there already"
    )


def test_json_and_quiet(art, store, repository):
    tried = art("import-from", "dvc", "repo", "--project", "demo", "--dry-run", "--json").json
    assert (tried["tool"], tried["dry_run"], tried["bytes"]) == ("dvc", True, 0)
    assert art("ls", "--project", "demo", "-q").lines == []
    done = art("import-from", "dvc", "repo", "--project", "demo", "-q")
    assert done.lines == tried["versions"]


def test_a_dry_run_is_told_from_an_import(art, store, repository):
    done = art("import-from", "dvc", "repo", "-n")
    assert done.lines[0].startswith("would import 3 versions, 2 runs")


@pytest.mark.parametrize(
    "arguments", [("dvc", "nothing"), ("wandb", "nothing"), ("mlflow", "sqlite:///nothing.db")]
)
def test_a_source_that_is_not_there_is_an_error(art, store, arguments):
    failed = art("import-from", *arguments, "--json", code=10)
    assert failed.error["kind"] == "source_not_found"


def test_runs_of_wandb_come_into_their_own_project(art, store, monkeypatch):
    monkeypatch.setenv("WANDB_DATA_DIR", str(DATA / "wandb" / "data"))
    done = art("import-from", "wandb", str(DATA / "wandb" / "wandb"))
    assert done.lines[1:] == ["  demo/corpus:v0", "  demo/model:v0"]
    assert "train1" in art("run", "ls", "--project", "demo").out
