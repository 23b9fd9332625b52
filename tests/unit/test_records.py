import dataclasses
from datetime import UTC, datetime

import pytest

from artifacts.store import places, records
from artifacts.store.digests import hash_bytes


def version(**changes):
    values = {
        "id": 1,
        "entity": "local",
        "project": "demo",
        "name": "corpus",
        "type": "dataset",
        "number": 3,
        "digest": hash_bytes(b""),
        "size": 0,
        "file_count": 0,
        "description": None,
        "metadata": {},
        "aliases": (),
        "tags": (),
        "created_at": 0,
        "updated_at": 0,
        "created_by": None,
    }
    return records.VersionRecord(**{**values, **changes})


def test_times_are_utc():
    assert records.to_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert records.to_datetime(1_500_000) == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


def test_versions_say_their_names():
    assert version().version == "v3"
    assert version().ref == "demo/corpus:v3"


def test_records_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        version().number = 4


def test_numbers_of_the_pack_format():
    assert [(e.name, e.value) for e in places.Encoding] == [("IDENTITY", 0), ("ZSTD", 1)]
