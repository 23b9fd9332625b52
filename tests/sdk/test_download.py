"""From a version to files: behaviour.md sections 13 and 16."""

import os
from pathlib import Path

import pytest

import artifacts
from artifacts import Artifact
from tests.sdk.helpers import hint_of
from tests.support import HUGE, damage, is_executable, read_tree, write_tree

TREE = {"a.txt": b"a", "b.log": b"b", "sub/c.txt": b"c", "sub/deep/d.txt": b"d", "subway": b"e"}
LARGE = bytes(range(256)) * 4096


def log_tree(run, files, name="corpus"):
    artifact = Artifact(name, "dataset")
    artifact.add_dir(write_tree(Path(f"source-{name}"), files))
    return run.log_artifact(artifact)


@pytest.fixture
def version(run):
    return log_tree(run, TREE)


def test_the_default_folder(version, tmp_path):
    folder = version.download()
    assert folder == str(tmp_path / "artifacts" / "corpus:v0")
    assert read_tree(Path(folder)) == TREE


def test_the_default_folder_is_a_setting(version, monkeypatch, tmp_path):
    monkeypatch.setenv("ART_ARTIFACT_DIR", str(tmp_path / "there"))
    api = artifacts.Api(store=os.environ["ART_STORE"], project="demo")
    assert api.artifact("corpus").download() == str(tmp_path / "there" / "corpus:v0")


def test_another_folder(version, tmp_path):
    assert version.download("out/deep") == str(tmp_path / "out/deep")
    assert read_tree(Path("out/deep")) == TREE
    assert version.download(root=Path("again")) == str(tmp_path / "again")


def test_options_of_the_reference(version):
    version.download("out", recursive=True, skip_cache=True, multipart=None)
    assert read_tree(Path("out")) == TREE


def test_other_files_are_left_alone(version):
    write_tree(Path("out"), {"mine.txt": b"mine", "sub/mine.txt": b"mine"})
    version.download("out")
    assert read_tree(Path("out")) == {**TREE, "mine.txt": b"mine", "sub/mine.txt": b"mine"}


def test_what_differs_is_replaced(version):
    version.download("out")
    Path("out/a.txt").write_text("A")
    Path("out/sub/c.txt").write_text("longer")
    Path("out/b.log").unlink()
    version.download("out")
    assert read_tree(Path("out")) == TREE


def test_what_matches_is_not_written_again(version):
    version.download("out")
    before = {path: os.stat(Path("out") / path).st_ino for path in TREE}
    version.download("out")
    assert {path: os.stat(Path("out") / path).st_ino for path in TREE} == before


def test_nothing_else_is_left_in_the_folder(version):
    version.download("out")
    assert sorted(os.listdir("out")) == ["a.txt", "b.log", "sub", "subway"]


def test_the_executable_bit(run):
    write_tree(Path("data"), {"run.sh": b"#!/bin/sh\n", "plain": b""})
    Path("data/run.sh").chmod(0o755)
    folder = Path(run.log_artifact("data", name="tools").download("out"))
    assert (is_executable(folder / "run.sh"), is_executable(folder / "plain")) == (True, False)


def test_large_files(run):
    version = log_tree(run, {"large.bin": LARGE, "again.bin": LARGE})
    assert read_tree(Path(version.download("out"))) == {"large.bin": LARGE, "again.bin": LARGE}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"path_prefix": "sub"}, ["sub/c.txt", "sub/deep/d.txt", "subway"]),
        ({"path_prefix": "sub/"}, ["sub/c.txt", "sub/deep/d.txt"]),
        ({"path_prefix": "a.txt"}, ["a.txt"]),
        ({"include": "*.txt"}, ["a.txt", "sub/c.txt", "sub/deep/d.txt"]),
        ({"include": ["*.log", "deep/"]}, ["b.log", "sub/deep/d.txt"]),
        ({"exclude": ["*.txt"]}, ["b.log", "subway"]),
        ({"include": "*.txt", "exclude": "/sub"}, ["a.txt"]),
        ({"path_prefix": "sub/", "include": "d.*"}, ["sub/deep/d.txt"]),
    ],
)
def test_a_part(version, options, expected):
    version.download("out", **options)
    assert sorted(read_tree(Path("out"))) == expected


