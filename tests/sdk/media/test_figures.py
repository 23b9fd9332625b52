"""Figures of Plotly, Bokeh and Matplotlib: they come back, and what becomes of Matplotlib's."""

import builtins
import io
import json
import sys

import matplotlib as mpl
import numpy as np
import PIL.Image
import pytest
from bokeh.document import Document
from bokeh.plotting import figure as bokeh_figure
from plotly import graph_objects

import artifacts
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def plotly_figure():
    values = np.array([1.5, 2.5, 3.5], np.float32)
    return graph_objects.Figure(graph_objects.Scatter(x=[1, 2, 3], y=values, name="größer"))


def axes_of(**options):
    return Figure(figsize=(3, 2), dpi=50, **options).add_subplot()


def plotted():
    axes = axes_of()
    axes.plot([1, 2, 3], [1, 4, 9], label="squares")
    axes.scatter([1, 2], [3, 4])
    axes.set_title("Title")
    axes.set_xlabel("x")
    axes.legend()
    return axes.figure


@pytest.fixture
def bokeh_plot():
    plot = bokeh_figure(title="line")
    plot.line(np.arange(3.0), [3, 1, 2])
    return plot


@pytest.mark.parametrize("through", [through_artifact, through_run])
@pytest.mark.parametrize("wrap", [artifacts.Plotly, artifacts.Plotly.make_plot_media])
def test_a_figure_of_plotly_comes_back_exactly(through, wrap):
    given = plotly_figure()
    found = through(wrap(given))
    assert found.figure == found.plot == given
    assert found["_type"] == "plotly-file"
    assert found["path"].startswith("media/plotly/")
    assert found["path"].endswith(".plotly.json")
    assert json.loads(contents(found))["data"][0]["x"] == [1, 2, 3]


def test_figures_are_logged_by_themselves():
    found = through_run(plotly_figure())
    assert isinstance(found, artifacts.Plotly)
    assert found.figure == plotly_figure()


class OwnFigure(graph_objects.Figure):  # type: ignore[misc]
    """One of a class that is not Plotly's."""


def test_figures_of_derived_classes_are_logged_by_themselves():
    assert isinstance(through_run(OwnFigure(plotly_figure())), artifacts.Plotly)


def test_the_same_figure_is_the_same_file():
    assert contents(artifacts.Plotly(plotly_figure())) == contents(
        artifacts.Plotly(plotly_figure())
    )


@pytest.mark.parametrize(
    "part",
    [lambda f: f, lambda f: f.axes[0], lambda f: f.axes[0].lines[0]],
    ids=["figure", "axes", "line"],
)
def test_curves_and_points_of_matplotlib_become_plotlys(part):
    found = through_run(part(plotted()))
    assert isinstance(found, artifacts.Plotly)
    curve, points = found.figure.data
    assert (list(curve.x), list(curve.y), curve.name) == ([1, 2, 3], [1, 4, 9], "squares")
    assert (list(points.x), list(points.y), points.mode) == ([1, 2], [3, 4], "markers")
    assert found.figure.layout.title.text == "Title"
    assert found.figure.layout.showlegend


def test_the_current_figure_of_pyplot():
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    found = through_run(plt)
    assert list(found.figure.data[0].y) == [1, 2]
    assert not found.figure.layout.showlegend
    assert not plt.fignum_exists(figure.number)


@pytest.mark.parametrize("draw", ["plot", "bar"])
def test_a_figure_that_is_logged_stays_open(draw):
    figure, axes = plt.subplots()
    getattr(axes, draw)([1, 2], [3, 4])
    through_run(figure)
    assert plt.fignum_exists(figure.number)
    plt.close(figure)


def shown_otherwise():
    """Things that Plotly's converter leaves out or shows as something else."""
    twins = axes_of()
    twins.plot([1, 2])
    twins.twinx().plot([4, 3])
    yield "axes in one place", twins
    polar = Figure().add_subplot(projection="polar")
    polar.plot([1, 2])
    yield "polar", polar
    for name, draw in {
        "image": lambda axes: axes.imshow(np.eye(3)),
        "bars": lambda axes: axes.bar([1, 2], [3, -4]),
        "hist": lambda axes: axes.hist([1, 2, 2]),
        "pie": lambda axes: axes.pie([1, 2]),
        "filled": lambda axes: axes.fill_between([1, 2], [3, 4]),
        "contour": lambda axes: axes.contour(np.arange(9).reshape(3, 3)),
        "boxes": lambda axes: axes.boxplot([1, 2, 9]),
        "error bars": lambda axes: axes.errorbar([1, 2], [3, 4], yerr=1),
        "line across": lambda axes: axes.axhline(1),
        "steps": lambda axes: axes.step([1, 2], [3, 4]),
        "text": lambda axes: axes.text(0, 0, "text"),
        "colours": lambda axes: axes.scatter([1, 2], [3, 4], c=[1, 2]),
        "sizes": lambda axes: axes.scatter([1, 2], [3, 4], s=[1, 2]),
        "categories": lambda axes: axes.plot(["a", "b"], [1, 2]),
        "labels": lambda axes: axes.set_xticks([0, 1], ["a", "b"]),
        "aspect": lambda axes: axes.set_aspect("equal"),
        "scale": lambda axes: axes.set_yscale("symlog"),
        "no axis": lambda axes: axes.set_axis_off(),
        "title": lambda axes: axes.figure.suptitle("Title"),
    }.items():
        axes = axes_of()
        if name != "categories":
            axes.plot([1, 2])
        draw(axes)
        yield name, axes


