"""PROV-JSON of the W3C: versions are entities, runs are activities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from artifacts.store.digests import format_digest
from artifacts.store.lineage.graph import EdgeKind
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.lineage.graph import Edge, LineageGraph
    from artifacts.store.records import RunRecord, VersionRecord

    Json = dict[str, Any]

_VOCABULARY = "urn:artifacts:prov:"


def lines(graph: LineageGraph) -> Iterator[str]:
    """Yield the lines of the document, in ASCII."""
    yield from json.dumps(document(graph), indent=2, allow_nan=False).splitlines()


def document(graph: LineageGraph) -> Json:
    """Return a graph as a PROV-JSON object.

    Names begin with ``store:``, which stands for the address of the store, so that documents of
    several stores can be put together. Edges to nodes of other pages of an answer are kept: PROV
    allows for them.
    """
    people = sorted({each.created_by for each in graph.versions.values() if each.created_by})
    agents = {person: f"store:agent-{number}" for number, person in enumerate(people, 1)}
    found: Json = {
        "prefix": {"store": f"art://{graph.store}/", "artifacts": _VOCABULARY},
        "entity": {_name(node): _entity(version) for node, version in graph.versions.items()},
        "activity": {_name(node): _activity(run) for node, run in graph.runs.items()},
        "agent": {
            agents[person]: {"prov:label": person, "prov:type": _type("prov:Person")}
            for person in people
        },
    }
    for number, edge in enumerate(graph.edges, 1):
        relation, members = _relation(edge)
        found.setdefault(relation, {})[f"_:edge{number}"] = members
    attributed = {
        f"_:made{number}": {"prov:entity": _name(node), "prov:agent": agents[version.created_by]}
        for number, (node, version) in enumerate(graph.versions.items(), 1)
        if version.created_by
    }
    found["wasAttributedTo"] = attributed
    return {member: value for member, value in found.items() if value}


def _entity(version: VersionRecord) -> Json:
    return _known(
        {
            "prov:label": version.ref,
            "prov:type": version.type,
            "artifacts:digest": format_digest(version.digest),
            "artifacts:size": version.size,
            "artifacts:alias": list(version.aliases),
            "artifacts:tag": list(version.tags),
            "artifacts:createdAt": _time(version.created_at),
            "artifacts:deletedAt": _time(version.deleted_at),
        }
    )


def _activity(run: RunRecord) -> Json:
    started, ended = _text(run.created_at), _text(run.finished_at)
    return _known(
        {
            "prov:startTime": started,
            "prov:endTime": ended,
            "prov:label": f"{run.project}/{run.id}",
            "prov:type": run.job_type,
            "artifacts:name": run.name,
            "artifacts:state": run.state,
        }
    )


def _relation(edge: Edge) -> tuple[str, Json]:
    source, target = _name(edge.source), _name(edge.target)
    if edge.kind is EdgeKind.INPUT:
        return "used", {"prov:activity": target, "prov:entity": source}
    if edge.kind is EdgeKind.OUTPUT:
        return "wasGeneratedBy", {"prov:entity": target, "prov:activity": source}
    derived = {"prov:generatedEntity": target, "prov:usedEntity": source}
    if edge.run is not None:
        derived["prov:activity"] = _name(edge.run)
    return "wasDerivedFrom", derived


def _known(members: Json) -> Json:
    """Leave out what is not known; an empty list would say nothing."""
    return {name: value for name, value in members.items() if value not in (None, [])}


def _name(node: str) -> str:
    return f"store:{node.replace(':', '-')}"


def _type(name: str) -> Json:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _time(microseconds: int | None) -> Json | None:
    text = _text(microseconds)
    return None if text is None else {"$": text, "type": "xsd:dateTime"}


def _text(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%fZ}"
