from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from artifacts._moment import parse_moment
from artifacts.store.errors import InvalidInputError, InvalidTypeError

NOW = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000


def moment(year, month, day, hour=0, minute=0, second=0):
    time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return int(time.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-05T14:30", moment(2026, 1, 5, 14, 30)),
        ("2026-01-05 14:30:15", moment(2026, 1, 5, 14, 30, 15)),
        ("2026-01-05T14:30+02:00", moment(2026, 1, 5, 12, 30)),
        (datetime(2026, 1, 5, 14, 30), moment(2026, 1, 5, 14, 30)),  # noqa: DTZ001 - on purpose
        (
            datetime(2026, 1, 5, 14, 30, tzinfo=timezone(timedelta(hours=2))),
            moment(2026, 1, 5, 12, 30),
        ),
        ("7d", NOW - 7 * 86_400_000_000),
        (" 1d12h ", NOW - 36 * 3_600_000_000),
        (timedelta(hours=1), NOW - 3_600_000_000),
    ],
)
def test_moments(value, expected):
    assert parse_moment(value, NOW) == expected


@pytest.mark.parametrize("day", ["2026-01-05", date(2026, 1, 5)])
def test_a_day_means_its_end(day):
    assert parse_moment(day, NOW) == moment(2026, 1, 6) - 1


def test_the_future_is_now():
    assert parse_moment("2030-01-01", NOW) == NOW


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "7 days", "9" * 30 + "y"])
def test_no_time(text):
    with pytest.raises(InvalidInputError, match="not a time") as caught:
        parse_moment(text, NOW)
    assert "2026-01-05" in str(caught.value.hint)


def test_something_else():
    with pytest.raises(InvalidTypeError, match="not a time: 7"):
        parse_moment(7, NOW)  # type: ignore[arg-type] # what is tested
