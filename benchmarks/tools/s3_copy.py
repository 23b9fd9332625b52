"""Programs that copy a folder to a bucket and back: no versions, no digests of their own."""

from __future__ import annotations

from abc import abstractmethod

from benchmarks.measure import Command
from benchmarks.servers import BUCKET
from benchmarks.tools.base import Site, Step, first_line, own_python, script
from benchmarks.tools.s3 import S3Tool, service_of


class S3Copy(S3Tool):
    """Copies everything at first, and afterwards what differs in size or time."""

    @abstractmethod
    def copy(self, site: Site, step: Step, source: str, target: str) -> Command: ...

    @abstractmethod
    def sync(self, site: Site, step: Step, source: str, target: str) -> Command: ...

    @property
    @abstractmethod
    def version_argument(self) -> str: ...

    def version(self) -> str | None:
        return first_line(self.program(), self.version_argument)

    def start_up(self, site: Site) -> list[Command] | None:
        return [self.run(site, None, self.version_argument)]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        here, there, back = str(site.data), self.place(site, "data"), str(site.target)
        if step == "first":
            return [self.copy(site, step, here, there)]
        if step == "second":
            return [self.sync(site, step, here, there)]
        if step == "restore":
            return [self.copy(site, step, there, back)]
        if step == "restore again":
            return [self.sync(site, step, there, back)]
        return None


class S5cmd(S3Copy):
    """The quickest of the programs that only copy."""

    name = "s5cmd"
    label = "s5cmd, `cp` and `sync`"
    version_argument = "version"

    def program(self) -> str:
        python = own_python("s5cmd")
        return str(python.parent / "s5cmd") if python else script("s5cmd") or "s5cmd"

    def s3_environment(self, site: Site, step: Step | None = None) -> dict[str, str]:
        return {
            **super().s3_environment(site, step),
            "S3_ENDPOINT_URL": service_of(site).endpoint,
        }

    def copy(self, site: Site, step: Step, source: str, target: str) -> Command:
        return self._run(site, step, "cp", source, target)

    def sync(self, site: Site, step: Step, source: str, target: str) -> Command:
        return self._run(site, step, "sync", source, target, "--delete")

    def _run(
        self, site: Site, step: Step, verb: str, source: str, target: str, *options: str
    ) -> Command:
        source += "/*" if source.startswith("s3://") else "/"
        return self.run(site, step, "--log", "error", verb, *options, source, f"{target}/")


class Aws(S3Copy):
    """The command line of AWS."""

    name = "aws"
    label = "`aws s3 cp` and `sync`"
    version_argument = "--version"

    def program(self) -> str:
        python = own_python("aws")
        return str(python.parent / "aws") if python else "aws"

    def version(self) -> str | None:
        line = super().version() if own_python("aws") else None
        return line.split()[0] if line else None

    def copy(self, site: Site, step: Step, source: str, target: str) -> Command:
        return self.run(site, step, "s3", "cp", "--recursive", "--quiet", source, target)

    def sync(self, site: Site, step: Step, source: str, target: str) -> Command:
        return self.run(site, step, "s3", "sync", "--delete", "--quiet", source, target)


class Rclone(S3Copy):
    """rclone with its defaults, four transfers at a time."""

    name = "rclone"
    label = "rclone, `copy` and `sync`"
    version_argument = "version"

    def s3_environment(self, site: Site, step: Step | None = None) -> dict[str, str]:
        return {
            **super().s3_environment(site, step),
            "RCLONE_CONFIG": str(site.scratch / "rclone.conf"),
            "RCLONE_CONFIG_BENCH_TYPE": "s3",
            "RCLONE_CONFIG_BENCH_PROVIDER": "Other",
            "RCLONE_CONFIG_BENCH_ENV_AUTH": "true",
            "RCLONE_CONFIG_BENCH_REGION": "us-east-1",
            "RCLONE_CONFIG_BENCH_ENDPOINT": service_of(site).endpoint,
        }

    def place(self, site: Site, *names: str) -> str:
        return f"bench:{BUCKET}/{'/'.join([site.prefix, *names])}"

    def copy(self, site: Site, step: Step, source: str, target: str) -> Command:
        return self.run(site, step, "copy", source, target)

    def sync(self, site: Site, step: Step, source: str, target: str) -> Command:
        return self.run(site, step, "sync", source, target)
