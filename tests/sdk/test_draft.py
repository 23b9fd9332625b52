"""Building an `Artifact`: behaviour.md section 11."""

import math
import os
from pathlib import Path
from typing import Any

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import hint_of
from tests.support import is_executable, read_tree, write_tree


@pytest.fixture
def draft():
    return Artifact("corpus", type="dataset")


def paths(artifact):
    return list(artifact.manifest.entries)


def log_text(name="corpus", **files):
    artifact = Artifact(name, "dataset", project="demo")
    for path, text in files.items():
        with artifact.new_file(path) as file:
            file.write(text)
    return artifact.save()


# -- the constructor


@pytest.mark.parametrize("name", ["corpus", "a-b_c.d", "x" * 128, "2024"])
def test_names(name):
    assert Artifact(name, "dataset").name == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "corpüs", "x" * 129, "..", "a\n"])
def test_bad_names(name):
    with pytest.raises(ValueError, match="alphanumeric characters, dashes, underscores, and dots"):
        Artifact(name, "dataset")


@pytest.mark.parametrize("name", [None, 3, b"corpus"])
def test_names_are_text(name):
    with pytest.raises(TypeError, match="name must be text"):
        Artifact(name, "dataset")


@pytest.mark.parametrize("type_", ["dataset", "raw data", "étude"])
def test_types(type_):
    assert Artifact("corpus", type_).type == type_


@pytest.mark.parametrize("type_", ["", "a/b", "a:b", " a", "x" * 129])
def test_bad_types(type_):
    with pytest.raises(ValueError, match="invalid type"):
        Artifact("corpus", type_)


@pytest.mark.parametrize("type_", [None, 3])
def test_types_are_text(type_):
    with pytest.raises(TypeError, match="type must be text"):
        Artifact("corpus", type_)


def test_description():
    assert Artifact("corpus", "dataset", "what it is").description == "what it is"
    number: Any = 3
    with pytest.raises(TypeError, match="description must be text"):
        Artifact("corpus", "dataset", description=number)


def test_it_opens_no_store(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "none"))
    Artifact("corpus", "dataset", metadata={"a": 1}).aliases.append("prod")
    assert not (tmp_path / "none").exists()


# -- metadata


def test_metadata_is_plain_json(run):
    class Scalar(float):
        pass

    metadata = {
        "text": "a",
        "number": Scalar(0.5),
        "list": (1, None, True),
        "nested": {"a": {"b": [1]}},
        "nan": math.nan,
        "large": 2**70,
    }
    artifact = run.log_artifact(Artifact("corpus", "dataset", metadata=metadata))
    assert Api(project="demo").artifact("corpus:v0").metadata == {
        "text": "a",
        "number": 0.5,
        "list": [1, None, True],
        "nested": {"a": {"b": [1]}},
        "nan": None,
        "large": 2**70,
    }
    assert artifact.metadata["number"] == 0.5


def test_metadata_is_a_copy():
    given = {"nested": {"a": 1}}
    artifact = Artifact("corpus", "dataset", metadata=given)
    artifact.metadata["nested"]["a"] = 2
    assert given == {"nested": {"a": 1}}


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinity_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"'loss'.*infinite"):
        Artifact("corpus", "dataset", metadata={"loss": value})


def test_at_most_100_keys():
    Artifact("corpus", "dataset", metadata={str(n): n for n in range(100)})
    with pytest.raises(ValueError, match="101 keys; at most 100"):
        Artifact("corpus", "dataset", metadata={str(n): n for n in range(101)})


@pytest.mark.parametrize("value", ["text", [("a", 1)], 3])
def test_metadata_is_a_dict(value):
    with pytest.raises(TypeError, match="metadata must be a dict"):
        Artifact("corpus", "dataset", metadata=value)


def test_what_json_cannot_hold_is_refused_by_name():
    with pytest.raises(TypeError, match=r"metadata 'model' is a object"):
        Artifact("corpus", "dataset", metadata={"model": object()})
    numbers: Any = {1: 2}
    with pytest.raises(TypeError, match="keys must be text"):
        Artifact("corpus", "dataset", metadata=numbers)


