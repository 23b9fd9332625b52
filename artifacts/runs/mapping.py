"""A dictionary whose keys are attributes too, and of which every change is stored."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any


class StoredMapping(MutableMapping[str, Any]):
    """The part that a run's configuration and its summary have in common.

    A copy, and what another process gets, is a plain dictionary.

    Args:
        values: Initial values.
        store: Called with all values after each change.
    """

    _values: dict[str, Any]
    _store: Callable[[dict[str, Any]], None]
    _lock: threading.RLock

    def __init__(self, values: Mapping[str, Any], store: Callable[[dict[str, Any]], None]) -> None:
        # Attributes are keys.
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_store", store)
        object.__setattr__(self, "_lock", threading.RLock())

    @abstractmethod
    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write."""

    def _replace(self, values: dict[str, Any]) -> None:
        self._store(values)
        object.__setattr__(self, "_values", values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            if key not in self._values:
                raise KeyError(key)
            self._replace({k: value for k, value in self._values.items() if k != key})

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise self._no_key(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def _no_key(self, name: str) -> AttributeError:
        return AttributeError(f"{type(self).__name__.lower()} has no key {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self._values),)

    def __repr__(self) -> str:
        return repr(self._values)
