"""Module-level functions: one line each over the active run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.runs.active import active_run
from artifacts.runs.file_calls import restore_without_run
from artifacts.store.errors import StateError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from typing import Literal, TextIO

    from artifacts.artifact import Artifact
    from artifacts.runs import Run
    from artifacts.runs.config import Config
    from artifacts.runs.file_policies import Policy
    from artifacts.runs.metrics import Metric
    from artifacts.runs.summary import Summary
    from artifacts.store.records import AlertLevel


def log(
    data: Mapping[str, Any],
    step: int | None = None,
    commit: bool | None = None,
    sync: bool | None = None,
) -> None:
    """Log a row of the active run's history; see `Run.log`."""
    _run("log()").log(data, step, commit, sync)


def define_metric(name: str, *args: Any, **options: Any) -> Metric:
    """Say how a key of the active run is summarised; see `Run.define_metric`."""
    return _run("define_metric()").define_metric(name, *args, **options)


def alert(
    title: str,
    text: str,
    level: AlertLevel | str | None = None,
    wait_duration: float | timedelta | None = None,
) -> bool:
    """Tell people something about the active run; see `Run.alert`."""
    return _run("alert()").alert(title, text, level, wait_duration)


def log_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
    **options: Any,
) -> Artifact:
    """Log an output of the active run; see `Run.log_artifact`."""
    run = _run("log_artifact()")
    return run.log_artifact(artifact_or_path, name, type, aliases, **options)


def use_artifact(
    artifact_or_name: Artifact | str,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
) -> Artifact:
    """Declare an input of the active run; see `Run.use_artifact`."""
    return _run("use_artifact()").use_artifact(artifact_or_name, type, aliases)


def log_model(
    path: str | os.PathLike[str],
    name: str | None = None,
    aliases: Iterable[str] | str | None = None,
) -> Artifact:
    """Log a model; see `Run.log_model`."""
    return _run("log_model()").log_model(path, name, aliases)


def use_model(name: str) -> str:
    """Use and download a model; see `Run.use_model`."""
    return _run("use_model()").use_model(name)


def save(
    glob_str: str | os.PathLike[str] | bytes | None = None,
    base_path: str | os.PathLike[str] | bytes | None = None,
    policy: Policy = "live",
    glob: bool = True,
) -> list[str] | Literal[True]:
    """Store files with the active run; see `Run.save`."""
    return _run("save()").save(glob_str, base_path, policy, glob)


def restore(
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> TextIO | None:
    """Bring back a file that a run has saved; see `Run.restore`.

    Without an active run, ``run_path`` is needed, and the default of ``root`` is the working
    directory.
    """
    run = active_run()
    if run is None:
        return restore_without_run(name, run_path, replace=replace, root=root)
    return run.restore(name, run_path, replace, root)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the active run; without one, do nothing. See `Run.finish`."""
    run = active_run()
    if run is not None:
        run.finish(exit_code, quiet)


def login(*_args: object, **_options: object) -> bool:
    """Do nothing: there is nothing to log in to. Scripts that were written for W&B call this.

    Args:
        _args: Not looked at.
        _options: Not looked at, and kept nowhere, such as ``key=``.

    Returns:
        True.
    """
    return True


def config() -> Config:
    """Return the active run's configuration: what ``artifacts.config`` is.

    Raises:
        StateError: No run is active.
    """
    return _run("config").config


def summary() -> Summary:
    """Return the active run's summary: what ``artifacts.summary`` is.

    Raises:
        StateError: No run is active.
    """
    return _run("summary").summary


def _run(call: str) -> Run:
    run = active_run()
    if run is None:
        raise StateError(
            f"You must call artifacts.init() before artifacts.{call}",
            hint="a run that was finished, or begun in the parent of this process, is not active",
            kind="no_active_run",
        )
    return run
