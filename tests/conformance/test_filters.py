"""Filters find the same in both databases: what a plain evaluator of the same filters finds."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.store.catalog import Catalog, json_values
from artifacts.store.errors import InvalidInputError
from artifacts.store.filters import (
    RUN_FIELDS,
    VERSION_FIELDS,
    escape_key,
    parse_filter,
    parse_order,
)
from artifacts.store.query import Query
from tests.conformance.catalog_tests import draft, log

MISSING = object()


# -- the plain evaluator


def same(one, other):
    """Whether two values are the same JSON; numbers as the decimals that they are written as."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return Decimal(repr(one)) == Decimal(repr(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return one == other


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def ordered(one, other):
    """-1, 0 or 1; None if they cannot be compared by size."""
    if is_number(one) and is_number(other):
        one, other = Decimal(repr(one)), Decimal(repr(other))
    elif not (isinstance(one, str) and isinstance(other, str)):
        return None
    return (one > other) - (one < other)


def holds(operator, value, operand):
    if operator == "$exists":
        return (value is not MISSING) == operand
    if operator == "$eq":
        return value in (None, MISSING) if operand is None else same(value, operand)
    if operator == "$ne":
        return not holds("$eq", value, operand)
    if operator == "$in":
        return any(holds("$eq", value, each) for each in operand)
    if operator == "$nin":
        return not holds("$in", value, operand)
    if operator == "$not":
        return not all(holds(key, value, each) for key, each in operand.items())
    if operator == "$regex":
        flags = re.ASCII | re.DOTALL
        return isinstance(value, str) and re.search(operand, value, flags) is not None
    if operator == "$contains":
        if isinstance(value, list):
            return any(same(item, operand) for item in value)
        return isinstance(value, str) and isinstance(operand, str) and operand in value
    order = ordered(value, operand)
    wanted = {"$gt": (1,), "$gte": (0, 1), "$lt": (-1,), "$lte": (-1, 0)}[operator]
    return order is not None and order in wanted


def value_at(document, path):
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return MISSING
        document = document[key]
    return document


def passes(filters, config):
    """Whether a run with a configuration passes a filter on it."""
    connectives = {
        "$and": lambda parts: all(passes(part, config) for part in parts),
        "$or": lambda parts: any(passes(part, config) for part in parts),
        "$nor": lambda parts: not any(passes(part, config) for part in parts),
        "$not": lambda part: not passes(part, config),
    }
    for key, condition in filters.items():
        if key in connectives:
            if not connectives[key](condition):
                return False
            continue
        path = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\)\.", key)[1:]]
        value = value_at(config, path)
        if not all(holds(operator, value, operand) for operator, operand in condition.items()):
            return False
    return True


# -- what is generated: few keys and values, so that filters often meet what is there

KEYS = st.sampled_from(["a", "a.b", 'qu"ote', "back\\x", "é", "with space", "0", "-1"])
TEXT = st.sampled_from(["", "a", "b", "ab", "é", "\U0001f600", "\ue000", "a\nb", "'%s", "1"])
NUMBERS = st.sampled_from(
    [
        *(0, -0.0, 1, 1.0, 0.1, 0.30000000000000004, 1e-300, 5e-324, 1.7976931348623157e308),
        *(2**53, 2**53 + 1, float(2**53), 2**63, 2**70, -(2**64), 10**23, 1e23, 10**400),
    ]
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.one_of(
    st.sampled_from([None, True, False, "NaN", "Infinity"]),
    NUMBERS,
    TEXT,
    st.integers(0, 2),
    FLOATS,
)
LISTS = st.lists(SCALARS, max_size=2)
DICTS = st.dictionaries(KEYS, st.one_of(SCALARS, LISTS), max_size=2)
VALUES = st.one_of(SCALARS, SCALARS, LISTS, DICTS)
CONFIGS = st.dictionaries(KEYS, VALUES, max_size=5)
PATTERNS = st.sampled_from(["^a", "b$", "[0-9]", r"\bN", "(a|é)", "^$", ".", r"\W", "N.?a{0,2}N"])

PLAIN = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), VALUES),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.one_of(NUMBERS, TEXT, FLOATS)),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(VALUES, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$regex"), PATTERNS),
    st.tuples(st.just("$contains"), SCALARS),
).map(lambda pair: dict([pair]))
COMPARISONS = st.builds(
    lambda path, condition, negative: {
        ".".join(["config", *map(escape_key, path)]): {"$not": condition} if negative else condition
    },
    st.lists(KEYS, min_size=1, max_size=2),
    PLAIN,
    st.booleans(),
)
FILTERS = st.one_of(
    COMPARISONS,
    st.builds(
        lambda key, parts: {key: parts},
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(COMPARISONS, min_size=1, max_size=3),
    ),
    COMPARISONS.map(lambda part: {"$not": {"$or": [part, {"$not": part}]}}),
)


