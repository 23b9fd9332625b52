"""`Run.use_artifact`: behaviour.md section 10, and the checklist of section 21."""

from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import hint_of
from tests.support import write_tree


def log_version(run, text="one", name="corpus", type="dataset", **options):
    artifact = Artifact(name, type)
    with artifact.new_file("text") as file:
        file.write(text)
    return run.log_artifact(artifact, **options)


@pytest.fixture
def versions(run):
    """Two versions of demo/corpus: v0 (alias old), v1 (aliases latest, prod)."""
    return [
        log_version(run, "one", aliases="old"),
        log_version(run, "two", aliases="prod"),
    ]


# -- every form of name


def test_by_name(run, versions):
    for name, expected in (
        ("corpus", "v1"),
        ("corpus:latest", "v1"),
        ("corpus:prod", "v1"),
        ("corpus:old", "v0"),
        ("corpus:v0", "v0"),
        ("corpus:v1", "v1"),
        ("demo/corpus", "v1"),
        ("demo/corpus:old", "v0"),
        ("demo/corpus:v0", "v0"),
        ("local/demo/corpus", "v1"),
        ("local/demo/corpus:old", "v0"),
        ("local/demo/corpus:v0", "v0"),
    ):
        assert run.use_artifact(name).version == expected, name


def test_by_digest(run, versions):
    digest = versions[0].digest
    prefix = digest[:8]
    for name in (
        digest,
        f"blake3:{digest}",
        f"blake3:{prefix}",
        prefix,
        f"corpus:{digest}",
        f"corpus:{prefix}",
        f"corpus:blake3:{digest}",
        f"corpus@{digest}",
        f"corpus@{prefix}",
        f"corpus@blake3:{prefix}",
        f"demo/corpus:{digest}",
        f"local/demo/corpus@{prefix}",
    ):
        assert run.use_artifact(name).version == "v0", name


def test_a_name_that_looks_like_a_digest_is_a_name(run, versions):
    name = versions[0].digest[:8]
    log_version(run, "three", name=name)
    assert run.use_artifact(name).collection == name


def test_in_another_project(run):
    artifact = Artifact("corpus", "dataset", entity="team", project="shared").save()
    assert run.use_artifact("team/shared/corpus:v0").qualified_name == artifact.qualified_name
    assert artifact.used_by()[0].project == "demo"


def test_a_bare_name_says_what_it_means(run, versions, log):
    run.use_artifact("corpus")
    assert "corpus names no version: using corpus:v1" in log.text


def test_another_name_says_nothing(run, versions, log):
    run.use_artifact("corpus:latest")
    assert log.text == ""


def test_the_version_is_there_to_read(run, versions):
    artifact = artifacts.use_artifact("corpus:old", type="dataset")
    assert Path(artifact.file()).read_text() == "one"


def test_without_a_run():
    with pytest.raises(artifacts.Error, match=r"You must call artifacts.init\(\)"):
        artifacts.use_artifact("corpus:latest")


def test_after_the_end(run, versions):
    run.finish()
    with pytest.raises(artifacts.RunFinishedError):
        run.use_artifact("corpus")


# -- names that lead nowhere


def test_malformed(run, versions):
    for name, why in (
        ("a/b/c/corpus:v0", "expected"),
        ("corpus:", "after ':' comes"),
        ("corpus@", "after '@' comes"),
        ("corpus@xyz", "after '@' comes"),
        ("corpus@af1349", "8 to 64"),
        ("my corpus:v0", "may only contain"),
        ("", "may only contain"),
        ("corpus:a/b", "neither '/' nor ':'"),
    ):
        with pytest.raises(ValueError, match=why) as caught:
            run.use_artifact(name)
        assert isinstance(caught.value, artifacts.InvalidInputError)
    assert run.used_artifacts() == []


def test_missing(run, versions):
    for name, why in (
        ("missing", "project 'demo' does not contain an artifact 'missing'"),
        ("missing:v0", "does not contain"),
        ("corpus:missing", "no version with the alias 'missing'"),
        ("corpus:v7", "no version v7"),
        ("corpus@" + 64 * "0", "no version with the digest"),
        (64 * "0", "no version has the digest"),
        ("12345678", "does not contain"),
        ("elsewhere/corpus:v0", "project 'elsewhere' does not contain"),
        ("team/demo/corpus:v0", "does not contain"),
    ):
        with pytest.raises(ValueError, match=why) as caught:
            run.use_artifact(name)
        assert isinstance(caught.value, artifacts.RefNotFoundError)
    assert run.used_artifacts() == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("corpsu:v0", "corpus"),
        ("corpus:prdo", "corpus:prod"),
        ("elsewhere/corpus", "demo/corpus"),
    ],
)
def test_near_matches_are_in_the_hint(run, versions, name, hint):
    with pytest.raises(artifacts.RefNotFoundError) as caught:
        run.use_artifact(name)
    assert hint in hint_of(caught)


