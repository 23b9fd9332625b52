"""The numbers of precision-recall and ROC curves and of confusion matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.media._arrays import to_numpy
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]


_ROUNDING = 1e-12


class Scored(NamedTuple):
    """One class of a classifier.

    Attributes:
        label: What the class is called.
        hits: Of shape (samples,): whether a sample is of the class.
        scores: Of shape (samples,): how likely the classifier says that it is.
    """

    label: Any
    hits: Array
    scores: Array


def scored(
    y_true: Any, y_probas: Any, labels: Sequence[Any] | None, classes_to_plot: Any
) -> Iterator[Scored]:
    """Yield the classes of a classifier that are wanted, in order.

    Args:
        y_true: Of shape (samples,): the classes, as numbers or texts.
        y_probas: Of shape (samples, classes): scores or probabilities; or of shape (samples,) those
            of the higher one of two classes.
        labels: Names of the classes, in the order of the columns, if ``y_true`` has numbers.
        classes_to_plot: Those of ``y_true`` that are wanted; None for all.

    Raises:
        InvalidInputError: The shapes do not fit, a score is not finite, or a class is not there.
    """
    truth = vector(y_true, "y_true")
    scores = array(y_probas, "y_probas")
    import numpy as np

    if scores.ndim not in {1, 2} or len(scores) != len(truth):
        raise InvalidInputError(
            f"y_probas has the shape {scores.shape}; with {len(truth)} values of y_true it must be "
            f"({len(truth)}, classes)"
        )
    if scores.dtype.kind not in "biuf" or not np.isfinite(scores).all():
        raise InvalidInputError("y_probas has values that are no finite numbers")
    classes = np.unique(truth)
    if scores.ndim == 1:
        columns = _of_two(classes)
        scores = scores[:, None]
    else:
        columns = _columns(classes, scores.shape[1], labels)
    wanted = _wanted(classes, classes_to_plot)
    for class_, column in columns.items():
        if class_ in wanted:
            label = _label(class_, column, labels, scores.shape[1])
            yield Scored(label, truth == class_, scores[:, column].astype(np.float64))


def precision_recall(one: Scored, size: int) -> tuple[Array, Array]:
    """Return recalls and the precisions there, of shape (size,) both, by falling recall.

    The precision is the best one that has at least this recall.
    """
    import numpy as np

    hits, misses = _counted(one)
    precision = hits / (hits + misses)
    recall = hits / hits[-1]
    # From the highest recall down, and the point at which nothing is found and all of it is right.
    best = np.append(np.maximum.accumulate(precision[::-1]), 1.0)[::-1]
    recalls = np.linspace(0, 1, size)[::-1]
    # 0.15 of linspace is a little more than 3/20.
    return recalls, best[np.searchsorted(np.append(0.0, recall), recalls - _ROUNDING, side="left")]


def roc(one: Scored) -> tuple[Array, Array]:
    """Return rates of false and of true positives, from (0, 0) to (1, 1).

    Points between others on a straight line are left out.
    """
    import numpy as np

    hits, misses = (np.append(0, counts) for counts in _counted(one))
    bends = (np.diff(hits, 2) != 0) | (np.diff(misses, 2) != 0)
    kept = np.concatenate([[True], bends, [True]])
    return misses[kept] / misses[-1], hits[kept] / hits[-1]


def thinned(points: Sequence[Any], most: int) -> Sequence[Any]:
    """Return at most so many of some points, evenly chosen, the first and the last among them."""
    last = len(points) - 1
    if last < most:
        return points
    return [points[number * last // max(most - 1, 1)] for number in range(most)]


def confusion(actual: Sequence[int], predicted: Sequence[int], size: int) -> list[list[int]]:
    """Return how often each class, by row, was taken for each, by column."""
    counts = [[0] * size for _ in range(size)]
    for row, column in zip(actual, predicted, strict=True):
        counts[row][column] += 1
    return counts


def vector(value: Any, name: str) -> Array:
    """Return an argument that holds classes as an array of one dimension.

    Raises:
        InvalidInputError: It is missing, empty, or of another shape.
    """
    found = array(value, name)
    if found.ndim == 2 and found.shape[1] == 1:  # noqa: PLR2004 - a column of a matrix
        found = found[:, 0]
    if found.ndim != 1 or not found.size:
        raise InvalidInputError(
            f"{name} must have one dimension and values, not the shape {found.shape}"
        )
    if found.dtype.kind == "f":  # classes are often kept as floats
        if (found != found.round()).any():
            raise InvalidInputError(f"{name} must hold classes, not numbers with a fraction or NaN")
        found = found.astype(int)
    return found


def array(value: Any, name: str) -> Array:
    """Return an argument as an array of numbers or of texts.

    Raises:
        InvalidInputError: It is missing, or has something else in it.
    """
    if value is None:
        raise InvalidInputError(f"{name} is missing")
    found = to_numpy(value, name)
    if found.dtype == object:  # a column of pandas, for one
        import numpy as np

        plain = found.tolist()
        kinds = {type(each) for each in plain}
        if kinds <= {str} or kinds <= {bool, int, float}:
            found = np.asarray(plain)
    if found.dtype.kind not in "biufU":
        raise InvalidTypeError(f"{name} must hold numbers or texts, not {found.dtype}")
    return found


def _counted(one: Scored) -> tuple[Array, Array]:
    """Return how many hits and misses are above each threshold, by falling threshold."""
    import numpy as np

    order = np.argsort(-one.scores, kind="stable")
    scores = one.scores[order]
    # Samples of one score are on one side of every threshold.
    ends = np.append(np.nonzero(np.diff(scores))[0], len(scores) - 1)
    hits = np.cumsum(one.hits[order])[ends]
    return hits, ends + 1 - hits


def _of_two(classes: Array) -> dict[Any, int]:
    if len(classes) > 2:  # noqa: PLR2004 - what the scores of one column can tell apart
        raise InvalidInputError(
            f"y_probas has one score for each sample, and y_true has {len(classes)} classes",
            hint="give the scores of all classes, of shape (samples, classes)",
        )
    return {classes.tolist()[-1]: 0}


def _columns(classes: Array, count: int, labels: Sequence[Any] | None) -> dict[Any, int]:
    """Return which column of the scores belongs to each class."""
    plain = classes.tolist()
    if classes.dtype.kind in "biu" and plain[0] >= 0 and plain[-1] < count:
        return {class_: int(class_) for class_ in plain}
    if len(plain) == count:
        return {class_: column for column, class_ in enumerate(plain)}
    named = list(labels or ())
    if len(named) == count and set(plain) <= set(named):
        return {class_: named.index(class_) for class_ in plain}
    raise InvalidInputError(
        f"y_probas has {count} columns, and y_true {len(plain)} classes",
        hint="give the scores of all classes; classes that y_true lacks are named by labels",
    )


def _wanted(classes: Array, classes_to_plot: Any) -> set[Any]:
    known = set(classes.tolist())
    if classes_to_plot is None:
        return known
    wanted = set(vector(classes_to_plot, "classes_to_plot").tolist())
    if not wanted <= known:
        lacking = ", ".join(sorted(map(repr, wanted - known)))
        raise InvalidInputError(
            f"classes_to_plot has {lacking}, which y_true has not",
            hint=f"it has: {', '.join(map(str, classes.tolist()))}",
        )
    return wanted


def _label(class_: Any, column: int, labels: Sequence[Any] | None, count: int) -> str:
    """Return the name of a class; numbers are named by ``labels``."""
    if labels is None or isinstance(class_, str):
        return str(class_)
    number = column if count > 1 else int(class_)
    if not 0 <= number < len(labels):
        raise InvalidInputError(
            f"labels has {len(labels)} names, and there is a class {class_}",
            hint="labels names all classes, in the order of the columns of y_probas",
        )
    return str(labels[number])
