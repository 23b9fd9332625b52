"""Why one version depends on another: the shortest ways on which data flowed between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError
from artifacts.store.lineage.walk import walk
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.lineage.walk import Reached
    from artifacts.store.records import RunRecord, VersionRecord
    from artifacts.store.store import Store

DEFAULT_LIMIT = 10


@dataclass(frozen=True, slots=True)
class LineagePaths:
    """The shortest ways from one version to another, in the direction in which the data flowed.

    Attributes:
        source: Where the ways begin: the version that the other one was made of.
        target: Where they end.
        distance: How many runs or exact edges lie between them; None if nothing connects them.
        paths: Each a list of versions and runs in turn; two versions follow each other where one
            is known to be made of the other.
        truncated: Whether there are more of the same length.
    """

    source: VersionRecord
    target: VersionRecord
    distance: int | None
    paths: list[list[VersionRecord | RunRecord]]
    truncated: bool = False

    def __bool__(self) -> bool:
        return self.distance is not None


def why(
    store: Store,
    version: VersionRecord,
    other: VersionRecord,
    *,
    limit: int = DEFAULT_LIMIT,
    exact: bool = False,
) -> LineagePaths:
    """Find the shortest ways between two versions, whichever was made of the other.

    Args:
        store: Where the versions are.
        version: One of them; looked at first as what was made of the other.
        other: The other one.
        limit: At most so many ways.
        exact: As for `lineage`.

    Raises:
        InvalidInputError: The limit is below 1.
    """
    if limit < 1:
        raise InvalidInputError(f"limit must be at least 1, not {limit}")

    def work(graph: GraphReader) -> LineagePaths:
        for source, target in ((other, version), (version, other)):
            found = _between(graph, source, target, limit, exact=exact)
            if found is not None:
                return found
        return LineagePaths(other, version, None, [])

    return store.catalog.read_graph(work)


def _between(
    graph: GraphReader, source: VersionRecord, target: VersionRecord, limit: int, *, exact: bool
) -> LineagePaths | None:
    def there(_level: int, versions: Collection[int]) -> bool:
        return source.id in versions

    reached = walk(graph, [target.id], "up", exact=exact, until=there)
    distance = reached.versions.get(source.id)
    if distance is None:
        return None
    following = _following(graph, source.id, reached, exact=exact)
    keys: list[list[int]] = []
    truncated = False
    for path in _ways(source.id, target.id, following):
        if len(keys) == limit:
            truncated = True
            break
        keys.append(path)
    versions = graph.versions({node for path in keys for node in path if node > 0})
    runs = graph.runs({-node for path in keys for node in path if node < 0})
    paths: list[list[VersionRecord | RunRecord]] = [
        [versions[node] if node > 0 else runs[-node] for node in path] for path in keys
    ]
    return LineagePaths(source, target, distance, paths, truncated)


def _following(
    graph: GraphReader, source: int, reached: Reached, *, exact: bool
) -> dict[int, list[int]]:
    """Return what follows each node on the shortest ways; a run is its negative key."""
    following: dict[int, list[int]] = {}
    frontier = {source}
    for level in range(reached.versions[source] - 1, -1, -1):
        on_the_way: set[int] = set()
        for each in graph.derivations_from(frontier):
            if reached.versions.get(each.output) == level:
                following.setdefault(each.input, []).append(each.output)
                on_the_way.add(each.output)
        uses = [
            (run, version)
            for run, version in graph.links_at_versions(frontier, LinkKind.INPUT)
            if reached.runs.get(run) == level
        ]
        made = graph.links_at_runs({run for run, _ in uses}, LinkKind.OUTPUT)
        elsewhere = graph.with_derivations({version for _, version in made}) if exact else set()
        for run, version in made:
            if reached.versions.get(version) == level and version not in elsewhere:
                following.setdefault(-run, []).append(version)
                on_the_way.add(version)
        for run, version in uses:
            if -run in following:
                following.setdefault(version, []).append(-run)
        frontier = on_the_way
    return {node: sorted(set(others), key=abs) for node, others in following.items()}


def _ways(source: int, target: int, following: dict[int, list[int]]) -> Iterator[list[int]]:
    """Yield every way; all of them have the same number of steps, so there are no circles."""
    stack: list[tuple[int, ...]] = [(source,)]
    while stack:
        path = stack.pop()
        if path[-1] == target:
            yield list(path)
            continue
        stack.extend((*path, node) for node in reversed(following.get(path[-1], ())))
