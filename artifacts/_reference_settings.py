"""What settings and environment variables of W&B are called here.

Scripts that were written for W&B say what they want with its names: ``wandb.Settings(run_id=…)``,
``WANDB_RUN_ID``. This module only translates; who reads the environment is `artifacts.settings`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_YES, _NO = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Found:
    """A value that the environment has for something, and the variable that says so."""

    value: str
    variable: str


@dataclass(slots=True)
class Translated:
    """What settings of W&B mean here.

    Attributes:
        arguments: Of `init`, by name.
        settings: Of this package, by name.
        others: What is no setting of W&B that means anything here.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)


def _same(text: str) -> str | None:
    return text


def _not(text: str) -> str | None:
    if text.lower() in _YES:
        return "false"
    return "true" if text.lower() in _NO else None


def _if_yes(value: str) -> Callable[[str], str | None]:
    return lambda text: value if text.lower() in _YES else None


def _console(text: str) -> str | None:
    return "off" if text.lower() == "off" else "auto"


def _mode(text: str) -> str | None:
    return "online" if text == "shared" else text


def _resume(text: str) -> str | None:
    if text.lower() in _YES:
        return "auto"
    return None if text.lower() in _NO else text


@dataclass(frozen=True, slots=True)
class _Row:
    """What one thing is called here and there.

    Attributes:
        names: Of settings of W&B, the newest first. Its variables are ``WANDB_`` and these in
            upper case, and ``more``.
        translate: From text there to text here; None if it does not say anything here.
    """

    ours: str
    names: tuple[str, ...]
    more: tuple[str, ...] = ()
    translate: Callable[[str], str | None] = _same

    @property
    def variables(self) -> tuple[str, ...]:
        return (*(f"WANDB_{name.upper()}" for name in self.names), *self.more)


# The first that says something counts.
_SETTINGS = (
    _Row("project", ("project",)),
    _Row("entity", ("entity",)),
    _Row("cache_dir", ("cache_dir",)),
    _Row("artifact_dir", ("artifact_dir",)),
    _Row("console", ("console",), translate=_console),
    _Row("ignore_globs", ("ignore_globs",)),
    _Row("save_git", ("disable_git",), translate=_not),
    _Row("save_code", ("disable_code",), translate=_if_yes("false")),
    _Row("save_code", ("save_code",)),
    _Row(
        "system_metrics_interval",
        ("x_disable_stats", "_disable_stats"),
        translate=_if_yes("0"),
    ),
    _Row("system_metrics_interval", ("x_stats_sampling_interval",)),
)
_ARGUMENTS = (
    _Row("id", ("run_id",)),
    _Row("name", ("run_name",), more=("WANDB_NAME",)),
    _Row("group", ("run_group",)),
    _Row("job_type", ("run_job_type",), more=("WANDB_JOB_TYPE",)),
    _Row("notes", ("run_notes",), more=("WANDB_NOTES",)),
    _Row("tags", ("run_tags",), more=("WANDB_TAGS",)),
    _Row("mode", ("disabled",), translate=_if_yes("disabled")),
    _Row("mode", ("mode",), translate=_mode),
    _Row("dir", ("root_dir",), more=("WANDB_DIR",)),
    _Row("resume", ("resume",), translate=_resume),
    _Row("sweep_id", ("sweep_id",)),
    _Row("config_paths", ("config_paths",)),
)

_OTHERS = (
    "allow_media_symlink anonymous api_key base_url code_dir colab_url credentials_file "
    "disable_hints disable_job_creation docker email files_dir finish_timeout git_remote "
    "git_root heartbeat_seconds host http_proxy https_proxy identity_token_file "
    "init_timeout insecure_disable_ssl job_name job_source label_disable launch "
    "launch_config_path log_internal login_timeout max_end_of_run_history_metrics "
    "max_end_of_run_summary_metrics notebook_name organization problem program "
    "program_abspath program_relpath quiet relogin reinit run_mode run_url sagemaker_disable "
    "settings_system show_colors show_emoji show_errors show_info show_warnings silent "
    "start_method stop_fn strict summary_errors summary_timeout summary_warnings "
    "symlink sync_dir sync_file sync_tensorboard table_raise_on_max_row_limit_exceeded "
    "timespec username"
)
_WITHOUT_EFFECT = frozenset(_OTHERS.split())
"""Settings of W&B about which there is nothing to say here."""


def to_settings(environment: Mapping[str, str]) -> dict[str, Found]:
    """Return what variables of W&B say about settings, by the name that they have here."""
    return dict(_read(_SETTINGS, environment))


def to_run_arguments(environment: Mapping[str, str]) -> dict[str, Found]:
    """Return what variables of W&B say about a run, by argument of `init`."""
    return dict(_read(_ARGUMENTS, environment))


def is_silent(environment: Mapping[str, str]) -> bool:
    """Whether W&B would print nothing."""
    return environment.get("WANDB_SILENT", "").lower() in _YES


def variables() -> dict[str, tuple[str, ...]]:
    """Return the variables of W&B that count, by what they are called here, for the guide."""
    found: dict[str, tuple[str, ...]] = {}
    for row in (*_SETTINGS, *_ARGUMENTS):
        found[row.ours] = (*found.get(row.ours, ()), *row.variables)
    return found


def translate(given: Mapping[str, Any]) -> Translated:
    """Return what settings mean that are called as in W&B; None says nothing."""
    told = {name: value for name, value in given.items() if value is not None}
    meant = Translated()
    for rows, into in ((_SETTINGS, meant.settings), (_ARGUMENTS, meant.arguments)):
        for row in rows:
            for name in row.names:
                if name in told and row.ours not in into:
                    value = _translate(row, told[name])
                    if value is not None:
                        into[row.ours] = value
    known = {name for row in (*_SETTINGS, *_ARGUMENTS) for name in row.names}
    if "reinit" in told:
        meant.arguments["reinit"] = told["reinit"]
        known.add("reinit")
    meant.others = {name: value for name, value in told.items() if name not in known}
    return meant


def means_nothing(name: str) -> bool:
    """Whether a setting of W&B of this name has no effect here."""
    return name in _WITHOUT_EFFECT or name.startswith(("_", "x_"))


def _read(rows: tuple[_Row, ...], environment: Mapping[str, str]) -> Iterator[tuple[str, Found]]:
    done: set[str] = set()
    for row in rows:
        for variable in row.variables:
            text = environment.get(variable)
            value = row.translate(text) if text and row.ours not in done else None
            if value is not None:
                done.add(row.ours)
                yield row.ours, Found(value, variable)


def _translate(row: _Row, value: Any) -> Any:
    """Return what a value, which may also be a truth value, a number or a list, means here."""
    if isinstance(value, bool):
        return row.translate("true" if value else "false")
    if isinstance(value, str):
        return row.translate(value)
    return ",".join(map(str, value)) if row.ours == "ignore_globs" else value
