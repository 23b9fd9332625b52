"""Medians and ratios over the repetitions of one set."""

from __future__ import annotations

from statistics import median

from benchmarks.runner import SetResult
from benchmarks.traffic import Traffic


class Figures:
    """Questions about one set's samples. Steps are named as in the samples."""

    def __init__(self, result: SetResult) -> None:
        self.result = result

    def has(self, tool: str) -> bool:
        return any(sample.tool == tool for sample in self.result.samples)

    def all_seconds(self, tool: str, step: str) -> list[float]:
        found = [sample.steps.get(step) for sample in self.result.samples if sample.tool == tool]
        return [measured.seconds for measured in found if measured is not None]

    def seconds(self, tool: str, step: str) -> float | None:
        """The median; nothing when the step was not measured."""
        values = self.all_seconds(tool, step)
        return median(values) if values else None

    def ratio(
        self, above: str, below: str, step: str, *, without_start_up: bool = False
    ) -> float | None:
        """Median divided by median, of the same run."""
        numbers = []
        for tool in (above, below):
            seconds = self.seconds(tool, step)
            if seconds is None:
                return None
            start = (
                self.seconds(tool, "start")
                if without_start_up and not self._timed_inside(tool, step)
                else None
            )
            numbers.append(max(seconds - (start or 0.0), 1e-3))
        return numbers[0] / numbers[1]

    def details(self, tool: str, step: str) -> dict[str, float]:
        """Medians of how a step's time was spent, as far as the tool says."""
        found = [
            s.steps[step].details for s in self.result.samples if s.tool == tool and step in s.steps
        ]
        return {name: median(one[name] for one in found) for name in (found[0] if found else {})}

    def peaks(self, tool: str) -> dict[str, int]:
        """The largest peak of each step, in bytes."""
        found: dict[str, int] = {}
        for sample in self.result.samples:
            if sample.tool == tool:
                for step, measured in sample.steps.items():
                    found[step] = max(found.get(step, 0), measured.peak_bytes)
        return found

    def size(self, tool: str, step: str) -> float | None:
        values = [s.sizes[step] for s in self.result.samples if s.tool == tool and step in s.sizes]
        return median(values) if values else None

    def traffic(self, tool: str, step: str) -> Traffic | None:
        """Medians of what the server counted; nothing where there was none."""
        found = [
            sample.traffic[step]
            for sample in self.result.samples
            if sample.tool == tool and step in sample.traffic
        ]
        if not found:
            return None
        return Traffic(
            median(one.requests for one in found),
            median(one.received for one in found),
            median(one.sent for one in found),
        )

    def problems(self, tool: str) -> list[str]:
        return [
            problem
            for sample in self.result.samples
            if sample.tool == tool
            for problem in sample.problems
        ]

    def _timed_inside(self, tool: str, step: str) -> bool:
        # A child that reports its own seconds has left its start-up out already.
        process = self.details(tool, step).get("process")
        seconds = self.seconds(tool, step)
        return process is not None and seconds is not None and process > seconds * 1.001
