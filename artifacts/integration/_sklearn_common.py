"""What all functions for scikit-learn have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.integration._running import running
from artifacts.media._needs import need
from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from artifacts.charts.custom import CustomChart
    from artifacts.tables.table import Table


def library(module: str) -> ModuleType:
    """Import a module of scikit-learn.

    Raises:
        ConfigError: It is not installed.
    """
    return need(f"sklearn.{module}", "scikit-learn", extra="demo")


def log_chart(key: str, chart: CustomChart) -> None:
    """Log a chart with the active run.

    Raises:
        StateError: No run is active.
    """
    running(f"plot_{key}").log({key: chart})


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a table; of too many rows some, evenly chosen."""
    from artifacts.charts.curves import thinned
    from artifacts.tables.table import Table as New

    return New(columns=list(columns), data=[list(row) for row in thinned(rows, New.MAX_ROWS)])


def array(values: Any, name: str, *, dimensions: int | None = None) -> Any:
    """Return what was given as an array of NumPy, of which a list of a data frame is made, too.

    Args:
        name: Of the argument, for messages.
        dimensions: How many it has to have.

    Raises:
        InvalidInputError: It is missing, or its shape is another one.
    """
    numpy = need("numpy", "numpy", extra="media")
    if values is None:
        raise InvalidInputError(f"{name} is missing")
    found = numpy.asarray(values)
    if dimensions is not None and found.ndim != dimensions:
        raise InvalidInputError(
            f"{name} has {found.ndim} dimensions, and needs {dimensions}: its shape is "
            f"{found.shape}"
        )
    return found


def pair(first: Any, second: Any, names: tuple[str, str]) -> tuple[Any, Any]:
    """Return two arguments as arrays of one length.

    Raises:
        InvalidInputError: One is missing, empty, or longer than the other.
    """
    one, two = array(first, names[0]), array(second, names[1])
    if not one.shape or not two.shape or len(one) != len(two) or not len(one):
        raise InvalidInputError(
            f"{names[0]} and {names[1]} must be of one length: their shapes are {one.shape} and "
            f"{two.shape}"
        )
    return one, two


def check_model(model: Any, name: str, *methods: str) -> Any:
    """Return a model that has what is asked of it.

    Args:
        name: Of the argument, for messages.
        methods: What it must have.

    Raises:
        InvalidTypeError: It does not.
    """
    for method in methods:
        if not hasattr(model, method):
            raise InvalidTypeError(f"{name} has no {method}(): {type(model).__name__}")
    return model


def names_of(values: Any, labels: Sequence[Any] | None) -> list[str]:
    """Return the names of classes.

    Args:
        values: The classes, sorted.
        labels: Their names in this order; None if they are called what they are.

    Raises:
        InvalidInputError: There are too few names.
    """
    if labels is None:
        return [str(value) for value in values]
    if len(labels) < len(values):
        raise InvalidInputError(f"labels has {len(labels)} names for {len(values)} classes")
    return [str(label) for label in labels]
