"""Pictures as files: writing them, reading them, and looking at what is in one."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from artifacts.media._needs import need
from artifacts.media._one_file import listed, temporary_file
from artifacts.media._pixels import to_pixels
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

FILE_TYPES = ("png", "jpg", "jpeg", "bmp", "gif", "webp")
"""What pictures are written as."""

# By the name that Pillow has for a format: how its files may be called, the usual way first. Some
# others it would read with programs of the system, such as Ghostscript.
_SUFFIXES = {
    "PNG": ("png", "apng"),
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "MPO": ("jpg", "jpeg", "mpo"),
    "GIF": ("gif",),
    "BMP": ("bmp", "dib"),
    "WEBP": ("webp",),
    "TIFF": ("tiff", "tif"),
    "AVIF": ("avif", "avifs"),
    "JPEG2000": ("jp2", "j2k", "jpf", "jpx"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
    "ICO": ("ico",),
    "TGA": ("tga",),
}

# The modes that a format keeps as they are. BMP and JPEG have no transparency.
_KEPT_MODES = {
    "PNG": {"1", "L", "LA", "I;16", "P", "RGB", "RGBA"},
    "JPEG": {"L", "RGB", "CMYK"},
    "BMP": {"1", "L", "RGB"},
    "GIF": {"1", "L", "P", "RGB", "RGBA"},
    "WEBP": {"RGB", "RGBA"},
}
_OPAQUE = {"JPEG", "BMP"}
_OPTIONS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "exact": True}}
_IN_MEMORY = 8 << 20
_MOST_16_BIT = 65535


class Probe(NamedTuple):
    """What is in a file.

    Attributes:
        format: Suffix of its name, without the dot.
        width: Pixels.
        height: Pixels.
    """

    format: str
    width: int
    height: int


def pillow() -> Any:
    """Return the module that reads and writes pictures.

    Raises:
        ConfigError: Pillow is not installed.
    """
    return need("PIL.Image", "pillow", extra="media")


def is_picture(value: Any) -> bool:
    """Whether something is a picture of Pillow's, which is not loaded for that."""
    return any(
        class_.__name__ == "Image" and class_.__module__ == "PIL.Image"
        for class_ in type(value).__mro__
    )


def make(pixels: Any, mode: str) -> Picture:
    """Return pixels as a picture.

    Args:
        pixels: As `to_pixels` returns them.
        mode: Of Pillow's, with as many channels as the pixels have.

    Raises:
        InvalidInputError: There is no such mode, or it has another number of channels.
    """
    module = pillow()
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1]
    try:
        wanted = len(need("PIL.ImageMode", "pillow").getmode(mode).bands)
    except KeyError:
        raise InvalidInputError(f"mode is none of Pillow's: {mode!r}") from None
    if wanted != channels:
        raise InvalidInputError(f"mode {mode!r} has {wanted} channels, and data has {channels}")
    height, width = pixels.shape[:2]
    if mode == "1":
        return as_mode(make(pixels, "L"), mode)
    picture: Picture = module.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    return picture


def as_mode(picture: Picture, mode: str) -> Picture:
    """Return a picture in another mode.

    Raises:
        InvalidInputError: It cannot be converted to that.
    """
    try:
        return picture if picture.mode == mode else picture.convert(mode)
    except (ValueError, KeyError) as error:
        raise InvalidInputError(f"mode {picture.mode} cannot become {mode!r}: {error}") from error


