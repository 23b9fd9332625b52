"""`art run export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument
from artifacts.cli._tables import Format, choose_format, format_option

if TYPE_CHECKING:
    import pyarrow as pa

    from artifacts.stored_run import StoredRun


@click.command(
    "export",
    cls=Art,
    example="""
        art run export 8kd9s2la 1m4x0qpz -o rows.parquet
        art run export 8kd9s2la -o runs/ --format csv
    """,
    exits=READING,
)
@run_argument("run_ids", nargs=-1, required=True, metavar="[PROJECT/]ID...")
@format_option(table=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Where to: a folder if it is one or has no suffix; default stdout.",
)
@click.pass_obj
def command(app: App, run_ids: tuple[str, ...], format_: str | None, output: Path | None) -> None:
    """Write runs as files: their settings, results and rows.

    One file has the rows of all these runs, with a column `run`. In a folder each run has two:
    ID.json says everything about it but its rows, and those are in ID-history.csv, or what
    --format says. Existing files of these names are replaced.
    """
    from artifacts._history import table_of_runs
    from artifacts.cli import _tables

    out = app.output
    found = list({run.key: run for run in map(app.api.run, run_ids)}.values())
    is_folder = output is not None and (output.is_dir() or not output.suffix)
    chosen = choose_format(format_, None if is_folder else output, Format.CSV)
    if output is not None and is_folder:
        written = [path for run in found for path in _write_run(run, output, chosen)]
    else:
        table = table_of_runs(app.opened, [run._record for run in found], None)
        table = _tables.arranged(table)
        if output is None:
            _print(app, table, chosen)
            return
        _tables.write_file(table, output, chosen)
        written = [output]

    def human() -> None:
        for path in written:
            out.line(f"wrote {path}")

    out.result(
        lambda: {"paths": [str(path) for path in written]},
        human=human,
        quiet=lambda: map(str, written),
    )


def _print(app: App, table: pa.Table, format_: Format) -> None:
    from artifacts.cli import _tables

    if app.json:
        app.output.result(lambda: {"history": _tables.json_rows(table)}, human=lambda: None)
    else:
        _tables.print_rows(table, format_)


def _write_run(run: StoredRun, folder: Path, format_: Format) -> list[Path]:
    """Write the two files of a run into a folder, which is made if need be."""
    from artifacts.cli import _tables
    from artifacts.cli._output import to_json
    from artifacts.store.errors import from_os_error

    name = _file_name(run.id)
    about, rows = folder / f"{name}.json", folder / f"{name}-history.{format_}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        about.write_text(to_json(_about(run)) + "\n", encoding="utf-8")
    except OSError as error:
        raise from_os_error(error, f"write {about}") from error
    _tables.write_file(_tables.arranged(run._history().table()), rows, format_)
    return [about, rows]


def _about(run: StoredRun) -> dict[str, Any]:
    from artifacts.cli import _describe
    from artifacts.cli.commands.run.alerts import describe

    return {
        **_describe.run(run._record),
        "used": [_describe.version(artifact.record) for artifact in run.used_artifacts()],
        "logged": [_describe.version(artifact.record) for artifact in run.logged_artifacts()],
        "alerts": [describe(alert) for alert in run.alerts],
    }


def _file_name(run_id: str) -> str:
    """Return an id as the name of a file in a folder, wherever that is."""
    import re

    safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", run_id)
    return f"_{safe}" if safe.startswith((".", "-")) else safe
