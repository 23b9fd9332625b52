"""Charts of columns: which table and which fields each helper makes."""

import numpy as np
import pytest

import artifacts
from artifacts import plot
from artifacts.tables.table import Table


@pytest.fixture
def table():
    return Table(columns=["a", "b", "c"], data=[[1, 2, "u"], [3, 4, "v"]])


def rows_of(chart):
    return [row for _, row in chart.table.iterrows()]


@pytest.mark.parametrize(
    ("make", "name", "fields"),
    [
        (lambda t: plot.line(t, "a", "b"), "line", {"x": "a", "y": "b"}),
        (
            lambda t: plot.line(t, x="a", y="b", stroke="c"),
            "line",
            {"x": "a", "y": "b", "stroke": "c"},
        ),
        (lambda t: plot.scatter(t, "a", "b"), "scatter", {"x": "a", "y": "b"}),
        (lambda t: plot.bar(t, "c", "a"), "bar", {"label": "c", "value": "a"}),
        (lambda t: plot.histogram(t, "a"), "histogram", {"value": "a"}),
    ],
    ids=["line", "strokes", "scatter", "bar", "histogram"],
)
def test_charts_of_a_table(table, make, name, fields):
    chart = make(table)
    assert chart.spec_name == f"artifacts/{name}/v0"
    assert chart.fields == fields
    assert chart.table is table
    assert "title" not in chart.spec


def test_titles(table):
    assert plot.bar(table, "c", "a", title="How many").spec["title"] == "How many"
    assert plot.histogram(table, "a", "How often").spec["title"] == "How often"


def test_a_split_table(table):
    chart = plot.scatter(table, "a", "b", split_table=True)
    assert chart.table_key("points") == "Custom Chart Tables/points_table"


def test_lines_over_common_positions():
    chart = plot.line_series([0, 1], [[5, 6], [7, 8]], title="T", xname="epoch")
    assert chart.table.columns == ["step", "lineKey", "lineVal"]
    assert rows_of(chart) == [
        [0, "line_0", 5],
        [1, "line_0", 6],
        [0, "line_1", 7],
        [1, "line_1", 8],
    ]
    assert chart.spec["encoding"]["x"]["title"] == "epoch"


def test_lines_over_positions_of_their_own():
    chart = plot.line_series([[0, 1], np.array([2])], [np.array([5, 6]), [7]], keys=["p", "q"])
    assert rows_of(chart) == [[0, "p", 5], [1, "p", 6], [2, "q", 7]]
    assert chart.spec["encoding"]["x"]["title"] == "x"


def test_lines_by_name():
    chart = plot.line_series(range(2), {"p": [5, 6], "q": [7, 8]})
    assert [row[1] for row in rows_of(chart)] == ["p", "p", "q", "q"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [[1], [2]], ["a"]), "keys has 1 names, and ys 2 lines"),
        (([0, 1], [[1]]), r"ys\[0\] has 1 values, and its positions in xs are 2"),
        (([[0], [1]], [[1]]), "xs has 2 lines, and ys 1"),
        (([0], 3), "ys must be a sequence, not int"),
        (([0], [3]), r"ys\[0\] must be a sequence, not int"),
        (("ab", [[3]]), "xs must be a sequence, not str"),
    ],
    ids=str,
)
def test_lines_that_do_not_fit(arguments, message):
    with pytest.raises(artifacts.InvalidInputError, match=message):
        plot.line_series(*arguments)


def test_a_heat_map_has_as_many_values_as_names():
    with pytest.raises(artifacts.InvalidInputError, match=r"shape \(1, 1\).*must be \(1, 2\)"):
        plot.heatmap(["x", "y"], ["a"], [[1]])
