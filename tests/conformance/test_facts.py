"""Exact edges, recalls, consumers and parts, in every database that may hold a catalog."""

import itertools
import threading

import pytest

from artifacts.store.catalog import Catalog
from artifacts.store.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    RefNotFoundError,
    StateError,
)
from artifacts.store.records import (
    FINISHED_AS,
    UPSERT_PART,
    Closing,
    DerivationKind,
    EventKind,
    LinkKind,
    Source,
)
from tests.conformance.catalog_tests import log

THREADS = 6


@pytest.fixture(params=["sqlite", "postgres"])
def catalog(request, tmp_path):
    if request.param == "sqlite":
        catalog = Catalog.sqlite(tmp_path / "catalog.sqlite")
    else:
        catalog = Catalog.open_url(request.getfixturevalue("postgres_url"))
    yield catalog
    catalog.close()


def begin(catalog, run_id="r1"):
    return catalog.create_run("local", "demo", run_id, {"name": run_id}).key


def at_once(work):
    """Do something in several threads at the same time; return what each got, or its error."""
    barrier, found = threading.Barrier(THREADS), []

    def run(number):
        barrier.wait()
        try:
            found.append(work(number))
        except Exception as error:  # noqa: BLE001 - returned
            found.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


# -- exact edges


def test_edges_are_committed_with_the_version(catalog):
    one, two, run = log(catalog, 1), log(catalog, 2, "other"), begin(catalog)
    sources = (Source(one.id, ref_text="corpus:latest", alias="latest"), Source(two.id))
    made = log(catalog, 3, "model", run=run, sources=sources)
    edges = catalog.derivations_of([made.id])
    assert [(edge.output.id, edge.input.id, edge.run) for edge in edges] == [
        (made.id, one.id, run),
        (made.id, two.id, run),
    ]
    assert {edge.kind for edge in edges} == {DerivationKind.DECLARED}
    assert all(edge.at >= made.created_at for edge in edges)
    inputs = catalog.links_of_runs([run], LinkKind.INPUT)
    assert [(link.version.id, link.ref_text) for link in inputs] == [
        (one.id, "corpus:latest"),
        (two.id, None),
    ]
    assert catalog.derivations_from([one.id]) == edges[:1]


def test_edges_are_recorded_once(catalog):
    one, run = log(catalog, 1), begin(catalog)
    for _ in range(2):
        made = log(catalog, 2, "model", run=run, sources=(Source(one.id),))
    assert len(catalog.derivations_of([made.id])) == 1


def test_a_commit_that_fails_leaves_no_edge(catalog):
    one, run = log(catalog, 1), begin(catalog)
    with pytest.raises(ConflictError):
        log(catalog, 2, "model", run=run, sources=(Source(one.id),), expected_latest=99)
    assert catalog.derivations_from([one.id]) == []
    assert catalog.links_of_runs([run], LinkKind.INPUT) == []


def test_only_declared_sources_are_inputs(catalog):
    one, run = log(catalog, 1), begin(catalog)
    source = Source(one.id, DerivationKind.LINK)
    link = log(catalog, 1, "shelf", run=run, output=False, sources=(source,))
    assert catalog.links_of_runs([run], LinkKind.INPUT) == []
    [edge] = catalog.derivations_of([link.id], DerivationKind.LINK)
    assert edge.input.id == one.id
    assert catalog.derivations_of([link.id], DerivationKind.DECLARED) == []


def test_an_edge_without_a_run(catalog):
    one = log(catalog, 1)
    made = log(catalog, 2, "model", sources=(Source(one.id),))
    [edge] = catalog.derivations_of([made.id])
    assert edge.run is None


def test_edges_of_many_versions(catalog):
    source = log(catalog, 0)
    made = [log(catalog, n, f"m{n}", sources=(Source(source.id),)) for n in range(1, 20)]
    assert len(catalog.derivations_from([source.id])) == 19
    assert len(catalog.derivations_of([version.id for version in made])) == 19


# -- recalls


