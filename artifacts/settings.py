"""Settings: argument > environment (``ART_*``) > project file > user file > default.

The only module that reads the environment and knows the user's folders. Each value knows where
it came from. Files are flat TOML: ``artifacts.toml``, the nearest upwards from the working
directory, and ``config.toml`` in the user's configuration folder.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT_FILE = "artifacts.toml"
STORE_FOLDER = ".artifacts"
DEFAULT_ENTITY = "local"
DEFAULT_PROJECT = "uncategorized"

DEFAULT = "default"
NEAREST = "nearest .artifacts folder"
"""Origins of values that nobody has set."""

_APP = "artifacts"
_AUTO = "auto"
_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?))?B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name (``ART_`` + upper case in the environment) and what it means."""

    name: str
    help: str
    is_path: bool = False

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return f"ART_{self.name.upper()}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "store",
            "Folder of the store, or the URL of its catalog or its objects. Default: the nearest "
            "`.artifacts` folder upwards from the working directory, else one in the user's data "
            "folder.",
            is_path=True,
        ),
        Setting("project", "Project of artifacts and runs where a call names none."),
        Setting("entity", "Owner of projects: a user or a team."),
        Setting(
            "cache_dir",
            "Folder for what can be lost: digests of unchanged files, blobs of remote stores.",
            is_path=True,
        ),
        Setting(
            "outbox_dir",
            "Folder in which waits what is on its way to a remote store.",
            is_path=True,
        ),
        Setting(
            "run_dir",
            "Folder in which runs keep what they log until it is a version in the store.",
            is_path=True,
        ),
        Setting(
            "cache_limit",
            "Size to which the cache of remote stores may grow, such as `50GB`; `0` for no cache. "
            "Default: 20 GB, or a tenth of the disk if that is less.",
        ),
        Setting(
            "write_behind",
            "Whether runs log to a remote store without waiting for the network: `true` or "
            "`false`. Default: `true`.",
        ),
        Setting(
            "backup",
            "Whether a commit keeps a daily backup of the catalog among the objects: `true` or "
            "`false`. Default: `true`.",
        ),
        Setting(
            "artifact_dir",
            "Folder into which `download()` writes by default, one folder for each version.",
            is_path=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it came from."""

    value: str
    origin: str


class Settings:
    """All settings as they hold for one call.

    Attributes:
        store: Folder of the store.
        project: Default project.
        entity: Default entity.
        cache_dir: Folder for what can be lost.
        outbox_dir: Folder for what is on its way to a remote store.
        run_dir: Folder in which runs keep what they log until it is a version.
        cache_limit: Bytes that the cache may hold; None for the default.
        write_behind: Whether runs log to a remote store without waiting for the network.
        backup: Whether commits keep a daily backup of the catalog among the objects.
        artifact_dir: Default parent of download folders.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = dict(values)

    def __getitem__(self, name: str) -> Value:
        return self.values[name]

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
    def run_dir(self) -> Path:
        return Path(self.values["run_dir"].value)

    @property
    def cache_limit(self) -> int | None:
        text = self.values["cache_limit"].value
        return None if text == _AUTO else parse_size(text)

    @property
    def write_behind(self) -> bool:
        return self._flag("write_behind")

    @property
    def backup(self) -> bool:
        return self._flag("backup")

    def _flag(self, name: str) -> bool:
        text = self.values[name].value.lower()
        if text not in _YES | _NO:
            raise ConfigError(f"{name} must be true or false, not {text!r}", kind="bad_setting")
        return text in _YES

    @property
    def artifact_dir(self) -> Path:
        return Path(self.values["artifact_dir"].value)


def load(**arguments: str | os.PathLike[str] | None) -> Settings:
    """Work out every setting.

    Args:
        arguments: Values that were given explicitly, by setting; None means not given.

    Raises:
        ConfigError: A file cannot be read, or names a setting that does not exist.
    """
    project_file = find_project_file()
    layers: list[tuple[str, Mapping[str, str]]] = [
        ("argument", _arguments(arguments)),
        ("environment", _environment()),
    ]
    if project_file is not None:
        layers.append((str(project_file), _read_file(project_file)))
    layers.append((str(user_file()), _read_file(user_file())))
    values: dict[str, Value] = {}
    for name, setting in SETTINGS.items():
        for source, layer in layers:
            if name in layer:
                origin = setting.variable if source == "environment" else source
                values[name] = Value(layer[name], origin)
                break
        else:
            values[name] = _default(name)
    return Settings(values)


def find_project_file(start: Path | None = None) -> Path | None:
    """Return the nearest ``artifacts.toml`` upwards from the working directory."""
    return _upwards(PROJECT_FILE, start)


def user_file() -> Path:
    """Return the path of the user's configuration file, which need not exist."""
    import platformdirs

    return platformdirs.user_config_path(_APP) / "config.toml"


def write(path: Path, name: str, value: str | None) -> None:
    """Set one value in a settings file, or remove it; other lines stay as they are.

    Raises:
        ConfigError: There is no such setting, or the file cannot be read.
    """
    get_setting(name)
    _read_file(path)  # refuse to edit what cannot be read
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        own = re.compile(rf"\s*{re.escape(name)}\s*=")
        kept = [line for line in lines if not own.match(line)]
        if value is not None:
            kept.append(f"{name} = {_quoted(value)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise from_os_error(error, f"write {path}") from error


def get_setting(name: str) -> Setting:
    """Return the setting of that name.

    Raises:
        ConfigError: There is none; near matches are in the hint.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        import difflib

        near = difflib.get_close_matches(name, SETTINGS)
        known = f"settings: {', '.join(SETTINGS)}"
        raise ConfigError(
            f"no such setting: {name!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else known,
        )
    return setting


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


def _quoted(value: str) -> str:
    """Return a TOML string; what JSON escapes, TOML reads."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


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
            found[name] = _absolute(text, Path.cwd()) if SETTINGS[name].is_path else text
    return found


def _environment() -> dict[str, str]:
    found = {}
    for name, setting in SETTINGS.items():
        value = os.environ.get(setting.variable)
        if value:
            found[name] = _absolute(value, Path.cwd()) if setting.is_path else value
    return found


def _read_file(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            content: dict[str, Any] = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
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
        found[name] = _absolute(value, path.parent) if setting.is_path else value
    return found


def _absolute(text: str, base: Path) -> str:
    """Return a path as absolute text; URLs stay as they are."""
    if "://" in text:
        return text
    return os.path.normpath(base / Path(text).expanduser())


def _default(name: str) -> Value:
    if name == "store":
        nearest = _upwards(STORE_FOLDER)
        if nearest is not None:
            return Value(str(nearest), NEAREST)
        return Value(str(_user_data() / "store"), DEFAULT)
    if name == "project":
        return Value(DEFAULT_PROJECT, DEFAULT)
    if name == "entity":
        return Value(DEFAULT_ENTITY, DEFAULT)
    if name == "artifact_dir":
        return Value(str(Path.cwd() / "artifacts"), DEFAULT)
    if name == "outbox_dir":
        return Value(str(_user_data() / "outbox"), DEFAULT)
    if name == "run_dir":
        return Value(str(_user_data() / "runs"), DEFAULT)
    if name == "cache_limit":
        return Value(_AUTO, DEFAULT)
    if name in {"write_behind", "backup"}:
        return Value("true", DEFAULT)
    import platformdirs

    return Value(str(platformdirs.user_cache_path(_APP)), DEFAULT)


def _user_data() -> Path:
    import platformdirs

    return platformdirs.user_data_path(_APP)


def _upwards(name: str, start: Path | None = None) -> Path | None:
    folder = (start or Path.cwd()).absolute()
    for candidate in (folder, *folder.parents):
        path = candidate / name
        if path.exists():
            return path
    return None
