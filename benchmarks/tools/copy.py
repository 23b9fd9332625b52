"""`cp -r`: no versions, no digests; what moving the bytes costs."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.measure import Command
from benchmarks.tools.base import Site, Step, Tool, first_line


class Copy(Tool):
    """A full copy per version."""

    name = "cp"
    label = "`cp -r`"
    durable = False

    def version(self) -> str | None:
        line = first_line("cp", "--version")
        return line.removeprefix("cp (GNU coreutils) ") if line else None

    def start_up(self, site: Site) -> list[Command] | None:
        return [self._run(site, "cp", "--version")]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step == "first":
            return self._copy(site, site.data, site.store / "v1")
        if step == "second":
            return self._copy(site, site.data, site.store / "v2")
        if step == "restore":
            return self._copy(site, site.store / "v2", site.target / "data")
        return None

    def restored(self, site: Site) -> Path:
        return site.target / "data"

    def _copy(self, site: Site, source: Path, target: Path) -> list[Command]:
        copy = self._run(site, "cp", "-r", str(source), str(target))
        if not self.durable:
            return [copy]
        if site.durable_files:
            files = [
                str(target / os.path.relpath(path, source))
                for path in source.rglob("*")
                if path.is_file()
            ]
            return [copy, self._run(site, "sync", *files)]
        # Asking for 20,000 files one by one would measure something nobody does.
        return [copy, self._run(site, "sync", "--file-system", str(target))]

    def _run(self, site: Site, *argv: str) -> Command:
        return Command(argv, site.root, site.environment())


class CopyDurable(Copy):
    """The copy is on disk when it returns, as with every tool that may be trusted with data."""

    name = "cp-fsync"
    label = "`cp -r` and fsync"
    durable = True
