"""A run's configuration: a dictionary whose values are not changed by accident."""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from artifacts._metadata import CHARTS, PRIVATE, to_json, without_private
from artifacts.runs.config_files import is_config_file, read_config_file
from artifacts.runs.mapping import StoredMapping, with_value, without_value
from artifacts.store.errors import ConfigError, InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from artifacts.runs.mapping import Path

log = logging.getLogger("artifacts")

_MISSING = object()


class Config(StoredMapping):
    """Settings of an experiment, by key or as attributes; every change is stored at once.

    Values in nested dicts are reached in the same ways: ``config.optimizer.lr``. Changing the
    value of an existing key needs ``update(..., allow_val_change=True)``. What JSON cannot hold is
    kept as text. A copy, and what another process gets, is a plain dictionary.

    Args:
        values: Initial values.
        store: Called with all values after each change.
        allow_val_change: Whether existing keys may get another value.
    """

    _allow_val_change: bool
    _fixed: frozenset[str]
    _private: dict[str, Any]
    _store_public: Callable[[dict[str, Any]], None]

    def __init__(
        self,
        values: Mapping[str, Any],
        store: Callable[[dict[str, Any]], None],
        *,
        allow_val_change: bool = False,
    ) -> None:
        super().__init__(without_private(to_config(values)), self._store_all)
        object.__setattr__(self, "_private", dict(values.get(PRIVATE, {})))
        object.__setattr__(self, "_store_public", store)
        object.__setattr__(self, "_allow_val_change", allow_val_change)
        object.__setattr__(self, "_fixed", frozenset())

    def update(  # type: ignore[override] # has an argument more
        self, values: Any = (), allow_val_change: bool | None = None
    ) -> None:
        """Set several values.

        Args:
            values: A mapping, anything with attributes such as an argparse namespace, or the path
                of a YAML, JSON or TOML file.
            allow_val_change: Whether existing keys may get another value. Default: as was said
                to `init`, else False.

        Raises:
            ConfigError: An existing key would change.
            RunFinishedError: The run has ended.
        """
        fresh = [((key,), value) for key, value in to_config(values).items()]
        self._change(fresh, allow=allow_val_change)

    def setdefaults(self, values: Any) -> None:
        """Set those keys that are not set yet.

        Args:
            values: As for `update`.
        """
        with self._lock:
            self._replace({**to_config(values), **self._items})

    def update_locked(self, values: Any) -> None:
        """Set values that nobody changes any more, such as those that a search has chosen.

        Setting one of these keys later has no effect but a warning.

        Args:
            values: As for `update`.

        Raises:
            RunFinishedError: The run has ended.
        """
        fresh = to_config(values)
        with self._lock:
            self._replace({**self._items, **fresh})
            object.__setattr__(self, "_fixed", self._fixed | fresh.keys())

    def user_items(self) -> ItemsView[str, Any]:
        """Older name of ``items``."""
        return self.items()

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as a plain dictionary."""
        return copy.deepcopy(self._items)

    def _set_paths(self, values: Sequence[tuple[Path, Any]]) -> None:
        self._change(
            [(path, to_json(value, ".".join(path), lenient=True)) for path, value in values]
        )

    def _delete_path(self, path: Path) -> None:
        with self._lock:
            changed = without_value(self._items, path)
            if not self._is_fixed(path):
                self._replace(changed)

    def _change(self, values: Sequence[tuple[Path, Any]], *, allow: bool | None = None) -> None:
        allowed = self._allow_val_change if allow is None else allow
        with self._lock:
            changed = dict(self._items)
            for path, value in values:
                if path[0] == PRIVATE:
                    raise InvalidInputError(
                        f"config {PRIVATE!r} is used by this library", hint="take another name"
                    )
                before = _find(changed, path)
                if before is not _MISSING and before != value:
                    if self._is_fixed(path):
                        continue
                    if not allowed:
                        raise ConfigError(
                            f"config {'.'.join(path)!r} is {before!r} already and would become "
                            f"{value!r}",
                            hint="use config.update({...}, allow_val_change=True)",
                            kind="config_change",
                        )
                changed = with_value(changed, path, value)
            self._replace(changed)

    # Neither of these is public, because attributes are keys.

    def _define_chart(self, key: str, definition: dict[str, Any]) -> None:
        """Keep how the chart of a key is drawn, beside what users have set.

        Raises:
            RunFinishedError: The run has ended.
            StorageError: It is kept here, and could not be stored.
        """
        with self._lock:
            charts = self._private.get(CHARTS, {})
            if charts.get(key) != definition:
                private = {**self._private, CHARTS: {**charts, key: definition}}
                object.__setattr__(self, "_private", private)
                self._store_all(self._items)

    def _everything(self) -> dict[str, Any]:
        """Return all that is stored: what users have set, and the charts."""
        with self._lock:
            return {**self._items, PRIVATE: self._private} if self._private else self._items

    def _store_all(self, values: dict[str, Any]) -> None:
        self._store_public({**values, PRIVATE: self._private} if self._private else values)

    def _is_fixed(self, path: Path) -> bool:
        if path[0] not in self._fixed:
            return False
        log.warning("config %r was set by the search and stays as it is", ".".join(path))
        return True

    def _replace(self, values: dict[str, Any]) -> None:
        if values != self._items:
            super()._replace(values)

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise self._no_key(name) from None


class StaticConfig(Mapping[str, Any]):
    """A configuration that can be read only, by key or as attributes.

    Args:
        values: The configuration; changes of it are seen.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_items", values)

    _items: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        value = self._items[key]
        return StaticConfig(value) if isinstance(value, Mapping) else value

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"config has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"config_static cannot be changed; set run.config.{name} instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("config_static cannot be changed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self._items),)

    def __repr__(self) -> str:
        return repr(self._items)


def to_config(values: Any) -> dict[str, Any]:
    """Return what users give as a configuration as plain JSON.

    Args:
        values: A mapping, anything with attributes such as an argparse namespace, absl's flags,
            the path of a YAML, JSON or TOML file, or None.

    Raises:
        InvalidTypeError: Something else, or a key that is not text.
        ConfigError: The file cannot be used.
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
    if isinstance(values, str | os.PathLike) and is_config_file(os.fspath(values)):
        return read_config_file(os.fspath(values))
    if hasattr(values, "flag_values_dict"):  # absl's flags, which are attributes only once parsed
        flags: dict[str, Any] = values.flag_values_dict()
        return flags
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        return dataclasses.asdict(values)
    if hasattr(values, "__dict__"):
        return dict(vars(values))
    try:
        return dict(values)
    except (TypeError, ValueError):
        raise InvalidTypeError(
            f"config must be a dict or a namespace, not {type(values).__name__}",
            hint="or the path of a file whose name ends with .yaml, .json or .toml",
        ) from None


def _clean(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidTypeError(f"config keys must be text, not {type(key).__name__}: {key!r}")
    return key.strip("-")


def _find(values: Mapping[str, Any], path: Path) -> Any:
    """Return a nested value, or a mark that there is none."""
    found: Any = values
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return _MISSING
        found = found[key]
    return found
