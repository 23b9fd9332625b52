"""Figures of Matplotlib: finding them, drawing them, and which of them Plotly can show."""

from __future__ import annotations

import io
import logging
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

log = logging.getLogger("artifacts")

_PYPLOT = "matplotlib.pyplot"


def find_figure(value: Any) -> Figure | None:
    """Return the figure that something of Matplotlib's is, or belongs to.

    Args:
        value: A figure, something in one such as its axes, or the ``pyplot`` module, for the
            current one.

    Returns:
        The figure; None if it is nothing that could be in one.

    Raises:
        InvalidInputError: It is in no figure, or there is nothing in the figure.
    """
    if isinstance(value, ModuleType):
        if value.__name__ != _PYPLOT:
            return None
        if not value.get_fignums():
            raise _empty("there is no figure")
        value = value.gcf()
    elif not any(class_.__module__.startswith("matplotlib.") for class_ in type(value).__mro__):
        return None
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    if not isinstance(value, Artist):
        return None
    figure: Any = value
    while isinstance(figure, Artist) and not isinstance(figure, Figure):
        figure = figure.figure  # a part of a figure may have a figure of its own
    if not isinstance(figure, Figure):
        raise InvalidInputError(f"the {type(value).__name__} is in no figure")
    if not _has_something(figure):
        raise _empty("the figure is empty")
    return figure


def _empty(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"{what}", hint="log it before it is shown or closed, or pass the figure", kind="no_figure"
    )


def _has_something(figure: Figure) -> bool:
    own: Iterable[Any] = [*figure.texts, *figure.images, *figure.lines, *figure.patches]
    return any(own) or any(
        axes.has_data() or axes.texts or axes.tables or axes.artists for axes in figure.axes
    )


def render(figure: Figure) -> bytes:
    """Return a figure as PNG, as large as its size and its resolution say."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi, metadata={"Software": None})
    return file.getvalue()


def to_plotly(figure: Figure) -> Any | None:
    """Return a figure as one of Plotly's.

    Plotly's converter is not kept up with Matplotlib. What it does not know it leaves out without
    a word, and some of what it knows is wrong: a bar below zero becomes one above. So a figure is
    converted if it has nothing but what is shown rightly, which are curves and clouds of points.

    Returns:
        None if Plotly is not installed or something of the figure would be lost.
    """
    parts = _known_parts(figure)
    if not parts:
        return None
    try:
        from plotly.matplotlylib import Exporter, PlotlyRenderer
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of legends, and of what Matplotlib will not have
            renderer = PlotlyRenderer()
            Exporter(renderer, close_mpl=False).run(figure)
    except Exception as error:  # noqa: BLE001 - of many kinds, and the picture is as good
        log.debug("Plotly cannot convert a figure, which is kept as an image: %r", error)
        return None
    converted = renderer.plotly_fig
    if len(converted.data) != parts:
        return None
    legends = any(axes.get_legend() is not None for axes in figure.axes)
    return converted.update_layout(showlegend=legends)  # it would show one of several curves


def _known_parts(figure: Figure) -> int:
    """Return how many curves and clouds of points a figure has, 0 if it has anything else."""
    if figure.texts or figure.images or figure.lines or figure.patches or figure.subfigs:
        return 0
    places = {axes.get_position().bounds for axes in figure.axes}
    counts = [_known_in(axes) for axes in figure.axes]
    # Axes in one place have a common side, which Plotly would show twice.
    return sum(counts) if all(counts) and len(places) == len(counts) else 0


def _known_in(axes: Axes) -> int:
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D

    if not _is_plain(axes):
        return 0
    curves = [each for each in axes.lines if type(each) is Line2D and _is_curve(each, axes)]
    clouds = [each for each in axes.collections if type(each) is PathCollection and _is_cloud(each)]
    known = len(curves) == len(axes.lines) and len(clouds) == len(axes.collections)
    return len(curves) + len(clouds) if known else 0


def _is_plain(axes: Axes) -> bool:
    """Whether there is nothing about axes that Plotly would show otherwise."""
    from matplotlib.ticker import LogFormatter, ScalarFormatter

    others = (axes.texts, axes.images, axes.patches, axes.tables, axes.artists, axes.child_axes)
    if any(others):
        return False
    return (
        axes.name == "rectilinear"
        and axes.axison
        and axes.get_aspect() == "auto"
        and all(
            axis.get_scale() in {"linear", "log"}
            and not axis.have_units()
            and isinstance(axis.get_major_formatter(), LogFormatter | ScalarFormatter)
            for axis in (axes.xaxis, axes.yaxis)
        )
    )


def _is_curve(line: Line2D, axes: Axes) -> bool:
    """Whether a line is not one across the axes, whatever they show, and has no steps."""
    return line.get_transform() == axes.transData and line.get_drawstyle() == "default"


def _is_cloud(points: PathCollection) -> bool:
    """Whether all points look the same."""
    return (
        points.get_array() is None
        and len(points.get_paths()) == 1
        and len(points.get_facecolor()) == 1
        and len(points.get_sizes()) == 1
    )