def test_whole_numbers_as_keys_within_are_text():
    labels = {0: "cat", 1: {2: "dog"}}
    draft = Artifact("corpus", "dataset", metadata={"labels": labels})
    assert draft.metadata == {"labels": {"0": "cat", "1": {"2": "dog"}}}
    for key in (0.5, None, True, ("a",)):
        unusable: Any = {"labels": {key: "cat"}}
        with pytest.raises(TypeError, match="keys must be text"):
            Artifact("corpus", "dataset", metadata=unusable)
    with pytest.raises(ValueError, match="same as text"):
        Artifact("corpus", "dataset", metadata={"labels": {1: "cat", "1": "dog"}})


def test_metadata_that_was_changed_in_place_is_checked_when_logged(run, draft):
    draft.metadata["loss"] = math.inf
    with pytest.raises(ValueError, match="infinite"):
        run.log_artifact(draft)
    draft.metadata["loss"] = 0.1
    run.log_artifact(draft)
    assert Api(project="demo").artifact("corpus:v0").metadata == {"loss": 0.1}


# -- new_file


def test_new_file(run, draft):
    with draft.new_file("notes/a.txt") as file:
        file.write("grüße")
    with draft.new_file("b.bin", mode="wb") as file:
        file.write(b"\x00\x01")
    with draft.new_file("c.txt", encoding="latin-1") as file:
        file.write("ü")
    run.log_artifact(draft)
    assert read_tree(Path(draft.download("out"))) == {
        "notes/a.txt": "grüße".encode(),
        "b.bin": b"\x00\x01",
        "c.txt": b"\xfc",
    }


def test_new_file_that_fails_is_not_added(draft):
    def write():
        with draft.new_file("a.txt") as file:
            file.write("half")
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert paths(draft) == []


@pytest.mark.parametrize("mode", ["x", "xb"])
def test_new_file_refuses_a_taken_path(draft, mode):
    with draft.new_file("a.txt") as file:
        file.write("one")
    with (
        pytest.raises(ValueError, match=r"File with name 'a\.txt' already exists") as caught,
        draft.new_file("a.txt", mode=mode),
    ):
        pytest.fail("never entered")
    assert hint_of(caught) == "use mode='w'"


def test_new_file_may_replace(run, draft):
    for text in ("one", "two"):
        with draft.new_file("a.txt", mode="w") as file:
            file.write(text)
    run.log_artifact(draft)
    assert draft.open("a.txt", "r").read() == "two"


@pytest.mark.parametrize("mode", ["r", "a", "r+", ""])
def test_new_file_writes(draft, mode):
    with pytest.raises(ValueError, match="mode must be"), draft.new_file("a.txt", mode=mode):
        pytest.fail("never entered")


def test_new_file_refuses_a_bad_path_before_anything_is_written(draft):
    with pytest.raises(ValueError, match="not a usable path"), draft.new_file("../a.txt"):
        pytest.fail("never entered")


# -- add_file


def test_add_file(draft):
    Path("words.txt").write_text("words")
    entry = draft.add_file("words.txt")
    assert (entry.path, entry.size) == ("words.txt", 5)
    assert entry.digest.startswith("blake3:")
    assert paths(draft) == ["words.txt"]


def test_add_file_under_another_name(draft):
    Path("words.txt").write_text("words")
    assert draft.add_file(local_path="words.txt", name="in/a/folder.txt").path == "in/a/folder.txt"
    assert draft.add_file(Path("words.txt"), name=Path("b") / "c").path == "b/c"


def test_add_file_takes_what_a_link_leads_to(run, draft):
    Path("words.txt").write_text("words")
    Path("link").symlink_to("words.txt")
    draft.add_file("link")
    run.log_artifact(draft)
    target = Path(draft.download("out")) / "link"
    assert (target.is_symlink(), target.read_text()) == (False, "words")


def test_add_file_keeps_the_executable_bit(run, draft):
    Path("run.sh").write_text("#!/bin/sh\n")
    Path("run.sh").chmod(0o755)
    draft.add_file("run.sh")
    run.log_artifact(draft)
    assert is_executable(Path(draft.file("out")))


@pytest.mark.parametrize("path", ["missing.txt", ".", "missing/words.txt"])
def test_add_file_needs_a_file(draft, path):
    with pytest.raises(ValueError, match="path is not a file"):
        draft.add_file(path)


