"""A process is killed while it logs media; those of every row it was told of are in a version."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts
from artifacts import _session
from artifacts.runs.completing import recover

LOGGER = Path(__file__).with_name("media_logger.py")


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))


def log_and_kill(rows):
    """Kill a process that logs when it has logged so many rows; return how many it had."""
    logger = subprocess.Popen([sys.executable, str(LOGGER)], stdout=subprocess.PIPE, text=True)
    assert logger.stdout is not None
    done = 0
    for line in logger.stdout:
        done = int(line)
        if done >= rows:
            logger.kill()
            break
    whole = [line for line in logger.stdout.read().split("\n")[:-1] if line]
    logger.wait()
    logger.stdout.close()
    return int(whole[-1]) if whole else done


@pytest.mark.parametrize("seed", range(2))
def test_no_file_is_lost(seed):
    done = 0
    for count in random.Random(seed).sample(range(1, 60), 2):
        done = log_and_kill(done + count)
        recover(_session.place(project="demo"))
        rows = list(artifacts.Api(project="demo").run("r").scan_history())
        assert done <= len(rows) <= done + 1  # one more may have been under way
        for i, row in enumerate(rows):
            assert row["page"].html == f"<p>{i - i % 3}</p>" * 200
            assert [page.html for page in row["both"]] == [row["page"].html, f"{i}"]
        done = len(rows)
    version = artifacts.Api(project="demo").artifact("run-r-history:latest")
    media = [entry for path, entry in version.manifest.items() if path.startswith("media/")]
    assert len({entry.digest for entry in media}) == done + len(range(0, done, 3))
    folder = _session.place(project="demo").settings.run_dir
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 20))
def test_no_file_is_lost_at_many_points(seed):
    test_no_file_is_lost(seed)
