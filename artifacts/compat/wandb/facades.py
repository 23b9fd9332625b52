"""The modules that stand for those of W&B: one for each name, whoever imports it."""

from __future__ import annotations

import difflib
from importlib import import_module
from types import ModuleType
from typing import Any

from artifacts.compat.wandb.names import CURRENT, MODULES, ROOT, VERSION, has_children
from artifacts.store.errors import ConfigError


class Facade(ModuleType):
    """A module of W&B: its names are things of this package, which are loaded when they are used.

    Args:
        name: Its full name, a key of `MODULES`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, f"`{name}` of W&B, as far as the package artifacts serves it.")
        self.__file__ = __file__
        if has_children(name):
            self.__path__: list[str] = []
        if name == ROOT:
            self.__version__ = VERSION

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        source, names = MODULES[self.__name__]
        if name in names:
            module, _, ours = names[name].partition(":")
            return _get(module, ours)
        inner = f"{self.__name__}.{name}"
        if inner in MODULES:
            return facade(inner)
        if source is not None:
            known = import_module(source).__all__
            if name in known or (source == "artifacts" and name in CURRENT):
                return _get(source, name)
        near = difflib.get_close_matches(name, dir(self))
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r}: the package artifacts stands in "
            "for W&B here, and does not have it"
            + (f"; did you mean {' or '.join(near)}?" if near else ""),
            name=name,
            obj=self,
        )

    def __dir__(self) -> list[str]:
        source, names = MODULES[self.__name__]
        prefix = f"{self.__name__}."
        inner = {each.removeprefix(prefix) for each in MODULES if each.startswith(prefix)}
        found = {*vars(self), *names, *(each for each in inner if "." not in each)}
        if source is not None:
            found.update(import_module(source).__all__)
        if source == "artifacts":
            found.update(CURRENT)
        return sorted(found)


def _get(module: str, name: str) -> Any:
    """Return what is called so in a module here.

    Raises:
        ImportError: It needs a library that is not installed; clients are ready for this one.
    """
    try:
        return getattr(import_module(module), name)
    except ConfigError as error:
        if error.kind != "not_installed":
            raise
        raise ImportError(f"{error}; {error.hint}", name=name) from error


_facades: dict[str, Facade] = {}


def facade(name: str) -> Facade:
    """Return the module that stands for one of W&B, always the same one.

    Args:
        name: A key of `MODULES`.
    """
    found = _facades.get(name)
    if found is None:
        found = _facades.setdefault(name, Facade(name))
    return found
