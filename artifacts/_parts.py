"""Public classes that are written in parts, one class to those who use them."""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import TypeVar

T = TypeVar("T")


def in_parts(class_: type[T]) -> type[T]:
    """Give a class the public members of its bases as its own.

    Help, error messages and the reference then say ``Artifact.download`` and do not mention the
    parts. The members of a base come before those of a class derived from it. Several classes may
    have one base: each gets methods of its own, because a method has one name in error messages.
    """
    members: dict[str, object] = {}
    for part in reversed(class_.__mro__[:-1]):
        for name, member in vars(part).items():
            if not name.startswith("_"):
                members[name] = member if part is class_ else _shared(member)
    for name, member in members.items():
        if name in vars(class_):
            delattr(class_, name)  # the order of setting is that of the reference
        setattr(class_, name, member)
        plain = member.__func__ if isinstance(member, staticmethod) else member
        if inspect.isfunction(plain):
            for function in (plain, inspect.unwrap(plain)):
                function.__qualname__ = f"{class_.__qualname__}.{name}"
    return class_


def _shared(member: object) -> object:
    """Return what is the same as a member, and can be renamed if it is a function."""
    if isinstance(member, staticmethod) and isinstance(member.__func__, FunctionType):
        return staticmethod(_copied(member.__func__))
    return _copied(member) if isinstance(member, FunctionType) else member


def _copied(function: FunctionType) -> FunctionType:
    """Return a function that does the same, and can be renamed."""
    if hasattr(function, "__wrapped__"):  # made by a decorator: its calls name what it wraps
        return function
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    functools.update_wrapper(copy, function)
    del vars(copy)["__wrapped__"]
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
