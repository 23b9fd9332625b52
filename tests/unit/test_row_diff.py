"""Rows of tables are compared whatever their order, format by format."""

import functools
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.store.errors import FormatError, InvalidInputError
from artifacts.store.row_diff import diff_rows
from artifacts.store.rows import Table, table_kind


def csv(text, kind="csv"):
    return Table(kind, lambda: io.BytesIO(text.encode()))


def jsonl(*lines):
    return Table("jsonl", lambda: io.BytesIO("\n".join(lines).encode()))


def parquet(**columns):
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data)
    return Table("parquet", lambda: io.BytesIO(data.getvalue()))


def numbers(found):
    return found.added, found.removed, found.changed, found.unchanged


def test_without_a_key_rows_are_equal_or_not():
    found = diff_rows(csv("id,v\n1,a\n2,b\n3,c\n"), csv("id,v\n3,c\n1,a\n2,B\n"))
    assert numbers(found) == (1, 1, 0, 2)
    assert [tuple(change) for change in found.examples] == [
        (None, {"id": "2", "v": "B"}),
        ({"id": "2", "v": "b"}, None),
    ]


def test_equal_rows_are_counted():
    found = diff_rows(csv("v\na\na\nb\n"), csv("v\na\nb\nb\nb\n"))
    assert numbers(found) == (2, 1, 0, 2)


def test_with_a_key_rows_are_compared_with_their_predecessors():
    before, after = csv("id,v\n1,a\n2,b\n3,c\n"), csv("id,v\n4,d\n3,C\n1,a\n")
    found = diff_rows(before, after, key=["id"])
    assert numbers(found) == (1, 1, 1, 1)
    assert tuple(found.examples[0]) == ({"id": "3", "v": "c"}, {"id": "3", "v": "C"})


def test_a_key_of_several_columns():
    before, after = csv("a,b,v\n1,1,x\n1,2,y\n"), csv("a,b,v\n1,2,y\n1,1,z\n")
    assert numbers(diff_rows(before, after, key=["a", "b"])) == (0, 0, 1, 1)


def test_columns_that_come_and_go_are_told_and_not_compared():
    found = diff_rows(csv("id,old,v\n1,x,a\n"), csv("v,new,id\na,9,1\n"))
    assert numbers(found) == (0, 0, 0, 1)
    assert (found.added_columns, found.removed_columns) == (["new"], ["old"])
    assert found


def test_the_same():
    table = csv("id,v\n1,a\n")
    assert not diff_rows(table, table)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", (0, 0, 0, 0)),
        ("", "a\n1\n", (1, 0, 0, 0)),
        ("a\n1\n", "a\n", (0, 1, 0, 0)),
        ("a\n", "a\n", (0, 0, 0, 0)),
    ],
)
def test_empty_tables(before, after, expected):
    assert numbers(diff_rows(csv(before), csv(after))) == expected


def test_csv_with_quotes_newlines_and_texts_that_look_like_numbers():
    before = csv('id,v\n1,"a,\nb"\n2,1\n')
    after = csv('id,v\n1,"a,\nb"\n2,1.0\n')
    assert numbers(diff_rows(before, after, key=["id"])) == (0, 0, 1, 1)


def test_tabs():
    assert numbers(diff_rows(csv("a\tb\n1\t2\n", "tsv"), csv("a\tb\n1\t3\n", "tsv"))) == (
        1,
        1,
        0,
        0,
    )


def test_lines_of_json_may_differ_in_their_members():
    before = jsonl('{"id": 1, "x": {"a": 1, "b": [1, 2]}}', "", '{"id": 2}', '{"id": 3, "x": null}')
    after = jsonl('{"x": {"b": [1, 2], "a": 1}, "id": 1}', '{"id": 2, "x": null}', '{"id": 3}')
    # Null is not the same as nothing.
    assert numbers(diff_rows(before, after, key=["id"])) == (0, 0, 2, 1)


def test_a_member_that_appears_late_is_compared():
    lines = [f'{{"id": {n}}}' for n in range(3000)]
    before = jsonl(*lines, '{"id": -1, "late": 1}')
    after = jsonl(*lines, '{"id": -1, "late": 2}')
    assert numbers(diff_rows(before, after, key=["id"])) == (0, 0, 1, 3000)


def test_parquet_with_its_types():
    before = parquet(id=[1, 2, 3], v=[0.5, float("nan"), None], t=[b"a", b"b", b"c"])
    after = parquet(id=[3, 2, 1], v=[0.0, float("nan"), 0.5], t=[b"c", b"b", b"A"])
    found = diff_rows(before, after, key=["id"])
    assert numbers(found) == (0, 0, 2, 1)


def test_a_number_may_be_kept_in_another_column():
    before, after = parquet(id=[1, 2], v=[1, 2]), parquet(id=[1, 2], v=[1.0, 2.5])
    assert numbers(diff_rows(before, after, key=["id"])) == (0, 0, 1, 1)
    flags, digits = parquet(v=[True]), parquet(v=[1])
    assert numbers(diff_rows(flags, digits)) == (1, 1, 0, 0)


def test_media_are_told_apart_by_their_contents():
    def row(path, digest):
        return f'{{"image": {{"_type": "image-file", "path": "{path}", "digest": "{digest}"}}}}'

    before, after = jsonl(row("a", "1"), row("b", "2")), jsonl(row("c", "1"), row("b", "3"))
    assert numbers(diff_rows(before, after)) == (1, 1, 0, 1)
    other = jsonl('{"image": {"path": "a", "digest": "1"}}')
    assert numbers(diff_rows(other, jsonl('{"image": {"path": "c", "digest": "1"}}')))[3] == 0


