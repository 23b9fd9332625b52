"""Draws specs of Vega-Lite, without a browser and without a network."""

from __future__ import annotations

import functools
import json
import os
from enum import StrEnum
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.media._needs import need
from artifacts.store.errors import InvalidInputError, StateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_VERSIONS = {"v5": "5.21", "v6": "6.4"}
_FAMILY, _OTHER = "/schema/vega-lite/", "/schema/vega/"
_SHARP = 2.0
_owner: dict[str, int] = {}

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<title>{title}</title>
<script>{library}</script>
</head>
<body>
<div id="chart"></div>
<script>
vegaEmbed("#chart", {spec}, {{renderer: "svg", actions: {{export: true, editor: false}}}});
</script>
</body>
</html>
"""


class Form(StrEnum):
    """As what a chart is written; the suffix of its file."""

    SVG = "svg"
    PNG = "png"
    PDF = "pdf"
    HTML = "html"
    JSON = "json"


def form_of(path: str | os.PathLike[str]) -> Form:
    """Return as what a chart is written into a file of that name.

    Raises:
        InvalidInputError: Its suffix is none of those.
    """
    suffix = Path(path).suffix.removeprefix(".").lower()
    if suffix not in set(Form):
        raise InvalidInputError(
            f"a chart cannot be written as {os.fspath(path)!r}",
            hint=f"choose a name that ends with {', '.join(f'.{form}' for form in Form)}",
        )
    return Form(suffix)


def render(spec: Mapping[str, Any], form: Form) -> bytes:
    """Return a chart as the contents of a file.

    Args:
        spec: Of Vega-Lite, with its data.
        form: The kind of file. Pictures of dots have two for each unit of the spec.

    Raises:
        ConfigError: What draws charts is not installed; JSON needs nothing.
        StateError: This process was forked from one that had drawn charts.
        InvalidInputError: The spec cannot be drawn.
    """
    check_schema(spec)
    if form is Form.JSON:
        return json.dumps(spec, indent=2).encode() + b"\n"
    converter = _converter()
    version = _version(spec)
    # Nothing is fetched: data that a spec names by address is not there.
    closed: dict[str, Any] = {"vl_version": version, "allowed_base_urls": []}
    given = json.dumps(spec)
    try:
        if form is Form.SVG:
            return bytes(converter.vegalite_to_svg(given, **closed).encode())
        if form is Form.PNG:
            return bytes(converter.vegalite_to_png(given, scale=_SHARP, **closed))
        if form is Form.PDF:
            return bytes(converter.vegalite_to_pdf(given, **closed))
        # The page draws it; this says whether there is something to draw.
        converter.vegalite_to_vega(given, vl_version=version)
    except ValueError as error:
        raise InvalidInputError(
            f"the chart cannot be drawn: {_reason(error)}", hint="look at its spec"
        ) from error
    return _page(spec, _library(converter, version)).encode()


def check_schema(spec: Mapping[str, Any]) -> None:
    """Make sure that a spec is one of Vega-Lite, as far as it says what it is.

    Raises:
        InvalidInputError: It is of something else.
    """
    schema = str(spec.get("$schema", _FAMILY))
    if _FAMILY not in schema:
        what = "Vega" if _OTHER in schema else repr(schema)
        raise InvalidInputError(
            f"the spec is one of {what}; charts are drawn from Vega-Lite",
            hint="its $schema is https://vega.github.io/schema/vega-lite/v5.json",
        )


def _converter() -> ModuleType:
    """Return what draws charts.

    Raises:
        ConfigError: It is not installed.
        StateError: It was used before this process was forked.
    """
    converter = need("vl_convert", "vl-convert-python", extra="charts")
    # It works in a thread of its own, which a fork leaves behind: a call would never return.
    if _owner.setdefault("pid", os.getpid()) != os.getpid():
        raise StateError(
            "this process was forked from one that had drawn charts, and cannot draw any itself",
            hint="draw them in the parent, or start processes with 'spawn'",
            kind="forked",
        )
    return converter


@functools.cache
def _library(converter: ModuleType, version: str) -> str:
    """Return what a browser needs to draw a spec of that version."""
    return str(converter.javascript_bundle(_SNIPPET, vl_version=version))


def _page(spec: Mapping[str, Any], library: str) -> str:
    # Within a script, only "<" can end it or begin a comment.
    text = json.dumps(spec).replace("<", "\\u003c")
    title = spec.get("title")
    return _PAGE.format(
        title=escape(title if isinstance(title, str) else "chart"), library=library, spec=text
    )


def _version(spec: Mapping[str, Any]) -> str:
    major = str(spec.get("$schema", "")).rpartition("/")[2].partition(".")[0]
    return _VERSIONS.get(major, _VERSIONS["v5"])


def _reason(error: ValueError) -> str:
    """Return what the first line that says something says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "rror:" in line), lines[0] if lines else "no reason")
