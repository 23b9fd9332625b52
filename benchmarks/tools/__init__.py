"""The tools that are compared, in the order in which they run within a repetition."""

from __future__ import annotations

from benchmarks.tools.base import Tool
from benchmarks.tools.borg import Borg
from benchmarks.tools.copy import Copy, CopyDurable
from benchmarks.tools.dvc import Dvc, DvcRemote
from benchmarks.tools.product import ArtCommand, ArtifactsApi
from benchmarks.tools.reference import Floor
from benchmarks.tools.restic import Restic
from benchmarks.tools.wandb import Wandb, WandbImmutable


def all_tools() -> dict[str, Tool]:
    """Every adapter by name. The product runs right after the floor it is divided by."""
    tools: list[Tool] = [
        Floor(),
        ArtifactsApi(),
        ArtCommand(),
        Copy(),
        CopyDurable(),
        Restic(),
        Borg(),
        Dvc(),
        DvcRemote(),
        Wandb(),
        WandbImmutable(),
    ]
    return {tool.name: tool for tool in tools}
