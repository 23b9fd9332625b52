"""Questions about lineage: exact edges, ways, impact, files, the past."""

import dataclasses

import pytest

from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    BlobNotFoundError,
    EntryNotFoundError,
    InvalidInputError,
    RefNotFoundError,
)
from artifacts.store.lineage import EdgeKind, Selection, lineage
from artifacts.store.lineage.impact import impact
from artifacts.store.lineage.overlap import overlap
from artifacts.store.lineage.paths import why
from artifacts.store.lineage.provenance import blame, find, resolve_content
from artifacts.store.lineage.users import users
from artifacts.store.manifest import Entry, Manifest, Reference, entries_with, entry_at
from artifacts.store.records import PREEMPTING, LinkKind, Source
from artifacts.store.refs import Ref
from tests.support import ENTITY, PROJECT, draft_of, log_files


class Maker:
    """Makes runs that use and log versions, by short names."""

    def __init__(self, store):
        self.store = store

    def run(self, name, used=(), made=(), *, project=PROJECT):
        """Record a run; ``made`` are (name, type, what it says of its sources)."""
        catalog = self.store.catalog
        run = catalog.create_run(ENTITY, project, name, {"name": name})
        for version in used:
            catalog.link(run.key, version.id, LinkKind.INPUT)
        return [self.version(*each, run=run.key) for each in made]

    def version(self, name, type_="dataset", sources=(), *, run=None):
        content = f"{name}{run}".encode()
        digest = hash_bytes(content)
        upload = self.store.upload()
        upload.add(content, digest)
        manifest = Manifest([Entry("file", digest, len(content))])
        draft = draft_of(manifest, name, type_=type_, run=run)
        if sources:
            draft = dataclasses.replace(draft, sources=tuple(Source(v.id) for v in sources))
        return self.store.commit(draft, upload, manifest)[0]


@pytest.fixture
def make(store):
    return Maker(store)


def names(graph):
    return [version.name for version in graph.versions.values()]


# -- exact edges


@pytest.fixture
def both_made(make):
    """One run uses a and b, and logs x, of which it says that it was made of a, and y."""
    a, b = make.version("a"), make.version("b")
    [x, y] = make.run("both", [a, b], [("x", "model", [a]), ("y", "model")])
    return a, b, x, y


def test_by_default_every_input_is_a_source_of_every_output(store, both_made):
    a, _, x, y = both_made
    assert names(lineage(store, x)) == ["x", "a", "b"]
    assert names(lineage(store, a, direction="down")) == ["a", "x", "y"]
    # The run connects them, so that the exact edge says nothing more.
    kinds = {edge.kind for edge in lineage(store, x).edges}
    assert kinds == {EdgeKind.INPUT, EdgeKind.OUTPUT}
    assert y.name == "y"


def test_exactly_a_version_is_made_of_what_it_says(store, both_made):
    a, b, x, y = both_made
    up = lineage(store, x, exact=True)
    assert names(up) == ["x", "a"]
    [edge] = up.edges
    assert (edge.kind, up.runs[str(edge.run)].id) == (EdgeKind.DERIVED, "both")
    # What says nothing is made of everything.
    assert names(lineage(store, y, exact=True)) == ["y", "a", "b"]
    assert names(lineage(store, a, direction="down", exact=True)) == ["a", "x", "y"]
    down = lineage(store, b, direction="down", exact=True)
    assert names(down) == ["b", "y"]
    assert [edge.kind.value for edge in down.edges] == ["input", "output"]


def test_exactly_also_in_the_other_questions(store, both_made):
    _, b, x, _ = both_made
    assert why(store, x, b).distance == 1
    assert not why(store, x, b, exact=True)
    assert impact(store, b).by_type == {"model": 2}
    assert impact(store, b, exact=True).by_type == {"model": 1}


def test_a_source_that_no_run_used_is_a_source(store, make):
    source = make.version("origin")
    copy = make.version("copy", "dataset", [source])
    graph = lineage(store, copy)
    assert names(graph) == ["copy", "origin"]
    [edge] = graph.edges
    assert (edge.kind, edge.run) == (EdgeKind.DERIVED, None)
    assert names(lineage(store, source, direction="down")) == ["origin", "copy"]
    assert why(store, copy, source).paths == [[source, copy]]


# -- selections and pages


