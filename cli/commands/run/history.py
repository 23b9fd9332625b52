"""`art run history`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import comma_separated, run_argument
from artifacts.cli._tables import Format, choose_format, format_option

if TYPE_CHECKING:
    import pyarrow as pa

    from artifacts.cli._output import Output

_NARROW = 10


@click.command(
    "history",
    cls=Art,
    example="""
        art run history 8kd9s2la --last 10
        art run history 8kd9s2la --keys loss,val.acc -o loss.csv
    """,
    exits=READING,
)
@run_argument()
@click.option(
    "--keys",
    callback=comma_separated,
    metavar="KEY,KEY",
    shell_complete=_complete.history_keys,
    help="Only these values, and rows that have any of them.",
)
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N rows.")
@click.option("--min-step", type=int, metavar="STEP", help="Only rows from this step on.")
@click.option("--max-step", type=int, metavar="STEP", help="Only rows before this step.")
@click.option("--system", is_flag=True, help="What was measured of the machine instead.")
@format_option(table=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write a file."
)
@click.pass_obj
def command(
    app: App,
    run_id: str,
    keys: list[str] | None,
    last: int | None,
    min_step: int | None,
    max_step: int | None,
    system: bool,
    format_: str | None,
    output: Path | None,
) -> None:
    """Print or write the rows that a run has logged.

    Rows of a running run are up to date within seconds. Nested values have keys such as a.b. In
    CSV and JSON, numbers that are not finite are the texts NaN, Infinity and -Infinity.
    """
    from artifacts.cli import _tables

    out = app.output
    table = _select(app, run_id, keys, system=system, low=min_step, high=max_step, last=last)
    chosen = choose_format(format_, output, Format.JSON if app.json else Format.TABLE)
    if output is not None:
        chosen = Format.CSV if chosen is Format.TABLE else chosen
        _tables.write_file(table, output, chosen)
        count = table.num_rows
        out.result(
            lambda: {"path": str(output), "rows": count, "format": chosen.value},
            human=lambda: out.line(f"wrote {count:,} rows to {output}"),
            quiet=lambda: [str(output)],
        )
    elif chosen is not Format.TABLE and not app.json:
        _tables.print_rows(table, chosen)
    else:
        out.result(
            lambda: {"history": _tables.json_rows(table)},
            human=lambda: _show(out, table),
            quiet=lambda: (str(row["_step"]) for row in _tables.rows_of(table)),
        )


def _select(
    app: App,
    run_id: str,
    keys: list[str] | None,
    *,
    system: bool,
    low: int | None,
    high: int | None,
    last: int | None,
) -> pa.Table:
    from artifacts._history import DEFAULT_STREAM, STEP, SYSTEM_STREAM
    from artifacts.cli import _tables

    history = app.api.run(run_id)._history(SYSTEM_STREAM if system else DEFAULT_STREAM)
    if keys is not None:
        check_keys(keys, history.keys())
    table = history.table() if keys is None else history.columns(keys)
    if STEP in table.schema.names:
        table = _tables.arranged(_in_range(table, low, high))
    return table if last is None else table.slice(max(table.num_rows - last, 0))


def _in_range(table: pa.Table, low: int | None, high: int | None) -> pa.Table:
    import pyarrow.compute as pc

    if low is not None:
        table = table.filter(pc.field("_step") >= low)
    if high is not None:
        table = table.filter(pc.field("_step") < high)
    return table


def check_keys(wanted: list[str], known: dict[str, Any]) -> None:
    """Make sure that there are values of these keys.

    Raises:
        NotFoundError: There is none of one of them; near matches are in the hint.
    """
    import difflib

    from artifacts.store.errors import NotFoundError

    for key in wanted:
        if key not in known:
            near = difflib.get_close_matches(key, known)
            shown = ", ".join(sorted(name for name in known if not name.startswith("_")))
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has: {shown or 'nothing'}"
            raise NotFoundError(f"nothing was logged as {key!r}", hint=hint, kind="key_not_found")


def _show(out: Output, table: pa.Table) -> None:
    from artifacts.cli import _tables, _text

    if not table.num_rows:
        out.note("no rows")
        return
    names = table.schema.names
    shown = names[: out.columns_of(_NARROW)]
    rows = ([_text.cell(row.get(name)) for name in shown] for row in _tables.rows_of(table))
    out.table(shown, rows, right=range(len(shown)))
    if len(shown) < len(names):
        others = ", ".join(names[len(shown) :])
        out.note(f"not shown, for lack of space: {others} (choose with --keys, or write -o FILE)")
