"""A dictionary whose keys are attributes too, and of which every change is stored."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

Path = tuple[str, ...]
"""Keys that lead to a value, the outermost first."""


class StoredMapping(MutableMapping[str, Any]):
    """The part that a run's configuration and its summary have in common.

    A copy, and what another process gets, is a plain dictionary.

    Args:
        values: Initial values.
        store: Called with all values after each change.
    """

    _items: dict[str, Any]  # the name by which some clients of W&B read what a search has chosen
    _store: Callable[[dict[str, Any]], None]
    _lock: threading.RLock

    def __init__(self, values: Mapping[str, Any], store: Callable[[dict[str, Any]], None]) -> None:
        # Attributes are keys.
        object.__setattr__(self, "_items", dict(values))
        object.__setattr__(self, "_store", store)
        object.__setattr__(self, "_lock", threading.RLock())

    @abstractmethod
    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write."""

    @abstractmethod
    def _set_paths(self, values: Sequence[tuple[Path, Any]]) -> None:
        """Set values, nested ones too, with one write."""

    @abstractmethod
    def _delete_path(self, path: Path) -> None:
        """Remove a value.

        Raises:
            KeyError: There is none.
        """

    def _nested(self, value: Any, path: Path) -> Any:
        return Nested(self, path, value) if type(value) is dict else value

    def _replace(self, values: dict[str, Any]) -> None:
        self._store(values)
        object.__setattr__(self, "_items", values)

    def __getitem__(self, key: str) -> Any:
        return self._nested(self._items[key], (key,))

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        self._delete_path((key,))

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise self._no_key(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def _no_key(self, name: str) -> AttributeError:
        return AttributeError(f"{type(self).__name__.lower()} has no key {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self._items),)

    def __repr__(self) -> str:
        return repr(self._items)


class Nested(dict[str, Any]):
    """A dict in a stored mapping, as it is now; setting a value in it sets it in the mapping.

    Args:
        owner: The mapping.
        path: Keys that lead to it.
        values: What is in it.
    """

    _owner: StoredMapping
    _path: Path

    def __init__(self, owner: StoredMapping, path: Path, values: dict[str, Any]) -> None:
        super().__init__(values)
        # Attributes are keys.
        object.__setattr__(self, "_owner", owner)
        object.__setattr__(self, "_path", path)

    def __getitem__(self, key: str) -> Any:
        return self._owner._nested(super().__getitem__(key), (*self._path, key))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise self._owner._no_key(".".join((*self._path, name))) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, *args: Any, **values: Any) -> None:
        fresh = dict(*args, **values)
        self._owner._set_paths([((*self._path, key), value) for key, value in fresh.items()])
        super().update(fresh)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __delitem__(self, key: str) -> None:
        self._owner._delete_path((*self._path, key))
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self.items()),)


def with_value(values: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy of nested dicts with a value set; dicts on the way to it are made."""
    key, *rest = path
    if not rest:
        return {**values, key: value}
    inner = values.get(key)
    return {**values, key: with_value(inner if isinstance(inner, dict) else {}, tuple(rest), value)}


def without_value(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return a copy of nested dicts without a value.

    Raises:
        KeyError: There is none.
    """
    key, *rest = path
    if key not in values or (rest and not isinstance(values[key], dict)):
        raise KeyError(key)
    if not rest:
        return {name: value for name, value in values.items() if name != key}
    return {**values, key: without_value(values[key], tuple(rest))}
