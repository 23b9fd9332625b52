"""Tables are made of what people have, and know the types of their columns."""

import datetime as dt
import enum
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image as Picture

import artifacts
from artifacts import Table

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


class Color(enum.StrEnum):
    RED = "red"


def test_columns_and_rows_as_users_of_the_reference_know_them():
    table = Table()
    assert table.columns == ["Input", "Output", "Expected"]
    table.add_data("a", 1, 1.5)
    with pytest.raises(ValueError, match=r"expects 3 columns: .*, found 2"):
        table.add_data("a", 1)
    with pytest.warns(DeprecationWarning, match="add_data"):
        table.add_row("b", 2, 2.5)
    assert table.data == [["a", 1, 1.5], ["b", 2, 2.5]]
    assert len(table) == 2


SOURCES = {
    "rows": {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]},
    "argument rows": {"columns": ["a", "b"], "rows": [(1, "x"), (2, "y")]},
    "iterators": {"columns": iter(["a", "b"]), "data": iter([(1, "x"), (2, "y")])},
    "columns": {"data": {"a": [1, 2], "b": ["x", "y"]}},
    "columns in an order": {"columns": ["a", "b"], "data": {"b": ["x", "y"], "a": [1, 2]}},
    "dicts": {"data": [{"a": 1, "b": "x"}, {"b": "y", "a": 2}]},
    "array": {"columns": ["a", "b"], "data": np.array([[1, "x"], [2, "y"]], dtype=object)},
    "pandas": {"dataframe": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})},
    "as data": {"data": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=[5, 7])},
    "polars": {"dataframe": pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})},
    "lazy": {"dataframe": pl.LazyFrame({"a": [1, 2], "b": ["x", "y"]})},
    "Arrow": {"dataframe": pa.table({"a": [1, 2], "b": ["x", "y"]})},
    "batch": {"data": pa.record_batch({"a": [1, 2], "b": ["x", "y"]})},
}


@pytest.mark.parametrize("arguments", SOURCES.values(), ids=SOURCES)
def test_what_a_table_is_made_of(arguments):
    table = Table(**arguments)
    assert table.columns == ["a", "b"]
    assert table.data == [[1, "x"], [2, "y"]]
    assert table.column_types == {"a": "integer", "b": "text"}


def test_numbers_of_an_array():
    table = Table(columns=["x", "y"], data=np.arange(4, dtype="f4").reshape(2, 2) / 3)
    assert table.column_types == {"x": "number", "y": "number"}
    assert [type(value) for value in table.data[0]] == [float, float]
    assert np.array_equal(table.get_column("x", "numpy"), np.array([0, np.float32(2) / 3]))


def test_an_array_of_more_dimensions_has_arrays_in_its_cells():
    table = Table(columns=["first", "second"], data=np.zeros((5, 2, 3), "u1"))
    assert table.column_types == {"first": "ndarray", "second": "ndarray"}
    assert table.get_column("first", convert_to="numpy").shape == (5, 3)


def test_whatever_exports_a_stream_of_arrow_is_a_table():
    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"a": [1, 2]}).__arrow_c_stream__(requested_schema)

    assert Table(dataframe=Stream()).data == [[1], [2]]


def test_columns_as_arrays():
    image = artifacts.Image(np.full((2, 2), 7, "u1"))
    table = Table(
        columns=["image", "ragged", "list"],
        data=[[image, np.zeros(1), [1, 2]], [None, np.zeros(2), [3, 4]]],
    )
    images = table.get_column("image", convert_to="numpy")
    assert (images.dtype, images.shape, images[1]) == (object, (2,), None)
    assert np.array_equal(images[0], np.full((2, 2), 7))
    assert [array.size for array in table.get_column("ragged", "numpy")] == [1, 2]
    assert table.get_column("list", "numpy").tolist() == [[1, 2], [3, 4]]
    with pytest.raises(artifacts.InvalidInputError, match="convert_to must be 'numpy' or None"):
        table.get_column("list", "list")  # type: ignore[arg-type]


