"""Reading the folders that W&B keeps of runs: what was logged without a server, or before it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.importers.sources import (
    MICROSECONDS,
    Collected,
    MissingError,
    SourceFile,
    SourceInput,
    SourceLink,
    SourceRun,
    SourceVersion,
    artifact_name,
    run_name,
)
from artifacts.importers.wandb_artifacts import ArtifactFiles, digest_of_folder
from artifacts.importers.wandb_log import parse_json, read_log
from artifacts.runs.masking import mask_arguments, mask_url
from artifacts.store.errors import FormatError, StoreNotFoundError, from_os_error
from artifacts.store.records import AlertLevel, AlertRecord
from artifacts.store.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TOOL = "wandb"

_OURS = "_wandb"
_METADATA = "wandb-metadata.json"
_LATEST = "latest"
_SERVER_ONLY = (
    "the log says its number on the server, not its content, and {folder} does not hold the files "
    "of a version that was brought over; WANDB_ARTIFACT_DIR says where W&B has put downloads"
)


def collect(folder: Path) -> Collected:
    """Read one folder of a run, or a folder ``wandb`` that holds many.

    Args:
        folder: Such as ``wandb/offline-run-20260101_120000-abc``, or ``wandb``.

    Raises:
        StoreNotFoundError: There is no run.
        FormatError: A log is not one of W&B.
        IntegrityError: A log is damaged.
        StorageError: Reading failed.
    """
    runs: dict[tuple[str, str], _Run] = {}
    for log in _find_logs(folder):
        told = _Run([log])
        told.read()
        if told.run is None:
            raise FormatError(f"{log} does not say whose log it is", kind="bad_source")
        earlier = runs.setdefault((told.project, told.id), told)
        if earlier is not told:  # it was resumed
            earlier.logs.append(log)
            earlier.read(log)
    collected = Collected(TOOL)
    logged = (each.message for run in runs.values() for each in run.artifacts)
    files = ArtifactFiles(logged)
    for run in runs.values():
        _add_run(collected, run, files)
    for run in runs.values():
        for used in run.used:
            _add_input(collected, used, run)
    collected.versions.sort(key=lambda version: version.created_at)
    return collected


def _find_logs(folder: Path) -> list[Path]:
    """Return the logs in the order in which they were begun."""
    if not folder.is_dir():
        raise StoreNotFoundError(f"there is no folder {folder}", kind="source_not_found")
    found = sorted(folder.glob("run-*.wandb"))
    for name in ("run-*", "offline-run-*"):
        found += folder.glob(f"{name}/run-*.wandb")
    if not found:
        raise StoreNotFoundError(
            f"there is no run of W&B in {folder}",
            hint="name the folder wandb, or a folder offline-run-… or run-… in it",
            kind="source_not_found",
        )
    # The name of a run's folder is when it was begun, behind what tells how.
    return sorted(found, key=lambda log: log.parent.name.removeprefix("offline-"))


@dataclass(slots=True)
class _Logged:
    """An artifact that a run has logged, or has brought along to use it.

    Attributes:
        at: Microseconds since 1970.
    """

    message: Any
    at: int


class _Used(NamedTuple):
    """A version of the server that a run has used.

    Attributes:
        name: Such as ``corpus:v3``.
        at: Microseconds since 1970.
        log: That says so.
    """

    name: str
    at: int
    log: Path


@dataclass(slots=True)
class _Run:
    """What the logs of a run say."""

    logs: list[Path]
    run: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    artifacts: list[_Logged] = field(default_factory=list)
    used: list[_Used] = field(default_factory=list)
    alerts: list[AlertRecord] = field(default_factory=list)
    exit_code: int | None = None
    runtime: float = 0.0
    has_system_metrics: bool = False
    _reading: Path = Path()
    _drafts: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return str(self.run.run_id)

    @property
    def project(self) -> str:
        return self.run.project or "uncategorized"

    @property
    def began(self) -> int:
        time = self.run.start_time
        return int(time.seconds * MICROSECONDS + time.nanos // 1000)

    @property
    def now(self) -> int:
        """When the last thing happened that was read."""
        return self.began + int(self.runtime * MICROSECONDS)

    @property
    def state(self) -> str:
        if self.exit_code is None:
            return "crashed"
        return "finished" if self.exit_code == 0 else "failed"

    def read(self, log: Path | None = None) -> None:
        """Read a log, the first one if none is named."""
        self.exit_code = None
        self._reading = log or self.logs[0]
        for record in read_log(self._reading):
            for kind, message in record.ListFields():
                take = _TAKE.get(kind.name)
                if take is not None:
                    take(self, message)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield what was logged."""
        for log in self.logs:
            for record in read_log(log):
                if record.HasField("history"):
                    yield _row(record.history)

    def take_run(self, message: Any) -> None:
        """Note what a run says of itself, the first time it does."""
        if self.run is None:
            self.run = message
        self.take_config(message.config)
        self.take_summary(message.summary)

    def take_config(self, message: Any) -> None:
        """Follow a change of the configuration."""
        _update(self.config, message)

    def take_summary(self, message: Any) -> None:
        """Follow a change of the summary."""
        _update(self.summary, message)

    def take_history(self, message: Any) -> None:
        """Note how long the run had been running when it logged a row."""
        self._ran(_row(message).get("_runtime"))

    def take_artifact(self, message: Any) -> None:
        """Note that an artifact was logged."""
        self.artifacts.append(_Logged(message, self.now))
        if message.use_after_commit:
            self._drafts.add(message.name)

    def take_request(self, message: Any) -> None:
        """Note that an artifact was logged, and waited for."""
        if message.HasField("log_artifact"):
            self.take_artifact(message.log_artifact.artifact)

    def take_use(self, message: Any) -> None:
        """Note that a version of the server was used; after a draft, that is what became of it."""
        name = message.name.rpartition("/")[2].partition(":")[0]
        if name in self._drafts:
            self._drafts.remove(name)
        else:
            self.used.append(_Used(message.name, self.now, self._reading))

    def take_alert(self, message: Any) -> None:
        """Note an alert; those of one title are told apart by their times."""
        known = {level.value for level in AlertLevel}
        level = AlertLevel(message.level) if message.level in known else AlertLevel.INFO
        at = self.now + len(self.alerts)
        self.alerts.append(AlertRecord(message.title, message.text, level, at))

    def take_exit(self, message: Any) -> None:
        """Note that the run has ended."""
        self.exit_code = message.exit_code
        self._ran(message.runtime)

    def take_stats(self, message: Any) -> None:
        """Note that the system was measured."""
        self.has_system_metrics = True

    def _ran(self, seconds: Any) -> None:
        if isinstance(seconds, int | float) and 0 <= seconds < float("inf"):
            self.runtime = max(self.runtime, seconds)