# -- what every catalog does


def find(catalog, filters=None, order="created_at", *, per_page=2, fields=RUN_FIELDS):
    """Return what a filter finds, page by page, having compared its number with the count."""
    runs = fields is RUN_FIELDS
    query = Query(parse_order(order, fields), parse_filter(filters, fields))
    found, after = [], None
    while True:
        page = (catalog.find_runs if runs else catalog.find_versions)(
            query, limit=per_page, after=after
        )
        found += page.items
        after = page.end
        if after is None:
            break
    count = (catalog.count_found_runs if runs else catalog.count_found_versions)(query)
    assert count == len(found)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request, tmp_path):
    """An empty catalog in each of the two databases."""
    if request.param == "sqlite":
        catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
    else:
        catalog = Catalog.open_url(request.getfixturevalue("postgres_url"))
    yield catalog
    catalog.close()


@settings(
    max_examples=settings().max_examples // 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    configs=st.lists(CONFIGS, min_size=1, max_size=4),
    several=st.lists(FILTERS, min_size=1, max_size=8),
)
def test_configurations(catalog, configs, several):
    project = f"p{len(catalog.list_projects())}"
    for number, config in enumerate(configs):
        catalog.create_run("local", project, f"r{number}", {"name": "n", "config": config})
    for filters in several:
        expected = [f"r{i}" for i, config in enumerate(configs) if passes(filters, config)]
        here = {"$and": [{"project": project}, filters]}
        assert [run.id for run in find(catalog, here)] == expected, filters


