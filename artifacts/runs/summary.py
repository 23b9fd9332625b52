"""A run's summary: the results that stand for it, such as its final accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from artifacts._metadata import to_json


class Summary(MutableMapping[str, Any]):
    """Results by key; every change is stored at once.

    Args:
        values: Initial values.
        store: Called with all values after each change.
    """

    def __init__(self, values: Mapping[str, Any], store: Callable[[dict[str, Any]], None]) -> None:
        self._values = dict(values)
        self._store = store

    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write."""
        for key, value in dict(*args, **values).items():
            self._values[str(key).strip()] = to_json(value, str(key))
        self._store(dict(self._values))

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._store(dict(self._values))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)
