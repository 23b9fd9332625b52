"""scikit-learn: charts of models and of what they predict.

>>> from artifacts.integration import sklearn
>>> sklearn.plot_classifier(model, x, x_test, y, y_test, predicted, probabilities, labels)

Every function logs a row of the active run with one chart; the first three log all that there are
for a kind of model.
"""

from __future__ import annotations

from artifacts.integration._sklearn_classifiers import (
    plot_calibration_curve,
    plot_class_proportions,
    plot_classifier,
    plot_confusion_matrix,
    plot_feature_importances,
    plot_precision_recall,
    plot_roc,
)
from artifacts.integration._sklearn_clusters import (
    plot_clusterer,
    plot_elbow_curve,
    plot_silhouette,
)
from artifacts.integration._sklearn_models import plot_learning_curve, plot_summary_metrics
from artifacts.integration._sklearn_regressors import (
    plot_outlier_candidates,
    plot_regressor,
    plot_residuals,
)

__all__ = [
    "plot_calibration_curve",
    "plot_class_proportions",
    "plot_classifier",
    "plot_clusterer",
    "plot_confusion_matrix",
    "plot_elbow_curve",
    "plot_feature_importances",
    "plot_learning_curve",
    "plot_outlier_candidates",
    "plot_precision_recall",
    "plot_regressor",
    "plot_residuals",
    "plot_roc",
    "plot_silhouette",
    "plot_summary_metrics",
]
