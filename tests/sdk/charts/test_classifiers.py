"""The numbers of charts of classifiers, compared with those of scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

import artifacts
from artifacts import plot, plots
from artifacts.tables.table import Table


def classified(samples, classes, *, seed=0, digits=None):
    """True classes and scores of a middling classifier; few digits make ties."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, samples)
    scores = random.normal(size=(samples, classes))
    scores[np.arange(samples), truth] += 1
    return truth, scores if digits is None else scores.round(digits)


def curves(chart):
    """The points of each class, as an array of the columns of x and y."""
    columns = chart.table.columns
    x, y = (columns.index(chart.fields[axis]) for axis in "xy")
    found: dict[str, list[list[float]]] = {}
    for _, row in chart.table.iterrows():
        found.setdefault(row[columns.index("class")], []).append([row[x], row[y]])
    return {name: np.array(points) for name, points in found.items()}


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize(("samples", "classes"), [(2, 2), (40, 2), (300, 3)])
def test_roc(samples, classes, digits):
    truth, scores = classified(samples, classes, digits=digits)
    truth[:classes] = range(classes)
    found = curves(plot.roc_curve(truth, scores))
    assert list(found) == [str(class_) for class_ in range(classes)]
    for class_ in range(classes):
        points = found[str(class_)]
        fpr, tpr, _ = metrics.roc_curve(truth == class_, scores[:, class_])
        exact = set(zip(*metrics.roc_curve(truth == class_, scores[:, class_])[:2], strict=True))
        assert {tuple(point) for point in points} <= exact | {(0, 0)}
        assert metrics.auc(*points.T) == pytest.approx(metrics.auc(fpr, tpr))
        assert points[0].tolist() == [0, 0]
        assert points[-1].tolist() == [1, 1]


@pytest.mark.parametrize("digits", [None, 1, 0])
@pytest.mark.parametrize(("samples", "classes"), [(2, 2), (40, 2), (300, 3)])
def test_precision_recall(samples, classes, digits):
    truth, scores = classified(samples, classes, digits=digits)
    truth[:classes] = range(classes)
    found = curves(plot.pr_curve(truth, scores, interp_size=11))
    assert list(found) == [str(class_) for class_ in range(classes)]
    for class_ in range(classes):
        precision, recall, _ = metrics.precision_recall_curve(truth == class_, scores[:, class_])
        assert found[str(class_)][:, 0] == pytest.approx(np.linspace(1, 0, 11))
        for at, value in found[str(class_)]:
            assert value == pytest.approx(precision[recall >= at - 1e-9].max())


def test_precision_at_a_recall_that_a_float_cannot_hold():
    truth, scores = [1] * 20 + [0] * 20, np.linspace(1, 0, 40)
    scores[3:20] = 0.1
    points = curves(plot.pr_curve(truth, scores, interp_size=21))["1"]
    found = {round(recall * 20): precision for recall, precision in points}
    assert found[3] == 1
    assert found[4] < 1


@pytest.mark.parametrize("labelled", [False, True])
def test_confusion_matrix(labelled):
    truth, scores = classified(200, 4)
    names = ["a", "b", "c", "d"]
    chart = plot.confusion_matrix(scores, truth, class_names=names if labelled else None)
    expected = metrics.confusion_matrix(truth, scores.argmax(axis=1), labels=range(4))
    rows = [row for _, row in chart.table.iterrows()]
    assert np.array([row[2] for row in rows]).reshape(4, 4).tolist() == expected.tolist()
    shown = names if labelled else ["Class_1", "Class_2", "Class_3", "Class_4"]
    assert [row[:2] for row in rows] == [[row, column] for row in shown for column in shown]


def test_confusion_of_classes_that_nobody_has_seen():
    chart = plot.confusion_matrix(y_true=[0, 2], preds=[2, 2], class_names=["a", "b", "c"])
    counts = [row[2] for _, row in chart.table.iterrows()]
    assert counts == [0, 0, 1, 0, 0, 0, 0, 0, 1]


