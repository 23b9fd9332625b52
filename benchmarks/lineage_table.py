"""What questions about lineage took, as a table; without the product, which is not to be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tables import table

TARGET = 1.0
"""Seconds below which the 95th percentile is to be."""


@dataclass(frozen=True)
class LineageResult:
    """The time of one question, asked of many versions.

    Attributes:
        catalog: The database.
        edges: Size of the graph, as are versions and runs.
        samples: How many versions were asked about.
        median: Seconds.
        p95: Seconds that one in twenty takes longer than.
        largest: The most versions in an answer.
        stolen: Share of the processor time wanted meanwhile that the hypervisor gave to others.
    """

    catalog: str
    edges: int
    versions: int
    runs: int
    samples: int
    question: str
    median: float
    p95: float
    slowest: float
    largest: int
    stolen: float


def lineage_section(results: Sequence[LineageResult]) -> str:
    """Return Markdown: the graph, and a line for each question."""
    first = results[0]
    head = (
        f"The graph has {first.edges:,} edges, {first.versions:,} versions and {first.runs:,} runs;"
        f" {first.samples} versions, chosen by chance. Seconds, one invocation. *Stolen* is the"
        " share of the processor time wanted meanwhile that the hypervisor gave to other machines."
    )
    lines = [
        [
            f"{each.catalog}: {each.question}",
            f"{each.median:.2f}",
            f"{each.p95:.2f}",
            f"{each.slowest:.2f}",
            f"{each.largest:,}",
            f"{each.stolen:.0%}",
            "pass" if each.p95 < TARGET else "**FAIL**",
        ]
        for each in results
    ]
    columns = [
        "",
        "median",
        "p95",
        "slowest",
        "largest answer, versions",
        "stolen",
        f"p95 < {TARGET:.0f} s",
    ]
    return f"{head}\n\n{table(columns, lines)}"
