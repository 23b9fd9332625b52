"""`art run plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from artifacts.charts.series import Look
    from artifacts.cli._drawings import Drawing

_MOST = 6
_LINES = 12


@click.command(
    "plot",
    cls=Art,
    example="""
        art run plot 8kd9s2la loss
        art run plot 8kd9s2la loss val.loss --x epoch --height 20
        art run plot 8kd9s2la loss --compare 1m4x0qpz -o loss.svg
        art run plot 8kd9s2la roc -o roc.png
    """,
    exits=READING,
)
@run_argument()
@click.argument(
    "keys",
    nargs=-1,
    required=True,
    metavar="KEY...",
    shell_complete=_complete.plotted_keys,
    help="What to draw; nested values as a.b.",
)
@click.option(
    "--compare",
    multiple=True,
    metavar="[PROJECT/]ID",
    shell_complete=_complete.runs,
    help="Draw the same of another run into the same plot; repeatable.",
)
@click.option(
    "--x",
    "x_axis",
    metavar="KEY",
    shell_complete=_complete.history_keys,
    help="Key of the x-axis. Default: _step, and _runtime for what was measured of the system.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a file: .svg, .png, .pdf, .html or .json (the Vega-Lite spec).",
)
@click.option(
    "--width", type=click.IntRange(min=2), help="Characters of a plot; in a file, points."
)
@click.option(
    "--height",
    type=click.IntRange(min=2),
    help=f"Lines of a plot, {_LINES} if nothing is said; in a file, points.",
)
@click.option("--title", help="What a file says above the plot.")
@click.option("--log-y", is_flag=True, help="A logarithmic y-axis for curves.")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 1, max_open=True),
    default=0,
    metavar="WEIGHT",
    help="Draw running means of curves; each keeps this part of the one before.",
)
@click.option("--ascii", "plain", is_flag=True, help="Use no characters but those of ASCII.")
@click.pass_obj
def command(
    app: App,
    run_id: str,
    keys: tuple[str, ...],
    compare: tuple[str, ...],
    x_axis: str | None,
    output: Path | None,
    width: int | None,
    height: int | None,
    title: str | None,
    log_y: bool,
    smooth: float,
    plain: bool,
) -> None:
    """Draw metrics, histograms and charts of runs.

    Several curves share one plot and its axes. Values that are missing or not finite leave a gap.
    Histograms and charts are drawn by themselves. Nothing is loaded from elsewhere to write a file.
    """
    from artifacts.charts.series import Look
    from artifacts.cli import _drawings, _plots
    from artifacts.cli._chart_text import Room

    if len(keys) * (1 + len(compare)) > _MOST and output is None:
        raise click.UsageError(f"a plot has room for {_MOST} curves at most")
    out = app.output
    runs = [app.api.run(each) for each in (run_id, *compare)]
    drawing = _drawings.find(runs, keys, x_axis, smooth)
    if output is not None:
        _write(app, drawing, output, Look(title, width, height, log_y))
        return

    def human() -> None:
        blocks = not plain and _plots.can_show_blocks()
        room = Room(width or out.width, height or _LINES, blocks)
        lines = drawing.text(room, log_y=log_y)
        if not lines:
            out.note("no finite values")
            return
        out.line(title or drawing.title, bold=True)
        for line in lines:
            out.line(line)

    out.result(drawing.as_json, human=human)


def _write(app: App, drawing: Drawing, path: Path, look: Look) -> None:
    from artifacts.charts.drawn import write
    from artifacts.charts.rendering import form_of

    form = form_of(path)
    write(drawing.spec(look), path)
    out = app.output
    out.result(
        lambda: {"path": str(path), "format": form.value},
        human=lambda: out.line(f"wrote {path}"),
        quiet=lambda: [str(path)],
    )
