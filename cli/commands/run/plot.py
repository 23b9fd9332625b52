"""`art run plot`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from artifacts.cli._plots import Curve

_MOST = 6


@click.command(
    "plot",
    cls=Art,
    example="""
        art run plot 8kd9s2la loss
        art run plot 8kd9s2la loss val.loss --x epoch --height 20
        art run plot 8kd9s2la loss --compare 1m4x0qpz
    """,
    exits=READING,
)
@run_argument()
@click.argument(
    "keys",
    nargs=-1,
    required=True,
    metavar="KEY...",
    shell_complete=_complete.history_keys,
    help="What to draw; nested values as a.b.",
)
@click.option(
    "--compare",
    multiple=True,
    metavar="[PROJECT/]ID",
    shell_complete=_complete.runs,
    help="Draw the same of another run into the same plot; repeatable.",
)
@click.option("--x", "x_axis", default="_step", show_default=True, help="Key of the x-axis.")
@click.option(
    "--height", type=click.IntRange(2, 200), default=12, show_default=True, help="Lines of a plot."
)
@click.option("--ascii", "plain", is_flag=True, help="Use no characters but those of ASCII.")
@click.pass_obj
def command(
    app: App,
    run_id: str,
    keys: tuple[str, ...],
    compare: tuple[str, ...],
    x_axis: str,
    height: int,
    plain: bool,
) -> None:
    """Draw metrics of runs.

    Several curves share one plot and its axes. Values that are missing or not finite leave a gap.
    """
    from artifacts.cli import _plots

    if len(keys) * (1 + len(compare)) > _MOST:
        raise click.UsageError(f"a plot has room for {_MOST} curves at most")
    out = app.output
    curves = [
        _curve(app, run, key, x_axis, named=bool(compare))
        for run in (run_id, *compare)
        for key in keys
    ]

    def human() -> None:
        blocks = not plain and _plots.can_show_blocks()
        lines = _plots.plot(curves, out.width, height, blocks=blocks)
        if not lines:
            out.note("no finite values")
            return
        out.line(_plots.legend(curves) if len(curves) > 1 else curves[0].name, bold=True)
        for line in lines:
            out.line(line)

    out.result(lambda: {"x": x_axis, "curves": [_as_json(curve) for curve in curves]}, human=human)


def _curve(app: App, run_id: str, key: str, x_axis: str, *, named: bool) -> Curve:
    from artifacts.cli._plots import Curve
    from artifacts.cli.commands.run.history import check_keys
    from artifacts.store.errors import InvalidInputError

    run = app.api.run(run_id)
    history = run._history()
    known = history.keys()
    check_keys([key, x_axis], known)
    for name in (key, x_axis):
        if not set(known[name]["types"]) <= {"int64", "double"}:
            raise InvalidInputError(
                f"{name!r} holds no numbers, but {', '.join(known[name]['types'])}",
                hint=f"look at it with: art run history {run_id} --keys {name}",
            )
    table = history.table(list(dict.fromkeys([x_axis, key])))
    points = zip(table.column(x_axis).to_pylist(), table.column(key).to_pylist(), strict=True)
    x, y = zip(*sorted(points, key=lambda point: point[0]), strict=True)
    return Curve(f"{key} ({run.id})" if named else key, x, y)


def _as_json(curve: Curve) -> dict[str, Any]:
    points = [
        [x, y if y is not None and math.isfinite(y) else None]
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(x)
    ]
    return {"name": curve.name, "points": points}
