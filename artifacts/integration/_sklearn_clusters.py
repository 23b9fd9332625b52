"""Charts of clusterings of scikit-learn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from artifacts.integration._sklearn_common import (
    array,
    check_model,
    library,
    log_chart,
    names_of,
    table_of,
)
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SILHOUETTE = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"name": "table"},
    "title": "${string:title}",
    "width": 400,
    "height": 300,
    "mark": {"type": "bar", "tooltip": True},
    "encoding": {
        "x": {"field": "${field:coefficient}", "type": "quantitative", "title": "Silhouette"},
        "y": {
            "field": "${field:place}",
            "type": "ordinal",
            "title": "Samples",
            "axis": {"labels": False, "ticks": False},
            "scale": {"padding": 0},
        },
        "color": {"field": "${field:cluster}", "type": "nominal", "title": "Cluster"},
    },
}


def plot_clusterer(
    model: Any,
    X_train: Any,
    cluster_labels: Any,
    labels: Sequence[str] | None = None,
    model_name: str = "Clusterer",
) -> None:
    """Log all charts of a clustering.

    Args:
        model: A clusterer.
        X_train: Of shape (samples, features).
        cluster_labels: Of shape (samples,): the cluster of each sample.
        labels: Names of the clusters, in their order.
        model_name: Accepted for compatibility, without effect.

    Raises:
        InvalidInputError: Shapes do not fit; charts before are logged.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    if hasattr(model, "n_clusters"):
        plot_elbow_curve(model, X_train)
    plot_silhouette(model, X_train, cluster_labels, labels)


def plot_elbow_curve(
    clusterer: Any = None,
    X: Any = None,
    cluster_ranges: Iterable[int] | None = None,
    n_jobs: int = 1,
    show_cluster_time: bool = True,
) -> None:
    """Log how well samples are described by so many clusters, as ``elbow_curve``.

    Copies of the clusterer are fitted; it stays as it is.

    Args:
        clusterer: One that has ``n_clusters``, such as ``KMeans``.
        X: Of shape (samples, features).
        cluster_ranges: Numbers of clusters; default 1, 3, 5, 7 and 9.
        n_jobs: Accepted for compatibility, without effect.
        show_cluster_time: Whether the table tells how long each took.

    Raises:
        InvalidTypeError: It is no such clusterer.
        InvalidInputError: A shape or a number of clusters does not fit.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    features = array(X, "X", dimensions=2)
    check_model(clusterer, "clusterer", "fit", "score", "n_clusters")
    numbers = sorted({*(range(1, 10, 2) if cluster_ranges is None else cluster_ranges)})
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= len(features):
        raise InvalidInputError(
            f"cluster_ranges has to have numbers from 1 to the {len(features)} samples"
        )
    rows = []
    for number in numbers:
        start = time.monotonic()
        model = library("base").clone(clusterer).set_params(n_clusters=number).fit(features)
        seconds = time.monotonic() - start
        row = [number, abs(float(model.score(features)))]
        rows.append([*row, seconds] if show_cluster_time else row)
    columns = ["clusters", "sum of squared distances"]
    table = table_of([*columns, "seconds"] if show_cluster_time else columns, rows)
    chart = plot.line(table, x=columns[0], y=columns[1], title="Elbow Curve")
    log_chart("elbow_curve", chart)


def plot_silhouette(
    clusterer: Any = None,
    X: Any = None,
    cluster_labels: Any = None,
    labels: Sequence[str] | None = None,
    metric: str = "euclidean",
    kmeans: bool = True,
) -> None:
    """Log how much closer each sample is to its cluster than to others, as ``silhouette_plot``.

    Args:
        clusterer: Says the clusters if ``cluster_labels`` does not; a copy of it is fitted then.
        X: Of shape (samples, features).
        cluster_labels: Of shape (samples,): the cluster of each sample.
        labels: Names of the clusters, in their order.
        metric: What distances are, as `sklearn.metrics.silhouette_samples` takes it.
        kmeans: Accepted for compatibility, without effect.

    Raises:
        InvalidTypeError: It is no clusterer.
        InvalidInputError: Shapes do not fit, or there are not at least two clusters.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    features = array(X, "X", dimensions=2)
    if cluster_labels is None:
        check_model(clusterer, "clusterer", "fit_predict")
        cluster_labels = library("base").clone(clusterer).fit_predict(features)
    clusters = array(cluster_labels, "cluster_labels", dimensions=1)
    known = sorted(set(clusters.tolist()))
    if len(clusters) != len(features) or not 1 < len(known) < len(features):
        raise InvalidInputError(
            f"{len(features)} samples have {len(clusters)} labels of {len(known)} clusters; a "
            "silhouette needs one label for each, and from 2 clusters to one less than samples"
        )
    values = library("metrics").silhouette_samples(features, clusters, metric=metric)
    names = dict(zip(known, names_of(known, labels), strict=False))
    ordered = sorted(
        zip(clusters.tolist(), values.tolist(), strict=True), key=lambda each: (each[0], -each[1])
    )
    rows = [(place, value, names[cluster]) for place, (cluster, value) in enumerate(ordered)]
    columns = ["place", "coefficient", "cluster"]
    table = table_of(columns, rows)
    fields = {name: name for name in columns}
    title = f"Silhouette, {values.mean():.3f} on average"
    chart = plot.plot_table(_SILHOUETTE, table, fields, {"title": title})
    log_chart("silhouette_plot", chart)
