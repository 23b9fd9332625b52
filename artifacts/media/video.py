"""Videos: frames of an array, encoded, or files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from artifacts._parts import in_parts
from artifacts.media._arrays import as_array, check_finite
from artifacts.media._one_file import (
    OneFile,
    check_format,
    existing_file,
    format_of,
    is_path,
    read_all,
)
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from artifacts.media._one_file import Content

log = logging.getLogger("artifacts")

FORMATS = ("gif", "mp4", "webm", "ogg")
_DEFAULT_FPS = 4
_AXES = "(time, channel, height, width) or (batch, time, channel, height, width)"
_CHANNELS = (1, 3)


@in_parts
class Video(OneFile):
    """A video.

    Frames are encoded when the object is made, so what happens to the array later does not matter.
    GIF keeps up to 256 colours of each frame exactly; the other formats lose details.

    Args:
        data_or_path: Frames (time, channel, height, width), of which a batch (batch, time, channel,
            height, width) is shown side by side; with one or three channels. Integers and floats
            from 0 to 255, or floats from 0 to 1. Or a file: its path, or an open one; it is kept as
            it is.
        caption: What is shown with it.
        fps: Frames per second of an array; 4 by default. A file has its own.
        format: ``gif`` (the default for arrays), ``mp4``, ``webm`` or ``ogg``. The suffix of a path
            says it, and an open file can be asked.

    Raises:
        InvalidInputError: Wrong shape, values, frame rate or format, or a file that cannot be read.
        InvalidTypeError: Neither frames nor a file.
        ConfigError: The libraries that encode are not installed; the hint says how to.
    """

    type_name = "video-file"
    batch_name: ClassVar[str | None] = "videos"
    folder = "videos"

    EXTS = FORMATS
    """The formats."""

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: str | None = None,
    ) -> None:
        from artifacts.media import _video_files

        wanted = None if format is None else check_format(format, FORMATS, "format")
        content: Content
        if is_path(data_or_path) or hasattr(data_or_path, "read"):
            if fps is not None:
                log.warning("fps is ignored for a file, which has its own")
            if is_path(data_or_path):
                content = existing_file(data_or_path)
                wanted = format_of(content, FORMATS)
            else:
                content = read_all(data_or_path)
            wanted, facts = _video_files.probe(content, wanted)
        else:
            wanted = wanted or "gif"
            rate = _check_fps(fps, wanted)
            frames = _to_frames(as_array(data_or_path, "data_or_path"))
            content, facts = _video_files.encode(frames, rate, wanted)
        self._hold(content, wanted, caption, **facts)

    @property
    def width(self) -> int:
        """Of a frame, in pixels."""
        return int(self._facts["width"])

    @property
    def height(self) -> int:
        """Of a frame, in pixels."""
        return int(self._facts["height"])

    @property
    def fps(self) -> float | None:
        """Frames per second, on average; None if the file does not say it."""
        return self._facts.get("fps")

    @property
    def duration(self) -> float | None:
        """Seconds; None if the file does not say it."""
        return self._facts.get("duration")

    def frames(self) -> Iterator[NDArray[Any]]:
        """Decode the frames, one at a time.

        Yields:
            Arrays (3, height, width) of ``uint8``: ``numpy.stack(list(video.frames()))`` is shaped
            like what a video is made of.

        Raises:
            EntryNotFoundError: The file was logged, and is not there any more.
        """
        from artifacts.media import _video_files

        with self.open() as file:
            yield from _video_files.decode(
                file, self.format, frames=self._facts.get("frames"), fps=self.fps
            )


def _check_fps(fps: Any, format_: str) -> float:
    if fps is None:
        return _DEFAULT_FPS
    if isinstance(fps, bool) or not isinstance(fps, int | float):
        raise InvalidTypeError(f"fps must be a number, not {type(fps).__name__}")
    highest = 100 if format_ == "gif" else 1000
    if not 0.01 <= fps <= highest:
        raise InvalidInputError(
            f"fps must be between 0.01 and {highest} in a {format_} file, not {fps}"
        )
    return fps


def _to_frames(data: NDArray[Any]) -> NDArray[Any]:
    """Return frames (time, height, width, 3) of bytes."""
    import numpy as np

    if data.ndim not in {4, 5}:
        raise InvalidInputError(f"data_or_path must be {_AXES}, not of shape {data.shape}")
    if data.size == 0:
        raise InvalidInputError(f"data_or_path holds no frames: its shape is {data.shape}")
    if data.shape[-3] not in _CHANNELS:
        last = data.shape[-1] in _CHANNELS
        raise InvalidInputError(
            f"data_or_path must be {_AXES} with 1 or 3 channels, not of shape {data.shape}",
            hint="bring the channels forward: numpy.moveaxis(frames, -1, -3)"
            if last
            else "an alpha channel is left out by frames[..., :3, :, :]",
        )
    frames = _to_bytes(data)
    if frames.ndim == 5:
        frames = _side_by_side(frames)
    frames = np.moveaxis(frames, 1, -1)
    return np.broadcast_to(frames, (*frames.shape[:3], 3))


def _to_bytes(data: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    if data.dtype == np.uint8:
        return data
    if data.dtype.kind == "b":
        return data.astype(np.uint8) * np.uint8(255)
    check_finite(data, "data_or_path")
    low, high = data.min(), data.max()
    if low < 0 or high > 255:
        raise InvalidInputError(
            f"data_or_path must hold values from 0 to 255, or from 0 to 1, not {low} to {high}"
        )
    if data.dtype.kind != "f":
        return data.astype(np.uint8)
    if high <= 1:
        data = data * 255
    else:
        log.warning("frames of %s are taken as values from 0 to 255, and rounded", data.dtype)
    whole: NDArray[Any] = np.rint(data)
    return whole.astype(np.uint8)


def _side_by_side(batch: NDArray[Any]) -> NDArray[Any]:
    """Return a batch of videos as one, in a grid whose sides are powers of two; free ones black."""
    import numpy as np

    count, time, channels, height, width = batch.shape
    exponent = (count - 1).bit_length()
    rows, columns = 1 << exponent // 2, 1 << (exponent + 1) // 2
    cells = np.zeros((rows * columns, *batch.shape[1:]), batch.dtype)
    cells[:count] = batch
    grid = cells.reshape(rows, columns, time, channels, height, width)
    return grid.transpose(2, 3, 0, 4, 1, 5).reshape(time, channels, rows * height, columns * width)
