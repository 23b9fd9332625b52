"""W&B offline: `Artifact.add_dir` and `log_artifact`, in the environment that `setup` made."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.measure import Command
from benchmarks.tools.base import Site, Step, Tool, first_line, own_python

SCRIPT = Path(__file__).with_name("wandb_script.py")


class Wandb(Tool):
    """Defaults: MD5, and a staging copy of every file.

    Offline there is nothing to download from, so `restore` is its entry download with every file
    already in its cache, timed without start-up: the best case, better than with a server.
    """

    name = "wandb"
    label = "W&B offline, default"
    immutable = False

    def version(self) -> str | None:
        python = own_python("wandb")
        return (
            first_line(str(python), "-c", "import wandb; print(wandb.__version__)")
            if python
            else None
        )

    def start_up(self, site: Site) -> list[Command] | None:
        return [self._python(site, "-c", "import wandb")]

    def commands(self, step: Step, site: Site) -> list[Command] | None:
        return [self._step(step, site)] if step != "verify" else None

    def before(self, step: Step, site: Site) -> list[Command]:
        return [self._step("fill cache", site)] if step == "restore" else []

    def _step(self, step: str, site: Site) -> Command:
        result = site.scratch / "result.json"
        job = {
            "step": step,
            "data": str(site.data),
            "target": str(site.target),
            "immutable": self.immutable,
            "result": str(result),
        }
        # -P: beside the script lies a wandb.py of ours, which must not win over the package.
        # The bookkeeping of restore (making an artifact to restore from) is not what is measured;
        # for logging, the whole process is, and the script only reports how it was spent.
        return self._python(site, "-P", str(SCRIPT), json.dumps(job), result=result)

    def _python(self, site: Site, *arguments: str, result: Path | None = None) -> Command:
        environment = site.environment(
            WANDB_MODE="offline",
            WANDB_DIR=str(site.store),
            WANDB_DATA_DIR=str(site.store / "data"),
            WANDB_CACHE_DIR=str(site.store / "cache"),
            WANDB_CONFIG_DIR=str(site.scratch / "home" / "wandb"),
            WANDB_SILENT="true",
            WANDB_ERROR_REPORTING="false",
            WANDB_CONSOLE="off",
        )
        return Command(
            [str(own_python("wandb") or "python"), *arguments], site.root, environment, result
        )


class WandbImmutable(Wandb):
    """Its fastest way: XXH128 and no copy, so nothing is kept unless it is uploaded."""

    name = "wandb-immutable"
    label = "W&B offline, XXH128, immutable"
    immutable = True
