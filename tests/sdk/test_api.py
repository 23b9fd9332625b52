"""`Api`: what a store holds, without a run; as much of behaviour.md section 17 as there is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import hint_of
from tests.support import write_tree


def save(name="corpus", text="one", type="dataset", aliases=(), **options):
    artifact = Artifact(name, type, **{"project": "demo", **options})
    with artifact.new_file("text") as file:
        file.write(text)
    artifact.aliases = aliases
    return artifact.save()


@pytest.fixture
def api():
    return Api(project="demo")


def test_without_a_store(tmp_path):
    with pytest.raises(artifacts.StoreNotFoundError, match="there is no store at") as caught:
        Api(store=tmp_path / "missing")
    assert hint_of(caught) == "make one with: art init"
    assert not (tmp_path / "missing").exists()


def test_it_looks_where_the_active_run_is(tmp_path):
    with artifacts.init(store=tmp_path / "other", project="demo", entity="team") as run:
        run.log_artifact(Artifact("corpus", "dataset"))
        assert Api().artifact("corpus").qualified_name == "team/demo/corpus:v0"


# -- artifacts


def test_artifact(api):
    version = save(aliases=["prod"])
    for name in ("corpus", "corpus:prod", "demo/corpus:v0", version.digest, version.digest[:9]):
        found = api.artifact(name)
        assert (found.name, found.state) == ("corpus:v0", "COMMITTED")
    assert api.artifact("corpus", type="dataset").id == version.id


def test_artifact_of_another_type(api):
    save()
    with pytest.raises(ValueError, match="Supplied type model does not match type dataset"):
        api.artifact("corpus", type="model")


def test_artifact_that_is_not_there(api):
    with pytest.raises(ValueError, match="does not contain an artifact 'corpus'"):
        api.artifact("corpus")
    with pytest.raises(TypeError, match="must be text, not int"):
        api.artifact(3)


def test_artifact_exists(api):
    save()
    assert api.artifact_exists("corpus:v0")
    assert api.artifact_exists("corpus:v0", type="dataset")
    assert not api.artifact_exists("corpus:v0", type="model")
    assert not api.artifact_exists("corpus:v1")
    assert not api.artifact_exists("other")
    with pytest.raises(ValueError, match="may only contain"):
        api.artifact_exists("not a name")


def test_artifacts(api):
    for text in "abc":
        save(text=text)
    assert [a.version for a in api.artifacts("dataset", "corpus")] == ["v2", "v1", "v0"]
    oldest_first = api.artifacts("dataset", "corpus", order="+created_at")
    assert [a.version for a in oldest_first] == ["v0", "v1", "v2"]
    with pytest.raises(ValueError, match="order: there is no field 'nmae'"):
        api.artifacts("dataset", "corpus", order="nmae")
    assert len(api.artifacts(type_name=None, name="demo/corpus", per_page=1)) == 3
    with pytest.raises(ValueError, match="Supplied type model"):
        api.artifacts("model", "corpus")
    with pytest.raises(ValueError, match="does not contain"):
        api.artifacts("dataset", "missing")


# -- collections


def test_collection(api):
    first = save(text="one", aliases=["old"])
    second = save(text="two", aliases=["prod"])
    found = api.collection("corpus")
    assert (found.name, found.type, found.project, found.entity) == (
        "corpus",
        "dataset",
        "demo",
        "local",
    )
    assert (found.qualified_name, found.version_count) == ("local/demo/corpus", 2)
    assert (found.description, found.id.isdigit()) == (None, True)
    assert found.latest.id == second.id
    assert [a.id for a in found.versions()] == [second.id, first.id]
    assert found.aliases == ["latest", "old", "prod"]
    assert timedelta(0) <= datetime.now(UTC) - found.created_at < timedelta(minutes=1)
    assert found.updated_at >= found.created_at
    assert repr(found) == "<ArtifactCollection local/demo/corpus (2 versions)>"


def test_collection_of_another_type(api):
    save()
    assert api.collection("demo/corpus", type="dataset").name == "corpus"
    with pytest.raises(ValueError, match="Supplied type model"):
        api.collection("corpus", type="model")


@pytest.mark.parametrize("name", ["corpus:v0", "corpus:latest", "corpus@12345678", 64 * "0"])
def test_collection_takes_no_version(api, name):
    save()
    with pytest.raises(ValueError, match="names a version; the name of an artifact is wanted"):
        api.collection(name)


def test_collection_that_is_not_there(api):
    save()
    with pytest.raises(ValueError, match="does not contain") as caught:
        api.collection("corpsu")
    assert hint_of(caught) == "did you mean corpus?"


def test_a_collection_without_latest(api):
    artifact = Artifact("corpus", "dataset", project="demo")
    artifact.aliases = ["candidate"]
    artifact.save(latest=False)
    assert api.collection("corpus").latest is None
    assert api.artifact_collection_exists("corpus")


def test_artifact_collection_exists(api):
    save()
    assert api.artifact_collection_exists("corpus")
    assert api.artifact_collection_exists("demo/corpus", type="dataset")
    assert not api.artifact_collection_exists("corpus", type="model")
    assert not api.artifact_collection_exists("other")


def test_collections(api):
    save("b")
    save("a", type="model")
    save("c", project="other")
    save("d", entity="team")
    assert [c.name for c in api.collections()] == ["a", "b"]
    assert [c.name for c in api.collections(type="model")] == ["a"]
    assert [c.name for c in api.collections("other")] == ["c"]
    assert [c.name for c in api.collections("team/demo")] == ["d"]
    assert [c.name for c in api.collections(all_projects=True)] == ["a", "b", "c"]
    assert api.collections("missing") == []


def test_rename_a_collection(api):
    save()
    save("other", "two")
    found = api.collection("corpus")
    found.name, found.description = "words", "all of them"
    found.save()
    assert found.name == "words"
    assert api.artifact("words:v0").name == "words:v0"
    assert api.collection("words").description == "all of them"
    assert not api.artifact_collection_exists("corpus")
    found.name = "other"
    with pytest.raises(artifacts.AlreadyExistsError, match="'other' already"):
        found.save()
    assert api.collection("words").version_count == 1
    with pytest.raises(ValueError, match="name"):
        found.name = "a/b"


def test_change_the_type_of_a_collection(api):
    save()
    found = api.collection("corpus")
    found.change_type("raw data")
    assert found.type == "raw data"
    assert api.artifact("corpus").type == "raw data"
    with pytest.raises(ValueError, match="type"):
        found.change_type("")


def test_delete_a_collection(api):
    for text in "abc":
        save(text=text)
    api.collection("corpus").delete()
    assert not api.artifact_collection_exists("corpus")


def test_delete_a_collection_with_aliases(api):
    save(text="one", aliases=["prod"])
    save(text="two")
    with pytest.raises(artifacts.StateError, match="corpus:v0 has the aliases prod"):
        api.collection("corpus").delete()
    assert api.collection("corpus").version_count == 2
    api.collection("corpus").delete(delete_aliases=True)
    assert not api.artifact_collection_exists("corpus")


def test_projects(api):
    save(project="b")
    save(project="a")
    save(project="c", entity="team")
    assert [project.name for project in api.projects()] == ["a", "b"]
    assert [project.path for project in Api(entity="team").projects()] == [["team", "c"]]


# -- runs


def test_run(api):
    with artifacts.init(
        project="demo", name="first", config={"lr": 1}, tags=["t"], group="g", job_type="train"
    ) as run:
        run.summary["acc"] = 0.5
        run.notes = "why"
        assert api.run(run.id).exit_code is None
    found = api.run(f"local/demo/{run.id}")
    assert (found.id, found.name, found.entity, found.project) == (run.id, "first", "local", "demo")
    assert (found.state, found.exit_code) == ("finished", 0)
    assert (found.config, found.summary, found.tags) == ({"lr": 1}, {"acc": 0.5}, ["t"])
    assert (found.group, found.job_type, found.notes) == ("g", "train", "why")
    assert found.path == ["local", "demo", run.id]
    assert (found.created_at, found.url) == (run.created_at, None)
    assert found.finished_at.timestamp() >= found.start_time
    assert all((found.user, found.host))
    assert repr(found) == f"<StoredRun local/demo/{run.id} (first, finished)>"


def test_every_form_of_a_runs_path(api, run):
    for path in (run.id, f"demo/{run.id}", run.path, ["local", "demo", run.id], (run.id,)):
        assert api.run(path).id == run.id
    assert api.run(api.run(run.id).path) == api.run(run.id)


@pytest.mark.parametrize("path", ["", "a/b/c/d", "demo/", "/x", []])
def test_bad_paths_of_runs(api, path):
    with pytest.raises(ValueError, match="invalid path of a run"):
        api.run(path)


def test_a_run_that_is_not_there(api, run):
    with pytest.raises(ValueError, match="no run 'missing' in project 'demo'") as caught:
        api.run("missing")
    assert isinstance(caught.value, artifacts.RunNotFoundError)
    with pytest.raises(artifacts.RunNotFoundError):
        api.run(f"elsewhere/{run.id}")


def test_runs(api):
    ids = []
    for project, entity in (("demo", None), ("demo", None), ("other", None), ("demo", "team")):
        with artifacts.init(project=project, entity=entity) as run:
            ids.append(run.id)
    assert [r.id for r in api.runs()] == [ids[1], ids[0]]
    assert [r.id for r in api.runs("other")] == [ids[2]]
    assert [r.id for r in api.runs("team/demo")] == [ids[3]]
    assert [r.id for r in api.runs(all_projects=True)] == [ids[2], ids[1], ids[0]]


def test_what_a_run_used_and_logged(api):
    save("raw")
    with artifacts.init(project="demo") as run:
        run.use_artifact("raw")
        run.log_artifact(Artifact("clean", "dataset"))
    found = api.run(run.id)
    assert [a.name for a in found.used_artifacts()] == ["raw:v0"]
    assert [a.name for a in found.logged_artifacts()] == ["clean:v0"]
    links = api.run_links(found)
    assert [(link.version.name, link.kind.name) for link in links] == [
        ("raw", "INPUT"),
        ("clean", "OUTPUT"),
    ]


def test_runs_are_equal_if_they_are_the_same(api, run):
    with artifacts.init(project="demo", reinit=True) as other:
        assert api.run(run.id) == api.run(run.id)
        assert len({api.run(run.id), api.run(run.id), api.run(other.id)}) == 2
        assert api.run(run.id) != run.id


# -- lineage


def test_lineage(api):
    save("raw")
    for source, target in (("raw", "clean"), ("clean", "model")):
        with artifacts.init(project="demo") as run:
            run.use_artifact(source)
            write_tree(Path(target), {"file": target.encode()})
            run.log_artifact(target, name=target, type="any")
    up = api.lineage("model:latest")
    assert {v.name for v in up.versions.values()} == {"model", "clean", "raw"}
    down = api.lineage("raw", direction="down", depth=1)
    assert {v.name for v in down.versions.values()} == {"raw", "clean"}
    assert (up.truncated, down.truncated) == (False, True)
    with pytest.raises(ValueError, match="does not contain"):
        api.lineage("missing")
