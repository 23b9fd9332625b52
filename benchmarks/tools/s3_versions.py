"""restic and DVC with their store in a bucket."""

from __future__ import annotations

from benchmarks.measure import Command
from benchmarks.servers import BUCKET
from benchmarks.tools.base import Site, Step
from benchmarks.tools.dvc import DvcRemote
from benchmarks.tools.restic import Restic
from benchmarks.tools.s3 import S3Tool, s3_environment, service_of


class S3Restic(Restic):
    """`backup` and `restore latest`."""

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        if step not in ("first", "second", "restore", "restore again"):
            return None
        commands = super().commands(step, site) or []
        environment = self._environment(site, step)
        return [Command(one.argv, one.cwd, environment) for one in commands]

    def prepare(self, site: Site) -> list[Command]:
        environment = self._environment(site, None)
        return [Command(one.argv, one.cwd, environment) for one in super().prepare(site)]

    def _environment(self, site: Site, step: Step | None) -> dict[str, str]:
        return {
            **s3_environment(site, step),
            "RESTIC_PASSWORD": "benchmark",
            "RESTIC_REPOSITORY": f"s3:{service_of(site).endpoint}/{BUCKET}/{site.prefix}",
        }


class S3Dvc(DvcRemote, S3Tool):
    """`add` and `push`; `pull` where the cache is empty."""

    name = "dvc"
    label = "DVC, `add`, `push` and `pull`"

    def prepare(self, site: Site) -> list[Command]:
        url = self.place(site, "dvc")
        return [
            *super(DvcRemote, self).prepare(site),
            self._run(site, "remote", "add", "--quiet", "--default", "bucket", url),
            self._run(site, "remote", "modify", "bucket", "endpointurl", service_of(site).endpoint),
        ]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        return None if step == "again" else super().commands(step, site)

    def _run(self, site: Site, *arguments: str) -> Command:
        command = super()._run(site, *arguments)
        service = service_of(site).environment
        return Command(command.argv, command.cwd, {**command.env, **service})
