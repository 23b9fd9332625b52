"""`sweep` and `agent`: what users call to search over settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from artifacts import _session, settings
from artifacts._values import texts
from artifacts.runs import active
from artifacts.runs.config_files import is_config_file, read_mapping
from artifacts.runs.names import new_id
from artifacts.store.errors import (
    InvalidInputError,
    InvalidTypeError,
    StateError,
    UnsupportedError,
)
from artifacts.store.records import Trial
from artifacts.store.refs import check_project
from artifacts.stored_sweep import find_sweep
from artifacts.sweeps.agents import Agent
from artifacts.sweeps.configuration import bad, parse, to_plain
from artifacts.sweeps.working import FunctionWork, ProgramWork

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.store.records import SweepRecord
    from artifacts.sweeps.space import Space

log = logging.getLogger("artifacts")


def sweep(
    sweep: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | os.PathLike[str],
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Iterable[str] | None = None,
) -> str:
    """Make a search over settings, which agents then carry out.

    Args:
        sweep: How to search: a dict with ``method``, ``parameters`` and more, as the guide to
            sweeps describes; a function that returns one; or the path of a YAML, JSON or TOML file.
        entity: Owner of the project; default what the configuration says, else the settings.
        project: Project of its runs; likewise.
        prior_runs: Ids of runs of the project that were made before, and belong to the sweep from
            now on: what they have found counts, and a grid does not try it again.

    Returns:
        The id of the sweep, for `agent`.

    Raises:
        InvalidInputError: The configuration cannot be used; the message says where and why. Or a
            prior run lacks a parameter, or belongs to another sweep.
        RunNotFoundError: There is no such prior run.
        ConfigError: The file cannot be read.
    """
    return make_sweep(sweep, entity=entity, project=project, prior_runs=prior_runs).id


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
) -> None:
    """Try one configuration of a sweep after the other, until nothing is left to try.

    Any number of agents may work on a sweep at once, on any machine that reaches the store.

    Args:
        sweep_id: ``[[entity/]project/]id``, as `sweep` has returned it.
        function: Called for each configuration; the first run that it begins with `init` is the
            trial, and has the configuration as its own. An exception means that the run has failed,
            and the next one is tried. None to run the ``program`` or ``command`` of the sweep, each
            time in a process of its own.
        entity: Owner of the project, unless ``sweep_id`` says it.
        project: Project of the sweep, likewise.
        count: How many configurations to try; default no limit.

    Raises:
        NotFoundError: There is no such sweep.
        InvalidInputError: An argument cannot be used, or the sweep has no program.
        StateError: A run is active, or all of the first runs have failed.
        ConfigError: The sweep needs a library that is not installed.
    """
    if not isinstance(sweep_id, str):
        raise InvalidTypeError(f"sweep_id must be text, not {sweep_id.__class__.__name__}")
    if function is not None and not callable(function):
        raise InvalidTypeError(f"function must be a function, not {function!r}")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise InvalidInputError(f"count must be a whole number of at least 1, not {count!r}")
    try:
        run_agent(sweep_id, function, entity=entity, project=project, count=count)
    except KeyboardInterrupt:
        log.warning("the agent was interrupted, and has ended")


def controller(*_arguments: Any, **_options: Any) -> NoReturn:
    """Refuse: a sweep needs no controller, because agents choose what they try themselves.

    Raises:
        UnsupportedError: Always.
    """
    raise UnsupportedError(
        "sweeps have no controller here: agents choose themselves what they try",
        hint="make the sweep with artifacts.sweep(), and run artifacts.agent()",
    )


def make_sweep(
    sweep: Any,
    *,
    store: str | os.PathLike[str] | None = None,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Iterable[str] | None = None,
) -> SweepRecord:
    """Do what `sweep` does, and return what is recorded of the sweep.

    Args:
        store: Folder or URL of the store; default from the settings.
    """
    told = to_plain(_read(sweep))
    entity, project = entity or told.get("entity"), project or told.get("project")
    place = _session.place(
        store=store,
        entity=None if entity is None else check_project(entity, what="entity"),
        project=None if project is None else check_project(project),
    )
    sweep_id = new_id()
    values = {
        "name": told.get("name") or sweep_id,
        "config": told,
        "created_by": settings.user_name(),
    }
    prior = _prior_trials(place, parse(told).space, texts(prior_runs, "prior_runs"))
    record = place.store.catalog.create_sweep(place.entity, place.project, sweep_id, values, prior)
    log.info("made sweep %s; run it with: art agent %s/%s", record.id, record.project, record.id)
    return record


def run_agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    *,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    place: Place | None = None,
) -> int:
    """Do what `agent` does, and return how many configurations were tried.

    Args:
        place: Where the sweep is; default from the settings.

    Raises:
        KeyboardInterrupt: Somebody has interrupted it.
    """
    if active.runs:
        raise StateError(
            f"run {active.runs[-1].id} is active; an agent begins runs of its own",
            hint="finish it first: artifacts.finish()",
            kind="run_is_active",
        )
    place = place or _session.place(entity=entity, create=False)
    record = find_sweep(place, sweep_id, entity, project)
    place = place.at(record.entity, record.project)
    work = ProgramWork(place, parse(record.config)) if function is None else FunctionWork(function)
    return Agent(place, record, work, count).run()


def _read(sweep: Any) -> Mapping[str, Any]:
    """Return the configuration that somebody gives."""
    if callable(sweep):
        sweep = sweep()
    if isinstance(sweep, str | os.PathLike):
        path = os.fspath(sweep)
        if not is_config_file(path):
            raise InvalidInputError(
                f"{path!r} is no configuration file: its name must end with .yaml, .json or .toml"
            )
        return read_mapping(path)
    if not isinstance(sweep, Mapping):
        raise InvalidTypeError(
            f"sweep must be a dict, a function that returns one, or a path, not "
            f"{sweep.__class__.__name__}"
        )
    return sweep


def _prior_trials(place: Place, space: Space, run_ids: list[str]) -> dict[int, Trial]:
    """Return what runs from before a sweep have tried, by the keys of the runs."""
    found = {}
    for run_id in run_ids:
        run = place.store.catalog.run(place.entity, place.project, run_id)
        try:
            chosen = space.chosen_in(run.config)
            for each, value in zip(space.parameters.values(), chosen, strict=True):
                each.place_of(value)
        except KeyError as error:
            raise bad("prior_runs", f"has run {run_id!r}, which lacks {error.args[0]!r}") from error
        except (TypeError, ValueError) as error:
            raise bad(
                "prior_runs", f"has run {run_id!r}, whose parameters the sweep would not choose"
            ) from error
        found[run.key] = Trial(None, space.nest(chosen), begun=True)
    return found
