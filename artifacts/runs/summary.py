"""A run's summary: the results that stand for it, such as its final accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from artifacts.media.base import TYPE
from artifacts.runs.mapping import StoredMapping
from artifacts.runs.values import for_summary, to_value

if TYPE_CHECKING:
    import threading

    from artifacts.runs.mapping import Path
    from artifacts.runs.metrics import SummaryState
    from artifacts.runs.values import MakeDescriber


class Summary(StoredMapping):
    """Results by key or as attributes. They follow what is logged: the last value of each key.

    A value that is set by hand is stored at once, and rows do not change it any more, until it is
    deleted or `unlock` is called. That holds for nested values one by one:
    ``summary["a"]["b"] = 1`` locks only ``a.b``.

    A copy, and what another process gets, is a plain dictionary.

    Args:
        state: The values, and how they follow the rows.
        lock: Guards the state.
        changed: Called when something was set by hand; before the change with True, which may
            refuse it, and after it with False.
        describer: Makes what keeps the files of media that are set; None if they are refused.
        load: Returns the object of a description; None if descriptions are shown as they are.
    """

    _state: SummaryState
    _changed: Callable[[bool], None]
    _describer: MakeDescriber | None
    _load: Callable[[Any], Any] | None

    def __init__(
        self,
        state: SummaryState,
        lock: threading.RLock,
        changed: Callable[[bool], None],
        *,
        describer: MakeDescriber | None = None,
        load: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__({}, lambda _: None)
        object.__setattr__(self, "_describer", describer)
        object.__setattr__(self, "_load", load)
        object.__setattr__(self, "_state", state)
        object.__setattr__(self, "_lock", lock)
        object.__setattr__(self, "_changed", changed)

    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write.

        Raises:
            InvalidTypeError: A value is of a type that cannot be stored.
            RunFinishedError: The run has ended.
        """
        fresh = dict(*args, **values)
        self._set_paths([((str(key).strip(),), value) for key, value in fresh.items()])

    def unlock(self, key: str) -> None:
        """Let a value follow what is logged again.

        Args:
            key: As for `is_locked`.
        """
        self._change(lambda: self._state.unlock(_path(key)))

    def is_locked(self, key: str) -> bool:
        """Whether a value was set by hand, so that rows leave it as it is.

        Args:
            key: The key, with dots between those of nested values.
        """
        with self._lock:
            return self._state.is_locked((key,)) or self._state.is_locked(_path(key))

    def _set_paths(self, values: Sequence[tuple[Path, Any]]) -> None:
        plain = [
            (
                path,
                for_summary(
                    to_value(value, ".".join(path), strict=True, describer=self._describer)
                ),
            )
            for path, value in values
        ]

        def change() -> None:
            for path, value in plain:
                self._state.set_by_hand(path, value)

        self._change(change)

    def _delete_path(self, path: Path) -> None:
        self._change(lambda: self._state.delete(path))

    def _change(self, change: Callable[[], None]) -> None:
        with self._lock:
            self._changed(True)
            change()
        self._changed(False)

    def _nested(self, value: Any, path: Path) -> Any:
        is_media = type(value) is list or (type(value) is dict and TYPE in value)
        if is_media and self._load is not None:
            loaded = self._load(value)
            if type(loaded) is not dict:
                return loaded
        return super()._nested(value, path)

    def _copy(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._state.values)

    def __getitem__(self, key: str) -> Any:
        return self._nested(self._state.values[key], (key,))

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy())

    def __len__(self) -> int:
        return len(self._state.values)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._copy(),)

    def __repr__(self) -> str:
        return repr(self._copy())


def _path(key: str) -> Path:
    return tuple(key.split("."))
