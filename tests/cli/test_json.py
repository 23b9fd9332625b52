"""`--json` and `--quiet`: every command has them, and what they print can be relied upon."""

from pathlib import Path

import pytest

from artifacts.cli.main import COMMANDS

LINES = {
    "init": ["init", "elsewhere"],
    "push": ["push", "data", "demo/corpus"],
    "pull": ["pull", "demo/corpus", "-o", "out"],
    "ls": ["ls"],
    "ls versions": ["ls", "demo/corpus"],
    "show": ["show", "demo/corpus"],
    "files": ["files", "demo/corpus"],
    "cat": ["cat", "demo/corpus", "a.txt"],
    "diff": ["diff", "demo/raw", "demo/corpus"],
    "alias": ["alias", "demo/corpus", "best"],
    "tag": ["tag", "demo/corpus", "seen"],
    "rm": ["rm", "demo/raw:v0", "-y"],
    "rm plan": ["rm", "demo/raw:v0", "--dry-run"],
    "undelete": ["undelete", "demo/raw:v0"],
    "retention show": ["retention", "show"],
    "retention set": ["retention", "set", "demo/raw", "--keep-last", "2"],
    "retention set ttl": ["retention", "set", "demo/raw:v0", "--ttl", "7d"],
    "retention unset": ["retention", "unset", "demo/raw"],
    "gc": ["gc", "-y"],
    "gc plan": ["gc", "--dry-run"],
    "gc explain": ["gc", "--explain", "data/a.txt"],
    "lineage": ["lineage", "demo/model"],
    "impact": ["impact", "demo/raw"],
    "why": ["why", "demo/model", "demo/raw"],
    "stale": ["stale", "demo/model"],
    "blame": ["blame", "demo/corpus", "a.txt"],
    "find": ["find", "model.bin", "--all-projects"],
    "overlap": ["overlap", "demo/raw", "demo/corpus"],
    "recall": ["recall", "demo/raw", "--reason", "bad"],
    "recall undo": ["recall", "demo/raw", "--undo"],
    "recall ls": ["recall"],
    "deploy": ["deploy", "demo/model", "--as", "api-prod"],
    "deploy end": ["deploy", "--end", "api-prod"],
    "deploy ls": ["deploy"],
    "run ls": ["run", "ls"],
    "run show": ["run", "show", "demo/r3"],
    "run history": ["run", "history", "demo/r3"],
    "run summary": ["run", "summary", "demo/r3"],
    "run summary key": ["run", "summary", "demo/r3", "loss"],
    "run files": ["run", "files", "demo/r3"],
    "run alerts": ["run", "alerts", "demo/r3"],
    "run diff": ["run", "diff", "demo/r3", "demo/r2"],
    "run export": ["run", "export", "demo/r3", "demo/r2"],
    "run export folder": ["run", "export", "demo/r3", "-o", "out"],
    "run rm": ["run", "rm", "demo/r3", "-y"],
    "run rm plan": ["run", "rm", "demo/r3", "--dry-run"],
    "run recover": ["run", "recover"],
    "reproduce": ["reproduce", "demo/r3", "-o", "again"],
    "export": ["export", "-o", "all.tar"],
    "import": ["import", "all.tar"],
    "cp": ["cp", "demo/model", "release/model"],
    "refs ls": ["refs", "ls", "demo/corpus"],
    "refs check": ["refs", "check", "demo/corpus"],
    "check": ["check"],
    "check repair": ["check", "--repair", "-y"],
    "check rebuild": ["check", "--rebuild"],
    "sync": ["sync"],
    "cache": ["cache"],
    "cache info": ["cache", "info"],
    "cache prune": ["cache", "prune"],
    "cache verify": ["cache", "verify"],
    "cache clear": ["cache", "clear"],
    "doctor": ["doctor"],
    "config": ["config"],
    "config list": ["config", "list"],
    "config get": ["config", "get", "project"],
    "config set": ["config", "set", "project", "demo"],
    "config unset": ["config", "unset", "project"],
    "config path": ["config", "path"],
    "completion": ["completion", "zsh"],
    "version": ["version"],
}


BEFORE = {
    "undelete": ["rm", "demo/raw:v0", "-y"],
    "recall undo": ["recall", "demo/raw", "--reason", "bad"],
    "deploy end": ["deploy", "demo/model", "--as", "api-prod"],
    "import": ["export", "-o", "all.tar"],
}


