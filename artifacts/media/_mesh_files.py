"""Whether a file is of a format of three dimensions, and complete without other files."""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING, Any

import orjson

from artifacts.media._one_file import open_content
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.media._one_file import Content

POINTS = "pts.json"

_GLB_HEADER = 12
_GLB_VERSION = 2
_CHUNK_HEADER = 8
_STL_HEADER = 84
_STL_TRIANGLE = 50
_POINT_SIZES = frozenset({3, 4, 6})
_VERTEX = re.compile(rb"\s*v(\s+[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?){3}(\s|$)")


class _NotOfFormatError(Exception):
    """A file is not what it is said to be; its text continues "the file is no …: "."""


def check(content: Content, format_: str) -> None:
    """Refuse a file that is not of a format, or that needs other files.

    Raises:
        InvalidInputError: It is not of it, or it does.
    """
    with open_content(content) as file:
        try:
            _CHECKS[format_](file)
        except _NotOfFormatError as error:
            raise InvalidInputError(f"data_or_path is no {format_} file: {error}") from error


def _check_obj(file: IO[bytes]) -> None:
    if not any(_VERTEX.match(line) for line in file):
        raise _NotOfFormatError("it has no vertices")


def _check_stl(file: IO[bytes]) -> None:
    """Either the number of triangles gives the size, or it is text."""
    size = _size_of(file)
    header = file.read(_STL_HEADER)
    if len(header) == _STL_HEADER:
        count = int.from_bytes(header[-4:], "little")
        if size == _STL_HEADER + count * _STL_TRIANGLE:
            return
    if not header.lstrip().startswith(b"solid"):
        raise _NotOfFormatError(f"its {size} bytes are not those of its triangles")
    file.seek(0)
    found = [False, False]
    for line in file:
        words = line.split()
        found[0] |= words[:1] == [b"vertex"]
        found[1] |= words[:1] == [b"endsolid"]
    if not all(found):
        raise _NotOfFormatError("it has no vertices, or ends early")


def _check_glb(file: IO[bytes]) -> None:
    size = _size_of(file)
    header = file.read(_GLB_HEADER)
    if len(header) < _GLB_HEADER or header[:4] != b"glTF":
        raise _NotOfFormatError("it does not begin with glTF")
    version, length = _number(header[4:8]), _number(header[8:12])
    if version != _GLB_VERSION:
        raise _NotOfFormatError(f"its version is {version}, not {_GLB_VERSION}")
    if length != size:
        raise _NotOfFormatError(f"it has {size} bytes, and says that it has {length}")
    at, described = _GLB_HEADER, None
    while at < size:
        chunk = file.read(_CHUNK_HEADER)
        length = _number(chunk[:4])
        at += _CHUNK_HEADER + length
        if len(chunk) < _CHUNK_HEADER or at > size:
            raise _NotOfFormatError("a chunk is longer than the file")
        if described is None:
            if chunk[4:] != b"JSON":
                raise _NotOfFormatError("its first chunk is not JSON")
            described = file.read(length)
        file.seek(at)
    _check_description(_parsed(described or b""))


def _check_gltf(file: IO[bytes]) -> None:
    _check_description(_parsed(file.read()))


def _check_description(described: Any) -> None:
    asset = described.get("asset") if isinstance(described, dict) else None
    if not isinstance(asset, dict) or not isinstance(asset.get("version"), str):
        raise _NotOfFormatError("it has no asset.version")
    for member in ("buffers", "images"):
        parts = described.get(member, [])
        if not isinstance(parts, list):
            raise _NotOfFormatError(f"its {member} are no list")
        for part in parts:
            uri = part.get("uri") if isinstance(part, dict) else None
            if isinstance(uri, str) and not uri.startswith("data:"):
                raise InvalidInputError(
                    f"data_or_path refers to another file, which would not be kept: {uri}",
                    hint="export it as .glb, or with everything embedded",
                )


def _check_babylon(file: IO[bytes]) -> None:
    found = _parsed(file.read())
    if not isinstance(found, dict) or not isinstance(found.get("meshes"), list):
        raise _NotOfFormatError("it has no meshes")


def _check_points(file: IO[bytes]) -> None:
    found = _parsed(file.read())
    points = found.get("points") if isinstance(found, dict) else found
    if not isinstance(points, list) or not points:
        raise _NotOfFormatError("it has no points")
    if not all(map(_is_point, points)):
        raise _NotOfFormatError("a point is not a list of 3, 4 or 6 numbers")


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list)
        and len(point) in _POINT_SIZES
        and all(type(number) in {int, float} for number in point)
    )


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _NotOfFormatError(f"its JSON cannot be read: {error}") from error


def _size_of(file: IO[bytes]) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


_CHECKS: dict[str, Callable[[IO[bytes]], None]] = {
    "obj": _check_obj,
    "gltf": _check_gltf,
    "glb": _check_glb,
    "babylon": _check_babylon,
    "stl": _check_stl,
    POINTS: _check_points,
}

FORMATS = tuple(_CHECKS)
