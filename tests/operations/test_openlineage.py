"""Lineage as events of OpenLineage: written, validated, read back."""

import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from artifacts.store import gc
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import FormatError, InvalidInputError, NotFoundError
from artifacts.store.lineage import lineage
from artifacts.store.lineage.openlineage import exporting, names
from artifacts.store.lineage.openlineage.importing import import_events
from artifacts.store.lineage.openlineage.reading import Home
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.records import WITHOUT_DATA, DerivationKind, LinkKind, Source
from artifacts.store.store import Store
from tests.support import draft_of, resolve

HOME = Home("local", "elsewhere")
FACETS = {
    "version": "DatasetVersionDatasetFacet",
    "datasetType": "DatasetTypeDatasetFacet",
    "documentation": "DocumentationDatasetFacet",
    "tags": "TagsDatasetFacet",
    "symlinks": "SymlinksDatasetFacet",
    "lineage": "LineageFacet",
    "jobType": "JobTypeJobFacet",
    "subset": "BaseSubsetDatasetFacet",
}
"""Files of the schemas of the facets that everybody knows."""


@pytest.fixture
def other(tmp_path):
    """A store with nothing in it."""
    opened = Store.create(tmp_path / "other")
    yield opened
    opened.close()


def make_version(store, name, content, *, type_="dataset", aliases=(), run=None, **options):
    """Log one file."""
    digest = hash_bytes(content)
    upload = store.upload()
    upload.add(content, digest)
    manifest = Manifest([Entry("file", digest, len(content))])
    draft = draft_of(manifest, name, type_=type_, aliases=aliases, run=run)
    return store.commit(replace(draft, **options), upload, manifest)[0]


class World:
    """Runs that work in a store."""

    def __init__(self, store, folder):
        self.store = store
        self.folder = folder

    def run(self, run_id, **values):
        return self.store.catalog.create_run("local", "demo", run_id, {"name": run_id, **values})

    def log(self, name, content, *, run=None, **options):
        key = None if run is None else run.key
        return make_version(self.store, name, content, run=key, **options)

    def events(self, *roots):
        part = exporting.select(self.store, [v.id for v in roots] or None)
        return list(exporting.events(self.store, part))

    def write(self, *roots):
        path = self.folder / "events.jsonl"
        exporting.write_events(self.store, path, [v.id for v in roots] or None)
        return path


@pytest.fixture
def world(store, tmp_path):
    """Two runs, one of which failed, and one that goes on; one exact edge."""
    found = World(store, tmp_path)
    catalog = store.catalog
    prepare = found.run("prepare", job_type="etl", tags=["nightly"], group="g")
    raw = found.log("raw", b"raw", aliases=("prod",), tags=("pii",), description="as it came")
    catalog.link(prepare.key, raw.id, LinkKind.INPUT, ref_text="raw:prod", alias="prod")
    source = Source(raw.id, DerivationKind.DECLARED)
    found.log("clean", b"clean", run=prepare, sources=(source,))
    catalog.finish_run(prepare.key, "finished", 0)
    train = found.run("train", job_type="train")
    catalog.link(train.key, resolve(store, "clean").id, LinkKind.INPUT)
    catalog.finish_run(train.key, "failed", 1)
    report = found.run("report")
    catalog.link(report.key, resolve(store, "clean").id, LinkKind.INPUT)
    found.log("alone", b"alone")
    return found


def of_run(events, run_id):
    return [
        e
        for e in events
        if e.get("run", {}).get("facets", {}).get("artifacts_run", {}).get("id") == run_id
    ]


def all_facets(event):
    """Every facet of an event with the name under which it is there."""
    places = [event.get("run", {}), event.get("job", {}), event.get("dataset", {})]
    places += [*event.get("inputs", ()), *event.get("outputs", ())]
    for place in places:
        for member in ("facets", "inputFacets", "outputFacets"):
            yield from place.get(member, {}).items()


def test_a_run_begins_and_ends(world):
    events = world.events()
    assert [e["eventType"] for e in of_run(events, "prepare")] == ["START", "COMPLETE"]
    assert [e["eventType"] for e in of_run(events, "train")] == ["START", "FAIL"]
    assert [e["eventType"] for e in of_run(events, "report")] == ["START", "RUNNING"]
    start, end = of_run(events, "prepare")
    assert start["inputs"] == start["outputs"] == []
    assert [each["name"] for each in end["inputs"]] == ["demo/raw"]
    assert [each["name"] for each in end["outputs"]] == ["demo/clean"]
    assert start["job"]["name"] == "demo/etl"
    assert start["eventTime"] < end["eventTime"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [("finished", "COMPLETE"), ("failed", "FAIL"), ("crashed", "FAIL"), ("preempted", "ABORT")],
)
def test_how_a_run_ends(world, state, kind):
    run = world.run(f"was-{state}")
    world.store.catalog.finish_run(run.key, state, None)
    assert of_run(world.events(), run.id)[-1]["eventType"] == kind


