"""Whether a version should be made again: what has happened since to what it was made of.

A version may have been logged by several runs. It is judged by the newest of them that has used
anything: whoever makes the same content again, of new data, has shown that it is up to date.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.catalog.graph import Use
from artifacts.store.errors import InvalidInputError
from artifacts.store.lineage.condition import examine
from artifacts.store.references import ReferenceState, check_references
from artifacts.store.refs import LATEST, Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.lineage.condition import Condition
    from artifacts.store.records import RecallRecord, RunRecord, VersionRecord
    from artifacts.store.store import Store

_NAMED = 3


class StaleKind(StrEnum):
    """What has happened."""

    NEWER_INPUT = "newer_input"
    """An input has a newer version of other content."""
    NEWER_ANCESTOR = "newer_ancestor"
    """What an input was made of has one."""
    ALIAS_MOVED = "alias_moved"
    """The alias by which a run found a version leads to other content now."""
    RECALLED = "recalled"
    """Somebody has said that the version, or one it was made of, is bad."""
    DATA_MISSING = "data_missing"
    """Files of the version or of an input are not in the store (any more)."""
    DATA_DAMAGED = "data_damaged"
    """Files of the version or of an input are not what they were."""
    REFERENCE_CHANGED = "reference_changed"
    """Files to which the version or an input refers are gone, or not what they were."""
    REFERENCE_UNREACHABLE = "reference_unreachable"
    """Nobody can be asked about files to which the version or an input refers."""


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    """Good to know: the run had asked for just that version."""
    WARNING = "warning"
    """The version is stale."""
    ERROR = "error"
    """The version is built on something that is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that has happened.

    Attributes:
        version: To what: the version that was asked about, or one it was made of.
        depth: How many runs away that is.
        detail: In words.
        newer: What is there instead, or None.
        run: The run that had used it, or None.
        ref_text: How that run had named it.
        alias: The alias that has moved, or by which it was found.
    """

    kind: StaleKind
    severity: Severity
    version: VersionRecord
    depth: int
    detail: str
    newer: VersionRecord | None = None
    run: RunRecord | None = None
    ref_text: str | None = None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Staleness:
    """What has happened since a version was made; true if it is stale.

    Attributes:
        findings: The worst first, then the nearest.
        ancestors: How many versions it was made of.
    """

    version: VersionRecord
    findings: list[Finding]
    ancestors: int

    @property
    def is_stale(self) -> bool:
        """Whether something has happened that is more than good to know."""
        return any(each.severity is not Severity.INFO for each in self.findings)

    def __bool__(self) -> bool:
        return self.is_stale


def stale(
    store: Store,
    version: VersionRecord,
    *,
    exact: bool = False,
    verify: bool = False,
    references: bool = False,
    depth: int | None = None,
) -> Staleness:
    """Look at everything that a version was made of.

    Whether data are there is looked up for the version and its direct inputs.

    Args:
        store: Where the version is.
        version: The one to judge.
        exact: As for `lineage`.
        verify: Read the data of the version and its inputs; otherwise only ask whether they are
            there.
        references: Ask for the files to which these refer.
        depth: How many runs away to look; None means all the way.

    Raises:
        InvalidInputError: The depth is negative.
    """
    if depth is not None and depth < 0:
        raise InvalidInputError(f"depth must not be negative: {depth}")

    def work(graph: GraphReader) -> tuple[list[Finding], list[tuple[VersionRecord, int]], int]:
        ancestry = _Ancestry(graph, version.id, depth, exact=exact)
        found = list(_findings(graph, ancestry))
        near = {key for key, level in ancestry.depths.items() if level <= 1}
        records = graph.versions(near)
        to_examine = [(records[key], ancestry.depths[key]) for key in sorted(near)]
        return found, to_examine, len(ancestry.depths) - 1

    findings, near, ancestors = store.catalog.read_graph(work)
    for record, level in near:
        if record.deleted_at is None:
            condition = examine(store, record, verify=verify)
            findings += _about_data(record, level, condition)
            if references:
                findings += _about_references(record, level, condition)
    severities = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    kinds = list(StaleKind)
    findings.sort(
        key=lambda each: (
            severities.index(each.severity),
            each.depth,
            kinds.index(each.kind),
            each.version.id,
        )
    )
    return Staleness(version, findings, ancestors)


class _Ancestry:
    """What a version was made of, by the newest runs, and how these have named it.

    Attributes:
        depths: Distance of each version, in runs.
        uses: How each version was used on the way; several runs may have. A version of which the
            next one of its artifact was made is none of them: that it has a successor was meant.
    """

    def __init__(self, graph: GraphReader, root: int, depth: int | None, *, exact: bool) -> None:
        self._graph = graph
        self._exact = exact
        self.depths = {root: 0}
        self.uses: dict[int, list[Use]] = defaultdict(list)
        frontier = [root]
        level = 0
        while frontier and (depth is None or level < depth):
            level += 1
            inputs = list(self._inputs(frontier))
            following = {use.version for _, use in inputs}
            artifact = graph.artifacts_of({*frontier, *following})
            for output, use in inputs:
                if artifact[output] != artifact[use.version]:
                    self.uses[use.version].append(use)
            frontier = sorted(following - self.depths.keys())
            self.depths.update(dict.fromkeys(frontier, level))

    def _inputs(self, frontier: list[int]) -> Iterator[tuple[int, Use]]:
        """Yield versions with how what they were made of was used."""
        producers = self._graph.producers(frontier)
        by_run: dict[int, list[Use]] = defaultdict(list)
        for use in self._graph.uses({run for runs in producers.values() for run in runs}):
            by_run[use.run].append(use)
        derived: dict[int, list[Use]] = defaultdict(list)
        for each in self._graph.derivations_of(frontier):
            # No link: nobody has named it by an alias.
            derived[each.output].append(Use(0, each.run or 0, each.input, None, None))
        for version in frontier:
            named: list[Use] = []
            for run in reversed(producers.get(version, ())):
                named = [use for use in by_run[run] if use.version != version]
                if named:
                    break
            declared = derived[version]
            if declared and self._exact:
                wanted = {use.version for use in declared}
                named = [use for use in named if use.version in wanted]
            known = {use.version for use in named}
            named += [use for use in declared if use.version not in known]
            yield from ((version, use) for use in named)


class _Newer(NamedTuple):
    before: VersionRecord
    after: VersionRecord


def _findings(graph: GraphReader, ancestry: _Ancestry) -> Iterator[Finding]:
    newer = _newer(graph, ancestry)
    runs = _RunsOf(graph, ancestry)
    yield from _recalled(graph, ancestry)
    yield from _broken(graph, ancestry)
    for key, (before, after) in newer.items():
        use = max(ancestry.uses[key], key=lambda each: (_by_alias(each), each.link))
        depth = ancestry.depths[key]
        yield Finding(
            StaleKind.NEWER_INPUT if depth == 1 else StaleKind.NEWER_ANCESTOR,
            Severity.WARNING if _by_alias(use) else Severity.INFO,
            before,
            depth,
            f"{after.ref} was logged since",
            newer=after,
            run=runs.of(use),
            ref_text=use.ref_text,
            alias=use.alias,
        )
    yield from _moved(graph, ancestry, newer, runs)


def _newer(graph: GraphReader, ancestry: _Ancestry) -> dict[int, _Newer]:
    """Return the ancestors of whose artifact other content was logged later."""
    ancestors = ancestry.uses.keys()
    newest = graph.newest_siblings(ancestors)
    pairs = {key: other for key, other in newest.items() if key != other}
    records = graph.versions({*pairs, *pairs.values()})
    found = {}
    for key, other in sorted(pairs.items()):
        before, after = records[key], records[other]
        later = (after.logged_at, after.number) > (before.logged_at, before.number)
        if later and after.digest != before.digest:
            found[key] = _Newer(before, after)
    return found


def _moved(
    graph: GraphReader, ancestry: _Ancestry, newer: dict[int, _Newer], runs: _RunsOf
) -> Iterator[Finding]:
    """Yield what became of the aliases by which versions were found."""
    uses = {
        (use.version, use.alias): use
        for found in ancestry.uses.values()
        for use in found
        if use.alias is not None
    }
    states = graph.alias_states(uses)
    moved = {at: state for at, state in states.items() if state.version != at[0]}
    holders = {state.version for state in moved.values() if state.version is not None}
    records = graph.versions({key for key, _ in moved} | holders)
    for (key, alias), state in moved.items():
        before, now = records[key], records.get(state.version or 0)
        if now is not None and now.digest == before.digest:
            continue
        if alias == LATEST and key in newer and now == newer[key].after:
            continue  # said already: that is what a newer version means
        by = f", moved by {state.by}" if state.by else ""
        where = f"leads to {now.ref} now" if now is not None else "is gone"
        use = uses[key, alias]
        yield Finding(
            StaleKind.ALIAS_MOVED,
            Severity.WARNING,
            before,
            ancestry.depths[key],
            f"the alias {alias!r} {where}{by}",
            newer=now,
            run=runs.of(use),
            ref_text=use.ref_text,
            alias=alias,
        )


def _recalled(graph: GraphReader, ancestry: _Ancestry) -> Iterator[Finding]:
    recalls = graph.recalls()
    for key in sorted(recalls.keys() & ancestry.depths.keys()):
        recall: RecallRecord = recalls[key]
        by = f"by {recall.by}: " if recall.by else ""
        yield Finding(
            StaleKind.RECALLED,
            Severity.ERROR,
            recall.version,
            ancestry.depths[key],
            f"{by}{recall.reason}",
        )


def _broken(graph: GraphReader, ancestry: _Ancestry) -> Iterator[Finding]:
    """Yield the versions farther away that a check has found to have lost data."""
    far = [key for key, depth in ancestry.depths.items() if depth > 1]
    for key, record in sorted(graph.versions(graph.broken(far)).items()):
        yield Finding(
            StaleKind.DATA_MISSING,
            Severity.ERROR,
            record,
            ancestry.depths[key],
            str(record.broken),
        )


class _RunsOf:
    """The runs behind uses, loaded as they are asked for."""

    def __init__(self, graph: GraphReader, ancestry: _Ancestry) -> None:
        self._graph = graph
        self._ancestry = ancestry
        self._known: dict[int, RunRecord] = {}

    def of(self, use: Use) -> RunRecord | None:
        """Return the run, None for an exact edge that no run has made."""
        if use.run and use.run not in self._known:
            self._known.update(self._graph.runs([use.run]))
        return self._known.get(use.run)


def _by_alias(use: Use) -> bool:
    """Whether a use would get another version today."""
    if use.alias is not None:
        return True
    if use.ref_text is None:
        return False
    ref = Ref.parse(use.ref_text)
    return ref.name is not None and ref.digest is None and ref.number is None


def _about_data(version: VersionRecord, depth: int, condition: Condition) -> Iterator[Finding]:
    if condition.unreadable is not None:
        yield Finding(StaleKind.DATA_DAMAGED, Severity.ERROR, version, depth, condition.unreadable)
    for kind, paths, what in (
        (StaleKind.DATA_MISSING, condition.missing, "missing from the store"),
        (StaleKind.DATA_DAMAGED, condition.damaged, "damaged"),
    ):
        if paths:
            yield Finding(kind, Severity.ERROR, version, depth, f"{_files(paths)} {what}")


def _about_references(
    version: VersionRecord, depth: int, condition: Condition
) -> Iterator[Finding]:
    states: dict[ReferenceState, list[str]] = defaultdict(list)
    for checked in check_references(condition.references):
        states[checked.state].append(checked.entry.path)
    for state, kind, what in (
        (ReferenceState.CHANGED, StaleKind.REFERENCE_CHANGED, "not what they were"),
        (ReferenceState.MISSING, StaleKind.REFERENCE_CHANGED, "gone"),
        (ReferenceState.UNREACHABLE, StaleKind.REFERENCE_UNREACHABLE, "out of reach"),
    ):
        if states[state]:
            detail = f"references to {_files(states[state])}: {what}"
            yield Finding(kind, Severity.ERROR, version, depth, detail)


def _files(paths: Iterable[str]) -> str:
    named = list(paths)
    text = ", ".join(named[:_NAMED]) + ", …" * (len(named) > _NAMED)
    return f"{len(named):,} file{'s' * (len(named) != 1)} ({text})"