def test_every_command_is_here():
    # They need what they import, and what there is to try: test_import_from.py, test_sweeps.py.
    elsewhere = {"agent", "import-from", "sweep"}
    assert {name.split()[0] for name in LINES} | elsewhere == set(COMMANDS)


@pytest.mark.parametrize("name", LINES)
def test_json(art, family, name):
    if name in BEFORE:
        art(*BEFORE[name])
    result = art(*LINES[name], "--json")
    assert isinstance(result.json, dict)
    assert result.json
    assert not result.err
    assert result.out.isascii()


@pytest.mark.parametrize("name", LINES)
def test_quiet_says_less(art, family, name):
    if name in BEFORE:
        art(*BEFORE[name])
    result = art(*LINES[name], "-q")
    assert not result.err
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        (["push", "data", "demo/new"], ["demo/new:v0"]),
        (["ls"], ["demo/corpus", "demo/model", "demo/raw"]),
        (["ls", "demo/corpus"], ["demo/corpus:v0"]),
        (["files", "demo/corpus"], ["a.txt", "sub/b.csv"]),
        (["diff", "demo/raw", "demo/corpus"], ["a.txt"]),
        (["lineage", "demo/corpus"], ["demo/corpus:v0", "demo/raw:v0"]),
        (["alias", "demo/corpus", "best"], []),
        (["rm", "demo/raw:v0", "-y"], ["demo/raw:v0"]),
    ],
)
def test_quiet_is_for_scripts(art, family, line, printed):
    assert art(*line, "-q").lines == printed


@pytest.mark.parametrize("before", [["--json", "--project", "demo"], []], ids=["before", "after"])
def test_global_options_go_anywhere(art, family, before):
    after = [] if before else ["--json", "--project", "demo"]
    result = art(*before, "ls", "raw", *after)
    assert result.json["versions"][0]["ref"] == "demo/raw:v0"


def test_store_option_goes_anywhere(art, family):
    store = str(Path(".artifacts").absolute())
    for line in (["--store", store, "ls", "-q"], ["ls", "-q", "--store", store]):
        assert art(*line).lines == ["demo/corpus", "demo/model", "demo/raw"]
    art("--store", "nowhere", "ls", code=10)
    art("--store", "nowhere", "ls", "--store", store)


def test_json_of_a_version(art, corpus):
    version = art("show", "corpus:prod", "--json").json["version"]
    digest, created = version.pop("digest"), version.pop("created_at")
    assert digest.startswith("blake3:")
    assert len(digest) == 71
    assert created.endswith("Z")
    assert version.pop("updated_at") >= created
    assert "@" in version.pop("created_by")
    assert version == {
        "ref": "demo/corpus:v0",
        "entity": "local",
        "project": "demo",
        "name": "corpus",
        "version": "v0",
        "type": "dataset",
        "size": 10,
        "file_count": 2,
        "aliases": ["prod"],
        "protected": [],
        "tags": ["golden"],
        "description": "two\nlines",
        "metadata": {"n": 2},
        "deleted_at": None,
        "ttl": None,
        "broken": None,
    }


def test_json_of_push(art, store, data):
    first = art("push", "data", "c", "--json").json
    assert (first["new_version"], first["store_created"]) == (True, False)
    assert first["new_bytes"] > 0
    second = art("push", "data", "c", "--json").json
    assert (second["new_version"], second["new_bytes"]) == (False, 0)


def test_json_of_cat(art, store, data):
    Path("data/bytes").write_bytes(b"\xff\x00")
    art("push", "data", "c")
    text = art("cat", "c", "a.txt", "--json").json
    assert (text["encoding"], text["content"], text["size"]) == ("utf-8", "hello\n", 6)
    other = art("cat", "c", "bytes", "--json").json
    assert (other["encoding"], other["content"]) == ("base64", "/wA=")


def test_json_of_lineage_is_a_graph(art, family):
    graph = art("lineage", "demo/corpus", "--format", "json").json
    nodes = {node["node"] for node in [*graph["versions"], *graph["runs"]]}
    assert {version["ref"]: version["depth"] for version in graph["versions"]} == {
        "demo/corpus:v0": 0,
        "demo/raw:v0": 1,
    }
    assert all({edge["source"], edge["target"]} <= nodes for edge in graph["edges"])
    assert sorted(edge["kind"] for edge in graph["edges"]) == ["input", "output", "output"]
