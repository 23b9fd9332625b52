"""Exact edges, recalls and consumers in exports, imports, copies of a part and backups."""

import json

import pytest

from artifacts.store import backup, exporting, transcript
from artifacts.store.errors import FormatError
from artifacts.store.importing import import_bundle
from artifacts.store.rebuilding import rebuild
from artifacts.store.records import DerivationKind, Source, VersionDraft
from tests.operations.test_export import texts
from tests.support import ENTITY, PROJECT, log_files, opened, resolve

SAID = {"derivation", "recall", "consumer"}


def log_from(store, tmp_path, name, text, *, source=None, run=None, kind=DerivationKind.DECLARED):
    """Log a version that was made of another one."""
    version = log_files(store, tmp_path / f"{name}-{text}", {"a": text.encode()}, name)
    if source is not None:
        draft = VersionDraft(
            entity=ENTITY,
            project=PROJECT,
            name=name,
            type=version.type,
            digest=version.digest,
            size=version.size,
            file_count=version.file_count,
            run=run,
            sources=(Source(source.id, kind),),
        )
        store.catalog.commit(draft)
    return version


@pytest.fixture
def full(tmp_path):
    """raw:v0, of which run r1 made clean:v0, of which model:v0 was made, linked as best:v0."""
    with opened(tmp_path / "store") as store:
        catalog = store.catalog
        run = catalog.create_run(ENTITY, PROJECT, "r1", {"name": "clean"}).key
        raw = log_from(store, tmp_path, "raw", "r")
        clean = log_from(store, tmp_path, "clean", "c", source=raw, run=run)
        model = log_from(store, tmp_path, "model", "m", source=clean)
        log_from(store, tmp_path, "best", "m", source=model, kind=DerivationKind.LINK)
        catalog.finish_run(run, "finished", 0)
        catalog.recall(raw.id, "labels are swapped", "anna@lab")
        catalog.recall(clean.id, "made of raw", "anna@lab")
        catalog.undo_recall(clean.id, "ben@lab")
        catalog.deploy(clean.id, "report", "q3", "anna@lab")
        catalog.end_consumer(ENTITY, "q3", "ben@lab")
        catalog.deploy(model.id, "deployment", "api", "anna@lab")
        yield store


@pytest.fixture
def other(tmp_path):
    with opened(tmp_path / "other") as other:
        yield other


def said(store):
    """What is said of versions, as an export has it."""
    found = [json.loads(text) for text in texts(store)]
    return [record for record in found if record["record"] in SAID]


def edges(store, name):
    catalog = store.catalog
    return [
        (edge.input.ref, edge.kind) for edge in catalog.derivations_of([resolve(store, name).id])
    ]


@pytest.mark.parametrize("name", ["all.tar", "folder"])
def test_everything_comes_back(full, other, tmp_path, name):
    exporting.export(full, tmp_path / name)
    result = import_bundle(other, tmp_path / name)
    assert result.changes.links == 5  # r1 has an input, an output and three exact edges
    assert len(said(full)) == 7
    assert said(other) == said(full)
    assert edges(other, "clean") == [("demo/raw:v0", DerivationKind.DECLARED)]
    [edge] = other.catalog.derivations_of([resolve(other, "clean").id])
    assert edge.run == other.catalog.run(ENTITY, PROJECT, "r1").key
    assert edges(other, "best") == [("demo/model:v0", DerivationKind.LINK)]


def test_a_second_import_changes_nothing(full, other, tmp_path):
    exporting.export(full, tmp_path / "all")
    import_bundle(other, tmp_path / "all")
    before = texts(other)
    result = import_bundle(other, tmp_path / "all")
    assert (result.changes.links, result.changes.links_left_out) == (0, 0)
    assert texts(other) == before


def test_what_ended_since_the_last_import_ends(full, other, tmp_path):
    exporting.export(full, tmp_path / "first")
    import_bundle(other, tmp_path / "first")
    full.catalog.undo_recall(resolve(full, "raw").id, "ben@lab")
    full.catalog.end_consumer(ENTITY, "api", "ben@lab")
    exporting.export(full, tmp_path / "second")
    import_bundle(other, tmp_path / "second")
    assert said(other) == said(full)
    assert other.catalog.list_recalls() == []
    assert other.catalog.list_consumers() == []


