"""Files with settings, flat TOML: ``artifacts.toml``, the nearest upwards from the working
directory, and ``config.toml`` in the user's configuration folder.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from artifacts._setting_list import SETTINGS, get_setting
from artifacts.store.errors import ConfigError, from_os_error

APP = "artifacts"
"""What the user's folders are called."""

PROJECT_FILE = "artifacts.toml"

_SECRET_LINE = re.compile(
    rf"\s*({'|'.join(name for name, setting in SETTINGS.items() if setting.is_secret)})\s*="
)


def find_project_file(start: Path | None = None) -> Path | None:
    """Return the nearest ``artifacts.toml`` upwards from the working directory."""
    return upwards(PROJECT_FILE, start)


def user_file() -> Path:
    """Return the path of the user's configuration file, which need not exist."""
    import platformdirs

    return platformdirs.user_config_path(APP) / "config.toml"


def write(path: Path, name: str, value: str | None) -> None:
    """Set one value in a settings file, or remove it; other lines stay as they are.

    Raises:
        ConfigError: There is no such setting, or the file cannot be read.
    """
    get_setting(name)
    read_file(path)  # refuse to edit what cannot be read
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        own = re.compile(rf"\s*{re.escape(name)}\s*=")
        kept = [line for line in lines if not own.match(line)]
        if value is not None:
            kept.append(f"{name} = {_quoted(value)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.unlink(missing_ok=True)
        # A file with secrets is for its owner alone.
        mode = 0o600 if any(map(_SECRET_LINE.match, kept)) else 0o666
        with open(
            os.open(temporary, os.O_WRONLY | os.O_CREAT, mode), "w", encoding="utf-8"
        ) as file:
            file.writelines(f"{line}\n" for line in kept)
        temporary.replace(path)
    except OSError as error:
        raise from_os_error(error, f"write {path}") from error


def _quoted(value: str) -> str:
    """Return a TOML string; what JSON escapes, TOML reads."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_file(path: Path) -> dict[str, str]:
    """Return what a file says, nothing if there is none; paths are relative to its folder.

    Raises:
        ConfigError: It cannot be read, or names a setting that does not exist.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
    import tomllib

    try:
        content: dict[str, Any] = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    found = {}
    for name, value in content.items():
        setting = SETTINGS.get(name)
        if setting is None:
            raise ConfigError(
                f"{path} has a setting that does not exist: {name!r}",
                hint=f"settings: {', '.join(SETTINGS)}",
            )
        if not isinstance(value, str):
            raise ConfigError(f"{path}: {name} must be a string")
        found[name] = absolute(value, path.parent) if setting.is_path else value
    return found


def absolute(text: str, base: Path) -> str:
    """Return a path as absolute text; URLs stay as they are."""
    if "://" in text:
        return text
    return os.path.normpath(base / Path(text).expanduser())


def upwards(name: str, start: Path | None = None) -> Path | None:
    """Return the nearest file or folder of that name, from ``start`` or the working directory."""
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        path = candidate / name
        if path.exists():
            return path
    return None
