"""Several media objects of one type that were logged together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import KeysView

    from artifacts.media.base import Media


class Batch(Sequence["Media"]):
    """The objects of a list that was logged, in its order.

    What their common description says can be read as from a dict: ``row["images"]["filenames"]``.

    Args:
        description: Of all of them.
        items: The objects.
    """

    def __init__(self, description: Mapping[str, Any], items: Sequence[Media]) -> None:
        self._description = dict(description)
        self._items = list(items)

    def to_json(self) -> dict[str, Any]:
        """Return a copy of the description."""
        return dict(self._description)

    def keys(self) -> KeysView[str]:
        """Return the names in the description."""
        return self._description.keys()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value of the description."""
        return self._description.get(name, default)

    @overload
    def __getitem__(self, index: int) -> Media: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Media]: ...
    @overload
    def __getitem__(self, index: str) -> Any: ...
    def __getitem__(self, index: int | slice | str) -> Any:
        return self._description[index] if isinstance(index, str) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Batch):
            return self._items == other._items
        if isinstance(other, Mapping):
            return self._description == other
        return isinstance(other, list) and self._items == other

    def __hash__(self) -> int:
        return hash(Batch)

    def __repr__(self) -> str:
        return f"<Batch of {len(self)}: {self._description.get('_type')}>"
