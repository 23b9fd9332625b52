"""Reading an MLflow store through MLflow's client: runs, artifacts, registered models."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from artifacts.importers.mlflow_artifacts import ArtifactFiles, Series
from artifacts.importers.sources import (
    Collected,
    MissingError,
    SourceFile,
    SourceLink,
    SourceRun,
    artifact_name,
    run_name,
)
from artifacts.runs.masking import mask_url
from artifacts.store.errors import (
    ConfigError,
    FormatError,
    PermissionDeniedError,
    StorageError,
    StoreNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from artifacts.store.errors import CommError

TOOL = "mlflow"

_MILLISECOND = 1000  # microseconds
_PATIENCE = 30  # seconds for the first answer of a server
_SHOWN = 500  # characters of a message of MLflow, which may be a page
_STATES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "crashed"}
_OWN_TAG = "mlflow."


def collect(uri: str, work: Path) -> Collected:
    """Read a tracking store and the registry that belongs to it.

    Args:
        uri: A folder ``mlruns``, ``sqlite:///mlflow.db`` or another database, or the address of a
            server.
        work: An empty folder for artifacts that are not on this machine; what is collected refers
            to files in it.

    Raises:
        ConfigError: MLflow's client is not installed.
        FormatError: It is a database of something else.
        StoreNotFoundError: There is no such store.
        PermissionDeniedError: A server wants to know who asks.
        StorageError: MLflow cannot read it.
    """
    found = _checked(uri)
    with warnings.catch_warnings():
        # Of what MLflow uses; its users can do nothing about that.
        warnings.simplefilter("ignore", DeprecationWarning)
        client_class = _client_class()
        try:
            client = client_class(tracking_uri=found, registry_uri=found)
            if _is_server(found):
                _try(client)
            return _Reader(client, found, work).read()
        except Exception as error:
            # Those of the database behind it reach its users, too.
            if type(error).__module__.partition(".")[0] not in {"mlflow", "sqlalchemy"}:
                raise
            raise _explained(error, uri) from error


def _is_server(uri: str) -> bool:
    return urlsplit(uri).scheme in {"http", "https"}


def _try(client: Any) -> None:
    """Ask a server one thing, without the minutes for which MLflow asks again."""
    hurry = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": str(_PATIENCE)}
    before = {name: os.environ.get(name) for name in hurry}
    os.environ.update(hurry)
    try:
        client.search_experiments(max_results=1)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _explained(error: Exception, uri: str) -> CommError:
    """Return what to tell of an error of MLflow, which repeats URLs as they were given."""
    first = mask_url(str(error).partition("\n")[0])[:_SHOWN]
    shown = mask_url(uri)
    status = getattr(error, "get_http_status_code", lambda: None)()
    if _is_server(uri) and status in {401, 403}:
        return PermissionDeniedError(
            f"the server {shown} refuses: {first}",
            hint="say who you are with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "with MLFLOW_TRACKING_TOKEN",
            kind="source_denied",
        )
    hint = None
    if _is_server(uri):
        hint = (
            "the address is what mlflow server has printed, such as http://localhost:5000; see "
            "whether the server runs, then import again: nothing was changed"
        )
    return StorageError(f"MLflow cannot read {shown}: {first}", hint=hint, kind="source_failed")


def _checked(uri: str) -> str:
    """Return the URI for MLflow, which would make a store where there is none."""
    parts = urlsplit(uri)
    if parts.scheme.startswith("sqlite"):
        path = Path(unquote(uri.partition(":///")[2]))
        if not path.is_file():
            raise StoreNotFoundError(f"there is no database {path}", kind="source_not_found")
        _check_database(path)
        return uri
    if parts.scheme in {"", "file"}:
        folder = Path(unquote(parts.path) if parts.scheme else uri).expanduser().absolute()
        if not any(folder.glob("*/meta.yaml")):
            raise StoreNotFoundError(
                f"there is no MLflow store in {folder}",
                hint="name the folder mlruns, or the database: sqlite:///mlflow.db",
                kind="source_not_found",
            )
        # MLflow refuses to read folders unless it is told that this is meant.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        return folder.as_uri()
    return uri


def _check_database(path: Path) -> None:
    """Refuse a database of something else, in which MLflow would make its tables."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            is_theirs = database.execute("PRAGMA table_info(experiments)").fetchone() is not None
    except sqlite3.Error as error:
        raise FormatError(f"{path} cannot be read: {error}", kind="bad_source") from error
    if not is_theirs:
        raise FormatError(f"{path} is not a database of MLflow", kind="bad_source")