def test_confusion_of_texts():
    chart = plot.confusion_matrix(y_true=["dog", "cat"], preds=["cat", "cat"], title="Pets")
    assert [row for _, row in chart.table.iterrows()] == [
        ["cat", "cat", 1],
        ["cat", "dog", 0],
        ["dog", "cat", 1],
        ["dog", "dog", 0],
    ]
    assert chart.spec["title"] == "Pets"


# -- which column is whose


def test_labels_name_classes_by_their_columns():
    truth, scores = classified(50, 3)
    names = ["low", "mid", "high"]
    assert list(curves(plot.roc_curve(truth, scores, names))) == names
    chosen = plot.roc_curve(truth, scores, names, classes_to_plot=[2, 0])
    assert list(curves(chosen)) == ["low", "high"]


def test_a_class_that_does_not_occur_keeps_its_column():
    truth, scores = classified(60, 3)
    truth[truth == 1] = 0
    found = curves(plot.roc_curve(truth, scores, ["low", "mid", "high"]))
    assert list(found) == ["low", "high"]
    expected = metrics.roc_auc_score(truth == 2, scores[:, 2])
    assert metrics.auc(*found["high"].T) == pytest.approx(expected)


def test_texts_and_numbers_from_elsewhere_have_their_columns_by_order():
    truth, scores = classified(60, 2)
    words = np.array(["no", "yes"], dtype=object)[truth]
    for classes, names in (
        (words, ["no", "yes"]),
        (truth + 5, ["5", "6"]),
        (truth + 1, ["1", "2"]),
    ):
        found = curves(plot.roc_curve(classes, scores))
        assert list(found) == names
        expected = metrics.roc_auc_score(truth, scores[:, 1])
        assert metrics.auc(*found[names[1]].T) == pytest.approx(expected)
    some = np.array(["b", "c"])[truth]
    wide = np.column_stack([scores[:, 0], scores])
    assert list(curves(plot.pr_curve(some, wide, ["a", "b", "c"]))) == ["b", "c"]


def test_scores_of_one_column_are_of_the_higher_class():
    truth, scores = classified(60, 2)
    found = curves(plot.roc_curve(truth.astype(float), scores[:, 1], ["no", "yes"]))
    assert list(found) == ["yes"]
    expected = metrics.roc_auc_score(truth, scores[:, 1])
    assert metrics.auc(*found["yes"].T) == pytest.approx(expected)


# -- size


def test_too_many_points_are_thinned_evenly_with_a_note(monkeypatch, log):
    monkeypatch.setattr(Table, "MAX_ROWS", 100)
    truth, scores = classified(2000, 2)
    full = metrics.roc_auc_score(truth, scores[:, 1])
    found = curves(plot.roc_curve(truth, scores))
    assert all(len(points) == 50 for points in found.values())
    assert [points[0].tolist() for points in found.values()] == [[0, 0], [0, 0]]
    assert [points[-1].tolist() for points in found.values()] == [[1, 1], [1, 1]]
    assert metrics.auc(*found["1"].T) == pytest.approx(full, abs=0.01)
    [note] = [r.message for r in log.records if "evenly chosen" in r.message]
    assert note.startswith("ROC Curve has ")


# -- what is wrong


