"""Files that stay where they are: behaviour.md section 14; other services in tests/operations."""

import os
import secrets
from pathlib import Path

import fsspec
import pytest

import artifacts
from artifacts import Artifact
from tests.sdk.helpers import hint_of
from tests.support import read_tree, write_tree

TREE = {"a.txt": b"aaa", "sub/b.txt": b"b"}


@pytest.fixture
def data(tmp_path):
    return write_tree(tmp_path / "data", TREE)


@pytest.fixture
def draft(run):
    return Artifact("corpus", "dataset")


@pytest.fixture
def version(run, draft, data):
    draft.add_reference(data.as_uri())
    return run.log_artifact(draft)


def test_a_file(draft, data):
    [entry] = draft.add_reference((data / "a.txt").as_uri())
    assert (entry.path, entry.size) == ("a.txt", 3)
    assert entry.ref == entry.ref_target() == (data / "a.txt").as_uri()


def test_the_digest_is_that_of_the_bytes(draft, data):
    [entry] = draft.add_reference((data / "a.txt").as_uri())
    assert entry.digest == draft.add_file(data / "a.txt", name="copy").digest


def test_a_file_under_another_name(draft, data):
    [entry] = draft.add_reference((data / "a.txt").as_uri(), name="in/a/folder.txt")
    assert entry.path == "in/a/folder.txt"


@pytest.mark.parametrize(
    ("name", "expected"),
    [(None, ["a.txt", "sub/b.txt"]), ("train", ["train/a.txt", "train/sub/b.txt"])],
)
def test_a_folder(draft, data, name, expected):
    entries = draft.add_reference(data.as_uri(), name=name)
    assert [entry.path for entry in entries] == expected
    assert [entry.ref for entry in entries] == [
        (data / "a.txt").as_uri(),
        (data / "sub/b.txt").as_uri(),
    ]


def test_names_that_a_uri_has_to_quote(run, draft, tmp_path):
    write_tree(tmp_path / "my data", {"50% #1?.txt": b"x", "ü.txt": b"y"})
    draft.add_reference((tmp_path / "my data").as_uri())
    run.log_artifact(draft)
    assert read_tree(Path(draft.download("out"))) == {"50% #1?.txt": b"x", "ü.txt": b"y"}


def test_paths_that_were_not_quoted(draft, tmp_path):
    write_tree(tmp_path / "my data", {"50% #1?.txt": b"x"})
    [entry] = draft.add_reference(f"file://{tmp_path}/my data/50% #1?.txt")
    assert entry.ref == (tmp_path / "my data" / "50% #1?.txt").as_uri()


def test_a_relative_path(draft, data):
    [entry] = draft.add_reference("file://data/a.txt")
    assert entry.ref == (data / "a.txt").as_uri()


def test_localhost(draft, data):
    [entry] = draft.add_reference(f"file://localhost{data}/a.txt")
    assert entry.ref == (data / "a.txt").as_uri()


def test_what_artignore_names_is_left_out(draft, data):
    (data / ".artignore").write_text("sub/\n")
    assert [e.path for e in draft.add_reference(data.as_uri())] == [".artignore", "a.txt"]


def test_the_store_is_left_out(run, tmp_path, draft):
    write_tree(tmp_path / "data/.artifacts", {"catalog.sqlite": b""})
    write_tree(tmp_path / "data", TREE)
    assert len(draft.add_reference((tmp_path / "data").as_uri())) == 2


def test_no_scheme(draft, data):
    with pytest.raises(ValueError, match=r"References must be URIs\. To .* use file://") as caught:
        draft.add_reference(str(data))
    assert hint_of(caught) == f"for example file://{data}"


def test_another_scheme(draft):
    with pytest.raises(artifacts.InvalidInputError, match="there is no protocol gopher") as caught:
        draft.add_reference("gopher://host/data")
    assert caught.value.kind == "unsupported_reference"


def test_a_path_object(draft, data):
    with pytest.raises(TypeError, match="a reference is a URI as text") as caught:
        draft.add_reference(data)
    assert "as_uri()" in hint_of(caught)


def test_nothing_there(draft, tmp_path):
    with pytest.raises(ValueError, match="nothing to reference at"):
        draft.add_reference((tmp_path / "missing").as_uri())


def test_too_many(draft, data):
    with pytest.raises(ValueError, match="Exceeded 1 objects tracked, pass max_objects"):
        draft.add_reference(data.as_uri(), max_objects=1)
    assert draft.file_count == 0
    assert len(draft.add_reference(data.as_uri(), max_objects=2)) == 2


def test_the_same_path_twice(draft, data):
    draft.add_reference((data / "a.txt").as_uri())
    draft.add_reference((data / "a.txt").as_uri())
    with pytest.raises(ValueError, match="same path twice"):
        draft.add_reference((data / "sub/b.txt").as_uri(), name="a.txt")


