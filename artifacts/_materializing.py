"""From a version with references to one that holds the files."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from artifacts import _session
from artifacts.store import checkout, walking
from artifacts.store.records import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from artifacts.artifact import Artifact
    from artifacts.store.manifest import Entry
    from artifacts.store.progress import Progress

MATERIALIZED_FROM = "materialized_from"
"""Key of the metadata under which the origin is noted."""

# What is on its way takes space beside the store.
_ROUND_FILES = 1000
_ROUND_BYTES = 1 << 30


def materialize(
    artifact: Artifact, *, latest: bool = True, progress: Progress | None = None
) -> Artifact:
    """Log a version with the files of another one, all of them stored; see `Artifact`."""
    logged = artifact._stored()
    references = [entry for entry in logged.manifest if entry.reference is not None]
    if not references:
        return artifact
    store, record = logged.place.store, logged.record
    new = artifact.new_draft()
    new.metadata = {**record.metadata, MATERIALIZED_FROM: artifact.qualified_name}
    draft = new._draft_for_logging()
    try:
        for batch in _rounds(references):
            with tempfile.TemporaryDirectory(prefix="artifacts-") as folder:
                checkout.checkout(store, batch, folder, progress=progress)
                files = [
                    walking.source_file(os.path.join(folder, *entry.path.split("/")), entry.path)
                    for entry in batch
                ]
                draft.add_files(files, overwrite=True)
        new.save(latest=latest)
    except BaseException:
        new.discard()
        raise
    active = _session.active()
    if active is not None and active.run is not None and active.has_same_store(logged.place):
        store.catalog.link(active.run, record.id, LinkKind.INPUT)
    return new


def _rounds(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.size
        if len(batch) >= _ROUND_FILES or size >= _ROUND_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
