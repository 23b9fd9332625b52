"""What each command prints for people, and what it does."""

from pathlib import Path

import pytest

import artifacts
from artifacts.cli._tree import tree
from artifacts.store.digests import hash_bytes
from artifacts.store.lineage import Edge, EdgeKind, LineageGraph
from artifacts.store.records import RunRecord, VersionRecord


def read_tree(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in Path(root).rglob("*")
        if path.is_file()
    }


# -- init


def test_init(art):
    assert art("init").shown == (
        "made a store in <here>/.artifacts\n  uuid  <uuid>\n  next  art push PATH NAME\n"
    )
    assert Path(".artifacts/catalog.sqlite").exists()


def test_init_elsewhere(art):
    art("init", "there")
    assert Path("there/.artifacts/catalog.sqlite").exists()
    art("init", "--store", "exactly")
    assert Path("exactly/catalog.sqlite").exists()


def test_init_makes_what_the_settings_name(art, monkeypatch):
    monkeypatch.setenv("ART_STORE", "named")
    art("ls", code=10)
    art("init")
    art("ls")
    assert Path("named/catalog.sqlite").exists()
    assert not Path(".artifacts").exists()


def test_init_says_what_hides_or_is_hidden(art, monkeypatch):
    art("init")
    Path("below").mkdir()
    assert "is not found any more" not in art("init", "below").err
    Path("inside").mkdir()
    monkeypatch.chdir("inside")
    assert "is not found any more" in art("init").err
    monkeypatch.chdir("..")
    monkeypatch.setenv("ART_STORE", "named")
    Path("other").mkdir()
    assert "ART_STORE names another store" in art("init", "other").err


def test_init_refuses_what_is_there(art, store):
    result = art("init", code=12)
    assert "there is a store already at" in result.err
    assert not result.out


# -- push and pull


def test_push_says_what_it_stored(art, store, data):
    result = art("push", "data", "demo/corpus:prod", "-t", "dataset", "--tag", "golden")
    assert result.shown == (
        "logged demo/corpus:v0\n"
        "  content  2 files, 10 B\n"
        "  new      <size>\n"
        "  digest   <short>\n"
        "  aliases  latest, prod\n"
        "  tags     golden\n"
    )


def test_push_of_the_same_content(art, corpus):
    result = art("push", "data", "corpus", "-d", "other")
    assert result.lines[:3] == [
        "same content as demo/corpus:v1; no new version was made",
        "  content  2 files, 16 B",
        "  new      nothing",
    ]
    assert result.err == "Note: description and metadata of the version stay as they were.\n"


def test_push_makes_the_default_store_and_says_so(art, data):
    result = art("push", "data")
    assert "made a store in" in result.err
    assert art("ls", "-q").lines == ["uncategorized/data"]


def test_push_of_nothing_makes_no_store(art):
    art("push", "nowhere", code=2)
    art("push", "nowhere", "bad name!", code=2)
    art("ls", code=10)


@pytest.mark.parametrize(
    ("path", "name"), [("My Data (1)", "My-Data-1"), ("x.tar.gz", "x.tar.gz"), ("ünï", "n")]
)
def test_push_makes_a_name_from_the_path(art, store, path, name):
    Path(path).write_text("x")
    art("push", path)
    assert art("ls", "-q").lines == [f"uncategorized/{name}"]


def test_push_options(art, store, data):
    Path("data/junk.tmp").write_text("x")
    Path("data/link").symlink_to("a.txt")
    art("push", "data", "c", "--exclude", "*.tmp", "--symlinks", "skip", "-m", "n=1")
    assert art("files", "c", "-q").lines == ["a.txt", "sub/b.csv"]
    art("push", "data", "c", "--include", "*.csv", "--no-latest", "--symlinks", "skip")
    assert art("files", "c:v1", "-q").lines == ["sub/b.csv"]
    assert art("show", "c", "-q").lines == ["uncategorized/c:v0"]
    art("push", "data", "c", "--symlinks", "error", code=2)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("en", "en"), ("007", "007"), ("a=b", "a=b"),
     ("[1]", [1]), ("NaN", "NaN"), ("", ""), ('"3"', "3")],
)  # fmt: skip
def test_push_metadata(art, store, data, text, value):
    art("push", "data", "c", "-m", f"key={text}")
    assert art("show", "c", "--json").json["version"]["metadata"] == {"key": value}