def test_nothing_is_stored(run, store, draft, tmp_path):
    write_tree(tmp_path / "data", {"large.bin": bytes(2 << 20)})
    draft.add_reference((tmp_path / "data").as_uri())
    run.log_artifact(draft)
    assert sum(map(len, read_tree(store / "objects").values())) < 10_000
    assert draft.size == 2 << 20


# -- reading


def test_download(version):
    assert read_tree(Path(version.download("out"))) == TREE
    version.verify("out")


def test_open(version):
    with version.open("a.txt") as file:
        assert file.read() == b"aaa"


def test_open_what_has_changed(version, data):
    (data / "a.txt").write_text("changed")
    with version.open("a.txt") as file:
        assert file.read() == b"changed"


def test_a_file_that_changed(version, data):
    (data / "a.txt").write_text("AAA")
    with pytest.raises(ValueError, match="has changed since it was logged") as caught:
        version.download("out")
    assert "allow_missing_references=True" in hint_of(caught)


def test_a_file_that_is_gone(version, data):
    (data / "a.txt").unlink()
    with pytest.raises(artifacts.Error, match="cannot be read: No such file") as caught:
        version.download("out")
    assert caught.value.kind == "reference_missing"


def test_a_file_that_is_gone_is_a_value_error(version, data):
    (data / "a.txt").unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        version.download("out")


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_leaving_out_what_is_gone(version, data, change, log):
    if change == "gone":
        (data / "a.txt").unlink()
    else:
        (data / "a.txt").write_text("AAA")
    version.download("out", allow_missing_references=True)
    assert read_tree(Path("out")) == {"sub/b.txt": b"b"}
    assert "1 referenced file(s) are gone or have changed, and were left out: a.txt" in log.text


def test_verify_says_what_it_could_not_check(version, data, log):
    version.download("out")
    Path("out/a.txt").unlink()
    version.verify("out")
    assert "1 reference(s) could not be checked: a.txt" in log.text
    Path("out/sub/b.txt").write_text("changed")
    with pytest.raises(ValueError, match=r"1 changed \(sub/b\.txt\)"):
        version.verify("out")


# -- without a checksum


def test_without_a_checksum_nothing_is_read(run, draft, data):
    os.chmod(data / "a.txt", 0)
    draft.add_reference(data.as_uri(), checksum=False)
    first = draft.digest
    os.chmod(data / "a.txt", 0o644)
    (data / "a.txt").write_text("AAA")
    again = Artifact("corpus", "dataset")
    again.add_reference(data.as_uri(), checksum=False)
    assert again.digest == first


def test_without_a_checksum_changes_go_unnoticed(run, draft, data, log):
    draft.add_reference(data.as_uri(), checksum=False)
    run.log_artifact(draft)
    (data / "a.txt").write_text("changed")
    assert (Path(draft.download("out")) / "a.txt").read_text() == "changed"
    draft.verify("out")
    assert "2 reference(s) could not be checked" in log.text


# -- entries of other artifacts


@pytest.fixture
def source(run, data):
    artifact = Artifact("source", "dataset")
    artifact.add_dir(data)
    return run.log_artifact(artifact)


def test_an_entry_of_another_artifact(run, draft, source):
    [entry] = draft.add_reference(source.get_entry("a.txt"))
    [renamed] = draft.add_reference(source.get_path("sub/b.txt"), name="c.txt")
    assert (entry.path, renamed.path) == ("a.txt", "c.txt")
    run.log_artifact(draft)
    assert read_tree(Path(draft.download("out"))) == {"a.txt": b"aaa", "c.txt": b"b"}


def test_an_entry_lives_on_when_its_artifact_is_deleted(run, draft, source):
    draft.add_reference(source.get_entry("a.txt"))
    run.log_artifact(draft)
    source.delete()
    assert Path(draft.file("out")).read_bytes() == b"aaa"


def test_references_are_handed_on_flat(run, version, data):
    other = Artifact("other", "dataset")
    [entry] = other.add_reference(version.get_entry("a.txt"))
    assert entry.ref == (data / "a.txt").as_uri()


def test_an_entry_of_a_draft(draft, data):
    other = Artifact("other", "dataset")
    entry = other.add_file(data / "a.txt")
    with pytest.raises(ValueError, match="belongs to a draft"):
        draft.add_reference(entry)


def test_an_entry_of_a_deleted_version(draft, source):
    entry = source.get_entry("a.txt")
    source.delete()
    with pytest.raises(ValueError, match="source:v0 was deleted"):
        draft.add_reference(entry)


def test_an_entry_of_another_store(draft, tmp_path, data):
    other = Artifact("other", "dataset", store=tmp_path / "other")
    other.add_dir(data)
    other.save()
    with pytest.raises(ValueError, match="is in another store"):
        draft.add_reference(other.get_entry("a.txt"))


# -- files behind a network


@pytest.fixture
def bucket():
    """The URI of a folder that is not on this machine."""
    root = f"/sdk-{secrets.token_hex(6)}"
    fs = fsspec.filesystem("memory")
    fs.pipe({f"{root}/{path}": data for path, data in TREE.items()})
    yield f"memory:/{root}"
    fs.rm(root, recursive=True)


