"""Settings: argument > environment (``ART_*``) > project file > user file > default.

Where ``ART_COMPAT`` is ``wandb``, variables of W&B count that have no counterpart among ``ART_*``.
The only module that reads the environment and knows the user's folders. Each value knows where
it came from. Files are flat TOML: ``artifacts.toml``, the nearest upwards from the working
directory, and ``config.toml`` in the user's configuration folder.
"""

from __future__ import annotations

import getpass
import json
import math
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT_FILE = "artifacts.toml"
STORE_FOLDER = ".artifacts"
DEFAULT_ENTITY = "local"
DEFAULT_PROJECT = "uncategorized"

DEFAULT = "default"
NEAREST = "nearest .artifacts folder"
"""Origins of values that nobody has set."""

COMPAT = "ART_COMPAT"
"""Variable that is ``wandb`` in a program for which this package stands in for W&B."""

_APP = "artifacts"
_AUTO = "auto"
_DEFAULTS = {
    "project": DEFAULT_PROJECT,
    "entity": DEFAULT_ENTITY,
    "cache_limit": _AUTO,
    "write_behind": "true",
    "backup": "true",
    "lineage_events": "off",
    "alert_urls": "",
    "app_url": "",
    "history_interval": "0",
    "on_stale_step": "warn",
    "console": _AUTO,
    "system_metrics_interval": "15",
    "save_git": "true",
    "save_code": "false",
    "ignore_globs": "",
}
"""What does not depend on where the program runs."""

