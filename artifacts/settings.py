"""Settings: argument > environment (``ART_*``) > project file > user file > default.

Where ``ART_COMPAT`` is ``wandb``, variables of W&B count that have no counterpart among ``ART_*``.
Each value knows where it came from. What settings there are is in `_setting_list`, their files in
`_setting_files`. Nobody but these and `_run_environment` reads the environment or knows the user's
folders.
"""

from __future__ import annotations

import getpass
import math
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts._run_environment import stands_in
from artifacts._setting_files import APP, absolute, find_project_file, read_file, upwards, user_file
from artifacts._setting_list import AUTO, DEFAULTS, SETTINGS, STORE_FOLDER, Setting, get_setting
from artifacts.store.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = "default"
NEAREST = "nearest .artifacts folder"
"""Origins of values that nobody has set."""

_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?))?B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it came from.

    Attributes:
        shown: The value, or stars if it is secret.
    """

    value: str
    origin: str
    is_secret: bool = field(default=False, compare=False)

    @property
    def shown(self) -> str:
        return "********" if self.is_secret and self.value else self.value

    def __repr__(self) -> str:
        return f"Value({self.shown!r}, {self.origin!r})"


class Settings:
    """All settings as they hold for one call.

    Attributes:
        store: Folder of the store.
        project: Default project.
        entity: Default entity.
        cache_dir: Folder for what can be lost.
        outbox_dir: Folder for what is on its way to a remote store.
        offline_dir: Folder in which runs are kept whose store cannot be reached.
        connect_timeout: Seconds for which `init` waits for a remote store.
        run_dir: Folder in which runs keep what they log until it is a version.
        cache_limit: Bytes that the cache may hold; None for the default.
        write_behind: Whether runs log to a remote store without waiting for the network.
        backup: Whether commits keep a daily backup of the catalog among the objects.
        lineage_events: Where events of lineage go: ``file``, an address, or None for nowhere.
        artifact_dir: Default parent of download folders.
        alert_urls: Where alerts are sent; they hold secrets.
        app_url: Address of the pages of runs, without a slash at its end; None if there are none.
        history_interval: Seconds between two versions of a running run's history; 0 for none.
        on_stale_step: What happens to a row of an earlier step: ``warn``, ``raise`` or ``merge``.
        console: Whether runs keep what the program prints.
        system_metrics_interval: Seconds between two measurements of the system; 0 for none.
        save_git: Whether runs record the Git repository of their program.
        save_code: Whether runs keep the file of their program.
        ignore_globs: Patterns of files that runs do not store unless they are saved by name.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = dict(values)

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

    def check(self) -> None:
        """Make sure that every value can be used.

        Raises:
            ConfigError: One cannot.
        """
        for name in self.values:
            getattr(self, name)

    @property
    def store(self) -> str:
        return self.values["store"].value

    @property
    def project(self) -> str:
        return self.values["project"].value

    @property
    def entity(self) -> str:
        return self.values["entity"].value

    @property
    def cache_dir(self) -> Path:
        return Path(self.values["cache_dir"].value)

    @property
    def outbox_dir(self) -> Path:
        return Path(self.values["outbox_dir"].value)

    @property
    def offline_dir(self) -> Path:
        return Path(self.values["offline_dir"].value)

    @property
    def connect_timeout(self) -> float:
        return self._seconds("connect_timeout")

    @property
    def run_dir(self) -> Path:
        return Path(self.values["run_dir"].value)

    @property
    def cache_limit(self) -> int | None:
        text = self.values["cache_limit"].value
        return None if text == AUTO else parse_size(text)

    @property
    def write_behind(self) -> bool:
        return self._flag("write_behind")

    @property
    def backup(self) -> bool:
        return self._flag("backup")

    @property
    def lineage_events(self) -> str | None:
        text = self.values["lineage_events"].value
        if text.lower() == "off":
            return None
        if text.lower() == "file":
            return "file"
        scheme, found, rest = text.partition("://")
        if not found or scheme.lower() not in {"http", "https"} or not rest:
            raise ConfigError(
                "lineage_events must be off, file, or an address that begins with http:// or "
                "https://",
                kind="bad_setting",
            )
        if "@" in rest.partition("/")[0]:
            raise ConfigError(
                "lineage_events holds a password, which settings show",
                hint="leave it out, and set OPENLINEAGE_API_KEY in the environment",
                kind="bad_setting",
            )
        return text

    def _flag(self, name: str) -> bool:
        text = self.values[name].value.lower()
        if text not in _YES | _NO:
            raise ConfigError(f"{name} must be true or false, not {text!r}", kind="bad_setting")
        return text in _YES

    @property
    def artifact_dir(self) -> Path:
        return Path(self.values["artifact_dir"].value)

    @property
    def alert_urls(self) -> list[str]:
        return self.values["alert_urls"].value.split()

    @property
    def app_url(self) -> str | None:
        return self.values["app_url"].value.rstrip("/") or None

    @property
    def history_interval(self) -> float:
        return self._seconds("history_interval")

    @property
    def on_stale_step(self) -> str:
        return self._choice("on_stale_step", ("warn", "raise", "merge"))

    @property
    def console(self) -> bool:
        return self._choice("console", ("auto", "off")) == "auto"

    @property
    def system_metrics_interval(self) -> float:
        return self._seconds("system_metrics_interval")

    @property
    def ignore_globs(self) -> list[str]:
        patterns = self.values["ignore_globs"].value.split(",")
        return [pattern.strip() for pattern in patterns if pattern.strip()]

    @property
    def save_git(self) -> bool:
        return self._flag("save_git")

    @property
    def save_code(self) -> bool:
        return self._flag("save_code")

    def _seconds(self, name: str) -> float:
        text = self.values[name].value
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise ConfigError(
                f"{name} must be a number of seconds from 0 on, not {text!r}", kind="bad_setting"
            )
        return seconds

    def _choice(self, name: str, choices: Sequence[str]) -> str:
        text = self.values[name].value.lower()
        if text not in choices:
            raise ConfigError(
                f"{name} must be one of {', '.join(choices)}, not {text!r}", kind="bad_setting"
            )
        return text


