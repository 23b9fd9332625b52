"""The media and tables of this package, where scripts that were written for W&B look for them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = (
    "Audio BoundingBoxes2D Classes Histogram Html Image ImageMask JoinedTable Molecule Object3D "
    "PartitionedTable Plotly Table Video"
)
_HOMES = {
    **dict.fromkeys(_PUBLIC.split(), "artifacts"),
    "Bokeh": "artifacts.media.figures",
    "Media": "artifacts.media.base",
    "WBValue": "artifacts.media.base",
}
_OTHER_NAMES = {"WBValue": "Media"}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a list of the names above


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), _OTHER_NAMES.get(name, name))


def __dir__() -> list[str]:
    return list(__all__)
