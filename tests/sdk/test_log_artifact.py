"""`Run.log_artifact`: behaviour.md section 10, and the checklist of section 21."""

import logging
import threading
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import hint_of
from tests.support import read_tree, write_tree

TREE = {"a.txt": b"a", "sub/b.txt": b"b"}


def draft(name="corpus", text="one", type="dataset", **options):
    artifact = Artifact(name, type, **options)
    with artifact.new_file("text") as file:
        file.write(text)
    return artifact


def paths(artifact):
    return list(artifact.manifest.entries)


# -- what can be logged


def test_a_file_becomes_an_artifact_of_that_file(run):
    Path("words.txt").write_text("words")
    artifact = run.log_artifact("words.txt", name="words", type="dataset")
    assert (artifact.name, artifact.type, paths(artifact)) == ("words:v0", "dataset", ["words.txt"])


def test_a_folder_is_taken_with_everything_below_it(run):
    write_tree(Path("data"), TREE)
    artifact = run.log_artifact("data", name="corpus", type="dataset")
    assert read_tree(Path(artifact.download("out"))) == TREE


def test_a_path_object_is_a_path(run):
    write_tree(Path("data"), TREE)
    assert paths(run.log_artifact(Path("data"), name="corpus")) == ["a.txt", "sub/b.txt"]


