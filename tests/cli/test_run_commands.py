"""`art run`: what its commands print, write and refuse."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import artifacts
from artifacts.cli import _plots


@pytest.fixture
def fits(prepared, young, data):
    """Runs fit-0, fit-1 and fit-2 of project demo, each of which has logged ten rows."""

    def make_fits():
        for number, rate in enumerate((0.1, 0.03, 0.01)):
            with artifacts.init(
                store=".artifacts",
                project="demo",
                id=f"fit-{number}",
                name=f"fit {number}",
                group="sweep",
                job_type="train",
                config={"lr": rate, "model": {"depth": 3 + number}},
                tags=["base"] if number else [],
            ) as run:
                if number == 0:
                    run.log_artifact("data", name="corpus", type="dataset")
                else:
                    run.use_artifact("corpus:latest")
                for step in range(10):
                    row = {"loss": (10 - step) * rate, "note": f"step {step}"}
                    if step % 3 == 0:
                        row["val"] = {"acc": step / 10}
                    run.log(row)
                if number == 2:
                    run.alert("Loss", "is high\nvery", "WARN")
                    run.alert("Loss", "again")

    prepared(make_fits)
    Path("artifacts.toml").write_text('project = "demo"\n')


def columns(text):
    return [line.split() for line in text.splitlines()]


# -- ls


def test_ls_filters_and_sorts(art, fits):
    assert art("-q", "run", "ls", "--where", "config.lr < 0.05").lines == ["fit-2", "fit-1"]
    assert art("-q", "run", "ls", "--sort", "config.lr").lines == ["fit-2", "fit-1", "fit-0"]
    assert art("-q", "run", "ls", "--sort", "-summary.loss").lines == ["fit-0", "fit-1", "fit-2"]
    several = ["--where", "config.lr < 0.05", "--where", "config.model.depth > 4"]
    assert art("-q", "run", "ls", *several).lines == ["fit-2"]
    assert art("-q", "run", "ls", "--tag", "base", "--limit", "1").lines == ["fit-2"]
    assert len(art("-q", "run", "ls", "--state", "finished", "--group", "sweep").lines) == 3
    assert art("-q", "run", "ls", "--state", "running").lines == []


def test_ls_shows_columns(art, fits):
    names = "id,config.lr,config.model.depth,summary.val.acc,tags,summary.nothing"
    assert columns(art("run", "ls", "--columns", names, "--sort", "id").out) == [
        ["ID", "config.lr", "config.model.depth", "summary.val.acc", "TAGS", "summary.nothing"],
        ["fit-0", "0.1", "3", "0.9"],
        ["fit-1", "0.03", "4", "0.9", "base"],
        ["fit-2", "0.01", "5", "0.9", "base"],
    ]


def test_ls_as_csv_and_json(art, fits):
    given = ["run", "ls", "--sort", "id", "--columns", "id,config.model,tags,exit_code"]
    rows = list(csv.DictReader(io.StringIO(art(*given, "--format", "csv").out)))
    assert rows[1] == {
        "id": "fit-1",
        "config.model": '{"depth": 4}',
        "tags": '["base"]',
        "exit_code": "0",
    }
    expected = {"id": "fit-1", "config.model": {"depth": 4}, "tags": ["base"], "exit_code": 0}
    assert art(*given, "--format", "json").json[1] == expected
    assert art(*given, "--json").json["runs"][1] == expected
    whole = art("run", "ls", "--format", "json").json[0]
    assert (whole["id"], whole["config"]["lr"]) == ("fit-2", 0.01)


def test_ls_without_a_match(art, fits):
    result = art("run", "ls", "--where", "config.lr > 5")
    assert (result.out, result.err) == ("", "no such runs\n")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--where", "config.lr <"], "column"),
        (["--where", "confg.lr < 1"], "did you mean config"),
        (["--columns", "id,stat"], "did you mean state"),
        (["--columns", "id,,state"], "names with commas"),
        (["--sort", "config"], "config.KEY"),
        (["--limit", "0"], "x>=1"),
    ],
    ids=str,
)
def test_ls_says_what_is_wrong(art, fits, given, message):
    assert message in art("run", "ls", *given, code=2).err


# -- show


def test_show_has_curves_and_alerts(art, fits, monkeypatch):
    monkeypatch.setattr(_plots, "can_show_blocks", lambda: True)
    text = art("run", "show", "fit-2").shown
    assert "  metrics   loss     ██▇▆▅▄▃▂▁▁  0.01  0.01 to 0.1\n" in text
    assert "            val.acc  ▁▃▆█         0.9  0 to 0.9\n" in text
    assert "note" not in text.partition("metrics")[2].partition("system")[0]
    assert "  alerts    WARN Loss (just now, 1 more suppressed)\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_show_as_json(art, fits):
    found = art("run", "show", "fit-2", "--json").json
    assert found["run"]["metadata"]["python"] == sys.version.split()[0]
    assert found["used"][0]["ref"] == "demo/corpus:v0"
    (alert,) = found["alerts"]
    assert (alert["title"], alert["level"], alert["suppressed"]) == ("Loss", "WARN", 1)


# -- history


def test_history(art, fits):
    shown = columns(art("run", "history", "fit-1", "--last", "2").out)
    assert shown[0] == ["_step", "loss", "note", "val.acc", "_runtime", "_timestamp"]
    assert [row[:2] for row in shown[1:]] == [["8", "0.06"], ["9", "0.03"]]


def test_history_of_some_keys_and_steps(art, fits):
    given = ["run", "history", "fit-1", "--keys", "val.acc", "--min-step", "3", "--max-step", "9"]
    assert art(*given, "--format", "csv").out == "_step,val.acc\n3,0.3\n6,0.6\n"
    both = art("run", "history", "fit-1", "--keys", "loss,val.acc", "--json").json["history"]
    assert len(both) == 10
    assert both[9] == {"_step": 9, "loss": 0.03, "val.acc": 0.9}
    assert "val.acc" not in both[8]
    assert art("-q", "run", "history", "fit-1", "--keys", "val.acc").lines == ["0", "3", "6", "9"]


def test_history_as_files(art, fits):
    for name in ("rows.csv", "rows.json", "rows.parquet", "sub/rows.txt"):
        result = art("run", "history", "fit-1", "--keys", "loss", "-o", name)
        assert result.out == f"wrote 10 rows to {name}\n"
    with Path("rows.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["0", "0.3"]
    assert json.loads(Path("rows.json").read_text())[0] == {"_step": 0, "loss": 0.3}
    assert pq.read_table("rows.parquet").column_names == ["_step", "loss"]
    assert Path("sub/rows.txt").read_text().startswith("_step,loss\n")
    assert not list(Path().rglob("*.tmp"))


def test_parquet_goes_into_a_pipe(art, fits):
    result = art("run", "history", "fit-1", "--format", "parquet")
    assert pq.read_table(io.BytesIO(result.bytes)).num_rows == 10


def test_values_that_are_no_json(art):
    with artifacts.init(store=".artifacts", project="demo", id="odd") as run:
        run.log({"a": float("nan"), "b": [1, 2], "c": 'say "hi",\nyou'})
        run.log({"a": float("inf"), "d": True})
    rows = art("run", "history", "demo/odd", "--keys", "a,b,c,d", "--json").json["history"]
    assert rows == [
        {"_step": 0, "a": "NaN", "b": [1, 2], "c": 'say "hi",\nyou'},
        {"_step": 1, "a": "Infinity", "d": True},
    ]
    text = art("run", "history", "demo/odd", "--keys", "a,b,c,d", "--format", "csv").out
    assert list(csv.reader(io.StringIO(text))) == [
        ["_step", "a", "b", "c", "d"],
        ["0", "NaN", "[1, 2]", 'say "hi",\nyou', ""],
        ["1", "Infinity", "", "", "true"],
    ]


def test_history_of_a_key_that_is_not_there(art, fits):
    result = art("run", "history", "fit-1", "--keys", "los", code=11)
    assert "nothing was logged as 'los'" in result.err
    assert "did you mean loss?" in result.err


def test_history_of_a_run_without_rows(art, fits):
    artifacts.init(store=".artifacts", project="demo", id="empty").finish()
    result = art("run", "history", "empty")
    assert (result.out, result.err) == ("", "no rows\n")
    assert art("run", "history", "empty", "--json").json == {"history": []}


# -- summary, alerts


def test_summary(art, fits):
    text = art("run", "summary", "fit-1").out
    assert "  loss        0.03\n" in text
    assert art("run", "summary", "fit-1", "val.acc").out == "0.9\n"
    assert art("run", "summary", "fit-1", "val", "--json").json == {"val": {"acc": 0.9}}
    result = art("run", "summary", "fit-1", "val.ac", code=11)
    assert "did you mean val.acc" in result.err


def test_alerts(art, fits):
    assert art("run", "alerts", "fit-2").shown == (
        "WARN  Loss\n  sent  <time> (just now), 1 more suppressed\n  text  is high\n        very\n"
    )
    assert art("run", "alerts", "fit-2", "-q").lines == ["Loss"]
    assert art("run", "alerts", "fit-2", "--json").json["alerts"][0]["text"] == "is high\nvery"
    assert "no alerts" in art("run", "alerts", "fit-1").err


# -- plot


def test_plot(art, fits, monkeypatch):
    monkeypatch.setattr(_plots, "can_show_blocks", lambda: False)
    lines = art("run", "plot", "fit-1", "loss", "--height", "4").lines
    assert lines[0] == "loss"
    assert lines[1].startswith(" 0.3 |*")
    assert lines[4].startswith("0.03 |")
    assert lines[4].endswith("*")
    assert lines[5].startswith("     +-----")
    assert lines[6].split() == ["0", "9"]
    assert {len(lines[4]), len(lines[5]), len(lines[6])} == {80}


def test_plot_of_several_curves(art, fits):
    lines = art("run", "plot", "fit-1", "loss", "val.acc", "--ascii").lines
    assert lines[0] == "* loss  + val.acc"
    assert "+" in "".join(lines[1:-2])
    lines = art("run", "plot", "fit-1", "loss", "--compare", "fit-2").lines
    assert lines[0] == "* loss (fit-1)  + loss (fit-2)"


def test_plot_as_json(art, fits):
    found = art("run", "plot", "fit-1", "loss", "--x", "val.acc", "--json").json
    assert found["x"] == "val.acc"
    assert found["curves"][0]["points"] == [[0.0, 0.3], [0.3, 0.21], [0.6, 0.12], [0.9, 0.03]]


def test_plot_of_what_is_no_number(art, fits):
    result = art("run", "plot", "fit-1", "note", code=2)
    assert "'note' holds no numbers, but string" in result.err
    assert "did you mean loss?" in art("run", "plot", "fit-1", "los", code=11).err


NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "width", "curve", "plain"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 20, "▁▂▃▄▅▆▇█", "_.,-~=+#"),
        ([0, NAN, 7], 20, "▁ █", "_ #"),
        ([None, 1, float("inf"), 2], 20, " ▁ █", " _ #"),
        ([5, 5], 20, "▅▅", "~~"),
        ([0, 0, NAN, NAN, 7, 7], 3, "▁ █", "_ #"),
        ([0, 2, 8, 6], 2, "▁█", "_#"),
        ([-1e308, 1e308], 20, "▁█", "_#"),
        ([NAN, None], 20, "", ""),
        ([], 20, "", ""),
    ],
    ids=str,
)
def test_spark(values, width, curve, plain):
    assert _plots.spark(values, width, blocks=True) == curve
    assert _plots.spark(values, width, blocks=False) == plain


def test_a_plot_has_gaps_and_fits_its_width():
    curve = _plots.Curve("a", range(5), [0, 1, NAN, 1, 0])
    lines = _plots.plot([curve], 15, 3, blocks=False)
    assert lines == [
        "  1 |  *    *",
        "0.5 | *      *",
        "  0 |*        *",
        "    +----------",
        "     0        4",
    ]
    assert _plots.plot([_plots.Curve("a", [0], [NAN])], 40, 3, blocks=False) == []


def test_a_constant_is_drawn_in_the_middle():
    lines = _plots.plot([_plots.Curve("a", [0, 1], [3, 3])], 20, 3, blocks=True)
    assert [line.startswith("3") for line in lines[:3]] == [False, True, False]


@pytest.mark.parametrize(("encoding", "term", "can"), [
    ("utf-8", "xterm", True), ("ascii", "xterm", False), ("utf-8", "linux", False),
])  # fmt: skip
def test_whether_the_terminal_can_show_blocks(monkeypatch, encoding, term, can):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert _plots.can_show_blocks() is can


# -- diff


def test_diff(art, fits):
    text = art("run", "diff", "fit-1", "fit-2").out
    assert text == (
        "config\n  M lr: 0.03 → 0.01\n  M model.depth: 4 → 5\nsummary\n  M loss: 0.03 → 0.01\n"
    )
    text = art("run", "diff", "fit-0", "fit-1").out
    assert 'about\n  + tags: ["base"]\n' in text
    assert "inputs\n  + demo/corpus: v0\n" in text
    assert "  - demo/corpus: v0\n" in art("run", "diff", "fit-1", "fit-0").out


def test_diff_for_programs(art, fits):
    assert art("run", "diff", "fit-1", "fit-1", "--exit-code").out == "no differences\n"
    result = art("run", "diff", "fit-1", "fit-2", "--exit-code", "-q", code=1)
    assert result.lines == ["config.lr", "config.model.depth", "summary.loss"]
    found = art("run", "diff", "fit-1", "fit-2", "--json").json
    assert found["config"][0] == {"key": "lr", "kind": "changed", "before": 0.03, "after": 0.01}


# -- export


def test_export_into_one_file(art, fits):
    art("run", "export", "fit-1", "fit-2", "-o", "rows.parquet")
    table = pq.read_table("rows.parquet")
    assert table.column_names[:2] == ["run", "_step"]
    assert table.column("run").to_pylist() == ["fit-1"] * 10 + ["fit-2"] * 10
    text = art("run", "export", "fit-1", "fit-1").out
    assert len(text.splitlines()) == 11


def test_export_into_a_folder(art, fits):
    result = art("run", "export", "fit-1", "fit-2", "-o", "out", "--format", "json")
    assert result.lines[0] == "wrote out/fit-1.json"
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "fit-1-history.json", "fit-1.json", "fit-2-history.json", "fit-2.json",
    ]  # fmt: skip
    about = json.loads(Path("out/fit-2.json").read_text())
    assert about["config"]["lr"] == 0.01
    assert about["used"][0]["ref"] == "demo/corpus:v0"
    assert about["alerts"][0]["title"] == "Loss"
    assert len(json.loads(Path("out/fit-2-history.json").read_text())) == 10


def test_an_id_that_is_no_file_name_stays_in_the_folder(art, data):
    with artifacts.init(store=".artifacts", project="demo", id="..") as run:
        run.log({"a": 1})
    art("run", "export", "demo/..", "-o", "out")
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "_..-history.csv", "_...json",
    ]  # fmt: skip


# -- files, log


def test_files(art, fits):
    with artifacts.init(store=".artifacts", project="demo", id="saves") as run:
        Path(run.dir, "notes.txt").write_text("hello")
        Path(run.dir, "more.csv").write_text("1,2")
    assert {"more.csv", "notes.txt"} <= set(art("-q", "run", "files", "saves").lines)
    assert "5 B" in art("run", "files", "saves", "notes.*").out
    result = art("run", "files", "saves", "*.csv", "--download", "out")
    assert result.out == "downloaded 1 file into out\n"
    assert Path("out/more.csv").read_text() == "1,2"
    Path("out/more.csv").write_text("mine")
    art("run", "files", "saves", "*.csv", "--download", "out", code=12)
    assert Path("out/more.csv").read_text() == "mine"
    art("run", "files", "saves", "*.csv", "--download", "out", "--replace")
    assert Path("out/more.csv").read_text() == "1,2"
    assert "did you mean notes.txt?" in art("run", "files", "saves", "note.txt", code=11).err


ART = "from artifacts.cli.main import main; main()"
PRINTS = """
import sys
import artifacts

