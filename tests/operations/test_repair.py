"""Repairing: what is saved, what is brought from elsewhere, and what is lost for good."""

import shutil

import pytest

from artifacts.store import exporting, repair
from artifacts.store.bundle import Bundle
from artifacts.store.check import check
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ArtifactsError, ConflictError
from artifacts.store.manifest import Manifest
from artifacts.store.store import Store
from tests import invariants
from tests.faulty import Faults, FaultyObjects
from tests.support import (
    HUGE,
    LARGE,
    SMALL,
    damage,
    draft_of,
    log_files,
    object_file,
    opened,
    pull,
    resolve,
)

FILES = {"a": SMALL, "b": LARGE, "c/huge": HUGE, "d": b"d" * 500, "empty": b""}
OTHER = {"d": b"d" * 500, "e": b"e"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    with opened(folder / "store") as store:
        log_files(store, folder / "1", FILES)
        log_files(store, folder / "2", OTHER, "other")
    return folder / "store"


@pytest.fixture
def store(template, tmp_path):
    """Two versions that have a file in common."""
    shutil.copytree(template, tmp_path / "store")
    with opened(tmp_path / "store") as store:
        yield store


@pytest.fixture(params=["store", "export"])
def providers(request, store, tmp_path):
    """Somebody who has everything."""
    if request.param == "export":
        exporting.export(store, tmp_path / "all.tar")
        yield [repair.BundleProvider(Bundle(tmp_path / "all.tar"))]
        return
    shutil.copytree(tmp_path / "store", tmp_path / "good")
    with opened(tmp_path / "good") as good:
        yield [repair.StoreProvider(good)]


def place_of(store, data):
    digest = hash_bytes(data)
    return store.locate([digest])[digest]


def harm(store, data, how="byte"):
    """Damage a blob."""
    place = place_of(store, data)
    file = object_file(store, place.key)
    if how == "gone":
        file.unlink()
    elif how == "short":
        file.chmod(0o644)
        file.write_bytes(file.read_bytes()[: place.offset + 1])
    else:
        damage(file, at=place.offset)
    return place.key


def mend(store, providers=()):
    report = check(store, read_data=True)
    return repair.repair(store, repair.plan(store, report, providers), providers)


@pytest.mark.parametrize("data", [SMALL, LARGE, HUGE], ids=["small", "large", "huge"])
@pytest.mark.parametrize("how", ["byte", "gone", "short"])
def test_what_is_damaged_comes_from_elsewhere(store, providers, data, how):
    key = harm(store, data, how)
    done = mend(store, providers)
    assert done.objects == 1
    assert done.broken == ()
    assert done.fetched >= 1
    assert key not in {record.key for record in store.catalog.list_objects()}
    assert not object_file(store, key).exists()
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)
    invariants.assert_pulls(store, resolve(store, "data"), FILES)


def test_only_what_is_damaged_is_brought(store, providers):
    harm(store, SMALL)
    done = mend(store, providers)
    assert (done.fetched, done.saved) == (1, 3)  # the rest of the pack, with the manifest