@pytest.fixture
def tree(make):
    """raw → three sets → three models, one of which has a report."""
    raw = make.version("raw")
    sets = make.run("split", [raw], [(f"set{n}", "dataset") for n in range(3)])
    models = [make.run(f"fit{n}", [each], [(f"model{n}", "model")])[0] for n, each in
              enumerate(sets)]  # fmt: skip
    make.run("tell", [models[1]], [("report", "report")])
    return raw, sets, models


def test_a_type_keeps_what_leads_to_it(store, tree):
    raw, _, _ = tree
    down = lineage(store, raw, direction="down", selection=Selection(types=frozenset({"report"})))
    assert names(down) == ["raw", "set1", "model1", "report"]
    assert sorted(run.id for run in down.runs.values()) == ["fit1", "split", "tell"]
    assert [version.name for version in down.selected()] == ["report"]
    nothing = lineage(store, raw, selection=Selection(types=frozenset({"model"})))
    assert (names(nothing), nothing.selected()) == (["raw"], [])


def test_a_selection_without_a_match_among_neighbours(store, tree):
    _, sets, _ = tree
    graph = lineage(
        store, sets[0], direction="down", selection=Selection(types=frozenset({"report"}))
    )
    assert (names(graph), graph.runs, graph.edges) == (["set0"], {}, [])


def test_projects_select_too(store, make, tree):
    _, _, models = tree
    catalog = store.catalog
    run = catalog.create_run(ENTITY, "other", "elsewhere", {"name": "elsewhere"})
    catalog.link(run.key, models[0].id, LinkKind.INPUT)
    digest = hash_bytes(b"served")
    upload = store.upload()
    upload.add(b"served", digest)
    manifest = Manifest([Entry("file", digest, 6)])
    draft = dataclasses.replace(draft_of(manifest, "served", run=run.key), project="other")
    store.commit(draft, upload, manifest)
    graph = lineage(
        store,
        tree[0],
        direction="down",
        selection=Selection(places=frozenset({(ENTITY, "other")})),
    )
    assert names(graph) == ["raw", "set0", "model0", "served"]


def test_a_page_says_where_the_next_one_begins(store, tree):
    raw, _, _ = tree
    first = lineage(store, raw, direction="down", limit=3)
    assert (names(first), first.truncated) == (["raw", "set0", "set1"], True)
    second = lineage(store, raw, direction="down", limit=3, cursor=first.cursor)
    assert names(second) == ["set2", "model0", "model1"]
    third = lineage(store, raw, direction="down", limit=3, cursor=second.cursor)
    assert (names(third), third.truncated, third.cursor) == (["model2", "report"], False, None)


def test_the_depth_cuts_without_a_cursor(store, tree):
    graph = lineage(store, tree[0], direction="down", depth=1)
    assert (graph.truncated, graph.cursor) == (True, None)


@pytest.mark.parametrize(
    "options", [{"cursor": "x"}, {"cursor": "2-"}, {"limit": 0}, {"depth": -1}], ids=str
)
def test_what_cannot_be_used(store, make, options):
    with pytest.raises(InvalidInputError):
        lineage(store, make.version("a"), **options)


def test_recalled_and_deleted_versions_are_shown(store, tree):
    raw, sets, models = tree
    store.catalog.recall(raw.id, "bad")
    store.catalog.delete_version(sets[0].id, force=True)
    graph = lineage(store, models[0])
    assert names(graph) == ["model0", "set0", "raw"]
    assert [graph.versions[node].name for node in graph.recalled] == ["raw"]
    assert graph.versions[f"version:{sets[0].id}"].deleted_at is not None


# -- why


def test_why_follows_runs(store, tree):
    raw, sets, models = tree
    found = why(store, models[2], raw)
    assert (found.source, found.target, found.distance) == (raw, models[2], 2)
    [path] = found.paths
    assert [getattr(node, "ref", None) or node.id for node in path] == [
        raw.ref,
        "split",
        sets[2].ref,
        "fit2",
        models[2].ref,
    ]


def test_why_does_not_mind_the_order(store, tree):
    raw, _, models = tree
    assert why(store, raw, models[2]) == why(store, models[2], raw)


def test_why_without_a_way(store, tree):
    _, _, models = tree
    found = why(store, models[0], models[1])
    assert (bool(found), found.paths, found.truncated) == (False, [], False)


