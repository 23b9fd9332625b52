"""The summary and the configuration of a run that is in the store."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from artifacts._metadata import to_json, without_private
from artifacts.runs.config import to_config
from artifacts.runs.mapping import StoredMapping, with_value, without_value
from artifacts.runs.metrics import SummaryState
from artifacts.runs.summary import Summary
from artifacts.runs.values import storable

if TYPE_CHECKING:
    import threading

    from artifacts.runs.mapping import Path
    from artifacts.store.records import RunRecord

    Change = Callable[[RunRecord], Mapping[str, Any]]

_MISSING = object()


class StoredSummary(Summary):
    """The summary of a run in the store: results by key or as attributes.

    Every change is stored at once, on top of what others have changed meanwhile, and makes a
    version of the artifact ``run-<id>-summary``; `update` makes one of several changes. If the run
    is resumed, rows leave alone what was set here.

    A copy, and what another process gets, is a plain dictionary.

    Args:
        record: The run as it was read.
        edit: Changes columns of the run.
        load: As for `Summary`.
    """

    _edit: Callable[[Change], RunRecord]

    def __init__(
        self,
        record: RunRecord,
        lock: threading.RLock,
        edit: Callable[[Change], RunRecord],
        load: Callable[[Any], Any],
    ) -> None:
        super().__init__(_state_of(record), lock, _allow, load=load)
        object.__setattr__(self, "_edit", edit)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write. Without any, do nothing.

        Raises:
            InvalidTypeError: A value is of a type that cannot be stored.
            StateError: The run is running, or was deleted.
        """
        if dict(*args, **values):
            super().update(*args, **values)

    def _change(self, change: Callable[[], None]) -> None:
        def apply(record: RunRecord) -> Mapping[str, Any]:
            object.__setattr__(self, "_state", _state_of(record))
            change()
            return {"summary": storable(self._state.values), "tracking": self._state.tracking()}

        with self._lock:
            before = self._state
            try:
                self._edit(apply)
            except BaseException:
                object.__setattr__(self, "_state", before)
                raise


class StoredConfig(StoredMapping):
    """The configuration of a run in the store: settings by key or as attributes.

    Every change is stored at once, on top of what others have changed meanwhile, and makes a
    version of the artifact ``run-<id>-summary``, which has the configuration, too.

    A copy, and what another process gets, is a plain dictionary.

    Args:
        record: The run as it was read.
        edit: Changes columns of the run.
    """

    _base: dict[str, Any]
    _edit: Callable[[Change], RunRecord]

    def __init__(self, record: RunRecord, edit: Callable[[Change], RunRecord]) -> None:
        super().__init__({}, lambda _: None)
        object.__setattr__(self, "_edit", edit)
        self._read(record)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write. Without any, store what was changed in place.

        Raises:
            StateError: The run is running, or was deleted.
        """
        fresh = to_config(dict(*args, **values))
        self._set_paths([((key,), value) for key, value in (fresh or self._changed()).items()])

    def _changed(self) -> dict[str, Any]:
        """Return what was changed in place, such as a list to which an item was added."""
        return {k: v for k, v in self._items.items() if self._base.get(k, _MISSING) != v}

    def _set_paths(self, values: Sequence[tuple[Path, Any]]) -> None:
        plain = [(path, to_json(value, ".".join(path), lenient=True)) for path, value in values]

        def change(config: dict[str, Any]) -> dict[str, Any]:
            for path, value in plain:
                config = with_value(config, path, value)
            return config

        if plain:
            self._change(change)

    def _delete_path(self, path: Path) -> None:
        self._change(lambda config: without_value(config, path))

    def _change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        with self._lock:
            self._read(self._edit(lambda record: {"config": change(record.config)}))

    def _read(self, record: RunRecord) -> None:
        config = without_private(record.config)
        object.__setattr__(self, "_base", config)
        object.__setattr__(self, "_items", copy.deepcopy(config))


def _state_of(record: RunRecord) -> SummaryState:
    return SummaryState(copy.deepcopy(record.summary), record.tracking)


def _allow(_before: bool) -> None:
    """Called about changes, which `StoredSummary._change` makes itself."""
