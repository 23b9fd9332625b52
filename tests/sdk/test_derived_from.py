"""Exact edges: `log_artifact(derived_from=…)`, and through which alias an input was found."""

import threading

import pytest

import artifacts
from artifacts import Api, Artifact
from artifacts.store.catalog.schema import alias_events, links
from artifacts.store.outbox import Delivery
from artifacts.store.records import DerivationKind
from artifacts.store.store import Store


def draft(text="one", name="corpus", type="dataset", **options):
    artifact = Artifact(name, type, **options)
    with artifact.new_file("text") as file:
        file.write(text)
    return artifact


@pytest.fixture
def corpus(run):
    return run.log_artifact(draft(), aliases=["prod"])


@pytest.fixture
def second():
    """A run after the one that logged."""
    with artifacts.init(project="demo", id="second", reinit="create_new") as run:
        yield run


def sources(artifact):
    """What an artifact was declared to be made of."""
    catalog = Api(project="demo").store.catalog
    found = catalog.derivations_of([artifact.record.id])
    assert {edge.kind for edge in found} <= {DerivationKind.DECLARED}
    return [edge.input.ref for edge in found]


def inputs(run):
    """Each input of a run: its version, as what it was named, and the move of the alias."""
    catalog = Api(project="demo").store.catalog
    rows = catalog._db.read(
        lambda c: c.execute(
            links.select()
            .add_columns(alias_events.c.alias, alias_events.c.to_version_id, alias_events.c.by)
            .outerjoin_from(links, alias_events, alias_events.c.id == links.c.alias_event_id)
            .where(links.c.run_id == run._record.key, links.c.kind == "in")
            .order_by(links.c.id)
        ).all()
    )
    for row in rows:
        assert row.alias_event_id is None or row.to_version_id == row.version_id
        assert row.alias is None or "@" in row.by
    return [(catalog.version(row.version_id).ref, row.ref_text, row.alias) for row in rows]


# -- exact edges


def test_names_and_artifacts(corpus, second):
    other = second.log_artifact(draft("x", name="other"))
    model = second.log_artifact(draft("m", name="model"), derived_from=["corpus:prod", other])
    assert sources(model) == ["demo/corpus:v0", "demo/other:v0"]


@pytest.mark.parametrize("given", ["corpus", ["corpus"], ("corpus", "corpus:v0"), {"corpus"}])
def test_one_or_many(corpus, second, given):
    assert sources(second.log_artifact(draft("m", name="model"), derived_from=given)) == [
        "demo/corpus:v0"
    ]


def test_an_artifact_alone(corpus, second):
    model = second.log_artifact(draft("m", name="model"), derived_from=corpus)
    assert sources(model) == ["demo/corpus:v0"]


@pytest.mark.parametrize("given", [None, [], ()])
def test_nothing_is_declared(corpus, second, given):
    second.use_artifact("corpus")
    assert sources(second.log_artifact(draft("m", name="model"), derived_from=given)) == []


def test_what_is_declared_becomes_an_input(corpus, second):
    second.log_artifact(draft("m", name="model"), derived_from="corpus:prod")
    assert [each.name for each in second.used_artifacts()] == ["corpus:v0"]
    assert inputs(second) == [("demo/corpus:v0", "corpus:prod", "prod")]


def test_the_edge_names_the_run(corpus, second):
    model = second.log_artifact(draft("m", name="model"), derived_from=corpus)
    [edge] = Api(project="demo").store.catalog.derivations_from([corpus.record.id])
    assert (edge.output.id, edge.run) == (model.record.id, second._record.key)


def test_content_that_exists_already_gets_the_edge_too(corpus, second, run):
    first = run.log_artifact(draft("m", name="model"))
    model = second.log_artifact(draft("m", name="model"), derived_from=corpus)
    assert (model.version, model.is_new) == (first.version, False)
    assert sources(model) == ["demo/corpus:v0"]


def test_a_version_that_is_logged_again(corpus, second, run):
    model = run.log_artifact(draft("m", name="model"))
    second.log_artifact(model, derived_from=corpus)
    second.log_artifact(model, derived_from=corpus)
    assert sources(model) == ["demo/corpus:v0"]


def test_a_path(corpus, second, tmp_path):
    (tmp_path / "model.bin").write_text("m")
    model = second.log_artifact("model.bin", "model", "model", derived_from=corpus)
    assert sources(model) == ["demo/corpus:v0"]


def test_nothing_is_made_of_itself(corpus, second):
    again = second.log_artifact(draft(), derived_from="corpus:v0")
    assert (again.version, sources(again)) == ("v0", [])
    assert [each.name for each in second.used_artifacts()] == ["corpus:v0"]


def test_the_next_version_of_the_same_artifact(corpus, second):
    newer = second.log_artifact(draft("two"), derived_from=corpus)
    assert (newer.version, sources(newer)) == ("v1", ["demo/corpus:v0"])


def test_a_source_that_is_deleted_later_stays_known(corpus, second):
    model = second.log_artifact(draft("m", name="model"), derived_from=corpus)
    second.finish()
    corpus.delete(delete_aliases=True)
    assert sources(model) == ["demo/corpus:v0"]


def test_a_recalled_source_warns(corpus, second, log):
    corpus.recall("bad")
    second.log_artifact(draft("m", name="model"), derived_from="corpus")
    assert [text for text in log.messages if "demo/corpus:v0 was recalled" in text]


