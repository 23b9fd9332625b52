"""`art gc`, `art retention`, `art undelete`, and what `art rm` and `art alias` refuse."""

from pathlib import Path

import pytest

import artifacts
from artifacts.cli import _output

AT_ONCE = ("--grace", "0s", "--min-age", "0s")


@pytest.fixture
def person(monkeypatch):
    """Somebody sits at the terminal."""
    monkeypatch.setattr(_output, "interactive", lambda: True)


@pytest.fixture
def shared(monkeypatch):
    """The store is one that many machines use."""
    from artifacts.store.store import Store

    monkeypatch.setattr(Store, "shared", True)


def stored():
    """Return the objects that lie in the store, and their bytes."""
    files = [p for p in Path(".artifacts/objects").rglob("*") if p.is_file()]
    return {p.name: p.stat().st_size for p in files if p.name != "store.json"}


def versions(art, name="corpus"):
    return [line.rpartition(":")[2] for line in art("ls", name, "-q").lines]


# -- collecting


def test_there_is_nothing_to_collect(art, corpus):
    assert "nothing to collect\n" in art("gc", "--dry-run").out
    assert art("gc", "-y").out == "freed 0 B (0 objects)\n"


def test_every_byte_is_freed_at_once_if_that_is_wanted(art, corpus):
    art("rm", "corpus", "--all-versions", "--delete-aliases", "-y")
    before = stored()
    assert art("gc", "-y", *AT_ONCE, "-q").lines == [str(sum(before.values()))]
    assert stored() == {}
    art("undelete", "corpus:v0", code=1)


def test_a_plan_changes_nothing(art, corpus):
    art("rm", "corpus:v1", "-y")
    before = stored()
    plan = art("gc", "--dry-run", *AT_ONCE)
    assert "nothing was changed" in plan.out
    found = art("gc", "--dry-run", *AT_ONCE, "--json").json
    assert found["dry_run"] is True
    assert found["plan"]["condemn"] == {"objects": 1, "bytes": found["plan"]["condemn"]["bytes"]}
    assert stored() == before


def test_it_is_marked_first_and_says_when_the_rest_goes(art, corpus):
    art("rm", "corpus:v1", "-y")
    assert (
        "to mark, and to delete after 12h"
        in art("gc", "--dry-run", "--min-age", "0s", "--grace", "12h").out
    )
    result = art("gc", "-y", "--min-age", "0s", "--grace", "12h")
    assert "freed 0 B (0 objects)\n" in result.out
    assert "more can be freed by: art gc, from 20" in result.out
    waiting = art("gc", "-y", "--json").json["waiting"]
    assert waiting["objects"] == 1
    assert waiting["until"].endswith("Z")
    assert art("undelete", "corpus:v1").out == "brought back demo/corpus:v1  2 files, 16 B\n"
    assert art("gc", "-y", "--json").json["waiting"]["objects"] == 0


def test_nobody_is_asked_in_a_script(art, corpus):
    art("rm", "corpus:v1", "-y")
    result = art("gc", *AT_ONCE, code=2)
    assert "confirm with -y" in result.err
    assert art("gc", "--json", *AT_ONCE, code=2).error["kind"] == "not_confirmed"


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_it_shows_the_plan_and_asks(art, corpus, person, answer, code):
    art("rm", "corpus:v1", "-y")
    before = stored()
    result = art("gc", *AT_ONCE, stdin=answer, code=code)
    assert "to delete after" not in result.err
    assert "1 object" in result.err
    assert "collect? [y/N]" in result.err
    assert (stored() == before) == (code == 1)


def test_on_a_shared_store_the_plan_is_all_unless_told(art, corpus, shared):
    art("rm", "corpus:v1", "-y")
    before = stored()
    result = art("gc", *AT_ONCE)
    assert "nothing was changed" in result.out
    assert "art gc --yes" in result.err
    assert stored() == before
    art("gc", "-y", *AT_ONCE)
    assert stored() != before


@pytest.mark.parametrize("text", ["12", "h", "-1h", "1 day", ""])
def test_a_time_that_is_none(art, corpus, text):
    assert "30d or 12h" in art("gc", f"--grace={text}", code=2).err


