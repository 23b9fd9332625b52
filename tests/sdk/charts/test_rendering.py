"""Charts as files and in notebooks."""

import json
import re
import subprocess
import sys

import pytest

import artifacts
from artifacts import plot
from artifacts.charts import builtin
from artifacts.charts.rendering import Form, render
from artifacts.charts.series import Counts, Look, Series, heat_map, lines, smooth, thinned
from artifacts.charts.templates import Column, Filling, fill, places
from artifacts.tables.table import Table

BEGINNINGS = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "html": b"<!DOCTYPE", "json": b"{"}


@pytest.fixture
def chart():
    return plot.line(Table(columns=["x", "y"], data=[[0, 1.5], [1, 2.5]]), "x", "y", title="<T>")


@pytest.fixture
def missing(monkeypatch):
    """What draws charts is not installed."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)


@pytest.mark.parametrize("suffix", BEGINNINGS)
def test_files(chart, tmp_path, suffix):
    path = tmp_path / "new" / f"chart.{suffix}"
    assert chart.save(path) == path
    assert path.read_bytes().startswith(BEGINNINGS[suffix])
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_json_file_is_the_spec(chart, tmp_path):
    assert json.loads(chart.save(tmp_path / "c.json").read_text()) == chart.spec


def test_a_page_needs_nothing_else_and_holds_texts_safely(tmp_path):
    evil = "</script><script>alert(1)</script>"
    data = Table(columns=["label", "value"], data=[[evil, 1]])
    page = plot.bar(data, "label", "value", title=evil).save(tmp_path / "c.html").read_text()
    assert page.count("</script>") == 2
    assert "<script>alert" not in page
    assert "<title>&lt;/script&gt;" in page
    own = re.sub("<script>.*?</script>", "", page, count=1, flags=re.DOTALL)  # the library
    assert "vegaEmbed(" in own
    assert not re.search("src=|href=|import", own)


def test_another_suffix_is_refused_before_anything_is_drawn(chart, tmp_path):
    with pytest.raises(artifacts.InvalidInputError, match="cannot be written as") as error:
        chart.save(tmp_path / "c.gif")
    assert ".svg, .png, .pdf, .html, .json" in (error.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(chart, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(artifacts.StorageError, match="could not write"):
        chart.save(tmp_path / "file" / "c.json")


def test_without_the_library(chart, missing, tmp_path):
    with pytest.raises(artifacts.ConfigError, match="vl-convert-python") as error:
        chart.save(tmp_path / "c.svg")
    assert error.value.kind == "not_installed"
    assert "pip install 'artifacts-cas[charts]'" in (error.value.hint or "")
    assert chart.save(tmp_path / "c.json").exists()
    assert "pip install" in chart._repr_html_()


def test_in_a_notebook(chart):
    bundle = chart._repr_mimebundle_()
    assert bundle["application/vnd.vegalite.v5+json"] == chart.spec
    assert bundle["text/plain"] == "<CustomChart artifacts/line/v0 of x, y>"
    assert chart._repr_html_().startswith("<svg")


FORKED = """
import os, sys
from artifacts import StateError
from artifacts.charts.rendering import Form, render