def test_a_library_that_is_missing_is_named(monkeypatch):
    table = Table(columns=["a"], data=[[1]])
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "numpy", None)
    for call, package in (
        (table.get_dataframe, "pandas"),
        (lambda: table.get_column("a", "numpy"), "numpy"),
    ):
        with pytest.raises(artifacts.ConfigError, match=f"this needs {package}") as caught:
            call()
        assert caught.value.kind == "not_installed"
        assert "pip install" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["a", "a"]}, "two columns are named 'a'"),
        ({"columns": ["1", 1]}, "two columns are named '1'"),
        ({"columns": "ab"}, "columns must be a list of names"),
        ({"columns": [None]}, "must be text or integers, not NoneType"),
        ({"columns": ["a"], "data": "text"}, "data must be rows"),
        ({"columns": ["a"], "data": ["text"]}, "row 0 of data must be a list of cells, not str"),
        ({"columns": ["a"], "data": [{"a": 1, "b": 2}]}, "row 0 has 'b', which is no column"),
        ({"columns": ["a"], "data": {"b": []}}, "data has 'b', which is no column"),
        ({"columns": ["a", "b"], "data": {"b": []}}, "data has no column 'a'"),
        ({"data": {"a": [1], "b": []}}, "different lengths: 'a' has 1, 'b' has 0"),
        ({"columns": ["a"], "data": np.zeros(3)}, "data must have two dimensions or more"),
        ({"dataframe": [[1]]}, "dataframe must be a table of pandas, polars or Arrow, not list"),
        ({"dataframe": pd.DataFrame(columns=pd.MultiIndex.from_tuples([("a", "b")]))}, "levels"),
        ({"columns": ["a"], "dtype": {"b": int}}, "dtype names a column that is not there: 'b'"),
        ({"columns": ["a"], "dtype": [int, str]}, "dtype has 2 items, and there are 1 columns"),
        ({"columns": ["a"], "dtype": Color}, "is not a type of columns"),
        ({"columns": ["a"], "dtype": "float"}, "is not a type of columns"),
        ({"log_mode": "SOMETIMES"}, "log_mode must be one of IMMUTABLE, MUTABLE, INCREMENTAL"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(artifacts.InvalidInputError, match=message):
        Table(**arguments)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([], "unknown"),
        ([None], "unknown"),
        ([True, None], "boolean"),
        ([1, np.int8(2)], "integer"),
        ([1, 2.5], "number"),
        ([2.5, 1, float("nan")], "number"),
        ([float("nan"), "x"], "text"),
        (["x", Color.RED, np.str_("y")], "text"),
        ([b"x", bytearray(b"y")], "bytes"),
        ([NOON, pd.Timestamp(0), np.datetime64("2026-01-01")], "datetime"),
        ([dt.date(2026, 1, 1)], "date"),
        ([dt.timedelta(1), pd.Timedelta("1s"), np.timedelta64(1, "s")], "duration"),
        ([[1], (2, 3), set()], "list"),
        ([{"a": 1}], "dict"),
        ([np.zeros(2), np.zeros((1, 1), bool)], "ndarray"),
        ([np.float32(1), np.array(2)], "number"),
        ([Picture.new("L", (2, 2))], "image-file"),
        ([pd.NaT, pd.NA, 1], "integer"),
    ],
)
def test_the_type_of_a_column_follows_from_its_values(values, type_):
    table = Table(columns=["a"], data=[[value] for value in values])
    assert table.column_types == {"a": type_}


def test_a_value_that_does_not_fit_changes_nothing():
    table = Table(columns=["id", "score"], data=[[1, None], [2, 0.5]])
    with pytest.raises(TypeError) as caught:
        table.add_data(2.5, "high")
    assert str(caught.value) == (
        "column 'score', row 2: the value is of type text, and the column holds number"
    )
    assert table.data == [[1, None], [2, 0.5]]
    assert table.column_types == {"id": "integer", "score": "number"}


@pytest.mark.parametrize(
    "value",
    [
        object(),
        complex(1, 2),
        np.longdouble(1),
        np.array([object()]),
        np.ma.masked_less(np.arange(3), 1),
        Table(),
        pd.DataFrame({"a": [1]}),
        {(1, 2): "a key that is a tuple"},
    ],
)
def test_what_no_table_can_hold(value):
    table = Table(columns=["a"], allow_mixed_types=True)
    with pytest.raises(
        artifacts.InvalidTypeError, match=r"^column 'a', row 0, member 'deep', item 0"
    ):
        table.add_data({"deep": [value]})
    assert len(table) == 0


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        (int, 1, 1.5),
        (float, 1, True),
        (str, "x", 1),
        (bool, np.bool_(True), 1),
        (np.float32, 2.5, "x"),
        (np.ndarray, np.zeros(2), [0, 0]),
        ({"a": dict}, {}, []),
        ([dt.datetime], NOON, dt.date(2026, 1, 1)),
        (artifacts.Image, Picture.new("L", (2, 2)), "image.png"),
        (artifacts.Classes([{"id": 0, "name": "cat"}]), 0, "cat"),
    ],
)
def test_a_type_that_was_said_does_not_change(dtype, good, bad):
    table = Table(columns=["a"], dtype=dtype)
    table.add_data(good)
    table.add_data(None)
    with pytest.raises(TypeError, match=r"column 'a', row 2: the value is of type"):
        table.add_data(bad)


