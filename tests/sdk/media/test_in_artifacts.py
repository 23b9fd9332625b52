"""Objects that are added to artifacts, and come out of them again."""

import json

import pytest

import artifacts
from artifacts import Html
from artifacts.store.digests import format_digest, hash_bytes
from artifacts.store.errors import (
    ArtifactFinalizedError,
    FormatError,
    InvalidInputError,
    InvalidTypeError,
)
from artifacts.store.store import Store
from tests.sdk.helpers import hint_of
from tests.sdk.media import notes
from tests.sdk.media.notes import Folder, Note


@pytest.fixture(autouse=True)
def known(monkeypatch):
    notes.register(monkeypatch)


def draft(name="things"):
    return artifacts.Artifact(name, type="dataset")


def logged(*objects, name="things"):
    """Return a version with objects that are called a, b, c …"""
    made = draft(name)
    for letter, value in zip("abc", objects, strict=False):
        made.add(value, letter)
    made.save(project="demo")
    return artifacts.Api(project="demo").artifact(f"{name}:latest")


def test_an_object_is_a_description_and_its_files():
    made = draft()
    entry = made.add(Note("hello"), "sub/n")
    digest = hash_bytes(b"hello")
    path = f"media/note/{digest.hex()[:20]}.txt"
    assert entry.path == "sub/n.note-file.json"
    assert set(made.manifest) == {entry.path, path}
    made.save(project="demo")
    with made.open(entry.path, "r") as file:
        description = json.load(file)
    assert description == made.get("sub/n").to_json()
    assert (description["path"], description["digest"]) == (path, format_digest(digest))
    with made.open(path) as file:
        assert file.read() == b"hello"


@pytest.mark.parametrize("name", ["a", "a.note-file", "a.note-file.json"])
def test_an_object_comes_back_by_its_name(name):
    assert logged(Note("hello")).get(name).read() == "hello"


@pytest.mark.parametrize("name", ["b", "a.json", "a.html-file", "media", ""])
def test_what_is_not_there_is_none(name):
    assert logged(Note("hello")).get(name) is None


def test_a_file_that_was_added_as_such_is_no_object(tmp_path):
    (tmp_path / "a").write_text("x")
    made = draft()
    made.add_file(tmp_path / "a", "a")
    made.save(project="demo")
    assert made.get("a") is None


def test_a_draft_returns_the_object_itself():
    made, note = draft(), Note("hello")
    made.add(note, "a")
    assert made.get("a") is note
    made.remove("a.note-file.json")
    assert made.get("a") is None


def test_a_draft_forgets_an_object_in_whose_place_another_file_is():
    made = draft()
    made.add(Note("hello"), "a")
    with made.new_file("a.note-file.json", "w") as file:
        file.write("{}")
    with pytest.raises(artifacts.ArtifactNotLoggedError, match="belongs to a draft"):
        made.get("a")


def test_a_new_draft_has_the_objects_of_its_version():
    made = logged(Note("hello")).new_draft()
    assert made.get("a").read() == "hello"
    made.add(Note("more"), "b")
    made.save()
    assert [made.get(name).read() for name in ("a", "b")] == ["hello", "more"]


def test_the_same_again_is_the_same_entry():
    made, note = draft(), Note("hello")
    first = made.add(note, "a")
    assert made.add(note, "a").digest == first.digest
    assert made.add(Note("hello"), "b").digest == first.digest
    assert made.file_count == 3  # two descriptions, one text


def test_another_object_of_that_name_is_refused_unless_it_is_to_be_replaced():
    made = draft()
    made.add(Note("one"), "a")
    before = made.digest
    with pytest.raises(InvalidInputError, match="same path twice") as caught:
        made.add(Note("two"), "a")
    assert "overwrite=True" in hint_of(caught)
    assert made.digest == before
    made.add(Note("two"), "a", overwrite=True)
    made.save(project="demo")
    assert made.get("a").read() == "two"


