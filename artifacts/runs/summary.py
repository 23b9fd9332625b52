"""A run's summary: the results that stand for it, such as its final accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from artifacts.runs.mapping import StoredMapping
from artifacts.runs.values import to_value

if TYPE_CHECKING:
    import threading

    from artifacts.runs.metrics import SummaryState

    Path = tuple[str, ...]


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
    """

    _state: SummaryState
    _changed: Callable[[bool], None]

    def __init__(
        self, state: SummaryState, lock: threading.RLock, changed: Callable[[bool], None]
    ) -> None:
        super().__init__({}, lambda _: None)
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
        self._set([((str(key).strip(),), value) for key, value in fresh.items()])

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

    def _set(self, values: list[tuple[Path, Any]]) -> None:
        plain = [(path, to_value(value, ".".join(path), strict=True)) for path, value in values]

        def change() -> None:
            for path, value in plain:
                self._state.set_by_hand(path, value)

        self._change(change)

    def _delete(self, path: Path) -> None:
        self._change(lambda: self._state.delete(path))

    def _change(self, change: Callable[[], None]) -> None:
        with self._lock:
            self._changed(True)
            change()
        self._changed(False)

    def _wrapped(self, value: Any, path: Path) -> Any:
        return Nested(self, path, value) if type(value) is dict else value

    def _copy(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._state.values)

    def __getitem__(self, key: str) -> Any:
        return self._wrapped(self._state.values[key], (key,))

    def __delitem__(self, key: str) -> None:
        self._delete((key,))

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy())

    def __len__(self) -> int:
        return len(self._state.values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise self._no_key(name) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._copy(),)

    def __repr__(self) -> str:
        return repr(self._copy())


class Nested(dict[str, Any]):
    """A dict in a summary, as it is now; setting a value in it sets it in the summary.

    Args:
        summary: The summary.
        path: Keys that lead to it.
        values: What is in it.
    """

    def __init__(self, summary: Summary, path: Path, values: dict[str, Any]) -> None:
        super().__init__(values)
        self._summary = summary
        self._path = path

    def __getitem__(self, key: str) -> Any:
        return self._summary._wrapped(super().__getitem__(key), (*self._path, key))

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(self, *args: Any, **values: Any) -> None:
        fresh = dict(*args, **values)
        self._summary._set([((*self._path, key), value) for key, value in fresh.items()])
        super().update(fresh)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __delitem__(self, key: str) -> None:
        self._summary._delete((*self._path, key))
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


def _path(key: str) -> Path:
    return tuple(key.split("."))
