"""From samples to tables and to a list of targets; and both into the documentation."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.data import KINDS, MIB, S3_KINDS, Kind
from benchmarks.lineage_table import LineageResult, lineage_section
from benchmarks.rows import RowsResult, rows_section
from benchmarks.runner import SetResult
from benchmarks.stats import Figures
from benchmarks.tables import table
from benchmarks.targets import Check, checks, s3_checks
from benchmarks.tools import floor_of, tools_of
from benchmarks.tools.base import STEPS
from benchmarks.writers import WritersResult, writers_section

_COLUMNS = ("start", "one file", *STEPS)
_LEAST_FLOOR = 0.005  # a ratio to less says nothing
_HEADINGS = {
    "start": "start-up",
    "one file": "one small file",
    "first": "first version",
    "again": "again, unchanged",
    "second": "second version",
    "restore": "into an empty folder",
    "restore again": "pull again",
    "verify": "verify the store",
    "verify folder": "verify the folder",
}


@dataclass
class Report:
    """Everything one run found."""

    machine: dict[str, str]
    versions: dict[str, str]
    missing: list[str] = field(default_factory=list)
    sets: dict[Kind, SetResult] = field(default_factory=dict)
    writers: list[WritersResult] = field(default_factory=list)
    rows: list[RowsResult] = field(default_factory=list)
    lineage: list[LineageResult] = field(default_factory=list)
    runs: str = ""

    def save(self, path: Path) -> None:
        found: dict[str, Any] = {
            "machine": self.machine,
            "versions": self.versions,
            "missing": self.missing,
            "sets": {kind: result.as_json() for kind, result in self.sets.items()},
            "writers": [asdict(result) for result in self.writers],
            "rows": [asdict(result) for result in self.rows],
            "lineage": [asdict(result) for result in self.lineage],
            "runs": self.runs,
        }
        path.write_text(json.dumps(found, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Report:
        found = json.loads(path.read_text())
        sets = {
            kind: SetResult.from_json(found["sets"][kind])
            for kind in (*KINDS, *S3_KINDS)
            if kind in found["sets"]
        }
        writers = [WritersResult(**result) for result in found.get("writers", [])]
        rows = [RowsResult(**result) for result in found.get("rows", [])]
        lineage = [LineageResult(**result) for result in found.get("lineage", [])]
        return cls(
            machine=found["machine"],
            versions=found["versions"],
            missing=found["missing"],
            sets=sets,
            writers=writers,
            rows=rows,
            lineage=lineage,
            runs=found.get("runs", ""),
        )

    def figures(self) -> dict[Kind, Figures]:
        return {kind: Figures(result) for kind, result in self.sets.items()}

    def sections(self) -> dict[str, str]:
        """Markdown by the name of its markers."""
        figures = self.figures()
        # Sets over the network are measured in runs of their own: what is elsewhere on the page
        # stays what its own run said.
        local = {kind: one for kind, one in figures.items() if kind in KINDS}
        remote = {kind: one for kind, one in figures.items() if kind in S3_KINDS}
        found = {}
        if local:
            found["machine"] = self._machine()
        if remote or self.writers:
            found["s3-machine"] = self._machine()
        found.update({kind: self._set(one) for kind, one in figures.items()})
        if local:
            found["targets"] = _targets(checks(local), reduced=self._reduced())
        if remote:
            found["s3-targets"] = _targets(s3_checks(remote), reduced=self._reduced())
        if self.writers:
            found["writers"] = writers_section(self.writers)
        if self.rows:
            found["rows"] = rows_section(self.rows, self.versions)
        if self.lineage:
            found["lineage"] = lineage_section(self.lineage)
        if self.runs:
            found["runs"] = self.runs
        return found

    def _reduced(self) -> bool:
        return not all(result.dataset.full_size for result in self.sets.values())

    def text(self) -> str:
        return "\n\n".join(self.sections().values())

    def _machine(self) -> str:
        facts = [f"{name}: {value}" for name, value in self.machine.items()]
        missing = (
            [f"Not installed, so not measured: {', '.join(self.missing)}."] if self.missing else []
        )
        return "\n".join([f"- {line}" for line in facts] + [f"\n{line}" for line in missing])

    def _set(self, figures: Figures) -> str:
        dataset = figures.result.dataset
        tools = [name for name in tools_of(dataset.kind) if figures.has(name)]
        repetitions = max((sample.repetition for sample in figures.result.samples), default=0)
        lines = [f"{dataset.title}; second version: {dataset.change}. Repetitions: {repetitions}."]
        if not dataset.full_size:
            lines.append("**Reduced size: for trying the harness, not for judging.**")
        steps = [
            step for step in _COLUMNS if any(figures.all_seconds(name, step) for name in tools)
        ]
        headings = [_HEADINGS[step] for step in steps]
        seconds = [
            [
                self._tool(figures, name),
                *(_cell(figures, name, step) for step in steps),
                _sizes(figures, name),
            ]
            for name in tools
        ]
        floor = tools_of(dataset.kind)[floor_of(dataset.kind)]
        lines.append(f"Seconds: median, smallest–largest, × {floor.label.partition(':')[0]}.")
        lines.append(table(["", *headings, "store after first → second version, MiB"], seconds))
        if dataset.over_s3:
            lines.append("On the wire, as the server counts it: requests; MiB up, MiB down.")
            counted = [step for step in steps if step in STEPS]
            wire = [
                [self._tool(figures, name), *(_wire(figures, name, step) for step in counted)]
                for name in tools
            ]
            lines.append(table(["", *(_HEADINGS[step] for step in counted)], wire))
        memory = [[self._tool(figures, name), *_memory(figures, name, steps)] for name in tools]
        lines.append("Peak memory, MiB: the largest of all repetitions.")
        lines.append(table(["", *headings], memory))
        spent = [_spent(figures, name, _label(figures, name)) for name in tools]
        lines.extend(line for line in spent if line)
        problems = Counter(
            f"{_label(figures, name)}: {one}" for name in tools for one in figures.problems(name)
        )
        if problems:
            listed = [f"- {problem} ({times} times)" for problem, times in problems.items()]
            lines.append("\n".join(["Problems:", "", *listed]))
        return "\n\n".join(lines)

    def _tool(self, figures: Figures, name: str) -> str:
        return f"{_label(figures, name)}<br>{self.versions.get(name, '')}"


def into_page(page: Path, sections: Mapping[str, str]) -> list[str]:
    """Replace what stands between the markers; the names of the sections without any."""
    text = page.read_text()
    absent = []
    for name, section in sections.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        replacement = f"{begin}\n\n{section}\n\n{end}"
        text, count = pattern.subn(lambda _, new=replacement: new, text)  # type: ignore[misc]
        if count == 0:
            absent.append(name)
    page.write_text(text)
    return absent


def _cell(figures: Figures, tool: str, step: str) -> str:
    values = figures.all_seconds(tool, step)
    seconds = figures.seconds(tool, step)
    if seconds is None:
        return ""
    parts = [f"**{seconds:.2f}**"]
    if len(values) > 1:
        parts.append(f"{min(values):.2f}–{max(values):.2f}")
    base = floor_of(figures.result.dataset.kind)
    floor = figures.seconds(base, step)
    if tool != base and floor is not None and floor >= _LEAST_FLOOR:
        parts.append(f"{seconds / floor:.1f}×")
    return "<br>".join(parts)


def _sizes(figures: Figures, tool: str) -> str:
    sizes = [figures.size(tool, step) for step in ("first", "second")]
    return (
        " → ".join("" if size is None else f"{size / MIB:,.0f}" for size in sizes)
        if any(sizes)
        else ""
    )


def _wire(figures: Figures, tool: str, step: str) -> str:
    found = figures.traffic(tool, step)
    if found is None:
        return ""
    return f"{found.requests:,.0f}; {found.received / MIB:,.1f}, {found.sent / MIB:,.1f}"


def _memory(figures: Figures, tool: str, steps: list[str]) -> list[str]:
    peaks = figures.peaks(tool)
    return [f"{peaks[step] / MIB:.0f}" if step in peaks else "" for step in steps]


def _label(figures: Figures, name: str) -> str:
    return tools_of(figures.result.dataset.kind)[name].label


def _spent(figures: Figures, tool: str, label: str) -> str:
    details = figures.details(tool, "first")
    spent = {name: value for name, value in details.items() if name != "process"}
    if not spent:
        return ""
    parts = ", ".join(f"{name} {value:.2f} s" for name, value in spent.items())
    return f"{label}, how the first version's time was spent: {parts}."


def _targets(found: list[Check], *, reduced: bool) -> str:
    if not found:
        return "The product was not measured."
    verdicts = {True: "pass", False: "**FAIL**", None: "?"}
    rows = [[check.what, check.target, check.measured, verdicts[check.passed]] for check in found]
    missed = sum(check.passed is False for check in found)
    open_ = sum(check.passed is None for check in found)
    counts = f"{len(found) - missed - open_} of {len(found)} reached, {missed} missed"
    head = f"{counts}, {open_} not measured." if open_ else f"{counts}."
    if reduced:
        head = f"**Reduced size: says nothing.** {head}"
    return f"{head}\n\n{table(['', 'target', 'measured', ''], rows)}"