def test_a_damaged_manifest_stops_it(art, corpus):
    art("rm", "corpus:v1", "-y")
    for pack in [p for p in Path(".artifacts/objects/packs").rglob("*") if p.is_file()]:
        pack.chmod(0o644)
        pack.write_bytes(bytes(len(pack.read_bytes())))
    before = stored()
    assert "cannot be read" in art("gc", "--dry-run", *AT_ONCE, code=13).out
    assert "nothing was marked" in art("gc", "-y", *AT_ONCE, code=13).out
    assert stored() == before


def test_another_collector_is_at_work(art, corpus):
    store = artifacts.Api(project="demo").store
    lease = store.leases.open_collector(10**12)
    assert art("gc", "-y", "--json", code=12).error["kind"] == "collector_busy"
    store.leases.drop(lease)
    store.catalog.close_lease(lease)
    art("gc", "-y")


def test_explain(art, corpus, data):
    (data / "b").write_bytes(b"1,2\n")
    result = art("gc", "--explain", "data/b")
    assert result.lines[:2] == ["needed by demo/corpus:v0", "needed by demo/corpus:v1"]
    assert "in live object packs/" in result.lines[2]
    files = art("files", "corpus", "--json").json["files"]
    digest = next(file["digest"] for file in files if file["path"].endswith("c.csv"))
    found = art("gc", "--explain", digest, "--json").json
    assert found["versions"] == ["demo/corpus:v0", "demo/corpus:v1"]
    (data / "new").write_bytes(b"never logged")
    assert art("gc", "--explain", "data/new").out == "not in the store\n"
    assert art("gc", "--explain", "nothing", "--json", code=2).error["kind"] == "no_such_path"
    art("rm", "corpus", "--all-versions", "--delete-aliases", "-y")
    assert art("gc", "--explain", digest).lines[0] == "nothing needs it"


# -- retention


def push(art, number):
    for i in range(number):
        Path("data/a.txt").write_bytes(f"{i}".encode())
        art("push", "data", "model", "-m", f"acc={i % 4}")


def test_rules_are_applied_by_the_next_collection(art, corpus):
    push(art, 6)
    rules = art(
        "retention", "set", "model", "--keep-last", "1", "--keep-best", "metadata.acc:max:1"
    )
    assert rules.out == (
        "demo/model  keeps the last 1, the best 1 by acc (max), what has an alias\n"
    )
    plan = art("gc", "--dry-run").out
    assert plan.startswith("versions to delete:\n  demo/model:v4  no rule keeps it\n")
    result = art("gc", "-y", *AT_ONCE)
    assert "deleted demo/model:v0: no rule keeps it\n" in result.out
    assert versions(art, "model") == ["v5", "v3"]
    assert versions(art) == ["v1", "v0"]


def test_rules_are_shown_and_removed(art, corpus):
    note = "every version is kept"
    assert note in art("retention", "show").err
    assert art("retention", "show", "corpus").out == "demo/corpus  keeps all versions\n"
    art("retention", "set", "corpus", "--ttl", "30d", "--keep-tagged", "--no-keep-aliased")
    art("retention", "set", "corpus:v1", "--keep-forever")
    shown = art("retention", "show")
    assert shown.lines == [
        "demo/corpus     keeps what is younger than 30d, what has a tag",
        "demo/corpus:v1  kept for ever",
    ]
    data = art("retention", "show", "corpus", "--json").json
    assert data["artifacts"][0]["retention"] == {
        "keep_last": None,
        "ttl": "30d",
        "keep_best": [],
        "keep_aliased": False,
        "keep_tagged": True,
    }
    assert data["versions"] == [{"ref": "demo/corpus:v1", "ttl": "forever"}]
    art("retention", "unset", "corpus")
    art("retention", "unset", "corpus:v1")
    assert note in art("retention", "show").err


