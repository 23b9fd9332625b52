"""Which class a description is of, and which one stands for an object of another library."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from artifacts.media.base import TYPE, Media

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts.media.base import Files

_HOMES = {
    "audio-file": "artifacts.media.audio:Audio",
    "bokeh-file": "artifacts.media.figures:Bokeh",
    "boxes2D": "artifacts.media.boxes:BoundingBoxes2D",
    "classes": "artifacts.media.classes:Classes",
    "histogram": "artifacts.media.histogram:Histogram",
    "html-file": "artifacts.media.html:Html",
    "image-file": "artifacts.media.images:Image",
    "joined-table": "artifacts.tables.joined:JoinedTable",
    "mask": "artifacts.media.masks:ImageMask",
    "molecule-file": "artifacts.media.molecule:Molecule",
    "object3D-file": "artifacts.media.object3d:Object3D",
    "partitioned-table": "artifacts.tables.partitioned:PartitionedTable",
    "plotly-file": "artifacts.media.figures:Plotly",
    "table-file": "artifacts.tables.table:Table",
    "video-file": "artifacts.media.video:Video",
}

STANDALONE = {".table.parquet": "table-file"}
"""Suffixes of files that are complete without a description, with what they hold. In an artifact
such a file has the name under which the object was added; it is loaded from a description that has
no more than ``_type``, ``path``, ``digest`` and ``size``."""

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
    """Return the object that was described; the description itself if it is of no known type.

    The description of several becomes a `Batch` of them. One that lacks what those of its type
    have was written by somebody else, and stays what it is, too.

    Args:
        files: Where its files are, which are read when they are needed.
    """
    name = description.get(TYPE)
    home = _HOMES.get(name) if isinstance(name, str) else None
    if home is not None:
        class_ = _find(home)
        try:
            loaded = class_._load(description, files)
        except (LookupError, TypeError, ValueError):
            return description
        loaded._description, loaded._files = dict(description), files
        return loaded
    items = description.get("items")
    if isinstance(items, list) and all(is_known(item) for item in items):
        from artifacts.media.batch import Batch

        return Batch(description, [load(item, files) for item in items])
    return description


def type_names() -> Iterable[str]:
    """Return what the descriptions of the types are called that can be loaded."""
    return _HOMES


def is_known(value: Any) -> bool:
    """Whether a value is a description of a type that can be loaded."""
    return isinstance(value, dict) and isinstance(value.get(TYPE), str) and value[TYPE] in _HOMES


def adopt(value: Any) -> Media | None:
    """Return the media object that stands for an object of another library, None if there is none.

    An object comes from a library if its class does or derives from one that does, and a module if
    it is one of its: ``matplotlib.pyplot`` stands for the current figure. No library is imported
    from which it does not come.
    """
    if isinstance(value, ModuleType):
        modules = [value.__name__]
    else:
        modules = [class_.__module__ for class_ in type(value).__mro__]
    libraries = (module.partition(".")[0] for module in modules)
    library = next((name for name in libraries if name in _ADOPTERS), None)
    found = None if library is None else _find(_ADOPTERS[library])(value)
    assert found is None or isinstance(found, Media)
    return found


def _find(home: str) -> Any:
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
