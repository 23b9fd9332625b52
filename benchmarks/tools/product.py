"""The product, through its Python API in a warm process and as whole commands."""

from __future__ import annotations

import compileall
import sys

from benchmarks.measure import Command
from benchmarks.tools.base import CHECKOUT, Site, Step, Tool, first_line, script
from benchmarks.tools.warm import WarmTool

# The version comes from the distribution; `init` and `Api` prove that it is the real package.
_PROBE = (
    "import artifacts; artifacts.init, artifacts.Api; "
    "from importlib.metadata import version; print(version('artifacts-cas'))"
)


def _version() -> str | None:
    # What users install was compiled by pip; a checkout is compiled here.
    for package in ("artifacts", "cli", "store"):
        compileall.compile_dir(CHECKOUT / package, quiet=1)
    return first_line(sys.executable, "-c", _PROBE)


class ArtifactsApi(WarmTool):
    """`log_artifact`, `download` and `verify` in a warm process."""

    name = "artifacts"
    label = "Artifacts, Python (warm process)"
    subject = "artifacts"

    def version(self) -> str | None:
        return _version()


class ArtCommand(Tool):
    """`art push`, `art pull`, `art check` as whole processes."""

    name = "art"
    label = "Artifacts, `art`"

    def version(self) -> str | None:
        return _version() if script("art") else None

    def start_up(self, site: Site) -> list[Command] | None:
        return [self._art(site, "--help")]

    def prepare(self, site: Site) -> list[Command]:
        return [self._art(site, "--store", str(site.store), "init")]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        store = ("--store", str(site.store))
        if step in ("first", "again", "second"):
            return [self._art(site, *store, "push", str(site.data), "bench/data", "-t", "dataset")]
        if step in ("restore", "restore again"):
            return [self._art(site, *store, "pull", "bench/data:latest", "-o", str(site.target))]
        if step == "verify":
            return [self._art(site, *store, "check", "--read-data")]
        return None

    def _art(self, site: Site, *arguments: str) -> Command:
        return Command([script("art") or "art", *arguments], site.root, site.environment())
