"""Charts of classifiers: precision and recall, ROC, confusion matrices."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from artifacts.charts import curves
from artifacts.charts.columns import chart_of
from artifacts.charts.custom import CustomChart, plot_table
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

log = logging.getLogger("artifacts")


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    interp_size: int = 21,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return the precision of a classifier at each recall, one curve for each class.

    The precision at a recall is the best that can be had with at least this recall.

    Args:
        y_true: Of shape (samples,): the true classes, as numbers or texts.
        y_probas: Of shape (samples, classes): probabilities or other scores. The column of a class
            is its number if it is one, else its place among the sorted classes. Of shape
            (samples,) for the higher one of two classes only.
        labels: Names of the classes in the order of the columns, for classes that are numbers.
        classes_to_plot: Those values of ``y_true`` that are drawn. Default: all.
        interp_size: How many recalls, from 0 to 1; at least 2.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidInputError: An argument is missing or its shape does not fit, or a class is not in
            ``y_true``.
        ConfigError: NumPy is not installed.
    """
    if isinstance(interp_size, bool) or not isinstance(interp_size, int) or interp_size < 2:  # noqa: PLR2004 - both ends
        raise InvalidInputError(
            f"interp_size must be an integer of at least 2, not {interp_size!r}"
        )
    found = []
    for one in curves.scored(y_true, y_probas, labels, classes_to_plot):
        recall, precision = curves.precision_recall(one, interp_size)
        found.append((one.label, recall.tolist(), precision.tolist()))
    return _curves(
        ("class", "precision", "recall"),
        [
            [[label, up, across] for across, up in zip(recall, precision, strict=True)]
            for label, recall, precision in found
        ],
        {"x": "recall", "y": "precision", "class": "class"},
        {
            "title": title or "Precision-Recall Curve",
            "x-axis-title": "Recall",
            "y-axis-title": "Precision",
        },
        split_table=split_table,
    )


def roc_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Iterable[Any] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return the rates of true and false positives of a classifier, one curve for each class.

    Args:
        y_true: Of shape (samples,): the true classes, as numbers or texts.
        y_probas: As for `pr_curve`.
        labels: As for `pr_curve`.
        classes_to_plot: As for `pr_curve`.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidInputError: An argument is missing or its shape does not fit, a class is not in
            ``y_true``, or ``y_true`` has one class only.
        ConfigError: NumPy is not installed.
    """
    found = []
    for one in curves.scored(y_true, y_probas, labels, classes_to_plot):
        if one.hits.all():
            raise InvalidInputError(
                f"y_true has no class but {one.label}, and a ROC curve needs another one to "
                "compare with"
            )
        across, up = curves.roc(one)
        pairs = zip(across.tolist(), up.tolist(), strict=True)
        found.append([[one.label, *pair] for pair in pairs])
    return _curves(
        ("class", "fpr", "tpr"),
        found,
        {"x": "fpr", "y": "tpr", "class": "class"},
        {
            "title": title or "ROC Curve",
            "x-axis-title": "False positive rate",
            "y-axis-title": "True positive rate",
        },
        split_table=split_table,
    )


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return how often each class was taken for each.

    Args:
        probs: Of shape (samples, classes): scores, of which the highest one is the prediction.
        y_true: Of shape (samples,): the true classes.
        preds: Of shape (samples,): the predicted classes, instead of ``probs``.
        class_names: Names of the classes, of which ``y_true`` and ``preds`` hold the numbers from 0
            on, or the names. Default: what is found, called ``Class_1`` and so on if it is numbers.
        title: What the chart is called.
        split_table: Whether the key of the table begins with ``Custom Chart Tables/``.

    Raises:
        InvalidInputError: An argument is missing or its shape does not fit, or a class has no name.
        ConfigError: NumPy is not installed.
    """
    from artifacts.tables.table import Table

    if (probs is None) == (preds is None):
        raise InvalidInputError("give probs or preds, and not both")
    actual = curves.vector(y_true, "y_true").tolist()
    predicted = curves.vector(preds, "preds").tolist() if probs is None else _best(probs)
    if len(actual) != len(predicted):
        what = "preds" if probs is None else "probs"
        raise InvalidInputError(f"y_true has {len(actual)} values, and {what} {len(predicted)}")
    names, places = _classes(actual, predicted, class_names)
    counts = curves.confusion(
        [places[each] for each in actual], [places[each] for each in predicted], len(names)
    )
    data = [
        [names[row], names[column], count]
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
    ]
    table = Table(columns=["Actual", "Predicted", "nPredictions"], data=data)
    fields = {"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"}
    return chart_of("confusion_matrix/v1", table, fields, title, split_table)


def _curves(
    columns: Sequence[str],
    found: Sequence[Sequence[list[Any]]],
    fields: Mapping[str, str],
    texts: Mapping[str, str],
    *,
    split_table: bool,
) -> CustomChart:
    """Return the chart of curves, of which a table holds some points only if there are too many."""
    from artifacts.tables.table import Table

    total = sum(map(len, found))
    if total > Table.MAX_ROWS:
        log.warning(
            "%s has %s points; %s of them, evenly chosen, are kept",
            texts["title"],
            f"{total:,}",
            f"{Table.MAX_ROWS:,}",
        )
        most = max(Table.MAX_ROWS // len(found), 2)
        found = [curves.thinned(points, most) for points in found]
    table = Table(columns=list(columns), data=[point for points in found for point in points])
    return plot_table("artifacts/area-under-curve/v0", table, fields, texts, split_table)


def _best(probs: Any) -> list[int]:
    scores = curves.array(probs, "probs")
    if scores.ndim != 2 or not scores.shape[1] or scores.dtype.kind not in "biuf":  # noqa: PLR2004 - a matrix
        raise InvalidInputError(
            f"probs must hold numbers of the shape (samples, classes), not {scores.shape}",
            hint="give predicted classes as preds=",
        )
    best: list[int] = scores.argmax(axis=1).tolist()
    return best


def _classes(
    actual: Sequence[Any], predicted: Sequence[Any], class_names: Sequence[str] | None
) -> tuple[list[str], dict[Any, int]]:
    """Return the names of classes, and the place of each value among them."""
    values = {*actual, *predicted}
    kinds = {isinstance(value, str) for value in values}
    if len(kinds) > 1:
        raise InvalidInputError("y_true and the predictions must both hold numbers, or both texts")
    texts = kinds == {True}
    if class_names is None:
        order = sorted(values)
        names = order if texts else [f"Class_{number}" for number in range(1, len(order) + 1)]
        return list(names), {value: number for number, value in enumerate(order)}
    names = [str(name) for name in class_names]
    places: dict[Any, int] = {name: number for number, name in enumerate(names)}
    if not texts:
        places = {number: number for number in range(len(names))}
    unknown = sorted(values - places.keys())
    if unknown:
        raise InvalidInputError(
            f"class_names has {len(names)} names and none for {unknown[0]!r}",
            hint="it names all classes, of which y_true and preds hold the numbers from 0 on",
        )
    return names, places
