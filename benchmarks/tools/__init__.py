"""The tools that are compared, in the order in which they run within a repetition."""

from __future__ import annotations

from benchmarks.data import S3_KINDS, Kind
from benchmarks.tools.base import Tool
from benchmarks.tools.borg import Borg
from benchmarks.tools.copy import Copy, CopyDurable
from benchmarks.tools.dvc import Dvc, DvcRemote
from benchmarks.tools.product import ArtCommand, ArtifactsApi
from benchmarks.tools.reference import Floor
from benchmarks.tools.restic import Restic
from benchmarks.tools.s3_copy import Aws, Rclone, S5cmd
from benchmarks.tools.s3_loops import ObstorePacks, S3fs, S3fsPacks
from benchmarks.tools.s3_product import (
    S3Art,
    S3Artifacts,
    S3ArtifactsBehind,
    S3ArtWithoutCache,
)
from benchmarks.tools.s3_versions import S3Dvc, S3Restic
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


def s3_tools() -> dict[str, Tool]:
    """Every adapter for a store in a bucket, by name."""
    tools: list[Tool] = [
        S3fsPacks(),
        S3Artifacts(),
        S3ArtifactsBehind(),
        S3Art(),
        S3ArtWithoutCache(),
        ObstorePacks(),
        S3fs(),
        S5cmd(),
        Aws(),
        Rclone(),
        S3Restic(),
        S3Dvc(),
    ]
    return {tool.name: tool for tool in tools}


def tools_of(kind: Kind) -> dict[str, Tool]:
    """The adapters for one set of inputs."""
    return s3_tools() if kind in S3_KINDS else all_tools()


def floor_of(kind: Kind) -> str:
    """The tool by whose seconds those of the others are divided."""
    return "floor-packs" if kind in S3_KINDS else "floor"
