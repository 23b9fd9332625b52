"""What lineage answers is what a graph library computes from the same edges."""

from types import SimpleNamespace

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.store.catalog import Catalog
from artifacts.store.lineage import Edge, EdgeKind, Selection, lineage
from artifacts.store.lineage.impact import impact
from artifacts.store.lineage.paths import why
from artifacts.store.records import INTERNAL_TYPES, RunRecord, VersionRecord
from tests.graphs import GraphWriter

TYPES = ["dataset", "model", "report", "run-history"]

# The catalog is shared by all examples of a test, each of which is a graph of its own in it.
shared = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def graphs(draw):
    """Types of versions, runs as (used, made), and exact edges."""
    # The first one is where most tests start, and nobody asks what was made of a run's record.
    types = ["dataset", *draw(st.lists(st.sampled_from(TYPES), max_size=8))]
    numbers = st.integers(0, len(types) - 1)
    some = st.lists(numbers, max_size=4, unique=True)
    runs = draw(st.lists(st.tuples(some, some), max_size=8))
    pairs = draw(st.lists(st.tuples(numbers, numbers), max_size=4))
    # Nothing is made of itself, and nobody says of what the record of a run was made.
    exact = [(a, b) for a, b in pairs if a != b and types[b] not in INTERNAL_TYPES]
    return types, runs, exact


@pytest.fixture(params=["sqlite", "postgres"])
def world(request, tmp_path):
    if request.param == "sqlite":
        catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
    else:
        catalog = Catalog.open_url(request.getfixturevalue("postgres_url"))
    yield SimpleNamespace(
        catalog=catalog, uuid="store", writer=GraphWriter(catalog), dialect=request.param
    )
    catalog.close()


class Model:
    """The same graph as networkx knows it; nodes are ``("v", number)`` and ``("r", number)``."""

    def __init__(self, types, runs, exact, *, only_exact):
        self.types = types
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(("v", number) for number in range(len(types)))
        declared = {output for _, output in exact} if only_exact else set()
        for number, (used, made) in enumerate(runs):
            self.graph.add_node(("r", number))
            self.graph.add_edges_from((("v", each), ("r", number)) for each in used)
            self.graph.add_edges_from(
                (("r", number), ("v", each)) for each in made if each not in declared
            )
        self.exact = [(("v", a), ("v", b)) for a, b in exact]

    def flow(self, direction):
        """The edges in the direction of a walk; exact ones are two hops long, as the others."""
        graph = self.graph.copy()
        for a, b in self.exact:
            graph.add_edge(a, ("e", a, b))
            graph.add_edge(("e", a, b), b)
        if direction == "down":
            graph.remove_edges_from(
                [
                    (a, b)
                    for a, b in graph.edges
                    if a[0] == "r" and self.types[b[1]] in INTERNAL_TYPES
                ]
            )
            return graph
        return graph.reverse()

    def distances(self, root, direction):
        found = nx.single_source_shortest_path_length(self.flow(direction), ("v", root))
        return {node: hops for node, hops in found.items() if node[0] != "e"}


def numbered(graph, entered):
    """The nodes of an answer as the model names them, with their depths."""
    versions = {key: ("v", number) for number, key in enumerate(entered.versions)}
    runs = {key: ("r", number) for number, key in enumerate(entered.runs)}
    names = {node: versions[record.id] for node, record in graph.versions.items()}
    return names | {node: runs[record.key] for node, record in graph.runs.items()}


def version(world, entered, number):
    return world.catalog.version(entered.versions[number])


both = pytest.mark.parametrize("direction", ["up", "down"])


@both
@pytest.mark.parametrize("exact", [False, True])
@shared
@given(graph=graphs(), root=st.integers(0, 8), depth=st.none() | st.integers(0, 4))
def test_versions_runs_and_depths(world, direction, exact, graph, root, depth):
    types, runs, derived = graph
    root %= len(types)
    entered = world.writer.enter(types, runs, derived)
    found = lineage(
        world, version(world, entered, root), direction=direction, depth=depth, exact=exact
    )
    model = Model(types, runs, derived, only_exact=exact)
    all_hops = model.distances(root, direction)
    expected = {n: h for n, h in all_hops.items() if depth is None or h <= 2 * depth}
    names = numbered(found, entered)
    assert set(names.values()) == set(expected)
    assert {names[node]: 2 * depth for node, depth in found.depths.items()} == {
        node: hops for node, hops in expected.items() if node[0] == "v"
    }
    assert found.truncated is (len(expected) < len(all_hops))
    assert list(found.depths.values()) == sorted(found.depths.values())
    edges = {(names[e.source], names[e.target]) for e in found.edges if e.kind != "derived"}
    assert edges <= set(model.graph.edges)
    if depth is None:
        assert edges == {(a, b) for a, b in model.graph.edges if {a, b} <= set(expected)}


