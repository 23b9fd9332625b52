"""Classes that have every method and attribute of another one, and do nothing.

What such a method returns follows from what the real one is declared to return, so that one that
is added later is silent, too.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Maker = Callable[[Any], Any]

T = TypeVar("T")


class Dummy:
    """Takes everything: calls, attributes, items and blocks; all of it leads to itself.

    It is false, empty, and nothing to iterate over.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by libraries, which go on without
            raise AttributeError(name)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        pass

    def __call__(self, *args: Any, **options: Any) -> Self:
        return self

    def __getitem__(self, key: Any) -> Self:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __delitem__(self, key: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "<Dummy>"


_PLAIN: dict[str, Maker] = {
    "None": lambda _: None,
    "bool": lambda _: False,
    "str": lambda _: "",
    "int": lambda _: 0,
    "float": lambda _: 0.0,
    "Self": lambda me: me,
}
_EMPTY: dict[str, Maker] = {
    "list": lambda _: [],
    "Sequence": lambda _: [],
    "dict": lambda _: {},
    "tuple": lambda _: (),
    "Iterator": lambda _: iter(()),
}


def silent(*kept: str, makers: Mapping[str, Maker] | None = None) -> Callable[[type[T]], type[T]]:
    """Make a class silent: give it a member that does nothing for each public one of its base.

    Args:
        kept: Members of the base that stay as they are, beside those that the class has itself.
        makers: For more types, by name, what returns a value that stands for one.
    """
    known = {**_PLAIN, **(makers or {})}

    def decorate(class_: type[T]) -> type[T]:
        [base] = class_.__bases__
        for name, member in vars(base).items():
            if name.startswith("_") or name in kept or name in vars(class_):
                continue
            if isinstance(member, property):
                assert member.fget is not None
                ignore = None if member.fset is None else lambda _self, _value: None
                setattr(class_, name, property(_doing_nothing(member.fget, known), ignore))
            elif inspect.isfunction(member):
                setattr(class_, name, _doing_nothing(member, known))
        return class_

    return decorate


def _doing_nothing(function: Callable[..., Any], known: Mapping[str, Maker]) -> Callable[..., Any]:
    make = _maker(str(inspect.unwrap(function).__annotations__.get("return")), known)

    @functools.wraps(function)
    def nothing(self: Any, *_args: Any, **_options: Any) -> Any:
        return make(self)

    return nothing


def _maker(declared: str, known: Mapping[str, Maker]) -> Maker:
    choices = [choice.strip() for choice in declared.split(" | ")]
    if "None" in choices:
        return known["None"]
    outer = choices[0].partition("[")[0]
    return known.get(choices[0]) or _EMPTY.get(outer) or (lambda _: Dummy())
