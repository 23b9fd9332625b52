"""`art refs`."""

import random

import pytest

import artifacts


@pytest.fixture
def links(art, store, data):
    """corpus:v0, which refers to the files of a folder."""
    art("push", data.absolute().as_uri(), "corpus")
    return data


def test_ls(art, links):
    lines = art("refs", "ls", "corpus").lines
    assert [line.split() for line in lines] == [
        ["6", "B", "a.txt", (links / "a.txt").absolute().as_uri()],
        ["4", "B", "sub/b.csv", (links / "sub/b.csv").absolute().as_uri()],
    ]
    assert art("refs", "ls", "corpus", "-q").lines[0] == (links / "a.txt").absolute().as_uri()


def test_ls_json(art, links):
    found = art("refs", "ls", "corpus:v0", "--json").json
    assert found["version"]["ref"].endswith("corpus:v0")
    [first, _] = found["references"]
    assert first["path"] == "a.txt"
    assert first["reference"] == (links / "a.txt").absolute().as_uri()
    assert (first["etag"], first["version_id"], first["hashed"]) == (None, None, True)


def test_ls_of_files(art, store, data):
    art("push", "data", "corpus")
    result = art("refs", "ls", "corpus")
    assert result.out == ""
    assert "has no references" in result.err
    assert art("refs", "check", "corpus").out.endswith("corpus:v0, 0 references\n")


def test_all_is_well(art, links):
    assert art("refs", "check", "corpus").out.endswith("corpus:v0, 2 references: 2 ok\n")
    assert art("refs", "check", "corpus", "-q").out == ""


def test_what_has_changed(art, links):
    (links / "a.txt").write_bytes(b"HELLO\n")
    (links / "sub/b.csv").unlink()
    result = art("refs", "check", "corpus", code=13)
    changed, missing, summary = result.lines
    assert changed.startswith("changed  a.txt: the referenced file file://")
    assert missing.startswith("missing  sub/b.csv: the referenced file file://")
    assert summary.endswith("corpus:v0, 2 references: 1 changed, 1 missing")
    assert art("refs", "check", "corpus", "-q", code=13).lines == ["a.txt", "sub/b.csv"]


def test_what_has_changed_json(art, links):
    (links / "a.txt").write_bytes(b"HELLO\n")
    found = art("refs", "check", "corpus", "--json", code=13).json
    assert found["counts"] == {"ok": 1, "changed": 1, "missing": 0, "unreachable": 0}
    assert [ref["state"] for ref in found["references"]] == ["changed", "ok"]
    assert "has changed" in found["references"][0]["detail"]
    assert found["references"][1]["detail"] is None


def test_what_cannot_be_reached(art, store, monkeypatch):
    monkeypatch.setattr(random, "uniform", lambda _low, _high: 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    artifact = artifacts.Artifact("corpus", "dataset", store=store)
    artifact.add_reference("http://127.0.0.1:1/x", checksum=False)
    artifact.save()
    result = art("refs", "check", "corpus", code=14)
    assert result.lines[0].startswith("unreachable  x: could not look at http://127.0.0.1:1/x")


def test_nothing_of_that_name(art, store):
    art("refs", "check", "nothing", code=11)
