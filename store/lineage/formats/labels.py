"""What the drawn formats write into a node, before they escape it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifacts.store.lineage.graph import LineageGraph
    from artifacts.store.records import RunRecord, VersionRecord

# What controls a terminal, separates lines or turns the direction of writing.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def node_ids(graph: LineageGraph) -> dict[str, str]:
    """Return a name of letters and digits for each node that has a label or an edge."""
    connected = {end for edge in graph.edges for end in (edge.source, edge.target)}
    names = {node: f"v{node.partition(':')[2]}" for node in graph.versions}
    names |= {node: f"r{node.partition(':')[2]}" for node in graph.runs if node in connected}
    # Of an earlier page of the answer.
    for node in sorted(connected - names.keys()):
        kind, _, key = node.partition(":")
        names[node] = f"{kind[0]}{key}"
    return names


def version_label(record: VersionRecord, *, recalled: bool) -> list[str]:
    """Return the lines in a version's node."""
    lines = [f"{record.project}/{record.name}:{record.version}", record.type]
    if record.aliases:
        lines.append(", ".join(record.aliases))
    lines += ["recalled"] if recalled else []
    lines += ["deleted"] if record.deleted_at is not None else []
    return [plain(line) for line in lines]


def run_label(record: RunRecord) -> list[str]:
    """Return the lines in a run's node."""
    lines = [f"run {record.id}", record.name]
    if record.job_type:
        lines.append(record.job_type)
    if record.state != "finished":
        lines.append(record.state)
    return [plain(line) for line in lines]


def plain(text: str) -> str:
    r"""Return text with control characters made visible, as in ``\x1b``."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
