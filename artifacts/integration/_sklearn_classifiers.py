"""Charts of classifiers of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.integration._running import importance_chart
from artifacts.integration._sklearn_common import (
    array,
    check_model,
    library,
    log_chart,
    names_of,
    pair,
    table_of,
)
from artifacts.integration._sklearn_models import plot_learning_curve, plot_summary_metrics
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PROPORTIONS = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"name": "table"},
    "title": "Class proportions",
    "mark": {"type": "bar", "tooltip": True},
    "encoding": {
        "x": {"field": "${field:class}", "type": "nominal", "title": "Class"},
        "y": {"field": "${field:count}", "type": "quantitative", "title": "Samples"},
        "xOffset": {"field": "${field:dataset}", "type": "nominal", "sort": ["train", "test"]},
        "color": {
            "field": "${field:dataset}",
            "type": "nominal",
            "title": "Data",
            "sort": ["train", "test"],
        },
    },
}


def plot_classifier(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    y_pred: Any,
    y_probas: Any,
    labels: Sequence[str] | None,
    is_binary: bool = False,
    model_name: str = "Classifier",
    feature_names: Sequence[str] | None = None,
    log_learning_curve: bool = False,
) -> None:
    """Log all charts of a classifier.

    Args:
        model: A classifier that was fitted.
        X_train: Of shape (samples, features): what it was fitted to.
        X_test: Of shape (samples, features): what it is judged by.
        y_train: Of shape (samples,): classes of ``X_train``.
        y_test: Of shape (samples,): classes of ``X_test``.
        y_pred: Of shape (samples,): what it predicts for ``X_test``.
        y_probas: Of shape (samples, classes): its probabilities; None for no curves of them.
        labels: Names of the classes, in their order.
        is_binary: Whether there are two classes: a calibration curve makes sense then.
        model_name: What it is called.
        feature_names: Names of the features.
        log_learning_curve: Whether it is fitted with parts of the data, which takes long.

    Raises:
        InvalidInputError: Shapes do not fit; charts before are logged.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    if hasattr(model, "feature_importances_") or hasattr(model, "coef_"):
        plot_feature_importances(model, feature_names)
    if log_learning_curve:
        plot_learning_curve(model, X_train, y_train)
    plot_confusion_matrix(y_test, y_pred, labels)
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_class_proportions(y_train, y_test, labels)
    if is_binary:
        plot_calibration_curve(model, X_test, y_test, model_name)
    if y_probas is not None:
        plot_roc(y_test, y_probas, labels)
        plot_precision_recall(y_test, y_probas, labels)


