import os

import pytest

from artifacts.store import marks
from artifacts.store.digests import Digest, hash_bytes
from artifacts.store.marks import PARTITIONS, PREFIX, MarkSet


def some(count):
    return [hash_bytes(str(i).encode()) for i in range(count)]


def test_what_was_added_is_in_it():
    found = MarkSet()
    assert hash_bytes(b"x") not in found
    digests = some(1000)
    found.update(digests[:500])
    assert all(digest in found for digest in digests[:500])
    assert not any(digest in found for digest in digests[500:])


def test_partitions_hold_everything_once():
    digests = some(1000)
    found = MarkSet()
    found.update(digests)
    found.update(digests)
    parts = [found.partition(first) for first in range(PARTITIONS)]
    assert all(prefix[0] == first for first, part in enumerate(parts) for prefix in part)
    assert set().union(*parts) == {digest[:PREFIX] for digest in digests}


def test_what_comes_again_takes_no_more_space(monkeypatch):
    monkeypatch.setattr(marks, "_COMPACT_FROM", 64)
    found = MarkSet()
    digests = [Digest(bytes([7]) + os.urandom(31)) for _ in range(100)]
    for _ in range(50):
        found.update(digests)
    assert len(found._partitions[7]) <= 300
    assert all(digest in found for digest in digests)


@pytest.mark.parametrize("other", [b"\x00" * 24, b"\xff" * 24])
def test_digests_with_the_same_beginning_count_as_one(other):
    """That keeps garbage a little longer, and takes nothing that is needed."""
    found = MarkSet()
    digest = hash_bytes(b"x")
    found.update([digest])
    assert Digest(digest[:PREFIX] + other) in found