def test_the_lifetime_of_one_version(art, corpus):
    assert art("retention", "set", "corpus:v1", "--ttl", "7d").out == (
        "demo/corpus:v1  kept for 7d\n"
    )
    assert "kept for 7d" in " ".join(art("show", "corpus:v1").out.split())
    assert art("show", "corpus:v1", "--json").json["version"]["ttl"] == "7d"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["corpus"], "--keep-last, --ttl, --keep-best"),
        (["corpus", "--keep-tagged"], "would keep nothing but"),
        (["corpus", "--keep-last", "0"], "0 is not in the range"),
        (["corpus", "--keep-forever"], "for one version"),
        (["corpus", "--ttl", "soon"], "30d or 12h"),
        (["corpus", "--ttl", "0s"], "longer than nothing"),
        (["corpus", "--keep-best", "acc:max:3"], "metadata.acc:max:3"),
        (["corpus", "--keep-best", "metadata.acc:best:3"], "metadata.acc:max:3"),
        (["corpus:v1"], "--ttl TIME or --keep-forever"),
        (["corpus:v1", "--ttl", "1d", "--keep-forever"], "--ttl TIME or --keep-forever"),
        (["corpus:v1", "--keep-last", "2"], "nothing else"),
    ],
)
def test_rules_without_a_meaning(art, corpus, line, says):
    assert says in art("retention", "set", *line, code=2).err
    assert art("retention", "show", "corpus").out == "demo/corpus  keeps all versions\n"


def test_rules_of_what_does_not_exist(art, corpus):
    art("retention", "set", "corpos", "--keep-last", "2", code=11)
    art("retention", "show", "corpos", code=11)
    art("retention", "unset", "corpus:v7", code=11)


# -- deleting and bringing back


def test_rm_says_how_to_undo_it(art, corpus):
    assert "art undelete" in art("rm", "corpus:v1", "-y").err
    assert art("undelete", "corpus:v1", "-q").lines == ["demo/corpus:v1"]
    assert versions(art) == ["v1", "v0"]


@pytest.mark.parametrize(
    ("ref", "code", "kind"),
    [
        ("corpus:v1", 1, "not_deleted"),
        ("corpus:v7", 11, "ref_not_found"),
        ("corpos:v1", 11, "ref_not_found"),
        ("corpus", 2, "bad_ref"),
        ("corpus:prod", 2, "bad_ref"),
    ],
)
def test_what_cannot_be_brought_back(art, corpus, ref, code, kind):
    assert art("undelete", ref, "--json", code=code).error["kind"] == kind


def test_rm_refuses_what_a_run_uses(art, corpus):
    with artifacts.init(project="demo", id="r1", store=".artifacts") as run:
        run.use_artifact("corpus:v1")
        result = art("rm", "corpus", "--all-versions", "--delete-aliases", "-y", code=1)
        assert "is being used by run r1" in result.err
        assert "--force" in result.err
        assert versions(art) == ["v1", "v0"]
        art("rm", "corpus:v1", "--force", "-y")
    assert versions(art) == ["v0"]


def test_a_protected_alias(art, corpus):
    assert art("alias", "corpus:prod", "prod", "--protect").out == (
        "demo/corpus:v0: prod (protected)\n"
    )
    assert "prod (protected)" in art("show", "corpus:v0").out
    for line in (
        ["alias", "corpus:v1", "prod"],
        ["alias", "-d", "corpus:v0", "prod"],
        ["rm", "corpus:v0", "--delete-aliases", "-y"],
        ["push", "data", "corpus", "-a", "prod"],
    ):
        error = art(*line, "--json", code=1).error
        assert error["kind"] == "alias_protected"
        assert "--force" in error["hint"]
    assert versions(art) == ["v1", "v0"]
    art("alias", "corpus:v1", "prod", "--force")
    assert "prod (protected)" in art("show", "corpus:v1").out
    art("alias", "corpus:v1", "prod", "--unprotect")
    art("alias", "-d", "corpus:v1", "prod")
    art("alias", "corpus:v1", "latest", "--protect", code=2)
    art("alias", "-d", "corpus:v1", "latest", "--protect", code=2)


def test_rules_never_delete_what_a_protected_alias_names(art, corpus):
    push(art, 3)
    art("alias", "model:v0", "paper", "--protect")
    art("alias", "model:v1", "other")
    art("retention", "set", "model", "--keep-last", "1", "--no-keep-aliased")
    plan = art("gc", "--dry-run", "--json").json["plan"]
    assert [v["ref"] for v in plan["expired"]] == ["demo/model:v1"]
    assert "'paper' is protected" in plan["held_back"][0]["reason"]
    art("gc", "-y", *AT_ONCE)
    assert versions(art, "model") == ["v2", "v0"]
