"""Which modules and names W&B has, and what they are here."""

from __future__ import annotations

from typing import NamedTuple

VERSION = "0.21.0"
"""Version of W&B that clients are told; the names are those of this one and of earlier ones."""

ROOT = "wandb"


class Contents(NamedTuple):
    """What a module of W&B has.

    Attributes:
        source: A module here of which it has all public names, or None.
        names: More names: each with the module and the name here, as ``module:name``.
    """

    source: str | None
    names: dict[str, str]


def _of(source: str | None = None, /, **homes: str) -> Contents:
    """Return contents: names by the module here that has them, with ``=`` where they differ."""
    names: dict[str, str] = {}
    for module, listed in homes.items():
        for each in listed.split():
            theirs, _, ours = each.partition("=")
            names[theirs] = f"{_MODULES[module]}:{ours or theirs}"
    return Contents(source, names)


_MODULES = {
    "sdk": "artifacts",
    "config": "artifacts.runs.config",
    "summary": "artifacts.runs.summary",
    "disabled": "artifacts.runs.disabled",
    "util": "artifacts.util",
    "data": "artifacts.data_types",
    "charts": "artifacts.charts.custom",
    "plot": "artifacts.plot",
    "inert": "artifacts.compat.wandb.inert",
    "private": "artifacts.compat.wandb.private",
}

_PUBLIC_API = (
    "Api ArtifactCollection ArtifactType Project Run=StoredRun Runs=Results File=RunFile "
    "Files=Results Artifacts=Results"
)

_INTEGRATIONS = (
    "catboost diffusers fastai gym keras langchain lightgbm openai sb3 sklearn tensorboard xgboost"
)
# Later releases have them below `wandb.integration` only.
_OLDER_INTEGRATIONS = "catboost fastai gym keras lightgbm sklearn tensorboard xgboost"

