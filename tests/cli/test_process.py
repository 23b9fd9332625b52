"""`art` as a process: what it loads, how it ends when it is interrupted or nobody listens."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.store.catalog import Catalog

# Run as `python -c`, so that a test can prepare the process.
MAIN = "from artifacts.cli.main import main; main()"
HEAVY = {"alembic", "fsspec", "logging", "pathspec", "rich", "sqlalchemy", "sqlmodel"}
SDK = {"artifacts.api", "artifacts.artifact", "artifacts.store.store"}


def run(*arguments, code=MAIN, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def loaded_by(*arguments, **environment):
    code = (
        "import json, sys, atexit\n"
        "atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr))\n" + MAIN
    )
    result = run(*arguments, code=code, env={**os.environ, **environment})
    return set(json.loads(result.stderr.splitlines()[-1])), result


def test_help_loads_little():
    loaded, result = loaded_by("--help")
    assert result.returncode == 0
    assert not loaded & (HEAVY | SDK)
    assert not {name for name in loaded if name.startswith("artifacts.cli.commands")}


def test_completion_of_commands_loads_little():
    loaded, result = loaded_by(_ART_COMPLETE="bash_complete", COMP_WORDS="art p", COMP_CWORD="1")
    assert result.stdout.split() == ["plain,push", "plain,pull"]
    assert not loaded & (HEAVY | SDK)
    assert not {name for name in loaded if name.startswith("artifacts.cli.commands")}


@pytest.mark.parametrize(
    "line", [["push", "--help"], ["config"], ["completion", "bash"], ["version"]]
)
def test_what_needs_no_store_loads_no_database(line):
    loaded, result = loaded_by(*line)
    assert result.returncode == 0
    assert not loaded & {"alembic", "rich", "sqlalchemy", "sqlmodel"}


@pytest.mark.parametrize("line", [["pull", "corpus"], ["push", "a.txt", "corpus"], ["ls"]])
def test_commands_load_the_database_without_its_models(art, corpus, line):
    Path("a.txt").write_text("another text")
    loaded, result = loaded_by(*line)
    assert result.returncode == 0, result.stderr
    assert "sqlalchemy" in loaded
    assert not loaded & {"alembic", "pydantic", "sqlalchemy.orm", "sqlmodel"}


@pytest.mark.parametrize("line", [["pull", "corpus"], ["push", "a.txt", "corpus"]])
def test_commands_about_one_version_load_nothing_of_runs(art, corpus, line):
    Path("a.txt").write_text("another text")
    loaded, result = loaded_by(*line)
    assert result.returncode == 0, result.stderr
    assert "artifacts.artifact" in loaded
    assert not loaded & {"artifacts.api", "artifacts.media", "artifacts.stored_run", "msgspec"}
    assert not {name for name in loaded if name.startswith("artifacts.runs")}


def test_a_command_does_not_look_for_garbage_among_what_it_needs(art, corpus):
    code = (
        "import atexit, gc, sys\n"
        "gc.disable()\n"
        "entries = [[] for _ in range(200_000)]\n"
        "runs = []\n"
        "def note(phase, info):\n"
        "    runs.append(phase)\n"
        "from artifacts.store import collecting\n"
        "collecting.expect_short_life()\n"
        "gc.callbacks.append(note)\n"
        "gc.enable()\n"
        "atexit.register(lambda: print(len(runs), file=sys.stderr))\n" + MAIN
    )
    result = run("pull", "corpus", code=code)
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == "0"


@pytest.mark.parametrize("line", [["--help"], ["config"], ["ls", "-q"], ["cat", "corpus", "a.txt"]])
def test_a_broken_pipe_is_silent(art, corpus, line):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        result = subprocess.run(
            [sys.executable, "-c", MAIN, *line], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert result.stderr == b""
    assert result.returncode == 141


def test_interrupted_just_before_the_commit_nothing_is_left(art, store, data):
    code = (
        "import os, signal\n"
        "from artifacts.store.catalog import Catalog\n"
        "Catalog.commit = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT)\n" + MAIN
    )
    result = run("push", "data", "corpus", code=code)
    assert result.returncode == 130
    assert (result.stdout, result.stderr) == ("", "interrupted\n")
    report = art("check", "--read-data", "--json").json
    assert (report["versions"], report["objects"]) == (0, 0)
    assert report["pending_objects"] == report["unknown_objects"] == []


def test_interrupted_in_this_process(art, store, data, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "commit", interrupt)
        result = art("push", "data", "corpus", "--json", code=130)
    assert result.error == {
        "kind": "interrupted", "message": "interrupted", "hint": None, "exit_code": 130
    }  # fmt: skip
    art("push", "data", "corpus")
    assert art("check", "--read-data", "--json").json["sound"]


def test_interrupted_at_a_question(art, corpus, monkeypatch):
    monkeypatch.setattr("artifacts.cli._output.interactive", lambda: True)
    assert art("rm", "corpus:v1", stdin="", code=130).err.endswith("interrupted\n")
    assert len(art("ls", "corpus", "-q").lines) == 2


def test_on_a_terminal_tables_fit_and_there_is_colour(art, store, data):
    name = "a" * 100
    art("push", "data", f"demo/{name}")
    master, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    result = subprocess.run(
        [sys.executable, "-c", MAIN, "ls"], stdout=terminal, stderr=terminal, env=environment,
        check=False,
    )  # fmt: skip
    shown = os.read(master, 65536).decode()
    os.close(terminal)
    os.close(master)
    assert result.returncode == 0
    head, line = shown.split("\r\n")[:2]
    assert head.startswith("\x1b[1mNAME")
    assert len(line) == 80
    assert "aaa…  dataset" in line
    assert art("ls").lines[1].startswith(f"demo/{name}  dataset")


def test_output_that_the_terminal_cannot_show(art, family):
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    result = run("lineage", "demo/corpus", env=environment)
    assert result.returncode == 0
    assert "\\u2514\\u2500 run r2 clean" in result.stdout


def test_a_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-c", MAIN, "config"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert result.returncode == 14
    assert result.stderr.startswith(b"Error: could not write the output: No space left on device")
