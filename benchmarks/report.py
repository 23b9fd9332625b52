"""From samples to tables and to a list of targets; and both into the documentation."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.data import KINDS, MIB, Kind
from benchmarks.runner import SetResult
from benchmarks.stats import Figures
from benchmarks.targets import Check, checks
from benchmarks.tools import all_tools
from benchmarks.tools.base import STEPS

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

    def save(self, path: Path) -> None:
        found: dict[str, Any] = {
            "machine": self.machine,
            "versions": self.versions,
            "missing": self.missing,
            "sets": {kind: result.as_json() for kind, result in self.sets.items()},
        }
        path.write_text(json.dumps(found, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Report:
        found = json.loads(path.read_text())
        sets = {
            kind: SetResult.from_json(found["sets"][kind])
            for kind in KINDS
            if kind in found["sets"]
        }
        return cls(found["machine"], found["versions"], found["missing"], sets)

    def figures(self) -> dict[Kind, Figures]:
        return {kind: Figures(result) for kind, result in self.sets.items()}

    def sections(self) -> dict[str, str]:
        """Markdown by the name of its markers."""
        figures = self.figures()
        found = {"machine": self._machine()}
        found.update({kind: self._set(one) for kind, one in figures.items()})
        found["targets"] = _targets(checks(figures), reduced=self._reduced())
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
        tools = [name for name in all_tools() if figures.has(name)]
        repetitions = max((sample.repetition for sample in figures.result.samples), default=0)
        lines = [f"{dataset.title}; second version: {dataset.change}. Repetitions: {repetitions}."]
        if not dataset.full_size:
            lines.append("**Reduced size: for trying the harness, not for judging.**")
        seconds = [
            [self._tool(name), *self._seconds(figures, name), _sizes(figures, name)]
            for name in tools
        ]
        lines.append("Seconds: median, smallest–largest, × floor.")
        lines.append(
            _table(["", *_HEADINGS.values(), "store after first → second version, MiB"], seconds)
        )
        memory = [[self._tool(name), *_memory(figures, name)] for name in tools]
        lines.append("Peak memory, MiB: the largest of all repetitions.")
        lines.append(_table(["", *_HEADINGS.values()], memory))
        spent = [_spent(figures, name, all_tools()[name].label) for name in tools]
        lines.extend(line for line in spent if line)
        problems = Counter(
            f"{all_tools()[name].label}: {one}" for name in tools for one in figures.problems(name)
        )
        if problems:
            listed = [f"- {problem} ({times} times)" for problem, times in problems.items()]
            lines.append("\n".join(["Problems:", "", *listed]))
        return "\n\n".join(lines)

    def _tool(self, name: str) -> str:
        return f"{all_tools()[name].label}<br>{self.versions.get(name, '')}"

    def _seconds(self, figures: Figures, tool: str) -> list[str]:
        return [_cell(figures, tool, step) for step in _COLUMNS]


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
    floor = figures.seconds("floor", step)
    if tool != "floor" and floor is not None and floor >= _LEAST_FLOOR:
        parts.append(f"{seconds / floor:.1f}×")
    return "<br>".join(parts)


def _sizes(figures: Figures, tool: str) -> str:
    sizes = [figures.size(tool, step) for step in ("first", "second")]
    return (
        " → ".join("" if size is None else f"{size / MIB:,.0f}" for size in sizes)
        if any(sizes)
        else ""
    )


def _memory(figures: Figures, tool: str) -> list[str]:
    peaks = figures.peaks(tool)
    return [f"{peaks[step] / MIB:.0f}" if step in peaks else "" for step in _COLUMNS]


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
    return f"{head}\n\n{_table(['', 'target', 'measured', ''], rows)}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
