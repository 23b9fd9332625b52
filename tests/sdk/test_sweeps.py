"""`sweep` and `agent`: what is tried, what runs get, how they end."""

import json
import sys
import textwrap
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

import artifacts
from artifacts.store.catalog import Catalog
from artifacts.store.errors import (
    ConfigError,
    InvalidInputError,
    InvalidTypeError,
    NotFoundError,
    RunNotFoundError,
    StateError,
    StorageError,
)
from artifacts.store.records import SweepState
from artifacts.sweeps import agents, working

GRID = {
    "method": "grid",
    "metric": {"name": "loss"},
    "parameters": {"a": {"values": [3, 1, 2]}, "o": {"parameters": {"lr": {"value": 0.5}}}},
}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Agents look at their sweep more often than people need."""
    monkeypatch.setattr(agents, "POLL", 0.05)


@pytest.fixture
def api():
    return artifacts.Api(project="demo")


def make(**changes):
    return artifacts.sweep({**GRID, **changes}, project="demo")


def train():
    with artifacts.init() as run:
        run.log({"loss": run.config.a * run.config.o.lr})


def states(api, sweep_id):
    return [run.state for run in api.sweep(sweep_id).runs]


# -- a function


def test_every_configuration_of_a_grid_is_tried(api):
    sweep_id = make(name="which a")
    artifacts.agent(sweep_id, train)
    sweep = api.sweep(sweep_id)
    assert [run.config["a"] for run in sweep.runs] == [3, 1, 2]
    assert [run.summary["loss"] for run in sweep.runs] == [1.5, 0.5, 1.0]
    assert {run.state for run in sweep.runs} == {"finished"}
    assert (sweep.state, sweep.name, sweep.expected_run_count) == ("finished", "which a", 3)
    best = sweep.best_run()
    assert best is not None
    assert best.config["a"] == 1
    assert sweep.best_run("-summary.loss").config["a"] == 3
    assert best.sweep == sweep
    assert best.sweep_id == sweep_id
    assert all("-sweep-" in run.name for run in sweep.runs)


def test_what_was_chosen_is_locked(api, log):
    def locked():
        with artifacts.init(config={"a": 99, "o": {"lr": 9, "momentum": 0.9}, "b": 1}) as run:
            run.config.a = 98
            run.config.update({"a": 97, "b": 2}, allow_val_change=True)
            run.config.o.lr = 8

    artifacts.agent(make(run_cap=1), locked)
    [run] = api.runs()
    assert dict(run.config) == {"a": 3, "o": {"lr": 0.5, "momentum": 0.9}, "b": 2}
    assert "set by the search" in log.text


def test_the_sweep_says_where_its_runs_are(api, log):
    def elsewhere():
        artifacts.init(project="other", id="mine", resume="allow", name="called so").finish()

    sweep_id = make(run_cap=1)
    artifacts.agent(sweep_id, elsewhere)
    [run] = api.runs()
    assert (run.project, run.name) == ("demo", "called so")
    assert run.id != "mine"
    assert "not used: project, id" in log.text


def test_a_function_that_begins_its_run_twice_makes_one_trial(api):
    """As searches of training libraries do: one run to be told what to try, one for training."""

    def twice():
        chosen = artifacts.init(project="demo").config.a
        artifacts.finish()
        with artifacts.init(project="demo", config={"more": 1}) as run:
            assert run.config.a == chosen
            run.log({"loss": chosen})
            with artifacts.init(project="demo", reinit="create_new") as other:
                assert other.sweep_id is None

    sweep_id = make()
    artifacts.agent(sweep_id, twice, count=2)
    found = api.sweep(sweep_id).runs
    assert len(found) == 2
    assert all(run.state == "finished" and run.config["more"] == 1 for run in found)
    assert {run.summary["loss"] for run in found} == {run.config["a"] for run in found}


def test_a_run_with_an_id_of_its_own_is_no_trial(api):
    def two():
        train()
        artifacts.init(project="demo", id="second").finish()

    sweep_id = make(run_cap=1)
    artifacts.agent(sweep_id, two)
    assert len(api.sweep(sweep_id).runs) == 1
    assert api.run("second").sweep_id is None


def test_a_function_that_leaves_its_run_open(api):
    def leave():
        artifacts.init().log({"loss": 1})

    artifacts.agent(make(), leave, count=2)
    assert artifacts.run is None
    assert [run.state for run in api.runs()] == ["finished"] * 2


def test_a_function_that_begins_no_run(api, log):
    sweep_id = make(run_cap=1)
    artifacts.agent(sweep_id, lambda: None)
    assert states(api, sweep_id) == ["finished"]
    assert "was not begun" in log.text
    assert artifacts.init(project="demo").sweep_id is None


def test_a_run_that_does_nothing(api):
    def disabled():
        with artifacts.init(mode="disabled") as run:
            assert run.disabled

    sweep_id = make(run_cap=1)
    artifacts.agent(sweep_id, disabled)
    assert states(api, sweep_id) == ["finished"]


def test_an_exception_fails_the_run_and_not_the_agent(api, log):
    def fail_once():
        with artifacts.init() as run:
            if run.config.a == 3:
                raise RuntimeError("no such luck")
            run.log({"loss": 1})

    sweep_id = make()
    artifacts.agent(sweep_id, fail_once)
    assert states(api, sweep_id) == ["failed", "finished", "finished"]
    assert "no such luck" in log.text


def test_the_exit_code_of_a_function_counts(api):
    codes = iter([0, 3])

    def leave():
        artifacts.init()
        sys.exit(next(codes))

    sweep_id = make()
    artifacts.agent(sweep_id, leave, count=2)
    assert [run.exit_code for run in api.sweep(sweep_id).runs] == [0, 3]


def test_an_agent_gives_up_when_nothing_works(api):
    def fail():
        artifacts.init()
        raise ValueError("always")

    sweep_id = make(parameters={"a": {"min": 1, "max": 100}})
    with pytest.raises(StateError) as caught:
        artifacts.agent(sweep_id, fail)
    assert caught.value.kind == "agent_failing"
    assert states(api, sweep_id) == ["failed"] * agents.MOST_FAILURES


def test_an_interrupted_configuration_is_tried_again(api):
    def interrupted():
        artifacts.init()
        raise KeyboardInterrupt

    sweep_id = make()
    artifacts.agent(sweep_id, interrupted)
    artifacts.agent(sweep_id, train)
    runs = list(api.sweep(sweep_id).runs)
    assert [run.config["a"] for run in runs] == [3, 3, 1, 2]
    assert runs[0].state == "failed"


def test_a_count(api):
    sweep_id = make()
    artifacts.agent(sweep_id, train, count=2)
    assert (len(api.sweep(sweep_id).runs), api.sweep(sweep_id).state) == (2, "running")
    artifacts.agent(sweep_id, train, count=2)
    assert (len(api.sweep(sweep_id).runs), api.sweep(sweep_id).state) == (3, "finished")


def test_a_deleted_run_is_tried_again_when_the_sweep_goes_on(api):
    sweep_id = make()
    artifacts.agent(sweep_id, train)
    api.sweep(sweep_id).best_run().delete()
    api.sweep(sweep_id).resume()
    artifacts.agent(sweep_id, train)
    assert sorted(run.config["a"] for run in api.sweep(sweep_id).runs) == [1, 2, 3]


def test_bayes_uses_what_was_found(api):
    sweep_id = artifacts.sweep(
        {
            "method": "bayes",
            "seed": 1,
            "run_cap": 12,
            "metric": {"name": "score", "goal": "maximize"},
            "parameters": {"x": {"min": -10.0, "max": 10.0}},
        },
        project="demo",
    )

    def score():
        with artifacts.init() as run:
            run.log({"score": -((run.config.x - 3) ** 2)})

    artifacts.agent(sweep_id, score)
    sweep = api.sweep(sweep_id)
    assert len(sweep.runs) == 12
    assert sweep.state == "finished"
    assert sweep.importances() == {"x": 1.0}


def test_prior_runs_count(api):
    with artifacts.init(project="demo", id="old", config={"a": 3, "o": {"lr": 0.5}}) as run:
        run.log({"loss": 0.1})
    sweep_id = artifacts.sweep(GRID, project="demo", prior_runs=["old"])
    artifacts.agent(sweep_id, train)
    sweep = api.sweep(sweep_id)
    assert [run.config["a"] for run in sweep.runs] == [3, 1, 2]
    assert sweep.best_run().id == "old"


@pytest.mark.parametrize(
    ("config", "message"),
    [({"a": 3}, "lacks 'o.lr'"), ({"a": 9, "o": {"lr": 0.5}}, "would not choose")],
)
def test_prior_runs_that_are_refused(api, config, message):
    artifacts.init(project="demo", id="old", config=config).finish()
    with pytest.raises(InvalidInputError, match=message):
        artifacts.sweep(GRID, project="demo", prior_runs=["old"])
    with pytest.raises(RunNotFoundError):
        artifacts.sweep(GRID, project="demo", prior_runs=["none"])
    assert api._place.store.catalog.list_sweeps(entity="local") == []


def test_a_prior_run_of_another_sweep(api):
    first = make()
    artifacts.agent(first, train, count=1)
    [run] = api.sweep(first).runs
    with pytest.raises(InvalidInputError, match="belongs to sweep"):
        artifacts.sweep(GRID, project="demo", prior_runs=[run.id])
    assert len(artifacts.Api(project="demo")._place.store.catalog.list_sweeps(entity="local")) == 1


# -- pausing, stopping, cancelling


def test_a_stopped_sweep_lets_its_run_end(api):
    sweep_id = make()

    def stop():
        api.sweep(sweep_id).stop()
        train()

    artifacts.agent(sweep_id, stop)
    assert states(api, sweep_id) == ["finished"]
    artifacts.agent(sweep_id, train)
    assert states(api, sweep_id) == ["finished"]
    api.sweep(sweep_id).resume()
    artifacts.agent(sweep_id, train)
    assert states(api, sweep_id) == ["finished"] * 3


def test_a_paused_sweep_makes_agents_wait(api, log):
    sweep_id = make()
    api.sweep(sweep_id).pause()
    found = []

    def resume():
        waiting = threading.Event()
        while "is paused; the agent waits" not in log.text:
            waiting.wait(0.02)
        found.append(states(api, sweep_id))
        api.sweep(sweep_id).resume()

    resuming = threading.Thread(target=resume)
    resuming.start()
    artifacts.agent(sweep_id, train)
    resuming.join()
    assert found == [[]]
    assert states(api, sweep_id) == ["finished"] * 3


def test_a_cancelled_sweep_ends_its_run_at_the_next_row(api):
    sweep_id = make()

    def endless():
        with artifacts.init() as run:
            api.sweep(sweep_id).cancel()
            while True:
                run.log({"loss": 1})

    artifacts.agent(sweep_id, endless)
    [run] = api.sweep(sweep_id).runs
    assert (run.state, run._record.trial["stopped"]) == ("finished", "the sweep was cancelled")
    with pytest.raises(StateError) as caught:
        api.sweep(sweep_id).resume()
    assert caught.value.kind == "sweep_state"


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        (SweepState.RUNNING, ()),
        (SweepState.PAUSED, ()),
        (SweepState.STOPPED, ("pause",)),
        (SweepState.CANCELLED, ("pause", "resume", "stop")),
        (SweepState.FINISHED, ("pause", "stop", "cancel")),
    ],
    ids=str,
)
def test_what_can_become_of_a_state(api, state, refused):
    calls = {"pause": "paused", "resume": "running", "stop": "stopped", "cancel": "cancelled"}
    for call, after in calls.items():
        sweep = api.sweep(make())
        api._place.store.catalog.change_sweep(sweep._record.key, lambda _: state)
        if call in refused:
            with pytest.raises(StateError):
                getattr(sweep, call)()
            assert sweep.state == state.value
        else:
            getattr(sweep, call)()
            assert sweep.state == after


# -- ending runs early


@pytest.mark.parametrize("strict", [False, True])
def test_runs_that_fall_behind_end_early(api, strict):
    levels = [1.0, 5.0, 0.5, 4.0]
    sweep_id = artifacts.sweep(
        {
            "method": "grid",
            "metric": {"name": "val.loss"},
            "parameters": {"level": {"values": levels}},
            "early_terminate": {
                "type": "hyperband",
                "min_iter": 2,
                "eta": 3,
                "strict": strict,
            },
        },
        project="demo",
    )

    def fit():
        with artifacts.init() as run:
            for epoch in range(10):
                run.log({"epoch": epoch})  # rows without the metric do not count
                run.log({"val": {"loss": run.config.level / (epoch + 1)}})

    artifacts.agent(sweep_id, fit)
    runs = list(api.sweep(sweep_id).runs)
    rows = [sum("val.loss" in row or "val" in row for row in run.scan_history()) for run in runs]
    assert rows == [10, 2, 10, 2]
    assert {run.state for run in runs} == {"finished"}
    stopped = [run._record.trial["stopped"] for run in runs]
    assert stopped == [None, "hyperband at iteration 2", None, "hyperband at iteration 2"]
    assert runs[0]._record.trial["brackets"] == {"2": 1 / 2, "6": 1 / 6}


def test_only_a_strict_rule_forgets_how_good_a_run_was(api):
    curves = {"good": [3, 3, 3], "was better": [1, 9, 9]}

    def fit():
        with artifacts.init() as run:
            for value in curves[run.config.curve]:
                run.log({"loss": value})

    for strict, rows in ((False, 3), (True, 2)):
        sweep_id = artifacts.sweep(
            {
                "method": "grid",
                "metric": {"name": "loss"},
                "parameters": {"curve": {"values": list(curves)}},
                "early_terminate": {"type": "hyperband", "min_iter": 2, "strict": strict},
            },
            project="demo",
        )
        artifacts.agent(sweep_id, fit)
        last = list(api.sweep(sweep_id).runs)[-1]
        assert len(list(last.scan_history())) == rows


def test_without_the_store_a_run_goes_on(api, log, monkeypatch):
    early = {"type": "hyperband", "min_iter": 1}
    sweep_id = make(early_terminate=early, run_cap=1)
    lost = StorageError("the server does not answer", retryable=True)

    def train():
        with artifacts.init() as run:
            with monkeypatch.context() as patch:
                patch.setattr(Catalog, "edit_run", Mock(side_effect=lost))
                run.log({"loss": 1})
            run.log({"loss": 2})

    artifacts.agent(sweep_id, train)
    [run] = api.sweep(sweep_id).runs
    assert [row["loss"] for row in run.scan_history()] == [1, 2]
    assert "not compared with others: the server does not answer" in log.text


# -- programs


@pytest.fixture
def program():
    """A file that trains, in the working directory."""
    Path("train.py").write_text(
        textwrap.dedent(
            """
            import json, os, sys
            import artifacts
            with artifacts.init(config={"a": 0, "b": 1}) as run:
                told = json.loads(os.environ.get("ART_SWEEP_PARAMS", "null"))
                for epoch in range(int(os.environ.get("EPOCHS", "1"))):
                    run.log({"loss": run.config["a"], "epoch": epoch})
                run.summary["arguments"] = sys.argv[1:]
                run.summary["told"] = told
            artifacts.init(id=f"after-{run.id}").finish()
            """
        )
    )
    return "train.py"


def test_a_program_from_a_yaml_file(api, program):
    Path("sweep.yaml").write_text(
        textwrap.dedent(
            """
            program: train.py
            project: demo
            method: grid
            metric: {name: loss, goal: minimize}
            parameters:
              a: {values: [2, 1]}
              optimizer:
                parameters:
                  lr: {value: 1.0e-3}
            """
        )
    )
    sweep_id = artifacts.sweep("sweep.yaml")
    artifacts.agent(sweep_id)
    runs = list(api.sweep(sweep_id).runs)
    assert [run.state for run in runs] == ["finished"] * 2
    assert [dict(run.config) for run in runs] == [
        {"a": a, "b": 1, "optimizer": {"lr": 0.001}} for a in (2, 1)
    ]
    assert runs[0].summary["arguments"] == ["--a=2", '--optimizer={"lr": 0.001}']
    assert runs[0].summary["told"] is None  # it is read before the first run begins
    assert api.run(f"after-{runs[0].id}").sweep_id is None
    assert api.sweep(sweep_id).best_run().config["a"] == 1


def test_a_command_gets_the_parameters_as_a_file(api, program):
    command = ["${interpreter}", "-c", "import json, sys; json.load(open(sys.argv[1]))['a']"]
    sweep_id = make(command=[*command, "${args_json_file}"], run_cap=1)
    artifacts.agent(sweep_id)
    assert states(api, sweep_id) == ["finished"]


def test_a_program_reads_the_parameters_from_its_environment(api):
    code = "import json, os; assert json.loads(os.environ['ART_SWEEP_PARAMS'])['a'] == 3"
    sweep_id = make(command=["${interpreter}", "-c", code], run_cap=1)
    artifacts.agent(sweep_id)
    assert states(api, sweep_id) == ["finished"]


def test_a_program_that_fails(api):
    sweep_id = make(command=["${interpreter}", "-c", "raise SystemExit(3)"])
    artifacts.agent(sweep_id, count=1)
    [run] = api.sweep(sweep_id).runs
    assert (run.state, run.exit_code) == ("failed", 3)


def test_a_program_that_kills_itself(api):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    sweep_id = make(command=["${interpreter}", "-c", code])
    artifacts.agent(sweep_id, count=1)
    [run] = api.sweep(sweep_id).runs
    assert (run.state, run.exit_code) == ("failed", 137)


def test_a_program_ends_early(api, program, monkeypatch):
    monkeypatch.setenv("EPOCHS", "5")
    early = {"type": "hyperband", "min_iter": 2}
    sweep_id = make(parameters={"a": {"values": [1, 2]}}, program=program, early_terminate=early)
    artifacts.agent(sweep_id)
    runs = list(api.sweep(sweep_id).runs)
    assert [len(list(run.scan_history())) for run in runs] == [5, 2]
    assert [(run.state, run.exit_code) for run in runs] == [("finished", 0)] * 2


def test_a_cancelled_sweep_ends_its_program(api, monkeypatch):
    monkeypatch.setattr(working, "GRACE", 20)
    code = "import time; open('begun', 'w').close(); time.sleep(600)"
    sweep_id = make(command=["${interpreter}", "-c", code])
    cancelled = threading.Thread(target=cancel_when_begun, args=(api, sweep_id))
    cancelled.start()
    artifacts.agent(sweep_id)
    cancelled.join()
    [run] = api.sweep(sweep_id).runs
    assert (run.state, run._record.trial["stopped"]) == ("failed", "the sweep was cancelled")


def cancel_when_begun(api, sweep_id):
    waiting = threading.Event()
    while not Path("begun").exists():
        waiting.wait(0.02)
    api.sweep(sweep_id).cancel()


def test_only_one_process_of_a_trial_logs_its_rows(api, program, monkeypatch, capfd):
    start = "import subprocess, sys; e = [subprocess.call([sys.executable, 'train.py'])"
    code = f"{start} for _ in 'ab']; sys.exit(max(e))"
    sweep_id = make(command=["${interpreter}", "-c", code], run_cap=1)
    artifacts.agent(sweep_id)
    [run] = api.sweep(sweep_id).runs
    assert len(list(run.scan_history())) == 1
    assert [each.sweep_id for each in api.runs(filters={"group": run.id})] == [None]
    assert "another process has begun run" in capfd.readouterr().err


# -- finding sweeps


def test_finding_sweeps(app_url, api):
    first, second = make(), make(name="second")
    assert [sweep.id for sweep in api.project("demo").sweeps()] == [second, first]
    for path in (first, f"demo/{first}", f"local/demo/{first}"):
        assert api.sweep(path).path == ["local", "demo", first]
    assert artifacts.Api(project="other").sweep(first).project == "demo"
    assert api.sweep(first).url == f"{app_url}/local/demo/sweeps/{first}"
    assert api.sweep(first).config == GRID
    assert (api.sweep(first).best_run(), api.sweep(first).created_by is None) == (None, False)
    with pytest.raises(NotFoundError) as caught:
        api.sweep(f"demo/{first[:-1]}")
    assert caught.value.kind == "sweep_not_found"
    assert first in str(caught.value.hint)
    with pytest.raises(InvalidInputError, match="invalid path of a sweep"):
        api.sweep("a/b/c/d")


@pytest.fixture
def app_url(monkeypatch):
    monkeypatch.setenv("ART_APP_URL", "https://pages.example.com")
    return "https://pages.example.com"


def test_a_sweep_id_that_names_none(api):
    artifacts.init(project="demo", id="r", sweep_id="elsewhere").finish()
    assert api.run("r").sweep is None
    assert api.run("r").sweep_id == "elsewhere"


# -- what is refused


def test_a_configuration_may_be_a_function(api):
    assert api.sweep(artifacts.sweep(lambda: GRID, project="demo")).config == GRID
    Path("sweep.json").write_text(json.dumps({**GRID, "project": "demo", "name": "file"}))
    assert api.sweep(artifacts.sweep(Path("sweep.json"))).name == "file"


@pytest.mark.parametrize(
    ("sweep", "error"),
    [(3, InvalidTypeError), ("sweep.txt", InvalidInputError), ("none.yaml", ConfigError)],
)
def test_configurations_that_are_refused(sweep, error):
    with pytest.raises(error):
        artifacts.sweep(sweep)


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": True}, {"function": 3}])
def test_arguments_of_an_agent_that_are_refused(arguments):
    with pytest.raises(InvalidInputError, match=r"^(count|function) must be"):
        artifacts.agent(make(), **{"function": train, **arguments})


def test_an_agent_begins_no_run_within_a_run(run):
    with pytest.raises(StateError) as caught:
        artifacts.agent(make(), train)
    assert caught.value.kind == "run_is_active"


def test_an_agent_without_anything_to_run(api):
    with pytest.raises(InvalidInputError, match="has no program"):
        artifacts.agent(make())
    with pytest.raises(InvalidInputError, match=r"no program 'gone\.py'"):
        artifacts.agent(make(program="gone.py"))
    with pytest.raises(NotFoundError):
        artifacts.agent("nothing", train)
    assert len(api.runs()) == 0


def test_there_is_no_controller():
    with pytest.raises(artifacts.UnsupportedError, match="no controller"):
        artifacts.controller("id")
