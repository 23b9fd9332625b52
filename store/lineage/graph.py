"""Which data made a version, and what a version has touched: the answer, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.errors import InvalidInputError
from artifacts.store.lineage.walk import opposite, walk
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Sequence

    from artifacts.store.catalog.graph import Derivation, GraphReader
    from artifacts.store.lineage.walk import Direction, Reached
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.store import Store

DEFAULT_LIMIT = 10_000


class EdgeKind(StrEnum):
    """What an edge of a `LineageGraph` says."""

    INPUT = "input"
    """A run has used a version."""
    OUTPUT = "output"
    """A run has logged a version."""
    DERIVED = "derived"
    """A version is known to be made of another one, whatever else the run has used."""


class Edge(NamedTuple):
    """Data flowed from ``source`` to ``target``; both are node ids of a `LineageGraph`.

    Attributes:
        run: Of an edge between two versions, the node id of the run that made the one of the
            other, or None.
    """

    source: str
    target: str
    kind: EdgeKind
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which versions an answer is about; the others are only in it where they lead there.

    Attributes:
        types: Only versions of these types; None for all.
        places: Only versions in these projects, by entity and name; None for all.
    """

    types: frozenset[str] | None = None
    places: frozenset[tuple[str, str]] | None = None

    def __bool__(self) -> bool:
        return self.types is not None or self.places is not None

    def among(self, graph: GraphReader, version_ids: Collection[int]) -> set[int]:
        """Return which of these versions are selected."""
        return graph.matching(version_ids, types=self.types, places=self.places)


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """Versions and runs reached from one version, by distance and then by key.

    Attributes:
        root: Node id of the version that was asked about.
        versions: By node id (``version:<key>``).
        depths: Distance of each version, in runs.
        runs: By node id (``run:<key>``).
        edges: In the direction in which the data flowed, by the farther end.
        truncated: Whether something was left out because of the depth or the limit.
        cursor: What to ask for next, if the limit was the reason.
        matches: Node ids of the versions that were selected; None if all were.
        recalled: Node ids of the versions of which somebody has said that they are bad.
        store: UUID of the store.
    """

    root: str
    direction: Direction
    versions: dict[str, VersionRecord]
    depths: dict[str, int]
    runs: dict[str, RunRecord]
    edges: list[Edge]
    truncated: bool
    cursor: str | None = None
    matches: frozenset[str] | None = None
    recalled: frozenset[str] = frozenset()
    store: str = ""

    def to_text(self, form: str) -> str:
        """Return the graph as other programs read it.

        Args:
            form: ``json``, ``dot``, ``mermaid``, ``openlineage`` or ``prov``.

        Raises:
            InvalidInputError: There is no such format.
        """
        from artifacts.store.lineage.formats import write

        return "\n".join(write(self, form)) + "\n"

    def selected(self) -> list[VersionRecord]:
        """Return the versions that were selected, nearest first; without a selection all."""
        return [
            version
            for node, version in self.versions.items()
            if self.matches is None or node in self.matches
        ]


def lineage(
    store: Store,
    version: VersionRecord,
    *,
    direction: Direction = "up",
    depth: int | None = None,
    limit: int | None = DEFAULT_LIMIT,
    selection: Selection | None = None,
    exact: bool = False,
    cursor: str | None = None,
) -> LineageGraph:
    """Walk from a version to everything it was made of, or everything made of it.

    An edge between two versions is in the answer if no run that is in it connects them.

    Args:
        store: Where the version is.
        version: Where to start.
        direction: ``up`` to its sources, ``down`` to what it was used for.
        depth: How many runs away to go; None means all the way.
        limit: At most so many versions in this answer; None for all.
        selection: Leave out what neither is selected nor leads to something that is.
        exact: A version that says of what it was made is connected to nothing else. Otherwise
            every input of a run counts as a source of every output of it.
        cursor: From an answer that was cut off by its limit: go on there.

    Raises:
        InvalidInputError: The cursor, the depth or the limit cannot be used.
    """
    if depth is not None and depth < 0:
        raise InvalidInputError(f"depth must not be negative: {depth}")
    if limit is not None and limit < 1:
        raise InvalidInputError(f"limit must be at least 1, not {limit}")
    after = None if cursor is None else _parse_cursor(cursor)
    query = _Query(version.id, direction, depth, limit, selection or Selection(), exact, after)
    return store.catalog.read_graph(lambda graph: _answer(graph, query, store.uuid))