def test_a_pipe_is_no_file(draft):
    os.mkfifo("pipe")
    with pytest.raises(ValueError, match="path is not a file"):
        draft.add_file("pipe")


@pytest.mark.parametrize("size", [10, 1 << 20], ids=["small", "large"])
def test_what_happens_to_the_file_afterwards_does_not_matter(run, draft, size):
    Path("words.txt").write_bytes(b"a" * size)
    draft.add_file("words.txt")
    Path("words.txt").write_bytes(b"b" * size)
    Path("words.txt").unlink()
    run.log_artifact(draft)
    assert Path(draft.file()).read_bytes() == b"a" * size


@pytest.mark.parametrize("policy", ["mutable", "immutable"])
def test_options_of_the_reference(draft, policy):
    Path("words.txt").write_text("words")
    draft.add_file("words.txt", skip_cache=True, policy=policy, is_tmp=True)
    draft.add_dir(".", name="again", skip_cache=True, policy=policy)
    assert paths(draft) == ["again/words.txt", "words.txt"]


def test_an_unknown_policy(draft):
    Path("words.txt").write_text("words")
    with pytest.raises(ValueError, match="policy must be 'mutable' or 'immutable', not 'fixed'"):
        draft.add_file("words.txt", policy="fixed")


# -- the same path twice


def test_equal_content_at_the_same_path_is_fine(draft):
    Path("words.txt").write_text("words")
    draft.add_file("words.txt")
    draft.add_file("words.txt")
    assert paths(draft) == ["words.txt"]


def test_other_content_at_the_same_path_is_refused(draft):
    Path("words.txt").write_text("one")
    draft.add_file("words.txt")
    digest = draft.digest
    Path("words.txt").write_text("two")
    with pytest.raises(ValueError, match=r"Cannot add the same path twice: 'words\.txt'") as caught:
        draft.add_file("words.txt")
    assert "overwrite=True" in hint_of(caught)
    assert draft.digest == digest


def test_other_content_may_replace(run, draft):
    for text in ("one", "two"):
        Path("words.txt").write_text(text)
        draft.add_file("words.txt", overwrite=True)
    run.log_artifact(draft)
    assert Path(draft.file()).read_text() == "two"


def test_folders_may_be_merged(run, draft):
    write_tree(Path("one"), {"a.txt": b"1", "b.txt": b"1"})
    write_tree(Path("two"), {"b.txt": b"2", "c.txt": b"2"})
    draft.add_dir("one")
    with pytest.raises(ValueError, match="same path twice"):
        draft.add_dir("two")
    assert paths(draft) == ["a.txt", "b.txt"], "all of a folder or nothing"
    draft.add_dir("two", merge=True)
    run.log_artifact(draft)
    assert read_tree(Path(draft.download("out"))) == {"a.txt": b"1", "b.txt": b"2", "c.txt": b"2"}


def test_a_path_is_a_file_or_a_folder(run, draft):
    for name in ("a", "a/b"):
        with draft.new_file(name) as file:
            file.write(name)
    with pytest.raises(ValueError, match="both a file and a folder"):
        run.log_artifact(draft)


# -- add_dir


def test_add_dir_takes_hidden_files_and_no_empty_folders(draft):
    write_tree(Path("data"), {"a.txt": b"", ".hidden": b"", ".git/config": b""})
    Path("data/empty").mkdir()
    draft.add_dir("data")
    assert paths(draft) == [".git/config", ".hidden", "a.txt"]


@pytest.mark.parametrize("name", ["train", "train/", "/train/"])
def test_add_dir_under_a_name(draft, name):
    write_tree(Path("data"), {"a.txt": b"", "b/c.txt": b""})
    draft.add_dir("data", name=name)
    assert paths(draft) == ["train/a.txt", "train/b/c.txt"]


def test_add_dir_needs_a_folder(draft):
    Path("words.txt").write_text("words")
    for path in ("words.txt", "missing"):
        with pytest.raises(ValueError, match="path is not a directory"):
            draft.add_dir(path)


def test_add_dir_follows_links(draft):
    write_tree(Path("elsewhere"), {"a.txt": b"", "b/c.txt": b""})
    write_tree(Path("data"), {"own.txt": b""})
    Path("data/file").symlink_to("../elsewhere/a.txt")
    Path("data/folder").symlink_to("../elsewhere/b")
    draft.add_dir("data")
    assert paths(draft) == ["file", "folder/c.txt", "own.txt"]


