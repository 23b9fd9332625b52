"""`art sweep` and `art agent`."""

import re
import sys
from pathlib import Path

import pytest

import artifacts

CONFIG = """
name: rates
project: demo
method: grid
metric: {name: score, goal: maximize}
command: ["${interpreter}", "train.py"]
parameters:
  lr: {values: [0.1, 0.3, 0.2]}
  model:
    parameters:
      depth: {value: 2}
"""


@pytest.fixture(autouse=True)
def project(store, monkeypatch):
    monkeypatch.setenv("ART_PROJECT", "demo")
    Path("sweep.yaml").write_text(CONFIG)


@pytest.fixture
def api():
    return artifacts.Api(store=".artifacts", project="demo")


@pytest.fixture
def sweep_id(art):
    return art("-q", "sweep", "create", "sweep.yaml").lines[0]


def score():
    with artifacts.init() as run:
        run.log({"score": run.config.lr})


@pytest.fixture
def tried(sweep_id, monkeypatch):
    """A sweep that has tried everything."""
    monkeypatch.setenv("ART_STORE", ".artifacts")
    artifacts.agent(sweep_id, score, project="demo")
    return sweep_id


def test_create(art, api):
    result = art("sweep", "create", "sweep.yaml", "--project", "other")
    found = re.fullmatch(r"made sweep other/([0-9a-z]{8})\n", result.out)
    assert found is not None
    assert result.err == f"run it with: art agent other/{found[1]}\n"
    assert api.sweep(f"other/{found[1]}").name == "rates"
    told = art("--json", "sweep", "create", "sweep.yaml").json["sweep"]
    assert (told["project"], told["state"], told["expected_run_count"]) == ("demo", "running", 3)
    assert (told["config"]["method"], told["best_run"], told["run_count"]) == ("grid", None, 0)


def test_what_create_refuses(art, api):
    Path("sweep.yaml").write_text(CONFIG.replace("values", "vales"))
    told = art("--json", "sweep", "create", "sweep.yaml", code=2).error
    assert told["kind"] == "bad_sweep"
    assert "parameters.lr" in told["message"]
    assert art("sweep", "create", "gone.yaml", code=2).out == ""
    assert art("-q", "sweep", "ls").lines == []


def test_prior_runs(art, sweep_id, api):
    config = {"lr": 0.3, "model": {"depth": 2}}
    artifacts.init(id="old", store=".artifacts", project="demo", config=config).finish()
    [other] = art("-q", "sweep", "create", "sweep.yaml", "--prior", "old").lines
    assert [run.id for run in api.sweep(other).runs] == ["old"]


def test_ls(art, tried):
    assert art("sweep", "ls").out.splitlines() == [
        "ID        NAME   METHOD  STATE       RUNS  BEST",
        f"{tried}  rates  grid    finished  3 of 3   0.3",
    ]
    assert art("-q", "sweep", "ls").lines == [tried]
    assert art("-q", "sweep", "ls", "--all", "--project", "other").lines == [f"demo/{tried}"]
    assert art("sweep", "ls", "--project", "other").err.startswith("no sweeps yet")


def test_show(art, tried, api):
    best = api.sweep(tried).best_run()
    lines = art("sweep", "show", tried).lines
    assert lines[0] == f"demo/{tried} rates"
    assert [line.split() for line in lines[1:5]] == [
        ["state", "finished"],
        ["method", "grid"],
        ["metric", "maximize", "score"],
        ["runs", "3", "of", "3"],
    ]
    assert "importance" in art("sweep", "show", tried).out
    rows = [line.split() for line in lines[lines.index("") + 1 :]]
    assert rows[0] == ["RUN", "NAME", "STATE", "score", "lr", "model.depth"]
    assert [row[2:] for row in rows[1:]] == [
        ["finished", value, value, "2"] for value in ("0.3", "0.2", "0.1")
    ]
    assert rows[1][0] == best.id == art("-q", "sweep", "show", tried).lines[0].split("/")[1]
    told = art("--json", "sweep", "show", tried).json
    assert told["sweep"]["best_run"] == best.id
    assert told["runs"][0]["trial"]["config"] == {"lr": 0.3, "model": {"depth": 2}}
    assert sum(told["importance"].values()) == pytest.approx(1)


def test_show_without_optuna(art, tried, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert art("--json", "sweep", "show", tried).json["importance"] == {}
    assert "importance" not in art("sweep", "show", tried).out


def test_show_says_what_ended_early_and_what_only_belongs_to_it(art, sweep_id, api, monkeypatch):
    monkeypatch.setenv("ART_STORE", ".artifacts")
    artifacts.init(project="demo", id="own", sweep_id=sweep_id, store=".artifacts").finish()

    def cancel():
        with artifacts.init() as run:
            run.log({"score": 1})
            assert run._trial is not None
            run._trial._ticket.ending = "somebody said so"
            run.log({"score": 1})

    artifacts.agent(sweep_id, cancel, project="demo", count=1)
    rows = art("sweep", "show", sweep_id).lines[-2:]
    assert "finished (somebody said so)" in rows[0]
    assert rows[1].split()[0] == "own"


@pytest.mark.parametrize(
    ("command", "state"),
    [("pause", "paused"), ("resume", "running"), ("stop", "stopped"), ("cancel", "cancelled")],
)
def test_changing_the_state(art, sweep_id, command, state):
    assert art("sweep", command, sweep_id).out == f"sweep demo/{sweep_id} is {state}\n"
    assert art("--json", "sweep", command, sweep_id).json["sweep"]["state"] == state
    assert art("-q", "sweep", command, sweep_id).lines == [f"demo/{sweep_id}"]


def test_a_state_that_cannot_be_changed(art, tried):
    assert art("--json", "sweep", "cancel", tried, code=1).error["kind"] == "sweep_state"


def test_a_sweep_that_does_not_exist(art, sweep_id):
    told = art("--json", "sweep", "show", sweep_id[:-1], code=11).error
    assert (told["kind"], sweep_id in told["hint"]) == ("sweep_not_found", True)


def test_agent(art, sweep_id, api):
    Path("train.py").write_text(
        "import artifacts\nwith artifacts.init() as run:\n    run.log({'score': run.config.lr})\n"
    )
    assert art("agent", sweep_id, "--count", "1").out == "tried 1 configuration\n"
    assert art("--json", "agent", f"demo/{sweep_id}").json["tried"] == 2
    assert api.sweep(sweep_id).best_run().summary["score"] == 0.3


def test_agent_without_its_program(art):
    Path("sweep.yaml").write_text(CONFIG.replace("command:", "program: gone.py\n#"))
    [sweep_id] = art("-q", "sweep", "create", "sweep.yaml").lines
    assert art("--json", "agent", sweep_id, code=2).error["kind"] == "no_such_path"
