"""Whatever is put into a table comes back as it was, and rows are found whatever their order."""

import datetime as dt
import io
import zoneinfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.media.base import Kept, describe
from artifacts.tables.table import Table
from artifacts.tables.values import same


class Shelf:
    """Keeps files in memory, and gives them back."""

    run = None

    def __init__(self):
        self.contents = {}

    def keep(self, folder, suffix, content):
        data = content if isinstance(content, bytes) else content.read_bytes()
        path = f"media/{folder}/{len(self.contents)}{suffix}"
        self.contents[path] = data
        return Kept(path, f"blake3:{len(self.contents):064x}", "0" * 64, len(data))

    def open(self, path):
        return io.BytesIO(self.contents[path])

    def local(self, path):
        raise NotImplementedError

    def below(self, folder):
        return sorted(self.contents)


def kept(table):
    """The table as it is read after it was kept, and its file."""
    shelf = Shelf()
    description = describe(table, shelf)
    return Table._load(description, shelf), io.BytesIO(shelf.contents[description["path"]])


def alike(first, second):
    """Whether two values are the same, and of one type; 1 may have become 1.0."""
    numbers = {int, float}
    return same(first, second) and (
        type(first) is type(second) or {type(first), type(second)} == numbers
    )


SURROGATES = st.text(st.characters(), max_size=5)
ZONES = st.none() | st.sampled_from(
    [
        dt.UTC,
        zoneinfo.ZoneInfo("Europe/Berlin"),
        zoneinfo.ZoneInfo("Asia/Kolkata"),
        dt.timezone(dt.timedelta(hours=-3, minutes=-30)),
    ]
)
NUMBERS = st.integers() | st.floats()
TIMES = st.datetimes(timezones=ZONES)
SCALARS = {
    "boolean": st.booleans(),
    "integer": st.integers(),
    "number": NUMBERS,
    "text": SURROGATES,
    "bytes": st.binary(max_size=5),
    "datetime": TIMES,
    "date": st.dates(),
    "time": st.times(timezones=ZONES),
    "duration": st.timedeltas(),
    "decimal": st.decimals(allow_nan=False),
}
PLAIN = st.one_of(st.none(), *SCALARS.values())
NESTED = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.just("_type"), inner, max_size=3)
    ),
    max_leaves=6,
)
DTYPES = ["?", "i1", "u2", "<i4", "u8", "f2", "f4", "f8", ">f4", "c8", "S3", "U2", "M8[ns]"]


@st.composite
def arrays(draw):
    """Arrays of one or of several dtypes and shapes."""
    dtypes = draw(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=2))
    shapes = draw(
        st.lists(
            st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), min_size=1, max_size=2
        )
    )
    count = draw(st.integers(0, 4))
    return [
        np.frombuffer(draw(st.binary(min_size=size, max_size=size)), "u1")
        .view(dtype)
        .reshape(shape)
        if dtype not in {"?", "U2"}
        else np.zeros(shape, dtype)
        for dtype, shape in (
            (draw(st.sampled_from(dtypes)), draw(st.sampled_from(shapes))) for _ in range(count)
        )
        for size in [int(np.prod(shape)) * np.dtype(dtype).itemsize]
    ]


COLUMNS = st.one_of(
    *(st.lists(st.none() | values, max_size=6) for values in SCALARS.values()),
    st.lists(st.none() | st.lists(NUMBERS, max_size=3), max_size=5),
    st.lists(
        st.none() | st.lists(st.lists(st.text(max_size=2), max_size=2), max_size=3), max_size=5
    ),
    st.lists(st.none() | st.lists(NESTED, max_size=3), max_size=5),
    st.lists(st.none() | st.dictionaries(st.text(max_size=3), NESTED, max_size=3), max_size=5),
    arrays(),
)


@given(COLUMNS)
def test_a_column_comes_back_as_it_was(values):
    table = Table(columns=["a"], data=[[value] for value in values])
    read, file = kept(table)
    assert all(map(alike, read.get_column("a"), values))
    assert read == table
    assert len(read) == len(values)
    # The file is a Parquet file like any other.
    assert pq.read_table(file).num_rows == len(values)


@given(st.lists(st.none() | NESTED, max_size=5))
def test_a_column_of_mixed_types_comes_back_as_it_was(values):
    table = Table(columns=["a"], data=[[value] for value in values], allow_mixed_types=True)
    assert kept(table)[0] == table


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=4), unique=True, max_size=4))
def test_columns_of_any_name(names):
    table = Table(columns=names, data=[list(range(len(names)))] * 2)
    read = kept(table)[0]
    assert read.columns == names
    assert [read.get_column(name) for name in names] == [[n, n] for n in range(len(names))]
    assert read == table


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=8),
    st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=8),
    st.sampled_from(["inner", "left", "right", "outer"]),
)
def test_a_join_has_every_pair_of_rows_with_the_same_key(left, right, how):
    pairs = [(a, b, d) for a, b in left for c, d in right if a == c]
    if how in {"left", "outer"}:
        pairs += [(a, b, None) for a, b in left if all(a != c for c, _ in right)]
    if how in {"right", "outer"}:
        pairs += [(c, None, d) for c, d in right if all(a != c for a, _ in left)]
    one, other = Table(columns=["k", "l"], data=left), Table(columns=["k", "r"], data=right)
    joined = one.join(other, "k", how)
    assert joined.columns == ["k", "l", "r"]
    assert sorted(map(repr, map(tuple, joined.data))) == sorted(map(repr, pairs))


@pytest.mark.parametrize("count", [0, 1, 16_384, 16_385, 40_000])
def test_groups_of_rows_make_no_difference(count):
    table = Table(columns=["n", "t"], data=[[n, str(n)] for n in range(count)])
    read = kept(table)[0]
    assert read.get_column("n") == list(range(count))
    assert [row[1] for _, row in read.iterrows()] == [str(n) for n in range(count)]
