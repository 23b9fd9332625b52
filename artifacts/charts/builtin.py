"""The specs that charts have by name: templates of Vega-Lite (see `artifacts.charts.templates`)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"

_PREFIX = re.compile(r"^(?:artifacts|wandb)/")
_WIDTH, _HEIGHT = 480, 300
_MATRIX = 360
_MOST_TEXTS = 24


class Builtin(NamedTuple):
    """A spec that has a name.

    Attributes:
        spec: The template.
        required: Fields without which there is no chart; those of the others may lack a column.
    """

    spec: dict[str, Any]
    required: tuple[str, ...]


def find(name: str) -> Builtin | None:
    """Return a spec by its name, such as ``wandb/line/v0`` or ``artifacts/line/v0``."""
    kind = kind_of(name)
    return None if kind is None else _SPECS[kind]


def kind_of(name: str) -> str | None:
    """Return the name of a spec without what is before it: ``line/v0``; None for no such spec."""
    kind = _PREFIX.sub("", name)
    return kind if kind != name and kind in _SPECS else None


def plain(fields: dict[str, str]) -> dict[str, Any]:
    """Return a spec for a chart of which nothing is known but its fields.

    Args:
        fields: Columns by the names of the fields; the first two are drawn against each other.
    """
    first, *others = fields or {"x": "x"}
    encoding = {"x": _axis("x", first)}
    encoding["y"] = _axis("y", others[0]) if others else {"aggregate": "count", "title": "count"}
    if len(others) > 1:
        encoding["color"] = _color(others[1])
    mark = {"type": "point" if others else "bar", "tooltip": True}
    return _spec(mark, encoding)


def _spec(
    mark: dict[str, Any], encoding: dict[str, Any], *, width: int = _WIDTH, height: int = _HEIGHT
) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "title": "${string:title}",
        "data": {"name": "table"},
        "width": width,
        "height": height,
        "mark": mark,
        "encoding": encoding,
    }


def _axis(channel: str, field: str, *, zero: bool | None = None, **settings: Any) -> dict[str, Any]:
    """Return a position: an axis, its title, and its scale, which has 0 if that is said."""
    axis: dict[str, Any] = {
        "field": f"${{field:{field}}}",
        "type": f"${{type:{field}}}",
        "title": f"${{string:{channel}-axis-title|field:{field}}}",
    }
    if zero is not None:
        axis["scale"] = {"zero": zero}
    return axis | settings


def _color(field: str) -> dict[str, Any]:
    # Without an order of its own: that in which they come.
    return {
        "field": f"${{field:{field}}}",
        "type": "nominal",
        "sort": None,
        "title": f"${{field:{field}}}",
    }


def _line() -> dict[str, Any]:
    encoding = {
        "x": _axis("x", "x", zero=False),
        "y": _axis("y", "y", zero=False),
        "color": _color("stroke"),
    }
    return _spec({"type": "line", "tooltip": True}, encoding)


def _line_series() -> dict[str, Any]:
    encoding = {
        "x": _axis("x", "step", zero=False, title="${string:xname|field:step}"),
        "y": _axis("y", "lineVal", zero=False, title="${string:y-axis-title|y}"),
        "color": _color("lineKey") | {"title": None},
    }
    return _spec({"type": "line", "tooltip": True}, encoding)


def _curve() -> dict[str, Any]:
    encoding = {
        "x": _axis("x", "x", scale={"nice": False}),
        "y": _axis("y", "y"),
        "color": _color("class"),
    }
    return _spec({"type": "line", "tooltip": True, "clip": True}, encoding, height=_MATRIX)


def _scatter() -> dict[str, Any]:
    encoding = {
        "x": _axis("x", "x", zero=False),
        "y": _axis("y", "y", zero=False),
        "color": _color("groupKeys"),
    }
    return _spec({"type": "point", "filled": True, "opacity": 0.7, "tooltip": True}, encoding)


def _bar() -> dict[str, Any]:
    # Several rows of one label are averaged, as in the reference.
    encoding = {
        "x": {
            "aggregate": "mean",
            "field": "${field:value}",
            "type": "quantitative",
            "title": "${string:x-axis-title|field:value}",
        },
        "y": _axis("y", "label", type="nominal", sort=None),
        "color": _color("groupKeys"),
        "yOffset": {"field": "${field:groupKeys}", "type": "nominal", "sort": None},
    }
    spec = _spec({"type": "bar", "tooltip": True}, encoding)
    return spec | {"height": {"step": 24}}


def _histogram() -> dict[str, Any]:
    encoding = {
        "x": _axis("x", "value", type="quantitative", bin={"maxbins": 30}),
        "y": {
            "aggregate": "count",
            "type": "quantitative",
            "title": "${string:y-axis-title|count}",
        },
        "color": _color("groupKeys"),
    }
    return _spec({"type": "bar", "tooltip": True}, encoding)


def _matrix(x: str, y: str, value: str, *, text: str | None = None) -> dict[str, Any]:
    """Return a matrix of cells, coloured by their values.

    Args:
        text: Format in which the values are written into the cells; None leaves them out.
    """
    place = f"${{field:{value}}}"
    color = {"field": place, "type": "quantitative", "title": place, "scale": {"scheme": "blues"}}
    cells = {"mark": {"type": "rect", "tooltip": True}, "encoding": {"color": color}}
    spec = _spec({}, {}, width=_MATRIX, height=_MATRIX)
    del spec["mark"]
    spec["encoding"] = {
        "x": _axis("x", x, type="nominal", sort=None, axis={"labelAngle": -40}),
        "y": _axis("y", y, type="nominal", sort=None),
    }
    spec["layer"] = [cells] if text is None else [cells, _texts(place, text)]
    if text is not None:
        spec["transform"] = [_summary(place)]
    return spec


def _texts(place: str, form: str) -> dict[str, Any]:
    """Return the layer that writes values into cells, where they are small enough in number."""
    middle = "(datum.lowest + datum.highest) / 2"
    return {
        "mark": {"type": "text"},
        "encoding": {
            "text": {"field": place, "type": "quantitative", "format": form},
            "size": {
                "condition": {"test": f"datum.cells > {_MOST_TEXTS**2}", "value": 0},
                "value": 11,
            },
            "color": {
                "condition": {"test": f"datum['{place}'] > {middle}", "value": "white"},
                "value": "black",
            },
        },
    }


def _summary(place: str) -> dict[str, Any]:
    """Return what tells each cell of all."""
    return {
        "joinaggregate": [
            {"op": "count", "as": "cells"},
            {"op": "min", "field": place, "as": "lowest"},
            {"op": "max", "field": place, "as": "highest"},
        ]
    }


def _heat_map(*, text: bool) -> dict[str, Any]:
    spec = _matrix("x_axis", "y_axis", "values", text=".3~g" if text else None)
    spec["encoding"]["x"]["title"] = "${string:x-axis-title| }"
    spec["encoding"]["y"]["title"] = "${string:y-axis-title| }"
    if text:  # wide enough for the numbers
        spec |= {"width": {"step": 44}, "height": {"step": 30}}
    return spec


_SPECS = {
    "line/v0": Builtin(_line(), ("x", "y")),
    "lineseries/v0": Builtin(_line_series(), ("step", "lineKey", "lineVal")),
    "bar/v0": Builtin(_bar(), ("label", "value")),
    "scatter/v0": Builtin(_scatter(), ("x", "y")),
    "histogram/v0": Builtin(_histogram(), ("value",)),
    "area-under-curve/v0": Builtin(_curve(), ("x", "y")),
    "confusion_matrix/v1": Builtin(
        _matrix("Predicted", "Actual", "nPredictions", text=".4~g"),
        ("Actual", "Predicted", "nPredictions"),
    ),
    "heatmap/v1": Builtin(_heat_map(text=True), ("x_axis", "y_axis", "values")),
    "heatmap_no_text/v1": Builtin(_heat_map(text=False), ("x_axis", "y_axis", "values")),
}