@pytest.mark.parametrize(
    "given", ["nothing", "corpus:v7", "corpus:no-alias", ["corpus", "nothing"]]
)
def test_a_source_that_does_not_exist_logs_nothing(corpus, second, given, tmp_path):
    (tmp_path / "model.bin").write_text("m" * 100_000)
    objects = second._place.store.catalog.list_objects()
    with pytest.raises(artifacts.RefNotFoundError):
        second.log_artifact("model.bin", "model", "model", derived_from=given)
    assert second.logged_artifacts() == []
    assert second.used_artifacts() == []
    assert second._place.store.catalog.list_objects() == objects


def test_a_deleted_source(corpus, second):
    corpus.delete(delete_aliases=True)
    with pytest.raises(artifacts.RefNotFoundError, match="deleted"):
        second.log_artifact(draft("m", name="model"), derived_from=corpus)
    assert second.logged_artifacts() == []


def test_a_draft_is_no_source(second):
    with pytest.raises(artifacts.ArtifactNotLoggedError):
        second.log_artifact(draft("m", name="model"), derived_from=draft())


def test_a_source_in_another_store(second, tmp_path):
    other = draft(store=tmp_path / "other", project="demo").save()
    with pytest.raises(artifacts.StateError, match="is in the store at"):
        second.log_artifact(draft("m", name="model"), derived_from=other)


@pytest.mark.parametrize("given", [3, [3], [None]])
def test_other_things(corpus, second, given):
    with pytest.raises(TypeError, match="derived_from takes artifacts and names"):
        second.log_artifact(draft("m", name="model"), derived_from=given)


def test_edges_of_a_version_that_is_on_its_way(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "remote"))
    monkeypatch.setenv("ART_OUTBOX_DIR", str(tmp_path / "outbox"))
    Store.create(tmp_path / "remote", objects=f"local://{tmp_path}/bucket").close()
    release, real = threading.Event(), Delivery.run

    def held(delivery, store):
        assert release.wait(60)
        return real(delivery, store)

    with artifacts.init(project="demo", id="first") as run:
        corpus = run.log_artifact(draft(), aliases=["prod"]).wait()
        monkeypatch.setattr(Delivery, "run", held)
        model = run.log_artifact(draft("m", name="model"), derived_from="corpus:prod")
        assert model.state == "PENDING"
        corpus.delete(delete_aliases=True)  # too late to refuse: it was used
        release.set()
        assert sources(model) == ["demo/corpus:v0"]
        assert inputs(run) == [("demo/corpus:v0", "corpus:prod", "prod")]


# -- through which alias


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("corpus", "latest"),
        ("corpus:latest", "latest"),
        ("corpus:prod", "prod"),
        ("demo/corpus:prod", "prod"),
        ("corpus:v0", None),
    ],
)
def test_the_move_of_the_alias_is_recorded(corpus, second, name, alias):
    second.use_artifact(name)
    assert inputs(second) == [("demo/corpus:v0", name, alias)]


def test_a_digest_is_no_alias(corpus, second):
    name = f"corpus@{corpus.digest[:12]}"
    second.use_artifact(name)
    assert inputs(second) == [("demo/corpus:v0", name, None)]


def test_an_artifact_remembers_the_name_by_which_it_was_found(corpus, second):
    second.use_artifact(Api(project="demo").artifact("corpus:prod"))
    assert inputs(second) == [("demo/corpus:v0", "corpus:prod", "prod")]


def test_it_is_the_move_of_that_time(corpus, second, run):
    second.use_artifact("corpus:prod")
    run.log_artifact(draft("two"), aliases=["prod"])
    catalog = Api(project="demo").store.catalog
    [(key, event)] = catalog._db.read(
        lambda c: c.execute(
            links.select()
            .with_only_columns(links.c.version_id, links.c.alias_event_id)
            .where(links.c.run_id == second._record.key)
        ).all()
    )
    moves = catalog._db.read(
        lambda c: c.execute(
            alias_events.select().where(alias_events.c.alias == "prod").order_by(alias_events.c.id)
        ).all()
    )
    first, _ = moves
    assert (first.id, first.to_version_id) == (event, key)
    assert [catalog.version(move.to_version_id).number for move in moves] == [0, 1]


def test_latest_that_moved_back_by_logging_again(corpus, second, run):
    run.log_artifact(draft("two"))
    run.log_artifact(draft("one"))  # v0 is latest again, by another move
    second.use_artifact("corpus")
    assert inputs(second) == [("demo/corpus:v0", "corpus", "latest")]
    [event] = Api(project="demo").store.catalog._db.read(
        lambda c: c.scalars(
            links.select()
            .with_only_columns(links.c.alias_event_id)
            .where(links.c.run_id == second._record.key)
        ).all()
    )
    newest = Api(project="demo").store.catalog._db.read(
        lambda c: c.scalars(
            alias_events.select()
            .with_only_columns(alias_events.c.id)
            .where(alias_events.c.alias == "latest")
            .order_by(alias_events.c.id.desc())
        ).first()
    )
    assert event == newest


def test_every_move_says_who_and_when(corpus, run):
    catalog = Api(project="demo").store.catalog
    newer = run.log_artifact(draft("two"), aliases=["prod"])
    newer.aliases = ["gold"]
    newer.save()
    run.log_artifact(corpus, aliases=["gold"])
    run.link_artifact(corpus, "shelf/corpus", aliases=["best"])
    Api(project="demo").copy("corpus", "copied:there")
    run.finish()
    corpus.delete(delete_aliases=True)
    corpus.restore()
    moves = catalog._db.read(lambda c: c.execute(alias_events.select()).all())
    assert {move.alias for move in moves} == {"latest", "prod", "gold", "best", "there"}
    assert all(move.at and "@" in move.by for move in moves)
    gold = [(move.from_version_id, move.to_version_id) for move in moves if move.alias == "gold"]
    v0, v1 = corpus.record.id, newer.record.id
    assert gold == [(None, v1), (v1, v0), (v0, None)]
