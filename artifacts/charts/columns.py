"""Charts of columns: lines, points, bars, histograms and matrices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from artifacts.charts import curves, named
from artifacts.charts.custom import CustomChart, plot_table
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from artifacts.tables.table import Table


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of lines.

    Args:
        table: The data.
        x: Column of the x-axis.
        y: Column of the y-axis.
        stroke: Column that says to which line a row belongs; None for one line.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidTypeError: ``table`` is not a Table.
        InvalidInputError: A column is not there.
    """
    fields = {"x": x, "y": y} if stroke is None else {"x": x, "y": y, "stroke": stroke}
    return chart_of("line/v0", table, fields, title, split_table)


def scatter(
    table: Table, x: str, y: str, title: str | None = None, split_table: bool = False
) -> CustomChart:
    """Return a chart of points.

    Args:
        table: The data.
        x: Column of the x-axis.
        y: Column of the y-axis.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidTypeError: ``table`` is not a Table.
        InvalidInputError: A column is not there.
    """
    return chart_of("scatter/v0", table, {"x": x, "y": y}, title, split_table)


def bar(
    table: Table, label: str, value: str, title: str | None = None, split_table: bool = False
) -> CustomChart:
    """Return a chart of bars, in the order of the rows.

    Args:
        table: The data.
        label: Column of the names of the bars. Several rows of one name are averaged.
        value: Column of their lengths.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidTypeError: ``table`` is not a Table.
        InvalidInputError: A column is not there.
    """
    return chart_of("bar/v0", table, {"label": label, "value": value}, title, split_table)


def histogram(
    table: Table, value: str, title: str | None = None, split_table: bool = False
) -> CustomChart:
    """Return a histogram.

    Args:
        table: The data.
        value: Column of the numbers, which are counted in bins of one width.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidTypeError: ``table`` is not a Table.
        InvalidInputError: A column is not there.
    """
    return chart_of("histogram/v0", table, {"value": value}, title, split_table)


def line_series(
    xs: Iterable[Any],
    ys: Iterable[Any] | Mapping[str, Iterable[Any]],
    keys: Sequence[str] | None = None,
    title: str | None = None,
    xname: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of several lines.

    Args:
        xs: The positions of all lines, or a sequence of them for each line.
        ys: The values of each line, as many as its positions; or those by the names of the lines.
        keys: Names of the lines. Default: ``line_0``, ``line_1`` and so on.
        title: What the chart is called.
        xname: What the x-axis is called. Default: x.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidInputError: There are not as many positions or names as lines, or as values.
    """
    from artifacts.tables.table import Table

    if isinstance(ys, Mapping):
        keys = list(ys) if keys is None else keys
        ys = list(ys.values())
    lines = [_listed(each, f"ys[{number}]") for number, each in enumerate(_listed(ys, "ys"))]
    across = _positions(xs, len(lines))
    names = [f"line_{number}" for number in range(len(lines))] if keys is None else list(keys)
    if len(names) != len(lines):
        raise InvalidInputError(f"keys has {len(names)} names, and ys {len(lines)} lines")
    for number, (x, y) in enumerate(zip(across, lines, strict=True)):
        if len(x) != len(y):
            raise InvalidInputError(
                f"ys[{number}] has {len(y)} values, and its positions in xs are {len(x)}"
            )
    data = [
        [x, str(name), y]
        for name, positions, values in zip(names, across, lines, strict=True)
        for x, y in zip(positions, values, strict=True)
    ]
    table = Table(columns=["step", "lineKey", "lineVal"], data=data)
    fields = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}
    return chart_of("lineseries/v0", table, fields, title, split_table, xname=xname or "x")


def heatmap(
    x_labels: Iterable[Any],
    y_labels: Iterable[Any],
    matrix_values: Any,
    show_text: bool = False,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a matrix of cells that are coloured by their values.

    Args:
        x_labels: Names of the columns.
        y_labels: Names of the rows.
        matrix_values: Of shape (rows, columns): the values, from the top on.
        show_text: Whether the values are written into the cells.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidInputError: The shape does not fit the names.
        ConfigError: NumPy is not installed.
    """
    from artifacts.tables.table import Table

    across, down = [str(each) for each in x_labels], [str(each) for each in y_labels]
    values = curves.array(matrix_values, "matrix_values")
    if values.shape != (len(down), len(across)):
        raise InvalidInputError(
            f"matrix_values has the shape {values.shape}; with these labels it must be "
            f"({len(down)}, {len(across)})"
        )
    rows = values.tolist()
    data = [
        [x, y, value]
        for y, row in zip(down, rows, strict=True)
        for x, value in zip(across, row, strict=True)
    ]
    table = Table(columns=["x_axis", "y_axis", "values"], data=data)
    fields = {"x_axis": "x_axis", "y_axis": "y_axis", "values": "values"}
    name = "heatmap/v1" if show_text else "heatmap_no_text/v1"
    return chart_of(name, table, fields, title, split_table)


def visualize(id: str, value: Table) -> CustomChart:
    """Return a chart of a table whose columns are called as the fields of the spec.

    Args:
        id: Name of the spec; see `plot_table`.
        value: The data.

    Raises:
        InvalidTypeError: ``value`` is not a Table.
        InvalidInputError: It lacks a column that the spec needs.
    """
    from artifacts.tables.table import Table

    if not isinstance(value, Table):
        raise InvalidTypeError(
            f"Expected `value` to be `artifacts.Table` type, instead got {type(value).__name__}"
        )
    columns = [str(column) for column in value.columns]
    fields = {column: column for column in columns}
    known = named.find(id, fields).fields
    if known is not None:
        fields = {column: column for column in columns if column in known}
    return plot_table(id, value, fields)


def chart_of(
    name: str,
    table: Table,
    fields: Mapping[str, str],
    title: str | None,
    split_table: bool,
    **texts: str,
) -> CustomChart:
    """Return a chart with a built-in spec; ``texts`` beside the title go into it."""
    strings = texts if title is None else {"title": title, **texts}
    return plot_table(f"artifacts/{name}", table, fields, strings, split_table)


def _positions(xs: Any, count: int) -> list[list[Any]]:
    """Return the positions of each of some lines."""
    given = _listed(xs, "xs")
    if given and not hasattr(given[0], "__len__"):
        return [given] * count
    if len(given) != count:
        raise InvalidInputError(f"xs has {len(given)} lines, and ys {count}")
    return [_listed(each, f"xs[{number}]") for number, each in enumerate(given)]


def _listed(value: Any, name: str) -> list[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        raise InvalidTypeError(f"{name} must be a sequence, not {type(value).__name__}")
    return list(value)
