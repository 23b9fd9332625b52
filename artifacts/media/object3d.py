"""Objects in three dimensions: files of meshes, and clouds of points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import orjson

from artifacts._parts import in_parts
from artifacts.media import _mesh_files, _point_clouds
from artifacts.media._one_file import OneFile, is_path, take_file
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from artifacts.media._one_file import Content

_POINTS = _mesh_files.POINTS
_FORMATS = _mesh_files.FORMATS


@in_parts
class Object3D(OneFile):
    """An object in three dimensions.

    Points are written when the object is made, so what happens to the array later does not matter.
    Their numbers are kept exactly.

    Args:
        data_or_path: A file in one of the formats of `SUPPORTED_TYPES`: its path, or an open one;
            it is kept as it is, and has to be complete: a glTF file that refers to others is
            refused, and materials of an OBJ file are not kept. Or an array of points: (n, 3) for x,
            y and z, (n, 4) with a category from 1 to 14, or (n, 6) with red, green and blue from 0
            to 255. Or a scene: ``{"type": "lidar/beta", "points": …, "boxes": …, "vectors": …}``.
        caption: What is shown with it.
        file_type: Format of an open file that has no name with a suffix.

    Raises:
        InvalidInputError: There is no such format, the file is not of it, or wrong shape or values.
        InvalidTypeError: Neither a file nor points.
        ConfigError: NumPy, which points need, is not installed; the hint says how to.
    """

    type_name = "object3D-file"
    batch_name: ClassVar[str | None] = "object3D"
    folder = "object3D"

    SUPPORTED_TYPES = frozenset(_FORMATS)
    """Formats of files."""

    SUPPORTED_POINT_CLOUD_TYPES = frozenset(_point_clouds.TYPES)
    """Types of scenes."""

    def __init__(
        self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None
    ) -> None:
        content: Content
        facts: dict[str, Any] = {}
        if is_path(data_or_path) or hasattr(data_or_path, "read"):
            content, format_ = take_file(data_or_path, _FORMATS, file_type)
            _mesh_files.check(content, format_)
        else:
            format_ = _POINTS
            written: Any
            if isinstance(data_or_path, dict):
                written = _point_clouds.to_scene(data_or_path)
                points = written["points"]
            else:
                written = points = _point_clouds.to_points(data_or_path, "data_or_path")
            content = orjson.dumps(written, option=orjson.OPT_SERIALIZE_NUMPY)
            facts = {"points": len(points), "dtype": points.dtype.name}
        self._hold(content, format_, caption, **facts)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Self:
        """Return what a file holds.

        Args:
            data_or_path: Its path, or an open one.
            file_type: Format of an open file that has no name with a suffix.

        Raises:
            InvalidInputError: There is no such format, or the file is not of it.
            InvalidTypeError: It is no file.
        """
        if not is_path(data_or_path) and not hasattr(data_or_path, "read"):
            raise InvalidTypeError(
                f"data_or_path must be a path or an open file, not {type(data_or_path).__name__}"
            )
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Self:
        """Return a cloud of points.

        Args:
            data: (n, 3) for x, y and z, (n, 4) with a category from 1 to 14, or (n, 6) with red,
                green and blue from 0 to 255.

        Raises:
            InvalidInputError: Wrong shape or values.
            InvalidTypeError: It holds something other than numbers.
        """
        return cls(_point_clouds.to_points(data, "data"))

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Sequence[Any] = (),
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Self:
        """Return a scene: points, and what has been found in them.

        Args:
            points: As of `from_numpy`.
            boxes: Each has the eight ``corners`` of a box, and may have a ``label``, a ``color`` of
                red, green and blue, and a ``score``; see `box3d`.
            vectors: Each has ``start`` and ``end``.
            point_cloud_type: Type of scene; there is one.

        Raises:
            InvalidInputError: Wrong shape or values, or no such type.
            InvalidTypeError: Something other than numbers and text in it.
        """
        scene = {"type": point_cloud_type, "points": points, "boxes": boxes}
        return cls(scene if vectors is None else scene | {"vectors": vectors})

    def points(self) -> NDArray[Any]:
        """Return the points of a cloud, or of a scene.

        Returns:
            An array (n, 3), (n, 4) or (n, 6), of the type that it had.

        Raises:
            InvalidInputError: The object has meshes, no points.
            EntryNotFoundError: The file was logged, and is not there any more.
        """
        from artifacts.media._arrays import as_array

        found = self._read_points()
        plain = found["points"] if isinstance(found, dict) else found
        return as_array(plain, "points").astype(self._facts.get("dtype", "float64"))

    def scene(self) -> dict[str, Any]:
        """Return the boxes, vectors and points of a scene, as it was given; points as lists.

        Raises:
            InvalidInputError: The object is none.
            EntryNotFoundError: The file was logged, and is not there any more.
        """
        found = self._read_points()
        if not isinstance(found, dict):
            raise InvalidInputError("this is a cloud of points alone; use points()")
        return found

    def _read_points(self) -> Any:
        if self.format != _POINTS:
            raise InvalidInputError(f"a file of {self.format} holds no cloud of points; use open()")
        with self.open() as file:
            return orjson.loads(file.read())