def test_push_from_a_run(art, store, data):
    art("push", "data", "demo/c", "--run", "import")
    [run] = art("show", "demo/c", "--json").json["logged_by"]
    assert (run["name"], run["job_type"], run["state"]) == ("import", "push", "finished")


def test_the_run_of_a_push_does_not_keep_what_is_printed(art, store, data):
    art("push", "data", "demo/c", "--run", "import")
    [run] = artifacts.Api(project="demo").runs()
    assert [artifact.name for artifact in run.logged_artifacts(internal=True)] == ["c:v0"]
    assert run.files() == []
    assert run.metadata["python"]


def test_push_of_a_reference(art, store, data):
    art("push", data.absolute().as_uri(), "c")
    assert art("files", "c").lines[0].endswith(f"a.txt → {(data / 'a.txt').absolute().as_uri()}")


def test_push_refuses_another_type_before_it_stores(art, corpus):
    Path("data/new.bin").write_bytes(b"never stored")
    before = art("check", "--json").json["objects"]
    result = art("push", "data", "corpus", "-t", "model", code=2)
    assert "already exists with type 'dataset'" in result.err
    assert art("check", "--json").json["objects"] == before


def test_pull_brings_back_every_bit(art, store):
    folder = Path("data")
    folder.mkdir()
    everything = bytes(range(256))
    (folder / "small").write_bytes(everything)
    (folder / "empty").write_bytes(b"")
    (folder / "large").write_bytes(everything * 5000)
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    art("push", "data", "c")
    result = art("pull", "c", "-o", "out")
    assert result.out == "pulled uncategorized/c:v0 into out: 4 files (4 written)\n"
    assert read_tree("out") == read_tree("data")
    assert Path("out/run.sh").stat().st_mode & 0o100
    again = art("pull", "c", "-o", "out")
    assert again.out == (
        "pulled uncategorized/c:v0 into out: 4 files (0 written, 4 there already)\n"
    )


def test_pull_of_a_part(art, corpus):
    art("pull", "corpus", "-o", "csv", "--include", "*.csv")
    assert set(read_tree("csv")) == {"sub/c.csv"}
    art("pull", "corpus", "-o", "not", "--exclude", "*.csv")
    assert set(read_tree("not")) == {"a.txt"}
    art("pull", "corpus", "-o", "sub", "--prefix", "sub/")
    assert set(read_tree("sub")) == {"sub/c.csv"}
    assert "art files" in art("pull", "corpus", "--include", "*.no", code=2).err


def test_pull_into_the_default_folder(art, corpus):
    result = art("pull", "corpus:prod")
    assert "into artifacts/corpus:v0: 2 files" in result.out
    assert read_tree("artifacts/corpus:v0")["a.txt"] == b"hello\n"


def test_pull_leaves_other_files_alone(art, corpus):
    Path("out").mkdir()
    Path("out/mine").write_text("mine")
    art("pull", "corpus", "-o", "out")
    assert Path("out/mine").read_text() == "mine"


# -- looking


def test_ls(art, corpus):
    art("push", "data/a.txt", "other/model", "-t", "model")
    assert art("ls").shown == (
        "NAME    TYPE     LATEST  VERSIONS  SIZE  FILES  AGE\n"
        "corpus  dataset  v1             2  16 B      2  now\n"
    )
    assert art("ls", "--all").shown == (
        "NAME         TYPE     LATEST  VERSIONS  SIZE  FILES  AGE\n"
        "demo/corpus  dataset  v1             2  16 B      2  now\n"
        "other/model  model    v0             1  12 B      1  now\n"
    )
    assert art("ls", "other/", "-q").lines == ["model"]
    assert art("ls", "--all", "-t", "model", "-q").lines == ["other/model"]
    empty = art("--project", "empty", "ls")
    assert len(empty.lines) == 3
    assert empty.err == "project empty has no artifacts; other projects have:\n"


