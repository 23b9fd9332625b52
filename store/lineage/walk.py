"""Walks over the graph of runs and versions: breadth-first, by level, with keys only.

One statement for each step of a level, and a visited set: exact distances, and circles end. (A
run may use v3 of an artifact and log v4, and another the other way round.) The memory for a node
is that of a number in a dict; what is shown of the nodes is loaded by who asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from artifacts.store.catalog.graph import GraphReader

Direction = Literal["up", "down"]


@dataclass(slots=True)
class Reached:
    """What a walk has come to.

    Attributes:
        versions: Distance of each version, in runs or exact edges; by distance, then by key.
        runs: Distance of each run: that of the versions from which it was reached.
        idle: Of a walk down that was to note ends, the runs that lead to nothing.
        unused: Of the same, the versions that no run has used.
        more: Whether there is something beyond the depth.
    """

    versions: dict[int, int]
    runs: dict[int, int] = field(default_factory=dict)
    idle: set[int] = field(default_factory=set)
    unused: set[int] = field(default_factory=set)
    more: bool = False


def opposite(direction: Direction) -> Direction:
    """Return the other direction."""
    return "down" if direction == "up" else "up"


def walk(
    graph: GraphReader,
    roots: Iterable[int],
    direction: Direction,
    *,
    depth: int | None = None,
    exact: bool = False,
    internal: bool | None = None,
    note_ends: bool = False,
    within: Reached | None = None,
    until: Callable[[int, Collection[int]], bool] | None = None,
) -> Reached:
    """Go from versions to all that they were made of, or to all that was made of them.

    Args:
        graph: Where to look.
        roots: Keys of the versions to start at.
        direction: ``up`` to sources, ``down`` to what was made.
        depth: How many runs away to go; None means all the way.
        exact: Connect a version that says of what it was made to nothing else; otherwise every
            input of a run counts as a source of every output of it.
        internal: Whether to go on to versions that merely record a run. By default upwards only:
            every run is recorded, which says nothing of where data went.
        note_ends: Of a walk down, note its ends: what no run has used, and runs without outputs.
        within: Go to nothing that is not in there.
        until: Given each level and the versions in it, says whether that is enough.
    """
    step = _Step(graph, direction, exact=exact, internal=internal, note_ends=note_ends)
    reached = Reached(dict.fromkeys(sorted(roots), 0))
    frontier = list(reached.versions)
    level = 0
    while frontier and not (until is not None and until(level, frontier)):
        if depth is not None and level >= depth:
            reached.more = step.leads_on(frontier, reached)
            break
        runs, versions = step.take(frontier, reached)
        if within is not None:
            runs = {key for key in runs if key in within.runs}
            versions = {key for key in versions if key in within.versions}
        reached.runs.update(dict.fromkeys(runs, level))
        level += 1
        frontier = sorted(versions)
        reached.versions.update(dict.fromkeys(frontier, level))
    return reached


class _Step:
    """From the versions of one level to those of the next."""

    def __init__(
        self,
        graph: GraphReader,
        direction: Direction,
        *,
        exact: bool,
        internal: bool | None,
        note_ends: bool,
    ) -> None:
        self._graph = graph
        self._up = direction == "up"
        self._near = LinkKind.OUTPUT if self._up else LinkKind.INPUT
        self._exact = exact
        self._internal = self._up if internal is None else internal
        self._note_ends = note_ends

    def take(self, frontier: Collection[int], reached: Reached) -> tuple[set[int], set[int]]:
        """Return the runs and the versions that come next and were not reached before."""
        derived = self._derived(frontier)
        if self._note_ends:
            found, used = self._graph.uses_of(frontier)
            reached.unused.update(set(frontier).difference(used))
        else:
            found = self._runs(frontier)
        # Not `-`, which would look at all that was reached before.
        runs = found.difference(reached.runs)
        versions = self._beyond(runs, reached) | derived
        return runs, versions.difference(reached.versions)

    def leads_on(self, frontier: Collection[int], reached: Reached) -> bool:
        """Whether anything comes next that was not reached before."""
        if self._runs(frontier).difference(reached.runs):
            return True
        return bool(self._derived(frontier).difference(reached.versions))

    def _runs(self, frontier: Collection[int]) -> set[int]:
        if self._up and self._exact:
            frontier = set(frontier) - self._graph.with_derivations(frontier)
        return self._graph.runs_of(frontier, self._near)

    def _derived(self, frontier: Collection[int]) -> set[int]:
        if self._up:
            return {each.input for each in self._graph.derivations_of(frontier)}
        return {each.output for each in self._graph.derivations_from(frontier)}

    def _beyond(self, runs: set[int], reached: Reached) -> set[int]:
        """Return the versions on the other side of runs; note which have none, if that is asked."""
        if self._up:
            return self._graph.inputs_of(runs, internal=self._internal)
        makers, made = self._graph.outputs_of(runs, internal=self._internal)
        if self._exact:
            elsewhere = self._graph.with_derivations(set(made))
            makers = [
                maker for maker, each in zip(makers, made, strict=True) if each not in elsewhere
            ]
            made = [each for each in made if each not in elsewhere]
        if self._note_ends:
            reached.idle |= runs.difference(makers)
        return set(made)
