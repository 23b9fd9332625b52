import io
import logging
import threading

import pytest

from artifacts.store.errors import ObjectNotFoundError, StorageError
from artifacts.store.objects import (
    LocalObjects,
    MemoryObjects,
    RetryingObjects,
    RetryPolicy,
    StagedFile,
)
from artifacts.store.objects.budget import MemoryBudget
from artifacts.store.objects.s3_upload import part_size
from tests.faulty import Faults, FaultyObjects

MIB = 1 << 20


class Failing:
    """Fails some times, then returns ``"done"``."""

    def __init__(self, times, *, retryable=True):
        self.left = times
        self.calls = 0
        self.retryable = retryable

    def __call__(self):
        self.calls += 1
        if self.left:
            self.left -= 1
            raise StorageError("for the moment", retryable=self.retryable)
        return "done"


@pytest.fixture
def slept():
    return []


@pytest.fixture
def policy(slept):
    return RetryPolicy(sleep=slept.append)


def test_what_fails_for_the_moment_is_repeated(policy, slept):
    operation = Failing(5)
    assert policy.run(operation, "do it") == "done"
    assert operation.calls == 6
    assert len(slept) == 5
    for number, seconds in enumerate(slept):
        assert 0 <= seconds <= 0.2 * 2**number


def test_waiting_has_a_limit(slept):
    policy = RetryPolicy(attempts=30, cap=1, deadline=10**9, sleep=slept.append)
    policy.run(Failing(29), "do it")
    assert max(slept) <= 1
    assert len(set(slept)) > 20  # by chance


def test_the_last_error_is_raised(policy):
    operation = Failing(100)
    with pytest.raises(StorageError, match="for the moment"):
        policy.run(operation, "do it")
    assert operation.calls == 6


@pytest.mark.parametrize(
    "error", [StorageError("for ever"), ObjectNotFoundError("gone"), OSError(5, "broken")]
)
def test_other_errors_are_not_repeated(policy, slept, error):
    def operation():
        raise error

    with pytest.raises(type(error)):
        policy.run(operation, "do it")
    assert slept == []


def test_nothing_begins_after_the_deadline(slept):
    operation = Failing(100)
    with pytest.raises(StorageError):
        RetryPolicy(deadline=-1, sleep=slept.append).run(operation, "do it")
    assert operation.calls == 1


def test_each_repetition_is_logged(policy, caplog):
    with caplog.at_level(logging.WARNING):
        policy.run(Failing(2), "do it")
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "could not do it"
    ] * 2
    assert "attempt 2 of 6" in caplog.text


def test_a_staged_file_that_was_moved_is_not_put_again(tmp_path, policy, slept):
    staged = tmp_path / "staged"
    staged.write_bytes(b"data")
    (tmp_path / "objects").mkdir()
    inner = FaultyObjects(LocalObjects(tmp_path / "objects"), Faults(1, "after"))
    with pytest.raises(StorageError, match="injected"):
        RetryingObjects(inner, policy).put("a", StagedFile(staged), size=4)
    assert slept == []


def test_a_staged_file_that_is_still_there_is_put_again(tmp_path, policy):
    staged = tmp_path / "staged"
    staged.write_bytes(b"data")
    inner = FaultyObjects(LocalObjects(tmp_path / "objects"), Faults(1, "before"))
    RetryingObjects(inner, policy).put("a", StagedFile(staged), size=4)
    assert (tmp_path / "objects" / "a").read_bytes() == b"data"


class Breaking(io.BytesIO):
    """Breaks after some bytes, and stays so."""

    def __init__(self, data, after):
        super().__init__(data)
        self.after = after
        self.broken = False

    def read(self, size=-1, /):
        if self.broken or self.tell() + size > self.after:
            self.broken = True
            raise StorageError("cut", retryable=True)
        return super().read(size)


class BreakingObjects(MemoryObjects):
    """All streams break after 100 bytes."""

    def __init__(self):
        super().__init__()
        self.opened = []

    def open(self, key, *, offset=0, length=None):
        self.opened.append((offset, length))
        data = super().open(key, offset=offset, length=length).read()
        return _NotComplete(Breaking(data, 100))


class _NotComplete(io.RawIOBase):
    """Hides that a stream is in memory."""

    def __init__(self, stream):
        self.stream = stream

    def read(self, size=-1, /):
        return self.stream.read(size)

    def seek(self, offset, whence=0, /):
        return self.stream.seek(offset, whence)

    def tell(self):
        return self.stream.tell()


DATA = bytes(range(250))


@pytest.fixture
def broken():
    objects = BreakingObjects()
    objects.put("a", lambda: io.BytesIO(b"..." + DATA + b"..."), size=len(DATA) + 6)
    return objects


def test_a_stream_is_opened_again_where_it_broke(broken, policy):
    with RetryingObjects(broken, policy).open("a", offset=3, length=250) as file:
        assert file.read(80) == DATA[:80]
        assert file.read(80) == DATA[80:160]
        assert file.tell() == 160
        buffer = bytearray(80)
        assert file.readinto(buffer) == 80  # type: ignore[attr-defined]
        assert buffer == DATA[160:240]
        assert file.seek(-2, io.SEEK_END) == 248
        assert file.read(10) == DATA[248:]
        assert file.seek(10) == 10
        assert file.read(20) == DATA[10:30]
        file.seek(5, io.SEEK_CUR)
        assert file.read(5) == DATA[35:40]
    assert broken.opened[:3] == [(3, 250), (83, 170), (163, 90)]
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_a_listing_that_breaks_goes_on_without_repeating(policy):
    class Breaking(MemoryObjects):
        left = 3

        def list(self, prefix=""):
            for number, info in enumerate(super().list(prefix)):
                if number == 5 - self.left and self.left:
                    self.left -= 1
                    raise StorageError("cut", retryable=True)
                yield info

    objects = Breaking()
    for number in range(6):
        objects.put(str(number), lambda: io.BytesIO(b"x"), size=1)
    found = [info.key for info in RetryingObjects(objects, policy).list()]
    assert sorted(found) == ["0", "1", "2", "3", "4", "5"]
    assert objects.left == 0


def test_a_budget_makes_wait():
    budget = MemoryBudget(100)
    assert budget.try_acquire(50)
    assert not budget.try_acquire(1)  # half is left to those who wait
    budget.acquire(50)
    got = threading.Event()

    def wait():
        with budget.held(30):
            got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.wait(0.05)
    budget.release(50)
    thread.join()
    assert got.is_set()
    budget.release_taken(50)
    assert (budget.used, budget.peak) == (0, 100)


def test_a_request_larger_than_the_budget_is_let_through_alone():
    budget = MemoryBudget(100)
    with budget.held(500):
        assert not budget.try_acquire(1)
    # Readers that nobody reads do not keep it waiting for ever.
    assert budget.try_acquire(50)
    with budget.held(80):
        pass
    assert budget.used == 50


@pytest.mark.parametrize(
    ("size", "expected"), [(17 * MIB, 16 * MIB), (160_000 * MIB, 16 * MIB), (5 << 40, 525 * MIB)]
)
def test_parts_grow_so_that_they_are_not_too_many(size, expected):
    assert part_size(size) == expected
    assert -(-size // expected) <= 10_000
