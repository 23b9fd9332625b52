"""restic, with its defaults, into a local repository."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Command
from benchmarks.tools.base import Site, Step, Tool, first_line


class Restic(Tool):
    """`backup`, `restore latest`, `check --read-data`."""

    name = "restic"
    label = "restic"

    def version(self) -> str | None:
        line = first_line("restic", "version")
        return line.split()[1] if line else None

    def start_up(self, site: Site) -> list[Command] | None:
        return [self._run(site, "version")]

    def prepare(self, site: Site) -> list[Command]:
        return [self._run(site, "init")]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step in ("first", "again", "second"):
            return [self._run(site, "backup", "data")]
        if step in ("restore", "restore again"):
            return [self._run(site, "restore", "latest", "--target", str(site.target))]
        if step == "verify":
            return [self._run(site, "check", "--read-data")]
        return None

    def restored(self, site: Site) -> Path:
        return site.target / "data"

    def _run(self, site: Site, *arguments: str) -> Command:
        # The repository is of this run and thrown away after it; the password protects nothing.
        environment = site.environment(
            RESTIC_PASSWORD="benchmark", RESTIC_REPOSITORY=str(site.store / "repository")
        )
        return Command(["restic", *arguments], site.root, environment)
