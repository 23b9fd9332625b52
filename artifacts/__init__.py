"""Artifacts: versions of files and folders by content, and the runs that made them.

>>> import artifacts
>>> with artifacts.init(project="demo") as run:
...     data = run.use_artifact("corpus:latest").download()
...     run.log_artifact("model/", name="model", type="model", aliases=["prod"])

Importing this package loads nothing: every name is loaded when it is first used, and the
database and storage libraries when a store is opened. ``artifacts.run`` is the active run or None,
``artifacts.config`` and ``artifacts.summary`` are its configuration and its summary.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from artifacts._version import __version__

if TYPE_CHECKING:
    from artifacts._alerts import Alert
    from artifacts._api import (
        alert,
        define_metric,
        finish,
        log,
        log_artifact,
        log_model,
        login,
        restore,
        save,
        use_artifact,
        use_model,
    )
    from artifacts._consumers import Consumer
    from artifacts._entry import ArtifactEntry, ArtifactFile, ArtifactManifest
    from artifacts._lifetime import ArtifactTTL, Retention
    from artifacts._paging import Results
    from artifacts._recalls import Recall
    from artifacts._run_files import RunFile
    from artifacts.api import Api
    from artifacts.artifact import Artifact
    from artifacts.collection import ArtifactCollection
    from artifacts.project import ArtifactType, Project
    from artifacts.runs.config import Config
    from artifacts.runs.initializing import init
    from artifacts.runs.run import Run
    from artifacts.runs.summary import Summary
    from artifacts.store.errors import (
        AlreadyExistsError,
        ArtifactFinalizedError,
        ArtifactNotLoggedError,
        ArtifactsError,
        BlobNotFoundError,
        ConfigError,
        ConflictError,
        EntryNotFoundError,
        FormatError,
        IntegrityError,
        InvalidInputError,
        InvalidTypeError,
        NotFoundError,
        ObjectNotFoundError,
        PermissionDeniedError,
        RefNotFoundError,
        RunFinishedError,
        RunNotFoundError,
        StateError,
        StorageError,
        StoreNotFoundError,
    )
    from artifacts.store.records import AlertLevel
    from artifacts.stored_run import StoredRun

    Error = ArtifactsError
    run: Run | None
    config: Config
    summary: Summary

__all__ = [
    "Alert",
    "AlertLevel",
    "AlreadyExistsError",
    "Api",
    "Artifact",
    "ArtifactCollection",
    "ArtifactEntry",
    "ArtifactFile",
    "ArtifactFinalizedError",
    "ArtifactManifest",
    "ArtifactNotLoggedError",
    "ArtifactTTL",
    "ArtifactType",
    "ArtifactsError",
    "BlobNotFoundError",
    "ConfigError",
    "ConflictError",
    "Consumer",
    "EntryNotFoundError",
    "Error",
    "FormatError",
    "IntegrityError",
    "InvalidInputError",
    "InvalidTypeError",
    "NotFoundError",
    "ObjectNotFoundError",
    "PermissionDeniedError",
    "Project",
    "Recall",
    "RefNotFoundError",
    "Results",
    "Retention",
    "Run",
    "RunFile",
    "RunFinishedError",
    "RunNotFoundError",
    "StateError",
    "StorageError",
    "StoreNotFoundError",
    "StoredRun",
    "__version__",
    "alert",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "restore",
    "save",
    "use_artifact",
    "use_model",
]

_HOMES = {
    "artifacts._alerts": "Alert",
    "artifacts._api": (
        "alert define_metric finish log log_artifact log_model login restore save use_artifact "
        "use_model"
    ),
    "artifacts._entry": "ArtifactEntry ArtifactFile ArtifactManifest",
    "artifacts._consumers": "Consumer",
    "artifacts._lifetime": "ArtifactTTL Retention",
    "artifacts._paging": "Results",
    "artifacts._recalls": "Recall",
    "artifacts._run_files": "RunFile",
    "artifacts.api": "Api",
    "artifacts.artifact": "Artifact",
    "artifacts.collection": "ArtifactCollection",
    "artifacts.project": "ArtifactType Project",
    "artifacts.stored_run": "StoredRun",
    "artifacts.runs.initializing": "init",
    "artifacts.runs.run": "Run",
    "artifacts.store.records": "AlertLevel",
    "artifacts.store.errors": (
        "AlreadyExistsError ArtifactFinalizedError ArtifactNotLoggedError ArtifactsError "
        "BlobNotFoundError ConfigError ConflictError EntryNotFoundError FormatError "
        "IntegrityError InvalidInputError InvalidTypeError NotFoundError "
        "ObjectNotFoundError PermissionDeniedError RefNotFoundError RunFinishedError "
        "RunNotFoundError StateError StorageError StoreNotFoundError"
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name == "run":
        return import_module("artifacts.runs.active").active_run()
    if name in {"config", "summary"}:
        return getattr(import_module("artifacts._api"), name)()
    if name == "Error":
        name = "ArtifactsError"
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    # Help and tracebacks say artifacts.Artifact, not artifacts.artifact.Artifact.
    value.__module__ = __name__
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("_")), *__all__})
