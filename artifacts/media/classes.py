"""The classes that boxes and masks refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from artifacts._parts import in_parts
from artifacts.media._numbers import whole_number
from artifacts.media.base import TYPE, Media
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from artifacts.media.base import Files, Keeper


@in_parts
class Classes(Media):
    """Names of classes, to which the boxes and masks of images refer.

    Args:
        class_set: Classes as dicts with ``id``, which is a whole number or a text, and ``name``.

    Raises:
        InvalidInputError: One has no id or no name, or two have the same id.
        InvalidTypeError: Something has the wrong type.
    """

    type_name: ClassVar[str] = "classes"

    def __init__(self, class_set: Iterable[Mapping[str, Any]]) -> None:
        if isinstance(class_set, str | Mapping) or not isinstance(class_set, Iterable):
            raise InvalidTypeError(
                f"class_set must be a list of dicts, not {type(class_set).__name__}"
            )
        self._names: dict[int | str, str] = {}
        for each in class_set:
            number, name = _checked(each)
            if self._names.setdefault(number, name) != name:
                raise InvalidInputError(f"class_set has two names for the id {number!r}")

    @property
    def class_set(self) -> list[dict[str, Any]]:
        """The classes, each a dict with ``id`` and ``name``."""
        return [{"id": number, "name": name} for number, name in self._names.items()]

    def _keep(self, keeper: Keeper) -> dict[str, Any]:
        return self._described()

    def _described(self) -> dict[str, Any]:
        return {TYPE: self.type_name, "class_set": self.class_set}

    @classmethod
    def _load(cls, description: Mapping[str, Any], files: Files) -> Self:  # noqa: ARG003
        return cls(description["class_set"])

    def __repr__(self) -> str:
        return f"<Classes {self._names}>"


def _checked(each: Any) -> tuple[int | str, str]:
    if not isinstance(each, Mapping):
        raise InvalidTypeError(f"class_set must hold dicts, not {type(each).__name__}")
    if "id" not in each or "name" not in each:
        raise InvalidInputError(
            f"class_set has a class without {'name' if 'id' in each else 'id'}: {dict(each)!r}"
        )
    number, name = each["id"], each["name"]
    if not isinstance(name, str):
        raise InvalidTypeError(f"a name in class_set must be text, not {type(name).__name__}")
    return number if isinstance(number, str) else whole_number(number, "an id in class_set"), name
