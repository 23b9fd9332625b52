"""What the commands about lineage print, and how they end."""

from pathlib import Path

import pytest

import artifacts


@pytest.fixture
def api(family):
    return artifacts.Api(project="demo")


@pytest.fixture(autouse=True)
def in_demo(monkeypatch):
    monkeypatch.setenv("ART_PROJECT", "demo")


def newer_raw():
    """Log another version of ``raw``."""
    Path("data/new.txt").write_text("new")
    with artifacts.init(project="demo", id="r4", name="fetch") as run:
        run.log_artifact("data", name="raw", type="dataset")


# -- lineage


def test_lineage_of_a_type(art, family):
    assert art("lineage", "raw", "--down", "--type", "model").lines == [
        "raw:v0 [latest] (dataset), just now",
        "├─ run r2 clean (prepare), just now",
        "│  └─ corpus:v0 [latest, prod] (dataset), just now",
        "│     └─ run r3 fit (train), just now",
        "│        └─ model:v0 [latest] (model), just now",
        "└─ run r3 fit (train), just now (see above)",
    ]
    assert art("lineage", "raw", "--down", "-t", "model", "-q").lines == ["demo/model:v0"]
    lines = art("lineage", "raw", "--down", "-t", "nothing").lines
    assert lines[1:] == ["nothing of that kind was made of it"]


def test_lineage_in_a_project(art, family):
    assert art("lineage", "model", "--in", "demo", "-q").lines == [
        "demo/model:v0",
        "demo/raw:v0",
        "demo/corpus:v0",
    ]
    assert art("lineage", "model", "--in", "elsewhere", "-q").lines == []


def test_lineage_in_pages(art, family):
    first = art("lineage", "model", "--json", "--limit", "2").json
    assert (len(first["versions"]), first["truncated"]) == (2, True)
    rest = art("lineage", "model", "--json", "--cursor", first["cursor"]).json
    refs = [version["ref"] for part in (first, rest) for version in part["versions"]]
    assert refs == ["demo/model:v0", "demo/raw:v0", "demo/corpus:v0"]
    assert (rest["truncated"], rest["cursor"]) == (False, None)
    assert art("lineage", "model", "--limit", "2").lines[-1] == "… and more, cut off by --limit 2"


def test_lineage_says_which_version_was_recalled(art, family):
    art("recall", "raw:v0", "--reason", "bad")
    assert "raw:v0 [latest] (dataset), just now, recalled" in art("lineage", "corpus").out


@pytest.mark.parametrize(
    ("form", "start"), [("dot", "digraph lineage {"), ("mermaid", "flowchart")]
)
def test_lineage_for_other_programs(art, family, form, start):
    lines = art("lineage", "model", "--format", form).lines
    assert lines[0].startswith(start)
    assert any("demo/corpus:v0" in line for line in lines)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--cursor", "2-1"], "a tree begins with its root"),
        (["--json", "--cursor", "zzz"], "not a cursor"),
        (["--in", "a b/c/d/e"], "invalid"),
    ],
)
def test_lineage_with_what_cannot_be_used(art, family, line, message):
    assert message in art("lineage", "model", *line, code=2).err


# -- impact, why


def test_impact(art, family):
    art("deploy", "model:v0", "--as", "api-prod")
    assert art("impact", "raw:v0").lines == [
        "demo/raw:v0",
        "  runs      2",
        "  versions  2: 1 dataset, 1 model",
        "  live      deployment api-prod (demo/model:v0), since now",
        "  models    demo/model:v0 [latest] (model), just now",
    ]
    art("impact", "raw:v0", "--exit-code", code=1)
    assert art("impact", "raw:v0", "-q").lines == ["demo/model:v0", "demo/model:v0"]
    found = art("impact", "raw:v0", "--json").json
    assert found["by_type"] == {"dataset": 1, "model": 1}
    assert [each["name"] for each in found["consumers"]] == ["api-prod"]
    assert found["truncated"] is False


def test_impact_of_what_nobody_used(art, corpus):
    assert art("impact", "corpus").lines[1:] == [
        "nothing was made of it, and nothing works with it"
    ]
    art("impact", "corpus", "--exit-code")


