"""Sweeps and their trials in exports, imports, copies of a part and backups."""

import pytest

from artifacts.store import backup, exporting, transcript
from artifacts.store.catalog.sweeps import NewTrial
from artifacts.store.errors import AlreadyExistsError, FormatError
from artifacts.store.importing import import_bundle
from artifacts.store.rebuilding import rebuild
from artifacts.store.records import LinkKind, SweepState, Trial
from tests.operations.test_export import texts
from tests.support import ENTITY, PROJECT, log_files, opened, resolve

TRIAL = Trial(0, {"a": 1}, begun=True, brackets={"3": 0.5}, stopped="hyperband at iteration 3")
VALUES = {"name": "rates", "config": {"method": "grid"}, "created_by": "anna@lab"}


def reserve(catalog, sweep, run_id, trial):
    new = NewTrial(run_id, trial, {"name": run_id, "config": trial.config})
    run = catalog.reserve_trial(sweep.key, lambda _sweep, _runs: new)
    catalog.finish_run(run.key, "finished", 0)
    return run


@pytest.fixture
def full(tmp_path):
    """Sweeps s1, of two trials, and s2, which is stopped and has none; a version of trial t1."""
    with opened(tmp_path / "store") as store:
        catalog = store.catalog
        sweep = catalog.create_sweep(ENTITY, PROJECT, "s1", VALUES)
        catalog.create_sweep(ENTITY, PROJECT, "s2", VALUES)
        run = reserve(catalog, sweep, "t1", TRIAL)
        reserve(catalog, sweep, "t2", Trial(1, {"a": 2}))
        other = catalog.sweep(ENTITY, PROJECT, "s2")
        catalog.change_sweep(other.key, lambda _: SweepState.STOPPED)
        version = log_files(store, tmp_path / "data", {"a": b"a"}, "model")
        catalog.link(run.key, version.id, LinkKind.OUTPUT)
        yield store


@pytest.fixture
def other(tmp_path):
    with opened(tmp_path / "other") as other:
        yield other


def sweeps(store):
    return [(each.id, each.state) for each in store.catalog.list_sweeps(entity=ENTITY)]


def check(store):
    """What `full` has is there."""
    assert sweeps(store) == [("s2", SweepState.STOPPED), ("s1", SweepState.RUNNING)]
    sweep = store.catalog.sweep(ENTITY, PROJECT, "s1")
    assert (sweep.name, sweep.config, sweep.created_by) == tuple(VALUES.values())
    assert [run.id for run in store.catalog.trials(sweep)] == ["t1", "t2"]
    assert Trial.of(store.catalog.run(ENTITY, PROJECT, "t1")) == TRIAL


@pytest.mark.parametrize("name", ["all.tar", "folder"])
def test_everything_comes_back(full, other, tmp_path, name):
    exporting.export(full, tmp_path / name)
    import_bundle(other, tmp_path / name)
    check(other)
    assert texts(other) == texts(full)
    import_bundle(other, tmp_path / name)
    assert texts(other) == texts(full)


def test_a_sweep_that_is_here_stays_as_it_is(full, other, tmp_path):
    exporting.export(full, tmp_path / "all")
    import_bundle(other, tmp_path / "all")
    key = other.catalog.sweep(ENTITY, PROJECT, "s1").key
    other.catalog.change_sweep(key, lambda _: SweepState.CANCELLED)
    import_bundle(other, tmp_path / "all")
    assert dict(sweeps(other))["s1"] is SweepState.CANCELLED


def test_a_backup_has_them(full, tmp_path):
    backup.write(full.catalog, full.objects, full.uuid, full.staging)
    full.close()
    (tmp_path / "store" / "catalog.sqlite").unlink()
    rebuild(tmp_path / "store")
    with opened(tmp_path / "store") as store:
        check(store)


def test_a_run_of_an_older_transcript(full, other, tmp_path):
    found: list[dict] = []
    full.catalog.export(lambda: found.append)
    older = [each for each in found if each["record"] in {"project", "run"}]
    for record in older:
        record.pop("trial", None)
        transcript.check_record(record, 1)
    other.catalog.restore(lambda: older)
    assert other.catalog.run(ENTITY, PROJECT, "t1").trial is None


@pytest.mark.parametrize(
    ("change", "message"),
    [({"state": "asleep"}, "'state' is refused"), ({"config": None}, "'config' is refused")],
)
def test_what_a_sweep_may_not_be(full, change, message):
    found: list[dict] = []
    full.catalog.export(lambda: found.append)
    record = next(each for each in found if each["record"] == "sweep")
    transcript.check_record(record, 1)
    with pytest.raises(FormatError, match=message):
        transcript.check_record({**record, **change}, 1)


def test_an_id_that_is_taken(full):
    with pytest.raises(AlreadyExistsError):
        full.catalog.create_sweep(ENTITY, PROJECT, "s1", VALUES)
    full.catalog.create_sweep(ENTITY, "elsewhere", "s1", VALUES)


def test_a_part_brings_the_sweeps_of_its_runs(full, other, tmp_path):
    chosen = exporting.select(full, [resolve(full, "model").id])
    exporting.export(full, tmp_path / "part", selection=chosen)
    import_bundle(other, tmp_path / "part")
    assert sweeps(other) == [("s1", SweepState.RUNNING)]
    sweep = other.catalog.sweep(ENTITY, PROJECT, "s1")
    assert [run.id for run in other.catalog.trials(sweep)] == ["t1"]