_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?))?B?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name (``ART_`` + upper case in the environment) and what it means."""

    name: str
    help: str
    is_path: bool = False
    is_secret: bool = False

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
            "offline_dir",
            "Folder in which runs are kept whose store cannot be reached, until `art sync`.",
            is_path=True,
        ),
        Setting(
            "connect_timeout",
            "Seconds for which `init` waits for a remote store before it keeps the run on this "
            "machine. Default: `10`.",
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
            "lineage_events",
            "Where events of OpenLineage go while runs run: `file` for a file `lineage.jsonl` in "
            "the store's folder, the `http://` or `https://` address of a service, or `off`. "
            "Default: `off`.",
        ),
        Setting(
            "artifact_dir",
            "Folder into which `download()` writes by default, one folder for each version.",
            is_path=True,
        ),
        Setting(
            "alert_urls",
            "Where alerts of runs are sent, besides being stored: URLs as the library apprise "
            "understands them, with spaces between them. They are never shown. Default: nowhere.",
            is_secret=True,
        ),
        Setting(
            "app_url",
            "Address of the pages of projects and runs, such as `https://artifacts.example.com`. "
            "Default: none; then runs have no URL.",
        ),
        Setting(
            "history_interval",
            "Seconds between two versions of the history and the summary of a run while it is "
            "running; `0` for none before its end. Default: `0`.",
        ),
        Setting(
            "on_stale_step",
            "What `log` does with a step that is lower than the one before: `warn` and drop the "
            "row, `raise` an error, or `merge` it into the row of that step. Default: `warn`.",
        ),
        Setting(
            "console",
            "Whether what the program prints while a run is active is kept with the run, as its "
            "file `output.log`: `auto` or `off`. Default: `auto`.",
        ),
        Setting(
            "system_metrics_interval",
            "Seconds between two measurements of processor, memory, disk, network and GPUs while a "
            "run is active; `0` for none. Default: `15`.",
        ),
        Setting(
            "save_git",
            "Whether a run records the Git repository of its program: remote, commit, branch, and "
            "changes that are not committed as its file `diff.patch`: `true` or `false`. Default: "
            "`true`.",
        ),
        Setting(
            "save_code",
            "Whether a run keeps the file of its program, below `code/` among its files: `true` or "
            "`false`. Default: `false`.",
        ),
        Setting(
            "ignore_globs",
            "Which files in the folder of a run are not stored unless they are saved by name: "
            "patterns such as `*.pyc,cache/*`, with commas between them. Default: none.",
        ),
    )
}


_SECRET_LINE = re.compile(
    rf"\s*({'|'.join(name for name, setting in SETTINGS.items() if setting.is_secret)})\s*="
)


@dataclass(frozen=True, slots=True)
class RunVariable:
    """An environment variable for an argument of `init`, which has no place in a settings file."""

    argument: str
    variable: str
    help: str


RUN_VARIABLES = tuple(
    RunVariable(argument, variable, help_)
    for argument, variable, help_ in (
        ("id", "ART_RUN_ID", "Id of the run."),
        ("name", "ART_NAME", "Display name of the run."),
        ("group", "ART_RUN_GROUP", "Name that bundles runs, such as the processes of one job."),
        ("job_type", "ART_JOB_TYPE", "What kind of work the run does."),
        ("notes", "ART_NOTES", "Free text."),
        ("tags", "ART_TAGS", "Labels, with commas between them."),
        ("mode", "ART_MODE", "`online`, `offline` or `disabled`."),
        ("dir", "ART_DIR", "Folder in which the run keeps what it logs; goes before `run_dir`."),
        ("resume", "ART_RESUME", "`allow`, `must`, `never` or `auto`."),
        ("sweep_id", "ART_SWEEP_ID", "Search over settings that the run belongs to."),
        (
            "config_paths",
            "ART_CONFIG_PATHS",
            "Files with configurations, below that of `config=`, with commas between them.",
        ),
    )
)


TRIAL_PARAMETERS = "ART_SWEEP_PARAMS"
"""Variable in which a program that an agent starts finds what was chosen for it, as JSON."""

_TRIAL_VARIABLES = {
    "entity": "ART_ENTITY",
    "project": "ART_PROJECT",
    "run": "ART_RUN_ID",
    "sweep": "ART_SWEEP_ID",
}


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
        return None if text == _AUTO else parse_size(text)

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
        layers.append((str(project_file), _read_file(project_file)))
    layers.append((str(user_file()), _read_file(user_file())))
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


def run_variables() -> dict[str, str]:
    """Return what the environment says about a run, by argument of `init`."""
    found = {each.argument: os.environ.get(each.variable) for each in RUN_VARIABLES}
    ours = {argument: value for argument, value in found.items() if value}
    if not stands_in():
        return ours
    from artifacts import _reference_settings

    theirs = _reference_settings.to_run_arguments(os.environ)
    return {**{argument: each.value for argument, each in theirs.items()}, **ours}


def trial_variables() -> dict[str, str] | None:
    """Return the trial of a sweep for which this process was started, by `trial_environment`."""
    if not os.environ.get(TRIAL_PARAMETERS):
        return None
    found = {part: os.environ.get(variable, "") for part, variable in _TRIAL_VARIABLES.items()}
    return found if all(found.values()) else None


def drop_trial_variables() -> None:
    """Forget the trial: it is begun, and what this process begins from now on is something else."""
    if os.environ.pop(TRIAL_PARAMETERS, None) is not None:
        os.environ.pop(_TRIAL_VARIABLES["run"], None)
        os.environ.pop(_TRIAL_VARIABLES["sweep"], None)


def trial_environment(
    *, store: str, entity: str, project: str, run: str, sweep: str, parameters: str
) -> dict[str, str]:
    """Return the environment of a process whose first run is a trial of a sweep.

    Args:
        parameters: What was chosen for the trial, as JSON; for programs that read it themselves.
    """
    told = {"entity": entity, "project": project, "run": run, "sweep": sweep}
    ours = {variable: told[part] for part, variable in _TRIAL_VARIABLES.items()}
    return {
        **os.environ,
        **ours,
        SETTINGS["store"].variable: store,
        TRIAL_PARAMETERS: parameters,
    }


def stands_in() -> bool:
    """Whether this package stands in for W&B in this program."""
    return os.environ.get(COMPAT, "").lower() == "wandb"


def is_silent() -> bool:
    """Whether W&B, for which this package stands in, was told to print nothing."""
    if not stands_in():
        return False
    from artifacts import _reference_settings

    return _reference_settings.is_silent(os.environ)


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
            found[name] = _absolute(text, Path.cwd()) if SETTINGS[name].is_path else text
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
    return _absolute(value, Path.cwd()) if setting.is_path else value


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
    if name in _DEFAULTS:
        return Value(_DEFAULTS[name], DEFAULT)
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
