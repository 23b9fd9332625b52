"""What has to hold for every store at every time, whatever happened to it before."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from artifacts.store.catalog import schema
from artifacts.store.check import check
from artifacts.store.checkout import checkout
from artifacts.store.digests import hash_bytes
from artifacts.store.records import INTERNAL_TYPES
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store


def assert_sound(store: Store) -> None:
    """A full check, every byte read, finds nothing wrong."""
    report = check(store, read_data=True)
    assert report.problems == []


def assert_nothing_left(store: Store) -> None:
    """No upload is open, and every object belongs to the store."""
    report = check(store)
    assert report.pending_objects == []
    assert report.unknown_objects == []
    assert store.catalog.leases() == []


def assert_numbers(store: Store) -> None:
    """Version numbers of each artifact are 0, 1, 2 …, tombstones included."""
    for version in _one_of_each(store):
        everything = store.catalog.list_versions(
            version.entity, version.project, version.name, deleted=True
        )
        assert [v.number for v in everything] == list(reversed(range(len(everything))))


def assert_latest(store: Store) -> None:
    """An artifact that has versions has exactly one latest, which is not deleted."""
    for version in _one_of_each(store):
        live = store.catalog.list_versions(version.entity, version.project, version.name)
        assert [LATEST in v.aliases for v in live].count(True) == 1


def assert_aliases_unique(store: Store) -> None:
    """An alias names one version of its artifact, and no deleted one."""
    for version in _one_of_each(store):
        everything = store.catalog.list_versions(
            version.entity, version.project, version.name, deleted=True
        )
        names = [alias for v in everything for alias in v.aliases]
        assert sorted(set(names)) == sorted(names)
        assert all(not v.aliases for v in everything if v.deleted_at is not None)


def assert_pulls(store: Store, version: VersionRecord, expected: Mapping[str, bytes]) -> None:
    """A version gives back exactly these files, bit for bit."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "out")
        checkout(store, store.manifest(version.digest), str(target))
        found = {
            file.relative_to(target).as_posix(): file.read_bytes()
            for file in target.rglob("*")
            if not file.is_dir()
        }
    assert found == expected


def assert_readable(store: Store) -> None:
    """Every file of every live version can be read and has the digest that the manifest says."""
    for digest in store.catalog.live_manifests():
        for entry in store.manifest(digest):
            if entry.reference is None:
                data = store.read_blob(entry.digest)
                assert (hash_bytes(data), len(data)) == (entry.digest, entry.size)


def assert_edges(store: Store) -> None:
    """Every edge says rightly whether its version merely records a run."""
    statement = (
        sa.select(schema.links.c.internal, schema.artifacts.c.type)
        .join_from(schema.links, schema.versions, schema.versions.c.id == schema.links.c.version_id)
        .join(schema.artifacts, schema.artifacts.c.id == schema.versions.c.artifact_id)
    )
    edges = store.catalog._db.read(lambda connection: connection.execute(statement).all())
    assert [edge for edge in edges if edge.internal != (edge.type in INTERNAL_TYPES)] == []


def assert_consistent(store: Store) -> None:
    """All of the above that need no knowledge of what was logged."""
    assert_sound(store)
    assert_edges(store)
    assert_numbers(store)
    assert_latest(store)
    assert_aliases_unique(store)
    assert_readable(store)


def _one_of_each(store: Store) -> list[VersionRecord]:
    records = store.catalog.list_artifacts()
    return [record.latest for record in records if record.latest is not None]
