"""`art diff`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.artifact import Artifact
    from artifacts.cli._output import Output
    from artifacts.store.diff import ManifestDiff
    from artifacts.store.records import VersionRecord
    from artifacts.store.row_diff import RowChange, RowDiff
    from artifacts.store.rows import Row

_SHORT = 8
_COLORS = {"+": "green", "-": "red", "M": "yellow", "R": "cyan"}


@click.command(
    "diff",
    cls=Art,
    example="""
        art diff corpus:v2 corpus:v3
        art diff corpus:prod corpus --stat
        art diff corpus:v2 corpus:v3 --rows --key id
    """,
    exits=READING,
)
@ref_argument("before", help="The older version, as NAME[:ALIAS].")
@ref_argument("after", help="The newer version.")
@click.option("--stat", is_flag=True, help="Only how much has changed.")
@click.option("--name-only", is_flag=True, help="Only the paths of what has changed.")
@click.option(
    "--rows",
    is_flag=True,
    help="Also compare the rows of changed tables: CSV, TSV, JSON Lines and Parquet.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COLUMN",
    help="With --rows: the column that says which row is which; repeatable.",
)
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if there are differences.")
@click.pass_context
def command(
    ctx: click.Context,
    before: str,
    after: str,
    stat: bool,
    name_only: bool,
    rows: bool,
    keys: tuple[str, ...],
    exit_code: bool,
) -> None:
    """Show what changed from one version to another.

    A line begins with + for a file that is new, - for one that is gone, M for one whose content
    has changed and R for one that was renamed. Rows are the same if all their values are; with
    --key, those that have the same key are compared with each other.
    """
    if stat and name_only:
        raise click.UsageError("give either --stat or --name-only, not both")
    if keys and not rows:
        raise click.UsageError("--key goes with --rows")
    if rows and name_only:
        raise click.UsageError("give either --rows or --name-only, not both")
    app = ctx.ensure_object(App)
    old, new = app.artifact(before), app.artifact(after)
    diff, out = old.diff(new), app.output
    changes = sorted(_changes(diff), key=lambda change: change[1])
    tables = _tables(old, new, diff, keys) if rows else {}

    def human() -> None:
        if name_only:
            out.lines([path] for _, path, _ in changes)
            return
        if not stat:
            for sign, path, what in changes:
                out.line(f"{sign} {path}  {what}".rstrip(), fg=_COLORS[sign])
                _show_rows(out, tables.get(path), keys)
            _show_metadata(out, diff)
        out.line(_summary(diff))

    out.result(
        lambda: _data(old.record, new.record, diff, tables),
        human=human,
        quiet=lambda: (path for _, path, _ in changes),
    )
    if exit_code and diff:
        ctx.exit(1)


def _tables(
    old: Artifact, new: Artifact, diff: ManifestDiff, keys: tuple[str, ...]
) -> dict[str, RowDiff]:
    """Return how the rows of the changed tables differ, by path."""
    from artifacts.store.rows import table_kind

    paths = [change.after.path for change in diff.changed]
    return {path: old.diff_rows(new, path, key=keys) for path in paths if table_kind(path)}


def _show_rows(out: Output, found: RowDiff | None, keys: tuple[str, ...]) -> None:
    if found is None:
        return
    numbers = f"{found.added:,} added, {found.removed:,} removed"
    if keys:
        numbers += f", {found.changed:,} changed"
    out.line(f"    rows: {numbers}, {found.unchanged:,} unchanged")
    for columns, what in ((found.added_columns, "new"), (found.removed_columns, "gone")):
        if columns:
            out.line(f"    columns that are {what}: {', '.join(columns)}")
    for change in found.examples:
        for sign, row in _row_lines(change):
            out.line(f"    {sign} {row}", fg=_COLORS[sign])


def _row_lines(change: RowChange) -> Iterator[tuple[str, str]]:
    """Yield an example; of a row that has changed, only the values that have."""
    from artifacts.store.row_diff import same_value

    before, after = change
    if before is None or after is None:
        sign, row = ("+", after) if before is None else ("-", before)
        yield sign, ", ".join(f"{name}={_cell(value)}" for name, value in (row or {}).items())
        return
    same = {name for name in before if name in after and same_value(before[name], after[name])}
    kept = [f"{name}={_cell(before[name])}" for name in before if name in same]
    changes = [
        f"{name}: {_cell(before.get(name, ''))} → {_cell(after.get(name, ''))}"
        for name in {**before, **after}
        if name not in same
    ]
    yield "M", ", ".join([*kept, *changes])


def _cell(value: Any) -> Any:
    """Return a value as it is shown: of a media object what it is, and which."""
    if not isinstance(value, dict) or "_type" not in value:
        return value
    digest = str(value.get("digest", "")).removeprefix("blake3:")[:_SHORT]
    return f"<{value['_type']} {digest}>" if digest else f"<{value['_type']}>"


def _show_metadata(out: Output, diff: ManifestDiff) -> None:
    for change in diff.metadata:
        text = f"metadata.{change.key}: {_value(change.before)} → {_value(change.after)}"
        out.line(f"M {text}", fg=_COLORS["M"])


def _value(value: Any) -> str:
    import json

    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


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
    if diff.metadata:
        parts.append(f"metadata: {len(diff.metadata):,}")
    sizes = f"+{size(diff.added_bytes)} -{size(diff.removed_bytes)}"
    return f"{', '.join(parts)}, {diff.unchanged:,} unchanged; {sizes}"


def _data(
    old: VersionRecord, new: VersionRecord, diff: ManifestDiff, tables: dict[str, RowDiff]
) -> dict[str, Any]:
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
        "metadata": [change._asdict() for change in diff.metadata],
        "rows": {path: _rows_data(found) for path, found in tables.items()},
    }


def _rows_data(found: RowDiff) -> dict[str, Any]:
    examples = [
        {"before": _row(change.before), "after": _row(change.after)} for change in found.examples
    ]
    return {**found._asdict(), "examples": examples}


def _row(row: Row | None) -> dict[str, Any] | None:
    """Return a row as JSON; of Parquet it may hold what JSON has no form for."""
    return None if row is None else {name: _json_value(value) for name, value in row.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _row(value)
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | None) else str(value)
