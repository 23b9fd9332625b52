"""A graph that went through events of OpenLineage answers every question as before."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.store.lineage import lineage
from artifacts.store.lineage.openlineage import exporting
from artifacts.store.lineage.openlineage.importing import import_events
from artifacts.store.lineage.openlineage.reading import Home
from artifacts.store.refs import Ref
from artifacts.store.store import Store
from tests.graphs import GraphWriter
from tests.property.test_lineage_laws import graphs

HOME = Home("local", "elsewhere")

# Both stores are shared by all examples, each of which is a project of its own in them.
shared = settings(
    max_examples=settings().max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def stores(tmp_path):
    found = [Store.create(tmp_path / name) for name in ("from", "to")]
    yield found
    for store in found:
        store.close()


@pytest.fixture
def writer(stores):
    return GraphWriter(stores[0].catalog)


def closure(store, version, **options):
    """An answer without keys: names, distances and edges."""
    ref = Ref.parse(f"{version.project}/{version.name}:{version.version}")
    root = store.catalog.resolve(ref, entity=version.entity, project=version.project)
    graph = lineage(store, root, limit=None, **options)
    names = {node: each.ref for node, each in graph.versions.items()}
    names |= {node: f"run {each.id}" for node, each in graph.runs.items()}
    depths = {names[node]: depth for node, depth in graph.depths.items()}
    edges = {(names[e.source], names[e.target], e.kind) for e in graph.edges}
    return depths, edges, {each.digest for each in graph.versions.values()}


@shared
@given(graph=graphs(), root=st.integers(0, 8))
def test_the_same_closure(stores, writer, tmp_path, graph, root):
    before, after = stores
    types, runs, derived = graph
    entered = writer.enter(types, runs, derived)
    start = before.catalog.version(entered.versions[root % len(types)])
    path = tmp_path / "events.jsonl"
    exporting.write_events(before, path, [start.id])
    import_events(after, path, home=HOME)
    for direction in ("up", "down"):
        for exact in (False, True):
            options = {"direction": direction, "exact": exact}
            assert closure(after, start, **options) == closure(before, start, **options)
    again = import_events(after, path, home=HOME).changes
    assert (again.versions, again.runs, again.links, again.links_left_out) == ([], 0, 0, 0)
