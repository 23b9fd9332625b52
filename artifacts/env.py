"""What the environment and the settings say, by the names that ``wandb.env`` has for it."""

from __future__ import annotations

import os

from artifacts import _run_environment, _setting_list, settings

__all__ = [
    "CONFIG_PATHS",
    "DIR",
    "DISABLED",
    "ENTITY",
    "JOB_TYPE",
    "MODE",
    "NAME",
    "NOTES",
    "PROJECT",
    "RESUME",
    "RUN_GROUP",
    "RUN_ID",
    "SILENT",
    "SWEEP_ID",
    "TAGS",
    "get_cache_dir",
    "get_dir",
    "get_entity",
    "get_project",
    "get_run",
    "is_offline",
    "set_entity",
    "set_project",
]

CONFIG_PATHS = "WANDB_CONFIG_PATHS"
DIR = "WANDB_DIR"
DISABLED = "WANDB_DISABLED"
ENTITY = "WANDB_ENTITY"
JOB_TYPE = "WANDB_JOB_TYPE"
MODE = "WANDB_MODE"
NAME = "WANDB_NAME"
NOTES = "WANDB_NOTES"
PROJECT = "WANDB_PROJECT"
RESUME = "WANDB_RESUME"
RUN_GROUP = "WANDB_RUN_GROUP"
RUN_ID = "WANDB_RUN_ID"
SILENT = "WANDB_SILENT"
SWEEP_ID = "WANDB_SWEEP_ID"
TAGS = "WANDB_TAGS"


def get_project(default: str | None = None) -> str | None:
    """Return the project where a call names none.

    Args:
        default: What to return if nobody has set it.
    """
    return _set_by_somebody("project", default)


def get_entity(default: str | None = None) -> str | None:
    """Return the owner of projects where a call names none.

    Args:
        default: What to return if nobody has set it.
    """
    return _set_by_somebody("entity", default)


def set_project(value: str) -> None:
    """Set the project where a call names none, for this process and those that it starts.

    Args:
        value: The project.
    """
    _set("project", PROJECT, value)


def set_entity(value: str) -> None:
    """Set the owner of projects where a call names none, for this process and those it starts.

    Args:
        value: The user or team.
    """
    _set("entity", ENTITY, value)


def get_run(default: str | None = None) -> str | None:
    """Return the id that the environment has for the run.

    Args:
        default: What to return if it has none.
    """
    return _run_environment.run_variables().get("id", default)


def get_dir(default: str | None = None) -> str | None:
    """Return the folder that the environment has for what runs log.

    Args:
        default: What to return if it has none.
    """
    return _run_environment.run_variables().get("dir", default)


def get_cache_dir() -> str:
    """Return the folder for what can be lost."""
    return str(settings.load().cache_dir)


def is_offline() -> bool:
    """Whether the environment says that runs are to work offline."""
    return _run_environment.run_variables().get("mode") in {"offline", "dryrun"}


def _set(name: str, theirs: str, value: str) -> None:
    # Clients look whether the variable of W&B is set; the other one goes before it here.
    os.environ[theirs] = os.environ[_setting_list.SETTINGS[name].variable] = value


def _set_by_somebody(name: str, default: str | None) -> str | None:
    found = settings.load()[name]
    return default if found.origin == settings.DEFAULT else found.value