def _client_class() -> Any:
    # Reading a store is nothing that anybody else has to know of.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # there is our own
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise ConfigError(
            "reading MLflow needs its client, which is not installed",
            hint="install it with: pip install 'artifacts-cas[import]'",
            kind="not_installed",
        ) from error
    return MlflowClient


class _Reader:
    def __init__(self, client: Any, uri: str, work: Path) -> None:
        self._client = client
        self._files = ArtifactFiles(uri, work)
        self._collected = Collected(TOOL)
        self._series = Series()
        self._known: set[str] = set()
        self._links: list[SourceLink] = []
        self._rows = functools.lru_cache(maxsize=1)(self._read_rows)

    def read(self) -> Collected:
        """Read everything."""
        experiments = {e.experiment_id: e.name for e in _all(self._client.search_experiments)}
        for experiment, name in experiments.items():
            for run in self._runs(experiment):
                self._add_run(run, name)
            self._add_logged_models(experiment, name)
        for model in _all(self._client.search_registered_models):
            self._add_registered(model)
        self._collected.versions = self._series.versions()
        known = {version.key for version in self._collected.versions}
        self._collected.links += [link for link in self._links if link.version in known]
        return self._collected

    # -- runs

    def _runs(self, experiment: str) -> Iterator[Any]:
        found = _all(lambda **page: self._client.search_runs([experiment], **page))
        return iter(sorted(found, key=lambda run: (run.info.start_time or 0, run.info.run_id)))

    def _add_run(self, run: Any, experiment: str) -> None:
        info, tags = run.info, dict(run.data.tags)
        origin = info.run_id
        self._known.add(origin)
        own = {name: text for name, text in tags.items() if not name.startswith(_OWN_TAG)}
        files = self._add_artifacts(run, experiment)
        self._collected.runs.append(
            SourceRun(
                key=(origin,),
                id=run_name(origin),
                name=info.run_name or origin,
                origin=origin,
                state=_STATES.get(info.status, "running"),
                created_at=_time(info.start_time),
                finished_at=_time(info.end_time) if info.end_time else None,
                group=experiment,
                notes=tags.get("mlflow.note.content"),
                tags=tuple(f"{name}={text}" if text else name for name, text in own.items()),
                config=dict(run.data.params),
                summary=dict(run.data.metrics),
                user=tags.get("mlflow.user"),
                metadata=self._metadata(run, experiment, tags),
                rows=functools.partial(self._rows, origin, tuple(sorted(run.data.metrics))),
                files=files,
            )
        )
        self._add_inputs(run)

    def _metadata(self, run: Any, experiment: str, tags: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {"experiment": experiment, "tags": tags}
        if "mlflow.source.name" in tags:
            found["program"] = tags["mlflow.source.name"]
        if "mlflow.source.git.commit" in tags:
            remote = tags.get("mlflow.source.git.repoURL")
            found["git"] = {
                "commit": tags["mlflow.source.git.commit"],
                "remote": None if remote is None else mask_url(remote),
            }
        return found

    def _read_rows(self, run_id: str, metrics: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return what a run has logged, by step.

        A metric that has several values at one step makes as many rows of that step.
        """
        rows: dict[tuple[int, int], dict[str, Any]] = {}
        for name in metrics:
            seen: dict[int, int] = {}
            for value in self._client.get_metric_history(run_id, name):
                number = seen[value.step] = seen.get(value.step, -1) + 1
                row = rows.setdefault((value.step, number), {"_step": value.step})
                row[name] = value.value
                row["_timestamp"] = max(row.get("_timestamp", 0), value.timestamp / 1000)
        return [rows[place] for place in sorted(rows)]

    def _add_inputs(self, run: Any) -> None:
        key, origin = (run.info.run_id,), run.info.run_id
        at = _time(run.info.start_time)
        inputs, outputs = getattr(run, "inputs", None), getattr(run, "outputs", None)
        for each in getattr(inputs, "dataset_inputs", None) or ():
            self._collected.leave_out(
                f"dataset {each.dataset.name} of run {origin}",
                "MLflow keeps what it was called and its digest, not its content",
            )
        for each in getattr(inputs, "model_inputs", None) or ():
            self._links.append(SourceLink(key, ("model", each.model_id), is_output=False, at=at))
        for each in getattr(outputs, "model_outputs", None) or ():
            self._links.append(SourceLink(key, ("model", each.model_id), is_output=True, at=at))

    # -- artifacts

    def _fetch(self, uri: str, what: str, *, needed: bool = False) -> list[SourceFile]:
        """Return the files below a URI; what cannot be had is left out.

        Args:
            needed: Leave it out also if there are none.
        """
        try:
            files = self._files.fetch(uri)
        except MissingError as missing:
            self._collected.leave_out(what, missing.why)
            return []
        if needed and not files:
            self._collected.leave_out(what, "it has no files on this machine")
        return files

    def _add_artifacts(self, run: Any, experiment: str) -> list[SourceFile]:
        """Add the folders of a run's artifacts as versions; return the files beside them."""
        origin, at = run.info.run_id, _time(run.info.end_time or run.info.start_time)
        by_folder: dict[str, list[SourceFile]] = {}
        for file in self._fetch(run.info.artifact_uri, f"artifacts of run {origin}"):
            top, slash, rest = file.path.partition("/")
            if slash:
                by_folder.setdefault(top, []).append(file._replace(path=rest))
            else:
                by_folder.setdefault("", []).append(file)
        loose = by_folder.pop("", [])
        for top, inside in by_folder.items():
            self._series.add(
                artifact_name(f"{experiment}-{top}"),
                key=(origin, top),
                files=inside,
                created_at=at,
                origin=f"runs:/{origin}/{top}",
                is_newest=True,
            )
            self._collected.links.append(
                SourceLink((origin,), (origin, top), is_output=True, at=at)
            )
        return loose

    def _add_logged_models(self, experiment: str, name: str) -> None:
        search = getattr(self._client, "search_logged_models", None)
        if search is None:  # MLflow 2 has none
            return
        for model in sorted(
            _all(lambda **page: search([experiment], **page)),
            key=lambda model: (model.creation_timestamp, model.model_id),
        ):
            origin = f"models:/{model.model_id}"
            files = self._fetch(model.artifact_location, f"model {origin}", needed=True)
            if not files:
                continue
            at = _time(model.creation_timestamp)
            key = ("model", model.model_id)
            self._series.add(
                artifact_name(f"{name}-{model.name}"),
                key=key,
                files=files,
                created_at=at,
                origin=origin,
                metadata={"params": dict(model.params or {}), "tags": dict(model.tags or {})},
                is_newest=True,
            )
            if model.source_run_id in self._known:
                self._collected.links.append(
                    SourceLink((model.source_run_id,), key, is_output=True, at=at)
                )

    def _add_registered(self, model: Any) -> None:
        name = artifact_name(model.name)
        by_number: dict[int, list[str]] = {}
        for alias, number in (model.aliases or {}).items():
            by_number.setdefault(int(number), []).append(alias)
        versions = _all(
            lambda **page: self._client.search_model_versions(
                "name='{}'".format(model.name.replace("'", "\\'")), **page
            )
        )
        if model.description or model.tags:
            self._collected.leave_out(
                f"description and tags of model {model.name}", "the versions have their own"
            )
        newest = max((int(version.version) for version in versions), default=None)
        for version in sorted(versions, key=lambda version: int(version.version)):
            number = int(version.version)
            origin = f"models:/{model.name}/{number}"
            uri = self._client.get_model_version_download_uri(model.name, str(number))
            files = self._fetch(uri, f"version {origin}", needed=True)
            if not files:
                continue
            key, at = ("registered", model.name, str(number)), _time(version.creation_timestamp)
            about = {"tags": dict(version.tags or {}), "run_id": version.run_id}
            self._series.add(
                name,
                key=key,
                files=files,
                created_at=at,
                origin=origin,
                description=version.description or None,
                metadata={part: value for part, value in about.items() if value},
                aliases=self._collected.aliases(by_number.get(number, ()), origin),
                number=number,
                is_newest=number == newest,
                is_model=True,
            )
            if version.run_id in self._known:
                self._collected.links.append(
                    SourceLink((version.run_id,), key, is_output=True, at=at)
                )


def _all(search: Callable[..., Any]) -> list[Any]:
    """Return what is on all pages of an answer."""
    found = list(page := search())
    while page.token:
        page = search(page_token=page.token)
        found += page
    return found


def _time(milliseconds: int | None) -> int:
    return (milliseconds or 0) * _MILLISECOND