def test_cells_may_be_empty_unless_it_is_said_otherwise():
    for optional in (False, [True, False], {"b": False}):
        table = Table(columns=["a", "b"], optional=optional)
        with pytest.raises(TypeError, match="column 'b', row 0: it holds unknown and may not be"):
            table.add_data(1, None)


def test_mixed_types_if_that_is_wanted():
    table = Table(columns=["a"], allow_mixed_types=True, data=[[1], ["x"], [None], [b"y"]])
    assert table.column_types == {"a": "any"}
    assert table.get_column("a") == [1, "x", None, b"y"]


def test_columns_are_added():
    table = Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", ["x", "y"])
    table.add_column("c", np.array([0.5, 1.5]))
    table.add_column("d", [None, True], optional=True)
    assert table.data == [[1, "x", 0.5, None], [2, "y", 1.5, True]]
    with pytest.raises(ValueError, match="column 'e' has 1 values, and the table has 2 rows"):
        table.add_column("e", [1])
    with pytest.raises(ValueError, match="two columns are named 'a'"):
        table.add_column("a", [1, 2])
    with pytest.raises(TypeError, match="column 'e', row 1: the value is of type text"):
        table.add_column("e", [1, "x"])
    with pytest.raises(TypeError, match="may not be left empty"):
        table.add_column("e", [None, 1])
    assert table.columns == ["a", "b", "c", "d"]
    assert table.data == [[1, "x", 0.5, None], [2, "y", 1.5, True]]


def test_the_first_column_makes_the_rows():
    table = Table(columns=[])
    table.add_column("a", [1, 2])
    assert table.data == [[1], [2]]


def test_columns_that_follow_from_others():
    table = Table(columns=["a", "b"], data=[[1, 2], [3, 4]])
    table.add_computed_columns(lambda number, row: {"sum": row["a"] + row["b"], "row": number})
    assert table.columns == ["a", "b", "sum", "row"]
    assert table.data == [[1, 2, 3, 0], [3, 4, 7, 1]]
    with pytest.raises(
        artifacts.InvalidInputError, match=r"returned the columns \['y'\] for row 1"
    ):
        table.add_computed_columns(lambda number, _: {"y" if number else "x": 1})
    with pytest.raises(artifacts.InvalidTypeError, match="must return a dict"):
        table.add_computed_columns(lambda _, row: row["a"])
    assert table.columns == ["a", "b", "sum", "row"]


def test_cast_checks_and_does_not_change():
    table = Table(columns=["a"], data=[[1], [None]])
    with pytest.raises(TypeError, match="row 1: it holds number and may not be left empty"):
        table.cast("a", float)
    assert table.cast("a", float, optional=True) == "number"
    assert table.data == [[1], [None]]
    with pytest.raises(TypeError, match="row 0: the value is of type integer, and the column hold"):
        table.cast("a", str, optional=True)
    with pytest.raises(artifacts.InvalidInputError, match="no column 'b'") as caught:
        table.cast("b", str)
    assert "a" in str(caught.value.hint)
    assert table.column_types == {"a": "number"}


def test_rows_and_their_numbers():
    table = Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])
    assert [(int(number), row) for number, row in table.iterrows()] == [
        (0, [1, "x"]),
        (1, [2, "y"]),
    ]
    assert [number.get_row() for number, _ in table.iterrows()][1] == {"a": 2, "b": "y"}
    assert table.get_index() == [0, 1]
    other = Table(columns=["row"], data=[[index] for index in table.get_index()])
    assert other.column_types == {"row": "integer"}
    assert table.index_ref(1).get_row() == {"a": 2, "b": "y"}
    with pytest.raises(artifacts.InvalidInputError, match="no row 2; the table has 2 rows"):
        table.index_ref(2)


