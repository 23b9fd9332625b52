"""Writers, readers and collectors that are killed at random, on every kind of store."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from artifacts.store import gc
from artifacts.store.store import Store
from tests import invariants
from tests.crash.chaos import LEASE_AGE
from tests.support import ENTITY, PROJECT

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("ART_TEST_CHAOS_SECONDS", "40"))
PAUSE = (1, 5)
ROLES = ("write", "write", "write", "read", "collect")


@pytest.fixture(params=["local", "team"])
def location(request, tmp_path):
    """The address of an empty store: embedded, or on S3 and PostgreSQL."""
    if request.param == "local":
        Store.create(tmp_path / "store").close()
    else:
        Store.create(
            tmp_path / "store",
            objects=request.getfixturevalue("s3_url"),
            catalog=request.getfixturevalue("postgres_url"),
            cache_dir=tmp_path / "cache",
        ).close()
    return tmp_path / "store"


class Crew:
    """Processes, one for each role; whoever is killed is replaced."""

    def __init__(self, location, folder, seed):
        self.location, self.folder = location, folder
        self.chance = random.Random(seed)
        self.alive = {}
        self.journals = []
        self.killed = 0

    def start(self, place, role):
        journal = self.folder / f"journal-{len(self.journals)}"
        self.journals.append(journal)
        log = (self.folder / f"{journal.name}.log").open("w")
        command = [sys.executable, "-m", "tests.crash.chaos", role, str(self.location)]
        command += [str(self.folder / f"cache-{place}"), str(journal)]
        command += [str(self.chance.randrange(1 << 30))]
        self.alive[place] = (role, subprocess.Popen(command, cwd=ROOT, stderr=log), log.name)
        log.close()

    def kill(self, place):
        role, process, log = self.alive.pop(place)
        died = process.poll()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert died is None, f"{role} ended by itself:\n{Path(log).read_text()[-3000:]}"
        self.killed += 1
        return role

    def run(self, seconds):
        for place, role in enumerate(ROLES):
            self.start(place, role)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(*PAUSE))
            place = self.chance.choice(list(self.alive))
            self.start(place, self.kill(place))
        for place in list(self.alive):
            self.kill(place)

    def acknowledged(self):
        """Return (name, number) -> digest of what was acknowledged and nobody deleted."""
        found, deleted = {}, set()
        for journal in self.journals:
            for line in journal.read_text().splitlines() if journal.exists() else ():
                first, *rest = line.split()
                if first == "deleted":
                    deleted.add((rest[0], int(rest[1])))
                else:
                    found[first, int(rest[0])] = bytes.fromhex(rest[1])
        return {key: digest for key, digest in found.items() if key not in deleted}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_that_was_acknowledged_is_lost(location, tmp_path):
    folder = tmp_path / "crew"
    folder.mkdir()
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    crew = Crew(location, folder, seed)
    try:
        crew.run(SECONDS)
    finally:
        for _, process, _ in crew.alive.values():
            process.kill()
            process.wait()
    acknowledged = crew.acknowledged()
    print(f"{len(acknowledged)} versions, {crew.killed} processes killed")
    assert crew.killed > 5
    assert len(acknowledged) > 5
    store = Store.open(location, cache_dir=tmp_path / "cache")
    try:
        _settle(store)
        for (name, number), digest in acknowledged.items():
            [version] = [
                v for v in store.catalog.list_versions(ENTITY, PROJECT, name) if v.number == number
            ]
            assert version.digest == digest
        invariants.assert_consistent(store)
        invariants.assert_nothing_left(store)
        _assert_nothing_superfluous(store)
    finally:
        store.close()


def _settle(store):
    """Wait until the killed ones' leases are over, and collect."""
    time.sleep(LEASE_AGE / 1e6 + 0.5)
    for _ in range(3):
        gc.collect(store, gc.Settings(min_age=0, grace=0, lease_age=LEASE_AGE))


def _assert_nothing_superfluous(store):
    """Every object holds something that a version needs."""
    plan = gc.plan(store, gc.Settings(min_age=0, grace=0, lease_age=LEASE_AGE))
    assert (plan.condemn, plan.delete, plan.abandoned) == ([], [], [])
