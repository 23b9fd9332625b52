"""Libraries that are imported when they are needed, and may be missing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from artifacts.store.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType


def need(module: str, package: str, *, extra: str | None = None) -> ModuleType:
    """Import a module of a library that is not always installed.

    Args:
        module: Its name, such as ``PIL.Image``.
        package: What has it, as ``pip install`` takes it.
        extra: The extra of this package that has it, None if there is none.

    Returns:
        The module.

    Raises:
        ConfigError: The library is not installed, or cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name is not None
        if missing and f"{module}.".startswith(f"{error.name}."):
            wanted = package if extra is None else f"'artifacts-cas[{extra}]'"
            raise ConfigError(
                f"this needs {package}, which is not installed",
                hint=f"install it with: pip install {wanted}",
                kind="not_installed",
            ) from error
        raise ConfigError(
            f"this needs {package}, which is installed and cannot be imported: {error}",
            hint=f"install it anew with: pip install --force-reinstall {package}",
            kind="not_installed",
        ) from error
