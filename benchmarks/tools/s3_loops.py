"""Steps over S3 inside a process that is already running; and the floors that are measured so."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from benchmarks.measure import Command
from benchmarks.tools.base import CHECKOUT, Site, Step, first_line, own_python
from benchmarks.tools.s3 import S3Tool, service_of

S3Subject = Literal["s3fs", "s3fs-packs", "obstore-packs", "artifacts-s3", "artifacts-s3-behind"]
_STEPS: tuple[Step, ...] = ("first", "second", "restore", "restore again")


class S3WarmTool(S3Tool):
    """A tool whose steps `benchmarks.warm` knows."""

    warm = True
    subject: S3Subject

    def python(self) -> str:
        """The interpreter of the child."""
        return sys.executable

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step not in _STEPS:
            return None
        result = site.scratch / "result.json"
        trial = f"trial-{step.replace(' ', '-')}"
        job = {
            "subject": self.subject,
            "step": step,
            "data": str(site.data),
            "store": str(site.store),
            "target": str(site.target),
            "trial": str(site.scratch / trial),
            "result": str(result),
            "remote": self.place(site, "objects"),
            "trial remote": self.place(site, trial),
            "metrics": service_of(site).metrics,
        }
        argv = [self.python(), "-m", "benchmarks.warm", json.dumps(job)]
        return [Command(argv, CHECKOUT, self.s3_environment(site, step), result)]


class S3fs(S3WarmTool):
    """One object per file, with `put` and `get` of s3fs as they are."""

    name = "floor-s3fs"
    label = "s3fs, one object per file (warm process)"
    subject = "s3fs"

    def version(self) -> str | None:
        return _version_of("s3fs", self.python())


class S3fsPacks(S3WarmTool):
    """The floor: few large objects, and nothing around them."""

    name = "floor-packs"
    label = "floor: packs of 16 MiB, s3fs (warm process)"
    subject = "s3fs-packs"

    def version(self) -> str | None:
        return _version_of("s3fs", self.python())


class ObstorePacks(S3WarmTool):
    """The same with a client that is not written in Python."""

    name = "obstore-packs"
    label = "packs of 16 MiB, obstore (warm process)"
    subject = "obstore-packs"

    def python(self) -> str:
        return str(own_python("obstore") or Path("python"))

    def version(self) -> str | None:
        return _version_of("obstore", self.python()) if own_python("obstore") else None


def _version_of(package: str, python: str) -> str | None:
    probe = f"import {package}, blake3; from importlib.metadata import version; "
    found = first_line(python, "-c", f"{probe}print(version('{package}'))")
    return f"{package} {found}" if found else None