def test_add_dir_finds_circles(draft):
    write_tree(Path("data"), {"sub/a.txt": b""})
    Path("data/sub/up").symlink_to("..")
    with pytest.raises(ValueError, match="leads back to a folder that contains it"):
        draft.add_dir("data")
    draft.add_dir("data", symlinks="skip")
    assert paths(draft) == ["sub/a.txt"]


def test_add_dir_may_refuse_links(draft):
    write_tree(Path("data"), {"a.txt": b""})
    Path("data/link").symlink_to("a.txt")
    with pytest.raises(ValueError, match="is a symbolic link"):
        draft.add_dir("data", symlinks="error")


def test_add_dir_names_a_broken_link(draft):
    write_tree(Path("data"), {"a.txt": b""})
    Path("data/link").symlink_to("missing")
    with pytest.raises(ValueError, match=r"data/link leads nowhere"):
        draft.add_dir("data")


FILES = {
    "a.txt": b"",
    "b.log": b"",
    "cache/c.txt": b"",
    "sub/d.txt": b"",
    "sub/cache/e.txt": b"",
    "sub/keep.log": b"",
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": "*.txt"}, ["a.txt", "cache/c.txt", "sub/cache/e.txt", "sub/d.txt"]),
        ({"include": ["/a.txt", "sub/*.txt"]}, ["a.txt", "sub/d.txt"]),
        ({"exclude": "cache/"}, ["a.txt", "b.log", "sub/d.txt", "sub/keep.log"]),
        ({"exclude": ["/cache", "*.log"]}, ["a.txt", "sub/cache/e.txt", "sub/d.txt"]),
        ({"exclude": ["*.log", "!keep.log"], "include": "*.log"}, ["sub/keep.log"]),
        ({"include": "*.csv"}, []),
    ],
)
def test_include_and_exclude(draft, options, expected):
    write_tree(Path("data"), FILES)
    draft.add_dir("data", **options)
    assert paths(draft) == expected


def test_artignore(draft):
    write_tree(Path("data"), FILES)
    Path("data/.artignore").write_text("# what is left out\n*.log\n!sub/keep.log\ncache/\n")
    draft.add_dir("data", exclude="a.txt")
    assert paths(draft) == [".artignore", "sub/d.txt", "sub/keep.log"]


def test_artignore_that_is_no_text(draft):
    write_tree(Path("data"), {".artignore": b"\xff\xfe"})
    with pytest.raises(ValueError, match=r"\.artignore is not UTF-8 text"):
        draft.add_dir("data")


def test_a_store_in_the_folder_is_left_out(tmp_path):
    write_tree(Path("data"), {"a.txt": b""})
    draft = Artifact("corpus", "dataset", store="data/.artifacts")
    draft.add_dir("data")
    assert paths(draft) == ["a.txt"]


# -- paths


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("C:/a", "absolute"),
        ("../a", r"'\.\.'"),
        ("a/../../b", r"'\.\.'"),
        ("a//b", "empty or '.' segment"),
        ("./a", "empty or '.' segment"),
        ("a/", "empty or '.' segment"),
        ("a\\b", "backslash"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("", "it is empty"),
    ],
)
def test_paths_that_are_refused(draft, name, why):
    Path("words.txt").write_text("words")
    with pytest.raises(ValueError, match=why):
        draft.add_file("words.txt", name=name)
    assert paths(draft) == []


def test_paths_are_in_normal_form(draft):
    Path("words.txt").write_text("words")
    assert draft.add_file("words.txt", name="u\u0308.txt").path == "\u00fc.txt"
    assert draft.get_entry("\u00fc.txt").size == 5


def test_paths_that_differ_in_case_only_are_told(run, draft, log):
    for name in ("Readme.md", "README.md", "other"):
        with draft.new_file(name) as file:
            file.write(name)
    run.log_artifact(draft)
    assert "corpus holds 'README.md' and 'Readme.md'" in log.text


# -- remove


