"""Modules that offer what another module has, which they load when something of it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def delegate(to: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a module that stands for another one.

    Args:
        to: Full name of that one, which has ``__all__``.
    """

    def get(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(to), name)

    def names() -> list[str]:
        return sorted(import_module(to).__all__)

    return get, names
