"""`art import-from`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifacts.cli._app import App
from artifacts.cli._command import WRITING, ArtGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifacts.importers.report import Report
    from artifacts.importers.sources import Collected

_EXITS = (10, *WRITING)


@click.group(
    "import-from",
    cls=ArtGroup,
    example="""
        art import-from wandb ./wandb
        art import-from mlflow sqlite:///mlflow.db --project demo
        art import-from dvc . --history --dry-run
    """,
)
def command() -> None:
    """Bring over what W&B, MLflow or DVC has recorded.

    Artifacts, versions, aliases, runs and lineage come with their own times, all of them at once
    or nothing. What an earlier import has brought stays as it is, so that importing twice changes
    nothing. What could not be carried over is listed, with the reason. The source is only read.
    """


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all tools share."""
    move = click.option(
        "--move-aliases",
        is_flag=True,
        help="Move aliases that other versions have, unless they are protected.",
    )
    dry_run = click.option(
        "-n",
        "--dry-run",
        is_flag=True,
        help="Read and verify everything, say what would come over, and enter nothing.",
    )
    return move(dry_run(function))


@command.command(
    "wandb",
    example="""
        art import-from wandb ./wandb
        art import-from wandb wandb/offline-run-20260101_120000-abc --dry-run
    """,
    exits=_EXITS,
)
@click.argument(
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder `wandb`, or the folder of one run in it.",
)
@_options
@click.pass_obj
def wandb(app: App, folder: Path, move_aliases: bool, dry_run: bool) -> None:
    """Bring over runs from the folders that W&B keeps of them.

    Runs come with configuration, summary, rows, alerts and files, and with the artifacts that they
    have logged, as far as the files of these are on this machine: staged, or in the cache of W&B.
    Runs go into the projects of their own, unless --project is given.
    """
    from artifacts.importers import wandb as reader

    _enter(app, reader.collect(folder), move_aliases=move_aliases, dry_run=dry_run)


@command.command(
    "mlflow",
    example="""
        art import-from mlflow sqlite:///mlflow.db
        art import-from mlflow http://localhost:5000 --project demo
    """,
    exits=_EXITS,
)
@click.argument(
    "uri",
    metavar="URI",
    help="A database, a folder `mlruns`, or the address of a server.",
)
@_options
@click.pass_obj
def mlflow(app: App, uri: str, move_aliases: bool, dry_run: bool) -> None:
    """Bring over runs and registered models from an MLflow store.

    Parameters become the configuration, metrics the rows, and every folder of a run's artifacts a
    version of EXPERIMENT-FOLDER. Registered models keep the numbers of their versions and their
    aliases, and lead to the runs that made them. The experiment is the group of its runs.
    """
    from artifacts.importers import mlflow as reader

    with _work() as work:
        collected = reader.collect(uri, work)
        _enter(app, collected, move_aliases=move_aliases, dry_run=dry_run)


@command.command(
    "dvc",
    example="""
        art import-from dvc .
        art import-from dvc ../project --history --project demo
    """,
    exits=_EXITS,
)
@click.argument(
    "repository",
    metavar="REPO",
    type=click.Path(path_type=Path),
    help="The folder that holds `.dvc`.",
)
@click.option(
    "--history",
    is_flag=True,
    help="Also what the commits of all branches and tags have tracked; tags become aliases.",
)
@_options
@click.pass_obj
def dvc(app: App, repository: Path, history: bool, move_aliases: bool, dry_run: bool) -> None:
    """Bring over what a DVC repository tracks.

    Every output is an artifact, and every stage, as it was run last, a run with its command,
    parameters, metrics, inputs and outputs. Files are taken from the cache of DVC, or from remotes
    that are folders or in S3, and verified by their MD5.
    """
    from artifacts.importers import dvc as reader

    with _work() as work:
        collected = reader.collect(repository, work, history=history)
        _enter(app, collected, move_aliases=move_aliases, dry_run=dry_run)


@contextlib.contextmanager
def _work() -> Iterator[Path]:
    """Make a folder for what has to be downloaded, until it is stored."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="artifacts-import-") as work:
        yield Path(work)


def _enter(app: App, collected: Collected, *, move_aliases: bool, dry_run: bool) -> None:
    from artifacts.importers.entering import enter

    out = app.output
    with out.progress("importing") as progress:
        report = enter(
            collected,
            store=app.store,
            entity=app.entity,
            project=app.project,
            move_aliases=move_aliases,
            dry_run=dry_run,
            progress=progress,
        )
    out.result(report.to_json, human=lambda: _show(app, report), quiet=lambda: report.versions)


def _show(app: App, report: Report) -> None:
    from artifacts.cli._text import count, size

    out = app.output
    there = report.existing + report.existing_runs
    done = "would import" if report.dry_run else "imported"
    versions, runs = count(len(report.versions), "version"), count(len(report.runs), "run")
    told = [f"{done} {versions}, {runs} and {count(report.links, 'edge')} of lineage"]
    if there:
        told.append(f"{there:,} {'was' if there == 1 else 'were'} there already")
    if report.new_bytes:
        told.append(size(report.new_bytes))
    out.line("; ".join(told))
    for ref in report.versions:
        out.line(f"  {ref}")
    for ref in report.undeleted:
        out.line(f"  {ref} was deleted here and is back")
    for old, new in report.renumbered:
        out.line(f"  {old} is {new} here")
    for text in report.aliases_kept:
        out.line(f"  alias {text} stays where it is; --move-aliases moves it")
    if report.left_out:
        out.line(f"{count(len(report.left_out), 'thing')} could not be carried over:")
    for what, why in report.left_out:
        out.line(f"  {what}: {why}")
