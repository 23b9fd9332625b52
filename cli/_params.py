"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from artifacts.cli import _complete

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def ref_argument(name: str = "ref", **settings: Any) -> Decorator:
    """Return the argument that names a version."""
    settings.setdefault("help", "[PROJECT/]NAME[:ALIAS], :vN or @DIGEST; :latest by default.")
    return click.argument(name, shell_complete=_complete.refs, **settings)


def run_argument(name: str = "run_id", **settings: Any) -> Decorator:
    """Return the argument that names a run."""
    settings.setdefault("help", "As in art run ls.")
    settings.setdefault("metavar", "[PROJECT/]ID")
    return click.argument(name, shell_complete=_complete.runs, **settings)


def sweep_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument that names a sweep."""
    argument = click.argument(
        "sweep_id",
        metavar="[PROJECT/]ID",
        shell_complete=_complete.sweeps,
        help="As in art sweep ls.",
    )
    return argument(command)


def exact_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --exact."""
    option = click.option(
        "--exact",
        is_flag=True,
        help="Connect versions that say of what they were made to nothing else.",
    )
    return option(command)


def include_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --include and --exclude."""
    include = click.option(
        "--include", multiple=True, metavar="PATTERN", help="Only files that match; repeatable."
    )
    exclude = click.option(
        "--exclude", multiple=True, metavar="PATTERN", help="No files that match; repeatable."
    )
    return include(exclude(command))


def comma_separated(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> list[str] | None:
    """Turn ``a,b`` into a list; the callback of an option."""
    if value is None:
        return None
    found = [part.strip() for part in value.split(",")]
    if not all(found):
        raise click.BadParameter("names with commas between them are wanted, such as a,b")
    return list(dict.fromkeys(found))


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Turn ``30d`` or ``1d12h`` into microseconds; the callback of an option."""
    from artifacts.store.retention import parse_duration

    return None if value is None else parse_duration(value)


def removal_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --dry-run and --yes."""
    dry_run = click.option("--dry-run", is_flag=True, help="Show what would be deleted, no more.")
    yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    return dry_run(yes(command))
