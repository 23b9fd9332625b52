"""In what two runs differ: their settings, their results, what they used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from artifacts._history import flatten
from artifacts._metadata import without_private
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts._session import Place
    from artifacts.store.records import LinkRecord, RunRecord

_ABOUT = ("state", "job_type", "group", "tags", "sweep_id", "exit_code", "user", "host")


@dataclass(frozen=True, slots=True)
class RunChange:
    """A value in which two runs differ.

    Attributes:
        key: Its name; a nested one as ``a.b``. Of an input the artifact's name, with its project.
        kind: ``added`` if only the second run has it, ``removed`` if only the first, ``changed``.
        before: What the first run has, None if it has none.
        after: The same of the second.
    """

    key: str
    kind: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RunDiff:
    """In what two runs differ, by key.

    Attributes:
        about: What they say of themselves: state, job type, group, tags, user, host.
        config: Settings.
        summary: Results.
        metadata: What ran where: program, commit, machine, versions.
        inputs: Artifacts that they used; the values are versions.
    """

    about: list[RunChange] = field(default_factory=list)
    config: list[RunChange] = field(default_factory=list)
    summary: list[RunChange] = field(default_factory=list)
    metadata: list[RunChange] = field(default_factory=list)
    inputs: list[RunChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.about, self.config, self.summary, self.metadata, self.inputs))


def diff_runs(place: Place, first: RunRecord, second: RunRecord) -> RunDiff:
    """Return in what the second run differs from the first."""
    links = place.store.catalog.links_of_runs([first.key, second.key], LinkKind.INPUT)
    return RunDiff(
        about=_changes(_about(first), _about(second)),
        config=_changes(
            flatten(without_private(first.config)), flatten(without_private(second.config))
        ),
        summary=_changes(_results(first), _results(second)),
        metadata=_changes(_place(first), _place(second)),
        inputs=_changes(_inputs(links, first), _inputs(links, second)),
    )


def _about(run: RunRecord) -> dict[str, Any]:
    values = {name: getattr(run, name) for name in _ABOUT}
    values["tags"] = sorted(values["tags"])
    return {name: value for name, value in values.items() if value not in (None, [])}


def _results(run: RunRecord) -> dict[str, Any]:
    """Return the summary without the time at which its last row was logged."""
    return {key: value for key, value in flatten(run.summary).items() if key != "_timestamp"}


def _place(run: RunRecord) -> dict[str, Any]:
    """Return what ran where without what no two runs have in common."""
    told = flatten(run.metadata or {})
    return {key: value for key, value in told.items() if key not in {"pid", "started_at"}}


def _inputs(links: Iterable[LinkRecord], run: RunRecord) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for link in links:
        if link.run.key == run.key:
            version = link.version
            found.setdefault(f"{version.project}/{version.name}", []).append(version.version)
    return {name: ", ".join(versions) for name, versions in found.items()}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[RunChange]:
    changes = []
    for key in sorted({*before, *after}):
        if key not in before:
            changes.append(RunChange(key, "added", None, after[key]))
        elif key not in after:
            changes.append(RunChange(key, "removed", before[key], None))
        elif not _is_same(before[key], after[key]):
            changes.append(RunChange(key, "changed", before[key], after[key]))
    return changes


def _is_same(before: Any, after: Any) -> bool:
    # To Python, True equals 1; to whoever set it, it does not.
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)