def load(**arguments: str | os.PathLike[str] | None) -> Settings:
    """Work out every setting.

    Args:
        arguments: Values that were given explicitly, by setting; None means not given.

    Raises:
        ConfigError: A file cannot be read, or names a setting that does not exist.
    """
    project_file = find_project_file()
    environment, variables = _environment()
    layers: list[tuple[str, Mapping[str, str]]] = [
        ("argument", _arguments(arguments)),
        ("environment", environment),
    ]
    if project_file is not None:
        layers.append((str(project_file), read_file(project_file)))
    layers.append((str(user_file()), read_file(user_file())))
    values: dict[str, Value] = {}
    for name, setting in SETTINGS.items():
        for source, layer in layers:
            if name in layer:
                origin = variables[name] if source == "environment" else source
                values[name] = Value(layer[name], origin, setting.is_secret)
                break
        else:
            values[name] = _default(name)
    return Settings(values)


def to_arguments(given: Any) -> dict[str, str]:
    """Return settings that a call was given as one object, as arguments of `load`.

    Args:
        given: A mapping, an object whose attributes are settings, or None.

    Raises:
        ConfigError: One of them is no setting, or has a value that is no text, number, path or
            truth value.
    """
    if given is None:
        return {}
    pairs = given if isinstance(given, Mapping) else vars(given)
    return {
        get_setting(str(name)).name: _to_text(str(name), value)
        for name, value in pairs.items()
        if value is not None
    }


def _to_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | os.PathLike):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    raise ConfigError(f"the setting {name} cannot be a {type(value).__name__}", kind="bad_setting")


def parse_size(text: str) -> int:
    """Return bytes for ``500MB``, ``20 GiB``, ``1.5T`` or a plain number.

    Raises:
        ConfigError: It is something else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"not a size: {text!r}", hint="write for instance 20GB or 512MiB", kind="bad_setting"
        )
    number, unit, binary = match.groups()
    power = "KMGT".index(unit.upper()) + 1 if unit else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


def openlineage_key() -> str | None:
    """Return the key of the service that takes events, from where its other programs have it."""
    return os.environ.get("OPENLINEAGE_API_KEY") or None


def user_name() -> str:
    """Return ``user@host`` of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no such user id, as in some containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _arguments(arguments: Mapping[str, str | os.PathLike[str] | None]) -> dict[str, str]:
    found = {}
    for name, value in arguments.items():
        if value is not None:
            text = os.fspath(value)
            found[name] = absolute(text, Path.cwd()) if SETTINGS[name].is_path else text
    return found


def _environment() -> tuple[dict[str, str], dict[str, str]]:
    """Return what the environment says about settings, and which variable says so."""
    found: dict[str, str] = {}
    variables: dict[str, str] = {}
    if stands_in():
        from artifacts import _reference_settings

        for name, each in _reference_settings.to_settings(os.environ).items():
            found[name], variables[name] = each.value, each.variable
    for name, setting in SETTINGS.items():
        value = os.environ.get(setting.variable)
        if value:
            found[name], variables[name] = value, setting.variable
    return {name: _as_given(SETTINGS[name], value) for name, value in found.items()}, variables


def _as_given(setting: Setting, value: str) -> str:
    return absolute(value, Path.cwd()) if setting.is_path else value


def _default(name: str) -> Value:
    if name == "store":
        nearest = upwards(STORE_FOLDER)
        if nearest is not None:
            return Value(str(nearest), NEAREST)
        return Value(str(_user_data() / "store"), DEFAULT)
    if name in DEFAULTS:
        return Value(DEFAULTS[name], DEFAULT)
    if name == "artifact_dir":
        return Value(str(Path.cwd() / "artifacts"), DEFAULT)
    if name == "outbox_dir":
        return Value(str(_user_data() / "outbox"), DEFAULT)
    if name == "offline_dir":
        return Value(str(_user_data() / "offline"), DEFAULT)
    if name == "connect_timeout":
        return Value("10", DEFAULT)
    if name == "run_dir":
        return Value(str(_user_data() / "runs"), DEFAULT)
    import platformdirs

    return Value(str(platformdirs.user_cache_path(APP)), DEFAULT)


def _user_data() -> Path:
    import platformdirs

    return platformdirs.user_data_path(APP)