def test_remove_a_file(draft):
    Path("words.txt").write_text("words")
    entry = draft.add_file("words.txt")
    draft.add_file("words.txt", name="b.txt")
    draft.remove("b.txt")
    draft.remove(entry)
    assert paths(draft) == []


@pytest.mark.parametrize("path", ["sub", "sub/", Path("sub")])
def test_remove_a_folder(draft, path):
    write_tree(Path("data"), {"a.txt": b"", "sub/b.txt": b"", "sub/c/d.txt": b"", "subway": b""})
    draft.add_dir("data")
    draft.remove(path)
    assert paths(draft) == ["a.txt", "subway"]


def test_remove_what_is_not_there(draft):
    with pytest.raises(FileNotFoundError, match=r"no file or folder 'a\.txt'"):
        draft.remove("a.txt")


# -- the state machine


def test_a_finalized_draft_takes_no_more(run, draft):
    Path("words.txt").write_text("words")
    entry = draft.add_file("words.txt")
    draft.finalize()
    calls = [
        lambda: draft.add_file("words.txt", name="b"),
        lambda: draft.add_dir("."),
        lambda: draft.new_file("b").__enter__(),
        lambda: draft.add_reference(Path("words.txt").absolute().as_uri()),
        lambda: draft.remove(entry),
    ]
    for call in calls:
        with pytest.raises(artifacts.ArtifactFinalizedError, match="Can't add to finalized"):
            call()
    assert (draft.file_count, draft.size, paths(draft)) == (1, 5, ["words.txt"])
    run.log_artifact(draft)
    assert draft.version == "v0"


def test_a_logged_artifact_takes_no_more(run, draft):
    run.log_artifact(draft)
    Path("words.txt").write_text("words")
    with pytest.raises(ValueError, match="Can't add to finalized artifact corpus:v0") as caught:
        draft.add_file("words.txt")
    assert "new_draft()" in hint_of(caught)


@pytest.mark.parametrize(
    "name",
    [
        "version",
        "id",
        "entity",
        "project",
        "qualified_name",
        "created_at",
        "updated_at",
        "created_by",
        "url",
    ],
)
def test_what_only_a_version_has(draft, name):
    with pytest.raises(artifacts.ArtifactNotLoggedError, match="has not been logged yet"):
        getattr(draft, name)
    assert issubclass(artifacts.ArtifactNotLoggedError, ValueError)
    assert not issubclass(artifacts.ArtifactNotLoggedError, AttributeError)


