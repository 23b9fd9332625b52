"""What is deleted is shown first, and only that is deleted."""

from pathlib import Path

import pytest

from artifacts.cli import _output


@pytest.fixture
def person(monkeypatch):
    """Somebody sits at the terminal."""
    monkeypatch.setattr(_output, "interactive", lambda: True)


def test_rm_plan(art, corpus):
    result = art("rm", "corpus:v1", "corpus:latest", "corpus:v0", "--delete-aliases", "--dry-run")
    assert result.out == (
        "would delete demo/corpus:v0  2 files, 10 B  prod\n"
        "would delete demo/corpus:v1  2 files, 16 B  latest\n"
        "would delete 2 versions; nothing was changed\n"
    )
    assert len(art("ls", "corpus", "-q").lines) == 2


def test_rm_moves_latest(art, corpus):
    assert art("rm", "corpus:v1", "-y").out == "deleted demo/corpus:v1  2 files, 16 B\n"
    assert art("show", "corpus", "-q").lines == ["demo/corpus:v0"]
    assert "was deleted on" in art("show", "corpus:v1", code=11).err


def test_rm_of_all_versions(art, corpus):
    art("alias", "corpus:v1", "prod")
    art("rm", "corpus", "--all-versions", "-y", code=1)
    assert len(art("ls", "corpus", "-q").lines) == 2
    art("rm", "corpus", "--all-versions", "--delete-aliases", "-y")
    assert not art("ls", "-q").out


def test_rm_deletes_nothing_if_one_of_them_does_not_exist(art, corpus):
    art("rm", "corpus:v1", "corpus:v7", "-y", code=11)
    assert len(art("ls", "corpus", "-q").lines) == 2


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("\n", 1, 2)])
def test_rm_asks(art, corpus, person, answer, code, left):
    result = art("rm", "corpus:v1", stdin=answer, code=code)
    assert "to delete:\n  demo/corpus:v1  2 files, 16 B  latest\n" in result.err
    assert "delete 1 version? [y/N]" in result.err
    assert len(art("ls", "corpus", "-q").lines) == left


def test_rm_asks_nothing_when_it_prints_json(art, corpus, person):
    art("rm", "corpus:v1", "--json", stdin="y\n", code=2)
    deleted = art("rm", "corpus:v1", "--json", "-y").json["deleted"]
    assert [version["ref"] for version in deleted] == ["demo/corpus:v1"]


@pytest.fixture
def out(art, corpus):
    """A folder with corpus:prod and a few files more."""
    art("pull", "corpus:prod", "-o", "out")
    folder = Path("out")
    (folder / "extra").mkdir()
    (folder / "extra" / "file").write_text("x")
    (folder / "link").symlink_to("/")
    return folder


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def test_pull_delete_plan(art, out):
    before = files(out)
    result = art("pull", "corpus:prod", "-o", "out", "--delete", "--dry-run")
    assert result.out == (
        "would delete extra/file\n"
        "would delete link\n"
        "would delete 2 files in out; nothing was changed\n"
    )
    assert files(out) == before
    plan = art("pull", "corpus:prod", "-o", "out", "--delete", "--dry-run", "--json").json
    assert plan["would_delete"] == ["extra/file", "link"]


def test_pull_delete(art, out):
    art("pull", "corpus:prod", "-o", "out", "--delete", code=2)
    assert (out / "extra" / "file").exists()
    result = art("pull", "corpus:prod", "-o", "out", "--delete", "-y")
    assert result.out == (
        "pulled demo/corpus:v0 into out: 2 files (0 written, 2 there already, 2 others deleted)\n"
    )
    assert files(out) == ["a.txt", "sub/b.csv"]
    assert not (out / "extra").exists()


def test_pull_delete_asks(art, out, person):
    result = art("pull", "corpus:prod", "-o", "out", "--delete", stdin="n\n", code=1)
    assert "not in demo/corpus:v0:\n  extra/file\n  link\ndelete 2 files in out?" in result.err
    assert (out / "extra" / "file").exists()
    art("pull", "corpus:prod", "-o", "out", "--delete", stdin="y\n")
    assert not (out / "extra").exists()


def test_pull_delete_asks_nothing_when_there_is_nothing_to_delete(art, corpus):
    art("pull", "corpus", "-o", "out", "--delete")
    assert files(Path("out")) == ["a.txt", "sub/c.csv"]


@pytest.mark.parametrize("folder", [".", ".artifacts", ".artifacts/objects", "link"])
def test_pull_never_deletes_the_store(art, corpus, folder):
    Path("link").symlink_to(".")
    result = art("pull", "corpus", "-o", folder, "--delete", "-y", code=1)
    assert "would delete the store" in result.err
    art("check", "--read-data")
    assert Path("data/a.txt").exists()


def test_pull_delete_goes_with_no_filter(art, out):
    for option in ("--include", "--exclude", "--prefix"):
        art("pull", "corpus", "-o", "out", "--delete", "-y", option, "x", code=2)
    assert (out / "extra" / "file").exists()
