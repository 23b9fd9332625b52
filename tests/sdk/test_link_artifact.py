"""Links: `Run.link_artifact`, `link_model`, `Artifact.link` and `unlink`."""

from datetime import timedelta
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from artifacts.store import gc
from artifacts.store.records import DerivationKind
from tests.sdk.helpers import hint_of
from tests.support import read_tree


def draft(text="weights", name="model", type="model", **options):
    artifact = Artifact(name, type, **options)
    with artifact.new_file("weights.bin") as file:
        file.write(text)
    return artifact


@pytest.fixture
def model(run):
    return run.log_artifact(draft(description="small", metadata={"acc": 0.9}))


def registered(name):
    return Api(project="registry").artifact(name)


def test_a_link_is_the_same_version_elsewhere(run, model):
    link = run.link_artifact(model, "registry/best", aliases=["prod"])
    assert link.qualified_name == "local/registry/best:v0"
    assert (link.digest, link.type, link.aliases) == (model.digest, "model", ["latest", "prod"])
    assert (link.description, link.metadata) == ("small", {"acc": 0.9})
    assert read_tree(Path(link.download("out"))) == {"weights.bin": b"weights"}


def test_both_ends_know_each_other(run, model):
    link = run.link_artifact(model, "registry/best")
    assert (link.is_link, model.is_link) == (True, False)
    assert link.source_artifact.qualified_name == model.qualified_name
    assert model.source_artifact.qualified_name == model.qualified_name
    assert [each.qualified_name for each in model.linked_artifacts] == ["local/registry/best:v0"]
    assert link.linked_artifacts == []
    stored = registered("best")
    assert (stored.is_link, stored.source_artifact.name) == (True, "model:v0")


def test_no_byte_is_copied(run, model):
    before = run._place.store.catalog.list_objects()
    run.link_artifact(model, "registry/best")
    assert run._place.store.catalog.list_objects() == before


def test_an_alias_in_the_path(run, model):
    assert run.link_artifact(model, "registry/best:prod").aliases == ["latest", "prod"]
    assert run.link_artifact(model, "registry/other:latest").aliases == ["latest"]


def test_latest_moves_in_the_target(run, model):
    run.link_artifact(model, "registry/best", aliases="prod")
    newer = run.log_artifact(draft("better"))
    link = run.link_artifact(newer, "registry/best", aliases="prod")
    assert (link.version, link.aliases) == ("v1", ["latest", "prod"])
    assert registered("best:v0").aliases == []


def test_linking_again_makes_no_new_version(run, model):
    first = run.link_artifact(model, "registry/best")
    again = run.link_artifact(model, "registry/best", aliases="prod")
    assert (first.is_new, again.is_new, again.version) == (True, False, "v0")
    assert again.aliases == ["latest", "prod"]
    assert len(model.linked_artifacts) == 1


def test_a_link_to_a_link_leads_to_the_version(run, model):
    link = run.link_artifact(model, "registry/best")
    second = run.link_artifact(link, "showroom/best")
    assert second.source_artifact.qualified_name == model.qualified_name
    assert [each.project for each in model.linked_artifacts] == ["registry", "showroom"]


def test_a_draft_is_logged_first(run):
    logged = draft()
    link = run.link_artifact(logged, "registry/best")
    assert (logged.name, link.source_artifact.name) == ("model:v0", "model:v0")
    assert [each.name for each in run.logged_artifacts()] == ["model:v0"]


def test_it_is_no_output_of_the_run_that_links_it(run, model):
    run.link_artifact(model, "registry/best")
    assert [each.qualified_name for each in run.logged_artifacts()] == [model.qualified_name]
    assert run.used_artifacts() == []


def test_lineage_goes_through_it(run, model):
    link = run.link_artifact(model, "registry/best")
    [edge] = run._place.store.catalog.derivations_of([link.record.id])
    assert (edge.input.id, edge.kind, edge.run) == (
        model.record.id,
        DerivationKind.LINK,
        run._record.key,
    )


def test_lineage_walks_through_it(run, model):
    source = run.log_artifact(draft("data", name="data", type="dataset"))
    with artifacts.init(project="demo", id="second", reinit="create_new") as second:
        second.use_artifact(source)
        made = second.log_artifact(draft("trained", name="trained"))
        second.link_artifact(made, "registry/best")
    api = Api(project="demo")
    up = [version.ref for version in api.lineage("registry/best").versions.values()]
    assert up == ["registry/best:v0", "demo/trained:v0", "demo/data:v0"]
    down = [version.ref for version in api.lineage("data", direction="down").versions.values()]
    assert down == ["demo/data:v0", "demo/trained:v0", "registry/best:v0"]