def plot_confusion_matrix(
    y_true: Any = None,
    y_pred: Any = None,
    labels: Sequence[str] | None = None,
    true_labels: Sequence[Any] | None = None,
    pred_labels: Sequence[Any] | None = None,
    normalize: bool = False,
) -> None:
    """Log how often each class was taken for each, as ``confusion_matrix``.

    Args:
        y_true: Of shape (samples,): the classes.
        y_pred: Of shape (samples,): the predicted ones.
        labels: Names of the classes, in their order.
        true_labels: Those classes that get a row.
        pred_labels: Those classes that get a column.
        normalize: Whether the numbers are shares of a class, not samples.

    Raises:
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    actual, predicted = pair(y_true, y_pred, ("y_true", "y_pred"))
    metrics = library("metrics")
    classes = sorted({*actual.tolist(), *predicted.tolist()})
    names = dict(zip(classes, names_of(classes, labels), strict=False))
    counts = metrics.confusion_matrix(
        actual, predicted, labels=classes, normalize="true" if normalize else None
    )
    rows = _chosen(classes, true_labels, "true_labels")
    columns = _chosen(classes, pred_labels, "pred_labels")
    if len(rows) == len(columns) == len(classes) and not normalize:
        places = {value: number for number, value in enumerate(classes)}
        chart = plot.confusion_matrix(
            y_true=[places[value] for value in actual.tolist()],
            preds=[places[value] for value in predicted.tolist()],
            class_names=[names[value] for value in classes],
        )
    else:
        chart = plot.heatmap(
            [names[classes[column]] for column in columns],
            [names[classes[row]] for row in rows],
            counts[rows][:, columns],
            show_text=True,
            title="Confusion Matrix",
        )
    log_chart("confusion_matrix", chart)


def plot_roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    plot_macro: bool = True,
    classes_to_plot: Iterable[Any] | None = None,
) -> None:
    """Log the rates of true and false positives of each class, as ``roc``.

    Args:
        y_true: Of shape (samples,): the classes.
        y_probas: Of shape (samples, classes): their probabilities.
        labels: Names of the classes, in their order.
        plot_micro: Accepted for compatibility: there is a curve for each class only.
        plot_macro: Likewise.
        classes_to_plot: Those of the classes that get a curve; default all.

    Raises:
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: NumPy is not installed.
    """
    from artifacts import plot

    truth, chosen, names = _numbered(y_true, y_probas, labels, classes_to_plot)
    log_chart("roc", plot.roc_curve(truth, y_probas, names, chosen))


def plot_precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,
    classes_to_plot: Iterable[Any] | None = None,
) -> None:
    """Log the precision of each class at each recall, as ``precision_recall``.

    Args:
        y_true: Of shape (samples,): the classes.
        y_probas: Of shape (samples, classes): their probabilities.
        labels: Names of the classes, in their order.
        plot_micro: Accepted for compatibility: there is a curve for each class only.
        classes_to_plot: Those of the classes that get a curve; default all.

    Raises:
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: NumPy is not installed.
    """
    from artifacts import plot

    truth, chosen, names = _numbered(y_true, y_probas, labels, classes_to_plot)
    log_chart("precision_recall", plot.pr_curve(truth, y_probas, names, chosen))


def plot_feature_importances(
    model: Any = None,
    feature_names: Sequence[str] | None = None,
    title: str = "Feature Importance",
    max_num_features: int = 50,
) -> None:
    """Log how much each feature counts, as ``feature_importances``.

    Args:
        model: One that was fitted, and has ``feature_importances_``, or ``coef_``, of which the
            sizes are taken, averaged over the classes.
        feature_names: Names of the features; default what the model calls them.
        title: Accepted for compatibility: the chart is called Feature Importance.
        max_num_features: How many are shown, the most important ones.

    Raises:
        InvalidTypeError: The model has neither of these.
        InvalidInputError: There are too few names.
        StateError: No run is active.
        ConfigError: NumPy is not installed.
    """
    if hasattr(model, "feature_importances_"):
        values = array(model.feature_importances_, "feature_importances_")
    elif hasattr(model, "coef_"):
        sizes = abs(array(model.coef_, "coef_"))
        values = sizes.mean(axis=0) if sizes.ndim > 1 else sizes
    else:
        raise InvalidTypeError(
            f"model has neither feature_importances_ nor coef_: {type(model).__name__}",
            hint="fit it first",
        )
    given = feature_names if feature_names is not None else getattr(
        model, "feature_names_in_", None
    )  # fmt: skip
    names = [f"Feature {number}" for number in range(len(values))] if given is None else [
        str(name) for name in given
    ]  # fmt: skip
    if len(names) < len(values):
        raise InvalidInputError(f"feature_names has {len(names)} names for {len(values)} features")
    pairs = sorted(zip(names, values.tolist(), strict=False), key=lambda item: -item[1])
    log_chart("feature_importances", importance_chart(dict(pairs[:max_num_features])))


def plot_class_proportions(
    y_train: Any = None, y_test: Any = None, labels: Sequence[str] | None = None
) -> None:
    """Log how many samples each class has, as ``class_proportions``.

    Args:
        y_train: Of shape (samples,): classes of what a model was fitted to.
        y_test: Of shape (samples,): classes of what it is judged by; None for the former only.
        labels: Names of the classes, in their order.

    Raises:
        InvalidInputError: A shape is another one.
        StateError: No run is active.
        ConfigError: NumPy is not installed.
    """
    from artifacts import plot

    parts = {"train": array(y_train, "y_train", dimensions=1).tolist()}
    if y_test is not None:
        parts["test"] = array(y_test, "y_test", dimensions=1).tolist()
    classes = sorted({value for values in parts.values() for value in values})
    names = names_of(classes, labels)
    rows = [
        (name, dataset, values.count(value))
        for dataset, values in parts.items()
        for value, name in zip(classes, names, strict=False)
    ]
    columns = ["class", "dataset", "count"]
    fields = {name: name for name in columns}
    chart = plot.plot_table(_PROPORTIONS, table_of(columns, rows), fields)
    log_chart("class_proportions", chart)


def plot_calibration_curve(
    clf: Any = None,
    X: Any = None,
    y: Any = None,
    clf_name: str = "Classifier",
) -> None:
    """Log how often what has a probability is the case, as ``calibration_curve``.

    Args:
        clf: A classifier of two classes that was fitted, which it stays.
        X: Of shape (samples, features): what it is judged by.
        y: Of shape (samples,): classes of ``X``.
        clf_name: What it is called.

    Raises:
        InvalidTypeError: The classifier has no probabilities.
        InvalidInputError: Shapes do not fit, or there are not two classes.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    features, truth = pair(X, y, ("X", "y"))
    probabilities = check_model(clf, "clf", "predict_proba").predict_proba(features)
    if probabilities.shape[1] != 2:
        raise InvalidInputError(
            f"a calibration curve is for two classes, and clf has {probabilities.shape[1]}"
        )
    shares, means = library("calibration").calibration_curve(
        truth, probabilities[:, 1], pos_label=clf.classes_[1], n_bins=10
    )
    rows = [(clf_name, *point) for point in zip(means, shares, strict=True)]
    ideal = [("Perfectly calibrated", 0.0, 0.0), ("Perfectly calibrated", 1.0, 1.0)]
    mean, share = "mean predicted probability", "share of positives"
    table = table_of(["model", mean, share], [*rows, *ideal])
    chart = plot.line(table, x=mean, y=share, stroke="model", title="Calibration Curve")
    log_chart("calibration_curve", chart)


def _numbered(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, chosen: Iterable[Any] | None
) -> tuple[Any, list[int] | None, list[str] | None]:
    """Return classes, those to draw, and their names, as places among the columns."""
    truth, scores = pair(y_true, y_probas, ("y_true", "y_probas"))
    classes = sorted(set(truth.tolist()))
    if scores.ndim != 2 or scores.shape[1] != len(classes):
        wanted = None if chosen is None else list(chosen)
        return truth, wanted, None if labels is None else list(map(str, labels))
    places = {value: number for number, value in enumerate(classes)}
    wanted = None if chosen is None else [places[value] for value in chosen if value in places]
    return [places[value] for value in truth.tolist()], wanted, names_of(classes, labels)


def _chosen(classes: list[Any], wanted: Sequence[Any] | None, name: str) -> list[int]:
    """Return the places of those classes that are wanted."""
    if wanted is None:
        return list(range(len(classes)))
    unknown = [value for value in wanted if value not in classes]
    if unknown:
        raise InvalidInputError(f"{name}: {unknown[0]!r} is none of the classes")
    return [classes.index(value) for value in wanted]
