"""Borg with its defaults, without encryption (which none of the others has, but restic)."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Command
from benchmarks.tools.base import ENVIRONMENTS, Site, Step, Tool, first_line, script


class Borg(Tool):
    """`create`, `extract`, `check --verify-data`."""

    name = "borg"
    label = "borg"

    def version(self) -> str | None:
        line = first_line(self._program(), "--version")
        return line.split()[-1] if line else None

    def start_up(self, site: Site) -> list[Command] | None:
        return [self._run(site, site.root, "--version")]

    def prepare(self, site: Site) -> list[Command]:
        return [self._run(site, site.root, "init", "--encryption=none", self._repository(site))]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step in ("first", "again", "second"):
            return [
                self._run(site, site.root, "create", f"{self._repository(site)}::{step}", "data")
            ]
        if step in ("restore", "restore again"):
            return [self._run(site, site.target, "extract", f"{self._repository(site)}::second")]
        if step == "verify":
            return [self._run(site, site.root, "check", "--verify-data", self._repository(site))]
        return None

    def restored(self, site: Site) -> Path:
        return site.target / "data"

    def _repository(self, site: Site) -> str:
        return str(site.store / "repository")

    def _program(self) -> str:
        own = ENVIRONMENTS / "borg" / "bin" / "borg"
        return str(own) if own.exists() else script("borg") or "borg"

    def _run(self, site: Site, cwd: Path, *arguments: str) -> Command:
        environment = site.environment(
            BORG_BASE_DIR=str(site.scratch / "home"),
            BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK="yes",
            BORG_EXIT_CODES="modern",
        )
        return Command([self._program(), *arguments], cwd, environment)