def test_recall_and_undo(catalog):
    version = log(catalog)
    made = catalog.recall(version.id, "bad", "anna@lab")
    assert (made.version.id, made.reason, made.by) == (version.id, "bad", "anna@lab")
    assert (made.undone_at, made.undone_by) == (None, None)
    assert catalog.recalls_in_force([version.id]) == {version.id: made}
    undone = catalog.undo_recall(version.id, "ben@lab")
    assert (undone.at, undone.by, undone.undone_by) == (made.at, "anna@lab", "ben@lab")
    assert undone.undone_at >= made.at
    assert catalog.recalls_in_force([version.id]) == {}
    assert catalog.list_recalls() == []
    assert catalog.list_recalls(undone=True) == [undone]


def test_a_recall_holds_of_links(catalog):
    version = log(catalog, 1)
    source = Source(version.id, DerivationKind.LINK)
    link = log(catalog, 1, "shelf", sources=(source,))
    made_of_it = log(catalog, 2, "model", sources=(Source(version.id),))
    catalog.recall(version.id, "bad")
    found = catalog.recalls_in_force([link.id, made_of_it.id])
    assert list(found) == [link.id]
    assert found[link.id].version.id == version.id


def test_one_of_many_recalls_wins(catalog):
    version = log(catalog)
    found = at_once(lambda number: catalog.recall(version.id, f"reason {number}"))
    made = [each for each in found if not isinstance(each, Exception)]
    assert len(made) == 1
    assert {type(each) for each in found if each not in made} == {AlreadyExistsError}
    assert catalog.recalls_in_force([version.id]) == {version.id: made[0]}


def test_a_recall_is_undone_once(catalog):
    version = log(catalog)
    catalog.recall(version.id, "bad")
    found = at_once(lambda number: catalog.undo_recall(version.id, f"user {number}"))
    assert sum(isinstance(each, StateError) for each in found) == THREADS - 1


# -- consumers


def test_deploy_and_end(catalog):
    version = log(catalog)
    made = catalog.deploy(version.id, "deployment", "api", "anna@lab")
    assert (made.kind, made.name, made.version.id, made.by) == (
        "deployment",
        "api",
        version.id,
        "anna@lab",
    )
    assert catalog.list_consumers() == [made]
    assert catalog.in_use([version.id]) == {version.id: "deployment api"}
    ended = catalog.end_consumer("local", "api", "ben@lab")
    assert (ended.since, ended.ended_by) == (made.since, "ben@lab")
    assert catalog.list_consumers() == []
    assert catalog.list_consumers(entity="local", ended=True) == [ended]
    assert catalog.list_consumers(entity="others", ended=True) == []
    assert catalog.in_use([version.id]) == {}
    with pytest.raises(NotFoundError):
        catalog.end_consumer("local", "api")


def test_a_running_run_is_named_before_a_consumer(catalog):
    version, run = log(catalog), begin(catalog)
    catalog.deploy(version.id, "deployment", "api")
    catalog.link(run, version.id, LinkKind.INPUT)
    assert catalog.in_use([version.id]) == {version.id: "run r1"}


def test_a_deleted_version_is_not_deployed(catalog):
    version = log(catalog)
    catalog.delete_version(version.id)
    with pytest.raises(RefNotFoundError):
        catalog.deploy(version.id, "deployment", "api")


def test_of_many_deployments_one_is_left(catalog):
    made = [log(catalog, number) for number in range(THREADS)]
    found = at_once(lambda number: catalog.deploy(made[number].id, "deployment", "api"))
    assert not [each for each in found if isinstance(each, Exception)]
    [left] = catalog.list_consumers()
    history = catalog.list_consumers(ended=True)
    assert len(history) == THREADS
    assert history[0] == left
    for later, earlier in itertools.pairwise(history):
        assert earlier.until == later.since


# -- parts


def part(catalog, number, run=None, **changes):
    return log(catalog, number, "parts", type=UPSERT_PART, run=run, **changes)


def test_closing_deletes_the_parts_and_links_their_runs(catalog):
    first, second = begin(catalog, "r1"), begin(catalog, "r2")
    parts = [part(catalog, 1, first, aliases=("x",)), part(catalog, 2, second)]
    own = log(catalog, 3, "own", type=UPSERT_PART)
    closing = Closing(tuple(each.id for each in parts), own.id)
    version = log(catalog, 4, run=second, closing=closing)
    left = [catalog.version(each.id) for each in (*parts, own)]
    assert all(each.deleted_at is not None and each.aliases == () for each in left)
    assert [each.metadata.get(FINISHED_AS) for each in left] == [version.number] * 2 + [None]
    logged = catalog.links_of_versions([version.id], LinkKind.OUTPUT)
    assert {link.run.id for link in logged} == {"r1", "r2"}