def encode(picture: Picture, file_type: str, owner: object) -> bytes | Path:
    """Return a picture as a file; the same picture is always the same file.

    Args:
        file_type: One of `FILE_TYPES`. A mode that it does not have is converted; where there is
            no transparency, white shines through. Exact for png, bmp and webp.
        owner: What the file is removed with if it may be large, and lies on the disk therefore.

    Raises:
        InvalidInputError: It cannot be written as that.
    """
    format_ = "JPEG" if file_type in {"jpg", "jpeg"} else file_type.upper()
    picture = _fitting(picture, format_)

    def write(file: IO[bytes]) -> None:
        try:
            picture.save(file, format_, **_OPTIONS.get(format_, {}))
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk, not the picture
            raise InvalidInputError(
                f"the image cannot be written as {file_type}: {error}",
                hint=f"file_type can be {listed(FILE_TYPES)}",
            ) from error

    if picture.width * picture.height * len(picture.getbands()) > _IN_MEMORY:
        descriptor, path = temporary_file(owner, f".{file_type}")
        with open(descriptor, "wb") as file_on_disk:
            write(file_on_disk)
        return path
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def _fitting(picture: Picture, format_: str) -> Picture:
    """Return the picture in a mode that the format has."""
    if picture.mode in _KEPT_MODES[format_]:
        return picture
    if picture.mode in {"F", "I"} or picture.mode.startswith("I;16"):
        return _fitting_numbers(picture, format_)
    if picture.has_transparency_data:
        picture = as_mode(picture, "RGBA")
        if format_ not in _OPAQUE:
            return picture
        white = pillow().new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white
    return as_mode(picture, "L" if picture.mode == "1" and format_ == "JPEG" else "RGB")


def _fitting_numbers(picture: Picture, format_: str) -> Picture:
    """Return a picture whose pixels are numbers of more than eight bits."""
    numpy = need("numpy", "numpy", extra="media")
    numbers = numpy.asarray(picture)
    whole = picture.mode != "F" and numbers.min() >= 0 and numbers.max() <= _MOST_16_BIT
    if format_ == "PNG" and whole:
        return make(numpy.ascontiguousarray(numbers, numpy.uint16), "I;16")
    return as_mode(make(to_pixels(numbers, "data_or_path"), "L"), _only_grey(format_))


def _only_grey(format_: str) -> str:
    return "L" if "L" in _KEPT_MODES[format_] else "RGB"


def probe(source: bytes | Path, name: str) -> Probe:
    """Return what is in a file, after all of it was read.

    Args:
        source: The file.
        name: Of the file, in messages and for its suffix.

    Raises:
        InvalidInputError: It is no picture, is damaged, or has more pixels than Pillow allows.
    """
    with _opened(source, name, strict=True) as picture:
        suffixes = _SUFFIXES[str(picture.format)]
        suffix = Path(name).suffix.lower().removeprefix(".")
        return Probe(suffix if suffix in suffixes else suffixes[0], *picture.size)


def read(data: bytes, name: str) -> Picture:
    """Return the picture that is in a file that was kept.

    Args:
        data: What is in the file.
        name: Of the file, in messages.

    Raises:
        InvalidInputError: It is no picture, is damaged, or has more than twice as many pixels as
            Pillow allows without a warning.
    """
    return _opened(data, name, strict=False)


def _opened(source: bytes | Path, name: str, *, strict: bool) -> Picture:
    """Return a picture that was read from a file, of which it may show further frames.

    Args:
        strict: Whether Pillow's warning of a large picture is an error, as it is when nobody has
            looked at the file before.
    """
    module = pillow()
    bombs = (module.DecompressionBombWarning, module.DecompressionBombError)
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if strict else "ignore", bombs[0])
            picture: Picture = module.open(file)
            try:
                if picture.format not in _SUFFIXES:
                    raise module.UnidentifiedImageError
                picture.load()
            except BaseException:
                picture.close()
                raise
    except bombs as error:
        raise InvalidInputError(
            f"{name} has too many pixels: {error}",
            hint="if you trust it, raise PIL.Image.MAX_IMAGE_PIXELS first",
            kind="too_many_pixels",
        ) from error
    except module.UnidentifiedImageError as error:
        raise InvalidInputError(
            f"{name} is not an image in a known format", kind="bad_image"
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InvalidInputError(f"{name} cannot be read: {error.strerror}") from error
        # What is raised depends on what is wrong with the file, and where.
        raise InvalidInputError(f"{name} is a damaged image: {error}", kind="bad_image") from error
    return picture
