"""Sound: samples of an array, or files."""

from __future__ import annotations

import io
import logging
from typing import IO, TYPE_CHECKING, Any, ClassVar

from artifacts._parts import in_parts
from artifacts.media._arrays import as_array, check_finite
from artifacts.media._needs import need
from artifacts.media._one_file import OneFile, existing_file, is_path, open_content, read_all
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from artifacts.media._one_file import Content

log = logging.getLogger("artifacts")

# The encoding of a WAV file that holds values of a type exactly.
_SUBTYPES = {
    "uint8": "PCM_U8",
    "int16": "PCM_16",
    "int32": "PCM_32",
    "float32": "FLOAT",
    "float64": "DOUBLE",
}
# What samples of an encoding are read as; soundfile has no type of one byte.
_READ_AS = {"PCM_U8": "int16", "PCM_16": "int16", "PCM_24": "int32", "PCM_32": "int32"}
_SILENCE = 128  # of unsigned bytes
_MOST_CHANNELS = 64


@in_parts
class Audio(OneFile):
    """Sound.

    An array becomes a WAV file when the object is made, so what happens to the array later does not
    matter. Samples of ``uint8``, ``int16``, ``int32``, ``float32`` and ``float64`` are kept
    exactly.

    Args:
        data_or_path: Samples (n,) or (n, channels): integers over the range of their type, or
            floats from -1 to 1. Or a file, such as WAV, FLAC, MP3 or OGG: its path, or an open
            one; it is kept as it is.
        sample_rate: Samples per second, needed for an array. A file has its own.
        caption: What is shown with it.

    Raises:
        InvalidInputError: Wrong shape, values or sample rate, or a file that cannot be read.
        InvalidTypeError: Neither samples nor a file.
        ConfigError: The library that encodes is not installed; the hint says how to.
    """

    type_name = "audio-file"
    batch_name: ClassVar[str | None] = "audio"
    folder = "audio"

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None
    ) -> None:
        content: Content
        if is_path(data_or_path) or hasattr(data_or_path, "read"):
            if sample_rate is not None:
                log.warning("sample_rate is ignored for a file, which has its own")
            path = existing_file(data_or_path) if is_path(data_or_path) else None
            content = read_all(data_or_path) if path is None else path
            found, facts = _probe(content)
            format_ = found if path is None else _suffix_of(path, found)
        else:
            rate = _check_rate(sample_rate)
            samples = _to_samples(as_array(data_or_path, "data_or_path"))
            format_, content = "wav", _encode(samples, rate)
            facts = _facts(len(samples), rate, samples.shape[1])
        self._hold(content, format_, caption, **facts)

    @property
    def sample_rate(self) -> int:
        """Samples per second."""
        return int(self._facts["sample_rate"])

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self._facts["channels"])

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self._facts["duration"])

    def samples(self) -> NDArray[Any]:
        """Decode the samples.

        Returns:
            An array (n,) of one channel, or (n, channels), of the type that the file has; of
            formats that lose details ``float32``.

        Raises:
            EntryNotFoundError: The file was logged, and is not there any more.
        """
        with self.open() as file:
            return _decode(file)

    @classmethod
    def durations(cls, audio_list: Iterable[Audio]) -> list[float]:
        """Return how long each is, in seconds."""
        return [audio.duration for audio in audio_list]

    @classmethod
    def sample_rates(cls, audio_list: Iterable[Audio]) -> list[int]:
        """Return how many samples each has in a second."""
        return [audio.sample_rate for audio in audio_list]


def _facts(count: int, rate: int, channels: int) -> dict[str, Any]:
    return {"sample_rate": rate, "duration": count / rate, "channels": channels}


