"""Configurations that are kept in files: YAML, JSON or TOML."""

from __future__ import annotations

import json
import logging
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("artifacts")

DEFAULTS_FILE = "config-defaults.yaml"

_ABOUT = frozenset({"value", "desc"})


def is_config_file(name: str) -> bool:
    """Whether a file of this name may hold a configuration."""
    return Path(name).suffix.lower() in _READERS


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Return the configuration that a file holds.

    Each key may have its value itself, or a mapping of ``value`` and ``desc``.

    Args:
        path: A file whose name ends with ``.yaml``, ``.yml``, ``.json`` or ``.toml``.

    Raises:
        ConfigError: It cannot be understood, or needs a library that is not installed.
        StorageError: It cannot be read.
    """
    return {key: _value(told) for key, told in read_mapping(path).items() if key != "wandb_version"}


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Return the mapping that a file holds, as it is written.

    Args:
        path: As for `read_config_file`.

    Raises:
        ConfigError: It cannot be understood, or needs a library that is not installed.
        StorageError: It cannot be read.
    """
    path = Path(path).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {path}", kind="no_such_path") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no text in UTF-8: {error}") from error
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
    try:
        content = _READERS[path.suffix.lower()](text)
    except ValueError as error:
        raise ConfigError(f"{path} cannot be understood: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a mapping, not {type(content).__name__}")
    return content


def read_defaults() -> dict[str, Any]:
    """Return what the file of defaults in the working directory says, if there is one.

    Raises:
        ConfigError: It cannot be understood.
    """
    path = Path(DEFAULTS_FILE)
    if not path.is_file():
        return {}
    try:
        return read_config_file(path)
    except ConfigError as error:
        if error.kind != "not_installed":
            raise
        log.warning("%s is not used: %s (%s)", DEFAULTS_FILE, error, error.hint)
        return {}


def _value(told: Any) -> Any:
    described = isinstance(told, dict) and "value" in told and told.keys() <= _ABOUT
    return told["value"] if described else told


def _read_yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            "reading YAML needs PyYAML, which is not installed",
            hint="install it with: pip install PyYAML",
            kind="not_installed",
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_READERS: dict[str, Callable[[str], Any]] = {
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
    ".json": json.loads,
    ".toml": tomllib.loads,
}
