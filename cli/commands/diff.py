"""`art diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.diff import ManifestDiff
    from artifacts.store.records import VersionRecord

_COLORS = {"+": "green", "-": "red", "M": "yellow", "R": "cyan"}


@click.command(
    "diff",
    cls=Art,
    example="""
        art diff corpus:v2 corpus:v3
        art diff corpus:prod corpus --stat
    """,
    exits=READING,
)
@ref_argument("before", help="The older version, as NAME[:ALIAS].")
@ref_argument("after", help="The newer version.")
@click.option("--stat", is_flag=True, help="Only how much has changed.")
@click.option("--name-only", is_flag=True, help="Only the paths of what has changed.")
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if there are differences.")
@click.pass_context
def command(
    ctx: click.Context, before: str, after: str, stat: bool, name_only: bool, exit_code: bool
) -> None:
    """Show what changed from one version to another.

    A line begins with + for a file that is new, - for one that is gone, M for one whose content
    has changed and R for one that was renamed.
    """
    if stat and name_only:
        raise click.UsageError("give either --stat or --name-only, not both")
    app = ctx.ensure_object(App)
    old, new = app.artifact(before), app.artifact(after)
    diff, out = old.diff(new), app.output
    changes = sorted(_changes(diff), key=lambda change: change[1])

    def human() -> None:
        if name_only:
            out.lines([path] for _, path, _ in changes)
            return
        if not stat:
            for sign, path, what in changes:
                out.line(f"{sign} {path}  {what}".rstrip(), fg=_COLORS[sign])
        out.line(_summary(diff))

    out.result(
        lambda: _data(old.record, new.record, diff),
        human=human,
        quiet=lambda: (path for _, path, _ in changes),
    )
    if exit_code and diff:
        ctx.exit(1)


def _changes(diff: ManifestDiff) -> Iterator[tuple[str, str, str]]:
    """Yield sign, path and size of every change."""
    from artifacts.cli._text import size

    for entry in diff.added:
        yield "+", entry.path, size(entry.size)
    for entry in diff.removed:
        yield "-", entry.path, size(entry.size)
    for change in diff.changed:
        sizes = f"{size(change.before.size)} → {size(change.after.size)}"
        yield "M", change.after.path, sizes
    for change in diff.renamed:
        yield "R", change.after.path, f"was {change.before.path}"


def _summary(diff: ManifestDiff) -> str:
    from artifacts.cli._text import count, size

    if not diff:
        return f"no differences ({count(diff.unchanged, 'file')})"
    parts = [
        f"{len(changes):,} {name}"
        for name, changes in (
            ("added", diff.added),
            ("removed", diff.removed),
            ("changed", diff.changed),
            ("renamed", diff.renamed),
        )
        if changes
    ]
    sizes = f"+{size(diff.added_bytes)} -{size(diff.removed_bytes)}"
    return f"{', '.join(parts)}, {diff.unchanged:,} unchanged; {sizes}"


def _data(old: VersionRecord, new: VersionRecord, diff: ManifestDiff) -> dict[str, Any]:
    from artifacts.cli import _describe

    def pairs(changes: Any) -> list[dict[str, Any]]:
        return [
            {"before": _describe.entry(change.before), "after": _describe.entry(change.after)}
            for change in changes
        ]

    return {
        "before": _describe.version(old),
        "after": _describe.version(new),
        "added": [_describe.entry(entry) for entry in diff.added],
        "removed": [_describe.entry(entry) for entry in diff.removed],
        "changed": pairs(diff.changed),
        "renamed": pairs(diff.renamed),
        "unchanged": diff.unchanged,
        "added_bytes": diff.added_bytes,
        "removed_bytes": diff.removed_bytes,
    }
