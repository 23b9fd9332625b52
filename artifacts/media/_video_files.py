"""Files of videos: encoding, looking into and decoding them. Pillow does it for GIF, PyAV else."""

from __future__ import annotations

import io
import itertools
import logging
from contextlib import contextmanager
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any

from artifacts.media._needs import need
from artifacts.media._one_file import open_content
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from artifacts.media._one_file import Content

log = logging.getLogger("artifacts")

Facts = dict[str, Any]

# Codecs that browsers play, in the containers of that name. There is no encoder of Theora.
_CODECS = {
    "mp4": ("libx264", {"crf": "18"}),
    "webm": ("libvpx-vp9", {"crf": "20", "b": "0", "cpu-used": "4"}),
    "ogg": ("libvpx", {"crf": "8", "b": "4M", "cpu-used": "4"}),
}
# By what PyAV calls the container of a file.
_CONTAINERS = {
    "gif": "gif",
    "mov,mp4,m4a,3gp,3g2,mj2": "mp4",
    "matroska,webm": "webm",
    "ogg": "ogg",
}
_COLOURS = 256
_CENTISECONDS = 100  # a second, in the unit of GIF


def encode(frames: NDArray[Any], fps: float, format_: str) -> tuple[bytes, Facts]:
    """Return a file with frames, the same for the same ones, and what is to be said of it.

    Args:
        frames: Bytes (time, height, width, 3).
        fps: Frames per second.
    """
    if format_ != "gif":
        frames = _even(frames)
    content = _encode_gif(frames, fps) if format_ == "gif" else _encode(frames, fps, format_)
    count, height, width, _ = frames.shape
    return content, {
        "width": width,
        "height": height,
        "fps": fps,
        "frames": count,
        "duration": count / fps,
    }


def probe(content: Content, format_: str | None) -> tuple[str, Facts]:
    """Return the format of a file, and what is to be said of it.

    Args:
        format_: What it is said to be, or None.

    Raises:
        InvalidInputError: It is broken, no video, or of another format.
    """
    av = need("av", "av", extra="media")
    try:
        with open_content(content) as file, av.open(file) as container:
            found = _CONTAINERS.get(container.format.name)
            if found is None or format_ not in {None, found}:
                raise InvalidInputError(
                    f"data_or_path is a file of {container.format.long_name}, not "
                    f"{format_ or 'of a format that is kept: gif, mp4, webm, ogg'}"
                )
            if not container.streams.video:
                raise InvalidInputError("data_or_path has no video in it")
            stream = container.streams.video[0]
            if next(container.decode(stream), None) is None:
                raise InvalidInputError("data_or_path has no frames in it")
            facts = {"width": stream.width, "height": stream.height, **_timing(container, stream)}
    except InvalidInputError:
        raise
    # A file that is cut off can also lead to places that it does not have.
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InvalidInputError(f"data_or_path cannot be read as a video: {error}") from error
    return found, facts


def _timing(container: Any, stream: Any) -> Facts:
    """Count frames without decoding them; not every container says how many there are."""
    container.seek(0)
    count = sum(1 for packet in container.demux(stream) if packet.size)
    if stream.duration is not None:
        duration = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration = container.duration / 1_000_000
    else:
        rate = stream.average_rate or stream.guessed_rate
        duration = count / float(rate) if rate else 0
    known = {"fps": round(count / duration, 3), "duration": duration} if duration > 0 else {}
    return {"frames": count, **known}


def decode(
    file: IO[bytes], format_: str, *, frames: int | None, fps: float | None
) -> Iterator[NDArray[Any]]:
    """Yield frames, as arrays (3, height, width).

    Args:
        frames: How many there are, as the description says.
        fps: Frames per second.
    """
    if format_ == "gif":
        yield from _decode_gif(file, frames, fps)
        return
    av = need("av", "av", extra="media")
    with _readable(), av.open(file) as container:
        for frame in container.decode(container.streams.video[0]):
            yield frame.to_ndarray(format="rgb24").transpose(2, 0, 1)


@contextmanager
def _readable() -> Iterator[None]:
    av = need("av", "av", extra="media")
    try:
        yield
    except av.FFmpegError as error:
        raise InvalidInputError(f"the video cannot be decoded: {error}") from error


# -- with PyAV


def _even(frames: NDArray[Any]) -> NDArray[Any]:
    """Return frames whose sides are even, as the codecs need them: their edges are repeated."""
    import numpy as np

    _, height, width, _ = frames.shape
    if height % 2 == 0 and width % 2 == 0:
        return frames
    log.warning(
        "frames of %d x %d are padded to even sides, as the codec needs them", width, height
    )
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _encode(frames: NDArray[Any], fps: float, format_: str) -> bytes:
    av = need("av", "av", extra="media")
    import numpy as np

    codec, options = _CODECS[format_]
    file = io.BytesIO()
    # Without times and random ids, so that the same frames are the same file.
    with av.open(file, "w", format=format_, container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(
            codec, Fraction(fps).limit_denominator(100_000), dict(options)
        )
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


# -- GIF


def _encode_gif(frames: NDArray[Any], fps: float) -> bytes:
    file = io.BytesIO()
    first, *others = (_paletted(pixels) for pixels in frames)
    ends = [_end(number, fps) for number in range(len(frames) + 1)]
    durations = [(end - begin) * 10 for begin, end in itertools.pairwise(ends)]
    try:
        first.save(
            file,
            "GIF",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=0,
            optimize=False,
        )
    except OverflowError as error:  # 16 bits are too few for how long equal frames are shown
        raise InvalidInputError(
            "data_or_path shows one picture for more than 655 s, which a GIF cannot hold",
            hint="use format='mp4'",
        ) from error
    return file.getvalue()


def _end(number: int, fps: float) -> int:
    """Return when so many frames have been shown, in hundredths of a second."""
    return round(number * _CENTISECONDS / fps)


def _paletted(pixels: NDArray[Any]) -> Any:
    """Return a frame with a palette: exactly that of its colours, if there are not too many."""
    image = need("PIL.Image", "pillow", extra="media")
    import numpy as np

    wide = pixels.astype(np.uint32)
    packed = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    colours, indices = np.unique(packed, return_inverse=True)
    if len(colours) > _COLOURS:
        return image.fromarray(np.ascontiguousarray(pixels)).quantize(_COLOURS)
    paletted = image.fromarray(indices.reshape(packed.shape).astype(np.uint8), mode="P")
    paletted.putpalette(
        np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
        .astype(np.uint8)
        .tobytes()
    )
    return paletted


def _decode_gif(file: IO[bytes], count: int | None, fps: float | None) -> Iterator[NDArray[Any]]:
    """Yield frames; one that stands for several equal ones, which GIF makes of them, so often."""
    image = need("PIL.Image", "pillow", extra="media")
    import numpy as np

    with image.open(file) as gif:
        stored = getattr(gif, "n_frames", 1)
        shown = until = 0
        for number in range(stored):
            gif.seek(number)
            pixels = np.array(gif.convert("RGB")).transpose(2, 0, 1)
            until += gif.info.get("duration", 0) // 10
            yield pixels
            shown += 1
            while count is not None and fps is not None and stored < count:
                if shown >= count or _end(shown + 1, fps) > until:
                    break
                yield pixels
                shown += 1