def test_why(art, family):
    assert art("why", "model", "raw:v0").lines == [
        "demo/raw:v0 (dataset), just now",
        "→ run r3 fit (train), just now",
        "→ demo/model:v0 (model), just now",
    ]
    assert art("why", "model", "raw:v0", "-q").out == "demo/raw:v0 run:r3 demo/model:v0\n"
    found = art("why", "raw", "model", "--json").json
    assert (found["distance"], len(found["paths"])) == (1, 1)
    assert [list(node) for node in found["paths"][0]] == [["version"], ["run"], ["version"]]


def test_why_without_a_way(art, family, data):
    art("push", "data", "alone")
    assert art("why", "model", "alone").out == "nothing connects demo/model:v0 with demo/alone:v0\n"
    art("why", "model", "alone", "--exit-code", code=1)
    art("why", "model", "raw", "--exit-code")


# -- stale


def test_fresh(art, family):
    assert art("stale", "model").out == "demo/model:v0 is fresh; it was made of 2 versions\n"
    art("stale", "model", "--exit-code")


def test_stale(art, family):
    newer_raw()
    assert art("stale", "corpus").lines == [
        "demo/corpus:v0 is stale; it was made of 1 version",
        "  warning  newer input: demo/raw:v0",
        "           demo/raw:v1 was logged since",
        "           used as raw:latest by run r2 clean (prepare)",
    ]
    art("stale", "corpus", "--exit-code", code=1)
    assert art("stale", "corpus", "-q").out == "newer_input\tdemo/raw:v0\n"
    [finding] = art("stale", "corpus", "--json").json["findings"]
    assert (finding["kind"], finding["severity"], finding["depth"]) == ("newer_input", "warning", 1)
    assert finding["newer"]["ref"] == "demo/raw:v1"


def test_only_good_to_know_is_no_failure(art, family):
    with artifacts.init(project="demo", id="r9") as run:
        run.use_artifact("raw:v0")
        Path("other.bin").write_bytes(b"o")
        run.log_artifact("other.bin", name="other", type="model")
    newer_raw()
    assert art("stale", "other", "--exit-code").lines[:3] == [
        "demo/other:v0 is fresh; it was made of 1 version",
        "  info     newer input: demo/raw:v0",
        "           demo/raw:v1 was logged since",
    ]


def test_recalled_then_made_again(art, family, data):
    """The way from a recall to a version that is fresh again."""
    art("recall", "raw:v0", "--reason", "labels are swapped")
    assert "  error    recalled: demo/" in art("stale", "model", "--exit-code", code=1).out
    newer_raw()
    with artifacts.init(project="demo", id="r5") as run:
        run.use_artifact("raw:latest")
        Path("model.bin").write_bytes(b"better weights")
        run.log_artifact("model.bin", name="model", type="model")
    art("stale", "model", "--exit-code")


def test_missing_data_have_an_exit_code_of_their_own(art, family):
    for path in Path(".artifacts/objects/packs").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    assert "data damaged" in art("stale", "model", "--exit-code", code=13).out


def test_references_are_asked_for_on_request(art, store):
    Path("there.txt").write_text("one")
    with artifacts.init(project="demo") as run:
        links = artifacts.Artifact("links", type="dataset")
        links.add_reference(Path("there.txt").absolute().as_uri())
        run.log_artifact(links)
    art("stale", "links", "--references", "--exit-code")
    Path("there.txt").write_text("two")
    art("stale", "links", "--exit-code")
    assert "reference changed" in art("stale", "links", "--references", "--exit-code", code=13).out
    Path("there.txt").unlink()
    assert ": gone" in art("stale", "links", "--references", "--exit-code", code=13).out


# -- blame, find, overlap


def test_blame(art, family):
    lines = art("blame", "corpus", "a.txt").lines
    assert lines[0] == "a.txt of demo/corpus:v0"
    assert lines[3] == "  brought by  demo/corpus:v0, run r2 clean (prepare), just now"
    assert lines[-1].startswith("v0       added")
    assert art("blame", "corpus", "a.txt", "-q").out == "demo/corpus:v0\n"
    assert art("blame", "corpus", "a.txt", "--json").json["first"]["run"]["id"] == "r2"
    assert "has no file 'b'" in art("blame", "corpus", "b", code=11).err


def test_find(art, family):
    Path("mine").write_bytes(b"hello\n")
    result = art("find", "mine")
    assert result.lines == ["VERSION      TYPE     AGE  PATH", "demo/raw:v0  dataset  now  a.txt"]
    assert "lists of files" in result.err
    assert art("find", "mine", "-q").out == "demo/raw:v0\ta.txt\n"
    found = art("find", "mine", "--json").json
    by_digest = art("find", found["digest"].removeprefix("blake3:")[:10], "--json").json
    assert by_digest == found
    assert art("find", "--digest", found["digest"], "--all-projects", "-q").lines