def test_why_of_itself(store, tree):
    raw, _, _ = tree
    found = why(store, raw, raw)
    assert (found.distance, found.paths) == (0, [[raw]])


def test_why_says_that_there_are_more_ways(store, make):
    start = make.version("start")
    middle = [make.run(f"a{n}", [start], [(f"m{n}", "dataset")])[0] for n in range(4)]
    [end] = make.run("join", middle, [("end", "dataset")])
    found = why(store, end, start, limit=3)
    assert (len(found.paths), found.truncated) == (3, True)
    assert not why(store, end, start, limit=4).truncated
    with pytest.raises(InvalidInputError, match="at least 1"):
        why(store, end, start, limit=0)


def test_why_takes_the_shortest(store, make):
    start = make.version("start")
    [long_] = make.run("first", [start], [("half", "dataset")])
    [end] = make.run("join", [long_, start], [("end", "dataset")])
    assert [len(path) for path in why(store, end, start).paths] == [3]


# -- impact


def test_impact_names_models_leaves_consumers_and_runs(store, make, tree):
    raw, _, models = tree
    catalog = store.catalog
    catalog.deploy(models[2].id, "deployment", "api-prod")
    catalog.deploy(raw.id, "report", "weekly")
    other = make.version("other")
    catalog.deploy(other.id, "deployment", "unrelated")
    at_work = catalog.create_run(ENTITY, PROJECT, "busy", {"name": "busy"})
    catalog.link(at_work.key, models[0].id, LinkKind.INPUT)
    done = catalog.create_run(ENTITY, PROJECT, "done", {"name": "done"})
    catalog.link(done.key, models[0].id, LinkKind.INPUT)
    for run in ("split", "fit0", "fit1", "fit2", "tell", "done"):
        catalog.finish_run(catalog.run(ENTITY, PROJECT, run).key, "finished", 0)
    found = impact(store, raw)
    assert found.by_type == {"dataset": 3, "model": 3, "report": 1}
    assert (found.version_count, found.run_count, found.model_count) == (7, 7, 3)
    assert [version.name for version in found.models] == ["model0", "model1", "model2"]
    # A run that made nothing does not keep a model from being an end.
    assert [version.name for version in found.leaves] == ["model0", "model2", "report"]
    assert [(c.name, c.version.name) for c in found.consumers] == [
        ("api-prod", "model2"),
        ("weekly", "raw"),
    ]
    assert [run.id for run in found.running] == ["busy"]
    assert (found.recall, found.truncated) == (None, False)


def test_impact_knows_what_is_no_longer_live(store, tree):
    raw, _, models = tree
    store.catalog.deploy(models[0].id, "deployment", "api")
    store.catalog.end_consumer(ENTITY, "api")
    store.catalog.recall(raw.id, "bad")
    found = impact(store, raw)
    assert found.consumers == []
    assert found.recall is not None
    assert found.recall.reason == "bad"


def test_impact_says_what_it_leaves_out(store, tree):
    found = impact(store, tree[0], limit=2)
    assert (found.model_count, len(found.models), found.truncated) == (3, 2, True)
    with pytest.raises(InvalidInputError, match="at least 1"):
        impact(store, tree[0], limit=0)


def test_impact_of_what_nobody_used(store, make):
    found = impact(store, make.version("alone"))
    assert (found.version_count, found.run_count, found.leaves) == (0, 0, [])


def test_users(store, tree):
    raw, _, _ = tree
    assert [run.id for run in users(store, raw)] == ["split"]
    everybody = users(store, raw, transitive=True)
    assert [run.id for run in everybody] == ["split", "fit0", "fit1", "fit2", "tell"]
    assert [run.id for run in users(store, raw, transitive=True, type_="report")] == ["tell"]
    assert users(store, raw, type_="model") == []


# -- where files come from


@pytest.fixture
def versions(store, tmp_path):
    """Five versions of one artifact, in which ``a`` comes, changes, goes and comes back."""
    contents = [{"a": b"one"}, {"a": b"two"}, {"b": b"x"}, {"a": b"one", "b": b"x"}, {"a": b"one"}]
    return [
        log_files(store, tmp_path / f"v{n}", {**files, "other": str(n).encode()})
        for n, files in enumerate(contents)
    ]


