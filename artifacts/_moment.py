"""Times as users write them: a moment, a day, or how long ago."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.store.retention import parse_duration

_HINT = "write for instance 2026-01-05, 2026-01-05T14:30 or 7d for seven days ago"


def parse_moment(value: datetime | date | timedelta | str, now: int) -> int:
    """Return a time in microseconds since 1970.

    Args:
        value: A time, which is in UTC unless it says otherwise; a day, which means its end; or
            how long ago that was. As text: ``2026-01-05T14:30``, ``2026-01-05``, ``7d``.
        now: Microseconds since 1970; a time that lies behind it becomes it.

    Raises:
        InvalidInputError: The text is none of these.
        InvalidTypeError: It is neither a text nor a time.
    """
    if isinstance(value, str):
        value = _parse(value.strip())
    if isinstance(value, timedelta):
        return now - value // timedelta(microseconds=1)
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        moment = datetime.combine(value, time.max, tzinfo=UTC)
    else:
        raise InvalidTypeError(f"not a time: {value!r}", hint=_HINT)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return min(since // timedelta(microseconds=1), now)


def _parse(text: str) -> datetime | date | timedelta:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    try:
        return timedelta(microseconds=parse_duration(text))
    except (InvalidInputError, OverflowError) as error:
        raise InvalidInputError(f"not a time: {text!r}", hint=_HINT, kind="bad_time") from error
