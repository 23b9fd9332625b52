"""Images: of arrays, tensors, pictures of Pillow's, figures and files."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from artifacts._parts import in_parts
from artifacts.media import _matplotlib, _pictures, _pixels
from artifacts.media._numbers import whole_number
from artifacts.media._one_file import (
    OneFile,
    check_caption,
    check_format,
    existing_file,
    is_path,
    read_all,
)
from artifacts.media.boxes import BoundingBoxes2D
from artifacts.media.classes import Classes
from artifacts.media.masks import ImageMask
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from artifacts.media.base import Files, Keeper

_LAYERS = ("boxes", "masks")
_LONGEST_SIDE = 65500
_16_BIT = {"I", "I;16"}


@in_parts
class Image(OneFile):
    """An image that can be logged, and added to an artifact.

    Args:
        data_or_path: An array: height × width, or height × width × 1, 3 or 4 channels. Whole
            numbers are brightnesses from 0 to 255, and so are fractions if one is above 1;
            fractions from 0 to 1 are scaled to that, as are ``False`` and ``True``. A torch tensor:
            the same with the channels first; a batch of them becomes a grid. A picture of Pillow's;
            a figure, axes or the ``pyplot`` of Matplotlib. The path of a file, or a file that is
            open for reading bytes, which is kept as it is. Another image, of which the boxes and
            masks are not taken over.
        mode: Mode of Pillow's, such as ``"L"`` or ``"RGB"``, that the pixels are meant as. Made
            out from the shape by default; ``"I;16"`` keeps grey of 16 bits.
        caption: What is shown with it.
        grouping: Number of images that belong together.
        classes: Classes, or dicts with ``id`` and ``name``, for boxes and masks.
        boxes: Boxes over the image, by what they are: dicts as `BoundingBoxes2D` takes them.
        masks: Masks of the image, by what they are: dicts as `ImageMask` takes them.
        file_type: ``png``, ``jpg``, ``jpeg``, ``bmp``, ``gif`` or ``webp``: what the file is, if
            one is made; ``png`` by default. png, bmp and webp are exact. bmp and jpg have no
            transparency: white shines through.
        normalize: Whether an array may be scaled that has other numbers: from -1 to 1, or any
            range, of which the smallest is shown black and the largest white.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidInputError: An array has another shape, or values that are not finite; a file does
            not exist, is damaged or no image; or an argument has another value.
        ConfigError: Pillow, or NumPy for an array, is not installed.
    """

    type_name: ClassVar[str] = "image-file"
    batch_name: ClassVar[str | None] = "images/separated"
    batch_limit: ClassVar[int | None] = 108
    folder: ClassVar[str] = "images"

    _taken_from: Image | None = None
    """The image whose file this one has, which may be removed with it."""

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, BoundingBoxes2D | Mapping[str, Any]] | None = None,
        masks: Mapping[str, ImageMask | Mapping[str, Any]] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        wanted = check_format(file_type or "png", _pictures.FILE_TYPES, "file_type")
        if mode is not None and not isinstance(mode, str):
            raise InvalidTypeError(f"mode must be text, not {type(mode).__name__}")
        self._boxes = _layers(boxes, BoundingBoxes2D, "boxes")
        self._masks = _layers(masks, ImageMask, "masks")
        self._classes = self._all_classes(classes)
        if grouping is not None:
            grouping = whole_number(grouping, "grouping")
        if isinstance(data_or_path, Image):
            self._take_over(data_or_path, caption, grouping)
        elif is_path(data_or_path):
            path = existing_file(data_or_path)
            self._hold_file(path, str(path), caption, grouping)
        elif hasattr(data_or_path, "read") and not _pictures.is_picture(data_or_path):
            data = read_all(data_or_path)
            name = str(getattr(data_or_path, "name", "data_or_path"))
            self._hold_file(data, name, caption, grouping)
        else:
            picture = _picture_of(data_or_path, mode, normalize=normalize)
            self._encode(picture, wanted, caption, grouping)

    def _hold_file(
        self, content: bytes | Path, name: str, caption: str | None, grouping: int | None
    ) -> None:
        found = _pictures.probe(content, name)
        size = {"width": found.width, "height": found.height}
        self._hold(content, found.format, caption, **size, grouping=grouping)

    def _encode(
        self, picture: Picture, file_type: str, caption: str | None, grouping: int | None
    ) -> None:
        width, height = picture.size
        if max(width, height) > _LONGEST_SIDE:
            raise InvalidInputError(
                f"data_or_path must have at most {_LONGEST_SIDE} pixels on a side, "
                f"not {width} x {height}"
            )
        encoded = _pictures.encode(picture, file_type, self)
        self._hold(encoded, file_type, caption, width=width, height=height, grouping=grouping)

    def _take_over(self, other: Image, caption: str | None, grouping: int | None) -> None:
        self._content, self._taken_from = other._content, other
        taken = {n: v for n, v in other._facts.items() if n in {"format", "width", "height"}}
        told = {
            "caption": other.caption if caption is None else check_caption(caption),
            "grouping": other.grouping if grouping is None else grouping,
        }
        self._facts = taken | {name: value for name, value in told.items() if value is not None}
        self._classes = self._classes or other._classes

    def _all_classes(self, classes: Classes | Sequence[Mapping[str, Any]] | None) -> Classes | None:
        """Return the classes that were given, and those of boxes and masks."""
        names: dict[int | str, str] = {}
        for layer in [*self._boxes.values(), *self._masks.values()]:
            names.update(layer.class_labels)
        if classes is not None:
            given = classes if isinstance(classes, Classes) else Classes(classes)
            names.update((each["id"], each["name"]) for each in given.class_set)
        return Classes([{"id": key, "name": names[key]} for key in names]) if names else None

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        description = super()._keep(keeper)
        if self._classes is not None:
            description["classes"] = self._classes._keep(keeper)
        for name, layers in zip(_LAYERS, (self._boxes, self._masks), strict=True):
            if layers:
                description[name] = {key: each._keep(keeper) for key, each in layers.items()}
        self._description = description
        return self.to_json()

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:
        own = {n: v for n, v in description.items() if n not in {"classes", *_LAYERS}}
        loaded = super()._load(own, files)
        classes, boxes, masks = (description.get(n) or {} for n in ("classes", *_LAYERS))
        # Others may have written a description that names a file of classes.
        named = classes.get("class_set")
        loaded._classes = None if named is None else Classes(named)
        loaded._boxes = {
            key: BoundingBoxes2D._load({"format": "boxes2D.json", **each}, files)
            for key, each in boxes.items()
        }
        loaded._masks = {
            key: ImageMask._load({"format": "png", **each}, files) for key, each in masks.items()
        }
        return loaded

    @classmethod
    def _batched(cls, items: Sequence[Self], descriptions: Sequence[dict[str, Any]]) -> Any:
        first = {name: descriptions[0].get(name) for name in ("width", "height", "format")}
        return super()._batched(items, descriptions) | first

    @property
    def image(self) -> Picture:
        """The picture, as Pillow has it; read anew each time."""
        with self.open() as file:
            return _pictures.read(file.read(), str(self.get("path", "data_or_path")))

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self._facts["width"])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self._facts["height"])

    @property
    def grouping(self) -> int | None:
        """Number of images that belong together."""
        return self._facts.get("grouping")

    @property
    def classes(self) -> Classes | None:
        """The classes of its boxes and masks."""
        return self._classes

    @property
    def boxes(self) -> dict[str, BoundingBoxes2D]:
        """The boxes over it, by what they are."""
        return dict(self._boxes)

    @property
    def masks(self) -> dict[str, ImageMask]:
        """The masks of it, by what they are."""
        return dict(self._masks)

    def to_data_array(self) -> list[Any]:
        """Return the pixels.

        Returns:
            Rows of pixels: numbers, or tuples of one number for each channel.
        """
        picture = self.image
        pixels = list(picture.get_flattened_data())
        width = picture.width
        return [pixels[start : start + width] for start in range(0, len(pixels), width)]

    @staticmethod
    def guess_mode(data: Any) -> str:
        """Return the mode that an array is shown in: ``L``, ``RGB`` or ``RGBA``.

        Raises:
            InvalidInputError: Its shape is not that of an image.
        """
        return _pixels.mode_of(data)

    def _repr_png_(self) -> bytes:
        if self.format == "png":
            with self.open() as file:
                return file.read()
        content = _pictures.encode(self.image, "png", self)
        return content if isinstance(content, bytes) else content.read_bytes()

    def _repr_html_(self) -> str | None:
        if self.caption is None:
            return None  # the image alone is shown as PNG
        data = base64.b64encode(self._repr_png_()).decode("ascii")
        caption = html.escape(self.caption)
        return (
            f'<figure><img src="data:image/png;base64,{data}" alt="{caption}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"<Image {self.format}, {self.width} x {self.height}>"


def _layers(layers: Any, class_: Any, argument: str) -> dict[str, Any]:
    if layers is None:
        return {}
    if not isinstance(layers, Mapping) or not all(isinstance(key, str) for key in layers):
        raise InvalidTypeError(f"{argument} must be a dict of dicts by what they are")
    return {
        key: each if isinstance(each, class_) else class_(each, key) for key, each in layers.items()
    }


def _picture_of(data: Any, mode: str | None, *, normalize: bool) -> Picture:
    """Return anything but a file as a picture of Pillow's."""
    picture: Picture
    if _pictures.is_picture(data):
        picture = data
    elif (figure := _matplotlib.find_figure(data)) is not None:
        picture = _pictures.read(_matplotlib.render(figure), "the figure")
    elif isinstance(data, Mapping | set | bytes) or data is None:
        raise InvalidTypeError(
            f"data_or_path must be an array, a tensor, a picture, a figure or a file, "
            f"not {type(data).__name__}"
        )
    else:
        bits = 16 if mode in _16_BIT else 8
        pixels = _pixels.to_pixels(data, "data_or_path", normalize=normalize, bits=bits)
        return _pictures.make(pixels, "I;16" if bits == 16 else mode or _pixels.mode_of(pixels))
    return picture if mode is None else _pictures.as_mode(picture, mode)


def adopt(value: Any) -> Image | None:
    """Return the image that stands for a picture of Pillow's, None for something else of its."""
    return Image(value) if _pictures.is_picture(value) else None
