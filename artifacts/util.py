"""Small functions that scripts which were written for W&B call as ``wandb.util``."""

from __future__ import annotations

import importlib
import json
import os
import re
import secrets
import string
from typing import TYPE_CHECKING, Any

from artifacts._metadata import to_json
from artifacts.store.errors import InvalidInputError
from artifacts.store.refs import MAX_NAME

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "generate_id",
    "get_module",
    "is_matplotlib_typename",
    "is_numpy_array",
    "is_pandas_data_frame",
    "json_dumps_safer",
    "make_artifact_name_safe",
    "mkdir_exists_ok",
]

_ALPHABET = string.digits + string.ascii_lowercase
_UNSAFE = re.compile(r"[^a-zA-Z0-9_\-.]")


def generate_id(length: int = 8) -> str:
    """Return a random id, such as those of runs.

    Args:
        length: How many digits and lower-case letters, at least 1.

    Raises:
        InvalidInputError: ``length`` is less than 1.
    """
    if length < 1:
        raise InvalidInputError(f"length must be at least 1, not {length}")
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def make_artifact_name_safe(name: str) -> str:
    """Return a name with ``_`` for what cannot be in the name of an artifact.

    A name that is too long loses its middle.

    Args:
        name: Any text.
    """
    safe = _UNSAFE.sub("_", name)
    if len(safe) <= MAX_NAME:
        return safe
    half = (MAX_NAME - 2) // 2
    return f"{safe[:half]}..{safe[len(safe) - half :]}"


def json_dumps_safer(obj: Any, **options: Any) -> str:
    """Return JSON; what it cannot hold becomes what it would in a run's configuration.

    Args:
        obj: Any value.
        options: For `json.dumps`.
    """
    return json.dumps(to_json(obj, "value", lenient=True), **options)


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> Any:  # noqa: ARG001
    """Return a module, None if it is not installed.

    Args:
        name: Its full name.
        required: What the error says if it must be there; None if it need not.
        lazy: Accepted for compatibility, without effect.

    Raises:
        ImportError: It is required, and not installed.
    """
    module: ModuleType | None
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if required:
            raise ImportError(required if isinstance(required, str) else str(error)) from error
        return None
    return module


def mkdir_exists_ok(dir_name: str | os.PathLike[str]) -> None:
    """Make a folder, and those above it, unless it is there.

    Args:
        dir_name: Its path.
    """
    os.makedirs(dir_name, exist_ok=True)


def is_numpy_array(obj: Any) -> bool:
    """Whether something is an array of NumPy.

    Args:
        obj: Anything.
    """
    return any(_is_named(base, "numpy", "ndarray") for base in type(obj).__mro__)


def is_pandas_data_frame(obj: Any) -> bool:
    """Whether something is a DataFrame of pandas.

    Args:
        obj: Anything.
    """
    return any(_is_named(base, "pandas", "DataFrame") for base in type(obj).__mro__)


def is_matplotlib_typename(typename: str) -> bool:
    """Whether this is the full name of a type of Matplotlib.

    Args:
        typename: Such as ``matplotlib.figure.Figure``.
    """
    return typename.startswith("matplotlib.")


def _is_named(class_: type, package: str, name: str) -> bool:
    return class_.__name__ == name and class_.__module__.partition(".")[0] == package
