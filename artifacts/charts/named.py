"""Finds the spec that a name, a file or a dict means, and keeps those that users register."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from artifacts.charts import builtin
from artifacts.charts.rendering import check_schema
from artifacts.charts.templates import places
from artifacts.store.errors import AlreadyExistsError, InvalidInputError, InvalidTypeError

log = logging.getLogger("artifacts")

_registered: dict[str, dict[str, Any]] = {}
_warned: set[str] = set()


class Named(NamedTuple):
    """A spec that was found.

    Attributes:
        name: What it is called.
        spec: The template.
        fields: Its names for columns, None for any.
        required: Those of them without which there is no chart.
        strings: Its names for texts.
    """

    name: str
    spec: Mapping[str, Any]
    fields: tuple[str, ...] | None
    required: tuple[str, ...]
    strings: tuple[str, ...]


def register(name: str, spec: Mapping[str, Any] | str | os.PathLike[str]) -> None:
    """Give a spec of Vega-Lite a name, which `plot_table` takes from then on.

    Args:
        name: Such as ``team/calibration``. Registering a name again replaces its spec for charts
            that are made later.
        spec: The spec, or the path of a JSON file with it. Its places are ``${field:x}`` for a
            column and ``${string:title}`` for a text.

    Raises:
        AlreadyExistsError: A built-in spec has this name.
        InvalidInputError: It is no spec of Vega-Lite, or the file cannot be read.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidInputError(f"name must be a text such as 'team/calibration', not {name!r}")
    if builtin.find(name) is not None:
        raise AlreadyExistsError(
            f"{name} is a built-in spec", hint="choose another name, such as team/calibration"
        )
    _registered[name] = _read(spec)


def find(spec: str | os.PathLike[str] | Mapping[str, Any], fields: Mapping[str, Any]) -> Named:
    """Return what `plot_table` is asked for.

    Args:
        spec: A name, the path of a JSON file, or the spec itself.
        fields: Of the chart, of which a plain one is made for a name that nobody knows.

    Raises:
        InvalidInputError: It is no spec of Vega-Lite, or the file cannot be read.
    """
    if isinstance(spec, str) and not spec.endswith(".json"):
        known = builtin.find(spec)
        if known is not None:
            found = places(known.spec)
            return Named(spec, known.spec, found.fields, known.required, found.strings)
        if spec not in _registered:
            return _unknown(spec, fields)
        name, template = spec, _registered[spec]
    else:
        template = _read(spec)
        name = str(template.get("name", "custom")) if isinstance(spec, Mapping) else Path(spec).stem
    found = places(template)
    return Named(name, template, found.fields, (), found.strings)


def _unknown(name: str, fields: Mapping[str, Any]) -> Named:
    if name not in _warned:
        _warned.add(name)
        log.warning(
            "no spec is known as %r: its charts are drawn plainly; give it one with "
            "artifacts.plot.register(%r, spec)",
            name,
            name,
        )
    spec = builtin.plain({str(key): str(value) for key, value in fields.items()})
    return Named(name, spec, None, (), places(spec).strings)


def _read(spec: Any) -> dict[str, Any]:
    if isinstance(spec, Mapping):
        try:
            # A copy, which is JSON: it is stored.
            read = json.loads(json.dumps(spec, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"the spec is not JSON: {error}") from None
    elif isinstance(spec, str | os.PathLike):
        path = os.fspath(spec)
        try:
            read = json.loads(Path(path).read_bytes())
        except OSError as error:
            raise InvalidInputError(
                f"the spec {path!r} cannot be read: {error.strerror}",
                hint="give the path of a JSON file, or the spec as a dict",
            ) from None
        except ValueError as error:
            raise InvalidInputError(f"the spec {path!r} is not JSON: {error}") from None
    else:
        raise InvalidTypeError(
            f"a spec is a name, a dict or the path of a JSON file, not {type(spec).__name__}"
        )
    if not isinstance(read, dict):
        raise InvalidInputError("a spec of Vega-Lite is a JSON object")
    check_schema(read)
    return read
