"""`art reproduce` and `art pull --run`: inputs, code and command of a run, and what comes out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts

TRAIN = """\
import random
import sys
from pathlib import Path

import artifacts

with artifacts.init(project="demo", id=sys.argv[1]) as run:
    {log}
    rows = run.use_artifact("corpus:prod").open("a.txt", "r").read()
    folder = Path(run.use_artifact("raw:latest").download())
    Path("out").mkdir(exist_ok=True)
    Path("out/model.txt").write_text(rows + (folder / "sub/b.csv").read_text() + sys.argv[2])
    {more}
    run.log_artifact("out", name="model", type="model")
    run.log_artifact("out/model.txt")
"""
RANDOM = 'Path("out/noise.txt").write_text(str(random.random()))'


@pytest.fixture
def inputs(art, data, store):
    """raw:v0, and corpus:v0, which is prod, of the project demo; then newer ones of both."""
    art("config", "set", "project", "demo", "--project")
    art("push", "data", "raw", "-t", "dataset")
    art("push", "data", "corpus", "-t", "dataset", "-a", "prod")
    return data


@pytest.fixture
def newer(art, inputs):
    """Make newer versions, to which the aliases move."""

    def make():
        (inputs / "a.txt").write_text("newer\n")
        for name in ("raw", "corpus"):
            art("push", "data", name, "-t", "dataset", "-a", "prod")

    return make


def execute(*arguments, log="run.log_code()", more="", **settings):
    """Write the script and run it, as a user does."""
    Path("train.py").write_text(TRAIN.format(log=log, more=more))
    environment = {**os.environ, **settings}
    subprocess.run([sys.executable, "train.py", *arguments], check=True, env=environment)


def outputs(result):
    return {each["name"]: each["status"] for each in result.json["outcome"]["outputs"]}


def test_a_deterministic_run_is_reproduced_with_the_versions_it_had(art, inputs, newer):
    execute("fit", "--rate=0.1")
    newer()
    before = art("ls", "--json").json
    result = art("reproduce", "fit", "-o", "again", "--run", "--yes", "--json")
    assert outputs(result) == {"demo/model": "identical", "demo/run-fit-model.txt": "identical"}
    assert result.json["outcome"]["reproduced"] is True
    assert art("ls", "--json").json == before  # nothing has happened to the store
    plan = result.json["plan"]
    assert plan["code"]["kind"] == "artifact"
    assert plan["command"][1:] == ["train.py", "fit", "--rate=0.1"]
    assert plan["python"]["recorded"] == plan["python"]["here"]
    assert plan["packages"] == []


@pytest.mark.long
def test_names_made_of_the_id_of_the_run_are_compared_too(art, inputs):
    script = TRAIN.format(log="run.log_code()", more="").replace(", id=sys.argv[1]", "")
    Path("train.py").write_text(script)
    subprocess.run([sys.executable, "train.py", "x", "y"], check=True)
    [run] = artifacts.Api(project="demo").runs()
    result = art("reproduce", run.id, "-o", "again", "--run", "--yes", "--json")
    assert outputs(result) == {
        "demo/model": "identical",
        f"demo/run-{run.id}-model.txt": "identical",
    }


@pytest.mark.long
def test_a_random_run_is_not_reproduced_and_says_in_what(art, inputs):
    execute("fit", "x", more=RANDOM)
    result = art("reproduce", "fit", "-o", "again", "--run", "--yes", "--json", code=1)
    assert outputs(result) == {"demo/model": "different", "demo/run-fit-model.txt": "identical"}
    [model, _] = result.json["outcome"]["outputs"]
    assert model["diff"]["changed"] == ["noise.txt"]
    assert model["diff"]["unchanged"] == 1
    shown = art("reproduce", "fit", "-o", "once-more", "--run", "--yes", code=1).lines
    assert "M demo/model  different: 1 changed, 1 unchanged" in shown
    assert "= demo/run-fit-model.txt  identical" in shown
    assert shown[-1] == "not reproduced"


def test_a_command_that_fails_is_told_with_its_log(art, inputs):
    fails = "assert 'again' not in str(Path.cwd()), 'not here'"
    execute("fit", "x", more=fails)
    result = art("reproduce", "fit", "-o", "again", "--run", "--yes", "--json", code=1)
    outcome = result.json["outcome"]
    assert outcome["exit_code"] == 1
    assert outputs(result) == {"demo/model": "missing", "demo/run-fit-model.txt": "missing"}
    assert "AssertionError: not here" in Path(outcome["log"]).read_text()


def test_without_run_everything_is_written_and_nothing_is_executed(art, inputs, newer):
    execute("fit", "x")
    newer()
    result = art("reproduce", "fit")
    folder = Path("reproduce-fit")
    assert sorted(each.name for each in folder.iterdir()) == [
        "code",
        "inputs",
        "reproduce.json",
        "requirements.txt",
    ]
    assert (folder / "inputs/raw/a.txt").read_text() == "hello\n"
    assert (folder / "inputs/corpus/a.txt").read_text() == "hello\n"
    assert (folder / "code/train.py").read_text() == Path("train.py").read_text()
    assert not list(folder.rglob("out"))
    assert "demo/corpus:v0" in result.out
    assert "train.py fit x" in result.out
    assert "art reproduce fit" in result.err


def test_nothing_is_executed_unless_confirmed(art, inputs):
    execute("fit", "x")
    error = art("reproduce", "fit", "-o", "again", "--run", "--json", code=2).error
    assert error["message"] == "this runs a program, and there is nobody to ask"
    assert not Path("again/store").exists()


def test_the_code_of_a_commit_with_its_changes(art, inputs):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    git("init", "-q")
    Path("src").mkdir()
    Path("src/train.py").write_text("to be changed\n")
    git("add", "src")
    git("commit", "-q", "-m", "one")
    os.chdir("src")
    execute("fit", "x", log="pass")
    os.chdir("..")
    git("commit", "-q", "-a", "-m", "two")
    result = art("reproduce", "fit", "-o", "again", "--run", "--yes", "--json")
    assert outputs(result) == {"demo/model": "identical", "demo/run-fit-model.txt": "identical"}
    code = result.json["plan"]["code"]
    assert (code["kind"], code["dirty"], code["diff"]) == ("git", True, True)
    assert Path("again/diff.patch").exists()


def test_the_program_that_was_kept_is_enough(art, inputs):
    execute("fit", "x", log="pass", ART_SAVE_CODE="true")
    result = art("reproduce", "fit", "-o", "again", "--run", "--yes", "--json")
    assert result.json["plan"]["code"]["kind"] == "files"
    assert result.json["outcome"]["reproduced"] is True


def test_a_run_without_code_is_checked_out_and_not_executed(art, inputs):
    execute("fit", "x", log="pass")
    error = art("reproduce", "fit", "-o", "again", "--run", "--yes", "--json", code=1).error
    assert "has not recorded its code" in error["message"]
    assert Path("again/inputs/raw/a.txt").exists()


def test_a_command_line_with_secrets_is_not_executed(art, inputs):
    execute("fit", "--token=abc123")
    result = art("reproduce", "fit", "-o", "again", "--json")
    assert "secrets" in result.json["plan"]["obstacle"]
    assert "abc123" not in result.out
    art("reproduce", "fit", "-o", "other", "--run", "--yes", code=1)
    assert not Path("other/store").exists()


def test_other_packages_and_another_python_are_shown(art, inputs):
    execute("fit", "x")
    stored = artifacts.Api(project="demo").run("fit")
    told = stored.metadata
    told["packages"] = {**told["packages"], "click": "0.1", "gone": "2.0"}
    told["packages"].pop("rich")
    told["python"] = "3.0.1"
    stored._place.store.catalog.update_run(stored.key, {"metadata": told})
    plan = art("reproduce", "fit", "-o", "again", "--json").json["plan"]
    changes = {each["name"]: (each["recorded"], each["here"]) for each in plan["packages"]}
    assert sorted(changes) == ["click", "gone", "rich"]
    assert changes["click"][0] == "0.1"
    assert changes["gone"] == ("2.0", None)
    assert changes["rich"][0] is None
    assert plan["python"]["recorded"] == "3.0.1"
    assert "gone 2.0 → not installed" in art("reproduce", "fit", "-o", "more").out
    assert "gone==2.0\n" in Path("more/requirements.txt").read_text()


def test_a_folder_with_something_in_it_is_refused(art, inputs):
    execute("fit", "x")
    error = art("reproduce", "fit", "-o", "data", "--json", code=12).error
    assert error["kind"] == "not_empty"
    assert sorted(each.name for each in Path("data").iterdir()) == ["a.txt", "sub"]


# -- art pull --run


def test_inputs_of_a_run_are_pulled_each_into_a_folder(art, family):
    result = art("pull", "--run", "demo/r3", "-o", "in", "--json")
    assert [each["version"]["ref"] for each in result.json["inputs"]] == [
        "demo/corpus:v0",
        "demo/raw:v0",
    ]
    assert Path("in/corpus/a.txt").read_bytes() == b"clean\n"
    assert Path("in/raw/a.txt").read_bytes() == b"hello\n"
    again = art("pull", "--run", "demo/r3", "-o", "in").lines
    assert again == [
        "pulled demo/corpus:v0 into in/corpus: 2 files",
        "pulled demo/raw:v0 into in/raw: 2 files",
        "2 inputs of run demo/r3",
    ]
    assert art("pull", "--run", "demo/r3", "-o", "in", "-q").lines == [
        os.path.abspath("in/corpus"),
        os.path.abspath("in/raw"),
    ]


def test_inputs_with_one_name_are_told_apart(art, data, store):
    for project in ("a", "b"):
        art("push", "data", f"{project}/same", "-t", "dataset")
    art("push", "data", "a/other", "-t", "dataset")
    (data / "a.txt").write_text("two\n")
    art("push", "data", "a/other", "-t", "dataset")
    with artifacts.init(project="a", id="r") as run:
        for name in ("a/same:v0", "b/same:v0", "other:v0", "other:v1"):
            run.use_artifact(name)
    art("pull", "--run", "a/r", "-o", "in")
    folders = {each.parent.relative_to("in").as_posix() for each in Path("in").rglob("a.txt")}
    assert folders == {"a/same", "b/same", "a/other:v0", "a/other:v1"}
    assert Path("in/a/other:v1/a.txt").read_text() == "two\n"


def test_deleted_inputs_are_named_and_nothing_is_written(art, family):
    art("rm", "demo/raw:v0", "--yes")
    error = art("pull", "--run", "demo/r3", "-o", "in", "--json", code=1).error
    assert error["kind"] == "inputs_missing"
    assert "demo/raw:v0 was deleted" in error["message"]
    assert error["hint"] == "bring back what was deleted with: art undelete demo/raw:v0"
    assert not Path("in").exists()
    art("undelete", "demo/raw:v0")
    art("pull", "--run", "demo/r3", "-o", "in")


def test_pull_takes_either_a_version_or_a_run(art, family):
    for arguments in (
        [],
        ["demo/raw:v0", "--run", "demo/r3", "-o", "in"],
        ["--run", "demo/r3"],
        ["--run", "demo/r3", "-o", "in", "--prefix", "a"],
    ):
        assert art("pull", *arguments, code=2).out == ""
    assert not Path("in").exists()
