"""What users may attach to artifacts, runs and summaries: a JSON object."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEYS = 100


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a deep copy of ``metadata`` made of plain JSON values.

    Numpy scalars become Python numbers, tuples become lists, NaN becomes None.

    Raises:
        InvalidInputError: More than 100 keys at the top, or an infinite number.
        InvalidTypeError: Not a mapping with text keys, or a value that JSON cannot hold.
    """
    if metadata is None:
        return {}
    if not hasattr(metadata, "keys"):
        raise InvalidTypeError(f"metadata must be a dict, not {type(metadata).__name__}")
    if len(metadata) > MAX_KEYS:
        raise InvalidInputError(
            f"metadata has {len(metadata)} keys; at most {MAX_KEYS} are allowed"
        )
    return {_key(key): to_json(metadata[key], str(key)) for key in metadata}


def to_json(value: Any, where: str = "value") -> Any:
    """Return ``value`` as plain JSON.

    Args:
        where: Name of the value in error messages.

    Raises:
        InvalidInputError: An infinite number.
        InvalidTypeError: A value that JSON cannot hold.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise InvalidInputError(f"{where} is infinite, which JSON cannot hold")
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {_key(key): to_json(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if hasattr(value, "tolist"):  # numpy, torch and the like
        return to_json(value.tolist(), where)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise InvalidTypeError(
        f"{where} is a {type(value).__name__}, which cannot be stored as JSON",
        hint="convert it to numbers, text, lists or dicts",
    )


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidTypeError(f"keys must be text, not {type(key).__name__}: {key!r}")
    return key
