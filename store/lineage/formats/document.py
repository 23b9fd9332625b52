"""JSON, as ``docs/spec/lineage-v1.md`` describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from artifacts.store.digests import format_digest
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.lineage.graph import Edge, LineageGraph
    from artifacts.store.records import RunRecord, VersionRecord

FORMAT = "artifacts-lineage"
VERSION = 1


def lines(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of the document, in ASCII: a terminal shows it unharmed."""
    yield from json.dumps(document(graph), indent=2, allow_nan=False).splitlines()


def document(graph: LineageGraph) -> dict[str, Any]:
    """Return a graph as a JSON object."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "store": graph.store,
        "root": graph.root,
        "direction": graph.direction,
        "truncated": graph.truncated,
        "cursor": graph.cursor,
        "versions": [_version(graph, node, version) for node, version in graph.versions.items()],
        "runs": [_run(node, run) for node, run in graph.runs.items()],
        "edges": [_edge(edge) for edge in graph.edges],
    }


def _version(graph: LineageGraph, node: str, record: VersionRecord) -> dict[str, Any]:
    return {
        "node": node,
        "depth": graph.depths[node],
        "selected": graph.matches is None or node in graph.matches,
        "recalled": node in graph.recalled,
        "ref": record.ref,
        "entity": record.entity,
        "project": record.project,
        "name": record.name,
        "version": record.version,
        "type": record.type,
        "digest": format_digest(record.digest),
        "size": record.size,
        "file_count": record.file_count,
        "aliases": list(record.aliases),
        "tags": list(record.tags),
        "description": record.description,
        "metadata": record.metadata,
        "created_at": _time(record.created_at),
        "created_by": record.created_by,
        "deleted_at": _time(record.deleted_at),
    }


def _run(node: str, record: RunRecord) -> dict[str, Any]:
    return {
        "node": node,
        "entity": record.entity,
        "project": record.project,
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "group": record.group,
        "job_type": record.job_type,
        "tags": list(record.tags),
        "created_at": _time(record.created_at),
        "finished_at": _time(record.finished_at),
        "deleted_at": _time(record.deleted_at),
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": edge.source,
        "target": edge.target,
        "kind": edge.kind.value,
        "run": edge.run,
    }


def _time(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%fZ}"
