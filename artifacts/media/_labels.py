"""Names of classes, by their ids: what boxes and masks refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from artifacts.media._numbers import whole_number
from artifacts.store.errors import InvalidTypeError


def check_labels(labels: Any, argument: str) -> dict[int, str]:
    """Return the names of classes by their ids.

    Args:
        argument: Its name in messages.

    Raises:
        InvalidTypeError: They are not texts by whole numbers.
    """
    if not isinstance(labels, Mapping):
        raise InvalidTypeError(
            f"{argument} must be a dict of names by class ids, not {type(labels).__name__}"
        )
    found = {}
    for key, name in labels.items():
        if not isinstance(name, str):
            raise InvalidTypeError(f"{argument} must hold names, not {type(name).__name__}")
        found[whole_number(key, f"an id in {argument}")] = name
    return found


def default_labels(ids: Iterable[int]) -> dict[int, str]:
    """Return names for classes that have none."""
    return {number: f"class_{number}" for number in sorted(set(ids))}


def to_json(labels: Mapping[int, str]) -> dict[str, str]:
    """Return labels as JSON has them, whose keys are texts."""
    return {str(number): name for number, name in labels.items()}


def from_json(labels: Mapping[str, str]) -> dict[int, str]:
    """Return what `to_json` was given."""
    return {int(number): name for number, name in labels.items()}
