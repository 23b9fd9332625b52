"""Which data made a version, and what a version has touched: walks over runs and links.

Breadth-first, one look-up per level with a visited set: exact depths, and a graph in which a run
uses v3 and logs v4 of the same artifact needs no special care.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from artifacts.store.records import INTERNAL_TYPES, LinkKind

if TYPE_CHECKING:
    from artifacts.store.records import LinkRecord, RunRecord, VersionRecord
    from artifacts.store.store import Store

Direction = Literal["up", "down"]

DEFAULT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Edge:
    """Data flowed from ``source`` to ``target``; both are node ids of a `LineageGraph`."""

    source: str
    target: str
    kind: LinkKind


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """Versions and runs reached from one version.

    Attributes:
        root: Node id of the version that was asked about.
        versions: By node id (``version:<key>``), with their distance in hops of versions.
        runs: By node id (``run:<key>``).
        edges: In the direction in which the data flowed.
        truncated: Whether something was left out because of the depth or the limit.
    """

    root: str
    direction: Direction
    versions: dict[str, VersionRecord]
    depths: dict[str, int]
    runs: dict[str, RunRecord]
    edges: list[Edge]
    truncated: bool


def lineage(
    store: Store,
    version: VersionRecord,
    *,
    direction: Direction = "up",
    depth: int | None = None,
    limit: int = DEFAULT_LIMIT,
) -> LineageGraph:
    """Walk from a version to everything it was made of, or everything made of it.

    Args:
        direction: ``up`` to its sources, ``down`` to what it was used for.
        depth: How many runs away to go; None means all the way.
        limit: Stop after so many versions.
    """
    near, far = (
        (LinkKind.OUTPUT, LinkKind.INPUT)
        if direction == "up"
        else (LinkKind.INPUT, LinkKind.OUTPUT)
    )
    catalog = store.catalog
    root = version_node(version)
    versions = {root: version}
    depths = {root: 0}
    runs: dict[str, RunRecord] = {}
    edges: dict[Edge, None] = {}
    frontier = [version]
    level = 0
    truncated = False
    while frontier:
        links = catalog.links_of_versions([v.id for v in frontier], near)
        if depth is not None and level >= depth:
            # Say whether there is more, without going there.
            truncated = truncated or any(run_node(link.run) not in runs for link in links)
            break
        fresh_runs: dict[str, RunRecord] = {}
        for link in links:
            edges[_edge(link)] = None
            node = run_node(link.run)
            if node not in runs:
                fresh_runs[node] = link.run
        runs.update(fresh_runs)
        level += 1
        frontier = []
        for link in catalog.links_of_runs([run.key for run in fresh_runs.values()], far):
            if direction == "down" and link.version.type in INTERNAL_TYPES:
                continue  # every run is recorded: that says nothing of where data went
            node = version_node(link.version)
            if node not in versions:
                if len(versions) >= limit:
                    truncated = True
                    continue
                versions[node] = link.version
                depths[node] = level
                frontier.append(link.version)
            edges[_edge(link)] = None
    return LineageGraph(root, direction, versions, depths, runs, list(edges), truncated)


def version_node(version: VersionRecord) -> str:
    """Return the node id of a version."""
    return f"version:{version.id}"


def run_node(run: RunRecord) -> str:
    """Return the node id of a run."""
    return f"run:{run.key}"


def _edge(link: LinkRecord) -> Edge:
    version, run = version_node(link.version), run_node(link.run)
    if link.kind is LinkKind.INPUT:
        return Edge(version, run, link.kind)
    return Edge(run, version, link.kind)