def test_blame_tells_the_history_of_a_path(store, versions):
    found = blame(store, versions[4], "a")
    assert [change.version.number for change in found.history] == [0, 1, 2, 3]
    assert [change.entry is None for change in found.history] == [False, False, True, False]
    assert (found.first.version.number, found.since.version.number) == (0, 3)
    assert found.entry.digest == hash_bytes(b"one")
    assert found.unreadable == []


def test_blame_knows_nothing_of_later_versions(store, versions):
    found = blame(store, versions[1], "a")
    assert [change.version.number for change in found.history] == [0, 1]
    assert found.first == found.since == found.history[1]


def test_blame_names_the_run(store, make):
    [made] = make.run("maker", [], [("thing", "dataset")])
    first = blame(store, made, "file").first
    assert first.run is not None
    assert first.run.id == "maker"


def test_blame_goes_through_deleted_versions(store, versions):
    store.catalog.delete_version(versions[0].id, force=True)
    found = blame(store, versions[4], "a")
    assert found.first.version.number == 0
    assert found.first.version.deleted_at is not None


def test_blame_of_a_path_that_is_not_there(store, versions):
    with pytest.raises(EntryNotFoundError, match="has no file 'b'"):
        blame(store, versions[4], "b")


def test_find_names_every_version_and_path(store, versions, tmp_path):
    twice = log_files(store, tmp_path / "twice", {"x/1": b"one", "x/2": b"one"}, "copies")
    found = find(store, hash_bytes(b"one"), entity=ENTITY, project=PROJECT)
    assert [(hit.version.ref, hit.paths) for hit in found.hits] == [
        (versions[0].ref, ["a"]),
        (versions[3].ref, ["a"]),
        (versions[4].ref, ["a"]),
        (twice.ref, ["x/1", "x/2"]),
    ]
    assert (found.stored, found.searched, found.unreadable) == (True, 5, [])  # v2 is too small
    assert found.bytes > 0


def test_find_reads_nothing_for_what_the_store_does_not_have(store, versions):
    found = find(store, hash_bytes(b"never"), entity=ENTITY, project=PROJECT)
    assert (bool(found), found.stored, found.searched) == (False, False, 0)


def test_find_looks_only_into_versions_that_are_large_enough(store, versions, tmp_path):
    large = log_files(store, tmp_path / "large", {"big": b"." * 1000}, "large")
    found = find(store, hash_bytes(b"." * 1000), entity=ENTITY, project=PROJECT)
    assert ([hit.version for hit in found.hits], found.searched) == ([large], 1)


def test_find_leaves_out_other_projects_and_deleted_versions(store, versions):
    store.catalog.delete_version(versions[3].id, force=True)
    digest = hash_bytes(b"one")
    found = find(store, digest, entity=ENTITY, project=PROJECT)
    assert [hit.version.number for hit in found.hits] == [0, 4]
    assert not find(store, digest, entity=ENTITY, project="other")
    assert find(store, digest, entity=ENTITY)


def test_find_finds_references_when_asked(store):
    digest = hash_bytes(b"elsewhere")
    reference = Reference("file:///data/x")
    manifest = Manifest([Entry("x", digest, 9, reference=reference)])
    upload = store.upload()
    version, _ = store.commit(draft_of(manifest), upload, manifest)
    assert not find(store, digest, entity=ENTITY)
    [hit] = find(store, digest, entity=ENTITY, references=True).hits
    assert (hit.version, hit.paths) == (version, ["x"])


def test_the_beginning_of_a_digest(store, versions):
    digest = hash_bytes(b"one")
    assert resolve_content(store, digest.hex()[:12]) == digest
    with pytest.raises(BlobNotFoundError, match="begins with"):
        resolve_content(store, "0" * 12)
    # All of it may also be that of a file which the store does not have.
    assert resolve_content(store, "0" * 64) == bytes(32)


def test_a_manifest_is_searched_as_text():
    digest, other = hash_bytes(b"1"), hash_bytes(b"2")
    trap = Reference(f'x","blake3:{digest.hex()}",', hashed=False)
    entries = [
        Entry('a"quote', digest, 1),
        Entry("é/ü", other, 1, executable=True),
        Entry("trap", trap.identity(), 0, reference=trap),
        Entry("z", digest, 1),
    ]
    data = b"".join(Manifest(entries).chunks())
    assert all(entry_at(data, entry.path) == entry for entry in entries)
    assert entry_at(data, "quote") is entry_at(data, "") is entry_at(data, "a") is None
    assert [entry.path for entry in entries_with(data, digest)] == ['a"quote', "z"]
    assert entries_with(data, hash_bytes(b"3")) == []