def test_a_data_frame_has_the_types_of_the_columns():
    table = Table(
        data={
            "i": [2**60 + 1, None],
            "big": [2**70, 1],
            "f": [1, 0.5],
            "t": ["x", None],
            "when": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2,
            7: [[1], [2]],
        }
    )
    frame = table.get_dataframe()
    assert list(frame.columns) == table.columns
    assert frame["i"].tolist() == [2**60 + 1, pd.NA]
    assert frame["big"].tolist() == [2**70, 1]
    assert frame["f"].dtype == float
    assert str(frame["when"].dtype) == "datetime64[us, UTC]"
    assert frame[7].tolist() == [[1], [2]]
    assert list(Table(columns=["a"]).get_dataframe().columns) == ["a"]


def test_missing_values_of_data_frames():
    frame = pd.DataFrame({"t": ["x", None], "f": [1.5, float("nan")], "i": pd.array([1, None])})
    table = Table(dataframe=frame)
    assert table.column_types == {"t": "text", "f": "number", "i": "integer"}
    assert table.get_column("t") == ["x", None]
    assert np.isnan(table.data[1][1])
    assert table.get_column("i") == [1, None]


def test_the_index_of_a_data_frame_is_left_out_and_that_is_said(log):
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert Table(dataframe=frame).columns == ["a"]
    assert "reset_index()" in log.text
    log.clear()
    Table(dataframe=frame.reset_index()[lambda rows: rows["a"] > 1])
    assert log.text == ""


def test_equal_tables():
    rows = [[1, float("nan"), np.array([1.5, np.nan])]]
    assert Table(columns=["a", "b", "c"], data=rows) == Table(columns=["a", "b", "c"], data=rows)
    table = Table(columns=["a"], data=[[1]])
    assert table != Table(columns=["b"], data=[[1]])
    assert table != Table(columns=["a"], data=[[2]])
    assert table != Table(columns=["a"], data=[[1], [1]])
    assert table != Table(columns=["a"], data=[[1.0]])
    assert table != Table(columns=["a"], data=[[1]], dtype=float)
    assert table != [[1]]


def test_a_notebook_shows_the_first_rows():
    table = Table(columns=["<a>", "b"], data=[["<script>", n] for n in range(1000)])
    shown = table._repr_html_()
    assert "&lt;a&gt;" in shown
    assert "<script>" not in shown
    assert "1,000 rows, 2 columns" in shown
    assert "<td>9</td>" in shown
    assert "<td>10</td>" not in shown
    assert repr(table) == "<Table of 1000 rows: <a>, b>"


def test_a_notebook_shows_what_cannot_be_shown_as_text_shortly():
    image = artifacts.Image(np.zeros((2, 2)), caption="a cat")
    table = Table(
        columns=list("abcd"), data=[[image, np.zeros((5, 6)), "x" * 500, list(range(50))]]
    )
    shown = table._repr_html_()
    for text in ("<td>image: a cat</td>", "array of float64, shape (5, 6)", "list of 50"):
        assert text in shown
    assert "x" * 100 not in shown


def test_tables_by_a_key():
    left = Table(columns=["id", "label", "old"], data=[[1, "cat", 0.5], [2, "dog", 0.25]])
    right = Table(columns=["id", "label", "new"], data=[[2, "fox", 1], [3, "cow", 2]])
    joined = left.join(right, on="id")
    assert joined.columns == ["id", "label_left", "old", "label_right", "new"]
    assert joined.data == [[2, "dog", 0.25, "fox", 1]]
    outer = left.join(right, ["id"], "outer", suffixes=("", "_new"))
    assert outer.columns == ["id", "label", "old", "label_new", "new"]
    assert outer.data == [
        [1, "cat", 0.5, None, None],
        [2, "dog", 0.25, "fox", 1],
        [3, None, None, "cow", 2],
    ]
    assert outer.column_types == {
        "id": "integer",
        "label": "text",
        "old": "number",
        "label_new": "text",
        "new": "integer",
    }


def test_joins_that_cannot_be_made():
    table = Table(columns=["id", "list"], data=[[1, [1]]])
    for arguments, message in (
        ({"on": "nr"}, "no column 'nr'"),
        ({"on": []}, "on names no column"),
        ({"on": "id", "how": "cross"}, "how must be one of inner, left, right, outer"),
        ({"on": "list"}, "row 0 has a value in the key by which rows cannot be joined"),
        ({"on": "id", "suffixes": ("", "")}, "two columns are named 'list'"),
    ):
        with pytest.raises(artifacts.InvalidInputError, match=message):
            table.join(table, **arguments)
