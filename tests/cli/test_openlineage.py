"""Lineage for and from other programs, on the command line."""

import json
import re

import pytest

import artifacts

LINEAGE = ("lineage", "model")


@pytest.fixture(autouse=True)
def in_demo(monkeypatch):
    monkeypatch.setenv("ART_PROJECT", "demo")


def events_in(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lineage_as_openlineage(art, family):
    events = [json.loads(line) for line in art(*LINEAGE, "--format", "openlineage").lines]
    assert {e.get("eventType") for e in events} == {None, "START", "COMPLETE"}
    runs = {e["run"]["runId"] for e in events if "run" in e}
    graph = art(*LINEAGE, "--json").json
    assert len(runs) == len(graph["runs"])
    assert sum("dataset" in e for e in events) == len(graph["versions"])
    edges = [len(e["inputs"]) + len(e["outputs"]) for e in events if "run" in e]
    assert sum(edges) == sum(edge["kind"] != "derived" for edge in graph["edges"])


def test_lineage_as_prov(art, family):
    document = json.loads(art(*LINEAGE, "--format", "prov").out)
    graph = art(*LINEAGE, "--json").json
    assert document["prefix"]["store"] == f"art://{graph['store']}/"
    names = {each["node"]: f"store:{each['node'].replace(':', '-')}" for each in graph["versions"]}
    assert set(document["entity"]) == set(names.values())
    assert len(document["activity"]) == len(graph["runs"])
    used = {(e["prov:entity"], e["prov:activity"]) for e in document["used"].values()}
    assert {entity for entity, _ in used} == {
        names[edge["source"]] for edge in graph["edges"] if edge["kind"] == "input"
    }
    made = {e["prov:entity"] for e in document["wasGeneratedBy"].values()}
    assert made == {names[e["target"]] for e in graph["edges"] if e["kind"] == "output"}
    for relation in document["wasAttributedTo"].values():
        assert relation["prov:agent"] in document["agent"]


def test_export_and_import_of_events(art, family, tmp_path):
    path, other = tmp_path / "events.jsonl", str(tmp_path / "other")
    said = art("lineage", "export", LINEAGE[1], "-o", str(path)).out
    assert said == f"wrote {len(events_in(path))} events to {path}\n"
    art("--store", other, "init")
    art("--store", other, "lineage", "import", str(path))
    mine, theirs = (art(*store, *LINEAGE).out for store in ((), ("--store", other)))
    assert names_in(theirs) == names_in(mine)
    again = art("--store", other, "lineage", "import", str(path), "--json").json
    assert (again["versions"], again["runs"], again["links"]) == ([], 0, 0)
    assert art("--store", other, "check").code == 0


def names_in(tree):
    return re.findall(r"\w+:v\d+|run \w+", tree)


def test_export_of_everything(art, family, tmp_path):
    part, whole = tmp_path / "part", tmp_path / "whole"
    art("lineage", "export", LINEAGE[1], "-o", str(part))
    done = art("lineage", "export", "--all", "-o", str(whole), "--json").json
    assert done == {"path": str(whole), "events": len(events_in(whole))}
    assert len(events_in(whole)) > len(events_in(part))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["export", "-o", "x"], "name a version, or say --all"),
        (["export", "raw", "--all", "-o", "x"], "name a version, or say --all"),
        (["export", "--all"], "missing option '-o'"),
        (["raw", "model"], "an argument too many: model"),
        ([], "missing argument 'REF'"),
    ],
)
def test_wrong_lines(art, family, line, message):
    assert message in art("lineage", *line, code=2).err


def test_import_of_what_is_not_there(art, store):
    assert art("lineage", "import", "nowhere.jsonl", "--json", code=11).error["kind"] == (
        "file_not_found"
    )


def test_sync_sends_events_that_wait(art, store, data, monkeypatch):
    monkeypatch.setenv("ART_LINEAGE_EVENTS", "http://127.0.0.1:9")
    artifacts.init(project="demo").finish()
    assert "2 events of lineage to be sent\n" in art("sync", "--list").out
    failed = art("sync", code=3).out
    assert "http://127.0.0.1:9 did not take events of lineage" in failed
    monkeypatch.setenv("ART_LINEAGE_EVENTS", "file")
    assert art("sync").out == "sent 2 events of lineage\n"
    assert [e["eventType"] for e in events_in(store / "lineage.jsonl")] == ["START", "COMPLETE"]
    assert art("sync").out == "nothing is waiting\n"


def test_an_artifact_that_is_called_export(art, store, data):
    art("--project", "demo", "push", str(data), "export", "-t", "dataset")
    assert art("lineage", "demo/export").lines[0].startswith("export:v0")
