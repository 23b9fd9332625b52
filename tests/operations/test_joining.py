"""What was logged in a store that stood in is brought to the other one, as a log would have."""

import random
from pathlib import Path

import pytest

from artifacts.store import joining
from artifacts.store.errors import ConflictError, InvalidInputError, StorageError
from artifacts.store.objects import LocalObjects
from artifacts.store.records import LinkKind, RunRecord
from artifacts.store.store import Store
from artifacts.store.transcript import Record
from tests.support import ENTITY, PROJECT, log_tree, pull, read_tree, resolve, write_tree

NAMES = ("corpus", "model")


def record_name(run_id, what):
    return f"run-{run_id}-{what}"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request, tmp_path):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    store = Store.create(tmp_path / "target", catalog=url)
    yield store
    store.close()


@pytest.fixture
def source(tmp_path):
    store = Store.create(tmp_path / "source")
    yield store
    store.close()


def begin(store, run_id):
    return store.catalog.create_run(ENTITY, PROJECT, run_id, {"name": run_id})


def end(store, *runs):
    for run in runs:
        store.catalog.finish_run(run.key, "finished", 0)


def log(store, tmp_path, content, name="corpus", **options):
    folder = write_tree(tmp_path / "contents" / str(content), {"file": str(content).encode()})
    return log_tree(store, folder, name, **options)


def join(source, target):
    parts, _ = joining.parts(source)
    return [joining.join(source, part, target, record_name=record_name) for part in parts]


def contents(store, tmp_path, name):
    """What each version of an artifact holds, by number."""
    found = {}
    for version in store.catalog.list_versions(ENTITY, PROJECT, name):
        out = tmp_path / "out" / str(len(list(tmp_path.glob("out/*"))))
        pull(store, version, out)
        found[version.number] = read_tree(out)["file"].decode()
    return found


def aliases(store, name):
    return {
        alias: version.number
        for version in store.catalog.list_versions(ENTITY, PROJECT, name)
        for alias in version.aliases
    }


def everything(store):
    records: list[Record] = []

    def start():
        records.clear()
        return records.append

    store.catalog.export(start)
    return records


class Model:
    """What a store would hold to which everything had been logged, but for the numbers.

    Those of what was logged offline follow when it is brought over.
    """

    def __init__(self):
        self.numbers: dict[str, list[str]] = {name: [] for name in NAMES}
        self.holders: dict[str, dict[str, str]] = {name: {} for name in NAMES}
        self._waiting: list[tuple[str, str]] = []

    def log(self, name, content, given, *, offline):
        for alias in (*given, "latest"):
            self.holders[name][alias] = content
        if offline:
            self._waiting.append((name, content))
        else:
            self._number(name, content)

    def join(self):
        for name, content in self._waiting:
            self._number(name, content)
        self._waiting.clear()

    def _number(self, name, content):
        if content not in self.numbers[name]:
            self.numbers[name].append(content)


@pytest.mark.parametrize("seed", range(4))
def test_everything_ends_up_where_a_log_would_have_put_it(seed, source, target, tmp_path):
    chance, model = random.Random(seed), Model()
    for turn in range(2):
        runs = [begin(source, f"r{turn}{n}") for n in range(2)]
        for _ in range(12):
            offline, name = chance.random() < 0.6, chance.choice(NAMES)
            content = str(chance.randrange(6))
            given = tuple(alias for alias in ("prod", "best") if chance.random() < 0.3)
            store = source if offline else target
            run = chance.choice(runs).key if offline else None
            log(store, tmp_path, content, name, aliases=given, run=run)
            model.log(name, content, given, offline=offline)
        end(source, *runs)
        join(source, target)
        model.join()
        for name in NAMES:
            found = contents(target, tmp_path, name)
            assert found == dict(enumerate(model.numbers[name]))
            held = {alias: found[number] for alias, number in aliases(target, name).items()}
            assert held == model.holders[name]
        before = everything(target)
        assert [(each.runs, each.versions, each.sent) for each in join(source, target)] == [
            ((), (), 0) for _ in joining.parts(source)[0]
        ]
        assert everything(target) == before
    assert len(target.catalog.list_runs()) == 4


def test_edges_come_along(source, target, tmp_path):
    run = begin(source, "r")
    used = log(source, tmp_path, "raw", "raw")
    source.catalog.link(run.key, used.id, LinkKind.INPUT, ref_text="raw:latest", alias="latest")
    log(source, tmp_path, "x", run=run.key, aliases=("prod",))
    end(source, run)
    join(source, target)
    [run] = target.catalog.list_runs()
    [used_link] = target.catalog.links_of_runs([run.key], LinkKind.INPUT)
    assert (used_link.version.ref, used_link.ref_text) == ("demo/raw:v0", "raw:latest")
    [made] = target.catalog.links_of_runs([run.key], LinkKind.OUTPUT)
    assert made.version.ref == "demo/corpus:v0"