def test_ls_of_an_empty_store(art, store):
    result = art("ls")
    assert not result.out
    assert result.err == "no artifacts yet; store something with: art push PATH NAME\n"


def test_ls_of_versions(art, corpus):
    assert art("ls", "corpus").shown == (
        "VERSION  ALIASES  TAGS    SIZE  FILES  DIGEST        AGE\n"
        "v1       latest           16 B      2  <short>  now\n"
        "v0       prod     golden  10 B      2  <short>  now\n"
    )


def test_show(art, corpus):
    assert art("show", "corpus:prod").shown == (
        "demo/corpus:v0\n"
        "  type         dataset\n"
        "  aliases      prod\n"
        "  tags         golden\n"
        "  content      2 files, 10 B\n"
        "  digest       blake3:<digest>\n"
        "  created      <time> (just now) by <user>\n"
        "  logged by    no run\n"
        "  used by      no run\n"
        "  description  two\n"
        "               lines\n"
        "  metadata     n: 2\n"
    )


def test_show_names_runs(art, family):
    shown = art("show", "demo/raw").shown
    assert "  logged by  run r1 fetch, just now\n" in shown
    assert "  used by    run r2 clean (prepare), just now\n" in shown
    assert "             run r3 fit (train), just now\n" in shown


def test_files(art, corpus):
    assert art("files", "corpus").shown == "12 B  <short>  a.txt\n 4 B  <short>  sub/c.csv\n"
    assert art("files", "corpus", "sub/", "-q").lines == ["sub/c.csv"]


def test_cat_prints_bytes(art, store):
    everything = bytes(range(256)) * 5000
    Path("big.bin").write_bytes(everything)
    art("push", "big.bin", "c")
    assert art("cat", "c", "big.bin").bytes == everything


def test_diff(art, corpus):
    assert art("diff", "corpus:v0", "corpus:v1").out == (
        "M a.txt  6 B → 12 B\n"
        "R sub/c.csv  was sub/b.csv\n"
        "M metadata.n: 2 → nothing\n"
        "1 changed, 1 renamed, metadata: 1, 0 unchanged; +12 B -6 B\n"
    )
    assert art("diff", "corpus:v0", "corpus", "--name-only").lines == ["a.txt", "sub/c.csv"]
    assert len(art("diff", "corpus:v0", "corpus", "--stat").lines) == 1
    Path("data/new").write_text("new")
    Path("data/a.txt").unlink()
    art("push", "data", "corpus")
    assert art("diff", "corpus:v1", "corpus").out == (
        "- a.txt  12 B\n+ new  3 B\n1 added, 1 removed, 1 unchanged; +3 B -12 B\n"
    )


def test_diff_exit_code(art, corpus):
    art("diff", "corpus:v0", "corpus:v1", "--exit-code", code=1)
    assert art("diff", "corpus", "corpus:v1", "--exit-code").out == "no differences (2 files)\n"


# -- aliases and tags


def test_alias(art, corpus):
    assert art("alias", "corpus:v1", "best", "prod").out == "demo/corpus:v1: best, latest, prod\n"
    assert art("show", "corpus:prod", "-q").lines == ["demo/corpus:v1"]
    assert art("alias", "-d", "corpus:v1", "best").out == "demo/corpus:v1: latest, prod\n"
    missing = art("alias", "-d", "corpus:v1", "best", code=11)
    assert "it has: latest, prod" in missing.err
    art("alias", "corpus:v1", "v7", code=2)


def test_tag(art, corpus):
    assert art("tag", "corpus", "seen", "first half").out == "demo/corpus:v1: first half, seen\n"
    assert art("tag", "-d", "corpus", "seen").out == "demo/corpus:v1: first half\n"
    art("tag", "-d", "corpus", "seen", code=11)


# -- lineage and runs


