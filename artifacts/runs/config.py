"""A run's configuration: a dictionary whose values are not changed by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from artifacts._metadata import to_json
from artifacts.store.errors import ConfigError, InvalidTypeError


class Config(MutableMapping[str, Any]):
    """Settings of an experiment, by key or as attributes; every change is stored at once.

    Changing the value of an existing key needs ``update(..., allow_val_change=True)``.

    Args:
        values: Initial values.
        store: Called with all values after each change.
    """

    def __init__(self, values: Mapping[str, Any], store: Callable[[dict[str, Any]], None]) -> None:
        object.__setattr__(self, "_values", {})
        object.__setattr__(self, "_store", None)
        self._merge(values, allow_val_change=True)
        object.__setattr__(self, "_store", store)

    def update(  # type: ignore[override] # has an argument more
        self, values: Any = (), *, allow_val_change: bool = False
    ) -> None:
        """Set several values.

        Args:
            values: A mapping, or anything with attributes such as an argparse namespace.
            allow_val_change: Whether existing keys may get another value.

        Raises:
            ConfigError: An existing key would change.
        """
        self._merge(_as_mapping(values), allow_val_change=allow_val_change)

    def setdefaults(self, values: Mapping[str, Any]) -> None:
        """Set those keys that are not set yet."""
        missing = {key: value for key, value in values.items() if _clean(key) not in self}
        self._merge(missing, allow_val_change=False)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as a plain dictionary."""
        return dict(self._values)

    def _merge(self, values: Mapping[str, Any], *, allow_val_change: bool) -> None:
        fresh = {_clean(key): to_json(value, str(key)) for key, value in values.items()}
        for key, value in fresh.items():
            if key in self._values and self._values[key] != value and not allow_val_change:
                raise ConfigError(
                    f"config {key!r} is {self._values[key]!r} already and would become {value!r}",
                    hint="use config.update({...}, allow_val_change=True)",
                    kind="config_change",
                )
        self._values.update(fresh)
        if self._store is not None:
            self._store(self.as_dict())

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._merge({key: value}, allow_val_change=False)

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._store(self.as_dict())

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"config has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __repr__(self) -> str:
        return repr(self._values)

    _values: dict[str, Any]
    _store: Any


def _as_mapping(values: Any) -> Mapping[str, Any]:
    if isinstance(values, Mapping):
        return values
    if hasattr(values, "__dict__"):
        return dict(vars(values))
    try:
        return dict(values)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"config must be a dict or a namespace, not {type(values).__name__}"
        ) from None


def _clean(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidTypeError(f"config keys must be text, not {type(key).__name__}: {key!r}")
    return key.strip("-")
