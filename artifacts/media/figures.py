"""Figures of Plotly, Bokeh and Matplotlib."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from artifacts._parts import in_parts
from artifacts.media import _matplotlib
from artifacts.media._needs import need
from artifacts.media._one_file import OneFile, existing_file, is_path
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from artifacts.media.images import Image


@in_parts
class Plotly(OneFile):
    """A figure of Plotly's, which is kept as JSON.

    Args:
        val: A figure of Plotly's; or a figure or axes of Matplotlib's that have nothing but curves
            and clouds of points.

    Raises:
        InvalidTypeError: It is neither.
        InvalidInputError: Plotly would show the figure of Matplotlib's otherwise than it is.
        ConfigError: Plotly is not installed.
    """

    type_name: ClassVar[str] = "plotly-file"
    folder: ClassVar[str] = "plotly"

    def __init__(self, val: Any) -> None:
        figure = val
        if not _is_plotly(val):
            drawn = _matplotlib.find_figure(val)
            if drawn is None:
                raise InvalidTypeError(
                    f"val must be a figure of Plotly or Matplotlib, not {type(val).__name__}"
                )
            need("plotly", "plotly")
            figure = _matplotlib.to_plotly(drawn)
            if figure is None:
                raise InvalidInputError(
                    "val has something that Plotly cannot show as it is",
                    hint="log the figure itself or an Image of it, which shows all of it",
                    kind="not_convertible",
                )
        self._hold(figure.to_json().encode(), "plotly.json", None)

    @classmethod
    def make_plot_media(cls, val: Any) -> Plotly | Image:
        """Return what a figure is logged as.

        Args:
            val: A figure of Plotly's or Matplotlib's.

        Returns:
            A figure of Plotly's; an image of a figure of Matplotlib's that Plotly would show
            otherwise than it is, and if Plotly is not installed.
        """
        figure = None if _is_plotly(val) else _matplotlib.find_figure(val)
        if figure is None:
            return cls(val)
        converted = _matplotlib.to_plotly(figure)
        if converted is not None:
            return cls(converted)
        from artifacts.media.images import Image

        return Image(figure)

    @property
    def figure(self) -> Any:
        """The figure, as Plotly has it; read anew each time."""
        with self.open() as file:
            return need("plotly.io", "plotly").from_json(file.read().decode())

    @property
    def plot(self) -> Any:
        """Same as `figure`."""
        return self.figure

    def __repr__(self) -> str:
        return f"<Plotly {self.get('path', '')}>"


@in_parts
class Bokeh(OneFile):
    """A plot or a document of Bokeh's, which is kept as JSON.

    Args:
        data_or_path: A plot, another model or a document; or the path of a file with the JSON of a
            document, which is kept as it is.

    Raises:
        InvalidTypeError: It is none of those.
        InvalidInputError: The file does not exist or is no document.
        ConfigError: Bokeh is not installed.
    """

    type_name: ClassVar[str] = "bokeh-file"
    folder: ClassVar[str] = "bokeh"

    def __init__(self, data_or_path: Any) -> None:
        content: bytes | Path
        if is_path(data_or_path):
            content = existing_file(data_or_path)
            _check_document(content)
        else:
            content = _document_json(_document_of(data_or_path))
        self._hold(content, "bokeh.json", None)

    @property
    def document(self) -> Any:
        """The document, as Bokeh has it; read anew each time."""
        with self.open() as file:
            return need("bokeh.document", "bokeh").Document.from_json(json.load(file))

    def __repr__(self) -> str:
        return f"<Bokeh {self.get('path', '')}>"


def _is_plotly(value: Any) -> bool:
    return any(
        class_.__name__ == "BaseFigure" and class_.__module__ == "plotly.basedatatypes"
        for class_ in type(value).__mro__
    )


def _document_of(value: Any) -> Any:
    """Return the document that something is, or one that has nothing else.

    A model that is in a document already stays in it, and is logged with it.
    """
    module = need("bokeh.document", "bokeh")
    if isinstance(value, module.Document):
        return value
    if not isinstance(value, need("bokeh.model", "bokeh").Model):
        raise InvalidTypeError(
            f"data_or_path must be a plot, a model or a document of Bokeh, or the path of one, not "
            f"{type(value).__name__}"
        )
    return value.document if value.document is not None else value


def _document_json(value: Any) -> bytes:
    document = value
    if not hasattr(value, "roots"):
        document = need("bokeh.document", "bokeh").Document()
        document.add_root(value)
    try:
        told = document.to_json(deferred=False)
    finally:
        if document is not value:
            document.remove_root(value)  # its owner may put it into another
    return json.dumps(told, separators=(",", ":")).encode()


def _check_document(path: Path) -> None:
    module = need("bokeh.document", "bokeh")
    try:
        module.Document.from_json(json.loads(path.read_bytes()))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:
        # What is raised depends on what is wrong with the file, and where.
        raise InvalidInputError(f"{path} is no document of Bokeh: {error}") from error


def adopt_plotly(value: Any) -> Plotly | None:
    """Return what stands for a figure of Plotly's, None for something else of its."""
    return Plotly(value) if _is_plotly(value) else None


def adopt_matplotlib(value: Any) -> Plotly | Image | None:
    """Return what stands for a figure of Matplotlib's or something in one, None for the rest.

    The current figure of ``pyplot`` is closed, so that what is plotted next begins another.
    """
    figure = _matplotlib.find_figure(value)
    if figure is None:
        return None
    media = Plotly.make_plot_media(figure)
    if isinstance(value, ModuleType):
        value.close(figure)
    return media


def adopt_bokeh(value: Any) -> Bokeh | None:
    """Return what stands for a plot or a document of Bokeh's, None for something else of its."""
    from bokeh.document import Document
    from bokeh.model import Model

    return Bokeh(value) if isinstance(value, Document | Model) else None
