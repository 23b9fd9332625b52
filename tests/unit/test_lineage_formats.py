"""How a graph is written: equal to the files in ``tests/golden/lineage``, also with hostile names.

``ART_TEST_UPDATE_GOLDEN=1`` writes these files anew.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from artifacts.cli import _text
from artifacts.cli._tree import tree
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import InvalidInputError
from artifacts.store.lineage import Edge, EdgeKind, LineageGraph
from artifacts.store.lineage.formats import FORMATS, write
from artifacts.store.records import RunRecord, VersionRecord

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "lineage"
SPEC = Path(__file__).resolve().parents[2] / "docs" / "spec" / "lineage-v1.md"

HOSTILE = '\x1b[31m"];\n<script>alert("x")</script>\\N #quot; `b` \u202e|é日本'
START = 1_700_000_000_000_000


def version(key, name, type_="dataset", *, aliases=(), deleted=None):
    return VersionRecord(
        key, "local", "demo", name, type_, key % 3, hash_bytes(name.encode()), 12 * key, 1, None,
        {"n": key}, aliases, (), START + key, START + key, "you@host", deleted,
    )  # fmt: skip


def run(key, name, *, job=None, state="finished"):
    return RunRecord(
        key, "local", "demo", f"run{key}", name, state, None, job, None, (), {}, {},
        START + key, START + 9 if state == "finished" else None, 0, None, None,
    )  # fmt: skip


@pytest.fixture
def graph():
    """A model of two sets, one of them deleted and one recalled, with an exact edge."""
    versions = [
        version(7, "model", "model", aliases=("latest", "prod")),
        version(4, "corpus", aliases=("latest",)),
        version(5, "gone", deleted=START + 50),
        version(1, "raw"),
    ]
    runs = [run(3, "train", job="train"), run(2, HOSTILE, state="running")]
    edges = [
        Edge("run:3", "version:7", EdgeKind.OUTPUT),
        Edge("version:4", "run:3", EdgeKind.INPUT),
        Edge("version:5", "run:3", EdgeKind.INPUT),
        Edge("run:2", "version:4", EdgeKind.OUTPUT),
        Edge("version:1", "run:2", EdgeKind.INPUT),
        Edge("version:1", "version:5", EdgeKind.DERIVED, "run:2"),
    ]
    nodes = {f"version:{each.id}": each for each in versions}
    return LineageGraph(
        root="version:7",
        direction="up",
        versions=nodes,
        depths=dict(zip(nodes, (0, 1, 1, 2), strict=True)),
        runs={f"run:{each.key}": each for each in runs},
        edges=edges,
        truncated=True,
        cursor="4-1",
        recalled=frozenset({"version:1"}),
        store="00000000-0000-0000-0000-000000000000",
    )


def check_golden(name, text):
    path = GOLDEN / name
    if os.environ.get("ART_TEST_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("json", "up.json"),
        ("dot", "up.dot"),
        ("mermaid", "up.mmd"),
        ("openlineage", "up.openlineage.jsonl"),
        ("prov", "up.prov.json"),
    ],
)
def test_formats(graph, form, name):
    check_golden(name, "\n".join([*write(graph, form), ""]))


def test_tree(graph, monkeypatch):
    monkeypatch.setattr(_text, "time", SimpleNamespace(time=lambda: START / 1e6 + 7200))
    lines = [_text.printable(line.text) for line in tree(graph)]
    check_golden("up.txt", "\n".join([*lines, ""]))


def test_every_format_has_a_golden_file():
    assert set(FORMATS) == {"json", "dot", "mermaid", "openlineage", "prov"}


def test_an_unknown_format(graph):
    with pytest.raises(InvalidInputError, match="no format 'svg'") as caught:
        write(graph, "svg")
    assert "mermaid" in str(caught.value.hint)


@pytest.mark.parametrize("form", ["dot", "mermaid"])
def test_hostile_names_stay_inside_their_labels(graph, form):
    lines = list(write(graph, form))
    text = "\n".join(lines)
    assert all(character.isprintable() for line in lines for character in line)
    assert "<script" not in text or form == "dot"
    [line] = [line for line in lines if "script" in line]
    # One label: nothing but escaped quotes between the first and the last quote.
    label = line[line.index('"') + 1 : line.rindex('"')]
    assert re.search(r'(?<!\\)(\\\\)*"', label) is None


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
def test_graphviz_reads_it(graph):
    text = "\n".join(write(graph, "dot"))
    done = subprocess.run(
        ["dot", "-Tplain"], input=text, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\nnode ") == 7


def test_the_document_has_the_members_of_the_specification(graph):
    spec = SPEC.read_text(encoding="utf-8")
    document = json.loads("\n".join(write(graph, "json")))

    def members(heading):
        section = spec.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert members("Document") == list(document)
    assert members("Version") == list(document["versions"][0])
    assert members("Run") == list(document["runs"][0])
    assert members("Edge") == list(document["edges"][0])


# -- the tree


def star(count):
    """A version that so many runs have used, each of which has logged a model."""
    root = version(1, "raw")
    versions = {"version:1": root}
    runs, edges = {}, []
    for number in range(count):
        key = number + 10
        runs[f"run:{key}"] = run(key, "fit")
        versions[f"version:{key}"] = version(key, f"m{number}", "model")
        edges.append(Edge("version:1", f"run:{key}", EdgeKind.INPUT))
        edges.append(Edge(f"run:{key}", f"version:{key}", EdgeKind.OUTPUT))
    depths = {node: int(node != "version:1") for node in versions}
    return LineageGraph("version:1", "down", versions, depths, runs, edges, truncated=False)


def test_many_neighbours_are_counted():
    lines = [line.text for line in tree(star(40), most=5)]
    assert len(lines) == 1 + 2 * 5 + 1
    assert lines[-1] == "└─ … 35 more: 35 runs"
    assert len(list(tree(star(40), most=None))) == 81


def test_one_more_than_many_is_not_worth_a_line():
    assert not any("more" in line.text for line in tree(star(6), most=5))


def test_what_is_counted_is_named_by_type():
    graph = star(1)
    many = [version(100 + n, f"x{n}", "report" if n < 3 else "model") for n in range(20)]
    graph.versions.update({f"version:{each.id}": each for each in many})
    graph.edges.extend(Edge("run:10", f"version:{each.id}", EdgeKind.OUTPUT) for each in many)
    lines = [line.text for line in tree(graph, most=2)]
    assert lines[-1] == "   └─ … 19 more: 17 model, 2 report"


def test_a_circle_is_marked():
    a, b = version(1, "a"), version(2, "b")
    runs = {"run:5": run(5, "there"), "run:6": run(6, "back")}
    edges = [
        Edge("version:1", "run:5", EdgeKind.INPUT),
        Edge("run:5", "version:2", EdgeKind.OUTPUT),
        Edge("version:2", "run:6", EdgeKind.INPUT),
        Edge("run:6", "version:1", EdgeKind.OUTPUT),
    ]
    nodes = {"version:1": a, "version:2": b}
    graph = LineageGraph(
        "version:1", "down", nodes, {"version:1": 0, "version:2": 1}, runs, edges, truncated=False
    )
    lines = [line.text.strip() for line in tree(graph)]
    assert lines[-1].endswith("(a circle)")
    assert len(lines) == 5