@pytest.mark.parametrize("axes", [pytest.param(axes, id=name) for name, axes in shown_otherwise()])
def test_what_plotly_shows_otherwise_becomes_an_image(axes):
    media = artifacts.Plotly.make_plot_media(axes)
    assert isinstance(media, artifacts.Image)
    with pytest.raises(artifacts.InvalidInputError, match="cannot show as it is") as caught:
        artifacts.Plotly(axes)
    assert caught.value.kind == "not_convertible"
    assert "an Image of it" in hint_of(caught)


def test_an_image_of_a_figure_comes_back():
    axes = axes_of()
    axes.pie([1, 2])
    image = through_run(axes.figure)
    assert (image.width, image.height, image.format) == (150, 100, "png")
    expected = io.BytesIO()
    axes.figure.savefig(expected)
    with PIL.Image.open(expected) as picture:
        assert np.array_equal(np.asarray(image.image), np.asarray(picture))


def test_a_figure_that_the_converter_fails_on_becomes_an_image(monkeypatch):
    def fail(exporter, figure):
        raise KeyError("bottom")

    monkeypatch.setattr("plotly.matplotlylib.Exporter.run", fail)
    assert isinstance(artifacts.Plotly.make_plot_media(plotted()), artifacts.Image)


def test_a_figure_of_which_the_converter_loses_a_part_becomes_an_image(monkeypatch):
    monkeypatch.setattr("plotly.matplotlylib.Exporter.run", lambda *_: None)
    assert isinstance(artifacts.Plotly.make_plot_media(plotted()), artifacts.Image)


@pytest.fixture
def no_plotly(monkeypatch):
    """Plotly is not installed, also where it was imported before."""
    import_ = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "plotly":
            raise ModuleNotFoundError("No module named 'plotly'", name="plotly")
        return import_(name, *arguments, **options)

    for name in [name for name in sys.modules if name.partition(".")[0] == "plotly"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(builtins, "__import__", without)


def test_without_plotly(no_plotly):
    assert isinstance(artifacts.Plotly.make_plot_media(plotted()), artifacts.Image)
    with pytest.raises(artifacts.ConfigError, match="needs plotly") as caught:
        artifacts.Plotly(plotted())
    assert hint_of(caught) == "install it with: pip install plotly"


@pytest.mark.parametrize(
    "value", [5, {"data": []}, "figure", graph_objects.Scatter(), mpl.colormaps], ids=str
)
def test_what_is_no_figure(value):
    with pytest.raises(artifacts.InvalidTypeError, match="val must be a figure"):
        artifacts.Plotly(value)


def test_nothing_to_draw():
    with pytest.raises(artifacts.InvalidInputError, match="the figure is empty"):
        artifacts.Plotly.make_plot_media(axes_of())
    line = mpl.lines.Line2D([1], [2])
    with pytest.raises(artifacts.InvalidInputError, match="the Line2D is in no figure"):
        artifacts.Plotly.make_plot_media(line)


def test_an_empty_figure_is_not_logged(run):
    with pytest.raises(artifacts.InvalidInputError, match="the figure is empty"):
        run.log({"figure": Figure()})
    assert run.step == 0


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_a_plot_of_bokeh_comes_back(through, bokeh_plot):
    found = through(artifacts.Bokeh(bokeh_plot))
    [root] = found.document.roots
    assert root.title.text == "line"
    assert root.renderers[0].data_source.data["y"] == [3, 1, 2]
    assert root.renderers[0].data_source.data["x"].tolist() == [0, 1, 2]
    assert found["_type"] == "bokeh-file"
    assert found["path"].startswith("media/bokeh/")
    assert found["path"].endswith(".bokeh.json")


def test_a_plot_of_bokeh_is_not_changed(bokeh_plot):
    first, second = (contents(artifacts.Bokeh(bokeh_plot)) for _ in range(2))
    document = Document()
    document.add_root(bokeh_plot)
    third = artifacts.Bokeh(bokeh_plot)
    assert bokeh_plot.document is document
    assert contents(third) == contents(artifacts.Bokeh(document))
    roots = [json.loads(data)["roots"] for data in (first, second, contents(third))]
    assert roots[0] == roots[1] == roots[2]


def test_plots_of_bokeh_are_logged_by_themselves(bokeh_plot):
    assert isinstance(through_run(bokeh_plot), artifacts.Bokeh)


def test_a_file_of_bokeh_is_kept_as_it_is(bokeh_plot, tmp_path):
    path = tmp_path / "plot.json"
    path.write_bytes(contents(artifacts.Bokeh(bokeh_plot)))
    found = through_artifact(artifacts.Bokeh(path))
    assert contents(found) == path.read_bytes()
    assert found.document.roots[0].title.text == "line"


def test_what_is_nothing_of_bokeh(tmp_path):
    path = tmp_path / "plot.json"
    for content in ("{", '{"a": 1}', "[]"):
        path.write_text(content)
        with pytest.raises(
            artifacts.InvalidInputError, match=r"plot\.json is no document of Bokeh"
        ):
            artifacts.Bokeh(path)
    with pytest.raises(artifacts.InvalidInputError, match="does not exist"):
        artifacts.Bokeh(tmp_path / "none.json")
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path must be a plot"):
        artifacts.Bokeh(5)
