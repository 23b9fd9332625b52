"""What the tools have in common that keep their store in a bucket."""

from __future__ import annotations

from benchmarks.measure import Command
from benchmarks.servers import BUCKET, S3Service
from benchmarks.tools.base import Site, Step, Tool


class S3Tool(Tool):
    """Finds the service through the environment. Who pulls has other caches than who pushed."""

    def program(self) -> str:
        """The command that is run."""
        return self.name

    def s3_environment(self, site: Site, step: Step | None = None) -> dict[str, str]:
        """The environment of a step, with the caches of the machine that does it."""
        return s3_environment(site, step)

    def run(self, site: Site, step: Step | None, *arguments: str) -> Command:
        return Command([self.program(), *arguments], site.root, self.s3_environment(site, step))

    def place(self, site: Site, *names: str) -> str:
        """A URL below the prefix."""
        return "/".join([f"s3://{BUCKET}", site.prefix, *names])


def service_of(site: Site) -> S3Service:
    """The service, which every set of these tools has."""
    assert site.service is not None
    return site.service


def s3_environment(site: Site, step: Step | None) -> dict[str, str]:
    """See `S3Tool.s3_environment`."""
    caches = site.scratch / ("puller" if step in ("restore", "restore again") else "pusher")
    return site.environment(
        **service_of(site).environment,
        XDG_CACHE_HOME=str(caches / "xdg"),
        ART_CACHE_DIR=str(caches / "art"),
        ART_OUTBOX_DIR=str(caches / "outbox"),
    )
