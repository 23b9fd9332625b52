"""A run's configuration: a dictionary whose values are not changed by accident."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from artifacts._metadata import to_json
from artifacts.runs.mapping import StoredMapping
from artifacts.store.errors import ConfigError, InvalidTypeError


class Config(StoredMapping):
    """Settings of an experiment, by key or as attributes; every change is stored at once.

    Changing the value of an existing key needs ``update(..., allow_val_change=True)``. What JSON
    cannot hold is kept as text. A copy, and what another process gets, is a plain dictionary.

    Args:
        values: Initial values.
        store: Called with all values after each change.
    """

    def __init__(self, values: Mapping[str, Any], store: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(to_config(values), store)

    def update(  # type: ignore[override] # has an argument more
        self, values: Any = (), *, allow_val_change: bool = False
    ) -> None:
        """Set several values.

        Args:
            values: A mapping, or anything with attributes such as an argparse namespace.
            allow_val_change: Whether existing keys may get another value.

        Raises:
            ConfigError: An existing key would change.
            RunFinishedError: The run has ended.
        """
        fresh = to_config(values)
        with self._lock:
            for key, value in fresh.items():
                if key in self._values and self._values[key] != value and not allow_val_change:
                    raise ConfigError(
                        f"config {key!r} is {self._values[key]!r} already and would become "
                        f"{value!r}",
                        hint="use config.update({...}, allow_val_change=True)",
                        kind="config_change",
                    )
            self._replace({**self._values, **fresh})

    def setdefaults(self, values: Any) -> None:
        """Set those keys that are not set yet.

        Args:
            values: As for `update`.
        """
        with self._lock:
            self._replace({**to_config(values), **self._values})

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as a plain dictionary."""
        return dict(self._values)

    def _replace(self, values: dict[str, Any]) -> None:
        if values != self._values:
            super()._replace(values)

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise self._no_key(name) from None


def to_config(values: Any) -> dict[str, Any]:
    """Return what users give as a configuration as plain JSON.

    Args:
        values: A mapping, anything with attributes such as an argparse namespace, or None.

    Raises:
        InvalidTypeError: Something else, or a key that is not text.
    """
    if values is None:
        return {}
    return {
        _clean(key): to_json(value, str(key), lenient=True)
        for key, value in _as_mapping(values).items()
    }


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
