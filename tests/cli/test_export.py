"""Export, import and copies; repairing and rebuilding by the command line."""

from pathlib import Path

import pytest

from artifacts._session import close_stores
from artifacts.cli import _output
from tests.support import damage


@pytest.fixture
def person(monkeypatch):
    """Somebody sits at the terminal."""
    monkeypatch.setattr(_output, "interactive", lambda: True)


@pytest.fixture
def target(art):
    """Another store."""
    art("init", "--store", "other")
    return "other"


def lose_catalog(store):
    close_stores()
    for file in store.glob("catalog.sqlite*"):
        file.unlink()


def test_export_and_import(art, corpus, target):
    result = art("export", "-o", "all.tar")
    assert result.out.startswith("exported 2 versions to all.tar: ")
    first = art("import", "all.tar", "--store", target)
    assert first.out.startswith("imported 2 versions, 0 were there already; 0 runs; ")
    second = art("import", "all.tar", "--store", target)
    assert second.out == (
        "imported 0 versions, 2 were there already; 0 runs; nothing new was stored\n"
    )
    assert art("ls", "corpus", "--store", target, "-q").lines == art("ls", "corpus", "-q").lines
    assert art("cat", "corpus:prod", "a.txt", "--store", target).out == "hello\n"


def test_export_of_a_part(art, family, target):
    made = art("export", "demo/model", "--with-inputs", "-o", "part", "--json").json
    assert (made["versions"], made["path"]) == (3, "part")
    result = art("import", "part", "--store", target, "--json").json
    assert sorted(result["versions"]) == ["demo/corpus:v0", "demo/model:v0", "demo/raw:v0"]
    assert (result["runs"], result["links"]) == (3, 6)
    assert "raw:v0" in art("lineage", "demo/model", "--store", target).out
    assert art("export", "demo/model", "-o", "one.tar", "--json").json["versions"] == 1


def test_export_of_a_project(art, corpus):
    art("push", "data", "else/where")
    assert art("export", "--project", "demo", "-o", "demo.tar", "--json").json["versions"] == 2
    assert art("export", "-o", "all.tar", "--json").json["versions"] == 3


def test_export_refuses_what_is_there(art, corpus):
    art("export", "-o", "all.tar")
    art("export", "-o", "all.tar", code=12)
    art("export", "--with-inputs", "-o", "x.tar", code=2)
    art("export", "--all-versions", "-o", "x.tar", code=2)


def test_import_says_what_is_under_another_name(art, corpus, target):
    Path("mine").write_text("mine")
    art("push", "mine", "demo/corpus", "--store", target)
    art("export", "-o", "all.tar")
    text = art("import", "all.tar", "--store", target).out
    assert "  demo/corpus:v0 is demo/corpus:v1 here\n" in text
    assert "  alias demo/corpus:latest (" in text
    moved = art("import", "all.tar", "--store", target, "--move-aliases", "--json").json
    assert len(moved["aliases_moved"]) == 1


def test_import_into_a_project(art, corpus):
    art("export", "-o", "all.tar")
    assert art("import", "all.tar", "--project", "new", "-q").lines == [
        "new/corpus:v0",
        "new/corpus:v1",
    ]


def test_import_of_something_else(art, store):
    art("import", "nothing.tar", code=10)
    Path("x.tar").write_text("x" * 2000)
    assert art("import", "x.tar", "--json", code=15).error["kind"] == "bad_export"


def test_copy(art, corpus, target):
    assert art("cp", "corpus:prod", "release/corpus:stable").out == (
        "copied corpus:prod to release/corpus:v0: 2 files, 10 B, nothing new\n"
    )
    shown = art("show", "release/corpus:stable", "--json").json["version"]
    assert shown["metadata"]["copied_from"]["ref"] == "local/demo/corpus:v0"
    assert shown["digest"] == art("show", "corpus:prod", "--json").json["version"]["digest"]
    again = art("cp", "corpus:prod", "release/corpus").out
    assert again == "same content as release/corpus:v0: 2 files, 10 B; no new version was made\n"
    sent = art("cp", "corpus:prod", "corpus", "--to", target, "--json").json
    assert (sent["new"], sent["bytes"] > 0) == (True, True)
    assert art("cat", "demo/corpus", "a.txt", "--store", target).out == "hello\n"
    back = art("cp", "demo/corpus", "demo/back", "--from", target, "--json").json
    assert (back["new"], back["bytes"]) == (True, 0)
    art("cp", "corpus", "x", "--to", target, "--from", target, code=2)
    art("cp", "corpus", "x:v3", code=2)


def break_file(store):
    """Damage the first file of each version."""
    for pack in (store / "objects" / "packs").rglob("*/*"):
        damage(pack, at=0)


def test_repair_shows_a_plan_and_asks(art, corpus, person):
    close_stores()
    break_file(corpus)
    result = art("check", "--read-data", "--repair", stdin="n\n", code=1)
    assert "to give up: " in result.err
    assert "to mark as broken: demo/corpus:v" in result.err
    assert "nothing was repaired" in result.err
    art("check", "--read-data", "--repair", stdin="", code=130)


def test_repair_from_an_export(art, corpus):
    art("export", "-o", "all.tar")
    close_stores()
    break_file(corpus)
    art("check", "--read-data", "--repair", "--from", "all.tar", code=2)  # nobody to ask
    done = art("check", "--read-data", "--repair", "--from", "all.tar", "-y", "--json").json
    assert done["repaired"]["broken"] == []
    assert done["repaired"]["fetched"] >= 1
    assert art("check", "--read-data").lines[-1].startswith("sound; all ")


def test_broken_versions_are_shown_and_not_pulled(art, corpus):
    close_stores()
    break_file(corpus)
    art("check", "--read-data", "--repair", "-y", code=13)
    problems = art("check", "--json", code=13).json["problems"]
    broken = [p["where"] for p in problems if p["kind"] == "broken_version"]
    assert broken
    assert "are lost, such as" in art("show", broken[0]).out
    error = art("pull", broken[0], "-o", "out", "--json", code=13).error
    assert error["kind"] == "version_broken"
    art("pull", broken[0], "-o", "out", "--allow-broken")
    left = {p.name for p in Path("out").rglob("*") if p.is_file()}
    assert 0 < len(left) < 2
    art("cp", broken[0], "other", code=13)


def test_rebuild_with_an_export_of_the_catalog(art, family):
    before = art("lineage", "demo/model", "--json").json
    art("export", "--no-data", "-o", "catalog.tar")
    lose_catalog(Path(".artifacts"))
    result = art("check", "--rebuild", "--catalog", "catalog.tar")
    assert "restored 4 versions and 3 runs from catalog.tar\n" in result.out
    after = art("lineage", "demo/model", "--json").json
    assert len(after["edges"]) == len(before["edges"])
    assert art("show", "demo/corpus:prod", "-q").lines == ["demo/corpus:v0"]


def test_options_that_do_not_go_together(art, store):
    for options in (
        ["--sample", "5%"],
        ["--resume"],
        ["--read-data", "--sample", "5%", "--resume"],
        ["--from", "x"],
        ["--catalog", "x"],
        ["--read-data", "--sample", "5"],
        ["--read-data", "--sample", "101%"],
    ):
        art("check", *options, code=2)


def test_a_sample(art, corpus):
    assert art("check", "--read-data", "--sample", "1%").lines[-1].startswith("sound; ")
    assert art("check", "--read-data", "--resume").lines[-1].startswith("sound; all ")
