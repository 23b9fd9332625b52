"""What `init` is asked for: by arguments, by the environment, by files; checked before anything."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from artifacts import _run_environment, settings
from artifacts._init_settings import to_init
from artifacts._values import texts
from artifacts.runs import trials
from artifacts.runs.attributes import MAX_TAG
from artifacts.runs.branching import parse_branch
from artifacts.runs.config import to_config
from artifacts.runs.config_files import read_defaults
from artifacts.runs.starting import Request, check_resume
from artifacts.store.errors import InvalidInputError
from artifacts.store.refs import check_project, check_run_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts.runs.branching import Branch

_MODES = {
    "online": "online",
    "offline": "offline",
    "disabled": "disabled",
    "run": "online",
    "dryrun": "offline",
}
"""What users of older clients write, too."""

_REINITS: dict[bool | str | None, str] = {
    None: "default",
    True: "finish_previous",
    False: "return_previous",
    **{name: name for name in ("default", "return_previous", "finish_previous", "create_new")},
}


class Wanted:
    """What `init` was asked for, by arguments and by the environment, checked.

    Args:
        given: Arguments by name; None is not given.

    Raises:
        InvalidInputError: As for `init`.
        ConfigError: As for `init`.
    """

    def __init__(
        self, given: Mapping[str, Any], *, reinit: Any, allow_val_change: bool = False
    ) -> None:
        self.arguments = [name for name, value in given.items() if value is not None]
        self.allow_val_change = allow_val_change
        meant = to_init(given.get("settings"))
        reinit = meant.arguments.pop("reinit", None) if reinit is None else reinit
        self.reinit = _choice("reinit", reinit, _REINITS)
        if self.reinit == "default":
            self.reinit = "finish_previous" if _in_notebook() else "return_previous"
        told: dict[str, Any] = {**_run_environment.run_variables(), **meant.arguments}
        if isinstance(told.get("tags"), str):
            told["tags"] = [tag.strip() for tag in told["tags"].split(",") if tag.strip()]
        if not {"fork_from", "resume_from"}.isdisjoint(self.arguments):
            # What is said of every run of a shell does not contradict what is said of this one.
            told.pop("resume", None)
        told.update((name, value) for name, value in given.items() if value is not None)
        self.mode = None if told.get("mode") is None else _choice("mode", told["mode"], _MODES)
        trial = None if self.mode == "disabled" else trials.reserved(told.get("id"))
        if trial is not None:
            told = trial.told(told)
            self.mode = self.mode or "online"  # the trial is in its store, and nowhere else
        self.request = replace(_to_request(told), trial=trial)
        self.settings = _to_settings(told, meant.settings)


def _to_request(told: Mapping[str, Any]) -> Request:
    run_id = told.get("id")
    if run_id is not None:
        check_run_id(run_id)
    fork, rewind = _branches(told)
    if rewind is not None and run_id not in {None, rewind.run}:
        raise InvalidInputError(
            f"resume_from names run {rewind.run!r}, and id= another one: {run_id!r}"
        )
    config = {**to_config(read_defaults()), **_from_files(told), **_configured(told)}
    user, _, host = settings.user_name().partition("@")
    values = {
        **{key: told.get(key) for key in ("group", "job_type", "notes", "sweep_id")},
        "tags": _check_run_tags(told.get("tags")),
        "config": config,
        "user": user,
        "host": host,
    }
    resume = check_resume(told.get("resume"), run_id)
    return Request(run_id, told.get("name"), resume, fork, rewind, values)


def _branches(told: Mapping[str, Any]) -> tuple[Branch | None, Branch | None]:
    """Return where the run is to begin in another one, or in itself."""
    named = [name for name in ("fork_from", "resume_from") if told.get(name) is not None]
    if told.get("resume") not in {None, False}:
        named.append("resume")
    if len(named) > 1:
        raise InvalidInputError(f"{' and '.join(named)} cannot be used together", kind="bad_branch")
    fork, rewind = (
        None if told.get(name) is None else parse_branch(told[name], name)
        for name in ("fork_from", "resume_from")
    )
    return fork, rewind


def _from_files(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the files say that the environment names, of which a later one counts more."""
    paths = [path.strip() for path in told.get("config_paths", "").split(",")]
    found: dict[str, Any] = {}
    for path in filter(None, paths):
        found.update(to_config(path))
    return found


def _configured(told: Mapping[str, Any]) -> dict[str, Any]:
    config = to_config(told.get("config"))
    without, only = told.get("config_exclude_keys"), told.get("config_include_keys")
    if without is not None and only is not None:
        raise InvalidInputError(
            "config_exclude_keys and config_include_keys cannot be used together"
        )
    if without is not None:
        left_out = set(texts(without, "config_exclude_keys"))
        return {key: value for key, value in config.items() if key not in left_out}
    if only is not None:
        kept = set(texts(only, "config_include_keys"))
        return {key: value for key, value in config.items() if key in kept}
    return config


def _to_settings(told: Mapping[str, Any], given: Mapping[str, Any]) -> settings.Settings:
    """Return the settings that hold for the run.

    Args:
        given: Those that `init` was told by one object.
    """
    entity, project = told.get("entity"), told.get("project")
    named = {
        "store": told.get("store"),
        "entity": None if entity is None else check_project(entity, what="entity"),
        "project": None if project is None else check_project(project),
        "run_dir": told.get("dir"),
        "save_code": told.get("save_code"),
    }
    loaded = settings.load(**{**settings.to_arguments(given), **settings.to_arguments(named)})
    check_project(loaded.project)
    check_project(loaded.entity, what="entity")
    loaded.check()
    return loaded


def _choice(argument: str, value: Any, meanings: Mapping[Any, str]) -> str:
    if isinstance(value, str | bool | None) and value in meanings:
        return meanings[value]
    *names, last = dict.fromkeys(map(repr, meanings.values()))
    raise InvalidInputError(f"{argument} must be {', '.join(names)} or {last}, not {value!r}")


def _in_notebook() -> bool:
    """Whether this is a notebook, in which cells are run again and again."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def _check_run_tags(tags: Iterable[str] | str | None) -> list[str]:
    found = list(dict.fromkeys(texts(tags, "tags")))
    for tag in found:
        if not 0 < len(tag) <= MAX_TAG:
            raise InvalidInputError(
                f"invalid tag {tag!r}: the tag of a run has 1 to {MAX_TAG} characters",
                kind="bad_tag",
            )
    return found
