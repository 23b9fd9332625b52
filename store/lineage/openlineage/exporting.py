"""A whole graph as events: one for each version that is alone, two or more for each run."""

from __future__ import annotations

import itertools
import json
import secrets
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from artifacts.store.errors import from_os_error
from artifacts.store.lineage.openlineage.datasets import DatasetWriter, Origin
from artifacts.store.lineage.openlineage.events import EventWriter
from artifacts.store.lineage.openlineage.names import Location
from artifacts.store.lineage.walk import walk
from artifacts.store.opening import objects_path
from artifacts.store.records import ACTIVE_STATES, LinkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from artifacts.store.catalog.graph import GraphReader
    from artifacts.store.digests import Digest
    from artifacts.store.lineage.openlineage.datasets import Json
    from artifacts.store.records import LinkRecord, VersionRecord
    from artifacts.store.store import Store

_BATCH = 500


class Part(NamedTuple):
    """What of a graph is written, by keys; edges are, if both ends are."""

    versions: set[int]
    runs: set[int]


def select(store: Store, roots: Collection[int] | None = None) -> Part:
    """Return what some versions are connected with, upwards and downwards.

    Args:
        roots: Keys of versions; None for everything that the store knows.
    """

    def work(graph: GraphReader) -> Part:
        if roots is None:
            return Part(*graph.everything())
        up, down = walk(graph, roots, "up"), walk(graph, roots, "down")
        versions = up.versions.keys() | down.versions.keys()
        # Whoever asks for exact edges has to learn that a version has some.
        versions |= {each.input for each in graph.derivations_of(versions)}
        return Part(versions, up.runs.keys() | down.runs.keys())

    return store.catalog.read_graph(work)


def events(store: Store, part: Part) -> Iterator[Json]:
    """Yield the events of a part of a graph: versions in the order of their keys, then runs."""
    for batch in _batched(part.versions):
        versions = _versions(store, batch)
        writer = writer_for(store, versions.values())
        for key in batch:
            if key in versions:
                yield writer.dataset(versions[key])
    for batch in _batched(part.runs):
        yield from _runs(store, batch, part)


def write_events(store: Store, path: Path, roots: Collection[int] | None = None) -> int:
    """Write events to a file, one a line; return how many.

    Args:
        path: The file, which is replaced when everything is written.
        roots: As for `select`.

    Raises:
        StorageError: The file cannot be written.
    """
    part, count = select(store, roots), 0
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as file:
            for event in events(store, part):
                file.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
                count += 1
        temporary.replace(path)
    except OSError as error:
        raise from_os_error(error, f"write {path}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def writer_for(store: Store, versions: Iterable[VersionRecord]) -> EventWriter:
    """Return what makes events in which these versions are, with all that is known of them."""
    found = list(versions)
    datasets = DatasetWriter(
        store.uuid,
        locations=locations(store, {each.digest for each in found}),
        origins=_origins(store, [each.id for each in found]),
    )
    return EventWriter(store.uuid, datasets)


def links_of(store: Store, runs: Collection[int]) -> dict[int, list[LinkRecord]]:
    """Return all edges at runs, by run, in the order in which they were made."""
    found: dict[int, list[LinkRecord]] = {key: [] for key in runs}
    for kind in LinkKind:
        for link in store.catalog.links_of_runs(runs, kind):
            found[link.run.key].append(link)
    for links in found.values():
        links.sort(key=lambda link: (link.at, link.version.id, link.kind))
    return found


def locations(store: Store, digests: Collection[Digest]) -> dict[Digest, Location]:
    """Return where blobs lie, as far as they are there."""
    place = _place(store)
    return {digest: place(blob.key) for digest, blob in store.catalog.locate(digests).items()}


def _versions(store: Store, keys: Sequence[int]) -> dict[int, VersionRecord]:
    return store.catalog.read_graph(lambda graph: graph.versions(keys))


def _runs(store: Store, keys: Sequence[int], part: Part) -> Iterator[Json]:
    runs = store.catalog.read_graph(lambda graph: graph.runs(keys))
    links = links_of(store, runs.keys())
    shown = {
        key: [link for link in found if link.version.id in part.versions]
        for key, found in links.items()
    }
    versions = {link.version.id: link.version for found in shown.values() for link in found}
    writer = writer_for(store, versions.values())
    for key, run in sorted(runs.items()):
        yield writer.start(run)
        if shown[key] or run.state not in ACTIVE_STATES:
            yield writer.outcome(run, shown[key])


def _origins(store: Store, outputs: Collection[int]) -> dict[int, list[Origin]]:
    records = store.catalog.derivations_of(outputs)
    wanted = {record.run for record in records if record.run is not None}
    runs = store.catalog.read_graph(lambda graph: graph.runs(wanted)) if wanted else {}
    found: dict[int, list[Origin]] = {}
    for record in records:
        run = None if record.run is None else runs[record.run]
        origin = Origin(record.input, record.kind, run, record.at)
        found.setdefault(record.output.id, []).append(origin)
    return found


def _place(store: Store) -> Callable[[str], Location]:
    """Return what names an object by its key."""
    address = store.catalog.objects_url() if store.remote else None
    if address is None:
        root = objects_path(store.staging.parent)
        return lambda key: Location("file", str(root / key))
    parts = urlsplit(address)
    folder = parts.path.strip("/")
    bucket = f"{parts.scheme}://{parts.netloc}"
    return lambda key: Location(bucket, f"{folder}/{key}" if folder else key)


def _batched(keys: Collection[int]) -> Iterator[list[int]]:
    ordered = iter(sorted(keys))
    while batch := list(itertools.islice(ordered, _BATCH)):
        yield batch
