"""The product with its objects in a bucket, and its catalog in an SQLite file."""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks.measure import Command
from benchmarks.tools.base import CHECKOUT, Site, Step, script
from benchmarks.tools.product import ArtCommand
from benchmarks.tools.s3 import S3Tool
from benchmarks.tools.s3_loops import S3Subject, S3WarmTool

_CREATE = (
    "import sys; from artifacts.store.store import Store; "
    "Store.create(sys.argv[1], objects=sys.argv[2]).close()"
)


class S3Artifacts(S3WarmTool):
    """`Artifact.save` and `download` in a warm process."""

    name = "artifacts"
    label = "Artifacts, Python (warm process)"
    subject: S3Subject = "artifacts-s3"

    def version(self) -> str | None:
        return ArtCommand().version()

    def prepare(self, site: Site) -> list[Command]:
        return [_create(self, site)]


class S3ArtifactsBehind(S3Artifacts):
    """`log_artifact` in a run, which returns before anything was sent, and `wait`."""

    name = "artifacts-behind"
    label = "Artifacts, `log_artifact` and `wait` (warm process)"
    subject = "artifacts-s3-behind"

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        return super().commands(step, site) if step in ("first", "second") else None


class S3Art(ArtCommand, S3Tool):
    """`art push` and `art pull` as whole processes."""

    def program(self) -> str:
        return script("art") or "art"

    def start_up(self, site: Site) -> list[Command] | None:
        return [self.run(site, None, "--help")]

    def prepare(self, site: Site) -> list[Command]:
        return [_create(self, site)]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step not in ("first", "second", "restore", "restore again"):
            return None
        commands = super().commands(step, site) or []
        environment = self.s3_environment(site, step)
        return [Command(one.argv, one.cwd, environment) for one in commands]


class S3ArtWithoutCache(S3Art):
    """`art pull --skip-cache`, which like other programs writes what it fetches once."""

    name = "art-skip-cache"
    label = "Artifacts, `art`, `--skip-cache`"

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        commands = super().commands(step, site)
        if commands is None or "restore" not in step:
            return commands
        return [replace(one, argv=[*one.argv, "--skip-cache"]) for one in commands]


def _create(tool: S3Tool, site: Site) -> Command:
    arguments = [str(site.store), tool.place(site, "objects")]
    argv = [sys.executable, "-c", _CREATE, *arguments]
    return Command(argv, CHECKOUT, tool.s3_environment(site))
