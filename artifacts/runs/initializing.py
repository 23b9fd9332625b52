"""`init`: how a program begins a run."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from artifacts import _session
from artifacts.runs import active, exits, recovering
from artifacts.runs.offline import choose_place
from artifacts.runs.run import Run
from artifacts.runs.starting import begin
from artifacts.runs.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Literal

    from artifacts.runs.offline import Mode as OfflineMode
    from artifacts.runs.starting import Resume

    Mode = Literal["online", "offline", "disabled"]
    Reinit = Literal["default", "return_previous", "finish_previous", "create_new"]

log = logging.getLogger("artifacts")


def init(
    project: str | None = None,
    *,
    entity: str | None = None,
    name: str | None = None,
    id: str | None = None,
    resume: bool | Resume | None = None,
    config: Any = None,
    tags: Iterable[str] | str | None = None,
    group: str | None = None,
    job_type: str | None = None,
    notes: str | None = None,
    dir: str | os.PathLike[str] | None = None,
    mode: Mode | None = None,
    reinit: bool | Reinit | None = None,
    fork_from: str | None = None,
    resume_from: str | None = None,
    allow_val_change: bool = False,
    config_exclude_keys: Iterable[str] | None = None,
    config_include_keys: Iterable[str] | None = None,
    save_code: bool | None = None,
    sweep_id: str | None = None,
    settings: Any = None,
    store: str | os.PathLike[str] | None = None,
    anonymous: str | None = None,
    force: bool | None = None,
    magic: Any = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
) -> Run:
    """Start a run and make it the active one; while one is active, return that one.

    What is left out comes from the environment, from ``ART_PROJECT``, ``ART_ENTITY``,
    ``ART_RUN_ID`` and others that the guide to settings lists.

    Args:
        project: Namespace; default from the settings, else ``uncategorized``.
        entity: Owner of the project.
        name: Display name; default a readable random one.
        id: Unique within the project; default eight random characters.
        resume: What to do if the project has a run of this id: ``allow`` goes on with it,
            ``must`` also asks that there is one, ``never`` refuses. None, the default, begins it
            anew: what it has logged so far stays in older versions of its history. ``auto`` (also
            True) goes on with the last run that was begun so in this directory and did not end
            with success. A run that goes on keeps its history, its summary and its config.
        config: The experiment's settings: a dict, a namespace such as argparse makes, absl's
            flags, or the path of a YAML, JSON or TOML file. What a file ``config-defaults.yaml``
            in the working directory says comes below it.
        tags: Labels of 1 to 64 characters.
        group: Name that bundles runs.
        job_type: What kind of work it does, such as ``train``.
        notes: Free text.
        dir: Folder in which the run keeps what it logs until it is in the store.
        mode: ``online``, the default; ``offline`` to work without the network; ``disabled`` for a
            run that takes everything and does nothing.
        reinit: What to do while a run is active: ``return_previous`` (also False),
            ``finish_previous`` (also True) and start another one, or ``create_new``, which starts
            one beside it that is not the active one. ``default`` finishes the previous one in
            notebooks, and returns it elsewhere.
        fork_from: ``<id>?_step=<N>``: begin a new run with the history, the summary and the
            config of another one up to that step.
        resume_from: ``<id>?_step=<N>``: go on with a run after that step; its later rows stay in
            older versions of its history.
        allow_val_change: Whether keys of the config may get another value later.
        config_exclude_keys: Keys of ``config`` to leave out.
        config_include_keys: The only keys of ``config`` to take.
        save_code: Whether the program is recorded; goes before the setting ``save_code``.
        sweep_id: Search over settings that the run belongs to.
        settings: Settings for this run by name, such as ``{"on_stale_step": "raise"}``: a dict or
            an object with attributes.
        store: Folder or URL of the store, which is made if need be; default from the settings.
        anonymous: Not supported, as the next two; given, there is a warning.
        force: Not supported.
        magic: Not supported.
        tensorboard: Older name of ``sync_tensorboard``.
        sync_tensorboard: Whether what this process writes for TensorBoard is logged, each step as
            a row with ``global_step``.
        monitor_gym: Whether videos that environments of Gymnasium record are logged.

    Raises:
        InvalidInputError: An argument cannot be used, or two cannot be used together.
        AlreadyExistsError: The project has a run of this id, and ``resume`` is ``never``.
        RunNotFoundError: A run that is to be gone on with, or to be forked, does not exist.
        StateError: A run that is to be begun anew or wound back is running.
        ConfigError: A setting, or a file with a configuration, cannot be used, or a library is
            not installed that an argument asks for.
    """
    given = {
        "project": project,
        "entity": entity,
        "name": name,
        "id": id,
        "resume": resume,
        "config": config,
        "tags": tags,
        "group": group,
        "job_type": job_type,
        "notes": notes,
        "dir": dir,
        "mode": mode,
        "fork_from": fork_from,
        "resume_from": resume_from,
        "config_exclude_keys": config_exclude_keys,
        "config_include_keys": config_include_keys,
        "save_code": save_code,
        "sweep_id": sweep_id,
        "settings": settings,
        "store": store,
    }
    unsupported = {
        "anonymous": anonymous not in {None, "never"},
        "force": force,
        "magic": magic,
    }
    wanted = Wanted(given, reinit=reinit, allow_val_change=allow_val_change)
    _warn_of([argument for argument, value in unsupported.items() if value])
    with active.lock:
        previous = _make_way(wanted)
        if previous is not None:
            return previous
        followed = wanted.mode != "disabled" and (sync_tensorboard or tensorboard)
        if followed:
            _tensorboard().prepare()
        if wanted.mode != "disabled" and monitor_gym:
            import_module("artifacts.integration.gym").monitor()
        run = _disabled(wanted) if wanted.mode == "disabled" else _start(wanted)
        current = wanted.reinit != "create_new"
        active.enter(run, current=current)
        if current:
            _session.enter(None if run.disabled else run._place)
    exits.watch(active.finish_all)
    if followed:
        _tensorboard().follow(run)
    return run


def _tensorboard() -> ModuleType:
    # By name: integrations are made of runs, and not the other way round.
    return import_module("artifacts.integration.tensorboard")


def _warn_of(unsupported: list[str]) -> None:
    if unsupported:
        log.warning("init() does not support %s: without effect", ", ".join(unsupported))


def _make_way(wanted: Wanted) -> Run | None:
    """Return the run to go on with, or finish those that are not to be active any more."""
    if not active.runs or wanted.reinit == "create_new":
        return None
    if wanted.reinit == "finish_previous":
        for run in reversed(active.runs[:]):
            run.finish()
        return None
    run = active.runs[-1]
    if wanted.arguments:
        log.warning(
            "init() returned run %s, which is active; its arguments were not used. Finish the run "
            "first, or pass reinit='finish_previous'",
            run.id,
        )
    return run


def _start(wanted: Wanted) -> Run:
    # The one mode that is left is handled before.
    place = choose_place(wanted.settings, cast("OfflineMode | None", wanted.mode))
    start = begin(place, wanted.request)
    place.run = start.record.key
    run = Run(place, start, allow_val_change=wanted.allow_val_change)
    recovering.begin(place)
    return run


def _disabled(wanted: Wanted) -> Run:
    from artifacts.runs.disabled import DisabledRun

    return DisabledRun(wanted.settings, wanted.request)
