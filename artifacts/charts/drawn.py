"""What can be drawn: shown in notebooks and written into files."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from html import escape
from pathlib import Path
from typing import Any

from artifacts.charts.rendering import Form, form_of, render
from artifacts.store.errors import ConfigError, from_os_error

_MIME = "application/vnd.vegalite.v{}+json"
_MAJOR = "5"


class Drawn(ABC):
    """Something with a spec of Vega-Lite that is complete with its data."""

    @property
    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """The spec in Vega-Lite, complete with its data."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the chart into a file; nothing is loaded from elsewhere for it.

        Args:
            path: Its name ends with ``.svg``, ``.png``, ``.pdf``, ``.html`` (which holds all
                that a browser needs) or ``.json`` (the spec).

        Returns:
            The path.

        Raises:
            InvalidInputError: The name ends with something else, or the spec cannot be drawn.
            ConfigError: What draws charts is not installed.
            StorageError: The file cannot be written.
        """
        return write(self.spec, path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        major = str(self.spec.get("$schema", "")).rpartition("/v")[2].partition(".")[0]
        kind = _MIME.format(major if major.isdigit() else _MAJOR)
        return {kind: self.spec, "text/plain": repr(self)}

    def _repr_html_(self) -> str:
        try:
            return render(self.spec, Form.SVG).decode()
        except ConfigError as error:  # a notebook shows what there is, and how to get more
            return f"<pre>{escape(repr(self))}\n{escape(error.hint or str(error))}</pre>"


def write(spec: dict[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a chart into a file, which appears when it is complete; see `Drawn.save`."""
    target = Path(path)
    content = render(spec, form_of(target))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise from_os_error(error, f"write {target}") from error
    return target
