"""A process is killed while it logs; every row that it was told of is in the next version."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts
from artifacts import _session
from artifacts.runs.completing import recover

LOGGER = Path(__file__).with_name("logger.py")
ROWS = 20_000


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))


def log_and_kill(after):
    """Kill a process that logs when it has logged so many rows; return how many it had."""
    logger = subprocess.Popen(
        [sys.executable, str(LOGGER), str(ROWS)], stdout=subprocess.PIPE, text=True
    )
    assert logger.stdout is not None
    acknowledged = 0
    for line in logger.stdout:
        acknowledged = int(line)
        if acknowledged >= after:
            logger.kill()
            break
    rest = logger.stdout.read().splitlines()
    logger.wait()
    logger.stdout.close()
    # The last line may be torn.
    return int(rest[-2]) if len(rest) > 1 else acknowledged


def recovered():
    recover(_session.place(project="demo"))
    return list(artifacts.Api(project="demo").run("r").scan_history())


@pytest.mark.parametrize("seed", range(2))
def test_no_row_is_lost(seed):
    done = 0
    for after in random.Random(seed).sample(range(1, ROWS), 2):
        done = log_and_kill(done + after % (ROWS - 1))
        rows = recovered()
        # A process that is killed loses nothing; one more row may have been under way.
        assert done <= len(rows)
        assert [row["_step"] for row in rows] == list(range(len(rows)))
        assert all(row["loss"] == row["i"] / 7 for row in rows)
        done = len(rows)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 30))
def test_no_row_is_lost_at_many_points(seed):
    test_no_row_is_lost(seed)