def test_lineage_upwards(art, family):
    assert art("lineage", "demo/model").out == (
        "model:v0 [latest] (model), just now\n"
        "└─ run r3 fit (train), just now\n"
        "   ├─ raw:v0 [latest] (dataset), just now\n"
        "   │  └─ run r1 fetch, just now\n"
        "   └─ corpus:v0 [latest, prod] (dataset), just now\n"
        "      └─ run r2 clean (prepare), just now\n"
        "         └─ raw:v0 [latest] (dataset), just now (see above)\n"
    )


def test_lineage_cut_off(art, family):
    assert art("lineage", "demo/model", "--depth", "1").out == (
        "model:v0 [latest] (model), just now\n"
        "└─ run r3 fit (train), just now\n"
        "   ├─ raw:v0 [latest] (dataset), just now\n"
        "   └─ corpus:v0 [latest, prod] (dataset), just now\n"
        "… and more, cut off by --depth 1\n"
    )


def test_lineage_downwards(art, family):
    assert art("lineage", "demo/raw", "--down", "--depth", "1").out == (
        "raw:v0 [latest] (dataset), just now\n"
        "├─ run r2 clean (prepare), just now\n"
        "│  └─ corpus:v0 [latest, prod] (dataset), just now\n"
        "└─ run r3 fit (train), just now\n"
        "   └─ model:v0 [latest] (model), just now\n"
    )


def test_lineage_shows_what_was_deleted(art, family):
    art("rm", "demo/raw:v0", "-y")
    assert "raw:v0 (dataset), just now, deleted" in art("lineage", "demo/corpus").out


def test_lineage_of_what_no_run_made(art, corpus):
    assert art("lineage", "corpus").lines[1:] == ["no run has logged it"]
    assert art("lineage", "corpus", "--down").lines[1:] == ["no run has used it"]


def test_lineage_of_a_long_chain(art, store):
    for number in range(12):
        Path("file").write_text(str(number))
        with artifacts.init(project="demo", id=f"run{number:05}", name="steady-summit-10") as run:
            if number:
                run.use_artifact(f"c:v{number - 1}")
            run.log_artifact("file", name="c", type="data")
    lines = art("lineage", "demo/c").lines
    assert max(map(len, lines)) <= 80
    assert lines[-2].strip().startswith("└─ c:v5 ")
    assert lines[-1] == "… and more, cut off by --depth 6"
    assert len(art("lineage", "demo/c", "--depth", "20").lines) == 24
    assert len(art("lineage", "demo/c", "--json").json["versions"]) == 12


def test_lineage_longer_than_the_stack():
    count = 5000
    versions = {f"version:{n}": version_record(n) for n in range(count)}
    runs = {f"run:{n}": run_record(n) for n in range(1, count)}
    edges = [Edge(f"version:{n - 1}", f"run:{n}", EdgeKind.INPUT) for n in range(1, count)]
    edges += [Edge(f"run:{n}", f"version:{n}", EdgeKind.OUTPUT) for n in range(1, count)]
    root = f"version:{count - 1}"
    graph = LineageGraph(root, "up", versions, {}, runs, edges, truncated=False)
    assert sum(1 for _ in tree(graph)) == 2 * count - 1


def version_record(number):
    return VersionRecord(
        number,
        "local",
        "demo",
        "c",
        "dataset",
        number,
        hash_bytes(b""),
        0,
        0,
        None,
        {},
        (),
        (),
        0,
        0,
        None,
    )


def run_record(key):
    return RunRecord(
        key, "local", "demo", f"r{key}", "n", "finished", None, None, None, (), {}, {}, 0, 0, 0,
        None, None,
    )  # fmt: skip


def test_run_ls(art, family):
    assert art("run", "ls", "demo/").shown == (
        "ID  NAME   JOB      STATE      TOOK  AGE\n"
        "r3  fit    train    finished  <took>  now\n"
        "r2  clean  prepare  finished  <took>  now\n"
        "r1  fetch           finished  <took>  now\n"
    )
    assert art("run", "ls", "-q").lines == ["demo/r3", "demo/r2", "demo/r1"]