CALLS = {
    "download": lambda a: a.download(),
    "checkout": lambda a: a.checkout(),
    "file": lambda a: a.file(),
    "files": lambda a: a.files(),
    "get_path": lambda a: a.get_path("a.txt"),
    "open": lambda a: a.open("a.txt"),
    "entry.download": lambda a: a.get_entry("a.txt").download("out"),
    "verify": lambda a: a.verify(),
    "logged_by": lambda a: a.logged_by(),
    "used_by": lambda a: a.used_by(),
    "new_draft": lambda a: a.new_draft(),
    "delete": lambda a: a.delete(),
    "wait": lambda a: a.wait(),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_only_a_version_can(draft, call):
    with draft.new_file("a.txt") as file:
        file.write("a")
    with pytest.raises(artifacts.ArtifactNotLoggedError, match="has not been logged yet") as caught:
        CALLS[call](draft)
    assert "log_artifact" in hint_of(caught)


def test_what_a_draft_knows_of_itself(draft):
    assert (draft.name, draft.collection, draft.type, draft.state) == (
        "corpus",
        "corpus",
        "dataset",
        "DRAFT",
    )
    assert draft.is_draft()
    assert (draft.size, draft.file_count, draft.aliases, draft.tags) == (0, 0, [], [])
    assert repr(draft) == "<Artifact corpus (dataset, draft)>"


def test_an_empty_artifact_can_be_logged(run, draft):
    run.log_artifact(draft)
    assert (draft.version, draft.size, draft.file_count) == ("v0", 0, 0)
    assert os.listdir(draft.download("out")) == []


# -- save


def test_save_without_a_run(draft):
    with draft.new_file("a.txt") as file:
        file.write("a")
    assert draft.save() is draft
    assert draft.qualified_name == "local/uncategorized/corpus:v0"
    assert (draft.logged_by(), artifacts.run) == (None, None)
    assert Api().runs(all_projects=True) == []


def test_save_in_a_project(draft):
    assert draft.save(project="demo").project == "demo"
    assert Artifact("corpus", "dataset", project="shared").save().project == "shared"
    with pytest.raises(ValueError, match="invalid project"):
        Artifact("corpus", "dataset").save(project="a/b")


def test_save_while_a_run_is_active_is_an_output_of_that_run(run, draft):
    draft.save()
    assert draft.qualified_name == "local/demo/corpus:v0"
    assert draft.logged_by().id == run.id


def test_save_into_another_store_is_no_output(run, tmp_path):
    artifact = Artifact("corpus", "dataset", store=tmp_path / "other").save()
    assert artifact.logged_by() is None
    assert run.logged_artifacts() == []


def test_save_with_a_store_of_its_own(tmp_path):
    Artifact("corpus", "dataset", store=tmp_path / "own").save()
    assert Api(store=tmp_path / "own").artifact("corpus").version == "v0"


# -- new_draft


def test_new_draft_makes_the_next_version(run):
    first = log_text("corpus", a="one", b="two")
    second = first.new_draft()
    assert (second.name, second.type, second.is_draft()) == ("corpus", "dataset", True)
    with second.new_file("c") as file:
        file.write("three")
    second.remove("a")
    second.save()
    assert second.name == "corpus:v1"
    assert read_tree(Path(second.download("out"))) == {"b": b"two", "c": b"three"}
    assert paths(first) == ["a", "b"]


def test_new_draft_copies_nothing(store):
    Path("large.bin").write_bytes(bytes(range(256)) * 4096)
    first = Artifact("corpus", "dataset")
    first.add_file("large.bin")
    first.save()
    size = sum(map(len, read_tree(store / "objects").values()))
    second = first.new_draft()
    with second.new_file("a.txt") as file:
        file.write("a")
    second.save()
    assert sum(map(len, read_tree(store / "objects").values())) - size < 10_000
    assert second.size == first.size + 1


def test_new_draft_carries_what_describes_it(run):
    first = run.log_artifact(Artifact("corpus", "dataset", "what", {"a": {"b": 1}}), aliases="prod")
    draft = first.new_draft()
    draft.metadata["a"]["b"] = 2
    assert (draft.description, draft.metadata, draft.aliases) == ("what", {"a": {"b": 2}}, [])
    assert first.metadata == {"a": {"b": 1}}


def test_new_draft_unchanged_is_the_same_version():
    first = log_text(a="one")
    assert first.new_draft().save().version == "v0"


def test_new_draft_stays_in_its_project(run):
    log_text(a="one")
    there = Artifact("corpus", "dataset", entity="team", project="shared").save()
    draft = run.use_artifact(there).new_draft()
    with draft.new_file("b") as file:
        file.write("two")
    run.log_artifact(draft)
    assert draft.qualified_name == "team/shared/corpus:v1"
    assert draft.logged_by().id == run.id


# -- incremental


def test_incremental_adds_to_the_latest_version():
    log_text(a="one", b="two")
    draft = Artifact("corpus", "dataset", incremental=True, project="demo")
    with draft.new_file("b", mode="w") as file:
        file.write("changed")
    with draft.new_file("c") as file:
        file.write("three")
    draft.save()
    assert read_tree(Path(draft.download("out"))) == {"a": b"one", "b": b"changed", "c": b"three"}


def test_incremental_without_a_version_starts_one():
    draft = Artifact("corpus", "dataset", incremental=True, project="demo")
    with draft.new_file("a") as file:
        file.write("one")
    assert draft.save().version == "v0"


def test_incremental_removes_from_the_latest_version():
    log_text(a="one", b="two")
    draft = Artifact("corpus", "dataset", incremental=True, project="demo")
    draft.remove("a")
    with pytest.raises(FileNotFoundError):
        draft.remove("missing")
    assert paths(draft.save()) == ["b"]


def test_incremental_takes_the_version_that_is_latest_when_it_is_logged():
    log_text(a="one")
    draft = Artifact("corpus", "dataset", incremental=True, project="demo")
    with draft.new_file("b") as file:
        file.write("two")
    log_text(c="three")
    assert paths(draft.save()) == ["b", "c"]
