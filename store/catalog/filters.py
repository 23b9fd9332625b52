"""Conditions of `store.filters` as SQL. Values become parameters, never text of a statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from artifacts.store.catalog.json_values import (
    BOOLEAN,
    NUMBER,
    OPERATORS,
    TEXT,
    json_value,
    matches,
)
from artifacts.store.digests import DIGEST_SIZE
from artifacts.store.errors import InvalidInputError
from artifacts.store.filters import All, AnyOf, Condition, Kind, Not, Order, Test

if TYPE_CHECKING:
    from collections.abc import Mapping

    Element = sa.ColumnElement[Any]
    Truth = sa.ColumnElement[bool]

_HAS_VALUE, _IS_NULL = 0, 9


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a set that is in a table of its own.

    Attributes:
        of: What holds for the rows of the members.
        member: The column that has them.
    """

    of: Truth
    member: Element


@dataclass(frozen=True, slots=True)
class SortKey:
    """One of the columns by which rows are sorted.

    Attributes:
        rank: Of its values among others; those with another rank have no value here.
    """

    rank: int
    value: Element


class Compiler:
    """Writes conditions on the rows of a query.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        columns: What the fields are, by their names.
    """

    def __init__(self, dialect: str, columns: Mapping[str, Element | Members]) -> None:
        self._dialect = dialect
        self._columns = columns

    def condition(self, condition: Condition) -> Truth:
        """Return a condition as SQL. It is false or NULL where the condition is false."""
        if isinstance(condition, All):
            return sa.and_(sa.true(), *map(self.condition, condition.parts))
        if isinstance(condition, AnyOf):
            return sa.or_(sa.false(), *map(self.condition, condition.parts))
        if isinstance(condition, Not):
            # The opposite of NULL is NULL, and here it shall be true.
            return sa.not_(sa.func.coalesce(self.condition(condition.part), sa.false()))
        return self._test(condition)

    def _test(self, test: Test) -> Truth:
        column = self._columns[test.field.name]
        if isinstance(column, Members):
            return self._set(column, test)
        if test.field.kind is Kind.SET:
            return self._set(self._members_of_list(column), test)
        if test.field.kind is Kind.JSON:
            return self._json(column, test)
        if test.field.kind is Kind.DIGEST:
            return self._digest(column, test)
        return self._plain(column, test)

    def _plain(self, column: Element, test: Test) -> Truth:
        value = test.value
        if test.operator == "exists":
            return column.is_not(None) if value else column.is_(None)
        if test.operator == "eq":
            return column.is_(None) if value is None else column == value
        if test.operator == "in":
            return column.in_(value)
        if test.operator == "regex":
            return matches(self._dialect, column, value)
        if test.operator == "contains":
            return self._has_part(column, value)
        compared = column
        if test.field.kind is Kind.TEXT and self._dialect == "postgresql":
            compared = sa.collate(column, "C")
        found: Truth = OPERATORS[test.operator](compared, value)
        return found

    def _has_part(self, text: Element, part: str) -> Truth:
        find = sa.func.strpos if self._dialect == "postgresql" else sa.func.instr
        return find(text, part) > 0

    def _json(self, column: Element, test: Test) -> Truth:
        value = json_value(self._dialect, column, test.path)
        found = self._json_test(column, test.path, test)
        if test.fallback is None:
            return found
        shorter = json_value(self._dialect, column, test.fallback)
        otherwise = self._json_test(column, test.fallback, test)
        is_here = sa.or_(value.exists(), sa.func.coalesce(shorter.is_dict(), sa.false()))
        return sa.case((is_here, found), else_=otherwise)

    def _json_test(self, column: Element, path: tuple[str, ...], test: Test) -> Truth:
        found = json_value(self._dialect, column, path)
        value = test.value
        if test.operator == "exists":
            return found.exists() if value else sa.not_(found.exists())
        if test.operator == "eq":
            return found.is_null() if value is None else found.is_among([value])
        if test.operator == "in":
            return found.is_among(value) if value else sa.false()
        if test.operator == "regex":
            return found.matches(value)
        if test.operator == "contains":
            return found.contains(value)
        return found.compare(test.operator, value)

    def _digest(self, column: Element, test: Test) -> Truth:
        if test.operator == "exists":
            return sa.true() if test.value else sa.false()
        if test.value is None:
            return sa.false()
        prefixes = [test.value] if test.operator == "eq" else test.value
        return sa.or_(sa.false(), *(column.between(*_range(prefix)) for prefix in prefixes))

    def _members_of_list(self, column: Element) -> Members:
        """Return the members of a set that is a list in JSON."""
        if self._dialect == "postgresql":
            texts = sa.func.jsonb_array_elements_text(column).table_valued("value")
        else:
            texts = sa.func.json_each(column).table_valued("value")
        return Members(sa.true(), sa.cast(texts.c.value, sa.Text()))

    def _set(self, members: Members, test: Test) -> Truth:
        """Return whether a member passes a test; an equal set is one that has the member."""
        some = sa.exists(
            sa.select(sa.literal(1)).where(members.of, *self._of_member(members, test))
        )
        negative = (test.operator == "exists" and not test.value) or (
            test.operator == "eq" and test.value is None
        )
        return sa.not_(some) if negative else some

    def _of_member(self, members: Members, test: Test) -> list[Truth]:
        if test.operator == "exists" or test.value is None:
            return [members.member.is_not(None)]
        if test.operator == "in":
            return [members.member.in_(test.value)]
        if test.operator == "regex":
            return [matches(self._dialect, members.member, test.value)]
        return [members.member == test.value]

    # -- order

    def order(self, order: Order) -> tuple[Element, list[SortKey]]:
        """Return the rank of rows, and by what rows of equal rank are sorted.

        Rows without a value have the highest rank.
        """
        column = self._columns[order.field.name]
        if isinstance(column, Members):
            raise InvalidInputError(f"{order.field.name} has no order", kind="bad_filter")
        if order.field.kind is Kind.JSON:
            found = json_value(self._dialect, column, order.path)
            keys = [
                SortKey(rank, value)
                for rank in (NUMBER, TEXT, BOOLEAN)
                if (value := found.by_rank(rank)) is not None
            ]
            return found.rank(), keys
        if order.field.kind is Kind.TEXT and self._dialect == "postgresql":
            column = sa.collate(column, "C")
        rank = sa.case((column.is_(None), _IS_NULL), else_=_HAS_VALUE)
        return rank, [SortKey(_HAS_VALUE, column)]


def _range(prefix: str) -> tuple[bytes, bytes]:
    digits = 2 * DIGEST_SIZE
    return bytes.fromhex(prefix.ljust(digits, "0")), bytes.fromhex(prefix.ljust(digits, "f"))