@pytest.fixture
def remote(run, draft, bucket):
    draft.add_reference(bucket, name="in")
    return run.log_artifact(draft)


def change(bucket, path, data):
    fsspec.filesystem("memory").pipe(f"{bucket}/{path}", data)


def test_a_folder_elsewhere(remote, bucket):
    assert [entry.path for entry in remote.entries()] == ["in/a.txt", "in/sub/b.txt"]
    assert remote["in/a.txt"].ref_target() == f"{bucket}/a.txt"
    assert remote["in/a.txt"].ref_url() == "art://local/demo/corpus:v0/in/a.txt"
    assert remote.size == 4
    assert read_tree(Path(remote.download("out"))) == {f"in/{p}": d for p, d in TREE.items()}


def test_logging_a_uri(run, bucket):
    artifact = run.log_artifact(bucket, name="corpus", type="dataset")
    assert [entry.path for entry in artifact.entries()] == list(TREE)


def test_the_same_state_is_the_same_version(run, remote, bucket):
    again = Artifact("corpus", "dataset")
    again.add_reference(bucket, name="in")
    assert run.log_artifact(again).version == "v0"
    change(bucket, "a.txt", b"AAA")
    third = Artifact("corpus", "dataset")
    third.add_reference(bucket, name="in")
    assert run.log_artifact(third).version == "v1"


def test_reading_a_part(remote):
    with remote.open("in/a.txt") as file:
        file.seek(1)
        assert file.read(1) == b"a"
    with remote["in/sub/b.txt"].open("r") as file:
        assert file.read() == "b"


def test_what_has_changed_elsewhere_is_not_opened(remote, bucket):
    change(bucket, "a.txt", b"AAA")
    with pytest.raises(ValueError, match="has changed since it was logged"):
        remote.open("in/a.txt")
    with pytest.raises(artifacts.IntegrityError, match="has changed since it was log") as caught:
        remote.download("out")
    assert caught.value.kind == "reference_changed"


def test_leaving_out_what_has_changed_elsewhere(remote, bucket, log):
    change(bucket, "a.txt", b"AAA")
    remote.download("out", allow_missing_references=True)
    assert read_tree(Path("out")) == {"in/sub/b.txt": b"b"}
    assert "1 referenced file(s) are gone or have changed, and were left out: in/a.txt" in log.text


def test_without_a_checksum_a_folder_is_one_entry(draft, bucket):
    [entry] = draft.add_reference(bucket, checksum=False)
    assert (entry.ref, entry.size) == (bucket, 0)


def test_credentials_in_a_uri(draft):
    with pytest.raises(ValueError, match="credentials do not belong into a reference") as caught:
        draft.add_reference("https://host/x?token=hidden")
    assert "hidden" not in f"{caught.value} {hint_of(caught)}"


# -- making references files


def test_materialize(run, remote, bucket, store):
    new = remote.materialize()
    assert (new.version, new.aliases) == ("v1", ["latest"])
    assert [entry.ref for entry in new.entries()] == [None, None]
    assert new.metadata == {"materialized_from": "local/demo/corpus:v0"}
    fsspec.filesystem("memory").rm(bucket, recursive=True)
    assert read_tree(Path(new.download("out"))) == {f"in/{p}": d for p, d in TREE.items()}
    new.verify("out")
    change(bucket, "a.txt", b"for the fixture")


def test_materialize_is_recorded(run, remote):
    new = remote.materialize(latest=False)
    assert new.aliases == []
    assert [version.name for version in run.used_artifacts()] == ["corpus:v0"]
    assert [version.name for version in run.logged_artifacts()] == ["corpus:v0", "corpus:v1"]


def test_materialize_without_a_run(draft, data):
    draft.add_reference(data.as_uri())
    draft.add_file(data / "a.txt", name="stored.txt")
    draft.save()
    artifacts.finish()
    new = artifacts.Api().artifact("demo/corpus:v0").materialize()
    assert {entry.path: entry.ref for entry in new.entries()} == dict.fromkeys(
        ["a.txt", "stored.txt", "sub/b.txt"]
    )
    assert new.get_entry("a.txt").digest == draft.get_entry("a.txt").digest


def test_materialize_without_references(run, data):
    artifact = run.log_artifact(data, name="files", type="dataset")
    assert artifact.materialize() is artifact


def test_materialize_what_has_changed(remote, bucket):
    change(bucket, "a.txt", b"AAA")
    with pytest.raises(ValueError, match="has changed since it was logged"):
        remote.materialize()
    assert [v.version for v in artifacts.Api().collection("demo/corpus").versions()] == ["v0"]


def test_materialize_in_rounds(monkeypatch, remote):
    monkeypatch.setattr("artifacts._materializing._ROUND_FILES", 1)
    assert read_tree(Path(remote.materialize().download("out"))) == {
        f"in/{p}": d for p, d in TREE.items()
    }


def test_materialize_a_draft(draft):
    with pytest.raises(artifacts.ArtifactNotLoggedError):
        draft.materialize()
