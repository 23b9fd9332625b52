"""Exports: what comes back from them, what is refused, and what a target keeps."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import psycopg
import pytest

from artifacts.store import backup, exporting, keys, repair, transfer
from artifacts.store.bundle import Bundle
from artifacts.store.check import check
from artifacts.store.digests import format_digest, hash_bytes
from artifacts.store.errors import (
    AlreadyExistsError,
    ArtifactsError,
    FormatError,
    IntegrityError,
    InvalidInputError,
    StoreNotFoundError,
)
from artifacts.store.importing import import_bundle
from artifacts.store.manifest import HEADER
from artifacts.store.places import Encoding
from artifacts.store.rebuilding import rebuild
from artifacts.store.records import LinkKind
from artifacts.store.store import Store
from artifacts.store.transfer import Target
from tests import invariants
from tests.faulty import Faults, FaultyObjects
from tests.support import (
    ENTITY,
    HUGE,
    LARGE,
    PROJECT,
    SMALL,
    damage,
    log_files,
    log_tree,
    object_file,
    opened,
    resolve,
    write_tree,
)

FILES = {"a": SMALL, "b": LARGE, "c/huge": HUGE, "empty": b""}
NEXT = {"a": b"changed", "b": LARGE}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store to be copied; see `full`."""
    folder = tmp_path_factory.mktemp("template")
    with opened(folder / "store") as store:
        fill(store, folder)
    return folder / "store"


@pytest.fixture
def full(template, tmp_path):
    """raw:v0 and v1, of which v0 was deleted; a run used v1 and logged model:v0, which is prod."""
    shutil.copytree(template, tmp_path / "store")
    with opened(tmp_path / "store") as store:
        yield store


def fill(store, tmp_path):
    first = log_files(store, tmp_path / "raw0", FILES, "raw")
    second = log_files(store, tmp_path / "raw1", NEXT, "raw")
    store.catalog.delete_version(first.id)
    run = store.catalog.create_run(ENTITY, PROJECT, "r1", {"name": "fit", "summary": {"loss": 0.5}})
    store.catalog.link(run.key, second.id, LinkKind.INPUT, ref_text="raw:latest", alias="latest")
    model = log_tree(
        store,
        write_tree(tmp_path / "model", {"weights": LARGE[::-1], "note": b"n"}),
        "model",
        aliases=("prod",),
        run=run.key,
    )
    store.catalog.add_tags(model.id, ["golden"])
    store.catalog.protect_alias(model.id, "prod", protected=True)
    store.catalog.finish_run(run.key, "finished", 0)


@pytest.fixture
def other(tmp_path):
    """Another store."""
    with opened(tmp_path / "other") as other:
        yield other


def texts(store):
    """Everything that the catalog says, but for keys of rows."""
    found: list[dict] = []
    store.catalog.export(lambda: found.append)
    moved = ("name", "alias", "from", "to", "at")
    events = {r["event"]: [r[name] for name in moved] for r in found if "from" in r}
    for record in found:
        if "event" in record:
            record["event"] = events.get(record["event"])
    return sorted(json.dumps(record, sort_keys=True) for record in found)


@pytest.mark.parametrize("name", ["all.tar", "folder"])
def test_everything_comes_back(full, other, tmp_path, name):
    done = exporting.export(full, tmp_path / name)
    assert (done.versions, done.deleted, done.broken) == (2, 1, ())
    result = import_bundle(other, tmp_path / name)
    assert sorted(result.changes.versions) == ["demo/model:v0", "demo/raw:v0", "demo/raw:v1"]
    assert texts(other) == texts(full)
    invariants.assert_consistent(other)
    invariants.assert_nothing_left(other)
    invariants.assert_pulls(other, resolve(other, "raw"), NEXT)
    assert resolve(other, "model:prod").protected == ("prod",)
    [link] = other.catalog.links_of_versions([resolve(other, "raw:v1").id], LinkKind.INPUT)
    assert (link.run.id, link.run.summary, link.ref_text) == ("r1", {"loss": 0.5}, "raw:latest")


def test_data_of_deleted_versions_stay_behind(full, tmp_path):
    exporting.export(full, tmp_path / "all.tar")
    held = {p.digest for part in Bundle(tmp_path / "all.tar").parts() for p in part.places}
    assert hash_bytes(HUGE) not in held
    assert hash_bytes(LARGE) in held