def _check_rate(rate: Any) -> int:
    if rate is None:
        raise InvalidInputError(
            "sample_rate is needed for an array", hint="for example: sample_rate=44100"
        )
    if isinstance(rate, bool) or not (isinstance(rate, int) or hasattr(rate, "__index__")):
        raise InvalidTypeError(f"sample_rate must be an integer, not {type(rate).__name__}")
    if not 0 < int(rate) < 1 << 31:
        raise InvalidInputError(f"sample_rate must be positive, and below 2147483648: {rate}")
    return int(rate)


def _to_samples(data: NDArray[Any]) -> NDArray[Any]:
    """Return samples (n, channels) of a type that a file can hold."""
    import numpy as np

    if data.ndim not in {1, 2} or data.size == 0:
        raise InvalidInputError(
            f"data_or_path must be samples (n,) or (n, channels), not of shape {data.shape}"
        )
    if data.ndim == 1:
        data = data[:, np.newaxis]
    count, channels = data.shape
    if channels > _MOST_CHANNELS or (channels > 1 and channels > count):
        raise InvalidInputError(
            f"data_or_path must be (n, channels); of shape {data.shape} it has {channels} channels",
            hint="if the channels come first, turn it: data.T",
        )
    if data.dtype == np.float16:
        data = data.astype(np.float32)
    if data.dtype.name not in _SUBTYPES:
        raise InvalidTypeError(
            f"data_or_path must be of {', '.join(_SUBTYPES)}, not {data.dtype}",
            hint="convert it, for example: data.astype('int16')",
        )
    check_finite(data, "data_or_path")
    if data.dtype.kind == "f" and np.abs(data).max() > 1:
        log.warning("samples beyond -1 and 1 are kept as they are; players cut them off")
    return data


def _encode(samples: NDArray[Any], rate: int) -> bytes:
    """Return a WAV file, the same for the same samples."""
    soundfile = need("soundfile", "soundfile", extra="media")
    import numpy as np

    subtype = _SUBTYPES[samples.dtype.name]
    if subtype == "PCM_U8":
        samples = (samples.astype(np.int16) - _SILENCE) << 8
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format="WAV")
    return _without_time(file.getbuffer())


def _without_time(wav: memoryview) -> bytes:
    """Return a WAV file without the time that its chunk of peaks says it was made at."""
    at, header = 12, memoryview(wav)
    while bytes(header[at : at + 4]) not in {b"data", b""}:
        if bytes(header[at : at + 4]) == b"PEAK":  # name, length, version, time
            header[at + 12 : at + 16] = bytes(4)
        at += 8 + int.from_bytes(header[at + 4 : at + 8], "little")
    return bytes(wav)


def _probe(content: Content) -> tuple[str, dict[str, Any]]:
    """Return the format of a file as a suffix, and what is to be said of it."""
    soundfile = need("soundfile", "soundfile", extra="media")
    try:
        with open_content(content) as file:
            info = soundfile.info(file)
    except soundfile.LibsndfileError as error:
        raise InvalidInputError(
            f"data_or_path cannot be read as sound: {error.error_string}",
            hint="WAV, FLAC, MP3 and OGG can be read, among others; convert it to one of these",
        ) from error
    if info.frames == 0:
        raise InvalidInputError("data_or_path has no samples in it")
    return info.format.lower(), _facts(info.frames, info.samplerate, info.channels)


def _suffix_of(path: Path, format_: str) -> str:
    """Return the suffix of a file, or the name of its format if it has none."""
    suffix = path.suffix.lower().removeprefix(".")
    return suffix if suffix.isalnum() else format_


def _decode(file: IO[bytes]) -> NDArray[Any]:
    soundfile = need("soundfile", "soundfile", extra="media")
    import numpy as np

    with soundfile.SoundFile(file) as sound:
        subtype = sound.subtype
        default = "float64" if subtype == "DOUBLE" else "float32"
        found: NDArray[Any] = sound.read(dtype=_READ_AS.get(subtype, default))
    if subtype == "PCM_U8":
        return ((found >> 8) + _SILENCE).astype(np.uint8)
    return found