# -- overlap


def manifest_of(**files):
    return Manifest(Entry(p, hash_bytes(c.encode()), len(c)) for p, c in files.items())


def test_overlap_counts_contents_whatever_the_paths():
    train = manifest_of(a="same", b="same", c="only here", empty="")
    test = manifest_of(x="same", y="only there", empty="")
    found = overlap(train, test)
    assert found.contents == 1
    assert tuple(found.first) == (3, 17, 2, 8)
    assert tuple(found.second) == (2, 14, 1, 4)
    [example] = found.examples
    assert (example.paths, example.other_paths, example.size) == (["a", "b"], ["x"], 4)


def test_overlap_of_strangers():
    found = overlap(manifest_of(a="1"), manifest_of(a="2"))
    assert (bool(found), found.examples) == (False, [])


def test_overlap_names_the_largest_first():
    files = {f"f{n}": "x" * n for n in range(1, 6)}
    found = overlap(manifest_of(**files), manifest_of(**files), examples=2)
    assert ([e.size for e in found.examples], found.contents) == ([5, 4], 5)


# -- the past


def at(store, text, moment):
    return store.catalog.resolve_at(Ref.parse(text), moment, entity=ENTITY, project=PROJECT)


@pytest.fixture
def moments(store, versions):
    """``prod`` goes to v1, then back to v0, then away; the times in between."""
    catalog = store.catalog
    times = [catalog.now()]
    for change in (
        lambda: catalog.set_alias(versions[1].id, "prod"),
        lambda: catalog.set_alias(versions[0].id, "prod"),
        lambda: catalog.remove_alias(versions[0].id, "prod"),
    ):
        change()
        times.append(catalog.now())
    return times


def test_an_alias_in_the_past(store, moments):
    assert at(store, "data:prod", moments[1]).number == 1
    assert at(store, "data:prod", moments[2]).number == 0
    for gone in (moments[0], moments[3]):
        with pytest.raises(RefNotFoundError, match="there was no data:prod at"):
            at(store, "data:prod", gone)


def test_a_bare_name_is_what_was_latest(store, versions):
    assert at(store, "data", versions[2].created_at).number == 2
    with pytest.raises(RefNotFoundError):
        at(store, "data", versions[0].created_at - 1)


def test_a_number_in_the_past(store, versions):
    assert at(store, "data:v1", versions[3].created_at).number == 1
    with pytest.raises(RefNotFoundError, match="there was no data:v3 at"):
        at(store, "data:v3", versions[1].created_at)
    with pytest.raises(RefNotFoundError, match="has no version v9"):
        at(store, "data:v9", versions[1].created_at)


def test_a_deleted_version_is_still_what_a_name_meant(store, versions):
    then = store.catalog.now()
    store.catalog.delete_version(versions[4].id, force=True)
    found = at(store, "data", then)
    assert (found.number, found.deleted_at is not None) == (4, True)
    with pytest.raises(RefNotFoundError, match="was deleted before"):
        at(store, "data:v4", store.catalog.now())


def test_a_digest_in_the_past(store, versions):
    digits = versions[1].digest.hex()[:16]
    for text in (f"data@{digits}", f"data:{digits}", f"blake3:{digits}"):
        assert at(store, text, store.catalog.now()).number == 1
    with pytest.raises(RefNotFoundError):
        at(store, f"data@{digits}", versions[0].created_at)


def test_a_name_that_never_was(store, versions):
    with pytest.raises(RefNotFoundError, match="does not contain an artifact 'dato'") as caught:
        at(store, "dato", store.catalog.now())
    assert "data" in str(caught.value.hint)


def test_a_run_that_is_being_interrupted_counts_as_running(store, tree):
    catalog = store.catalog
    raw, _, models = tree
    at_work = catalog.create_run(ENTITY, PROJECT, "busy", {"name": "busy"})
    catalog.link(at_work.key, models[0].id, LinkKind.INPUT)
    catalog.update_run(at_work.key, {"state": PREEMPTING})
    assert "busy" in [run.id for run in impact(store, raw).running]
