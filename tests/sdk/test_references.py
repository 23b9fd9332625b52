"""Files that stay where they are: behaviour.md section 14, as far as ``file://`` goes."""

import os
from pathlib import Path

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
    with pytest.raises(ValueError, match="this version supports file:// references"):
        draft.add_reference("gopher://host/data")


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