def test_without_a_run(model, run):
    run.finish()
    link = Api(project="demo").artifact("model").link("registry/best", aliases="prod")
    assert link.qualified_name == "local/registry/best:v0"
    [edge] = Api().store.catalog.derivations_of([link.record.id])
    assert edge.run is None


def test_a_name_alone_is_in_the_project_of_the_version(model, run):
    run.finish()
    assert Api(project="demo").artifact("model").link("best").qualified_name == "local/demo/best:v0"


def test_a_draft_is_saved_first(run):
    run.finish()
    link = draft(project="demo").link("registry/best")
    assert link.source_artifact.qualified_name == "local/demo/model:v0"


def test_link_model(run):
    Path("weights.bin").write_text("weights")
    link = run.link_model("weights.bin", "best", name="model", aliases=["prod"])
    assert link.qualified_name == "local/model-registry/best:v0"
    assert (link.type, link.aliases) == ("model", ["latest", "prod"])
    assert [each.name for each in run.logged_artifacts()] == ["model:v0"]
    other = run.link_model("weights.bin", "registry/best", name="model")
    assert other.qualified_name == "local/registry/best:v0"


# -- unlink


def test_unlink(run, model):
    link = run.link_artifact(model, "registry/best", aliases="prod")
    link.unlink()
    assert link.state == "DELETED"
    assert model.linked_artifacts == []
    assert model.state == "COMMITTED"
    assert Api(project="demo").artifact("model").file("out") is not None
    again = run.link_artifact(model, "registry/best")
    assert again.version == "v1"  # numbers are not used again


def test_unlink_respects_protection(run, model):
    link = run.link_artifact(model, "registry/best", aliases="prod")
    link.protect_alias("prod")
    with pytest.raises(artifacts.StateError, match="protected"):
        link.unlink()
    assert registered("best:prod").version == "v0"
    link.unlink(force=True)
    assert link.state == "DELETED"


def test_only_links_are_unlinked(model):
    with pytest.raises(artifacts.StateError, match="is no link") as caught:
        model.unlink()
    assert "art rm" in hint_of(caught)
    assert model.state == "COMMITTED"


def test_a_link_stays_whole_when_the_version_is_deleted(run, model):
    link = run.link_artifact(model, "registry/best")
    model.delete()
    gc.collect(run._place.store, gc.Settings(min_age=0, grace=0))
    assert read_tree(Path(link.download("out"))) == {"weights.bin": b"weights"}
    assert link.source_artifact.state == "DELETED"


# -- what is refused


def test_another_type_in_the_target(run, model):
    run.log_artifact(draft(type="dataset", name="best", project="registry"))
    with pytest.raises(ValueError, match="already exists with type 'dataset'"):
        run.link_artifact(model, "registry/best")


@pytest.mark.parametrize("path", ["a/b/c/d", "best:v3", "no good", "best@0123456789abcdef", ""])
def test_a_malformed_path_logs_nothing(run, path):
    with pytest.raises(ValueError, match=r"invalid|cannot log"):
        run.link_artifact(draft(), path)
    assert run.logged_artifacts() == []


def test_a_malformed_alias_logs_nothing(run):
    with pytest.raises(ValueError, match="reserved"):
        run.link_artifact(draft(), "registry/best", aliases="v3")
    assert run.logged_artifacts() == []


def test_the_same_collection(run, model):
    with pytest.raises(ValueError, match="in that collection already"):
        run.link_artifact(model, "model")


@pytest.mark.parametrize("thing", [None, "model:v0", 3])
def test_other_things(run, thing):
    with pytest.raises(TypeError, match=r"link_artifact\(\) takes an Artifact"):
        run.link_artifact(thing, "registry/best")


def test_a_path_that_is_no_text(run, model):
    with pytest.raises(TypeError, match="target_path must be text"):
        run.link_artifact(model, None)


def test_a_deleted_version(run, model):
    model.delete()
    with pytest.raises(artifacts.RefNotFoundError, match="deleted"):
        run.link_artifact(model, "registry/best")


def test_another_store(run, tmp_path):
    other = draft(store=tmp_path / "other", project="demo").save()
    with pytest.raises(artifacts.StateError, match="is in the store at"):
        run.link_artifact(other, "registry/best")


def test_a_link_has_no_lifetime(run, model):
    link = run.link_artifact(model, "registry/best")
    link.ttl = timedelta(days=1)
    with pytest.raises(ValueError, match="is a link"):
        link.save()
    assert registered("best").ttl == artifacts.ArtifactTTL.INHERIT


def test_after_the_end(run, model):
    run.finish()
    with pytest.raises(artifacts.RunFinishedError):
        run.link_artifact(model, "registry/best")