def test_what_a_dataset_says(world):
    raw = resolve(world.store, "raw")
    [dataset] = [
        e["dataset"]
        for e in world.events()
        if "dataset" in e and e["dataset"]["name"] == "demo/raw"
    ]
    assert dataset["namespace"] == f"art://{world.store.uuid}"
    facets = dataset["facets"]
    assert facets["version"]["datasetVersion"] == f"v0@blake3:{raw.digest.hex()}"
    assert facets["documentation"]["description"] == "as it came"
    assert {(tag["key"], tag["value"]) for tag in facets["tags"]["tags"]} == {
        ("prod", "alias"),
        ("latest", "alias"),
        ("pii", "tag"),
    }
    [place] = facets["symlinks"]["identifiers"]
    assert place["namespace"] == "file"
    assert Path(place["name"]).is_file()


def test_exact_edges_are_said_twice(world):
    [clean] = [
        e["dataset"]
        for e in world.events()
        if "dataset" in e and e["dataset"]["name"] == "demo/clean"
    ]
    assert [each["name"] for each in clean["facets"]["lineage"]["inputs"]] == ["demo/raw"]
    [origin] = clean["facets"]["artifacts_derivation"]["inputs"]
    assert (origin["name"], origin["number"], origin["kind"]) == ("raw", 0, "declared")
    assert origin["runId"] == of_run(world.events(), "prepare")[0]["run"]["runId"]


def test_the_id_of_a_run_is_the_same_for_ever(world):
    run = world.store.catalog.run("local", "demo", "prepare")
    expected = str(uuid.uuid5(uuid.UUID(world.store.uuid), "local/demo/prepare"))
    assert names.run_uuid(world.store.uuid, run) == expected
    assert {e["run"]["runId"] for e in of_run(world.events(), "prepare")} == {expected}


def test_what_was_read_of_an_input(world):
    run, raw = world.run("reader"), resolve(world.store, "raw")
    world.store.catalog.link(run.key, raw.id, LinkKind.INPUT)
    subset = {"paths": ["a.csv", "b.csv"], "count": 2, "complete": False}
    set_subset(world.store, run.key, subset)
    [dataset] = of_run(world.events(), "reader")[-1]["inputs"]
    assert dataset["inputFacets"]["subset"]["inputCondition"] == {
        "type": "location",
        "locations": ["a.csv", "b.csv"],
    }
    set_subset(world.store, run.key, subset | {"complete": True})
    [dataset] = of_run(world.events(), "reader")[-1]["inputs"]
    assert "subset" not in dataset["inputFacets"]


def set_subset(store, run, subset):
    import sqlalchemy as sa

    from artifacts.store.catalog.schema import links

    statement = sa.update(links).where(links.c.run_id == run).values(subset=subset)
    store.catalog._db.write(lambda connection: connection.execute(statement))


def test_settings_and_results_stay_here(world):
    world.run("secretive", config={"token": "hush-1"}, notes="hush-2", summary={"x": "hush-3"})
    assert "hush" not in json.dumps(world.events())


def test_every_event_has_what_the_specification_asks_for(world):
    events = world.events()
    assert len(events) == 3 + 2 * 3
    for event in events:
        assert event["eventTime"].endswith("Z")
        assert event["producer"]
        kind = "DatasetEvent" if "dataset" in event else "RunEvent"
        assert event["schemaURL"].endswith(f"/OpenLineage.json#/$defs/{kind}")
        if kind == "RunEvent":
            uuid.UUID(event["run"]["runId"])
            assert event["job"]["namespace"]
            assert event["job"]["name"]
        for name, facet in all_facets(event):
            assert facet["_producer"], name
            schema = facet["_schemaURL"]
            if name.startswith("artifacts_"):
                assert schema == f"{names.OWN_SCHEMA}:{name.removeprefix('artifacts_')}"
            else:
                assert f"/{FACETS[name]}.json#/$defs/" in schema


