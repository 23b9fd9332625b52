"""Steps inside a process that is already running: the parent's side.

The child (benchmarks/warm.py) imports everything, does a tiny round trip in another store and only
then takes the time, so that its figures hold no start-up.
"""

from __future__ import annotations

import json
import sys
from typing import Literal

from benchmarks.measure import Command
from benchmarks.tools.base import CHECKOUT, Site, Step, Tool

Subject = Literal["floor", "artifacts"]


class WarmTool(Tool):
    """A tool whose steps `benchmarks.warm` knows."""

    warm = True
    subject: Subject

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        result = site.scratch / "result.json"
        job = {
            "subject": self.subject,
            "step": step,
            "data": str(site.data),
            "store": str(site.store),
            "target": str(site.target),
            "trial": str(site.scratch / f"trial-{step.replace(' ', '-')}"),
            "result": str(result),
        }
        argv = [sys.executable, "-m", "benchmarks.warm", json.dumps(job)]
        return [Command(argv, CHECKOUT, site.environment(), result)]