@pytest.mark.parametrize("curve", [plot.pr_curve, plot.roc_curve])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y_probas": [[0, 1]]}, "y_true is missing"),
        ({"y_true": [0]}, "y_probas is missing"),
        ({"y_true": [], "y_probas": []}, "y_true must have one dimension"),
        ({"y_true": [[0, 1], [1, 0]], "y_probas": [[0, 1], [1, 0]]}, "y_true must have one dim"),
        ({"y_true": [0, 1], "y_probas": [[0, 1]]}, r"y_probas has the shape \(1, 2\)"),
        ({"y_true": [0, 1], "y_probas": [[0, 1], [1]]}, "y_probas has rows of different"),
        ({"y_true": [0, 1], "y_probas": [[0, 1], [1, np.nan]]}, "no finite numbers"),
        ({"y_true": [0, 1], "y_probas": [["a", "b"]] * 2}, "y_probas has values"),
        ({"y_true": [0, {}], "y_probas": [[0, 1]] * 2}, "y_true must hold numbers"),
        ({"y_true": [0, 0.5], "y_probas": [[0, 1]] * 2}, "y_true must hold classes"),
        ({"y_true": ["a", "b", "c"], "y_probas": [[0, 1]] * 3}, "2 columns, and y_true 3"),
        ({"y_true": [0, 1, 2], "y_probas": [0.1, 0.2, 0.3]}, "y_true has 3 classes"),
        ({"y_true": [0, 1], "y_probas": [[0, 1]] * 2, "labels": ["a"]}, "labels has 1 names"),
        ({"y_true": [0, 1], "y_probas": [[0, 1]] * 2, "classes_to_plot": [7]}, "classes_to_plot"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(curve, given, message):
    with pytest.raises(artifacts.InvalidInputError, match=message):
        curve(**given)


def test_one_class_has_no_roc_curve_but_a_precision():
    truth, scores = [1, 1], [[0.1, 0.9], [0.2, 0.8]]
    with pytest.raises(artifacts.InvalidInputError, match="y_true has no class but 1"):
        plot.roc_curve(truth, scores)
    assert set(curves(plot.pr_curve(truth, scores))["1"][:, 1]) == {1.0}


@pytest.mark.parametrize("size", [1, 2.5, True, "21"])
def test_the_number_of_recalls(size):
    with pytest.raises(
        artifacts.InvalidInputError, match="interp_size must be an integer of at least 2"
    ):
        plot.pr_curve([0, 1], [[0, 1]] * 2, interp_size=size)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y_true": [0]}, "give probs or preds"),
        ({"y_true": [0], "preds": [0], "probs": [[1, 0]]}, "give probs or preds"),
        ({"preds": [0]}, "y_true is missing"),
        ({"y_true": [0, 1], "preds": [0]}, "y_true has 2 values, and preds 1"),
        ({"y_true": [0, 1], "probs": [[1, 0]]}, "y_true has 2 values, and probs 1"),
        ({"y_true": [0], "probs": [0]}, r"\(samples, classes\), not \(1,\)"),
        ({"y_true": [0], "preds": [2], "class_names": ["a", "b"]}, "2 names and none for 2"),
        ({"y_true": ["x"], "preds": ["a"], "class_names": ["a", "b"]}, "none for 'x'"),
        ({"y_true": ["a"], "preds": [0]}, "both hold numbers, or both texts"),
    ],
    ids=str,
)
def test_a_wrong_confusion_matrix(given, message):
    with pytest.raises(artifacts.InvalidInputError, match=message):
        plot.confusion_matrix(**given)


# -- older spellings


def test_older_spellings():
    truth, scores = classified(40, 2)
    names = ["no", "yes"]
    new, old = plot.pr_curve(truth, scores, names), plots.precision_recall(truth, scores, names)
    assert old.spec == new.spec
    new, old = plot.roc_curve(truth, scores, names), artifacts.plots.ROC(truth, scores, names)
    assert old.spec == new.spec
    assert old.table == new.table
    heat = plots.HeatMap(["x", "y"], ["a"], [[1, 2]], show_text=True)
    assert [row for _, row in heat.table.iterrows()] == [["x", "a", 1], ["y", "a", 2]]


@pytest.mark.parametrize("name", ["ExplainText", "POS", "NER", "part_of_speech", "named_entity"])
def test_older_spellings_that_are_not_served_say_what_to_do(name):
    with pytest.raises(artifacts.Error, match="is not served") as error:
        getattr(plots, name)("a text")
    assert "artifacts.Html(" in (error.value.hint or "")
