"""Charts of models of scikit-learn of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.integration._sklearn_common import check_model, library, log_chart, pair, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def plot_learning_curve(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    cv: Any = None,
    shuffle: bool = False,
    random_state: int | None = None,
    train_sizes: Sequence[float] | None = None,
    n_jobs: int = 1,
    scoring: Any = None,
) -> None:
    """Log how the score depends on the number of samples, as ``learning_curve``.

    Copies of the model are fitted several times; the model stays as it is.

    Args:
        model: A classifier or regressor.
        X: Of shape (samples, features).
        y: Of shape (samples,).
        cv: How the samples are split, as `sklearn.model_selection.learning_curve` takes it; as
            are the following ones.
        shuffle: Whether the samples are shuffled first.
        random_state: Makes that the same each time.
        train_sizes: Shares of the samples; default five from a tenth to all.
        n_jobs: How many copies are fitted at once.
        scoring: What the score is; default that of the model.

    Raises:
        InvalidTypeError: It is no model.
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    features, truth = pair(X, y, ("X", "y"))
    sizes, train, test = library("model_selection").learning_curve(
        check_model(model, "model", "fit", "predict"),
        features,
        truth,
        cv=cv,
        shuffle=shuffle,
        random_state=random_state,
        train_sizes=[0.1, 0.325, 0.55, 0.775, 1.0] if train_sizes is None else train_sizes,
        n_jobs=n_jobs,
        scoring=scoring,
    )
    rows = [
        (dataset, int(size), float(score))
        for dataset, scores in (("train", train), ("test", test))
        for size, score in zip(sizes, scores.mean(axis=1), strict=True)
    ]
    table = table_of(["dataset", "samples", "score"], rows)
    chart = plot.line(table, "samples", "score", stroke="dataset", title="Learning Curve")
    log_chart("learning_curve", chart)


def plot_summary_metrics(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    X_test: Any = None,
    y_test: Any = None,
) -> None:
    """Log the usual scores of a model, as ``summary_metrics``.

    Those are accuracy, precision, recall and F1, averaged by the sizes of the classes; or mean
    absolute and squared error and R².

    Args:
        model: A classifier or regressor. If it was not fitted, a copy of it is.
        X: Of shape (samples, features): what it is or will be fitted to.
        y: Of shape (samples,).
        X_test: Of shape (samples, features): what it is judged by.
        y_test: Of shape (samples,).

    Raises:
        InvalidTypeError: It is no model.
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    features, truth = pair(X, y, ("X", "y"))
    test_features, test_truth = pair(X_test, y_test, ("X_test", "y_test"))
    fitted = fitted_to(check_model(model, "model", "fit", "predict"), features, truth)
    scores = _scores(fitted, test_truth, fitted.predict(test_features))
    table = table_of(["metric", "value"], [(name, float(value)) for name, value in scores.items()])
    log_chart("summary_metrics", plot.bar(table, "metric", "value", title="Summary Metrics"))


def fitted_to(model: Any, features: Any, truth: Any) -> Any:
    """Return a model that was fitted: itself, or a copy that is fitted now."""
    validation = library("utils.validation")
    try:
        validation.check_is_fitted(model)
    except library("exceptions").NotFittedError:
        return library("base").clone(model).fit(features, truth)
    return model


def _scores(model: Any, truth: Any, predicted: Any) -> dict[str, float]:
    metrics = library("metrics")
    if library("base").is_classifier(model):
        average = {"average": "weighted", "zero_division": 0}
        return {
            "accuracy": metrics.accuracy_score(truth, predicted),
            "precision": metrics.precision_score(truth, predicted, **average),
            "recall": metrics.recall_score(truth, predicted, **average),
            "f1": metrics.f1_score(truth, predicted, **average),
        }
    return {
        "mean absolute error": metrics.mean_absolute_error(truth, predicted),
        "mean squared error": metrics.mean_squared_error(truth, predicted),
        "r2": metrics.r2_score(truth, predicted),
    }