spec = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}
render(spec, Form.SVG)
child = os.fork()
if child == 0:
    try:
        render(spec, Form.SVG)
    except StateError as error:
        os._exit(7 if error.kind == "forked" else 1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_says_that_it_cannot_draw():
    # Without that it would wait for a thread that the fork has left behind.
    done = subprocess.run([sys.executable, "-c", FORKED], check=False, timeout=60)
    assert done.returncode == 7


def test_nothing_is_fetched():
    spec = {"data": {"url": "https://example.com/data.csv"}, "mark": "point", "encoding": {}}
    with pytest.raises(artifacts.InvalidInputError, match="not allowed"):
        render(spec, Form.SVG)


@pytest.mark.parametrize("form", [Form.SVG, Form.HTML])
def test_a_spec_that_cannot_be_drawn(form):
    with pytest.raises(artifacts.InvalidInputError, match=r"cannot be drawn: .*rror"):
        render({"mark": "nonsense", "encoding": {}}, form)


def test_a_spec_of_something_else():
    with pytest.raises(artifacts.InvalidInputError, match="one of Vega;"):
        render({"$schema": "https://vega.github.io/schema/vega/v5.json"}, Form.SVG)


# -- specs


def compile_spec(spec, capfd):
    """Compile a spec; what the compiler has to say of it is an error."""
    import vl_convert

    vl_convert.vegalite_to_vega(json.dumps(spec), vl_version="5.21", show_warnings=True)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", builtin._SPECS)
def test_built_in_specs_are_valid(kind, capfd):
    found = builtin.find(f"wandb/{kind}")
    assert found is not None
    columns = {name: Column(name, "quantitative") for name in places(found.spec).fields}
    for fields in (columns, found.required):
        names = {name: name for name in fields}
        for texts in ({}, dict.fromkeys(places(found.spec).strings, "text")):
            spec = fill(found.spec, Filling(names, texts, columns))
            assert "${" not in json.dumps(spec)
            data = {"table": [dict.fromkeys(columns, 1)]}
            compile_spec(spec | {"datasets": data}, capfd)


@pytest.mark.parametrize(
    "fields", [{}, {"a": "p"}, {"a": "p", "b": "q"}, dict.fromkeys("abc", "p")]
)
def test_plain_charts_are_valid(fields, capfd):
    columns = {"p": Column("p", "quantitative"), "q": Column("q", "nominal")}
    filled = fill(builtin.plain(fields), Filling(fields, {}, columns))
    compile_spec(filled | {"datasets": {"table": [{"p": 1, "q": "x"}]}}, capfd)


ONE = Series("loss", "r1", [0, 1, 2], [1.0, None, 0.25])


@pytest.mark.parametrize(
    "series",
    [
        [ONE],
        [ONE, ONE._replace(run="r2")],
        [ONE, ONE._replace(key="acc")],
        [ONE, ONE._replace(run="r2", key="acc")],
        [ONE._replace(x=[0], y=[1.0])],
    ],
    ids=["one", "runs", "keys", "both", "point"],
)
@pytest.mark.parametrize("smoothed", [False, True])
def test_specs_of_curves_are_valid(series, smoothed, capfd):
    look = Look(title="T", log_y=True)
    compile_spec(lines(series, "_step", look, smoothed=series if smoothed else None), capfd)


def test_specs_of_histograms_are_valid(capfd):
    one = Counts(0, [1, 0, 2], [0.0, 1.0, 2.0, 3.0])
    compile_spec(heat_map([one], "w", "_step", Look()), capfd)
    spec = heat_map([one, one._replace(x=5)], "w", "_step", Look(width=300, height=200))
    compile_spec(spec, capfd)
    assert (spec["width"], spec["height"]) == (300, 200)
    assert spec["datasets"]["table"] == [
        {"x": 0, "x2": 5, "y": 0.0, "y2": 1.0, "count": 1},
        {"x": 0, "x2": 5, "y": 2.0, "y2": 3.0, "count": 2},
        {"x": 5, "x2": 10, "y": 0.0, "y2": 1.0, "count": 1},
        {"x": 5, "x2": 10, "y": 2.0, "y2": 3.0, "count": 2},
    ]


def test_colours_are_runs_or_else_keys():
    other_run, other_key = ONE._replace(run="r2"), ONE._replace(key="acc")
    encoding = lines([ONE, other_run], "_step", Look())["encoding"]
    assert encoding["color"]["field"] == "run"
    assert encoding["y"]["title"] == "loss"
    assert encoding["x"]["title"] == "step"
    encoding = lines([ONE, other_key], "epoch", Look())["encoding"]
    assert encoding["color"]["field"] == "key"
    assert (encoding["x"]["title"], encoding["y"]["title"]) == ("epoch", "value")
    encoding = lines([ONE, other_run, other_key], "_step", Look())["encoding"]
    assert (encoding["color"]["field"], encoding["strokeDash"]["field"]) == ("run", "key")


def test_a_logarithm_has_gaps_where_values_are_not_positive():
    series = ONE._replace(x=range(4), y=[1.0, 0.0, -1.0, float("inf")])
    rows = lines([series], "_step", Look(log_y=True))["datasets"]["table"]
    assert [row["y"] for row in rows] == [1.0, None, None, None]


def test_smoothing():
    assert smooth([1.0, None, 1.0, float("nan")], 0.9) == pytest.approx([1.0, None, 1.0, None])
    first, second = smooth([0.0, 1.0], 0.5)
    assert (first, second) == pytest.approx((0.0, 2 / 3))


def test_thinning_keeps_the_extremes_and_gaps():
    values: list[float | None] = [0.0] * 1000
    values[123], values[777] = 9.0, -9.0
    values[500:600] = [None] * 100
    kept = thinned(range(1000), values, 40)
    assert len(kept) <= 40
    assert {123, 777} <= set(kept)
    assert any(values[number] is None for number in kept)
    assert thinned(range(3), [1, 2, 3], 40) == [0, 1, 2]
