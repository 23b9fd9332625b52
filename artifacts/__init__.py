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
    from typing import Any

    from artifacts import data_types as data_types
    from artifacts import env as env
    from artifacts import errors as errors
    from artifacts import integration as integration
    from artifacts import plot as plot
    from artifacts import plots as plots
    from artifacts import util as util
    from artifacts._alerts import Alert
    from artifacts._api import (
        alert,
        define_metric,
        finish,
        finish_artifact,
        join,
        link_artifact,
        link_model,
        log,
        log_artifact,
        log_code,
        log_model,
        mark_preempting,
        restore,
        save,
        unwatch,
        upsert_artifact,
        use_artifact,
        use_model,
        watch,
    )
    from artifacts._around_runs import (
        attach,
        ensure_configured,
        login,
        require,
        sagemaker_auth,
        setup,
        teardown,
        termerror,
        termlog,
        termwarn,
    )
    from artifacts._consumers import Consumer
    from artifacts._entry import ArtifactEntry, ArtifactFile, ArtifactManifest
    from artifacts._init_settings import Settings
    from artifacts._lifetime import ArtifactTTL, Retention
    from artifacts._paging import Results
    from artifacts._recalls import Recall
    from artifacts._run_files import RunFile
    from artifacts.api import Api
    from artifacts.artifact import Artifact
    from artifacts.charts.custom import plot_table
    from artifacts.collection import ArtifactCollection
    from artifacts.media.audio import Audio
    from artifacts.media.box3d import box3d
    from artifacts.media.boxes import BoundingBoxes2D
    from artifacts.media.classes import Classes
    from artifacts.media.figures import Bokeh, Plotly
    from artifacts.media.histogram import Histogram
    from artifacts.media.html import Html
    from artifacts.media.images import Image
    from artifacts.media.masks import ImageMask
    from artifacts.media.molecule import Molecule
    from artifacts.media.object3d import Object3D
    from artifacts.media.video import Video
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
        CommError,
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
        UnsupportedError,
        UsageError,
    )
    from artifacts.store.records import AlertLevel
    from artifacts.stored_run import StoredRun
    from artifacts.stored_sweep import Sweep
    from artifacts.sweeps.calls import agent, controller, sweep
    from artifacts.tables.joined import JoinedTable
    from artifacts.tables.partitioned import PartitionedTable
    from artifacts.tables.table import Table

    Error = ArtifactsError
    catboost: Any
    fastai: Any
    gym: Any
    keras: Any
    lightgbm: Any
    run: Run | None
    sdk: Any
    sklearn: Any
    tensorboard: Any
    xgboost: Any
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
    "Audio",
    "BlobNotFoundError",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "CommError",
    "ConfigError",
    "ConflictError",
    "Consumer",
    "EntryNotFoundError",
    "Error",
    "FormatError",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "IntegrityError",
    "InvalidInputError",
    "InvalidTypeError",
    "JoinedTable",
    "Molecule",
    "NotFoundError",
    "Object3D",
    "ObjectNotFoundError",
    "PartitionedTable",
    "PermissionDeniedError",
    "Plotly",
    "Project",
    "Recall",
    "RefNotFoundError",
    "Results",
    "Retention",
    "Run",
    "RunFile",
    "RunFinishedError",
    "RunNotFoundError",
    "Settings",
    "StateError",
    "StorageError",
    "StoreNotFoundError",
    "StoredRun",
    "Sweep",
    "Table",
    "UnsupportedError",
    "UsageError",
    "Video",
    "__version__",
    "agent",
    "alert",
    "attach",
    "box3d",
    "controller",
    "define_metric",
    "ensure_configured",
    "finish",
    "finish_artifact",
    "init",
    "join",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "plot_table",
    "require",
    "restore",
    "sagemaker_auth",
    "save",
    "setup",
    "sweep",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "upsert_artifact",
    "use_artifact",
    "use_model",
    "watch",
]

_HOMES = {
    "artifacts._alerts": "Alert",
    "artifacts._api": (
        "alert define_metric finish finish_artifact join link_artifact link_model log "
        "log_artifact log_code log_model mark_preempting restore save unwatch "
        "upsert_artifact use_artifact use_model watch"
    ),
    "artifacts._around_runs": (
        "attach ensure_configured login require sagemaker_auth setup teardown termerror termlog "
        "termwarn"
    ),
    "artifacts._entry": "ArtifactEntry ArtifactFile ArtifactManifest",
    "artifacts._consumers": "Consumer",
    "artifacts._init_settings": "Settings",
    "artifacts._lifetime": "ArtifactTTL Retention",
    "artifacts._paging": "Results",
    "artifacts._recalls": "Recall",
    "artifacts._run_files": "RunFile",
    "artifacts.api": "Api",
    "artifacts.artifact": "Artifact",
    "artifacts.charts.custom": "plot_table",
    "artifacts.collection": "ArtifactCollection",
    "artifacts.media.audio": "Audio",
    "artifacts.media.box3d": "box3d",
    "artifacts.media.boxes": "BoundingBoxes2D",
    "artifacts.media.classes": "Classes",
    "artifacts.media.figures": "Bokeh Plotly",
    "artifacts.media.histogram": "Histogram",
    "artifacts.media.html": "Html",
    "artifacts.media.images": "Image",
    "artifacts.media.masks": "ImageMask",
    "artifacts.media.molecule": "Molecule",
    "artifacts.media.object3d": "Object3D",
    "artifacts.media.video": "Video",
    "artifacts.project": "ArtifactType Project",
    "artifacts.stored_run": "StoredRun",
    "artifacts.stored_sweep": "Sweep",
    "artifacts.sweeps.calls": "agent controller sweep",
    "artifacts.tables.joined": "JoinedTable",
    "artifacts.tables.partitioned": "PartitionedTable",
    "artifacts.tables.table": "Table",
    "artifacts.runs.initializing": "init",
    "artifacts.runs.run": "Run",
    "artifacts.store.records": "AlertLevel",
    "artifacts.store.errors": (
        "AlreadyExistsError ArtifactFinalizedError ArtifactNotLoggedError ArtifactsError "
        "BlobNotFoundError CommError ConfigError ConflictError EntryNotFoundError FormatError "
        "IntegrityError InvalidInputError InvalidTypeError NotFoundError ObjectNotFoundError "
        "PermissionDeniedError RefNotFoundError RunFinishedError RunNotFoundError StateError "
        "StorageError StoreNotFoundError UnsupportedError UsageError"
    ),
}
_INNER = (
    "catboost data_types env errors fastai gym integration keras lightgbm plot plots sklearn "
    "tensorboard util xgboost"
)
_MODULES = frozenset(_INNER.split())
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name == "run":
        return import_module("artifacts.runs.active").active_run()
    if name in {"config", "summary"}:
        return getattr(import_module("artifacts._api"), name)()
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name == "sdk":
        return import_module("artifacts.compat.wandb").facade("wandb.sdk")
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
    return sorted({*(name for name in globals() if name.startswith("_")), *__all__, *_MODULES})