def test_json_of_our_own_files_is_compared_as_values():
    def marked(*texts):
        field = pa.field("v", pa.string(), metadata={"artifacts": "json"})
        data = io.BytesIO()
        pq.write_table(pa.table([pa.array(texts)], schema=pa.schema([field])), data)
        return Table("parquet", lambda: io.BytesIO(data.getvalue()))

    before, after = marked('{"a": 1, "b": NaN}', None), marked('{"b":NaN,"a":1}', "2")
    found = diff_rows(before, after)
    assert numbers(found) == (1, 1, 0, 1)
    assert [tuple(change) for change in found.examples] == [(None, {"v": 2}), ({"v": None}, None)]


def test_more_rows_than_a_batch():
    count = 20_000
    before = parquet(id=list(range(count)), v=[0] * count)
    after = parquet(id=list(range(5, count + 5))[::-1], v=[0] * count)
    found = diff_rows(before, after, key=["id"], examples=2)
    assert numbers(found) == (5, 5, 0, count - 5)
    assert len(found.examples) == 4


def test_a_key_that_does_not_tell_rows_apart():
    good, bad = csv("id,v\n1,a\n"), csv("id,v\n1,a\n2,b\n1,c\n")
    for tables, which in (((good, bad), "newer"), ((bad, good), "older")):
        with pytest.raises(InvalidInputError, match=f"in the {which} table row 3") as caught:
            diff_rows(*tables, key=["id"])
        assert "without a key" in str(caught.value.hint)


def test_a_key_that_is_no_column():
    with pytest.raises(InvalidInputError, match="the older table has no column 'nr'") as caught:
        diff_rows(csv("id,v\n1,a\n"), csv("id,v\n1,a\n"), key=["nr"])
    assert "id, v" in str(caught.value.hint)


@pytest.mark.parametrize(
    "table",
    [
        csv("a,b\n1,2,3\n"),
        csv("a,a\n1,2\n"),
        Table("csv", lambda: io.BytesIO(b"a\n\xff\n")),
        jsonl("[1]"),
        jsonl("{"),
        Table("parquet", lambda: io.BytesIO(b"nothing")),
    ],
    ids=["cells", "columns", "encoding", "no object", "cut off", "parquet"],
)
def test_what_is_no_table(table):
    with pytest.raises(FormatError, match="cannot read") as caught:
        diff_rows(table, table)
    assert caught.value.kind == "bad_table"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.csv", "csv"),
        ("B.CSV", "csv"),
        ("x.tsv", "tsv"),
        ("x.jsonl", "jsonl"),
        ("x.ndjson", "jsonl"),
        ("x.parquet", "parquet"),
        ("x.csv/readme", None),
        ("csv", None),
    ],
)
def test_the_kind_of_a_table_is_in_its_name(path, kind):
    assert table_kind(path) == kind


rows = st.dictionaries(st.integers(0, 20), st.integers(0, 2), max_size=15)


@given(before=rows, after=rows)
def test_the_numbers_are_those_of_plain_dicts(before, after):
    def table(values):
        return jsonl(*(f'{{"k": {key}, "v": {value}}}' for key, value in values.items()))

    found = diff_rows(table(before), table(after), key=["k"], examples=100)
    both = before.keys() & after.keys()
    changed = {key for key in both if before[key] != after[key]}
    assert numbers(found) == (
        len(after.keys() - both),
        len(before.keys() - both),
        len(changed),
        len(both) - len(changed),
    )
    shown = {(c.before or c.after or {})["k"]: (c.before, c.after) for c in found.examples}
    assert shown.keys() == changed | (before.keys() ^ after.keys())


# -- large tables


class Watched(io.BytesIO):
    """A file that counts what was read of it."""

    count = 0

    def read(self, size=-1):
        data = super().read(size)
        self.count += len(data)
        return data

    def read1(self, size=-1):
        return self.read(size)


@pytest.fixture
def large():
    """A table of a hundred thousand rows, and the files as which it was opened."""
    data = b"id,text\n" + b"".join(b"%d,%s\n" % (n, b"x" * 90) for n in range(100_000))
    opened = []

    def open_it():
        opened.append(Watched(data))
        return opened[-1]

    return Table("csv", open_it), opened


def test_of_a_large_csv_no_more_is_read_than_what_was_asked_for(large):
    table, opened = large
    assert table.columns() == ["id", "text"]
    rows = table.rows()
    assert [next(rows)["id"] for _ in range(3)] == ["0", "1", "2"]
    assert [file.count < 1 << 18 for file in opened] == [True, True]
    rows.close()
    assert [file.closed for file in opened] == [True, True]


def test_a_large_csv_is_read_whole(large):
    assert [int(row["id"]) for row in large[0].rows()] == list(range(100_000))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * (17 << 20), "a line is longer"),
        (b'a\n"' + (b"x" * 1023 + b"\n") * (17 << 10), "field larger than field limit"),
    ],
    ids=["no line ends", "a quote that is never closed"],
)
def test_what_is_no_csv_does_not_take_all_memory(data, reason):
    with pytest.raises(FormatError, match=reason):
        list(Table("csv", lambda: io.BytesIO(data)).rows())


def test_a_csv_of_many_dialects():
    rows = [{"a": "1", "b": '2 "x"'}, {"a": "", "b": "3\r\n4"}]
    lines = ["\ufeffa,b", "", '1,"2 ""x"""', ',"3\r\n4"', ""]
    for end in ("\n", "\r\n", "\r"):
        data = end.join(lines).encode()
        assert list(Table("csv", functools.partial(io.BytesIO, data)).rows()) == rows


def test_a_row_with_too_few_cells_is_said_by_its_line():
    with pytest.raises(FormatError, match="line 3: 1 cells, not 2"):
        list(csv("a,b\n1,2\n3\n").rows())
