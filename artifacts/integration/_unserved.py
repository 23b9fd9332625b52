"""What integrations of the reference cannot do here."""

from __future__ import annotations

from typing import Any, NoReturn

from artifacts.store.errors import UnsupportedError


class Unserved:
    """Stands for a function of the reference that this package does not have.

    Args:
        name: What it is called.
        instead: What to do.
    """

    def __init__(self, name: str, instead: str) -> None:
        self._name = name
        self._instead = instead

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Say that it is not there.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(f"{self._name} is not supported", hint=self._instead)

    def __repr__(self) -> str:
        return f"<{self._name}, which is not supported>"
