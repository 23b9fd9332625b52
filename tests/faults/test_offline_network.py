"""Runs of a store on PostgreSQL and S3, while the network is away."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import artifacts
from artifacts import _session
from artifacts.cli.main import cli
from artifacts.store.catalog import database
from artifacts.store.errors import StorageError
from artifacts.store.store import Store
from tests.forwarding import postgres_forwarder


@pytest.fixture
def network(postgres_url, s3_url, tmp_path, monkeypatch):
    """The connection to the catalog of the store that the settings name."""
    if "host=" not in postgres_url:
        pytest.skip("the server of ART_TEST_POSTGRES_URL is not on a socket of this machine")
    with postgres_forwarder(postgres_url) as (forwarder, url):
        folder = tmp_path / "made"
        Store.create(folder, objects=s3_url, catalog=url, cache_dir=tmp_path / "cache").close()
        monkeypatch.setenv("ART_STORE", url)
        monkeypatch.setenv("ART_PROJECT", "demo")
        monkeypatch.setenv("ART_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setattr(database, "_PATIENCE", 0.2)
        yield forwarder
        forwarder.cut()
        _session.close_stores()


def art(*arguments, code=0):
    _session.close_stores()
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == code, result.output
    return result.stdout


def log(run, name, content):
    Path("file").write_text(content)
    return run.log_artifact("file", name=name, type="dataset", aliases=["prod"])


def test_a_run_that_begins_without_the_network(network):
    with artifacts.init(id="online") as run:
        log(run, "raw", "raw")
    artifacts.Api().artifact("raw").download("out")
    _session.close_stores()
    network.cut()
    with artifacts.init(id="r1") as run:
        assert run.offline
        run.use_artifact("raw:prod")
        run.log({"a": 1})
        log(run, "corpus", "text")
    art("sync", code=14)
    network.mend()
    assert art("sync").splitlines() == ["brought run demo/r1", "brought demo/corpus:v0"]
    assert art("sync") == "nothing is waiting\n"
    found = artifacts.Api().run("r1")
    assert found.state == "finished"
    assert [row["a"] for row in found.scan_history()] == [1]
    assert [each.name for each in found.used_artifacts()] == ["raw:v0"]
    assert Path(artifacts.Api().artifact("corpus:prod").file()).read_text() == "text"
    assert json.loads(art("check", "--read-data", "--json"))["problems"] == []


def test_a_run_that_loses_the_network(network):
    run = artifacts.init(id="r1")
    run.log({"a": 1})
    log(run, "before", "before")
    _session.wait_for_deliveries(run._place.store)
    network.cut()
    run.log({"a": 2})
    log(run, "corpus", "text")
    run.summary["best"] = 7
    with pytest.raises(StorageError) as caught:
        run.finish()
    assert "art sync" in (caught.value.hint or "")
    with pytest.raises(StorageError):
        _session.wait_for_deliveries(run._place.store)
    network.mend()
    lines = art("sync").splitlines()
    assert lines == ["delivered demo/corpus:v0", "recorded run demo/r1, which finished"]
    found = artifacts.Api().run("r1")
    assert (found.state, found.exit_code, found.summary["best"]) == ("finished", 0, 7)
    assert [row["a"] for row in found.scan_history()] == [1, 2]
    assert {each.name for each in found.logged_artifacts()} == {"before:v0", "corpus:v0"}
    assert art("sync") == "nothing is waiting\n"
