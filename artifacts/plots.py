"""Older spellings of what `artifacts.plot` has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from artifacts import plot
from artifacts.store.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from artifacts.charts.custom import CustomChart

__all__ = [
    "NER",
    "POS",
    "ROC",
    "ExplainText",
    "HeatMap",
    "explain_text",
    "heatmap",
    "named_entity",
    "part_of_speech",
    "precision_recall",
    "roc",
]


def precision_recall(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,  # noqa: ARG001 - for compatibility
    classes_to_plot: Iterable[Any] | None = None,
) -> CustomChart:
    """Older name of `artifacts.plot.pr_curve`.

    Args:
        y_true: As there.
        y_probas: As there.
        labels: As there.
        plot_micro: Accepted for compatibility, without effect.
        classes_to_plot: As there.
    """
    return plot.pr_curve(y_true, y_probas, labels, classes_to_plot)


def roc(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    plot_micro: bool = True,  # noqa: ARG001 - for compatibility
    plot_macro: bool = True,  # noqa: ARG001 - for compatibility
    classes_to_plot: Iterable[Any] | None = None,
) -> CustomChart:
    """Older name of `artifacts.plot.roc_curve`.

    Args:
        y_true: As there.
        y_probas: As there.
        labels: As there.
        plot_micro: Accepted for compatibility, without effect.
        plot_macro: Likewise.
        classes_to_plot: As there.
    """
    return plot.roc_curve(y_true, y_probas, labels, classes_to_plot)


def heatmap(
    x_labels: Iterable[Any],
    y_labels: Iterable[Any],
    matrix_values: Any,
    show_text: bool = False,
) -> CustomChart:
    """Older name of `artifacts.plot.heatmap`.

    Args:
        x_labels: As there.
        y_labels: As there.
        matrix_values: As there.
        show_text: As there.
    """
    return plot.heatmap(x_labels, y_labels, matrix_values, show_text)


def _unserved(name: str, page: str) -> Callable[..., NoReturn]:
    """Return a function that says what to do instead: another library draws the page."""

    def unserved(*args: Any, **options: Any) -> NoReturn:  # noqa: ARG001 - whatever it is given
        raise UnsupportedError(
            f"plots.{name} is not served", hint=f"log the page itself: artifacts.Html({page})"
        )

    unserved.__name__ = unserved.__qualname__ = name
    return unserved


explain_text = _unserved("explain_text", "eli5.show_prediction(...).data")
part_of_speech = _unserved("part_of_speech", 'spacy.displacy.render(nlp(text), style="dep")')
named_entity = _unserved("named_entity", 'spacy.displacy.render(nlp(text), style="ent")')

ROC, HeatMap, ExplainText = roc, heatmap, explain_text
POS, NER = part_of_speech, named_entity