def test_closing_fails_when_there_are_other_parts(catalog):
    one, two = part(catalog, 1), part(catalog, 2)
    for parts in ((one.id,), (two.id,)):
        with pytest.raises(ConflictError) as caught:
            log(catalog, 4, closing=Closing(parts))
        assert caught.value.kind == "parts_changed"
    assert catalog.version(one.id).deleted_at is None
    assert catalog.list_versions("local", "demo", "corpus") == []
    log(catalog, 4, closing=Closing((two.id, one.id)))
    with pytest.raises(ConflictError):
        log(catalog, 5, closing=Closing((two.id, one.id)))


def test_of_many_closings_one_wins(catalog):
    parts = tuple(part(catalog, number).id for number in range(3))
    found = at_once(lambda number: log(catalog, 10 + number, closing=Closing(parts)))
    assert sum(isinstance(each, ConflictError) for each in found) == THREADS - 1
    assert len(catalog.list_versions("local", "demo", "corpus")) == 1


def test_no_part_is_lost_while_others_close(catalog):
    """Parts that come at any moment are in exactly one version, or left."""

    def work(number):
        if number % 2:
            return part(catalog, number)
        while True:
            parts = catalog.list_versions("local", "demo", "parts")
            try:
                closing = Closing(tuple(each.id for each in parts))
                return log(catalog, 10 + number, closing=closing)
            except ConflictError:
                continue

    found = at_once(work)
    assert not [each for each in found if isinstance(each, Exception)]
    left = [each.id for each in catalog.list_versions("local", "demo", "parts")]
    for each in catalog.list_versions("local", "demo", "parts", deleted=True):
        assert (each.id in left) == (FINISHED_AS not in each.metadata)


def test_dropping_a_part_twice(catalog):
    own = part(catalog, 1, aliases=("x",))
    catalog.drop_part(own.id)
    deleted_at = catalog.version(own.id).deleted_at
    catalog.drop_part(own.id)
    assert catalog.version(own.id).deleted_at == deleted_at
    assert catalog.version(own.id).aliases == ()


# -- what those who follow lineage are told


def test_nothing_is_noted_unless_asked(catalog):
    run = begin(catalog)
    log(catalog, 1, run=run)
    catalog.finish_run(run, "finished", 0)
    assert catalog.waiting_events(10) == []


def test_notes_of_changes(catalog):
    catalog.note_events()
    run = begin(catalog)
    version = log(catalog, 1, run=run)
    catalog.link(run, version.id, LinkKind.OUTPUT)  # again
    catalog.link(run, version.id, LinkKind.INPUT)
    catalog.finish_run(run, "failed", 1)
    notes = catalog.waiting_events(10)
    assert [(note.run, note.kind, note.state, note.version, note.link) for note in notes] == [
        (run, EventKind.START, None, None, None),
        (run, EventKind.LINK, None, version.id, LinkKind.OUTPUT),
        (run, EventKind.LINK, None, version.id, LinkKind.INPUT),
        (run, EventKind.END, "failed", None, None),
    ]
    assert [note.at for note in notes] == sorted(note.at for note in notes)
    assert catalog.waiting_events(2) == notes[:2]
    catalog.drop_events(note.id for note in notes[:3])
    assert (catalog.waiting_events(10), catalog.count_events()) == (notes[3:], 1)


def test_what_fails_is_not_noted(catalog):
    catalog.note_events()
    run = begin(catalog)
    with pytest.raises(AlreadyExistsError):
        begin(catalog)
    version = log(catalog, 1)
    catalog.delete_version(version.id, delete_aliases=True, force=True)
    with pytest.raises(RefNotFoundError):
        catalog.link(run, version.id, LinkKind.INPUT)
    assert [note.kind for note in catalog.waiting_events(10)] == [EventKind.START]
