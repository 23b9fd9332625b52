"""DVC with its defaults (reflink, else copy), with and without a local remote."""

from __future__ import annotations

from pathlib import Path

from benchmarks.measure import Command
from benchmarks.tools.base import Site, Step, Tool, first_line, own_python


class Dvc(Tool):
    """`add` and `checkout`. Its repository is the folder around the data, its cache the store."""

    name = "dvc"
    label = "DVC, `add` and `checkout`"

    def version(self) -> str | None:
        python = own_python("dvc")
        return first_line(str(python.parent / "dvc"), "--version") if python else None

    def start_up(self, site: Site) -> list[Command] | None:
        return [self._run(site, "--version")]

    def prepare(self, site: Site) -> list[Command]:
        return [
            self._run(site, "init", "--no-scm", "--quiet"),
            self._run(site, "config", "core.analytics", "false"),
            self._run(site, "config", "core.check_update", "false"),
        ]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step in ("first", "again", "second"):
            return [self._run(site, "add", "--quiet", "data")]
        if step in ("restore", "restore again"):
            return [self._run(site, "checkout", "--quiet", "data.dvc")]
        return None

    def before(self, step: Step, site: Site) -> list[Command]:
        # Moved aside, not deleted: deleting many files would slow down the creation that follows.
        return [self._move(site, "data", "inputs")] if step == "restore" else []

    def expected(self, site: Site) -> Path:
        return site.root / "inputs"

    def restored(self, site: Site) -> Path:
        return site.data

    def stored(self, site: Site) -> list[Path]:
        return [site.root / ".dvc" / "cache"]

    def _move(self, site: Site, source: str, target: str) -> Command:
        return Command(["mv", source, target], site.root, site.environment())

    def _run(self, site: Site, *arguments: str) -> Command:
        python = own_python("dvc")
        program = str(python.parent / "dvc") if python else "dvc"
        home = site.scratch / "home"
        environment = site.environment(
            DVC_NO_ANALYTICS="1",
            DVC_SITE_CACHE_DIR=str(home / "site"),
            DVC_GLOBAL_CONFIG_DIR=str(home / "global"),
            DVC_SYSTEM_CONFIG_DIR=str(home / "system"),
        )
        return Command([program, *arguments], site.root, environment)


class DvcRemote(Dvc):
    """The way a team uses it: `add` and `push`; `pull` where the cache is empty."""

    name = "dvc-remote"
    label = "DVC, with `push` and `pull`"

    def prepare(self, site: Site) -> list[Command]:
        remote = self._run(
            site, "remote", "add", "--quiet", "--default", "local", str(site.store / "remote")
        )
        return [*super().prepare(site), remote]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step in ("first", "again", "second"):
            return [self._run(site, "add", "--quiet", "data"), self._run(site, "push", "--quiet")]
        if step in ("restore", "restore again"):
            return [self._run(site, "pull", "--quiet")]
        return None

    def before(self, step: Step, site: Site) -> list[Command]:
        if step != "restore":
            return []
        return [*super().before(step, site), self._move(site, ".dvc/cache", "old-cache")]

    def stored(self, site: Site) -> list[Path]:
        return [site.root / ".dvc" / "cache", site.store]
