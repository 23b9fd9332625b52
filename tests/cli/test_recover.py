"""`art run recover`, and the artifacts in which runs are recorded in listings."""

import subprocess
import sys

KILLED = (
    "import artifacts, os, signal\n"
    "run = artifacts.init(project='demo', id='r', store='.artifacts')\n"
    "run.log({'a': 1})\n"
    "os.kill(os.getpid(), signal.SIGKILL)\n"
)


def kill_a_run():
    subprocess.run([sys.executable, "-c", KILLED], check=False)


def test_recover(art):
    kill_a_run()
    assert art("run", "recover").out == "demo/r crashed\n"
    assert "nothing to recover" in art("run", "recover").err
    assert art("--json", "run", "recover", "demo/r").json["runs"][0]["state"] == "crashed"


def test_a_run_that_is_not_there(art):
    kill_a_run()
    assert art("run", "recover", "demo/x", code=11).err


def test_listings_leave_them_out(art):
    kill_a_run()
    art("run", "recover")
    assert art("-q", "ls", "demo/").out == ""
    assert art("-q", "ls", "demo/", "--internal").out.split() == ["run-r-history", "run-r-summary"]
    assert art("-q", "ls", "demo/", "-t", "run-history").out.split() == ["run-r-history"]
