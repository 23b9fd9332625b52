"""What the environment says about a run, and whether this package stands in for W&B there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from artifacts._setting_list import SETTINGS

COMPAT = "ART_COMPAT"
"""Variable that is ``wandb`` in a program for which this package stands in for W&B."""


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
