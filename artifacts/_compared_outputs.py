"""The outputs of a run beside those of another one that was to make the same."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from artifacts._run_code import CODE_TYPE
from artifacts.store.diff import ManifestDiff, diff_manifests
from artifacts.store.digests import format_digest
from artifacts.store.errors import BlobNotFoundError
from artifacts.store.records import INTERNAL_TYPES, LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store

Status = Literal["identical", "different", "missing", "additional"]


@dataclass(frozen=True, slots=True)
class OutputComparison:
    """An output of the run, and what has come out instead of it.

    Attributes:
        name: ``project/name`` of the artifact.
        status: ``identical`` if the contents are equal, ``different``, ``missing``, or
            ``additional`` if the run did not have it.
        original: The version that the run has logged; None if there is none.
        digest: ``blake3:…`` of what has come out; None if nothing has.
        diff: From the original to what has come out; None if they do not differ, or if the data of
            one are gone.
    """

    name: str
    status: Status
    original: str | None
    digest: str | None
    diff: ManifestDiff | None = None


def compare_outputs(
    store: Store, run_id: str, outputs: Sequence[VersionRecord], other: Store
) -> Iterator[OutputComparison]:
    """Yield each output of a run with what stands for it in another store.

    Versions of one artifact are compared in the order in which they were logged.

    Args:
        store: Where the run is.
        run_id: Its id.
        outputs: What it has logged.
        other: All that runs have logged there is compared.
    """
    wanted: dict[tuple[str, str], list[VersionRecord]] = {}
    for each in outputs:
        wanted.setdefault((each.project, each.name), []).append(each)
    made: dict[tuple[str, str], list[VersionRecord]] = {}
    keys = [run.key for run in other.catalog.list_runs()]
    for link in other.catalog.links_of_runs(keys, LinkKind.OUTPUT):
        version = link.version
        if version.type in INTERNAL_TYPES or version.type == CODE_TYPE:
            continue
        # Names that were made of the id of the run are made of another one now.
        own, here = (f"run-{run}-" for run in (run_id, link.run.id))
        name = version.name
        name = own + name.removeprefix(here) if name.startswith(here) else name
        made.setdefault((version.project, name), []).append(version)
    for place in {**wanted, **made}:
        for before, after in zip_longest(wanted.get(place, ()), made.get(place, ())):
            yield _compare("/".join(place), before, after, store, other)


def _compare(
    name: str,
    before: VersionRecord | None,
    after: VersionRecord | None,
    store: Store,
    other: Store,
) -> OutputComparison:
    original = None if before is None else before.ref
    if after is None:
        return OutputComparison(name, "missing", original, None)
    digest = format_digest(after.digest)
    if before is None:
        return OutputComparison(name, "additional", None, digest)
    if before.digest == after.digest:
        return OutputComparison(name, "identical", original, digest)
    try:
        manifest = store.manifest(before.digest)
    except BlobNotFoundError:  # the original was deleted, and its data were collected
        return OutputComparison(name, "different", original, digest)
    diff = diff_manifests(manifest, other.manifest(after.digest))
    return OutputComparison(name, "different", original, digest, diff)