@both
@pytest.mark.parametrize("exact", [False, True])
@shared
@given(graph=graphs(), limit=st.integers(1, 4))
def test_pages_together_are_the_whole(world, direction, exact, graph, limit):
    types, runs, derived = graph
    entered = world.writer.enter(types, runs, derived)
    root = version(world, entered, 0)
    whole = lineage(world, root, direction=direction, exact=exact, limit=None)
    versions: dict[str, VersionRecord] = {}
    found_runs: dict[str, RunRecord] = {}
    depths: dict[str, int] = {}
    edges: list[Edge] = []
    cursor = None
    while True:
        page = lineage(world, root, direction=direction, exact=exact, limit=limit, cursor=cursor)
        assert len(page.versions) <= limit
        assert not versions.keys() & page.versions.keys()
        assert set(edges).isdisjoint(page.edges)
        versions |= page.versions
        depths |= page.depths
        found_runs |= page.runs
        edges += page.edges
        cursor = page.cursor
        assert page.truncated is (cursor is not None)
        if cursor is None:
            break
    assert list(versions) == list(whole.versions)
    assert depths == whole.depths
    assert list(found_runs) == list(whole.runs)
    assert edges == whole.edges


@both
@shared
@given(graph=graphs(), wanted=st.sets(st.sampled_from(TYPES), min_size=1, max_size=2))
def test_a_selection_keeps_what_leads_to_it(world, direction, graph, wanted):
    types, runs, derived = graph
    entered = world.writer.enter(types, runs, derived)
    found = lineage(
        world,
        version(world, entered, 0),
        direction=direction,
        selection=Selection(types=frozenset(wanted)),
    )
    model = Model(types, runs, derived, only_exact=False)
    flow = model.flow(direction)
    reachable = {("v", 0)} | nx.descendants(flow, ("v", 0))
    matches = {n for n in reachable if n[0] == "v" and types[n[1]] in wanted}
    ways = {n for n in reachable if n in matches or nx.descendants(flow, n) & matches}
    names = numbered(found, entered)
    assert set(names.values()) == {n for n in ways | {("v", 0)} if n[0] != "e"}
    assert {names[node] for node in found.matches or ()} == matches


@pytest.mark.parametrize("exact", [False, True])
@shared
@given(graph=graphs(), target=st.integers(0, 8))
def test_why_finds_all_shortest_ways(world, exact, graph, target):
    types, runs, derived = graph
    target %= len(types)
    entered = world.writer.enter(types, runs, derived)
    ends = version(world, entered, target), version(world, entered, 0)
    found = why(world, *ends, limit=1000, exact=exact)
    flow = Model(types, runs, derived, only_exact=exact).flow("up").reverse()
    expected = set()
    for source, end in ((0, target), (target, 0)):
        if nx.has_path(flow, ("v", source), ("v", end)):
            paths = nx.all_shortest_paths(flow, ("v", source), ("v", end))
            expected = {tuple(node for node in path if node[0] != "e") for path in paths}
            break
    versions = {key: ("v", number) for number, key in enumerate(entered.versions)}
    run_names = {key: ("r", number) for number, key in enumerate(entered.runs)}
    actual = [
        tuple(run_names[node.key] if hasattr(node, "key") else versions[node.id] for node in path)
        for path in found.paths
    ]
    assert len(actual) == len(set(actual))
    assert set(actual) == expected
    assert bool(found) is bool(expected)


@pytest.mark.parametrize("exact", [False, True])
@shared
@given(graph=graphs())
def test_impact_counts_what_is_downstream(world, exact, graph):
    types, runs, derived = graph
    entered = world.writer.enter(types, runs, derived)
    found = impact(world, version(world, entered, 0), exact=exact)
    flow = Model(types, runs, derived, only_exact=exact).flow("down")
    below = nx.descendants(flow, ("v", 0))
    affected = {node for node in below if node[0] == "v" and node != ("v", 0)}
    numbers = {key: number for number, key in enumerate(entered.versions)}
    assert found.version_count == len(affected)
    assert found.run_count == len({node for node in below if node[0] == "r"})
    assert {numbers[each.id] for each in found.models} == {
        n for _, n in affected if types[n] == "model"
    }
    leaves = {n for _, n in affected if not any(map(list, map(flow.successors, flow["v", n])))}
    assert {numbers[each.id] for each in found.leaves} == leaves


def test_an_exact_edge_of_a_run_is_told_once(world):
    entered = world.writer.enter(["dataset", "dataset", "model"], [([0, 1], [2])], [(0, 2)])
    assert [e.kind for e in lineage(world, version(world, entered, 2)).edges].count(
        EdgeKind.DERIVED
    ) == 1  # nobody says in which run it was made
    exact = lineage(world, version(world, entered, 2), exact=True)
    assert [record.id for record in exact.versions.values()] == [
        entered.versions[2],
        entered.versions[0],
    ]
