"""How a `LineageGraph` is written for other programs: a format is one module beside this.

A module has one function, ``lines(graph)``, which yields lines of text without line ends. It has
to escape what users have named, and to write equal graphs equally.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.lineage.graph import LineageGraph

FORMATS = {
    "json": "document",
    "dot": "dot",
    "mermaid": "mermaid",
    "openlineage": "openlineage",
    "prov": "prov",
}
"""The module of each format."""


def write(graph: LineageGraph, name: str) -> Iterator[str]:
    """Yield the lines of a graph in a format.

    Args:
        graph: What to write.
        name: One of `FORMATS`.

    Raises:
        InvalidInputError: There is no such format.
    """
    if name not in FORMATS:
        raise InvalidInputError(
            f"there is no format {name!r} for lineage", hint=f"choose one of: {', '.join(FORMATS)}"
        )
    module = import_module(f"{__name__}.{FORMATS[name]}")
    lines: Iterator[str] = module.lines(graph)
    return lines
