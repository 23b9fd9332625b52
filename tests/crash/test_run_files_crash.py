"""A process is killed while it saves files; every file that it was told of is in the store."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import artifacts
from artifacts import _session
from artifacts.runs.completing import recover

SAVER = Path(__file__).with_name("saver.py")


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("ART_RUN_DIR", str(tmp_path / "runs"))


def save_and_kill(first, count, delay):
    """Kill a process that saves a moment after ``count`` files; return the number of the last."""
    saver = subprocess.Popen(
        [sys.executable, str(SAVER), str(first)], stdout=subprocess.PIPE, text=True
    )
    assert saver.stdout is not None
    for line in saver.stdout:
        if int(line) - first + 1 >= count:
            break
    time.sleep(delay)
    saver.kill()
    rest = saver.stdout.read().split()
    saver.wait()
    saver.stdout.close()
    return int(rest[-1]) if rest else first + count - 1


def stored():
    run = artifacts.Api(project="demo").run("r")
    return {file.name: file._entry.open().read().decode() for file in run.files()}


@pytest.mark.parametrize("seed", range(2))
def test_no_file_is_lost(seed, tmp_path):
    chance, first = random.Random(seed), 0
    done: list[int] = []
    for _ in range(2):
        last = save_and_kill(first, chance.randint(1, 5), chance.random() / 10)
        recover(_session.place(project="demo"))
        found = stored()
        done += range(first, last + 1)
        for i in done:
            text = str(i) * (i % 7 + 1)
            assert [found[f"{what}-{i}.txt"] for what in ("now", "end", "gone")] == [text] * 3
        assert not [path for path in (tmp_path / "runs").rglob("*.txt") if path.is_file()]
        first = last + 2  # one more may have been under way


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 20))
def test_no_file_is_lost_at_many_points(seed, tmp_path):
    test_no_file_is_lost(seed, tmp_path)