@settings(
    max_examples=settings().max_examples // 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.lists(st.just(MISSING) | SCALARS, max_size=8), down=st.booleans())
def test_order(catalog, values, down):
    project = f"p{len(catalog.list_projects())}"
    for number, value in enumerate(values):
        config = {} if value is MISSING else {"x": value}
        catalog.create_run("local", project, f"r{number}", {"name": "n", "config": config})
    found = find(catalog, {"project": project}, "-config.x" if down else "config.x")
    kinds: dict = {"n": [], "s": [], "b": [], "-": []}
    for run in found:
        value = values[int(run.id[1:])]
        kind = "n" if is_number(value) else "s" if isinstance(value, str) else "b"
        kinds["-" if value is MISSING or value is None else kind].append((value, run.id))
    assert [run.id for run in found] == [i for kind in kinds.values() for _, i in kind]
    for items in (kinds["n"], kinds["s"]):
        # As doubles: SQLite sorts integers beyond 64 bits as such.
        sizes = [
            value if isinstance(value, str) else float(min(value, 10**308)) for value, _ in items
        ]
        assert sizes == sorted(sizes, reverse=down)


def test_columns_of_runs(catalog):
    several: list[dict] = [
        {"group": "g", "job_type": "train", "tags": ["x", "y"], "user": "ann"},
        {"notes": "Line one\nline two", "tags": [], "host": "h", "sweep_id": "s"},
        {"tags": ["y z"], "metadata": {"git": {"commit": "abc"}}},
    ]
    for number, changes in enumerate(several):
        catalog.create_run("local", "demo", f"r{number}", {"name": f"n{number}", **changes})
    key = catalog.run("local", "demo", "r1").key
    catalog.finish_run(key, "failed", 3)
    for filters, expected in (
        ({"group": "g"}, "0"),
        ({"jobType": {"$in": ["train", "eval"]}}, "0"),
        ({"group": None}, "12"),
        ({"group": {"$ne": "g"}}, "12"),
        ({"tags": "y"}, "0"),
        ({"tags": {"$in": ["x", "y z"]}}, "02"),
        ({"tags": {"$nin": ["x"]}}, "12"),
        ({"tags": {"$exists": False}}, "1"),
        ({"tags": {"$regex": "^y"}}, "02"),
        ({"$and": [{"tags": "x"}, {"tags": "y"}]}, "0"),
        ({"notes": {"$regex": "one.line"}}, "1"),
        ({"notes": {"$regex": "one$"}}, ""),
        ({"notes": {"$contains": "line two"}}, "1"),
        ({"display_name": {"$gte": "n1"}}, "12"),
        ({"state": "failed"}, "1"),
        ({"state": {"$ne": "failed"}}, "02"),
        ({"exit_code": {"$gt": 2}}, "1"),
        ({"finished_at": {"$exists": True}}, "1"),
        ({"duration": {"$lt": 60}}, "012"),
        ({"created_at": {"$gt": "2020-01-01", "$lt": 9e9}}, "012"),
        ({"metadata.git.commit": "abc"}, "2"),
        ({"user": "ann", "id": re.compile("R0", re.IGNORECASE)}, "0"),
        ({"sweep_id": "s"}, "1"),
        ({"$nor": [{"id": "r0"}, {"id": "r2"}]}, "1"),
        ({}, "012"),
    ):
        assert [run.id[1:] for run in find(catalog, filters)] == list(expected), filters


def test_values_of_the_configuration_as_others_spell_them(catalog):
    configs = [{"lr": 0.1}, {"lr": {"value": 0.1}}, {"lr": {"value": 1, "desc": "x"}}, {}]
    for number, config in enumerate(configs):
        values = {"name": "n", "config": config}
        catalog.create_run("local", "demo", f"r{number}", values)
    for filters, expected in (
        ({"config.lr.value": 0.1}, "01"),
        ({"config.lr.value": {"$ne": 0.1}}, "23"),
        ({"config.lr.value": {"$exists": True}}, "012"),
        ({"config.lr": 0.1}, "0"),
        ({"config.value": {"$exists": False}}, "0123"),
    ):
        assert [run.id[1:] for run in find(catalog, filters)] == list(expected), filters


def test_a_run_without_a_sign_of_life_is_crashed(catalog):
    for name, state in (("dead", "running"), ("gone", "preempting"), ("alive", "running")):
        run = catalog.create_run("local", "demo", name, {"name": "n"})
        if name != "alive":
            silent = {"state": state, "heartbeat_at": run.created_at - 10**9}
            catalog.update_run(run.key, silent)
    for state, expected in (
        ("crashed", ["dead"]),
        ("preempted", ["gone"]),
        ("running", ["alive"]),
        ("preempting", []),
    ):
        found = find(catalog, {"state": state})
        assert [run.id for run in found] == expected
        assert all(run.state == state for run in found)
    assert [run.id for run in find(catalog, order="state")] == ["dead", "gone", "alive"]


def test_columns_of_versions(catalog):
    first = log(catalog, 0, metadata={"acc": 0.5, "by": {"hand": True}}, tags=("golden",))
    second = log(catalog, 1, metadata={"acc": 0.9}, aliases=("prod",), size=10**12)
    other = log(catalog, 2, "model", type="model", file_count=9)
    deleted = log(catalog, 3, "old")
    catalog.delete_version(deleted.id)
    names = {first.id: "1", second.id: "2", other.id: "3", deleted.id: "4"}
    for filters, expected in (
        ({}, "123"),
        ({"metadata.acc": {"$gt": 0.6}}, "2"),
        ({"metadata.by.hand": True}, "1"),
        ({"type": "model"}, "3"),
        ({"name": {"$regex": "^cor"}}, "12"),
        ({"aliases": "latest"}, "23"),
        ({"alias": {"$ne": "latest"}}, "1"),
        ({"aliases": None}, "1"),
        ({"aliases": {"$contains": "prod"}}, "2"),
        ({"tags": "golden"}, "1"),
        ({"tags": {"$exists": True}}, "1"),
        ({"size": {"$gte": 10**12}}, "2"),
        ({"files": 9}, "3"),
        ({"version": "v1"}, "2"),
        ({"version": {"$in": [0, None]}, "name": "corpus"}, "1"),
        ({"digest": first.digest.hex()[:9]}, "1"),
        ({"digest": {"$nin": [first.digest.hex(), f"blake3:{second.digest.hex()[:8]}"]}}, "3"),
        ({"state": "DELETED"}, "4"),
        ({"state": {"$exists": True}}, "1234"),
        ({"project": "demo", "entity": "local"}, "123"),
    ):
        found = find(catalog, filters, fields=VERSION_FIELDS)
        assert [names[version.id] for version in found] == list(expected), filters


@pytest.mark.parametrize("per_page", [1, 2, 3, 100])
@pytest.mark.parametrize("down", [True, False])
def test_values_that_are_not_there_come_last(catalog, per_page, down):
    for number, metadata in enumerate([{}, {"n": 2}, {"n": None}, {"n": 1}, {"n": "x"}]):
        log(catalog, number, metadata=metadata)
    order = "-metadata.n" if down else "metadata.n"
    found = find(catalog, None, order, per_page=per_page, fields=VERSION_FIELDS)
    expected = [1, 3, 4, 2, 0] if down else [3, 1, 4, 0, 2]
    assert [version.number for version in found] == expected


def test_pages_stay_apart_while_runs_are_added_and_deleted(catalog):
    for number in range(6):
        catalog.create_run("local", "demo", f"r{number}", {"name": "n"})
    query = Query(parse_order("-created_at", RUN_FIELDS))
    page = catalog.find_runs(query, limit=3)
    assert [run.id for run in page.items] == ["r5", "r4", "r3"]
    catalog.create_run("local", "demo", "new", {"name": "n"})
    catalog.update_run(catalog.run("local", "demo", "r4").key, {"deleted_at": 1})
    following = catalog.find_runs(query, limit=3, after=page.end)
    assert [run.id for run in following.items] == ["r2", "r1", "r0"]


def test_an_offset(catalog):
    for number in range(5):
        catalog.create_run("local", "demo", f"r{number}", {"name": "n"})
    query = Query(parse_order("created_at", RUN_FIELDS))
    found = catalog.find_runs(query, limit=2, offset=3).items
    assert [run.id for run in found] == ["r3", "r4"]
    assert catalog.find_runs(query, limit=2, offset=5).items == []


@pytest.mark.long
def test_long_lists(catalog):
    catalog.create_run("local", "demo", "r", {"name": "n", "config": {"x": 4999}})
    many = list(range(5000))
    assert len(find(catalog, {"config.x": {"$in": many}})) == 1
    assert len(find(catalog, {"name": {"$in": [f"{i}" for i in many]}})) == 0
    tests = [{"config.x": {"$ne": number}} for number in range(400)]
    assert len(find(catalog, {"$and": tests})) == 1


def test_nothing_becomes_part_of_a_statement(catalog):
    hostile = "'); DROP TABLE runs; --"
    values = {"name": hostile, "config": {hostile: {'"$': hostile}}}
    catalog.create_run("local", "demo", "r", values)
    key = f'config.{escape_key(hostile)}."$'
    for filters in ({"name": hostile}, {key: hostile}, {key: {"$contains": "DROP"}}):
        assert [run.id for run in find(catalog, filters, f"-{key}")] == ["r"]
    assert find(catalog, {"name": {"$regex": re.escape("'; SELECT")}}) == []


# -- what only SQLite has to be taught


@pytest.fixture
def sqlite(tmp_path):
    catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
    yield catalog
    catalog.close()


def test_text_that_is_no_unicode_is_searched_all_the_same(sqlite):
    sqlite.commit(draft(metadata={"x": "a\ud800b"}))
    assert find(sqlite, {"metadata.x": {"$regex": "^a.+b$"}}, fields=VERSION_FIELDS)


def test_without_the_arrow_of_newer_releases(sqlite, monkeypatch):
    monkeypatch.setattr(json_values, "_HAS_ARROW", False)
    test_columns_of_versions(sqlite)
    values = {"name": "n", "config": {"big": 2**70, "x": {"y": [0.1]}}}
    sqlite.create_run("local", "demo", "r", values)
    for filters in ({"config.big": {"$gt": 2**70 - 1}}, {"config.x": {"y": [0.1]}}):
        assert [run.id for run in find(sqlite, filters, "config.big")] == ["r"]


# -- what is refused


WRONG = [
    ([], "filters: a dict is wanted here, not list"),
    ({1: 2}, "filters: keys are text, not int"),
    ({"nmae": "x"}, "filters.nmae: there is no field 'nmae'"),
    ({"config": 1}, "filters.config: 'config' names no value"),
    ({"config..x": 1}, "filters.config..x: 'config..x' names no value"),
    ({"name.x": 1}, "filters.name.x: 'name.x' names no value"),
    ({"$and": []}, r"filters.$and: a list of filters is wanted here, and not an empty one"),
    ({"$or": [{}, 3]}, r"filters.$or[1]: a dict is wanted here, not int"),
    ({"$xor": []}, r"filters: there is no operator '$xor' here"),
    ({"config.x": {"$gtt": 1}}, "filters.config.x: there is no operator '$gtt' for JSON"),
    ({"config.x": {"$gt": 1, "y": 2}}, "filters.config.x: 'y' stands among operators"),
    ({"config.x": {"$gt": None}}, "filters.config.x.$gt: a number or a text is wanted"),
    ({"config.x": {"$gt": True}}, "filters.config.x.$gt: a number or a text is wanted"),
    ({"config.x": {"$lt": float("nan")}}, "nothing can be compared by size with nan"),
    ({"config.x": {"$in": "abc"}}, "filters.config.x.$in: a list is wanted here, not str"),
    ({"config.x": {"$in": [1, {2}]}}, "filters.config.x.$in[1]: a set cannot be in JSON"),
    ({"config.x": {"$exists": 1}}, "true or false is wanted here, not 1"),
    ({"config.x": {"$not": 1}}, "operators are wanted here"),
    ({"config.x": {"$regex": "a("}}, "'a(' is no pattern: missing ), unterminated"),
    ({"config.x": {"$regex": r"(?P<n>a)"}}, "is not among what both databases understand"),
    ({"config.x": {"$regex": r"\1"}}, "is not among what both databases understand"),
    ({"config.x": {"$regex": "a*+"}}, "is not among what both databases understand"),
    ({"config.x": {"$regex": "[[:alpha:]]"}}, "is not among what both databases understand"),
    ({"config.x": {"$regex": "a{256}"}}, "repeated over 255 times"),
    ({"config.x": re.compile("a", re.MULTILINE)}, "the only flag that a pattern may have"),
    ({"config.x": {"$contains": [1]}}, "a single value is wanted here"),
    ({"config.x": 10**9000}, "the number is too large"),
    ({"name": 3}, "filters.name: text is wanted here, not 3"),
    ({"name": "a\0b"}, "no database holds the text"),
    ({"name": "\ud800"}, "no database holds the text"),
    ({"tags": {"$gt": "x"}}, "there is no operator '$gt' for a set of texts"),
    ({"exit_code": "x"}, "a number is wanted here, not 'x'"),
    ({"created_at": {"$gt": "yesterday"}}, "'yesterday' is no time"),
    ({"created_at": {"$gt": 1e300}}, "are too many"),
    ({"$and": [{"name": "x"}] * 501}, "a filter has at most 500 comparisons"),
    ({"name": {"$in": ["x"] * 10_001}}, "a filter has at most 10,000 values in lists"),
]


@pytest.mark.parametrize(
    ("filters", "message"), WRONG, ids=[str(number) for number in range(len(WRONG))]
)
def test_a_wrong_filter_names_the_place(filters, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)) as caught:
        parse_filter(filters, RUN_FIELDS)
    assert caught.value.kind == "bad_filter"


def test_a_filter_may_not_be_too_deep():
    filters: dict = {"name": "x"}
    for _ in range(1000):
        filters = {"$not": filters}
    with pytest.raises(InvalidInputError, match="nested over 40 deep"):
        parse_filter(filters, RUN_FIELDS)
    value: list = []
    for _ in range(1000):
        value = [value]
    with pytest.raises(InvalidInputError, match="nested over 40 deep"):
        parse_filter({"config.x": value}, RUN_FIELDS)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("-nope", "order: there is no field 'nope'"),
        ("tags", "order: tags is a set of texts, which has no order"),
        ("config", "order: 'config' names no value"),
        (3, "order: must be text, not int"),
    ],
)
def test_a_wrong_order(order, message):
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        parse_order(order, RUN_FIELDS)


@pytest.mark.parametrize("digest", ["1234567", "xyz45678", "0" * 65, 12345678])
def test_a_wrong_digest(digest):
    with pytest.raises(InvalidInputError, match=r"filters\.digest"):
        parse_filter({"digest": digest}, VERSION_FIELDS)
