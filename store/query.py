"""What to list: runs or versions of a place that pass a filter, in an order, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from artifacts.store.filters import EVERYTHING, Condition, Order

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """What to list.

    Attributes:
        order: What it says first; what is equal in that is sorted by age in the same direction.
        entity: Only what belongs to this owner.
        project: Only what is in this project.
        artifact: Of versions, only those of this artifact.
        types: Of versions, only those of artifacts of these types; None for any.
        other_types: Of versions, none of artifacts of these types.
    """

    order: Order
    condition: Condition = EVERYTHING
    entity: str | None = None
    project: str | None = None
    artifact: str | None = None
    types: frozenset[str] | None = None
    other_types: frozenset[str] = frozenset()


class Cursor(NamedTuple):
    """A place in a list, behind a row that may be gone.

    Attributes:
        rank: Of the row's value among values of other kinds.
        value: By which the row was sorted within that; None if it has no value.
        key: Of the row.
        now: The time that the first page saw, in microseconds since 1970.
    """

    rank: int
    value: Any
    key: int
    now: int


class Page(NamedTuple, Generic[T]):
    """A part of a list.

    Attributes:
        end: Where the next page begins; None if there is nothing behind this one.
    """

    items: list[T]
    end: Cursor | None