def test_a_damaged_manifest(store, providers):
    version = resolve(store, "data")
    place = store.locate([version.digest])[version.digest]
    damage(object_file(store, place.key), at=place.offset + place.length // 2)
    assert mend(store, providers).broken == ()
    invariants.assert_consistent(store)


def test_a_plan_changes_nothing(store):
    harm(store, LARGE)
    before = [(r.key, r.state) for r in store.catalog.list_objects()]
    plan = repair.plan(store, check(store, read_data=True), [])
    assert [record.size for record in plan.damaged] == [len(LARGE)]
    assert plan.lost == {hash_bytes(LARGE)}
    assert list(plan.broken) == [resolve(store, "data").digest]
    assert [(r.key, r.state) for r in store.catalog.list_objects()] == before
    assert resolve(store, "data").broken is None


def test_a_sound_store_needs_no_repair(store):
    assert not repair.plan(store, check(store, read_data=True), [])


def test_what_nobody_has_breaks_the_versions_that_need_it(store):
    harm(store, LARGE)
    done = mend(store)
    [(names, text)] = done.broken
    assert names == "demo/data:v0"
    assert hash_bytes(LARGE).hex() in text
    assert resolve(store, "data").broken == text
    assert resolve(store, "other").broken is None
    assert [p.kind for p in check(store, read_data=True).problems] == ["broken_version"]
    invariants.assert_pulls(store, resolve(store, "other"), OTHER)


def test_what_two_versions_need_breaks_both(store):
    harm(store, b"d" * 500)
    assert sorted(names for names, _ in mend(store).broken) == ["demo/data:v0", "demo/other:v0"]


def test_a_lost_manifest(store):
    version = resolve(store, "data")
    place = store.locate([version.digest])[version.digest]
    damage(object_file(store, place.key), at=place.offset + place.length // 2)
    assert mend(store).broken == (("demo/data:v0", "its manifest is lost"),)


def test_a_broken_version_is_healed_by_another_repair(store, providers):
    harm(store, LARGE)
    mend(store)
    done = mend(store, providers)
    assert done.healed == ("demo/data:v0",)
    assert resolve(store, "data").broken is None
    invariants.assert_consistent(store)


def test_a_broken_version_is_healed_by_logging_it_again(store, tmp_path):
    harm(store, LARGE)
    mend(store)
    again = log_files(store, tmp_path / "again", FILES)
    assert (again.number, again.broken) == (0, None)
    invariants.assert_consistent(store)


def test_who_has_it_damaged_too_cannot_help(store, tmp_path):
    shutil.copytree(tmp_path / "store", tmp_path / "bad")
    exporting.export(store, tmp_path / "all.tar")
    harm(store, LARGE)
    with opened(tmp_path / "bad") as bad:
        harm(bad, LARGE)
        bundle = repair.BundleProvider(Bundle(tmp_path / "all.tar"))
        assert mend(store, [repair.StoreProvider(bad)]).broken != ()
        assert mend(store, [repair.StoreProvider(bad), bundle]).broken == ()
    invariants.assert_consistent(store)


def test_a_remote_store_is_repaired_from_the_cache(tmp_path):
    bucket = f"memory://{tmp_path.as_posix().replace('/', '-')}"
    store = Store.create(tmp_path / "remote", objects=bucket, cache_dir=tmp_path / "cache")
    try:
        version = log_files(store, tmp_path / "data", FILES)
        pull(store, version, tmp_path / "out")
        key = place_of(store, LARGE).key
        store.objects.delete([key])
        providers = [repair.CacheProvider(store)]
        plan = repair.plan(store, check(store), providers)
        assert plan.fetched == {hash_bytes(LARGE)}
        assert repair.repair(store, plan, providers).broken == ()
        invariants.assert_consistent(store)
        assert store.cache is not None
        store.cache.clear()
        invariants.assert_pulls(store, version, FILES)
    finally:
        store.close()


def test_a_writer_that_relies_on_a_damaged_object_is_refused(store, tmp_path):
    upload = store.upload()
    entry = store.manifest(resolve(store, "data").digest).get("b")
    assert upload.claim([entry.digest]) == {entry.digest}
    harm(store, LARGE)
    mend(store)
    manifest = Manifest([entry])
    with pytest.raises(ConflictError):
        store.commit(draft_of(manifest, "new"), upload, manifest)
    upload.abandon()
    invariants.assert_nothing_left(store)


def test_a_repair_that_fails_anywhere_loses_nothing(template, tmp_path):
    number, done = 0, False
    while not done:
        number += 1
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        with opened(folder) as store:
            exporting.export(store, tmp_path / f"{number}.tar")
            providers = [repair.BundleProvider(Bundle(tmp_path / f"{number}.tar"))]
            harm(store, SMALL)
            harm(store, LARGE)
            report = check(store, read_data=True)
            plan = repair.plan(store, report, providers)
            faults, objects = Faults(number), store.objects
            store.objects = FaultyObjects(objects, faults)
            try:
                repair.repair(store, plan, providers)
                done = faults.failed is None
            except ArtifactsError:
                pass
            store.objects = objects
            if not done:
                mend(store, providers)
            invariants.assert_consistent(store)
            invariants.assert_pulls(store, resolve(store, "data"), FILES)
    assert number > 3
