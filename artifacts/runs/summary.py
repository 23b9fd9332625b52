"""A run's summary: the results that stand for it, such as its final accuracy."""

from __future__ import annotations

from typing import Any

from artifacts._metadata import to_json
from artifacts.runs.mapping import StoredMapping


class Summary(StoredMapping):
    """Results by key or as attributes; every change is stored at once.

    A copy, and what another process gets, is a plain dictionary.

    Args:
        values: Initial values.
        store: Called with all values after each change.
    """

    def update(self, *args: Any, **values: Any) -> None:
        """Set several values with one write.

        Raises:
            InvalidInputError: A value is an infinite number.
            InvalidTypeError: A value is of a type that JSON cannot hold.
            RunFinishedError: The run has ended.
        """
        fresh = {str(k).strip(): to_json(v, str(k)) for k, v in dict(*args, **values).items()}
        with self._lock:
            self._replace({**self._values, **fresh})