def test_a_second_import_brings_nothing(full, other, tmp_path):
    exporting.export(full, tmp_path / "all.tar")
    import_bundle(other, tmp_path / "all.tar")
    before, objects = texts(other), other.catalog.list_objects()
    again = import_bundle(other, tmp_path / "all.tar")
    assert (again.changes.versions, again.changes.existing, again.new_bytes) == ([], 3, 0)
    assert (again.changes.runs, again.changes.links, again.changes.aliases_moved) == (0, 0, [])
    assert texts(other) == before
    assert [o.key for o in other.catalog.list_objects()] == [o.key for o in objects]


def test_only_missing_blobs_are_written(full, other, tmp_path):
    log_files(other, tmp_path / "there", {"b": LARGE}, "there")
    exporting.export(full, tmp_path / "all.tar")
    result = import_bundle(other, tmp_path / "all.tar")
    assert result.new_bytes < 2 * len(LARGE)
    assert [r.size for r in other.catalog.list_objects()].count(len(LARGE)) == 2
    invariants.assert_consistent(other)


def test_selected_versions_with_what_they_were_made_of(full, other, tmp_path):
    model = resolve(full, "model:prod")
    alone = exporting.select(full, [model.id])
    assert alone.versions == {model.id}
    exporting.export(full, tmp_path / "alone.tar", selection=alone)
    first = import_bundle(other, tmp_path / "alone.tar")
    assert first.changes.versions == ["demo/model:v0"]
    assert (first.changes.runs, first.changes.links, first.changes.links_left_out) == (1, 1, 1)
    both = exporting.select(full, [model.id], with_inputs=True)
    exporting.export(full, tmp_path / "both.tar", selection=both)
    second = import_bundle(other, tmp_path / "both.tar")
    assert second.changes.versions == ["demo/raw:v1"]
    assert (second.changes.runs, second.changes.links, second.changes.links_left_out) == (0, 1, 0)
    # Its number was free, and it is the only one there.
    assert resolve(other, "raw:latest").number == 1


def test_a_project_with_everything_in_it(full, tmp_path):
    chosen = exporting.select(full, projects=[(ENTITY, PROJECT)])
    exporting.export(full, tmp_path / "part.tar", selection=chosen)
    exporting.export(full, tmp_path / "all.tar")
    part, everything = (list(Bundle(tmp_path / name).records()) for name in ("part.tar", "all.tar"))
    assert part == everything


# -- conflicts


def test_other_content_under_the_same_name_gets_new_numbers(full, other, tmp_path):
    mine = log_files(other, tmp_path / "mine", {"mine": b"mine"}, "raw")
    log_files(other, tmp_path / "mine1", {"mine": b"more"}, "raw")
    exporting.export(full, tmp_path / "all.tar")
    for _ in range(2):  # the second time finds what the first one brought
        result = import_bundle(other, tmp_path / "all.tar")
        assert result.changes.renumbered == [
            ("demo/raw:v0", "demo/raw:v2"),
            ("demo/raw:v1", "demo/raw:v3"),
        ]
    assert result.changes.versions == []
    assert result.changes.aliases_kept == ["demo/raw:latest (v3 in the export)"]
    assert resolve(other, "raw:v0").digest == mine.digest
    assert resolve(other, "raw:latest").number == 1
    invariants.assert_pulls(other, resolve(other, "raw:v3"), NEXT)
    invariants.assert_consistent(other)


def test_aliases_move_when_asked_but_protected_ones_do_not(full, other, tmp_path):
    write_tree(tmp_path / "mine", {"m": b"m"})
    mine = log_tree(other, tmp_path / "mine", "model", aliases=("prod",))
    log_files(other, tmp_path / "mine1", {"m": b"n"}, "raw")
    other.catalog.protect_alias(mine.id, "prod", protected=True)
    exporting.export(full, tmp_path / "all.tar")
    result = import_bundle(other, tmp_path / "all.tar", move_aliases=True)
    assert resolve(other, "model:prod").digest == mine.digest
    assert result.changes.aliases_kept == ["demo/model:prod (v1 in the export)"]
    assert resolve(other, "raw:latest").digest == resolve(full, "raw:latest").digest


def test_equal_content_is_the_version_that_is_there(full, other, tmp_path):
    log_files(other, tmp_path / "x", {"x": b"x"}, "raw")
    log_files(other, tmp_path / "raw1b", NEXT, "raw")
    log_files(other, tmp_path / "y", {"y": b"y"}, "raw")
    exporting.export(full, tmp_path / "all.tar")
    result = import_bundle(other, tmp_path / "all.tar")
    assert result.changes.versions == ["demo/raw:v3", "demo/model:v0"]  # the tombstone
    assert result.changes.existing == 1
    invariants.assert_consistent(other)


