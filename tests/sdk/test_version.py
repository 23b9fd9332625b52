"""A logged `Artifact`: behaviour.md sections 12 and 13."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import hint_of
from tests.support import write_tree


def draft(name="corpus", text="one", type="dataset", **options):
    artifact = Artifact(name, type, **options)
    with artifact.new_file("text") as file:
        file.write(text)
    return artifact


@pytest.fixture
def version(run):
    """demo/corpus:v0 with the files a.txt and sub/b.bin."""
    write_tree(Path("data"), {"a.txt": b"aaa", "sub/b.bin": b"b"})
    artifact = Artifact("corpus", "dataset", "what it is", {"lines": 2})
    artifact.add_dir("data")
    return run.log_artifact(artifact, aliases=["prod"], tags=["raw"])


# -- identity


def test_names(version):
    assert version.name == "corpus:v0"
    assert version.collection == "corpus"
    assert version.version == "v0"
    assert version.qualified_name == "local/demo/corpus:v0"
    assert (version.entity, version.project, version.type) == ("local", "demo", "dataset")
    assert (version.state, version.is_draft()) == ("COMMITTED", False)
    assert version.id.isdigit()
    assert version.url is None
    assert repr(version) == "<Artifact corpus:v0 (dataset, committed)>"


def test_what_it_holds(version):
    assert (version.size, version.file_count) == (4, 2)
    assert (version.description, version.metadata) == ("what it is", {"lines": 2})
    assert (version.aliases, version.tags) == (["latest", "prod"], ["raw"])


def test_when_and_who(version):
    assert timedelta(0) <= datetime.now(UTC) - version.created_at < timedelta(minutes=1)
    assert version.updated_at == version.created_at
    assert "@" in version.created_by


def test_found_again_it_says_the_same(version):
    found = Api(project="demo").artifact("corpus:v0")
    for name in ("id", "name", "digest", "size", "file_count", "created_at", "metadata", "aliases"):
        assert getattr(found, name) == getattr(version, name)


def test_versions_are_numbered_in_the_order_of_logging(run):
    names = [run.log_artifact(draft(text=text)).name for text in "abc"]
    assert names == ["corpus:v0", "corpus:v1", "corpus:v2"]


def test_numbers_are_not_used_again(run):
    run.log_artifact(draft(text="one"))
    run.log_artifact(draft(text="two")).delete()
    assert run.log_artifact(draft(text="two")).version == "v2"


def test_every_name_has_its_own_numbers(run):
    run.log_artifact(draft("a"))
    assert run.log_artifact(draft("b")).version == "v0"
    assert draft("a", project="elsewhere").save().version == "v0"


# -- the digest


def test_the_digest_is_64_hex_characters(version):
    assert len(version.digest) == 64
    assert version.commit_hash == f"blake3:{version.digest}"


def test_the_digest_follows_from_the_files_alone(run, version):
    again = Artifact("other", "model", "another text", {"lines": 3})
    with again.new_file("sub/b.bin") as file:
        file.write("b")
    with again.new_file("a.txt") as file:
        file.write("aaa")
    assert again.digest == version.digest, "a draft knows its digest"
    assert run.log_artifact(again).digest == version.digest


@pytest.mark.parametrize("change", ["content", "path", "executable"])
def test_the_digest_changes_with_the_files(version, change):
    if change == "content":
        Path("data/a.txt").write_text("aab")
    elif change == "path":
        Path("data/a.txt").rename("data/c.txt")
    else:
        Path("data/a.txt").chmod(0o755)
    other = Artifact("corpus", "dataset")
    other.add_dir("data")
    assert other.digest != version.digest


# -- what may change


def test_description_and_metadata(version):
    version.description = "better"
    version.metadata["lines"] = 3
    version.metadata["new"] = [1]
    assert version.save() is version
    found = Api(project="demo").artifact("corpus:v0")
    assert (found.description, found.metadata) == ("better", {"lines": 3, "new": [1]})
    assert (found.version, found.digest) == ("v0", version.digest)
    assert found.updated_at > found.created_at


def test_metadata_that_was_changed_deep_inside_is_stored(run):
    artifact = run.log_artifact(draft(metadata={"a": {"b": [1]}}))
    artifact.metadata["a"]["b"].append(2)
    artifact.save()
    assert Api(project="demo").artifact("corpus:v0").metadata == {"a": {"b": [1, 2]}}
    artifact.metadata["a"]["b"].append(3)
    artifact.save()
    assert Api(project="demo").artifact("corpus:v0").metadata == {"a": {"b": [1, 2, 3]}}


def test_without_save_nothing_changes(version):
    version.metadata["lines"] = 3
    version.aliases.append("best")
    found = Api(project="demo").artifact("corpus:v0")
    assert (found.metadata, found.aliases) == ({"lines": 2}, ["latest", "prod"])


def test_metadata_is_checked(version):
    with pytest.raises(TypeError, match="metadata must be a dict"):
        version.metadata = ["lines"]
    version.metadata["loss"] = float("inf")
    with pytest.raises(ValueError, match="infinite"):
        version.save()
    version.metadata = None
    assert version.save().metadata == {}
    with pytest.raises(TypeError, match="description must be text"):
        version.description = 3


def test_two_people_may_change_different_things(version):
    mine, theirs = (Api(project="demo").artifact("corpus:v0") for _ in range(2))
    mine.description = "mine"
    theirs.tags = ["raw", "theirs"]
    mine.save()
    theirs.save()
    found = Api(project="demo").artifact("corpus:v0")
    assert (found.description, found.tags) == ("mine", ["raw", "theirs"])


# -- the files


def test_manifest(version):
    manifest = version.manifest
    assert list(manifest.entries) == ["a.txt", "sub/b.bin"]
    assert manifest.entries["a.txt"].size == 3
    assert {path: entry.size for path, entry in manifest.entries.items()} == {
        "a.txt": 3,
        "sub/b.bin": 1,
    }
    assert len(manifest) == 2
    assert "a.txt" in manifest
    assert "a" not in manifest.entries
    assert manifest.get("missing") is None


def test_get_entry(version):
    entry = version.get_entry("sub/b.bin")
    assert (entry.path, entry.name, entry.size, entry.ref) == ("sub/b.bin", "sub/b.bin", 1, None)
    assert entry.ref_url() == "art://local/demo/corpus:v0/sub/b.bin"
    assert version.get_path("sub/b.bin").digest == entry.digest
    assert version["sub/b.bin"].path == entry.path
    assert version.get_entry(Path("sub") / "b.bin").path == entry.path
    with pytest.raises(ValueError, match="is not a reference"):
        entry.ref_target()


@pytest.mark.parametrize("method", ["get_entry", "get_path"])
def test_an_entry_that_is_not_there(version, method):
    with pytest.raises(KeyError) as caught:
        getattr(version, method)("sub/b.bni")
    assert str(caught.value) == "corpus:v0 does not contain 'sub/b.bni'"
    assert "sub/b.bin" in hint_of(caught)


def test_files(version):
    first, second = version.files()
    assert (first.name, first.size, first.mimetype) == ("a.txt", 3, "text/plain")
    assert second.url == "art://local/demo/corpus:v0/sub/b.bin"
    assert Path(first.download("out")).read_bytes() == b"aaa"
    assert [f.name for f in version.files(["sub/b.bin"])] == ["sub/b.bin"]
    assert [f.name for f in version.files("a.txt", per_page=1)] == ["a.txt"]
    with pytest.raises(KeyError):
        version.files(["missing"])


def test_open(version):
    with version.open("a.txt") as file:
        assert file.read() == b"aaa"
    with version.open("a.txt", "r") as file:
        assert file.read() == "aaa"
    with version.get_entry("sub/b.bin").open() as file:
        assert file.read() == b"b"
    with pytest.raises(KeyError):
        version.open("missing")
    with pytest.raises(ValueError, match="mode must be 'r' or 'rb'"):
        version.open("a.txt", "w")


def test_open_a_large_file_at_any_place(run):
    data = bytes(range(256)) * 40_000
    Path("large.bin").write_bytes(data)
    artifact = run.log_artifact("large.bin", name="large")
    with artifact.open("large.bin") as file:
        file.seek(9_000_001)
        assert file.read(4) == data[9_000_001:9_000_005]


def test_diff(run, version):
    Path("data/a.txt").write_text("changed")
    Path("data/new.txt").write_text("new")
    Path("data/sub/b.bin").unlink()
    other = Artifact("corpus", "dataset")
    other.add_dir("data")
    difference = version.diff(other)
    assert [e.path for e in difference.added] == ["new.txt"]
    assert [e.path for e in difference.removed] == ["sub/b.bin"]
    assert len(difference.changed) == 1


# -- verify


@pytest.fixture
def folder(version):
    return Path(version.download("out"))


def test_verify_a_folder_that_matches(version, folder):
    version.verify("out")


def test_verify_the_default_folder(version):
    version.download()
    version.verify()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "a.txt").write_text("aab"), r"1 changed \(a\.txt\)"),
        (lambda folder: (folder / "sub/b.bin").unlink(), r"1 missing \(sub/b\.bin\)"),
        (lambda folder: (folder / "x").write_text("x"), r"1 extra \(x\)"),
    ],
    ids=["changed", "missing", "extra"],
)
def test_verify_names_what_differs(version, folder, damage, message):
    damage(folder)
    with pytest.raises(ValueError, match=message) as caught:
        version.verify("out")
    assert isinstance(caught.value, artifacts.IntegrityError)
    assert "art pull" in hint_of(caught)


# -- lineage


def test_logged_by_and_used_by(run, version):
    by = version.logged_by()
    assert (by.id, by.name, by.state, by.project) == (run.id, run.name, "running", "demo")
    assert version.used_by() == []
    users = []
    for _ in range(2):
        with artifacts.init(project="demo", reinit=True) as user:
            user.use_artifact("corpus:v0")
            users.append(user.id)
    assert [r.id for r in version.used_by()] == users
    assert version.logged_by().state == "finished"


# -- deleting


def test_delete(run):
    artifact = run.log_artifact(draft())
    artifact.delete()
    assert (artifact.state, artifact.aliases) == ("DELETED", [])
    assert not Api(project="demo").artifact_exists("corpus:v0")
    assert not Api(project="demo").artifact_exists("corpus")


def test_delete_needs_leave_for_aliases(run):
    artifact = run.log_artifact(draft(), aliases=["prod"])
    with pytest.raises(artifacts.StateError, match="has the aliases prod") as caught:
        artifact.delete()
    assert "delete_aliases=True" in hint_of(caught)
    assert artifact.state == "COMMITTED"
    artifact.delete(delete_aliases=True)
    assert not Api(project="demo").artifact_exists("corpus:prod")


def test_latest_moves_on_to_the_version_that_was_logged_last(run):
    run.log_artifact(draft(text="one"))
    run.log_artifact(draft(text="two"))
    run.log_artifact(draft(text="one"))
    run.log_artifact(draft(text="three")).delete()
    assert run.use_artifact("corpus").version == "v0"


def test_a_deleted_version_is_still_part_of_the_story(run):
    artifact = run.log_artifact(draft())
    artifact.delete()
    assert [a.name for a in run.logged_artifacts()] == ["corpus:v0"]
    assert run.logged_artifacts()[0].state == "DELETED"
    assert artifact.logged_by().id == run.id
    assert (artifact.name, artifact.size, len(artifact.digest)) == ("corpus:v0", 3, 64)


@pytest.mark.parametrize(
    "call",
    [
        "download",
        "checkout",
        "file",
        "files",
        "verify",
        "save",
        "new_draft",
        "delete",
    ],
)
def test_a_deleted_version_cannot_be_read_nor_changed(run, call):
    artifact = run.log_artifact(draft())
    artifact.delete()
    with pytest.raises(artifacts.NotFoundError, match="corpus:v0 was deleted"):
        getattr(artifact, call)()


def test_a_deleted_version_has_no_manifest(run):
    artifact = run.log_artifact(draft())
    entry = artifact.get_entry("text")
    artifact.delete()
    with pytest.raises(artifacts.NotFoundError, match="was deleted"):
        artifact.manifest  # noqa: B018 - reading it is the point
    with pytest.raises(artifacts.NotFoundError, match="was deleted"):
        entry.download("out")


def test_wait_returns_the_artifact(version):
    assert version.wait(timeout=5) is version