def test_find_nothing(art, family):
    Path("mine").write_bytes(b"never logged")
    assert "the store does not have it" in art("find", "mine").out
    art("find", "mine", "--exit-code", code=1)
    art("find", code=2)
    art("find", "no-such-file", code=14)
    art("find", "--digest", "xyz", code=2)
    art("find", "00000000", code=11)


def test_overlap(art, family):
    assert art("overlap", "raw", "corpus").lines == [
        "1 content in both",
        "  demo/raw:v0: 1 of 2 files (50.0 %), 4 B of 10 B",
        "  demo/corpus:v0: 1 of 2 files (50.0 %), 4 B of 10 B",
        "SIZE  demo/raw:v0  demo/corpus:v0",
        " 4 B  sub/b.csv    sub/b.csv",
    ]
    art("overlap", "raw", "corpus", "--exit-code", code=1)
    assert art("overlap", "raw", "model").out == "demo/raw:v0 and demo/model:v0 share nothing\n"
    art("overlap", "raw", "model", "--exit-code")
    assert art("overlap", "raw", "corpus", "--json").json["contents"] == 1


# -- the past, and rows


def test_show_as_it_was(art, corpus):
    art("alias", "corpus:v1", "prod")
    assert art("show", "corpus:prod", "-q").out == "demo/corpus:v1\n"
    before = artifacts.Api(project="demo").artifact("corpus:v1").created_at
    assert art("show", "corpus:prod", "--at", before.isoformat(), "-q").out == "demo/corpus:v0\n"
    assert "there was no corpus:prod" in art("show", "corpus:prod", "--at", "365d", code=11).err
    assert "not a time" in art("show", "corpus", "--at", "yesterday", code=2).err


def test_show_what_was_deleted_since(art, corpus):
    moment = artifacts.Api(project="demo").artifact("corpus").updated_at.isoformat()
    art("rm", "corpus:v1", "-y")
    assert "  deleted " in art("show", "corpus:v1", "--at", moment).out


def test_diff_of_rows_and_metadata(art, store):
    Path("t").mkdir()
    Path("t/x.csv").write_text("id,v\n1,a\n2,b\n")
    art("push", "t", "table", "-m", "n=1")
    Path("t/x.csv").write_text("id,v\n1,A\n3,c\n")
    art("push", "t", "table", "-m", "n=2")
    assert art("diff", "table:v0", "table:v1", "--rows", "--key", "id").lines == [
        "M x.csv  13 B → 13 B",
        "    rows: 1 added, 1 removed, 1 changed, 0 unchanged",
        "    M id=1, v: a → A",
        "    + id=3, v=c",
        "    - id=2, v=b",
        "M metadata.n: 1 → 2",
        "1 changed, metadata: 1, 0 unchanged; +13 B -13 B",
    ]
    rows = art("diff", "table:v0", "table:v1", "--rows", "--json").json["rows"]
    assert rows["x.csv"]["added"] == 2
    for line in (["--key", "id"], ["--rows", "--name-only"]):
        art("diff", "table:v0", "table:v1", *line, code=2)
    assert (
        "no column 'nr'" in art("diff", "table:v0", "table:v1", "--rows", "--key", "nr", code=2).err
    )


# -- the same in Python


def test_python(api):
    model = api.artifact("model")
    graph = model.lineage(type="dataset")
    assert [version.name for version in graph.selected()] == ["raw", "corpus"]
    raw = api.artifact("raw")
    assert [run.id for run in raw.used_by(transitive=True, type="model")] == ["r3"]
    assert api.why("model", "raw").distance == 1
    assert api.impact("raw").model_count == 1
    assert not api.stale("model")
    assert api.blame("corpus", "a.txt").first.run.id == "r2"
    assert [hit.version.name for hit in api.find("model.bin").hits] == ["model"]
    assert (
        api.overlap("raw", "corpus").contents == raw.overlap(api.artifact("corpus")).contents == 1
    )
    assert api.artifact("model", at="0s").version == "v0"
    for call in (api.find, lambda: api.lineage("model", direction="sideways")):
        with pytest.raises(ValueError, match=r"find\(\) needs|direction must be"):
            call()