def test_an_import_brings_a_deleted_version_back(full, tmp_path):
    exporting.export(full, tmp_path / "all.tar")
    full.catalog.delete_version(resolve(full, "raw:v1").id)
    result = import_bundle(full, tmp_path / "all.tar")
    assert result.changes.undeleted == ["demo/raw:v1"]
    invariants.assert_pulls(full, resolve(full, "raw:v1"), NEXT)


def test_another_run_has_the_id(full, other, tmp_path):
    other.catalog.create_run(ENTITY, PROJECT, "r1", {"name": "another"})
    exporting.export(full, tmp_path / "all.tar")
    for new in (1, 0):
        result = import_bundle(other, tmp_path / "all.tar")
        assert result.changes.runs == new
    assert other.catalog.run(ENTITY, PROJECT, "r1").name == "another"
    assert other.catalog.run(ENTITY, PROJECT, "r1-2").name == "fit"


def test_another_type_is_refused_and_nothing_imported(full, other, tmp_path):
    log_files(other, tmp_path / "w", {"w": b"w"}, "model")
    artifact = other.catalog.list_artifacts(name="model")[0]
    other.catalog.edit_artifact(artifact.id, name="model", type_="weights", description=None)
    before = texts(other)
    exporting.export(full, tmp_path / "all.tar")
    with pytest.raises(InvalidInputError):
        import_bundle(other, tmp_path / "all.tar")
    assert texts(other) == before
    import_bundle(other, tmp_path / "all.tar", project="elsewhere")
    assert {a.project for a in other.catalog.list_artifacts()} == {"demo", "elsewhere"}


# -- what goes wrong


def test_an_export_never_overwrites(full, tmp_path):
    for name in ("x.tar", "x"):
        exporting.export(full, tmp_path / name)
        with pytest.raises(AlreadyExistsError):
            exporting.export(full, tmp_path / name)