with artifacts.init(store=".artifacts", project="demo", id="prints"):
    print("first", flush=True)
    print("started", file=sys.__stderr__, flush=True)
    sys.stdin.readline()
    print("second", flush=True)
"""


def test_log_follows_a_run_until_it_ends(art):
    program = subprocess.Popen(
        [sys.executable, "-c", PRINTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdin is not None
        assert program.stderr is not None
        while "started" not in program.stderr.readline():
            pass
        assert art("run", "log", "demo/prints").out.splitlines()[0] == "first"
        command = [sys.executable, "-c", ART, "run", "log", "demo/prints", "-f"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
            assert follower.stdout is not None
            assert follower.stdout.readline() == "first\n"
            program.stdin.write("\n")
            program.stdin.close()
            assert "second\n" in follower.stdout.readlines()
        assert follower.returncode == 0
    assert "second" in art("run", "log", "demo/prints").out
    assert art("run", "log", "demo/prints", "--last", "1").out == "second\n"
    assert art("run", "log", "demo/prints", "--json").json["log"].endswith("second\n")


def test_log_of_a_run_that_kept_none(art, monkeypatch):
    monkeypatch.setenv("ART_CONSOLE", "off")
    artifacts.init(store=".artifacts", project="demo", id="silent").finish()
    result = art("run", "log", "demo/silent", code=11)
    assert "run silent has no console output here" in result.err


# -- rm


def test_rm(art, fits):
    plan = art("run", "rm", "fit-0", "--dry-run").lines
    assert plan == [
        "would delete demo/fit-0  fit 0  finished  1 version logged: kept",
        "would delete 1 run; nothing was changed",
    ]
    assert art("run", "rm", "fit-0", "fit-1", "--yes").lines == [
        "deleted demo/fit-0  fit 0",
        "deleted demo/fit-1  fit 1",
    ]
    assert art("-q", "run", "ls").lines == ["fit-2"]
    assert "was deleted" in art("run", "show", "fit-0", code=11).err
    assert "run-fit-0-history" not in art("-q", "ls", "--internal").lines
    # The versions stay, and lineage still says where they came from.
    assert art("-q", "ls").lines == ["corpus"]
    assert "fit-0" in art("lineage", "corpus").out
    assert art("check").out.rstrip().endswith("the store is sound") or art("check").code == 0


def test_rm_with_what_was_logged(art, fits):
    art("run", "rm", "fit-0", "--artifacts", "--yes")
    assert art("-q", "ls").lines == []
    art("undelete", "corpus:v0")
    assert art("-q", "ls").lines == ["corpus"]


def test_rm_keeps_what_another_run_has_logged(art, fits):
    with artifacts.init(store=".artifacts", project="demo", id="again") as run:
        run.log_artifact("data", name="corpus", type="dataset")
    art("run", "rm", "fit-0", "--artifacts", "--yes")
    assert art("-q", "ls").lines == ["corpus"]


def test_rm_refuses(art, fits):
    assert "there is nobody to ask" in art("run", "rm", "fit-0", code=2).err
    with artifacts.init(store=".artifacts", project="demo", id="now") as run:
        run.log({"a": 1})
        result = art("run", "rm", "now", "fit-0", "--yes", code=1)
        assert "run now is running" in result.err
        assert len(art("-q", "run", "ls").lines) == 4
        art("run", "rm", "now", "--yes", "--force")
        run.log({"a": 2})
    assert "now" not in art("-q", "run", "ls").lines


def test_the_id_of_a_deleted_run_is_not_used_again(art, fits):
    art("run", "rm", "fit-0", "--yes")
    with pytest.raises(artifacts.AlreadyExistsError, match="which was deleted"):
        artifacts.init(store=".artifacts", project="demo", id="fit-0")


def test_what_a_deleted_run_has_left_is_removed(art):
    killed = (
        "import artifacts, os, signal\n"
        "artifacts.init(project='demo', id='r', store='.artifacts').log({'a': 1})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", killed], check=False)
    art("run", "rm", "demo/r", "--yes", "--force")
    assert "nothing to recover" in art("run", "recover").err
    assert art("-q", "run", "ls", "demo/").lines == []


# -- settings


def test_urls_of_alerts_are_masked(art):
    art("config", "set", "alert_urls", "-", stdin="slack://s3cr3t\n")
    for given in (["config"], ["config", "get", "alert_urls"], ["config", "-q"]):
        result = art(*given)
        assert "s3cr3t" not in result.out + result.err
        assert "********" in result.out
    assert "s3cr3t" not in art("config", "--json").out
    assert "s3cr3t" not in art("config", "set", "alert_urls", "slack://s3cr3t2").out
    assert artifacts.settings.load().alert_urls == ["slack://s3cr3t2"]