@pytest.mark.parametrize("value", [3, "text", object(), None, {"a": 1}, [1]])
def test_only_objects_of_that_kind_are_taken(value):
    made = draft()
    with pytest.raises(InvalidTypeError, match=f"obj is a {type(value).__name__}"):
        made.add(value, "a")
    assert made.file_count == 0


@pytest.mark.parametrize("name", ["", "/a", "../a", "a//b"])
def test_names_are_checked(name):
    made = draft()
    with pytest.raises(InvalidInputError, match="path"):
        made.add(Note("hello"), name)
    assert made.file_count == 0


def test_a_version_takes_no_more():
    with pytest.raises(ArtifactFinalizedError):
        logged(Note("a")).add(Note("b"), "b")


def test_an_object_keeps_further_files():
    version = logged(Folder(Note("x"), Note("y")))
    assert version.get("a").read() == ["x", "y"]
    assert version.file_count == 4


def test_files_of_this_machine_are_taken_as_they_are(tmp_path):
    source = tmp_path / "page.html"
    source.write_text("<p>before</p>")
    made = draft()
    made.add(Html(source, inject=False), "page")
    source.write_text("<p>after</p>")
    made.save(project="demo")
    assert made.get("page").html == "<p>before</p>"


def test_one_object_in_two_artifacts():
    note = Note("hello")
    first, second = logged(note, name="first"), logged(note, name="second")
    assert first.get("a").read() == second.get("a").read() == "hello"
    assert first.get("a") == second.get("a")


def test_an_object_of_another_version_is_not_read_again(monkeypatch):
    found = logged(Folder(Note("x"), Note("y"))).get("a")
    made = draft("copy")

    def refuse(*_):
        raise AssertionError("the bytes were read")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "open_blob", refuse)
        patched.setattr(Store, "read_blob", refuse)
        made.add(found, "b")
    made.save(project="demo")
    assert made.get("b").read() == ["x", "y"]


def test_an_object_of_another_store_is_copied(tmp_path):
    page = logged(Html("<p>x</p>", inject=False)).get("a")
    Store.create(tmp_path / "other").close()
    made = artifacts.Artifact("copy", type="dataset", store=tmp_path / "other")
    made.add(page, "b")
    made.save(project="demo")
    assert made.get("b").html == "<p>x</p>"


def test_an_object_of_a_run_is_copied():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"page": Html("<p>x</p>", inject=False)})
    [row] = artifacts.Api(project="demo").run("r").scan_history()
    assert logged(row["page"]).get("a").html == "<p>x</p>"
    with artifacts.init(project="demo", id="r2") as run:
        run.log({"page": logged(row["page"]).get("a")})
    [row] = artifacts.Api(project="demo").run("r2").scan_history()
    assert row["page"].html == "<p>x</p>"


@pytest.mark.parametrize("text", ["{", "[1]", '{"_type": "unheard-of"}', '{"_type": "note-file"}'])
def test_a_broken_description_is_an_error(text):
    made = draft()
    with made.new_file("a.note-file.json") as file:
        file.write(text)
    made.save(project="demo")
    with pytest.raises(FormatError, match=r"a\.note-file\.json"):
        made.get("a")


def test_objects_are_pulled_as_files(tmp_path):
    version = logged(Note("hello"))
    version.download(tmp_path)
    assert (tmp_path / version.get("a")["path"]).read_text() == "hello"


def test_a_disabled_run_takes_objects():
    with artifacts.init(mode="disabled") as run:
        run.log({"n": Note("hello")})
        made = artifacts.Artifact("a", type="t")
        made.add(Note("hello"), "n")
        run.log_artifact(made)
        run.summary["n"] = Note("x")


def test_items_of_an_artifact_are_entries_and_objects(tmp_path):
    (tmp_path / "f").write_text("x")
    made = draft()
    made["n"] = Note("hello")
    made.add_file(tmp_path / "f", "f")
    made.save(project="demo")
    assert made["f"].path == "f"
    assert made["n.note-file.json"].path == "n.note-file.json"
    assert made["n"].read() == "hello"
    with pytest.raises(KeyError, match="does not contain 'other'"):
        made["other"]
