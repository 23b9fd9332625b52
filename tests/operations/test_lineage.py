import pytest

from artifacts.store.digests import hash_bytes
from artifacts.store.lineage import lineage
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.records import LinkKind
from tests.support import draft_of


class Graph:
    """Makes versions and runs, and tells lineages by name."""

    def __init__(self, store):
        self.store = store
        self.versions = {}
        self.runs = 0

    def run(self, name, used=(), made=()):
        """Record a run that used some versions and made others (``artifact/content``)."""
        self.runs += 1
        catalog = self.store.catalog
        run = catalog.create_run("local", "demo", name, {"name": name})
        for version in used:
            catalog.link(run.key, self.version(version).id, LinkKind.INPUT)
        for version in made:
            self.version(version, run=run.key)

    def version(self, label, run=None):
        if label not in self.versions or run is not None:
            name, _, content = label.partition("/")
            digest = hash_bytes(content.encode())
            upload = self.store.upload()
            upload.add(content.encode(), digest)
            manifest = Manifest([Entry("file", digest, len(content))])
            draft = draft_of(manifest, name, run=run)
            self.versions[label] = self.store.commit(draft, upload, manifest)[0]
        return self.versions[label]

    def lineage(self, label, **options):
        graph = lineage(self.store, self.version(label), **options)
        labels = {v.id: text for text, v in self.versions.items()}
        depths = {labels[graph.versions[node].id]: graph.depths[node] for node in graph.versions}
        names = {node: labels[v.id] for node, v in graph.versions.items()}
        names |= {node: run.id for node, run in graph.runs.items()}
        edges = {(names[edge.source], names[edge.target]) for edge in graph.edges}
        return depths, sorted(run.id for run in graph.runs.values()), edges, graph.truncated


@pytest.fixture
def graph(store):
    return Graph(store)


@pytest.fixture
def chain(graph):
    graph.run("clean", ["raw/1"], ["clean/1"])
    graph.run("train", ["clean/1"], ["model/1"])
    graph.run("report", ["model/1"], ["report/1"])
    return graph


def test_a_version_without_runs(graph):
    assert graph.lineage("raw/1") == ({"raw/1": 0}, [], set(), False)


def test_up_and_down_a_chain(chain):
    depths, runs, edges, truncated = chain.lineage("report/1")
    assert depths == {"report/1": 0, "model/1": 1, "clean/1": 2, "raw/1": 3}
    assert runs == ["clean", "report", "train"]
    assert edges == {
        ("raw/1", "clean"),
        ("clean", "clean/1"),
        ("clean/1", "train"),
        ("train", "model/1"),
        ("model/1", "report"),
        ("report", "report/1"),
    }
    assert not truncated
    down, _, same_edges, _ = chain.lineage("raw/1", direction="down")
    assert down == {"raw/1": 0, "clean/1": 1, "model/1": 2, "report/1": 3}
    assert same_edges == edges


def test_a_run_that_makes_the_next_version_of_what_it_uses(graph):
    for i in range(3, 6):
        graph.run(f"run{i}", [f"model/{i}"], [f"model/{i + 1}"])
    assert graph.lineage("model/6")[0] == {"model/6": 0, "model/5": 1, "model/4": 2, "model/3": 3}
    assert graph.lineage("model/3", direction="down")[0]["model/6"] == 3


def test_a_circle_ends(graph):
    """A run uses v3 and makes v4, another uses v4 and logs the content of v3 again."""
    graph.run("there", ["a/3"], ["a/4"])
    graph.run("back", ["a/4"], ["a/3"])
    depths, runs, edges, truncated = graph.lineage("a/3")
    assert depths == {"a/3": 0, "a/4": 1}
    assert runs == ["back", "there"]
    assert edges == {("a/3", "there"), ("there", "a/4"), ("a/4", "back"), ("back", "a/3")}
    assert not truncated


def test_a_run_that_logs_what_it_used(graph):
    graph.run("same", ["a/1"], ["a/1"])
    assert graph.lineage("a/1") == (
        {"a/1": 0},
        ["same"],
        {("a/1", "same"), ("same", "a/1")},
        False,
    )


def test_a_diamond_is_visited_once_at_its_shortest_distance(graph):
    graph.run("left", ["raw/1"], ["left/1"])
    graph.run("right", ["raw/1"], ["right/1"])
    graph.run("longer", ["right/1"], ["right/2"])
    graph.run("join", ["left/1", "right/2", "raw/1"], ["out/1"])
    depths, runs, edges, _ = graph.lineage("out/1")
    assert depths == {"out/1": 0, "left/1": 1, "right/2": 1, "raw/1": 1, "right/1": 2}
    assert runs == ["join", "left", "longer", "right"]
    assert ("raw/1", "right") in edges
    assert ("raw/1", "left") in edges
    assert len(edges) == 10


def test_content_logged_by_several_runs_has_all_of_them(graph):
    graph.run("first", ["x/1"], ["out/1"])
    graph.run("second", ["y/1"], ["out/1"])
    depths, runs, _, _ = graph.lineage("out/1")
    assert depths == {"out/1": 0, "x/1": 1, "y/1": 1}
    assert runs == ["first", "second"]


@pytest.mark.parametrize(
    ("depth", "expected", "truncated"),
    [
        (0, {"report/1"}, True),
        (1, {"report/1", "model/1"}, True),
        (2, {"report/1", "model/1", "clean/1"}, True),
        (3, {"report/1", "model/1", "clean/1", "raw/1"}, False),
        (9, {"report/1", "model/1", "clean/1", "raw/1"}, False),
    ],
)
def test_depth(chain, depth, expected, truncated):
    depths, _, edges, cut = chain.lineage("report/1", depth=depth)
    assert depths.keys() == expected
    assert cut is truncated
    assert len(edges) == 2 * (len(expected) - 1)


def test_a_circle_is_not_truncated_by_the_depth_that_suffices(graph):
    graph.run("there", ["a/3"], ["a/4"])
    graph.run("back", ["a/4"], ["a/3"])
    assert not graph.lineage("a/3", depth=2)[3]


def test_limit(graph):
    graph.run("wide", [f"in/{i}" for i in range(10)], ["out/1"])
    depths, _, edges, truncated = graph.lineage("out/1", limit=4)
    assert len(depths) == 4
    assert truncated
    # No edge leads to a version that was left out.
    assert len(edges) == 4
    assert graph.lineage("out/1", limit=11)[3] is False


def test_deleted_versions_are_still_shown(chain):
    chain.store.catalog.delete_version(chain.version("clean/1").id, force=True)
    depths, _, _, _ = chain.lineage("report/1")
    assert depths == {"report/1": 0, "model/1": 1, "clean/1": 2, "raw/1": 3}


@pytest.mark.long
def test_many_runs_at_one_version(graph):
    for i in range(600):
        run = graph.store.catalog.create_run("local", "demo", f"r{i}", {"name": "r"})
        graph.store.catalog.link(run.key, graph.version("raw/1").id, LinkKind.INPUT)
    assert len(graph.lineage("raw/1", direction="down")[1]) == 600
