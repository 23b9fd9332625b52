"""Agents in processes of their own share one sweep, on SQLite and on PostgreSQL."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter

import pytest
import sqlalchemy as sa

import artifacts
from artifacts.store.catalog.sweeps import NewTrial
from artifacts.store.records import Trial
from artifacts.store.store import Store

AGENT = textwrap.dedent(
    """
    import sys
    import artifacts

    def train():
        with artifacts.init() as run:
            run.log({"loss": run.config["a"]})

    artifacts.agent(sys.argv[1], train, project="demo")
    """
)
ART = "from artifacts.cli.main import main; main()"
HANGING = textwrap.dedent(
    """
    import sys, time
    import artifacts

    def train():
        run = artifacts.init()
        print(run.id, flush=True)
        time.sleep(600)

    artifacts.agent(sys.argv[1], train, project="demo")
    """
)


@pytest.fixture(params=["sqlite", "postgres"])
def location(request, tmp_path, monkeypatch):
    """A new store, which the settings name."""
    folder = tmp_path / "store"
    catalog = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    Store.create(folder, catalog=catalog).close()
    monkeypatch.setenv("ART_STORE", str(folder))
    monkeypatch.setenv("ART_CONNECT_TIMEOUT", "60")
    return folder


def start(code, sweep_id):
    return subprocess.Popen(
        [sys.executable, "-c", code, sweep_id],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def grid(count, **config):
    parameters = {"a": {"values": list(range(count))}}
    told = {"method": "grid", "metric": {"name": "loss"}, "parameters": parameters, **config}
    return artifacts.sweep(told, project="demo")


@pytest.mark.parametrize("cap", [pytest.param(None, marks=pytest.mark.long), 5])
def test_agents_never_try_one_twice(location, cap):
    sweep_id = grid(8, **({} if cap is None else {"run_cap": cap}))
    agents = [start(AGENT, sweep_id) for _ in range(2)]
    for agent in agents:
        agent.communicate(timeout=100)
    assert [agent.returncode for agent in agents] == [0, 0]
    sweep = artifacts.Api(project="demo").sweep(sweep_id)
    assert sorted(run.config["a"] for run in sweep.runs) == list(range(cap or 8))
    assert Counter(run.state for run in sweep.runs) == {"finished": cap or 8}
    assert sweep.state == "finished"


def test_what_a_killed_agent_tried_is_tried_again(location):
    sweep_id = grid(2)
    agent = start(HANGING, sweep_id)
    assert agent.stdout is not None
    killed = agent.stdout.readline().strip()
    agent.send_signal(signal.SIGKILL)
    agent.communicate()
    api = artifacts.Api(project="demo")

    def train():
        with artifacts.init() as run:
            run.log({"loss": run.config["a"]})

    # It may be alive: as long as nobody knows, its configuration is not given out again.
    artifacts.agent(sweep_id, train)
    assert [run.config["a"] for run in api.sweep(sweep_id).runs] == [0, 1]
    assert api.sweep(sweep_id).state == "running"
    silence(api, killed)
    artifacts.agent(sweep_id, train)
    found = [(run.config["a"], run.state) for run in api.sweep(sweep_id).runs]
    assert found == [(0, "crashed"), (1, "finished"), (0, "finished")]
    assert api.run(killed).state == "crashed"
    assert api.sweep(sweep_id).state == "finished"


def test_ctrl_c_ends_program_and_agent(tmp_path, monkeypatch):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))
    train = "import artifacts, time; print(artifacts.init().id, flush=True); time.sleep(600)"
    sweep_id = grid(1, command=["${interpreter}", "-c", train])
    agent = subprocess.Popen(
        [sys.executable, "-c", ART, "--project", "demo", "agent", sweep_id],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert agent.stdout is not None
    run_id = agent.stdout.readline().strip()
    os.killpg(agent.pid, signal.SIGINT)
    agent.communicate(timeout=100)
    assert agent.returncode == 130
    api = artifacts.Api(project="demo")
    assert (api.run(run_id).state, api.run(run_id).exit_code) == ("failed", 255)
    artifacts.agent(sweep_id, lambda: artifacts.init().finish())
    assert [run.config["a"] for run in api.sweep(sweep_id).runs] == [0, 0]
    assert api.sweep(sweep_id).state == "finished"


def silence(api, run_id):
    """Make it long ago that a run gave a sign of life, unless it is known to have ended."""
    database = api._place.store.catalog._db
    statement = "UPDATE runs SET heartbeat_at = 1 WHERE run_id = :id AND state = 'running'"
    database.write(lambda c: c.execute(sa.text(statement), {"id": run_id}))


def test_reservations_wait_for_each_other(location):
    """Two agents that decide at the same moment: the second one sees what the first has taken."""
    sweep_id = grid(4)
    catalog = artifacts.Api(project="demo")._place.store.catalog
    sweep = catalog.sweep("local", "demo", sweep_id)
    seen: list[tuple[str, list[str]]] = []
    deciding = ReservingThread(catalog, sweep, "first", seen, hold=0.5)
    deciding.start()
    deciding.wait_until_it_decides()
    ReservingThread(catalog, sweep, "second", seen).run()
    deciding.join()
    assert seen == [("first", []), ("second", ["first"])]
    assert [run.id for run in catalog.trials(sweep)] == ["first", "second"]


class ReservingThread:
    """Reserves a trial, and takes its time to decide."""

    def __init__(self, catalog, sweep, run_id, seen, hold=0.0):
        self._arguments = (catalog, sweep, run_id, seen, hold)
        self._deciding = threading.Event()
        self._thread = threading.Thread(target=self.run)
        self.start, self.join = self._thread.start, self._thread.join

    def wait_until_it_decides(self):
        assert self._deciding.wait(60)

    def run(self):
        catalog, sweep, run_id, seen, hold = self._arguments

        def reserve(_sweep, runs):
            self._deciding.set()
            time.sleep(hold)
            seen.append((run_id, [run.id for run in runs]))
            return NewTrial(run_id, Trial(len(runs), {"a": 1}), {"name": run_id})

        catalog.reserve_trial(sweep.key, reserve)