def test_run_ls_without_runs(art, store):
    result = art("run", "ls")
    assert not result.out
    assert "no runs yet" in result.err


def test_run_show(art, family):
    assert art("run", "show", "demo/r3").shown == (
        "demo/r3 fit\n"
        "  state     finished\n"
        "  job type  train\n"
        "  tags      x\n"
        "  began     <time> (just now) by <user>\n"
        "  took      <took>\n"
        "  used      demo/corpus:v0 [latest, prod] (dataset)\n"
        "            demo/raw:v0 [latest] (dataset)\n"
        "  logged    demo/model:v0 [latest] (model)\n"
        "  config    rate: 0.1\n"
        "  summary   loss: 0.5\n"
    )


# -- check


def test_check_of_a_sound_store(art, corpus):
    assert art("check").lines[1] == (
        "sound, as far as can be seen without reading the data (--read-data)"
    )
    assert art("check", "--read-data").lines[1].endswith("were read and verified")
    assert art("check", "-q").out == ""


def test_check_finds_damage(art, corpus):
    [pack, *_] = sorted((corpus / "objects" / "packs").rglob("*/*"))
    damaged = bytearray(pack.read_bytes())
    damaged[0] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(damaged)
    assert art("check").code == 0
    result = art("check", "--read-data", code=13)
    assert "damaged_blob" in result.out
    assert result.lines[-1] == "1 problem found"
    report = art("check", "--read-data", "--json", code=13).json
    assert report["sound"] is False
    assert [problem["kind"] for problem in report["problems"]] == ["damaged_blob"]


def test_check_rebuilds_a_lost_catalog(art, corpus):
    for file in corpus.glob("catalog.sqlite*"):
        file.unlink()
    assert "art check --rebuild" in art("ls", code=10).err
    assert art("check", "--rebuild").lines[0].startswith("entered ")
    assert not art("ls").out


# -- config, version


def test_config(art, store):
    result = art("config")
    assert result.lines[0].split() == ["SETTING", "VALUE", "FROM"]
    assert result.lines[1].split(maxsplit=2) == ["store", str(store), "nearest .artifacts folder"]
    assert result.out == art("config", "list").out
    assert art("config", "get", "store").out == f"{store}\n"


def test_config_set_and_unset(art):
    user, project = art("config", "path", "--json").json["user"], Path("artifacts.toml").absolute()
    assert art("config", "set", "project", "mine").out == f"project = mine, in {user}\n"
    assert art("config", "get", "project", "-q").out == "mine\n"
    art("config", "set", "project", "theirs", "--project")
    assert project.read_text() == 'project = "theirs"\n'
    assert art("config", "get", "project").out == "theirs\n"
    hidden = art("config", "set", "project", "other", "--user")
    assert hidden.err == f"Note: it has no effect here: {project} says theirs\n"
    art("config", "unset", "project", "--project")
    assert art("config", "get", "project").out == "other\n"


def test_config_set_keeps_the_meaning_of_paths(art, monkeypatch):
    Path("artifacts.toml").touch()
    Path("below").mkdir()
    here = Path.cwd()
    monkeypatch.chdir("below")
    art("config", "set", "store", "here", "--user")
    assert art("config", "get", "store").out == f"{here}/below/here\n"
    art("config", "set", "store", "here", "--project")
    assert Path("../artifacts.toml").read_text() == 'store = "below/here"\n'
    assert art("config", "get", "store").out == f"{here}/below/here\n"
    art("config", "set", "store", "/elsewhere", "--project")
    assert art("config", "get", "store").out == "/elsewhere\n"


@pytest.mark.parametrize("value", ['a"b', "a\\b", "tab\there", "new\nline", "del\x7f", "ümlaut"])
def test_config_keeps_any_text(art, value):
    art("config", "set", "entity", value)
    assert art("config", "get", "entity", "--json").json["entity"]["value"] == value


def test_version(art):
    assert art("version").out.startswith(f"art {artifacts.__version__} (Python 3.")
    assert art("version", "-q").out == f"{artifacts.__version__}\n"
    assert art("--version").out == f"art {artifacts.__version__}\n"