@pytest.mark.parametrize("name", ["x.tar", "x"])
def test_a_failed_export_leaves_nothing(full, tmp_path, name):
    place = full.locate([hash_bytes(LARGE)])[hash_bytes(LARGE)]
    damage(object_file(full, place.key), at=1000)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(IntegrityError):
        exporting.export(full, tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before


def assert_refused(store, path, *errors):
    before, objects = texts(store), [r.key for r in store.catalog.list_objects()]
    with pytest.raises(errors or (FormatError, IntegrityError)):
        import_bundle(store, path)
    assert texts(store) == before
    assert [r.key for r in store.catalog.list_objects()] == objects
    invariants.assert_nothing_left(store)


def test_no_export(other, tmp_path):
    with pytest.raises(StoreNotFoundError):
        import_bundle(other, tmp_path / "nothing.tar")
    (tmp_path / "x.tar").write_bytes(b"nothing like that" * 100)
    assert_refused(other, tmp_path / "x.tar", FormatError)
    (tmp_path / "y").mkdir()
    assert_refused(other, tmp_path / "y", FormatError)


def test_a_file_that_is_cut_off(full, other, tmp_path):
    exporting.export(full, tmp_path / "all.tar")
    data = (tmp_path / "all.tar").read_bytes()
    cut = tmp_path / "cut.tar"
    for length in (600, 2000, len(data) // 2, len(data) - 1536, len(data) - 1400):
        cut.write_bytes(data[:length])
        assert_refused(other, cut)


@pytest.mark.parametrize("lost", ["end.json", "catalog.jsonl", "packs", "blobs"])
def test_a_part_that_is_missing(full, other, tmp_path, lost):
    exporting.export(full, tmp_path / "all")
    path = tmp_path / "all" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert_refused(other, tmp_path / "all")


def test_damaged_bytes(full, other, tmp_path):
    exporting.export(full, tmp_path / "all")
    for file in sorted(p for p in (tmp_path / "all").rglob("*") if p.is_file()):
        good = file.read_bytes()
        damage(file, at=len(good) // 2)
        assert_refused(other, tmp_path / "all")
        file.write_bytes(good)
    import_bundle(other, tmp_path / "all")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "packs/../../evil", "README"])
def test_members_that_do_not_belong_there(full, other, tmp_path, name):
    exporting.export(full, tmp_path / "all.tar")
    with tarfile.open(tmp_path / "all.tar", "a") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    assert_refused(other, tmp_path / "all.tar", FormatError)


def test_links_are_refused(full, other, tmp_path):
    exporting.export(full, tmp_path / "all")
    victim = next((tmp_path / "all" / "packs").rglob("*/*"))
    victim.rename(tmp_path / "elsewhere")
    victim.symlink_to(tmp_path / "elsewhere")
    assert_refused(other, tmp_path / "all", FormatError)
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        info = tarfile.TarInfo("bundle.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    assert_refused(other, tmp_path / "link.tar", FormatError)


def rewrite(folder, change):
    """Change the catalog of an export as somebody would who knows the format."""
    path = folder / "catalog.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    data = b"".join(json.dumps(record).encode() + b"\n" for record in change(records))
    path.write_bytes(data)
    end = json.loads((folder / "end.json").read_text())
    end["catalog"] = {"size": len(data), "digest": format_digest(hash_bytes(data))}
    (folder / "end.json").write_text(json.dumps(end))


def changed(kind, /, **values):
    return lambda records: [r | values if r["record"] == kind else r for r in records]


HOSTILE = {
    "a name with a path": changed("artifact", name="../evil"),
    "a project with a slash": changed("project", name="a/b"),
    "a negative number": changed("version", number=-1),
    "a huge number": changed("version", number=1 << 40),
    "a short digest": changed("version", digest="blake3:00"),
    "a size in words": changed("version", size="1"),
    "another number of files": changed("version", file_count=7),
    "metadata of another kind": changed("version", metadata=[]),
    "a reserved alias": changed("version", aliases=["v7"]),
    "markup as tag": changed("version", tags=["<b>"]),
    "a run id with a slash": changed("run", id="a/b"),
    "an unknown run": changed("link", run={"entity": ENTITY, "project": PROJECT, "id": "nobody"}),
    "an unknown direction": changed("link", kind="sideways"),
    "a newer format": changed("header", format=2),
    "an unknown record": changed("version", record="surprise"),
    "no end": lambda records: records[:-1],
    "something after the end": lambda records: [*records, records[-2]],
    "no project": lambda records: [records[0], *records[2:]],
    "the wrong order": lambda records: [records[0], *records[:0:-1]],
    "a time before 1970": lambda records: [{**records[0], "at": -1}, *records[1:]],
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_hostile_catalogs(full, other, tmp_path, change):
    exporting.export(full, tmp_path / "all")
    rewrite(tmp_path / "all", change)
    assert_refused(other, tmp_path / "all")


@pytest.mark.parametrize("path", ["../../evil", "/etc/passwd", "a//b", "a\\\\b", "C:/x"])
def test_hostile_manifests(full, other, tmp_path, path):
    exporting.export(full, tmp_path / "all")
    line = json.dumps([path, format_digest(hash_bytes(b"n")), 1], separators=(",", ":"))
    manifest = HEADER + line.encode() + b"\n"
    digest = hash_bytes(manifest)
    file = tmp_path / "all" / keys.new_loose_key(digest, Encoding.IDENTITY)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(manifest)
    end = json.loads((tmp_path / "all" / "end.json").read_text())
    end["objects"]["count"] += 1
    end["objects"]["bytes"] += len(manifest)
    (tmp_path / "all" / "end.json").write_text(json.dumps(end))
    said = {"digest": format_digest(digest), "size": 1, "file_count": 1}
    rewrite(tmp_path / "all", changed("version", **said))
    assert_refused(other, tmp_path / "all", FormatError)


def test_a_catalog_alone_needs_the_data_in_the_store(full, other, tmp_path):
    exporting.export(full, tmp_path / "catalog.tar", data=False)
    with pytest.raises(IntegrityError) as caught:
        import_bundle(other, tmp_path / "catalog.tar")
    assert "--rebuild" in (caught.value.hint or "")
    # Where they are, it is enough.
    assert import_bundle(full, tmp_path / "catalog.tar").changes.versions == []


def test_an_import_that_fails_anywhere_leaves_nothing(full, tmp_path):
    exporting.export(full, tmp_path / "all.tar")
    number, done = 0, False
    while not done:
        number += 1
        with opened(tmp_path / f"target{number}") as target:
            faults = Faults(number)
            target.objects = FaultyObjects(target.objects, faults)
            try:
                import_bundle(target, tmp_path / "all.tar")
                done = faults.failed is None
            except ArtifactsError:
                assert target.catalog.list_projects() == []
            faults.at = 0
            if not done:
                import_bundle(target, tmp_path / "all.tar")
            invariants.assert_consistent(target)
    assert number > 3


# -- copying a version


def test_a_copy_within_a_store_is_a_row(full):
    source = resolve(full, "model:prod")
    objects = full.catalog.list_objects()
    copied = transfer.copy_version(
        full, source, full, Target(ENTITY, "release", "model", ("stable",))
    )
    assert (copied.created, copied.sent) == (True, 0)
    assert copied.version.digest == source.digest
    assert copied.version.aliases == ("latest", "stable")
    assert copied.version.tags == ("golden",)
    assert copied.version.metadata == {
        "copied_from": {"ref": "local/demo/model:v0", "store": full.uuid}
    }
    assert len(full.catalog.list_objects()) == len(objects)
    again = transfer.copy_version(full, source, full, Target(ENTITY, "release", "model"))
    assert (again.created, again.version.id) == (False, copied.version.id)


def test_a_copy_to_another_store_sends_what_is_missing(full, other, tmp_path):
    log_files(other, tmp_path / "there", {"weights": LARGE[::-1]}, "there")
    source = resolve(full, "model:prod")
    faults = Faults()
    full.objects = FaultyObjects(full.objects, faults)
    copied = transfer.copy_version(full, source, other, Target(ENTITY, PROJECT, "model"))
    assert copied.created
    assert 0 < copied.sent < 1000
    invariants.assert_pulls(other, copied.version, {"weights": LARGE[::-1], "note": b"n"})
    faults.calls.clear()
    assert transfer.copy_version(full, source, other, Target(ENTITY, "p", "m")).sent == 0
    assert len(faults.calls) <= 2  # the manifest
    invariants.assert_consistent(other)


def test_a_damaged_blob_is_not_copied(full, other):
    place = full.locate([hash_bytes(LARGE[::-1])])[hash_bytes(LARGE[::-1])]
    damage(object_file(full, place.key))
    with pytest.raises(IntegrityError):
        transfer.copy_version(full, resolve(full, "model"), other, Target(ENTITY, PROJECT, "model"))
    assert other.catalog.list_artifacts() == []
    invariants.assert_nothing_left(other)


def test_between_backends(full, tmp_path):
    bucket = f"memory://{tmp_path.as_posix().replace('/', '-')}"
    remote = Store.create(tmp_path / "remote", objects=bucket, cache_dir=tmp_path / "cache")
    try:
        exporting.export(full, tmp_path / "all.tar")
        import_bundle(remote, tmp_path / "all.tar")
        assert texts(remote) == texts(full)
        invariants.assert_consistent(remote)
        exporting.export(remote, tmp_path / "back")
        with opened(tmp_path / "third") as third:
            import_bundle(third, tmp_path / "back")
            assert texts(third) == texts(full)
            invariants.assert_consistent(third)
    finally:
        remote.close()


def test_a_catalog_on_a_server(full, tmp_path, postgres_url):
    shared = Store.create(tmp_path / "shared", catalog=postgres_url)
    try:
        exporting.export(full, tmp_path / "all.tar")
        import_bundle(shared, tmp_path / "all.tar")
        assert texts(shared) == texts(full)
        again = import_bundle(shared, tmp_path / "all.tar")
        assert (again.changes.versions, again.changes.existing, again.new_bytes) == ([], 3, 0)
        invariants.assert_consistent(shared)
        harmed = resolve(shared, "raw")
        place = shared.locate([harmed.digest])[harmed.digest]
        damage(object_file(shared, place.key), at=place.offset + 3)
        providers = [repair.BundleProvider(Bundle(tmp_path / "all.tar"))]
        plan = repair.plan(shared, check(shared, read_data=True), providers)
        assert repair.repair(shared, plan, providers).broken == ()
        invariants.assert_consistent(shared)
        backup.write(shared.catalog, shared.objects, shared.uuid, shared.staging)
    finally:
        shared.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for (table,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchall():
            connection.execute(f'DROP TABLE "{table}" CASCADE')
    rebuild(tmp_path / "shared")
    with opened(tmp_path / "shared") as rebuilt:
        assert texts(rebuilt) == texts(full)
        invariants.assert_consistent(rebuilt)


def test_the_objects_of_a_folder_are_those_of_a_store(full, tmp_path):
    """What an export holds can be read by whoever knows the format of a store."""
    exporting.export(full, tmp_path / "all")
    names = {p.relative_to(tmp_path / "all").parts[0] for p in Path(tmp_path / "all").rglob("*")}
    assert names == {"bundle.json", "catalog.jsonl", "end.json", "packs", "blobs"}
