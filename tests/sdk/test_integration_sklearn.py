"""Charts of scikit-learn's models: each is logged, and its table has scikit-learn's numbers."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris, make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, confusion_matrix, r2_score, silhouette_score
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import artifacts
from artifacts.integration import sklearn as charts
from artifacts.integration._sklearn_regressors import cooks_distances
from artifacts.store.errors import InvalidInputError, InvalidTypeError, StateError


@pytest.fixture(scope="module")
def iris():
    """A classifier, its data in two parts, and its predictions."""
    features, truth = load_iris(return_X_y=True)
    x, x_test, y, y_test = train_test_split(features, truth, random_state=0)
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(x, y)
    return model, x, x_test, y, y_test


def logged(run, key):
    """Return the rows of the table of the chart that was logged last under a key."""
    rows = [row for row in run.scan_history() if row.get(f"{key}_table") is not None]
    table = rows[-1][f"{key}_table"]
    return [dict(zip(table.columns, row, strict=True)) for row in table.data]


def keys_of(run):
    return {key for row in run.scan_history() for key in row if key.endswith("_table")}


def test_everything_of_a_classifier(run, iris):
    model, x, x_test, y, y_test = iris
    labels = ["setosa", "versicolor", "virginica"]
    probabilities = model.predict_proba(x_test)
    predicted = model.predict(x_test)
    charts.plot_classifier(
        model, x, x_test, y, y_test, predicted, probabilities, labels,
        feature_names=load_iris().feature_names,
    )  # fmt: skip
    assert keys_of(run) == {
        "feature_importances_table", "confusion_matrix_table", "summary_metrics_table",
        "class_proportions_table", "roc_table", "precision_recall_table",
    }  # fmt: skip
    counts = confusion_matrix(y_test, predicted)
    found = {
        (row["Actual"], row["Predicted"]): row["nPredictions"]
        for row in logged(run, "confusion_matrix")
    }
    assert found == {
        (labels[i], labels[j]): counts[i][j] for i in range(3) for j in range(3)
    }  # fmt: skip
    scores = {row["metric"]: row["value"] for row in logged(run, "summary_metrics")}
    assert scores["accuracy"] == accuracy_score(y_test, predicted)
    importances = {row["Feature"]: row["Importance"] for row in logged(run, "feature_importances")}
    expected = dict(zip(load_iris().feature_names, model.feature_importances_, strict=True))
    assert importances == expected
    sizes = {
        (row["class"], row["dataset"]): row["count"] for row in logged(run, "class_proportions")
    }
    assert sizes["setosa", "train"] == (y == 0).sum()
    assert sizes["virginica", "test"] == (y_test == 2).sum()


def test_everything_of_a_regressor(run):
    x, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(x[:300], y[:300])
    charts.plot_regressor(model, x[:300], x[300:], y[:300], y[300:])
    assert keys_of(run) == {
        "summary_metrics_table", "learning_curve_table", "outlier_candidates_table",
        "residuals_table",
    }  # fmt: skip
    scores = {row["metric"]: row["value"] for row in logged(run, "summary_metrics")}
    assert scores["r2"] == r2_score(y[300:], model.predict(x[300:]))
    residuals = [row["residual"] for row in logged(run, "residuals")]
    assert residuals == pytest.approx(y[:300] - model.predict(x[:300]))


def test_everything_of_a_clustering(run):
    points, _ = make_blobs(60, centers=3, random_state=1)
    model = KMeans(3, n_init=1, random_state=0).fit(points)
    charts.plot_clusterer(model, points, model.labels_, ["one", "two", "three"])
    assert keys_of(run) == {"elbow_curve_table", "silhouette_plot_table"}
    curve = logged(run, "elbow_curve")
    assert [row["clusters"] for row in curve] == [1, 3, 5, 7, 9]
    assert curve[1]["sum of squared distances"] == pytest.approx(model.inertia_)
    values = logged(run, "silhouette_plot")
    mean = np.mean([row["coefficient"] for row in values])
    assert mean == pytest.approx(silhouette_score(points, model.labels_))
    assert {row["cluster"] for row in values} == {"one", "two", "three"}


def test_cooks_distances_are_those_of_leaving_each_sample_out():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(12, 2))
    y = x @ [1.0, 2.0] + generator.normal(size=12)
    whole = LinearRegression().fit(x, y)
    residuals = y - whole.predict(x)
    variance = (residuals @ residuals) / (12 - 3)
    expected = []
    for i in range(12):
        kept = np.arange(12) != i
        moved = whole.predict(x) - LinearRegression().fit(x[kept], y[kept]).predict(x)
        expected.append((moved @ moved) / (3 * variance))
    assert cooks_distances(x, residuals) == pytest.approx(expected)


def test_calibration_and_learning_curve(run, iris):
    _, x, _, y, _ = iris
    two = y < 2
    model = DecisionTreeClassifier(max_depth=1).fit(x[two], y[two])
    charts.plot_calibration_curve(model, x[two], y[two], "stump")
    assert {row["model"] for row in logged(run, "calibration_curve")} == {
        "stump", "Perfectly calibrated",
    }  # fmt: skip
    charts.plot_learning_curve(DecisionTreeClassifier(), x, y, cv=3, shuffle=True, random_state=0)
    curve = logged(run, "learning_curve")
    assert {row["dataset"] for row in curve} == {"train", "test"}
    assert max(row["samples"] for row in curve) == len(x) * 2 // 3


def test_classes_that_are_texts(run):
    truth, predicted = ["cat", "dog", "dog", "cat"], ["cat", "dog", "cat", "cat"]
    charts.plot_confusion_matrix(truth, predicted)
    found = {
        (row["Actual"], row["Predicted"]): row["nPredictions"]
        for row in logged(run, "confusion_matrix")
    }
    assert found["dog", "cat"] == 1
    charts.plot_roc(truth, [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    assert {row["class"] for row in logged(run, "roc")} == {"cat", "dog"}
    charts.plot_confusion_matrix(truth, predicted, normalize=True)
    assert sorted(row["values"] for row in logged(run, "confusion_matrix")) == [0, 0.5, 0.5, 1]


def test_a_model_that_was_not_fitted_is_not_changed(run, iris):
    _, x, x_test, y, y_test = iris
    model = DecisionTreeClassifier()
    charts.plot_summary_metrics(model, x, y, x_test, y_test)
    assert logged(run, "summary_metrics")
    assert not hasattr(model, "tree_")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: charts.plot_confusion_matrix([1, 2], [1]), InvalidInputError, "one length"),
        (lambda: charts.plot_confusion_matrix([1, 2], [1, 2], ["a"]), InvalidInputError, "1 names"),
        (lambda: charts.plot_roc([0, 1], None), InvalidInputError, "y_probas is missing"),
        (lambda: charts.plot_feature_importances("model"), InvalidTypeError, "coef_"),
        (
            lambda: charts.plot_calibration_curve(LinearSVC(), [[1], [2]], [0, 1]),
            InvalidTypeError,
            "predict_proba",
        ),
        (
            lambda: charts.plot_elbow_curve(KMeans(), [[1.0], [2.0]], [5]),
            InvalidInputError,
            "cluster_ranges",
        ),
        (
            lambda: charts.plot_silhouette(KMeans(), [[1.0], [2.0]], [0, 0]),
            InvalidInputError,
            "silhouette",
        ),
    ],
)
def test_what_cannot_be_drawn(run, call, error, said):
    with pytest.raises(error, match=said):
        call()
    assert keys_of(run) == set()


def test_without_a_run():
    with pytest.raises(StateError, match="init"):
        charts.plot_confusion_matrix([0, 1], [0, 1])
    assert artifacts.run is None