@pytest.mark.skipif(
    "ART_TEST_OPENLINEAGE_SCHEMAS" not in os.environ,
    reason="ART_TEST_OPENLINEAGE_SCHEMAS names no folder",
)
def test_every_event_is_valid_by_the_published_schemas(world):
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    folder = Path(os.environ["ART_TEST_OPENLINEAGE_SCHEMAS"])
    schemas = [json.loads(path.read_text()) for path in folder.rglob("*.json")]
    registry = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    known = {schema["$id"] for schema in schemas}

    def check(schema, value):
        validator = Draft202012Validator(
            schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(value)

    report = world.store.catalog.run("local", "demo", "report")
    set_subset(world.store, report.key, {"paths": ["a.csv"], "count": 1, "complete": False})
    writer = exporting.writer_for(world.store, [])
    links = world.store.catalog.links_of_runs([report.key], LinkKind.INPUT)
    seen = set()
    for event in [*world.events(), *map(writer.step, links)]:
        check({"$ref": "https://openlineage.io/spec/2-0-2/OpenLineage.json"}, event)
        for name, facet in all_facets(event):
            if not name.startswith("artifacts_"):
                assert facet["_schemaURL"].partition("#")[0] in known
                check({"$ref": facet["_schemaURL"]}, facet)
                seen.add(name)
    assert seen == FACETS.keys()


# -- back again


def test_events_make_the_same_graph(world, other):
    done = import_events(other, world.write(), home=HOME)
    assert (done.events, done.changes.runs, done.changes.links) == (9, 3, 5)
    assert done.changes.versions == ["demo/raw:v0", "demo/clean:v0", "demo/alone:v0"]
    for name in ("raw", "clean"):
        for direction in ("up", "down"):
            assert shape(other, name, direction) == shape(world.store, name, direction)
    raw = resolve(other, "raw:prod")
    assert raw.broken == WITHOUT_DATA
    assert (raw.tags, raw.description) == (("pii",), "as it came")
    train = other.catalog.run("local", "demo", "train")
    here = world.store.catalog.run("local", "demo", "train")
    ended = ("state", "exit_code", "created_at", "finished_at", "job_type", "tags")
    assert [getattr(train, name) for name in ended] == [getattr(here, name) for name in ended]
    assert other.catalog.run("local", "demo", "report").state == "unknown"
    [link] = other.catalog.links_of_versions([raw.id], LinkKind.INPUT)
    assert link.ref_text == "raw:prod"


def shape(store, name, direction, *, exact=False):
    """A graph by names and not by keys."""
    graph = lineage(store, resolve(store, name), direction=direction, exact=exact)
    labels = {node: each.ref for node, each in graph.versions.items()}
    labels |= {node: each.id for node, each in graph.runs.items()}
    edges = {(labels[e.source], labels[e.target], e.kind) for e in graph.edges}
    return {labels[node]: depth for node, depth in graph.depths.items()}, edges


def test_exact_edges_come_back(world, other):
    import_events(other, world.write(), home=HOME)
    assert shape(other, "clean", "up", exact=True) == shape(world.store, "clean", "up", exact=True)
    [record] = other.catalog.derivations_of([resolve(other, "clean").id])
    assert record.run == other.catalog.run("local", "demo", "prepare").key


def test_a_second_import_changes_nothing(world, other):
    path = world.write()
    import_events(other, path, home=HOME)
    for store in (other, world.store):
        again = import_events(store, path, home=HOME).changes
        assert (again.versions, again.runs, again.links, again.existing) == ([], 0, 0, 3)
        assert again.renumbered == []
        assert again.renamed_runs == []
        assert again.aliases_moved == []


def test_a_part_of_a_graph(world, other):
    path = world.write(resolve(world.store, "raw"))
    done = import_events(other, path, home=HOME)
    assert done.changes.versions == ["demo/raw:v0", "demo/clean:v0"]
    assert shape(other, "raw", "down") == shape(world.store, "raw", "down")


def test_how_a_run_ended_is_learned_later(world, other):
    import_events(other, world.write(), home=HOME)
    report = world.store.catalog.run("local", "demo", "report")
    world.store.catalog.finish_run(report.key, "finished", 0)
    import_events(other, world.write(), home=HOME)
    assert other.catalog.run("local", "demo", "report").state == "finished"
    import_events(world.store, world.write(), home=HOME)
    assert world.store.catalog.run("local", "demo", "train").state == "failed"


def test_a_deleted_version_stays_deleted(world, other):
    raw = resolve(world.store, "raw")
    path = world.write()
    world.store.catalog.delete_version(raw.id, delete_aliases=True, force=True)
    import_events(world.store, path, home=HOME)
    assert world.store.catalog.version(raw.id).deleted_at is not None
    import_events(other, world.write(), home=HOME)
    [deleted] = other.catalog.list_versions("local", "demo", "raw", deleted=True)
    assert deleted.deleted_at is not None


def test_versions_without_data_need_nothing(world, other):
    import_events(other, world.write(), home=HOME)
    kept = make_version(other, "kept", b"kept")
    gone = make_version(other, "gone", b"gone")
    other.catalog.delete_version(gone.id, delete_aliases=True, force=False)
    plan = gc.plan(other)
    assert plan.broken == []
    assert other.read_blob(kept.digest)


def test_data_may_follow(world, other):
    import_events(other, world.write(), home=HOME)
    logged = make_version(other, "raw", b"raw")
    assert (logged.version, logged.broken) == ("v0", None)


# -- what others write


def foreign(**members):
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-05T14:30:00+01:00",
        "producer": "https://example.com/scheduler",
        "schemaURL": names.event_schema("RunEvent"),
        "run": {"runId": "d46e465b-d358-4d32-83d4-df660ff614dd"},
        "job": {"namespace": "scheduler", "name": "daily.load"},
        "inputs": [{"namespace": "postgres://db:5432", "name": "shop.public.orders"}],
        "outputs": [{"namespace": "s3://lake", "name": "orders/daily"}],
    } | members


