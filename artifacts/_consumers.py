"""Consumers: what works with a version outside of runs, such as a deployment or a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidTypeError
from artifacts.store.records import to_datetime
from artifacts.store.refs import check_project

if TYPE_CHECKING:
    from datetime import datetime

    from artifacts.store.records import ConsumerRecord

DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class Consumer:
    """What works with a version outside of runs.

    Attributes:
        kind: Such as ``deployment`` or ``report``.
        name: Such as ``api-prod``. One owner has one of a name at a time.
        version: ``entity/project/name:vN``.
        since: Since when it works with that version, in UTC.
        by: Who said so: ``user@host``.
        until: When that ended, None while it goes on.
        ended_by: Who ended it.
    """

    kind: str
    name: str
    version: str
    since: datetime
    by: str | None
    until: datetime | None = None
    ended_by: str | None = None

    @classmethod
    def _from_record(cls, record: ConsumerRecord) -> Consumer:
        return cls(
            record.kind,
            record.name,
            f"{record.version.entity}/{record.version.ref}",
            to_datetime(record.since),
            record.by,
            None if record.until is None else to_datetime(record.until),
            record.ended_by,
        )


def check_word(value: str, what: str) -> str:
    """Return the name or the kind of a consumer.

    Raises:
        InvalidInputError: It cannot be one: the rules are those for the names of projects.
        InvalidTypeError: It is no text.
    """
    if not isinstance(value, str):
        raise InvalidTypeError(f"{what} must be text, not {value.__class__.__name__}")
    return check_project(value, what=what)