def test_what_ended_here_does_not_begin_again(full, other, tmp_path):
    exporting.export(full, tmp_path / "all")
    import_bundle(other, tmp_path / "all")
    other.catalog.undo_recall(resolve(other, "raw").id)
    other.catalog.end_consumer(ENTITY, "api")
    import_bundle(other, tmp_path / "all")
    assert other.catalog.list_recalls() == []
    assert other.catalog.list_consumers() == []


def test_a_consumer_whose_name_is_taken_comes_as_ended(full, other, tmp_path):
    ours = log_files(other, tmp_path / "ours", {"a": b"ours"}, "ours")
    other.catalog.deploy(ours.id, "deployment", "api", "us@here")
    exporting.export(full, tmp_path / "all")
    import_bundle(other, tmp_path / "all", by="us@here")
    [left] = other.catalog.list_consumers()
    assert left.version.ref == "demo/ours:v0"
    theirs = next(
        each
        for each in other.catalog.list_consumers(ended=True)
        if each.version.ref == "demo/model:v0"
    )
    assert (theirs.name, theirs.by, theirs.ended_by) == ("api", "anna@lab", "us@here")
    assert theirs.until >= theirs.since


def test_a_part_brings_what_concerns_it(full, other, tmp_path):
    chosen = exporting.select(full, [resolve(full, "clean").id])
    exporting.export(full, tmp_path / "part", selection=chosen)
    result = import_bundle(other, tmp_path / "part")
    # raw and model are neither in the export nor here: r1's input, and two exact edges
    assert result.changes.links_left_out == 3
    kinds = {record["record"] for record in said(other)}
    assert kinds == {"consumer", "recall"}  # q3, and the recall that was undone
    rest = exporting.select(full, [resolve(full, name).id for name in ("raw", "model")])
    exporting.export(full, tmp_path / "rest", selection=rest)
    import_bundle(other, tmp_path / "rest")
    assert edges(other, "clean") == [("demo/raw:v0", DerivationKind.DECLARED)]
    assert edges(other, "model") == [("demo/clean:v0", DerivationKind.DECLARED)]


def test_with_inputs_goes_along_exact_edges(full):
    chosen = exporting.select(full, [resolve(full, "best").id], with_inputs=True)
    names = {full.catalog.version(key).name for key in chosen.versions}
    assert names == {"best", "model", "clean", "raw"}


def test_into_another_project(full, other, tmp_path):
    exporting.export(full, tmp_path / "all")
    import_bundle(other, tmp_path / "all", project="moved")
    [recall] = other.catalog.list_recalls()
    assert recall.version.ref == "moved/raw:v0"
    [consumer] = other.catalog.list_consumers()
    assert consumer.version.ref == "moved/model:v0"
    [clean] = other.catalog.list_versions(ENTITY, "moved", "clean")
    [edge] = other.catalog.derivations_of([clean.id])
    assert edge.input.ref == "moved/raw:v0"


def test_a_backup_brings_them_back(full, tmp_path):
    backup.write(full.catalog, full.objects, full.uuid, full.staging)
    expected = said(full)
    full.close()
    for path in (tmp_path / "store").glob("catalog.sqlite*"):
        path.unlink()
    rebuild(full.location)
    with opened(tmp_path / "store") as again:
        assert said(again) == expected


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("derivation", {"kind": "guessed"}),
        ("derivation", {"source_digest": "blake3:00"}),
        ("derivation", {"version": {"entity": "local"}}),
        ("recall", {"reason": None}),
        ("recall", {"undone_at": -1}),
        ("consumer", {"name": "a/b"}),
        ("consumer", {"since": "yesterday"}),
    ],
)
def test_records_are_checked(full, tmp_path, kind, change):
    path = tmp_path / "text"
    with path.open("wb") as file:
        writer = transcript.Writer(file, transcript.Header(full.uuid, 0))

        def add(record):
            writer.add(record | change if record["record"] == kind else record)

        full.catalog.export(lambda: add)
        writer.end()
    with path.open("rb") as file, pytest.raises(FormatError, match=next(iter(change))):
        list(transcript.read(file))