def test_runs_that_share_nothing_are_parts_of_their_own(source, tmp_path):
    first, second, third, going = (begin(source, name) for name in ("a", "b", "c", "d"))
    log(source, tmp_path, 1, "one", run=first.key)
    log(source, tmp_path, 2, "two", run=second.key)
    log(source, tmp_path, 3, "one", run=third.key)
    log(source, tmp_path, 4, "four", run=going.key)
    log(source, tmp_path, 5, "five")
    end(source, first, second, third)
    parts, unfinished = joining.parts(source)
    assert [[run.id for run in part.runs] for part in parts] == [["a", "c"], ["b"], []]
    assert [[version.name for version in part.versions] for part in parts] == [
        ["one", "one"],
        ["two"],
        ["five"],
    ]
    assert [run.id for run in unfinished] == ["d"]


def test_what_an_unfinished_run_logs_and_a_finished_one_uses_comes_along(source, target, tmp_path):
    going, done = begin(source, "going"), begin(source, "done")
    version = log(source, tmp_path, "x", run=going.key)
    log(source, tmp_path, "y", run=going.key)
    source.catalog.link(done.key, version.id, LinkKind.INPUT)
    end(source, done)
    join(source, target)
    assert contents(target, tmp_path, "corpus") == {0: "x"}
    # The alias has not gone to a version that is not there, nor to nothing.
    assert aliases(target, "corpus") == {"latest": 0}
    end(source, going)
    join(source, target)
    assert contents(target, tmp_path, "corpus") == {0: "x", 1: "y"}
    assert aliases(target, "corpus") == {"latest": 1}


def test_an_alias_that_was_taken_away_offline(source, target, tmp_path):
    run = begin(source, "r")
    version = log(source, tmp_path, "x", run=run.key, aliases=("prod",))
    end(source, run)
    join(source, target)
    source.catalog.remove_alias(version.id, "prod")
    join(source, target)
    assert aliases(target, "corpus") == {"latest": 0}


def test_what_was_deleted_offline_is_only_remembered(source, target, tmp_path):
    run = begin(source, "r")
    version = log(source, tmp_path, "x", run=run.key)
    log(source, tmp_path, "y", run=run.key)
    end(source, run)
    source.catalog.delete_version(version.id)
    join(source, target)
    [live] = target.catalog.list_versions(ENTITY, PROJECT, "corpus")
    assert len(target.catalog.list_versions(ENTITY, PROJECT, "corpus", deleted=True)) == 2
    assert aliases(target, "corpus") == {"latest": live.number}


def test_another_type_changes_nothing(source, target, tmp_path):
    log(target, tmp_path, "x")
    run = begin(source, "r")
    log(source, tmp_path, "y", run=run.key)
    end(source, run)
    [artifact] = source.catalog.list_artifacts()
    source.catalog.edit_artifact(artifact.id, name="corpus", type_="model", description=None)
    before = everything(target)
    with pytest.raises(InvalidInputError):
        join(source, target)
    assert everything(target) == before


def test_an_id_that_is_taken_while_it_is_brought(source, target, tmp_path, monkeypatch):
    run = begin(source, "r")
    log(source, tmp_path, "x", run=run.key)
    end(source, run)
    real = target.catalog.join
    others: list[RunRecord] = []

    def taken(*arguments, **options):
        if not others:
            others.append(begin(target, "r"))
        return real(*arguments, **options)

    monkeypatch.setattr(target.catalog, "join", taken)
    [joined] = join(source, target)
    assert [run_id for _, run_id in joined.runs] == ["r-2"]


def test_an_id_that_keeps_being_taken(source, target, tmp_path, monkeypatch):
    run = begin(source, "r")
    end(source, run)

    def taken(*_, **__):
        raise ConflictError("taken", kind="run_id_taken")

    monkeypatch.setattr(target.catalog, "join", taken)
    with pytest.raises(ConflictError):
        join(source, target)


def test_a_target_that_fails_keeps_nothing(source, target, tmp_path, monkeypatch):
    run = begin(source, "r")
    log(source, tmp_path, "x", run=run.key)
    end(source, run)

    def fail(*_, **__):
        raise StorageError("full")

    monkeypatch.setattr(LocalObjects, "put", fail)
    with pytest.raises(StorageError):
        join(source, target)
    monkeypatch.undo()
    assert target.catalog.list_runs() == []
    assert target.catalog.list_objects() == []
    join(source, target)
    assert resolve(target, "corpus:v0").digest == resolve(source, "corpus:v0").digest


def test_only_what_is_missing_travels(source, target, tmp_path):
    large = tmp_path / "large"
    write_tree(large, {"large": bytes(range(256)) * 4000})
    log_tree(target, large, "other")
    run = begin(source, "r")
    log_tree(source, large, "corpus", run=run.key)
    end(source, run)
    [joined] = join(source, target)
    assert joined.sent < 1000
    assert Path(large / "large").stat().st_size > 1_000_000
