"""What users may attach to artifacts, runs and summaries: a JSON object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from artifacts.store.errors import InvalidInputError, InvalidTypeError

MAX_KEYS = 100

PRIVATE = "_artifacts"
"""Key of a run's configuration under which is what nobody has set."""

CHARTS = "charts"
"""Key within that of the definitions of the run's charts."""


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a deep copy of ``metadata`` made of plain JSON values.

    Numpy scalars become Python numbers, tuples become lists, NaN becomes None. Within, whole
    numbers as keys become text.

    Raises:
        InvalidInputError: More than 100 keys at the top, or an infinite number.
        InvalidTypeError: Not a mapping with text keys, or a value that JSON cannot hold.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidTypeError(f"metadata must be a dict, not {metadata.__class__.__name__}")
    if len(metadata) > MAX_KEYS:
        raise InvalidInputError(
            f"metadata has {len(metadata)} keys; at most {MAX_KEYS} are allowed",
            hint="put what belongs together into a dict, or a file into the artifact",
        )
    return {_key(key): to_json(value, f"metadata {key!r}") for key, value in metadata.items()}


def without_private(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's configuration as its users have set it."""
    return {key: value for key, value in config.items() if key != PRIVATE}


def to_json(value: Any, where: str = "value", *, lenient: bool = False) -> Any:
    """Return ``value`` as plain JSON.

    Args:
        where: Name of the value in error messages.
        lenient: Turn what JSON cannot hold into text instead of refusing it.

    Raises:
        InvalidInputError: An infinite number.
        InvalidTypeError: A value that JSON cannot hold.
    """
    if value is None or isinstance(value, bool):
        return value
    # Subclasses too, such as members of an enum and numpy's numbers.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(float(value), where, lenient=lenient)
    if isinstance(value, Mapping):
        found = {
            str(key) if lenient else _inner_key(key): to_json(
                item, f"{where}.{key}", lenient=lenient
            )
            for key, item in value.items()
        }
        if len(found) < len(value) and not lenient:
            raise InvalidInputError(f"{where} has two keys that are the same as text")
        return found
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item, f"{where}[{i}]", lenient=lenient) for i, item in enumerate(value)]
    _refuse_media(value, where)
    if hasattr(value, "tolist"):  # numpy, torch and the like
        return to_json(value.tolist(), where, lenient=lenient)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if lenient:
        return str(value)
    raise InvalidTypeError(
        f"{where} is a {type(value).__name__}, which cannot be stored as JSON",
        hint="convert it to numbers, text, lists or dicts",
    )


def _refuse_media(value: Any, where: str) -> None:
    from artifacts.media.base import Media

    if isinstance(value, Media):
        raise InvalidTypeError(
            f"{where} is media of type {type(value).__name__}, which can only be logged",
            hint="log it with run.log(), or add it to an artifact with Artifact.add()",
            kind="misplaced_media",
        )


def _number(value: float, where: str, *, lenient: bool) -> float | str | None:
    if math.isfinite(value):
        return value
    if lenient:
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if math.isnan(value):
        return None
    raise InvalidInputError(
        f"{where} is infinite, which JSON cannot hold", hint="store it as text, or leave it out"
    )


def _inner_key(key: Any) -> str:
    """Return a key of a dict within: numbers as text, as JSON has them."""
    return str(int(key)) if isinstance(key, int) and not isinstance(key, bool) else _key(key)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidTypeError(f"keys must be text, not {type(key).__name__}: {key!r}")
    return key