def import_lines(store, folder, *events):
    path = folder / "foreign.jsonl"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return import_events(store, path, home=HOME)


def test_events_of_other_programs(other, tmp_path):
    started = foreign(eventType="START", eventTime="2026-01-05T14:00:00+01:00", inputs=[])
    done = import_lines(other, tmp_path, started, foreign())
    assert (len(done.changes.versions), done.changes.runs, done.changes.links) == (2, 1, 2)
    run = other.catalog.run("local", "elsewhere", "d46e465b-d358-4d32-83d4-df660ff614dd")
    assert (run.name, run.state) == ("daily.load", "finished")
    assert names.time(run.created_at) == "2026-01-05T13:00:00.000000Z"
    assert names.time(run.finished_at) == "2026-01-05T13:30:00.000000Z"
    [used] = other.catalog.links_of_runs([run.key], LinkKind.INPUT)
    assert used.version.name.startswith("shop.public.orders-")
    assert used.version.description == "postgres://db:5432 shop.public.orders"
    again = import_lines(other, tmp_path, started, foreign()).changes
    assert (again.versions, again.runs, again.links) == ([], 0, 0)


def test_versions_of_a_foreign_dataset(other, tmp_path):
    def used(version):
        facets = {"version": {"datasetVersion": version}} if version else {}
        return {"namespace": "lake", "name": "orders", "facets": facets}

    events = [
        foreign(run={"runId": f"run-{number}"}, inputs=[used(version)], outputs=[])
        for number, version in enumerate(["1", "2", "1"])
    ]
    done = import_lines(other, tmp_path, *events)
    assert [ref.rpartition(":")[2] for ref in done.changes.versions] == ["v0", "v1"]
    assert done.changes.links == 3
    twin = foreign(inputs=[{"namespace": "pond", "name": "orders"}], outputs=[])
    assert import_lines(other, tmp_path, twin).changes.versions[0].endswith(":v0")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ([], "line 1 is not an event"),
        ({}, "'eventTime' is missing"),
        (foreign(run={}), "'runId' is missing"),
        (foreign(run={"runId": "a/b"}), "'id' is refused"),
        (foreign(eventTime="yesterday"), "yesterday"),
        (foreign(inputs=[{"name": "x"}]), "'namespace' is missing"),
        (foreign(inputs=["x"]), "line 1 is not an event"),
        ({"eventTime": "2026-01-05T14:30:00Z"}, "no run, dataset or job"),
    ],
)
def test_what_is_no_event(other, tmp_path, event, message):
    with pytest.raises(FormatError, match=message):
        import_lines(other, tmp_path, event)
    assert other.catalog.list_projects() == []


def test_own_facets_are_checked(world, other, tmp_path):
    events = world.events()
    for event in events:
        if event.get("dataset", {}).get("name") == "demo/alone":
            event["dataset"]["facets"]["artifacts_version"]["name"] = "../evil"
    with pytest.raises(FormatError, match="'name' is refused"):
        import_lines(other, tmp_path, *events)
    assert other.catalog.list_projects() == []


def test_events_of_two_stores_contradict_each_other(world, other, tmp_path):
    make_version(other, "raw", b"something else")
    part = exporting.select(other)
    with pytest.raises(FormatError, match="two demo/raw:v0"):
        import_lines(other, tmp_path, *world.events(), *exporting.events(other, part))


def test_an_artifact_of_another_type(world, other):
    make_version(other, "raw", b"x", type_="model")
    with pytest.raises(InvalidInputError, match="exists with type 'model'"):
        import_events(other, world.write(), home=HOME)


def test_files_that_hold_no_events(other, tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        import_events(other, tmp_path / "nowhere", home=HOME)
    (tmp_path / "text").write_text("\n{}}\n")
    with pytest.raises(FormatError, match="line 2 is not JSON"):
        import_events(other, tmp_path / "text", home=HOME)