def test_the_home_folder_is_found(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_tree(tmp_path / "home", {"words.txt": b"words"})
    assert paths(run.log_artifact("~/words.txt", name="words")) == ["words.txt"]


def test_a_file_uri_becomes_a_reference(run, tmp_path):
    write_tree(tmp_path / "data", TREE)
    uri = (tmp_path / "data").as_uri()
    artifact = run.log_artifact(uri, name="corpus")
    assert artifact.get_entry("sub/b.txt").ref == f"{uri}/sub/b.txt"


def test_an_existing_file_comes_before_a_uri(run):
    Path("file:").mkdir()
    Path("file:/words.txt").write_text("words")
    assert run.log_artifact("file://words.txt", name="words").get_entry("words.txt").ref is None


def test_another_scheme_says_what_is_supported(run):
    with pytest.raises(ValueError, match="there is no protocol gopher"):
        run.log_artifact("gopher://host/data", name="corpus")


@pytest.mark.parametrize("path", ["missing", "missing/file.txt", ""])
def test_nothing_at_the_path(run, path):
    with pytest.raises(
        ValueError, match="path must be a file, directory or external reference like s3://"
    ):
        run.log_artifact(path, name="corpus")


def test_a_failed_log_leaves_no_artifact_behind(run):
    with pytest.raises(ValueError, match="path must be"):
        run.log_artifact("missing", name="corpus")
    assert not Api(project="demo").artifact_collection_exists("corpus")


@pytest.mark.parametrize("thing", [None, 3, b"words.txt", {"a": 1}])
def test_other_objects_are_refused(run, thing):
    with pytest.raises(TypeError, match="takes an Artifact, a path or a reference"):
        run.log_artifact(thing)
    with pytest.raises(ValueError, match=type(thing).__name__):
        run.log_artifact(thing)


def test_a_draft_is_logged_as_it_is(run):
    artifact = draft()
    assert run.log_artifact(artifact, name="ignored", type="ignored") is artifact
    assert (artifact.name, artifact.type, artifact.state) == ("corpus:v0", "dataset", "COMMITTED")


def test_it_is_committed_on_return(run):
    artifact = run.log_artifact(draft())
    assert artifact.wait() is artifact
    assert Api(project="demo").artifact("corpus:v0").digest == artifact.digest


def test_include_and_exclude(run):
    write_tree(Path("data"), {"a.txt": b"", "b.log": b"", "sub/c.txt": b"", "tmp/d.txt": b""})
    artifact = run.log_artifact("data", name="corpus", include="*.txt", exclude=["tmp/"])
    assert paths(artifact) == ["a.txt", "sub/c.txt"]


def test_module_level(run):
    Path("words.txt").write_text("words")
    artifact = artifacts.log_artifact("words.txt", "words", "dataset", ["prod"])
    assert [a.name for a in run.logged_artifacts()] == [artifact.name]
    assert artifact.aliases == ["latest", "prod"]


def test_without_a_run():
    with pytest.raises(artifacts.Error, match=r"You must call artifacts.init\(\)") as caught:
        artifacts.log_artifact(draft())
    assert caught.value.kind == "no_active_run"


def test_after_the_end():
    run = artifacts.init()
    run.finish()
    with pytest.raises(artifacts.RunFinishedError, match="is finished"):
        run.log_artifact(draft())


# -- names and types


def test_the_default_name(run):
    Path("words.txt").write_text("words")
    assert run.log_artifact("words.txt").collection == f"run-{run.id}-words.txt"
    assert run.log_artifact(Path("words.txt").absolute().as_uri()).collection.endswith("-words.txt")


def test_the_default_name_is_made_of_what_a_name_may_hold(run):
    Path("my wörds.txt").write_text("words")
    assert run.log_artifact("my wörds.txt").collection == f"run-{run.id}-my_w_rds.txt"


def test_the_default_name_of_a_folder(run):
    write_tree(Path("data/train"), TREE)
    assert run.log_artifact("data/train/").collection == f"run-{run.id}-train"


def test_the_default_name_of_the_working_folder(run, tmp_path, monkeypatch):
    write_tree(tmp_path / "inside", TREE)
    monkeypatch.chdir(tmp_path / "inside")
    assert run.log_artifact(".").collection == f"run-{run.id}-inside"


def test_a_long_default_name_is_cut(run):
    name = "x" * 200 + ".txt"
    Path(name).write_text("words")
    assert len(run.log_artifact(name).collection) == 128


def test_the_default_type(run):
    Path("words.txt").write_text("words")
    assert run.log_artifact("words.txt").type == "unspecified"


def test_a_name_with_a_project(run):
    Path("words.txt").write_text("words")
    artifact = run.log_artifact("words.txt", name="shared/words")
    assert artifact.qualified_name == "local/shared/words:v0"
    assert artifact.logged_by().project == "demo"


def test_a_name_with_an_entity(run):
    Path("words.txt").write_text("words")
    artifact = run.log_artifact("words.txt", name="team/shared/words")
    assert artifact.qualified_name == "team/shared/words:v0"


def test_a_name_with_an_alias(run):
    Path("words.txt").write_text("words")
    artifact = run.log_artifact("words.txt", name="words:prod", aliases="best")
    assert artifact.aliases == ["best", "latest", "prod"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("words:v3", "version numbers are given by the store"),
        ("words@af1349b9f5f9a1a6", "the digest follows from the contents"),
        ("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "the digest follows"),
        ("my words", "may only contain alphanumeric"),
        ("a/b/c/words", "expected"),
    ],
)
def test_names_that_cannot_be_logged_under(run, name, why):
    Path("words.txt").write_text("words")
    with pytest.raises(ValueError, match=why):
        run.log_artifact("words.txt", name=name)


def test_another_type_is_refused_before_anything_is_stored(run, store):
    run.log_artifact(draft())
    before = read_tree(store / "objects")
    Path("large.bin").write_bytes(bytes(2 << 20))
    with pytest.raises(ValueError, match=r"already exists with type 'dataset'; cannot create"):
        run.log_artifact("large.bin", name="corpus", type="model")
    assert read_tree(store / "objects") == before


def test_another_type_of_a_draft_is_refused(run):
    run.log_artifact(draft())
    with pytest.raises(ValueError, match="already exists with type 'dataset'") as caught:
        run.log_artifact(draft(text="two", type="model"))
    assert hint_of(caught) == "use type 'dataset' or another name"


def test_a_draft_made_for_another_project_goes_there(run):
    artifact = run.log_artifact(draft(project="shared", entity="team"))
    assert artifact.qualified_name == "team/shared/corpus:v0"


# -- aliases and tags


@pytest.mark.parametrize("aliases", [None, []])
def test_the_default_alias(run, aliases):
    assert run.log_artifact(draft(), aliases=aliases).aliases == ["latest"]


def test_one_alias_as_text(run):
    assert run.log_artifact(draft(), aliases="prod").aliases == ["latest", "prod"]


def test_latest_comes_on_top_of_the_aliases_given(run):
    assert run.log_artifact(draft(), aliases=["a", "b"]).aliases == ["a", "b", "latest"]


def test_latest_can_be_left_where_it_is(run):
    run.log_artifact(draft())
    artifact = run.log_artifact(draft(text="two"), aliases=["candidate"], latest=False)
    assert artifact.aliases == ["candidate"]
    assert run.use_artifact("corpus").version == "v0"


@pytest.mark.parametrize("alias", ["a/b", "a:b", "v1", "", " a"])
def test_bad_aliases_are_refused_before_anything_is_stored(run, store, alias):
    before = read_tree(store)
    Path("large.bin").write_bytes(bytes(2 << 20))
    with pytest.raises(ValueError, match="alias"):
        run.log_artifact("large.bin", name="corpus", aliases=[alias])
    assert read_tree(store).keys() == before.keys()


def test_aliases_of_the_wrong_type(run):
    with pytest.raises(TypeError, match="aliases must be texts"):
        run.log_artifact(draft(), aliases=[1])
    with pytest.raises(TypeError, match="aliases must be a list"):
        run.log_artifact(draft(), aliases=1)


def test_tags(run):
    artifact = run.log_artifact(draft(), tags=["raw", "raw", "two words"])
    assert artifact.tags == ["raw", "two words"]
    with pytest.raises(ValueError, match="invalid tag"):
        run.log_artifact(draft(), tags=["a,b"])


def test_aliases_set_on_the_draft_count_too(run):
    artifact = draft()
    artifact.aliases = ["mine"]
    artifact.tags.append("raw")
    run.log_artifact(artifact, aliases=["yours"])
    assert artifact.aliases == ["latest", "mine", "yours"]
    assert artifact.tags == ["raw"]


# -- the same content again


def test_equal_content_makes_no_version(run, log):
    run.log_artifact(draft(), aliases=["first"])
    again = run.log_artifact(draft(), aliases=["second"])
    assert again.name == "corpus:v0"
    assert again.aliases == ["first", "latest", "second"]
    assert "corpus:v0 exists already with the same content" in log.text


def test_equal_content_takes_latest_back(run):
    run.log_artifact(draft(text="one"))
    run.log_artifact(draft(text="two"))
    run.log_artifact(draft(text="one"))
    assert run.use_artifact("corpus").version == "v0"


def test_equal_content_under_another_name_is_another_artifact(run):
    first = run.log_artifact(draft("corpus"))
    second = run.log_artifact(draft("copy"))
    assert (second.name, second.digest) == ("copy:v0", first.digest)


def test_equal_content_is_stored_once(run, store):
    Path("large.bin").write_bytes(bytes(range(256)) * 4096)
    run.log_artifact("large.bin", name="one")
    before = read_tree(store / "objects")
    run.log_artifact("large.bin", name="two")
    assert read_tree(store / "objects") == before


def test_both_runs_are_connected_to_equal_content(run):
    artifact = run.log_artifact(draft())
    with artifacts.init(project="demo", reinit=True) as second:
        second.log_artifact(draft())
        assert [a.name for a in second.logged_artifacts()] == ["corpus:v0"]
    assert [a.name for a in run.logged_artifacts()] == ["corpus:v0"]
    assert artifact.logged_by().id == run.id


def test_new_metadata_of_equal_content_is_not_lost_in_silence(run, log):
    run.log_artifact(draft(metadata={"lines": 1}))
    again = run.log_artifact(draft(metadata={"lines": 2}))
    assert again.metadata == {"lines": 1}
    assert [r.levelno for r in log.records if "keeps its description" in r.message] == [
        logging.WARNING
    ]


def test_equal_metadata_needs_no_warning(run, log):
    run.log_artifact(draft(metadata={"lines": 1}))
    run.log_artifact(draft(metadata={"lines": 1}))
    run.log_artifact(draft())
    assert "keeps its description" not in log.text


def test_logging_a_version_again_is_an_output_of_this_run_too(run):
    run.log_artifact(draft(text="one"))
    run.log_artifact(draft(text="two"))
    with artifacts.init(project="demo", reinit=True) as second:
        old = second.use_artifact("corpus:v0")
        again = second.log_artifact(old, aliases=["best"], tags=["kept"])
        assert again is old
        assert (old.version, old.aliases, old.tags) == ("v0", ["best", "latest"], ["kept"])
        assert [a.name for a in second.logged_artifacts()] == ["corpus:v0"]


def test_logging_a_version_again_may_leave_latest(run):
    first = run.log_artifact(draft(text="one"))
    run.log_artifact(draft(text="two"))
    run.log_artifact(first, latest=False)
    assert run.use_artifact("corpus").version == "v1"


def test_a_version_of_another_project_cannot_be_moved(run):
    artifact = draft().save(project="elsewhere")
    with pytest.raises(ValueError, match="can't be moved to local/demo"):
        run.log_artifact(artifact)


def test_a_deleted_version_cannot_be_logged(run):
    artifact = run.log_artifact(draft())
    artifact.delete()
    with pytest.raises(artifacts.NotFoundError, match="was deleted"):
        run.log_artifact(artifact)


def test_a_version_that_somebody_else_deleted_cannot_be_logged(run):
    artifact = run.log_artifact(draft())
    Api(project="demo").artifact("corpus:v0").delete()
    with pytest.raises(artifacts.ConflictError, match="deleted"):
        run.log_artifact(artifact)


# -- edges


def test_one_run_may_use_and_log(run):
    run.log_artifact(draft("raw"))
    with artifacts.init(project="demo", reinit=True) as second:
        second.use_artifact("raw:latest")
        second.log_artifact(draft("clean", text="clean"))
        assert [a.name for a in second.used_artifacts()] == ["raw:v0"]
        assert [a.name for a in second.logged_artifacts()] == ["clean:v0"]


def test_edges_belong_to_versions(run):
    for text in ("one", "two"):
        run.log_artifact(draft(text=text))
    assert [a.name for a in run.logged_artifacts()] == ["corpus:v0", "corpus:v1"]


def test_a_draft_of_another_store_is_refused(run, tmp_path):
    artifact = Artifact("corpus", "dataset", store=tmp_path / "other")
    with artifact.new_file("text") as file:
        file.write("one")
    with pytest.raises(artifacts.StateError, match="were added to the store at") as caught:
        run.log_artifact(artifact)
    assert "store=" in hint_of(caught)


def test_a_version_of_another_store_is_refused(run, tmp_path):
    artifact = Artifact("corpus", "dataset", store=tmp_path / "other", project="demo").save()
    with pytest.raises(artifacts.StateError, match="is in the store at"):
        run.log_artifact(artifact)


def test_files_added_before_init_are_logged(store):
    artifact = draft()
    with artifacts.init(project="demo") as run:
        run.log_artifact(artifact)
    assert artifact.qualified_name == "local/demo/corpus:v0"


def test_threads_may_share_a_run(run):
    def work(number):
        for version in range(4):
            run.log_artifact(draft(f"corpus-{number % 2}", text=f"{number} {version}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    api = Api(project="demo")
    for name in ("corpus-0", "corpus-1"):
        versions = api.artifacts("dataset", name)
        assert sorted(int(a.version[1:]) for a in versions) == list(range(8))
    assert len(run.logged_artifacts()) == 16


def test_log_model(run):
    Path("model.pt").write_text("weights")
    artifact = run.log_model("model.pt", aliases=["best"])
    assert (artifact.type, artifact.collection) == ("model", f"run-{run.id}-model.pt")
    assert artifacts.log_model("model.pt", name="net", aliases="best").name == "net:v0"
