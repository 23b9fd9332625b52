"""A writer, reader or collector that goes on until it is killed; run by ``test_chaos``.

    python -m tests.crash.chaos ROLE LOCATION CACHE JOURNAL SEED

What was acknowledged is appended to the journal, one line for each version, before anything else
is done.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from artifacts.store import gc
from artifacts.store.checkout import checkout
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ConflictError, NotFoundError, StateError
from artifacts.store.leases import LeaseKeeper
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.store import Store
from tests.support import ENTITY, PROJECT, draft_of

LEASE_AGE = 5_000_000
NAMES = ("one", "two", "three")


def content(name: str, number: int) -> bytes:
    """Return one of a few hundred blobs that all writers share."""
    size = 400_000 if number % 7 == 0 else 2000
    return hash_bytes(f"{name}{number}".encode()) * (size // 32)


def write(store: Store, journal: Path, chance: random.Random) -> None:
    """Log versions that overlap with those of others."""
    while True:
        name = chance.choice(NAMES)
        upload = store.upload(functools.partial(store.latest, ENTITY, PROJECT, name))
        entries = []
        for number in chance.sample(range(200), 12):
            data = content("blob", number)
            upload.add(data, hash_bytes(data))
            entries.append(Entry(f"f{number}", hash_bytes(data), len(data)))
        manifest = Manifest(entries)
        try:
            version, _ = store.commit(draft_of(manifest, name), upload, manifest)
        except ConflictError as error:
            # Collected before it was committed: with collections without any minimum age that
            # may happen, and is said.
            if error.kind not in {"upload_expired", "base_deleted"}:
                raise
            upload.abandon()
            continue
        with journal.open("a") as file:
            file.write(f"{name} {version.number} {version.digest.hex()}\n")
            file.flush()
            os.fsync(file.fileno())


def read(store: Store, journal: Path, chance: random.Random) -> None:
    """Pull versions; delete one now and then, which is noted before it is done."""
    while True:
        name = chance.choice(NAMES)
        found = store.catalog.list_versions(ENTITY, PROJECT, name)
        if not found:
            continue
        version = chance.choice(found)
        if chance.random() < 0.2:
            with journal.open("a") as file:
                file.write(f"deleted {name} {version.number}\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(NotFoundError, StateError):
                store.catalog.delete_version(version.id)
            continue
        with tempfile.TemporaryDirectory() as target:
            try:
                checkout(store, store.manifest(version.digest), target)
            except NotFoundError:
                # Only if it was deleted meanwhile, and its grace is none.
                assert store.catalog.version(version.id).deleted_at is not None


def collect(store: Store, chance: random.Random) -> None:
    """Collect again and again, without any age or grace."""
    while True:
        try:
            gc.collect(store, gc.Settings(min_age=0, grace=0, lease_age=LEASE_AGE))
        except ConflictError as error:
            if error.kind != "collector_busy":
                raise
        time.sleep(chance.uniform(0, 1))


def main() -> None:
    """Play a role until killed."""
    role, location, cache, journal, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    store = Store.open(location, cache_dir=Path(cache))
    store.leases = LeaseKeeper(store.catalog, renewal=0.5)
    if role == "write":
        write(store, Path(journal), chance)
    elif role == "read":
        read(store, Path(journal), chance)
    else:
        collect(store, chance)


if __name__ == "__main__":
    main()
