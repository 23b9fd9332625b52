"""Module-level functions: one line each over the active run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._before_init import BeforeInit, no_active_run
from artifacts.runs.active import active_run
from artifacts.runs.code import is_python
from artifacts.runs.file_calls import restore_without_run

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from typing import Literal, TextIO

    from artifacts.artifact import Artifact
    from artifacts.runs import Run
    from artifacts.runs.code import Choice
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


def upsert_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
    distributed_id: str | None = None,
) -> Artifact:
    """Add files to a version that other processes add to as well; see `Run.upsert_artifact`."""
    run = _run("upsert_artifact()")
    return run.upsert_artifact(artifact_or_path, name, type, aliases, distributed_id)


def finish_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
    distributed_id: str | None = None,
) -> Artifact:
    """Make the version that processes have added to; see `Run.finish_artifact`."""
    run = _run("finish_artifact()")
    return run.finish_artifact(artifact_or_path, name, type, aliases, distributed_id)


def link_artifact(
    artifact: Artifact, target_path: str, aliases: Iterable[str] | str | None = None
) -> Artifact:
    """Make a version a version of another collection too; see `Run.link_artifact`."""
    return _run("link_artifact()").link_artifact(artifact, target_path, aliases)


def log_code(
    root: str | os.PathLike[str] | None = ".",
    name: str | None = None,
    include_fn: Choice = is_python,
    exclude_fn: Choice | None = None,
) -> Artifact | None:
    """Log source code; see `Run.log_code`."""
    return _run("log_code()").log_code(root, name, include_fn, exclude_fn)


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


def link_model(
    path: str | os.PathLike[str],
    registered_model_name: str,
    name: str | None = None,
    aliases: Iterable[str] | str | None = None,
) -> Artifact:
    """Log a model and link it into a registry; see `Run.link_model`."""
    return _run("link_model()").link_model(path, registered_model_name, name, aliases)


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


def watch(
    models: Any,
    criterion: Any = None,
    log: Literal["gradients", "parameters", "all"] | None = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> None:
    """Log histograms of models that are being trained; see `Run.watch`."""
    _run("watch()").watch(models, criterion, log, log_freq, idx, log_graph)


def unwatch(models: Any = None) -> None:
    """Stop watching models; see `Run.unwatch`."""
    _run("unwatch()").unwatch(models)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the active run; without one, do nothing. See `Run.finish`."""
    run = active_run()
    if run is not None:
        run.finish(exit_code, quiet)


def join(exit_code: int | None = None) -> None:
    """End the active run: older name of `finish`."""
    finish(exit_code)


def mark_preempting() -> None:
    """Say that the machine is about to be taken away; see `Run.mark_preempting`."""
    _run("mark_preempting()").mark_preempting()


def config() -> Config | BeforeInit:
    """Return the active run's configuration: what ``artifacts.config`` is."""
    run = active_run()
    return BeforeInit("config") if run is None else run.config


def summary() -> Summary | BeforeInit:
    """Return the active run's summary: what ``artifacts.summary`` is."""
    run = active_run()
    return BeforeInit("summary") if run is None else run.summary


def _run(call: str) -> Run:
    run = active_run()
    if run is None:
        raise no_active_run(call)
    return run
