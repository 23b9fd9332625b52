"""Charts of regressors of scikit-learn."""

from __future__ import annotations

from typing import Any

from artifacts.integration._sklearn_common import (
    array,
    check_model,
    log_chart,
    pair,
    table_of,
)
from artifacts.integration._sklearn_models import (
    fitted_to,
    plot_learning_curve,
    plot_summary_metrics,
)
from artifacts.media._needs import need


def plot_regressor(
    model: Any,
    X_train: Any,
    X_test: Any,
    y_train: Any,
    y_test: Any,
    model_name: str = "Regressor",
) -> None:
    """Log all charts of a regressor.

    Args:
        model: A regressor that was fitted.
        X_train: Of shape (samples, features): what it was fitted to.
        X_test: Of shape (samples, features): what it is judged by.
        y_train: Of shape (samples,).
        y_test: Of shape (samples,).
        model_name: Accepted for compatibility, without effect.

    Raises:
        InvalidInputError: Shapes do not fit; charts before are logged.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    plot_summary_metrics(model, X_train, y_train, X_test, y_test)
    plot_learning_curve(model, X_train, y_train)
    plot_outlier_candidates(model, X_train, y_train)
    plot_residuals(model, X_train, y_train)


def plot_residuals(
    regressor: Any = None,
    X: Any = None,
    y: Any = None,
) -> None:
    """Log by how much predictions are wrong, as ``residuals``.

    Args:
        regressor: If it was not fitted, a copy of it is.
        X: Of shape (samples, features).
        y: Of shape (samples,).

    Raises:
        InvalidTypeError: It is no model.
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    predicted, residuals, _ = _residuals(regressor, X, y)
    rows = list(zip(predicted.tolist(), residuals.tolist(), strict=True))
    table = table_of(["predicted", "residual"], rows)
    log_chart("residuals", plot.scatter(table, "predicted", "residual", title="Residuals"))


def plot_outlier_candidates(
    regressor: Any = None,
    X: Any = None,
    y: Any = None,
) -> None:
    """Log how much each sample moves the fit, by Cook's distance, as ``outlier_candidates``.

    The title says how many samples are above 4 / samples, which is the usual threshold.

    Args:
        regressor: If it was not fitted, a copy of it is.
        X: Of shape (samples, features).
        y: Of shape (samples,).

    Raises:
        InvalidTypeError: It is no model.
        InvalidInputError: Shapes do not fit.
        StateError: No run is active.
        ConfigError: scikit-learn is not installed.
    """
    from artifacts import plot

    _, residuals, features = _residuals(regressor, X, y)
    distances = cooks_distances(features, residuals)
    above = sum(distance > 4 / len(distances) for distance in distances)
    table = table_of(["sample", "distance"], list(enumerate(distances)))
    title = f"Cook's distances, {above} above 4/n"
    log_chart("outlier_candidates", plot.scatter(table, "sample", "distance", title=title))


def cooks_distances(features: Any, residuals: Any) -> list[float]:
    """Return how much a linear fit would change without each sample.

    Args:
        features: Of shape (samples, features).
        residuals: Of shape (samples,).
    """
    numpy = need("numpy", "numpy", extra="media")
    samples = len(features)
    design = numpy.column_stack([numpy.ones(samples), features])
    leverage = numpy.einsum("ij,ji->i", design, numpy.linalg.pinv(design))
    parameters = numpy.linalg.matrix_rank(design)
    variance = float(residuals @ residuals) / max(samples - parameters, 1)
    if variance == 0:
        return [0.0] * samples
    # A sample that the fit goes through exactly has a leverage of 1.
    rest = numpy.clip(1 - leverage, numpy.finfo(float).eps, None)
    found: list[float] = (residuals**2 * leverage / (parameters * variance * rest**2)).tolist()
    return found


def _residuals(regressor: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return predictions, by how much they are wrong, and the features."""
    features, truth = pair(array(X, "X", dimensions=2), array(y, "y", dimensions=1), ("X", "y"))
    fitted = fitted_to(check_model(regressor, "regressor", "fit", "predict"), features, truth)
    predicted = fitted.predict(features)
    return predicted, truth - predicted, features
