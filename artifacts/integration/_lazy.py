"""Callbacks that are classes of a library's own classes: made when they are first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from artifacts.media._needs import need

if TYPE_CHECKING:
    from collections.abc import Collection


def load(module: str, name: str, known: Collection[str], home: str, **libraries: str) -> Any:
    """Return what ``module.name`` is; for the ``__getattr__`` of a module.

    Args:
        module: Which one was asked.
        name: What it was asked for.
        known: What it has.
        home: Module that makes them, which imports the libraries.
        libraries: How each is installed, by the name by which it is imported.

    Raises:
        AttributeError: The module has no such name.
        ConfigError: A library is not installed.
    """
    if name not in known:
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
    for library, package in libraries.items():
        need(library, package)
    return getattr(import_module(home), name)
