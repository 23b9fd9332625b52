"""Which class a description is of, and which one stands for an object of another library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from artifacts.media.base import TYPE, Media

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts.media.base import Files

_HOMES = {
    "audio-file": "artifacts.media.audio:Audio",
    "bokeh-file": "artifacts.media.figures:Bokeh",
    "classes": "artifacts.media.classes:Classes",
    "histogram": "artifacts.media.histogram:Histogram",
    "html-file": "artifacts.media.html:Html",
    "image-file": "artifacts.media.images:Image",
    "joined-table": "artifacts.tables.joined:JoinedTable",
    "molecule-file": "artifacts.media.molecule:Molecule",
    "object3D-file": "artifacts.media.object3d:Object3D",
    "partitioned-table": "artifacts.tables.partitioned:PartitionedTable",
    "plotly-file": "artifacts.media.figures:Plotly",
    "table-file": "artifacts.tables.table:Table",
    "video-file": "artifacts.media.video:Video",
}

# By the first part of the name of its module. Each function returns the object that stands for one
# of that library, or None for one that nothing here stands for.
_ADOPTERS = {
    "PIL": "artifacts.media.images:adopt",
    "bokeh": "artifacts.media.figures:adopt_bokeh",
    "matplotlib": "artifacts.media.figures:adopt_matplotlib",
    "pandas": "artifacts.tables.frames:adopt",
    "plotly": "artifacts.media.figures:adopt_plotly",
    "polars": "artifacts.tables.frames:adopt",
    "pyarrow": "artifacts.tables.frames:adopt",
}


def load(description: Mapping[str, Any], files: Files) -> Any:
    """Return the object that was described; the description itself if its type is unknown.

    Args:
        files: Where its files are, which are read when they are needed.
    """
    name = description.get(TYPE)
    home = _HOMES.get(name) if isinstance(name, str) else None
    return description if home is None else _find(home)._load(description, files)


def adopt(value: Any) -> Media | None:
    """Return the media object that stands for an object of another library, None if there is none.

    No library is imported for that which the object does not come from.
    """
    home = _ADOPTERS.get(type(value).__module__.partition(".")[0])
    found = None if home is None else _find(home)(value)
    assert found is None or isinstance(found, Media)
    return found


def _find(home: str) -> Any:
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