@pytest.mark.parametrize("options", [{"path_prefix": "x"}, {"include": "*.csv"}])
def test_a_part_that_is_empty(version, options):
    with pytest.raises(ValueError, match="no file of demo/corpus:v0 matches"):
        version.download("out", **options)


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_links_into_the_store(run, store, link):
    version = log_tree(run, {"large.bin": HUGE, "small.txt": b"s"})
    version.download("out", link=link)
    assert read_tree(Path("out")) == {"large.bin": HUGE, "small.txt": b"s"}
    placed = Path("out/large.bin")
    if link == "symlink":
        assert placed.resolve().is_relative_to(store.resolve())
    else:
        assert placed.stat().st_nlink == 2
    assert placed.stat().st_mode & 0o222 == 0


def test_another_link(version):
    with pytest.raises(ValueError, match="link must be copy, hardlink or symlink, not 'soft'"):
        version.download("out", link="soft")


def test_a_folder_in_the_way(version):
    Path("out/a.txt").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"cannot write a\.txt: a folder is where") as caught:
        version.download("out")
    assert hint_of(caught) == "move it away, or choose another folder"


def test_a_link_in_the_folder_is_not_followed(version):
    Path("elsewhere").mkdir()
    Path("out").mkdir()
    Path("out/sub").symlink_to("../elsewhere")
    with pytest.raises(ValueError, match="symbolic link where a folder belongs"):
        version.download("out")
    assert os.listdir("elsewhere") == []


def test_damage_is_noticed(run, store):
    version = log_tree(run, {"large.bin": LARGE})
    [blob] = [p for p in (store / "objects").rglob("*") if p.is_file() and p.stat().st_size > 10**6]
    damage(blob)
    with pytest.raises(artifacts.IntegrityError, match="is damaged"):
        version.download("out")
    assert read_tree(Path("out")) == {}


# -- single files


def test_an_entry(version, tmp_path):
    path = version.get_path("sub/c.txt").download("out")
    assert path == str(tmp_path / "out/sub/c.txt")
    assert read_tree(Path("out")) == {"sub/c.txt": b"c"}


def test_an_entry_into_the_default_folder(version, tmp_path):
    assert version.get_entry("a.txt").download() == str(tmp_path / "artifacts/corpus:v0/a.txt")


def test_file(run, tmp_path):
    artifact = log_tree(run, {"sub/only.txt": b"only"}, name="single")
    assert artifact.file() == str(tmp_path / "artifacts/single:v0/sub/only.txt")
    assert Path(artifact.file("out")).read_bytes() == b"only"


@pytest.mark.parametrize("files", [{}, {"a": b"", "b": b""}], ids=["none", "two"])
def test_file_needs_exactly_one(run, files):
    artifact = Artifact("several", "dataset")
    artifact.add_dir(write_tree(Path("data"), files))
    run.log_artifact(artifact)
    with pytest.raises(ValueError, match=f"several:v0 has {len(files)} files") as caught:
        artifact.file()
    assert "download()" in hint_of(caught)


# -- checkout


def test_checkout_deletes_what_does_not_belong(version):
    write_tree(Path("out"), {"mine.txt": b"mine", "old/mine.txt": b"mine"})
    version.checkout("out")
    assert read_tree(Path("out")) == TREE
    assert not Path("out/old").exists()


def test_checkout_has_one_folder_for_all_versions(run, version, tmp_path):
    assert version.checkout() == str(tmp_path / "artifacts/corpus")
    second = version.new_draft()
    second.remove("sub")
    run.log_artifact(second)
    assert second.checkout() == str(tmp_path / "artifacts/corpus")
    assert sorted(read_tree(Path("artifacts/corpus"))) == ["a.txt", "b.log", "subway"]


def test_checkout_does_not_delete_the_store(version, store):
    with pytest.raises(artifacts.StateError, match="would delete the store"):
        version.checkout(store.parent)
    assert version.new_draft().save().version == "v0"


# -- how much is stored


def test_one_copy_of_what_is_logged(run, store):
    log_tree(run, {"large.bin": LARGE, "again.bin": LARGE})
    stored = sum(
        p.stat().st_size for p in store.rglob("*") if p.is_file() and "sqlite" not in p.name
    )
    assert stored < len(LARGE) + 20_000


def test_a_download_leaves_nothing_else_behind(run, version, tmp_path):
    before = set(tmp_path.rglob("*"))
    version.download(tmp_path / "out")
    added = set(tmp_path.rglob("*")) - before
    assert {p for p in added if not p.is_relative_to(tmp_path / "out")} == set()
