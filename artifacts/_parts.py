"""Public classes that are written in parts, one class to those who use them."""

from __future__ import annotations

import inspect
from typing import TypeVar

T = TypeVar("T")


def in_parts(class_: type[T]) -> type[T]:
    """Give a class the public members of its bases as its own.

    Help, error messages and the reference then say ``Artifact.download`` and do not mention the
    parts. The members of a base come before those of a class derived from it. A base may have
    several classes, but then no public methods, because a method has one name in error messages.
    """
    members: dict[str, object] = {}
    for part in reversed(class_.__mro__[:-1]):
        members.update((k, v) for k, v in vars(part).items() if not k.startswith("_"))
    for name, member in members.items():
        if name in vars(class_):
            delattr(class_, name)  # the order of setting is that of the reference
        setattr(class_, name, member)
        if inspect.isfunction(member):
            for function in (member, inspect.unwrap(member)):
                function.__qualname__ = f"{class_.__qualname__}.{name}"
    return class_