MODULES: dict[str, Contents] = {
    ROOT: _of(
        "artifacts",
        sdk="AlertLevel PublicApi=Api hook_torch=watch",
        config="Config",
        summary="Summary",
        data="Bokeh",
        plot="visualize",
        inert="api InternalApi Graph",
        private="_attach",
    ),
    "wandb.apis": _of(sdk="PublicApi=Api CommError", inert="InternalApi"),
    "wandb.apis.internal": _of(inert="Api=InternalApi InternalApi"),
    "wandb.apis.public": _of(sdk=_PUBLIC_API),
    "wandb.apis.public.api": _of(sdk="Api"),
    "wandb.apis.public.artifacts": _of(
        sdk="ArtifactCollection ArtifactType Artifacts=Results ArtifactCollections=Results"
    ),
    "wandb.apis.public.files": _of(sdk="File=RunFile Files=Results"),
    "wandb.apis.public.projects": _of(sdk="Project Projects=Results"),
    "wandb.apis.public.runs": _of(sdk="Run=StoredRun Runs=Results"),
    "wandb.data_types": _of("artifacts.data_types"),
    "wandb.env": _of("artifacts.env"),
    "wandb.errors": _of("artifacts.errors"),
    "wandb.errors.errors": _of("artifacts.errors"),
    "wandb.errors.term": _of(sdk="termlog termwarn termerror"),
    "wandb.plot": _of("artifacts.plot"),
    "wandb.plot.custom_chart": _of(charts="CustomChart plot_table"),
    "wandb.plots": _of("artifacts.plots"),
    "wandb.sdk": _of("artifacts", config="Config", summary="Summary"),
    "wandb.sdk.artifacts": _of(),
    "wandb.sdk.artifacts.artifact": _of(sdk="Artifact"),
    "wandb.sdk.artifacts.artifact_manifest": _of(sdk="ArtifactManifest"),
    "wandb.sdk.artifacts.artifact_manifest_entry": _of(sdk="ArtifactManifestEntry=ArtifactEntry"),
    "wandb.sdk.artifacts.artifact_ttl": _of(sdk="ArtifactTTL"),
    "wandb.sdk.artifacts.exceptions": _of(sdk="ArtifactFinalizedError ArtifactNotLoggedError"),
    "wandb.sdk.data_types": _of(),
    "wandb.sdk.data_types.audio": _of(data="Audio"),
    "wandb.sdk.data_types.base_types": _of(),
    "wandb.sdk.data_types.base_types.media": _of(data="Media BatchableMedia=Media"),
    "wandb.sdk.data_types.base_types.wb_value": _of(data="WBValue"),
    "wandb.sdk.data_types.bokeh": _of(data="Bokeh"),
    "wandb.sdk.data_types.helper_types": _of(),
    "wandb.sdk.data_types.helper_types.bounding_boxes_2d": _of(data="BoundingBoxes2D"),
    "wandb.sdk.data_types.helper_types.classes": _of(data="Classes"),
    "wandb.sdk.data_types.helper_types.image_mask": _of(data="ImageMask"),
    "wandb.sdk.data_types.histogram": _of(data="Histogram"),
    "wandb.sdk.data_types.html": _of(data="Html"),
    "wandb.sdk.data_types.image": _of(data="Image"),
    "wandb.sdk.data_types.molecule": _of(data="Molecule"),
    "wandb.sdk.data_types.object_3d": _of(data="Object3D"),
    "wandb.sdk.data_types.plotly": _of(data="Plotly"),
    "wandb.sdk.data_types.table": _of(data="Table JoinedTable PartitionedTable"),
    "wandb.sdk.data_types.video": _of(data="Video"),
    "wandb.sdk.lib": _of(disabled="RunDisabled=DisabledRun"),
    "wandb.sdk.lib.config_util": _of(sdk="ConfigError"),
    "wandb.sdk.lib.disabled": _of(disabled="RunDisabled=DisabledRun"),
    "wandb.sdk.lib.filesystem": _of(util="mkdir_exists_ok"),
    "wandb.sdk.lib.runid": _of(util="generate_id"),
    "wandb.sdk.lib.telemetry": _of(inert="context"),
    "wandb.sdk.wandb_alerts": _of(sdk="AlertLevel"),
    "wandb.sdk.wandb_artifacts": _of(sdk="Artifact"),
    "wandb.sdk.wandb_config": _of(config="Config"),
    "wandb.sdk.wandb_init": _of(sdk="init"),
    "wandb.sdk.wandb_login": _of(sdk="login"),
    "wandb.sdk.wandb_require": _of(sdk="require"),
    "wandb.sdk.wandb_run": _of(sdk="Run"),
    "wandb.sdk.wandb_settings": _of(sdk="Settings"),
    "wandb.sdk.wandb_setup": _of(sdk="setup teardown"),
    "wandb.sdk.wandb_summary": _of(summary="Summary"),
    "wandb.sdk.wandb_sweep": _of(sdk="sweep controller"),
    "wandb.sdk.wandb_watch": _of(sdk="watch unwatch"),
    "wandb.util": _of("artifacts.util"),
    "wandb.wandb_agent": _of(sdk="agent"),
    "wandb.wandb_artifacts": _of(sdk="Artifact"),
    "wandb.wandb_run": _of(sdk="Run"),
    "wandb.integration": _of(),
    **{
        f"wandb.integration.{name}": _of(f"artifacts.integration.{name}")
        for name in _INTEGRATIONS.split()
    },
    "wandb.integration.tensorflow": _of("artifacts.integration.tensorboard"),
    **{
        f"wandb.{name}": _of(f"artifacts.integration.{name}")
        for name in _OLDER_INTEGRATIONS.split()
    },
    "wandb.tensorflow": _of("artifacts.integration.tensorboard"),
}
"""All modules of W&B that can be imported, with what they have."""

CURRENT = ("config", "run", "summary")
"""Public names of the source ``artifacts`` that mean something else at another time."""


def has_children(name: str) -> bool:
    """Whether there are modules inside a module."""
    return any(other.startswith(f"{name}.") for other in MODULES)
