from dataclasses import replace

import pytest

from artifacts.store.digests import hash_bytes
from artifacts.store.errors import FormatError, InvalidInputError
from artifacts.store.records import VersionRecord
from artifacts.store.retention import Best, Policy, format_duration, judge, parse_duration

DAY = 86_400 * 1_000_000
NOW = 1000 * DAY


def version(number, *, age=0, **changes):
    """Version vN, made ``age`` days ago."""
    record = VersionRecord(
        *(number, "local", "demo", "x", "model", number, hash_bytes(b"x"), 1, 1, None, {}, (), ()),
        *(NOW - age * DAY, NOW, None),
    )
    return replace(record, **changes)


def versions(count=5):
    """Versions of which each is a day older than the next, newest first."""
    found = [version(n, age=count - n, metadata={"acc": n % 3}) for n in reversed(range(count))]
    return [replace(found[0], aliases=("latest",)), *found[1:]]


def left(policy, given, in_use=None):
    verdict = judge(policy, given, NOW, in_use or {})
    gone = {v.number for v, _ in verdict.expired}
    return [v.number for v in given if v.number not in gone]


@pytest.mark.parametrize(
    ("policy", "numbers"),
    [
        (None, [4, 3, 2, 1, 0]),
        (Policy(), [4, 3, 2, 1, 0]),
        (Policy(keep_tagged=True), [4, 3, 2, 1, 0]),
        (Policy(keep_last=2), [4, 3]),
        (Policy(keep_last=99), [4, 3, 2, 1, 0]),
        (Policy(ttl=DAY * 3 + 1), [4, 3, 2]),
        (Policy(ttl=1), [4]),
        (Policy(keep_best=(Best("acc", True, 1),)), [4, 2]),
        (Policy(keep_best=(Best("acc", False, 2),)), [4, 3, 0]),
        (Policy(keep_best=(Best("loss", True, 9),)), [4]),
        (Policy(keep_last=1, keep_best=(Best("acc", True, 1),)), [4, 2]),
    ],
)
def test_what_stays(policy, numbers):
    assert left(policy, versions()) == numbers


def test_names_keep():
    given = versions()
    given[2] = replace(given[2], aliases=("prod",))
    given[3] = replace(given[3], tags=("seen",))
    assert left(Policy(keep_last=1), given) == [4, 2]
    assert left(Policy(keep_last=1, keep_tagged=True), given) == [4, 2, 1]
    assert left(Policy(keep_last=1, keep_aliased=False), given) == [4]
    given[2] = replace(given[2], protected=("prod",))
    verdict = judge(Policy(keep_last=1, keep_aliased=False), given, NOW, {})
    assert [v.number for v, _ in verdict.held_back] == [2]
    assert verdict.held_back[0][1] == "no rule keeps it, but its alias 'prod' is protected"


def test_what_a_run_uses_is_held_back():
    verdict = judge(Policy(keep_last=1), versions(3), NOW, {0: "run r1"})
    assert [v.number for v, _ in verdict.expired] == [1]
    assert verdict.held_back[0][1] == "no rule keeps it, but run r1 is using it"


def test_a_lifetime_of_its_own_goes_before_the_rules():
    given = versions()
    given[3] = replace(given[3], ttl=0)
    given[4] = replace(given[4], ttl=99 * DAY)
    assert left(Policy(keep_last=1), given) == [4, 1, 0]
    given[0] = replace(given[0], ttl=DAY)
    assert left(None, given) == [3, 2, 1, 0]
    given[0] = replace(given[0], aliases=("latest", "prod"))
    verdict = judge(None, given, NOW, {})
    assert "alias 'prod'" in verdict.held_back[0][1]


def test_a_lifetime_counts_from_when_it_was_last_logged():
    given = [version(0, age=40, ttl=30 * DAY, logged_at=NOW - 20 * DAY)]
    assert left(None, given) == [0]
    assert left(None, [replace(given[0], logged_at=NOW - 30 * DAY)]) == []


@pytest.mark.parametrize("value", [None, True, "0.9", float("nan"), [1]])
def test_what_is_no_number_is_never_the_best(value):
    given = [version(1, aliases=("latest",)), version(0, metadata={"acc": value})]
    assert left(Policy(keep_best=(Best("acc", True, 5),)), given) == [1]


def test_the_best_by_a_key_of_a_nested_object():
    given = [version(2), version(1, metadata={"a": {"b": 1}}), version(0, metadata={"a.b": 2})]
    assert left(Policy(keep_best=(Best("a.b", True, 1),)), given) == [0]
    assert left(Policy(keep_best=(Best("a.b", False, 1),)), given) == [1]


@pytest.mark.parametrize("text", ["metadata.acc:max:3", "metadata.a.b:min:1", "metadata.a:b:max:2"])
def test_best_is_written_as_it_was_read(text):
    assert str(Best.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "acc:max:3", "metadata.:max:3", "metadata.acc", "metadata.acc:max:0",
             "metadata.acc:best:1", "metadata.acc:max:x", "metadata.acc:max:٣"],
)  # fmt: skip
def test_best_of_something_else(text):
    with pytest.raises(InvalidInputError):
        Best.parse(text)


def test_a_policy_is_stored_and_read():
    policy = Policy(5, 30 * DAY, (Best("acc", True, 3),), False, True)
    assert Policy.from_json(policy.to_json()) == policy
    with pytest.raises(FormatError) as caught:
        Policy.from_json({**policy.to_json(), "keep_newest": 1})
    assert caught.value.kind == "store_too_new"


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [("90s", 90, "1m30s"), ("12h", 43_200, "12h"), ("1d12h", 129_600, "1d12h"),
     ("2w", 1_209_600, "14d"), ("1y", 31_536_000, "365d"), ("0s", 0, "0s")],
)  # fmt: skip
def test_durations(text, seconds, shown):
    assert parse_duration(text) == seconds * 1_000_000
    assert format_duration(seconds * 1_000_000) == shown


@pytest.mark.parametrize("text", ["", "12", "d", "1 d", "-1d", "1.5h", "1month", "٣d"])
def test_what_is_no_duration(text):
    with pytest.raises(InvalidInputError):
        parse_duration(text)
