"""`art run plot`: charts, histograms and measurements, in the terminal and as files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import artifacts
from artifacts import plot
from artifacts.cli import _plots
from artifacts.tables.table import Table


@pytest.fixture
def charted(art, store, prepared, monkeypatch):
    """Runs ``fit-1`` and ``fit-2`` with numbers, histograms and charts."""

    def make_charted():
        for number in (1, 2):
            with artifacts.init(store=".artifacts", project="demo", id=f"fit-{number}") as run:
                for step in range(8):
                    run.log({"loss": number / (step + 1), "w": np.linspace(-1, 1 + step, 40)})
                run.log({"last": np.linspace(0, 1, 64)})
                run.log(charts())
                run._rows.measure({"system.cpu": 10.0})
                run._rows.measure({"system.cpu": 30.0})

    prepared(make_charted)
    Path("artifacts.toml").write_text('project = "demo"\n')
    monkeypatch.setattr(_plots, "can_show_blocks", lambda: False)


def charts():
    points = Table(
        columns=["x", "y", "k"],
        data=[[x, x * slope, f"k{slope}"] for slope in (1, 2) for x in range(3)],
    )
    bars = Table(columns=["name", "acc"], data=[["one", 0.5], ["two", 1.0], ["two", 0.0]])
    return {
        "line": plot.line(points, "x", "y", stroke="k", title="Lines"),
        "points": plot.scatter(points, "x", "y"),
        "bars": plot.bar(bars, "name", "acc"),
        "often": plot.histogram(points, "y"),
        "matrix": plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["a", "b"]),
        "mine": artifacts.plot_table("team/unknown", points, {"p": "x", "q": "y"}),
    }


# -- in the terminal


def test_lines(art, charted):
    assert art("run", "plot", "fit-1", "line", "--height", "3", "--width", "20").lines == [
        "Lines",
        "* k1  + k2",
        "4 |            +++++",
        "2 |     +++++++ ****",
        "0 |+++++********",
        "  +-----------------",
        "   0               2",
    ]


def test_points_are_not_connected(art, charted):
    lines = art("run", "plot", "fit-1", "points", "--height", "3", "--width", "20").lines
    assert lines[0] == "points"
    assert [line.count("*") for line in lines[1:4]] == [1, 2, 2]


def test_bars_are_means(art, charted):
    assert art("run", "plot", "fit-1", "bars", "--width", "20").lines == [
        "bars",
        "one ############ 0.5",
        "two ############ 0.5",
    ]


def test_a_histogram_of_a_column(art, charted):
    lines = art("run", "plot", "fit-1", "often").lines
    assert lines[1].split()[-1] == "2"
    assert sum(int(line.split()[-1]) for line in lines[1:]) == 6


def test_a_confusion_matrix(art, charted):
    assert art("run", "plot", "fit-1", "matrix").lines == [
        "matrix",
        "Actual \\ Predicted  a  b",
        "a                   1  0",
        "b                   1  1",
    ]


def test_a_spec_that_is_not_built_in_is_shown_as_its_table(art, charted):
    lines = art("run", "plot", "fit-1", "mine").lines
    assert lines[:3] == ["mine", "x  y  k", "0  0  k1"]


def test_histograms_over_steps(art, charted):
    lines = art("run", "plot", "fit-1", "w", "--height", "4", "--width", "24").lines
    assert [line.partition("|")[0].strip() for line in lines[1:5]] == ["8", "", "2", "-1"]
    top, bottom = (line.partition("|")[2] for line in (lines[1], lines[4]))
    assert top.startswith(" ")
    assert bottom[0] == "#"
    assert all(len(line) <= 24 for line in lines)


def test_a_single_histogram(art, charted):
    lines = art("run", "plot", "fit-1", "last", "--width", "40").lines
    assert len(lines) == 17
    assert sum(float(line.split()[-1]) for line in lines[1:]) == 64


def test_what_was_measured_of_the_system(art, charted):
    found = art("run", "plot", "fit-1", "system.cpu", "--json").json
    assert found["x"] == "_runtime"
    assert [y for _, y in found["curves"][0]["points"]] == [10.0, 30.0]


def test_smoothing_and_a_logarithm(art, charted):
    found = art("run", "plot", "fit-1", "loss", "--smooth", "0.5", "--json").json
    first, second = (y for _, y in found["curves"][0]["points"][:2])
    assert (first, second) == pytest.approx((1.0, 2 / 3))
    lines = art("run", "plot", "fit-1", "loss", "--log-y", "--height", "3").lines
    labels = [line.partition("|")[0].strip() for line in lines[1:4]]
    assert labels == ["1", "0.3536", "0.125"]


def test_a_chart_as_json(art, charted):
    found = art("run", "plot", "fit-1", "bars", "--json").json
    assert found["key"] == "bars"
    assert found["spec"]["datasets"]["table"][0] == {"name": "one", "acc": 0.5}


@pytest.mark.parametrize("keys", [["bars", "loss"], ["loss", "w"], ["line", "--compare", "fit-2"]])
def test_charts_and_histograms_are_drawn_by_themselves(art, charted, keys):
    assert "is drawn by itself" in art("run", "plot", "fit-1", *keys, code=2).err


def test_keys_that_can_be_drawn_are_offered(art, charted):
    from click.shell_completion import ShellComplete

    from artifacts.cli.main import cli

    complete = ShellComplete(cli, {}, "art", "_ART_COMPLETE")
    offered = [each.value for each in complete.get_completions(["run", "plot", "fit-1"], "l")]
    assert {"line", "loss", "last"} <= set(offered)


# -- files


def spec_of(art, *arguments):
    art("run", "plot", *arguments, "-o", "chart.json")
    return json.loads(Path("chart.json").read_bytes())


def test_curves_of_runs_as_a_spec(art, charted):
    spec = spec_of(art, "fit-1", "loss", "--compare", "fit-2", "--title", "T", "--width", "200")
    assert (spec["title"], spec["width"]) == ("T", 200)
    assert spec["encoding"]["color"]["field"] == "run"
    rows = spec["datasets"]["table"]
    assert [row["y"] for row in rows if row["run"] == "fit-2"] == [2 / (n + 1) for n in range(8)]


def test_a_smoothed_curve_is_drawn_over_the_values(art, charted):
    spec = spec_of(art, "fit-1", "loss", "--smooth", "0.5", "--log-y")
    assert [layer["data"]["name"] for layer in spec["layer"]] == ["table", "smoothed"]
    assert spec["encoding"]["y"]["scale"] == {"type": "log"}
    assert spec["datasets"]["smoothed"][1]["y"] == pytest.approx(2 / 3)


def test_a_chart_keeps_its_spec_but_for_what_is_asked(art, charted):
    stored = artifacts.Api(store=".artifacts").run("demo/fit-1").charts()["line"].spec
    assert spec_of(art, "fit-1", "line") == stored
    chosen = spec_of(art, "fit-1", "line", "--title", "T", "--height", "100")
    assert chosen == {**stored, "title": "T", "height": 100}


@pytest.mark.parametrize("suffix", ["svg", "png"])
@pytest.mark.parametrize("key", ["loss", "w", "last", "line", "matrix", "mine", "system.cpu"])
def test_pictures(art, charted, key, suffix):
    result = art("run", "plot", "fit-1", key, "-o", f"out/{key}.{suffix}")
    assert result.out == f"wrote out/{key}.{suffix}\n"
    beginning = {"svg": b"<svg", "png": b"\x89PNG"}[suffix]
    assert Path(f"out/{key}.{suffix}").read_bytes().startswith(beginning)


def test_what_is_said_of_a_file(art, charted):
    assert art("run", "plot", "fit-1", "loss", "-o", "a.json", "--json").json == {
        "path": "a.json",
        "format": "json",
    }
    assert art("-q", "run", "plot", "fit-1", "loss", "-o", "a.json").lines == ["a.json"]


def test_files_that_cannot_be_written(art, charted, monkeypatch):
    assert ".svg, .png" in art("run", "plot", "fit-1", "loss", "-o", "a.gif", code=2).err
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    result = art("run", "plot", "fit-1", "loss", "-o", "a.svg", code=2)
    assert "pip install 'artifacts-cas[charts]'" in result.err
    assert not Path("a.svg").exists()
