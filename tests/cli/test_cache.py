"""`art cache`: what is in the cache of remote stores, and what takes things out of it."""

import os
import secrets
from pathlib import Path

import pytest

import artifacts
from tests.support import damage


@pytest.fixture
def pulled(art, data):
    """A remote store of which something was pulled, so that it is in the cache."""
    (data / "large.bin").write_bytes(os.urandom(400_000))
    (data / "larger.bin").write_bytes(os.urandom(600_000))
    art("init", "--objects", f"memory://{secrets.token_hex(8)}")
    art("push", "data", "corpus")
    art("pull", "corpus", "-o", "out")


def blobs():
    root = Path(os.environ["ART_CACHE_DIR"], "blobs", "objects")
    return [path for path in root.rglob("*") if path.is_file()]


def test_info_of_an_empty_one_needs_no_store(art):
    found = art("cache", "info", "--json").json
    assert (found["bytes"], found["objects"], found["oldest_use"]) == (0, 0, None)
    assert found["path"] == str(Path(os.environ["ART_CACHE_DIR"], "blobs"))
    assert "0 B of" in art("cache").out
    assert not Path(".artifacts").exists()


def test_info(art, pulled):
    found = art("cache", "info", "--json").json
    assert found["bytes"] == sum(path.stat().st_size for path in blobs()) > 1_000_000
    assert found["blobs"] == 5  # four files and the manifest
    assert found["newest_use"].startswith("20")
    assert "5 blobs in" in art("cache").out
    assert art("cache", "info", "-q").lines == [str(found["bytes"])]


def test_the_limit_is_the_setting(art, monkeypatch):
    monkeypatch.setenv("ART_CACHE_LIMIT", "3GB")
    assert art("cache", "info", "--json").json["limit"] == 3 * 10**9


def test_a_pull_that_leaves_nothing_in_it(art, pulled):
    art("cache", "clear")
    art("pull", "corpus", "-o", "again", "--skip-cache")
    assert Path("again/larger.bin").read_bytes() == Path("data/larger.bin").read_bytes()
    assert art("cache", "info", "--json").json["blobs"] == 1  # the manifest
    assert artifacts.Api().artifact("corpus").download("third", skip_cache=True)
    assert art("cache", "info", "--json").json["blobs"] == 1
    art("pull", "corpus", "-o", "fourth")
    assert art("cache", "info", "--json").json["blobs"] == 5


def test_prune_to_a_size(art, pulled):
    before = art("cache", "info", "--json").json["bytes"]
    pruned = art("cache", "prune", "--to", "700kB", "--json").json
    assert 0 < pruned["bytes"] <= 700_000
    assert pruned["freed"] == before - pruned["bytes"]
    assert sum(path.stat().st_size for path in blobs()) == pruned["bytes"]
    art("pull", "corpus", "-o", "again")
    assert Path("again/larger.bin").read_bytes() == Path("data/larger.bin").read_bytes()


def test_prune_what_is_old(art, pulled):
    assert art("cache", "prune", "--older-than", "30d", "-q").lines == ["0"]
    assert art("cache", "prune", "--older-than", "0s", "--json").json["bytes"] == 0
    assert "0 B of" in art("cache").out


def test_verify(art, pulled):
    assert "all are what their digests say" in art("cache", "verify").out
    victim = max(blobs(), key=lambda path: path.stat().st_size)
    damage(victim, at=1000)
    found = art("cache", "verify", "--json").json
    assert len(found["damaged"]) == 1
    assert found["damaged"][0].startswith("blake3:")
    assert not victim.exists()
    assert art("cache", "verify", "-q").lines == []
    art("pull", "corpus", "-o", "again")


def test_clear(art, pulled):
    before = art("cache", "info", "--json").json["bytes"]
    assert art("cache", "clear", "-q").lines == [str(before)]
    assert blobs() == []
    art("pull", "corpus", "-o", "again")
    assert blobs() != []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["prune", "--to", "much"], "not a size: 'much'"),
        (["prune", "--older-than", "long"], "not a duration: 'long'"),
    ],
)
def test_mistakes(art, line, message):
    assert message in art("cache", *line, code=2).err


def test_a_cache_that_cannot_be_used(art, monkeypatch):
    Path("file").touch()
    monkeypatch.setenv("ART_CACHE_DIR", "file/cache")
    assert "Error: " in art("cache", "info", code=14).err