def test_an_artifact_without_latest(run):
    log_version(run, aliases=["candidate"], latest=False)
    with pytest.raises(ValueError, match="no version with the alias 'latest'"):
        run.use_artifact("corpus")
    assert run.use_artifact("corpus:candidate").version == "v0"


def test_a_deleted_version(run, versions):
    versions[0].delete(delete_aliases=True)
    with pytest.raises(ValueError, match="was deleted"):
        run.use_artifact("corpus:v0")
    with pytest.raises(ValueError, match="was deleted"):
        run.use_artifact(versions[0])


# -- types


def test_the_right_type(run, versions):
    assert run.use_artifact("corpus:v0", type="dataset").version == "v0"


def test_the_wrong_type(run, versions):
    with pytest.raises(
        ValueError, match="Supplied type model does not match type dataset of artifact corpus:v0"
    ):
        run.use_artifact("corpus:v0", type="model")
    assert run.used_artifacts() == []


def test_the_wrong_type_of_an_object(run, versions):
    with pytest.raises(ValueError, match="Supplied type model does not match"):
        run.use_artifact(versions[0], type="model")
    assert run.used_artifacts() == []


def test_the_wrong_type_of_a_draft_logs_nothing(run):
    draft = Artifact("corpus", "dataset")
    with pytest.raises(ValueError, match="Supplied type model does not match"):
        run.use_artifact(draft, type="model")
    assert draft.is_draft()


# -- objects


def test_a_draft_is_logged_and_is_no_output(run):
    write_tree(Path("data"), {"a.txt": b"a"})
    draft = Artifact("corpus", "dataset")
    draft.add_dir("data")
    assert run.use_artifact(draft) is draft
    assert draft.name == "corpus:v0"
    assert draft.logged_by() is None
    assert [a.name for a in run.used_artifacts()] == ["corpus:v0"]
    assert run.logged_artifacts() == []


@pytest.mark.parametrize(
    ("aliases", "expected"), [(None, []), ("mine", ["mine"]), (["a", "b"], ["a", "b"])]
)
def test_aliases_of_a_draft(run, aliases, expected):
    artifact = run.use_artifact(Artifact("corpus", "dataset"), aliases=aliases)
    assert artifact.aliases == sorted([*expected, "latest"])


def test_aliases_of_a_version_are_left_alone(run, versions):
    run.use_artifact(versions[0], aliases=["mine"])
    run.use_artifact("corpus:v0", aliases=["mine"])
    assert Api(project="demo").artifact("corpus:v0").aliases == ["old"]


def test_a_saved_version(run, versions):
    artifact = Api(project="demo").artifact("corpus:v0")
    assert run.use_artifact(artifact) is artifact
    assert [r.id for r in artifact.used_by()] == [run.id]
    assert [a.name for a in run.used_artifacts()] == ["corpus:v0"]


@pytest.mark.parametrize("thing", [None, 3, b"corpus:v0", Path("corpus:v0")])
def test_other_objects_are_refused(run, thing):
    with pytest.raises(TypeError, match="takes an Artifact or a name"):
        run.use_artifact(thing)
    with pytest.raises(ValueError, match="takes an Artifact or a name"):
        run.use_artifact(thing)


def test_a_version_of_another_store_is_refused(run, tmp_path):
    artifact = Artifact("corpus", "dataset", store=tmp_path / "other").save()
    with pytest.raises(artifacts.StateError, match="is in the store at"):
        run.use_artifact(artifact)


# -- edges


def test_using_twice_is_one_edge(run, versions):
    run.use_artifact("corpus:v0")
    run.use_artifact("corpus:old")
    assert [a.name for a in run.used_artifacts()] == ["corpus:v0"]
    assert [r.id for r in versions[0].used_by()] == [run.id]


def test_the_edge_remembers_what_was_asked_for(run, versions):
    run.use_artifact("corpus:prod")
    [link] = Api(project="demo").run_links(Api(project="demo").run(run.id))[:1]
    assert (link.ref_text, link.version.number) == ("corpus:prod", 1)


def test_use_model(run):
    write_tree(Path("net"), {"weights": b"1", "config": b"2"})
    run.log_model("net", name="net")
    run.log_model("net/weights", name="weights")
    assert Path(run.use_model("net:latest")).is_dir()
    assert Path(artifacts.use_model("weights")).read_bytes() == b"1"
    assert [a.name for a in run.used_artifacts()] == ["net:v0", "weights:v0"]


def test_use_model_takes_models_only(run, versions):
    with pytest.raises(ValueError, match=r"use_model\(\) needs a model"):
        run.use_model("corpus:v0")
    assert run.used_artifacts() == []