_TAKE: dict[str, Callable[[_Run, Any], None]] = {
    "run": _Run.take_run,
    "config": _Run.take_config,
    "summary": _Run.take_summary,
    "history": _Run.take_history,
    "artifact": _Run.take_artifact,
    "request": _Run.take_request,
    "use_artifact": _Run.take_use,
    "alert": _Run.take_alert,
    "exit": _Run.take_exit,
    "stats": _Run.take_stats,
}


def _path_of(item: Any) -> list[str]:
    return list(item.nested_key) or [item.key]


def _set(target: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inner = target.get(key)
        if not isinstance(inner, dict):
            inner = target[key] = {}
        target = inner
    target[path[-1]] = value


def _update(target: dict[str, Any], message: Any) -> None:
    """Do to a configuration or summary what a record says."""
    for item in message.update:
        path = _path_of(item)
        if path[0] != _OURS:
            _set(target, path, parse_json(item.value_json))
    for item in message.remove:
        *above, last = _path_of(item)
        inner: Any = target
        for key in above:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner.pop(last, None)


def _row(message: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for item in message.item:
        _set(row, _path_of(item), _value(item))
    if not isinstance(row.get("_step"), int):
        row["_step"] = message.step.num
    return row


def _value(item: Any) -> Any:
    for kind, value in item.ListFields():
        if kind.name in {"value_json", "json"}:
            return parse_json(value)
        if kind.name in {"boolean", "integer", "number", "text"}:
            return value
    return None


# -- in the terms of this product


def _add_run(collected: Collected, run: _Run, files: ArtifactFiles) -> None:
    key, origin = (run.project, run.id), f"{run.project}/{run.id}"
    metadata = _metadata(run)
    collected.runs.append(
        SourceRun(
            key=key,
            id=run_name(run.id),
            name=run.run.display_name or run.id,
            origin=origin,
            project=run.project,
            state=run.state,
            created_at=run.began,
            finished_at=run.now,
            exit_code=run.exit_code,
            group=run.run.run_group or None,
            job_type=run.run.job_type or None,
            notes=run.run.notes or None,
            tags=tuple(run.run.tags),
            config=run.config,
            summary=run.summary,
            user=metadata.get("username"),
            host=run.run.host or None,
            sweep_id=run.run.sweep_id or None,
            metadata=metadata,
            alerts=tuple(run.alerts),
            rows=run.rows,
            files=_run_files(run.logs),
        )
    )
    if run.has_system_metrics:
        collected.leave_out(f"system metrics of run {origin}", "only rows of log() are read")
    for logged in run.artifacts:
        _add_version(collected, logged, run, files)


def _metadata(run: _Run) -> dict[str, Any]:
    """Return what W&B has noted of program and machine; secrets in arguments are masked."""
    found: dict[str, Any] = {}
    for log in run.logs:
        path = log.parent / "files" / _METADATA
        try:
            told = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise from_os_error(error, f"read {path}") from error
        except ValueError as error:
            raise FormatError(f"{path} is not JSON", kind="bad_source") from error
        if isinstance(told, dict):
            found |= told
    if isinstance(found.get("args"), list):
        found["args"] = mask_arguments(map(str, found["args"]))
    git = found.get("git")
    if isinstance(git, dict) and isinstance(git.get("remote"), str):
        found["git"] = git | {"remote": mask_url(git["remote"])}
    return found


def _run_files(logs: Iterable[Path]) -> list[SourceFile]:
    """Return the files that a run has saved; what was masked of them is left out as a file."""
    found: dict[str, SourceFile] = {}
    for log in logs:
        folder = log.parent / "files"
        if folder.is_dir():
            for file in walk(str(folder), symlinks="skip"):
                if file.path != _METADATA:
                    found[file.path] = SourceFile(file.path, Path(file.source))
    return list(found.values())


def _origin(project: str, name: str, digest: str) -> str:
    return f"{project}/{name}@{digest}"


def _add_version(
    collected: Collected, logged: _Logged, run: _Run, artifact_files: ArtifactFiles
) -> None:
    message, key = logged.message, (run.project, run.id)
    origin = _origin(run.project, message.name, message.digest)
    try:
        files = artifact_files.of(message)
    except MissingError as missing:
        collected.leave_out(f"version {origin}", missing.why)
        return
    if message.HasField("ttl_duration_seconds"):
        collected.leave_out(f"lifetime of {origin}", "set it with: art retention set")
    version = (*key, message.name, message.digest)
    aliases = [alias for alias in message.aliases if alias != _LATEST]
    collected.versions.append(
        SourceVersion(
            key=version,
            project=run.project,
            name=artifact_name(message.name),
            type=message.type,
            files=files,
            created_at=logged.at,
            origin=origin,
            description=message.description or None,
            metadata=_object(message.metadata),
            aliases=collected.aliases(aliases, origin),
            tags=collected.tags(message.tags, origin),
            is_newest=_LATEST in message.aliases,
        )
    )
    # A draft that was used is an input, of which only this run tells.
    is_output = not message.use_after_commit
    collected.links.append(SourceLink(key, version, is_output=is_output, at=logged.at))


def _add_input(collected: Collected, used: _Used, run: _Run) -> None:
    """Tell which version it was by the files that the run has downloaded, if it has."""
    name, _, number = used.name.rpartition("/")[2].partition(":")
    folder = _downloads(used.log) / f"{name}:{number}"
    what = f"use of {used.name} by run {run.project}/{run.id}"
    why = _SERVER_ONLY.format(folder=folder)
    digest = digest_of_folder(folder) if name and number else None
    if digest is None:
        collected.leave_out(what, why)
        return
    # The log does not say in which project it is.
    keys = [version.key for version in collected.versions]
    projects = {key[0] for key in keys if key[2:] == (name, digest)}
    project = run.project if run.project in projects else min(projects, default=run.project)
    collected.inputs.append(
        SourceInput(
            run=(run.project, run.id),
            project=project,
            name=artifact_name(name),
            origin=_origin(project, name, digest),
            at=used.at,
            ref_text=used.name,
            what=what,
            otherwise=why,
        )
    )


def _downloads(log: Path) -> Path:
    """Return where W&B downloads to: beside the folder ``wandb``, unless that was set."""
    found = os.environ.get("WANDB_ARTIFACT_DIR")
    return Path(found).expanduser() if found else log.absolute().parents[2] / "artifacts"


def _object(text: str) -> dict[str, Any]:
    told = parse_json(text)
    return told if isinstance(told, dict) else {}
