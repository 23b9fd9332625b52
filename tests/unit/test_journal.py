"""Journals: every value comes back exactly, and what is torn is found."""

import errno
import fcntl
import io
import math
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.store import journal as journals
from artifacts.store.errors import FormatError, InvalidInputError, StateError, StorageError
from artifacts.store.frames import frame, read_values, values_in
from artifacts.store.journal import MAGIC, Journal, Mark, is_in_use, read_journal

TEXT = st.text(st.characters(exclude_categories=[]))
KEYS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=20
)


def same(one, other):
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "run" / "1.journal")
    yield opened
    opened.close()


@given(VALUES)
def test_every_value_comes_back(value):
    assert same([value], list(values_in(frame(value))))


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**64, -(10**400), 0.1, -0.0, 5e-324])
def test_numbers_at_the_edges(value):
    [found] = values_in(frame(value))
    assert (type(found), repr(found)) == (type(value), repr(value))


def test_a_key_that_is_no_unicode():
    with pytest.raises(InvalidInputError, match="not valid Unicode"):
        frame({"\ud800": 1})


@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_torn_at_any_byte(values, data):
    frames = [frame(value) for value in values]
    whole = b"".join(frames)
    cut = data.draw(st.integers(0, len(whole)))
    for torn in (whole[:cut], whole[:cut] + bytes(50)):
        # Zeros after the cut may be just what was cut off.
        complete = 0
        while complete < len(frames) and torn.startswith(b"".join(frames[: complete + 1])):
            complete += 1
        assert same(values[:complete], list(values_in(torn))[:complete])
        assert len(list(values_in(torn))) == complete
        assert len(list(read_values(io.BytesIO(torn)))) == complete


def test_a_changed_byte_ends_it():
    good = frame({"loss": 0.5})
    for place in range(len(good)):
        damaged = bytearray(good)
        damaged[place] ^= 0x10
        assert list(values_in(bytes(damaged))) == []


def test_frames_across_blocks(monkeypatch):
    monkeypatch.setattr("artifacts.store.frames._BLOCK", 7)
    data = b"".join(frame({"i": i, "text": "x" * i}) for i in range(40))
    assert [value["i"] for value in read_values(io.BytesIO(data))] == list(range(40))


def test_rows_and_notes_in_order(journal):
    journal.add_note(["begin", {"run": "a"}])
    journal.add_row({"loss": 1}, 0)
    journal.add_row({"loss": 2}, 5)
    assert list(read_journal(journal.path)) == [["begin", {"run": "a"}], {"loss": 1}, {"loss": 2}]
    assert journal.end[1:] == (2, 5)
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_between_marks_is_everything(journal, monkeypatch):
    monkeypatch.setattr(journals, "_MARK_EVERY", 100)
    for i in range(30):
        journal.add_row({"i": i, "text": "x" * 30}, i)
    marks = journal.marks_after(journal.start)
    assert len(marks) > 5
    assert marks[-1] == journal.end
    found = []
    for start, end in zip([journal.start, *marks], marks, strict=False):
        rows = list(values_in(journal.read(start, end)))
        assert (len(rows), rows[-1]["i"]) == (end.rows - start.rows, end.step)
        found += rows
    assert [row["i"] for row in found] == list(range(30))
    assert journal.marks_after(journal.end) == []


def test_it_is_synced_within_a_second(journal, monkeypatch):
    synced = threading.Event()
    real = os.fsync

    def fsync(descriptor):
        real(descriptor)
        synced.set()

    monkeypatch.setattr(os, "fsync", fsync)
    journal.add_row({"a": 1}, 0)
    assert synced.wait(1.0)


def test_a_full_disk_leaves_the_rows_before(journal, monkeypatch):
    journal.add_row({"a": 1}, 0)
    real = os.write

    def write(descriptor, data):
        real(descriptor, data[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageError, match="No space left") as caught:
        journal.add_row({"a": 2}, 1)
    assert caught.value.kind == "disk_full"
    assert "rows that were logged before are kept" in (caught.value.hint or "")
    monkeypatch.undo()
    journal.add_row({"a": 3}, 2)
    assert list(read_journal(journal.path)) == [{"a": 1}, {"a": 3}]
    assert journal.end.rows == 2


def test_a_failed_sync_is_told(journal, monkeypatch):
    failed = threading.Event()

    def fsync(_descriptor):
        failed.set()
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    journal.add_row({"a": 1}, 0)
    assert failed.wait(5)

    def go_on():
        for step in range(1, 10_000_000):
            journal.add_row({"a": step}, step)

    with pytest.raises(StorageError, match="Input/output error"):
        go_on()
    monkeypatch.undo()


def test_who_writes_holds_it(tmp_path):
    path = tmp_path / "1.journal"
    assert not is_in_use(path)
    journal = Journal(path)
    assert is_in_use(path)
    journal.end_here()
    assert is_in_use(path)
    journal.close()
    journal.close()
    assert not is_in_use(path)
    with pytest.raises(StateError, match="was closed"):
        journal.add_row({}, 0)


def test_threads_do_not_mix_rows(journal):
    def work(number):
        for i in range(200):
            journal.add_row({"thread": number, "i": i}, i)

    threads = [threading.Thread(target=work, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(read_journal(journal.path))
    assert len(rows) == 800
    for number in range(4):
        assert [row["i"] for row in rows if row["thread"] == number] == list(range(200))


def test_a_forked_child_is_refused(journal):
    journal.add_row({"a": 1}, 0)
    child = os.fork()
    if child == 0:
        try:
            journal.add_row({"a": 2}, 1)
        except StateError as error:
            os._exit(7 if error.kind == "forked" else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert is_in_use(journal.path)
    journal.add_row({"a": 3}, 1)
    assert list(read_journal(journal.path)) == [{"a": 1}, {"a": 3}]


@pytest.mark.parametrize("size", range(len(MAGIC) + 1))
def test_killed_at_the_very_start(tmp_path, size):
    path = tmp_path / "1.journal"
    path.write_bytes(MAGIC[:size])
    assert list(read_journal(path)) == []


def test_something_else_is_refused(tmp_path):
    path = tmp_path / "1.journal"
    path.write_bytes(b"ARTJRNL\x02and more")
    with pytest.raises(FormatError, match="no journal of this version"):
        list(read_journal(path))


def test_a_journal_that_was_cut(journal):
    journal.add_row({"a": 1}, 0)
    with pytest.raises(StorageError, match="was cut"):
        journal.read(journal.start, Mark(journal.end.offset + 1, 1, 0))


def test_somebody_who_looks_whether_it_is_in_use_is_waited_for(tmp_path, monkeypatch):
    """A new journal is found by its name before its writer has locked it."""
    real = os.open
    held: list[int] = []

    def open_(path, flags, *args):
        descriptor = real(path, flags, *args)
        if flags & os.O_EXCL and not held:
            probe = real(path, os.O_RDWR)
            held.append(probe)
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
            threading.Timer(0.2, os.close, [probe]).start()
        return descriptor

    monkeypatch.setattr(os, "open", open_)
    journal = Journal(tmp_path / "a.journal")
    assert held
    assert is_in_use(journal.path)
    journal.close()
    assert not is_in_use(journal.path)
