"""`Results`: a list that is read from the store as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from artifacts.store.query import Cursor, Page

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Source(Generic[R]):
    """Where the records of a list come from.

    Attributes:
        count: Returns how many there are.
        find: Returns some of them: at most ``limit``, behind a place, or after leaving out
            ``offset`` of them.
    """

    count: Callable[[], int]
    find: Callable[..., Page[R]]


class Results(Sequence[T]):
    """Runs or versions that a query has found, read page by page.

    It behaves like a list that does not change: what was read is kept. ``len`` counts in the
    store without reading anything; an index or a slice beyond what was read asks for just that.
    An iteration sees each item once, however many are added meanwhile.

    Args:
        source: Where the records come from.
        make: Makes an item of a record.
        per_page: How many to read at a time.
        what: What they are, for people.
    """

    def __init__(
        self, source: Source[Any], make: Callable[[Any], T], *, per_page: int, what: str
    ) -> None:
        if isinstance(per_page, bool) or not isinstance(per_page, int) or per_page < 1:
            raise InvalidInputError(f"per_page must be a number from 1 on, not {per_page!r}")
        self._source = source
        self._make = make
        self._per_page = per_page
        self._what = what
        self._read: list[T] = []
        self._end: Cursor | None = None
        self._is_complete = False
        self._count: int | None = None

    def __iter__(self) -> Iterator[T]:
        place = 0
        while True:
            while place < len(self._read):
                yield self._read[place]
                place += 1
            if self._is_complete:
                return
            self._read_on()

    def __len__(self) -> int:
        if self._is_complete:
            return len(self._read)
        if self._count is None:
            self._count = self._source.count()
        return self._count

    def __bool__(self) -> bool:
        if not self._read and not self._is_complete:
            self._read_on()
        return bool(self._read)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return self._slice(index)
        if self._is_complete or 0 <= index < len(self._read):
            return self._read[index]
        place = index if index >= 0 else index + len(self)
        found = self._at(place, 1) if place >= 0 else []
        if not found:
            raise IndexError(f"there are {len(self)} {self._what}, and none of number {index}")
        return found[0]

    def __reversed__(self) -> Iterator[T]:
        return reversed(list(self))

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Return the place of an item.

        Args:
            value: The item.
            start: The first place where it may be.
            stop: The first place where it may not be any more.

        Raises:
            ValueError: It is not there.
        """
        items = list(self)
        return items.index(value, start, len(items) if stop is None else stop)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | Results):
            return NotImplemented
        return list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # it equals lists

    def __repr__(self) -> str:
        return f"<Results of {len(self)} {self._what}>"

    def _slice(self, wanted: slice) -> list[T]:
        places = range(*wanted.indices(len(self)))
        if not places:
            return []
        low, high = min(places[0], places[-1]), max(places[0], places[-1]) + 1
        if self._is_complete or high <= len(self._read):
            found = self._read[low:high]
        elif low <= len(self._read):
            while len(self._read) < high and not self._is_complete:
                self._read_on(high - len(self._read))
            found = self._read[low:high]
        else:
            found = self._at(low, high - low)
        step = places.step
        return found[::step] if step > 0 else found[::-1][::-step]

    def _read_on(self, count: int = 0) -> None:
        """Read the next page."""
        limit = max(self._per_page, count)
        page = self._source.find(limit=limit, after=self._end)
        self._read += map(self._make, page.items)
        self._end = page.end
        self._is_complete = page.end is None

    def _at(self, place: int, count: int) -> list[T]:
        """Return items that were not read, without keeping them."""
        return [*map(self._make, self._source.find(limit=count, offset=place).items)]