def version_node(version: VersionRecord) -> str:
    """Return the node id of a version."""
    return f"version:{version.id}"


def run_node(run: RunRecord) -> str:
    """Return the node id of a run."""
    return f"run:{run.key}"


# -- inside. In a walk, a node is the key of a version, or the negative key of a run, and has a
# place: (hop, key). Versions at distance n are n * 2 hops away, runs are between them.

_Place = tuple[int, int]


class _Query(NamedTuple):
    root: int
    direction: Direction
    depth: int | None
    limit: int | None
    selection: Selection
    exact: bool
    after: _Place | None


def _answer(graph: GraphReader, query: _Query, store: str) -> LineageGraph:
    reached = _reach(graph, query)
    matches = None
    if query.selection:
        matches = query.selection.among(graph, reached.versions)
        _keep_ways_to(graph, query, reached, matches)
    hops = {key: level * 2 for key, level in reached.versions.items()}
    hops |= {-key: level * 2 + 1 for key, level in reached.runs.items()}
    ordered = sorted(hops, key=lambda node: (hops[node], abs(node)))
    page, cut = _page(ordered, hops, query)
    edges = _edges(graph, query, hops, ordered, set(page))
    mentioned = {run for _, _, _, run in edges if run is not None}
    versions = graph.versions(key for key in page if key > 0)
    shown_runs = dict.fromkeys([*(-key for key in page if key < 0), *sorted(mentioned)])
    runs = graph.runs(shown_runs)
    names = {key: _node(key) for key in hops}
    return LineageGraph(
        root=_node(query.root),
        direction=query.direction,
        versions={names[key]: versions[key] for key in page if key > 0},
        depths={names[key]: hops[key] // 2 for key in page if key > 0},
        runs={_node(-key): runs[key] for key in shown_runs},
        edges=[
            Edge(names[source], names[target], kind, None if run is None else _node(-run))
            for source, target, kind, run in edges
        ],
        truncated=cut or reached.more,
        cursor=f"{hops[page[-1]]}-{page[-1]}" if cut else None,
        matches=None
        if matches is None
        else frozenset(names[key] for key in page if key in matches),
        recalled=frozenset(names[key] for key in graph.recalls().keys() & set(page)),
        store=store,
    )


def _reach(graph: GraphReader, query: _Query) -> Reached:
    count = 0

    def enough(level: int, versions: Collection[int]) -> bool:
        nonlocal count
        after = query.after or (-1, 0)
        count += sum(1 for key in versions if (level * 2, key) > after)
        return query.limit is not None and count > query.limit

    return walk(
        graph,
        [query.root],
        query.direction,
        depth=query.depth,
        exact=query.exact,
        # What the limit leaves out need not be looked at, unless it leads to what is selected.
        until=None if query.selection else enough,
    )


def _keep_ways_to(graph: GraphReader, query: _Query, reached: Reached, matches: set[int]) -> None:
    """Drop what was reached and leads to none of the matches."""
    back = walk(
        graph,
        matches,
        opposite(query.direction),
        exact=query.exact,
        internal=True,
        within=reached,
    )
    on_the_way = back.versions.keys() | {query.root}
    reached.versions = {k: v for k, v in reached.versions.items() if k in on_the_way}
    reached.runs = {k: v for k, v in reached.runs.items() if k in back.runs}


def _page(ordered: list[int], hops: dict[int, int], query: _Query) -> tuple[list[int], bool]:
    """Return the nodes of this answer in order, and whether others follow."""
    if query.after is not None:
        ordered = [node for node in ordered if (hops[node], abs(node)) > query.after]
    versions = [position for position, node in enumerate(ordered) if node > 0]
    if query.limit is None or len(versions) <= query.limit:
        return ordered, False
    # It ends with its last version; the runs that follow come with what they lead to.
    return ordered[: versions[query.limit - 1] + 1], True


# Source, target, kind, run; a plain tuple, because there may be very many.
_KeyEdge = tuple[int, int, EdgeKind, int | None]


def _edges(
    graph: GraphReader,
    query: _Query,
    hops: dict[int, int],
    ordered: Sequence[int],
    shown: set[int],
) -> list[_KeyEdge]:
    """Return the edges whose farther end is shown, by that end."""
    rank = {node: place for place, node in enumerate(ordered)}
    found = [
        *_link_edges(graph, query, rank, shown),
        *_derived_edges(graph, query, rank, shown),
    ]
    if query.depth is not None:
        # From what lies at the depth the walk has not gone on.
        beyond = query.depth * 2
        up = query.direction == "up"
        found = [edge for edge in found if hops[edge[1] if up else edge[0]] < beyond]

    def order(edge: _KeyEdge) -> int:
        """Return the farther end, the nearer one and the direction as one number."""
        source, target = rank[edge[0]], rank[edge[1]]
        ends = source * len(rank) + target if source > target else target * len(rank) + source
        return ends * 2 + (edge[0] > edge[1])

    return sorted(found, key=order)


def _link_edges(
    graph: GraphReader, query: _Query, rank: dict[int, int], shown: set[int]
) -> list[_KeyEdge]:
    found: list[_KeyEdge] = []
    for kind in LinkKind:
        # There may be many more than those of which the farther end is shown: no objects for them.
        links = [
            (run, version)
            for run, version in graph.links_at_runs({-node for node in shown if node < 0}, kind)
            if version in rank and (version in shown or rank[version] < rank[-run])
        ]
        if query.after is not None:  # else the nearer end of every edge is in the page, too
            at_versions = graph.links_at_versions({node for node in shown if node > 0}, kind)
            links += [
                (run, version)
                for run, version in at_versions
                if -run in rank and -run not in shown and rank[-run] < rank[version]
            ]
        if kind is LinkKind.INPUT:
            found += [(version, -run, EdgeKind.INPUT, None) for run, version in links]
            continue
        elsewhere: set[int] = set()
        if query.exact:
            elsewhere = graph.with_derivations({version for _, version in links})
        found += [
            (-run, version, EdgeKind.OUTPUT, None)
            for run, version in links
            if version not in elsewhere
        ]
    return found


def _derived_edges(
    graph: GraphReader, query: _Query, rank: dict[int, int], shown: set[int]
) -> list[_KeyEdge]:
    versions = {node for node in shown if node > 0}
    both = [*graph.derivations_of(versions), *graph.derivations_from(versions)]
    found = [
        each
        for each in dict.fromkeys(both)
        if each.output in rank
        and each.input in rank
        and max(each.output, each.input, key=rank.__getitem__) in shown
    ]
    if found and not query.exact:
        implied = _implied(graph, found, rank)
        found = [each for each in found if each not in implied]
    return [(each.input, each.output, EdgeKind.DERIVED, each.run) for each in found]


def _implied(
    graph: GraphReader, derivations: Iterable[Derivation], reached: Container[int]
) -> set[Derivation]:
    """Return those whose run connects both ends anyway."""
    derivations = list(derivations)
    runs = {each.run for each in derivations if each.run is not None and -each.run in reached}
    used = set(graph.links_at_runs(runs, LinkKind.INPUT))
    made = set(graph.links_at_runs(runs, LinkKind.OUTPUT))
    return {
        each
        for each in derivations
        if each.run is not None
        and (each.run, each.input) in used
        and (each.run, each.output) in made
    }


def _node(key: int) -> str:
    return f"version:{key}" if key > 0 else f"run:{-key}"


def _parse_cursor(cursor: str) -> _Place:
    hop, dash, key = cursor.partition("-")
    if not (dash and hop.isdecimal() and key.isdecimal()):
        raise InvalidInputError(
            f"not a cursor: {cursor!r}",
            hint="pass on what the answer before has given as its cursor",
            kind="bad_cursor",
        )
    return int(hop), int(key)
