"""What is affected when a version turns out to be wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError
from artifacts.store.lineage.walk import walk
from artifacts.store.records import ACTIVE_STATES

if TYPE_CHECKING:
    from collections.abc import Collection

    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.lineage.walk import Reached
    from artifacts.store.records import (
        ConsumerRecord,
        RecallRecord,
        RunRecord,
        VersionRecord,
    )
    from artifacts.store.store import Store

DEFAULT_LIMIT = 1_000
_MODEL = "model"


@dataclass(frozen=True, slots=True)
class Impact:
    """What was made of a version, and what works with that. Lists begin with what is nearest.

    Attributes:
        version: The one that was asked about.
        recall: In force for it, or None.
        by_type: How many affected versions there are of each type.
        run_count: How many runs have used the version, or something made of it.
        model_count: How many affected versions are of type ``model``.
        models: These, up to the limit.
        leaf_count: How many affected versions are ends: no run that has made something used them.
        leaves: These, up to the limit.
        consumers: What works right now with the version or an affected one, by kind and name.
        running: Runs that are at work with it right now, oldest first.
        truncated: Whether the limit has cut one of the lists; the counts are complete.
    """

    version: VersionRecord
    recall: RecallRecord | None
    by_type: dict[str, int]
    run_count: int
    model_count: int
    models: list[VersionRecord]
    leaf_count: int
    leaves: list[VersionRecord]
    consumers: list[ConsumerRecord]
    running: list[RunRecord]
    truncated: bool

    @property
    def version_count(self) -> int:
        """How many versions are affected, the one that was asked about not counted."""
        return sum(self.by_type.values())


def impact(
    store: Store,
    version: VersionRecord,
    *,
    limit: int = DEFAULT_LIMIT,
    exact: bool = False,
) -> Impact:
    """Find everything that was made of a version, directly or by many steps.

    Args:
        store: Where the version is.
        version: The one that is wrong.
        limit: At most so many versions in each list.
        exact: As for `lineage`.

    Raises:
        InvalidInputError: The limit is below 1.
    """
    if limit < 1:
        raise InvalidInputError(f"limit must be at least 1, not {limit}")
    return store.catalog.read_graph(lambda graph: _impact(graph, version, limit, exact=exact))


def _impact(graph: GraphReader, version: VersionRecord, limit: int, *, exact: bool) -> Impact:
    reached = walk(graph, [version.id], "down", exact=exact, note_ends=True)
    affected = set(reached.versions) - {version.id}
    types = graph.types_of(affected)
    models = _nearest(reached, {key for key, type_ in types.items() if type_ == _MODEL})
    leaves = _nearest(reached, _leaves(graph, reached, affected))
    loaded = graph.versions({*models[:limit], *leaves[:limit]})
    running = graph.runs(graph.running() & reached.runs.keys())
    return Impact(
        version=version,
        recall=graph.recalls().get(version.id),
        by_type=dict(sorted(Counter(types.values()).items())),
        run_count=len(reached.runs),
        model_count=len(models),
        models=[loaded[key] for key in models[:limit]],
        leaf_count=len(leaves),
        leaves=[loaded[key] for key in leaves[:limit]],
        consumers=[each for each in graph.consumers() if each.version.id in reached.versions],
        running=[run for _, run in sorted(running.items()) if run.state in ACTIVE_STATES],
        truncated=max(len(models), len(leaves)) > limit,
    )


def _leaves(graph: GraphReader, reached: Reached, affected: set[int]) -> set[int]:
    unused = (reached.unused | graph.unused_but_by(reached.idle)) & affected
    return unused - {each.input for each in graph.derivations_from(unused)}


def _nearest(reached: Reached, keys: Collection[int]) -> list[int]:
    return [key for key in reached.versions if key in keys]
