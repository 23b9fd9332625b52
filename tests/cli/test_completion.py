"""Completion: what is offered, and what bash makes of it."""

import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from artifacts.cli.main import cli


def offered(*words):
    """Return what may come in place of the last word."""
    *before, word = words
    return [item.value for item in ShellComplete(cli, {}, "art", "_").get_completions(before, word)]


def test_commands_and_options(family):
    assert offered("p") == ["push", "pull"]
    assert offered("run", "r") == ["rm", "recover"]
    assert offered("push", "--sym") == ["--symlinks"]
    assert "--json" in offered("push", "--")
    assert "--store" in offered("--")
    assert offered("push", "--symlinks", "s") == ["skip"]


@pytest.mark.parametrize(
    "command", ["show", "pull", "files", "cat", "lineage", "alias", "tag", "rm"]
)
def test_names(family, command):
    assert offered(command, "demo/co") == ["demo/corpus"]
    assert offered("--project", "demo", command, "") == ["corpus", "model", "raw", "demo/"]
    assert offered(command, "") == ["demo/"]


def test_aliases_and_versions(family):
    assert offered("show", "demo/corpus:") == [
        "demo/corpus:latest",
        "demo/corpus:prod",
        "demo/corpus:v0",
    ]
    assert offered("--project", "demo", "diff", "corpus:v0", "corpus:p") == ["corpus:prod"]
    assert offered("alias", "-d", "demo/corpus", "") == ["latest", "prod"]
    assert offered("ls", "demo/corpus:") == []


def test_files_tags_types_runs_and_settings(art, family):
    assert offered("cat", "demo/corpus:prod", "") == ["a.txt", "sub/b.csv"]
    art("tag", "demo/corpus", "seen")
    assert offered("tag", "-d", "demo/corpus", "") == ["seen"]
    assert offered("tag", "-d", "demo/raw", "") == []
    assert offered("ls", "-t", "") == ["dataset", "model"]
    assert offered("--project", "demo", "run", "show", "r") == ["r3", "r2", "r1"]
    assert offered("config", "get", "sto") == ["store"]


def test_the_store_option_counts(family, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert offered("show", "") == []


def test_without_a_store_nothing_is_offered_and_nothing_fails():
    assert offered("show", "") == []
    assert offered("cat", "x", "") == []
    assert offered("show", "a/b/c/d:") == []
    assert offered("--store", "nowhere", "show", "") == []


@pytest.fixture
def press_tab(art, monkeypatch, tmp_path_factory):
    """Complete a line as bash does it; return what would be put in place of bash's last word."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "art"
    program.write_text(f"#!{sys.executable}\nfrom artifacts.cli.main import main\nmain()\n")
    program.chmod(0o755)
    script = art("completion", "bash").out

    def press(line):
        code = (
            "compopt() { echo compopt $*; }\n" + script + '\nCOMP_LINE="$1" COMP_POINT=${#1}\n'
            '_art_completion "$2"\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        result = subprocess.run(
            ["bash", "--norc", "-c", code, "bash", line, str(program)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not result.stderr
        return result.stdout.split()

    return press


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("art pu", ["push", "pull"]),
        ("art show demo/co", ["demo/corpus"]),
        ("art show demo/corpus:", ["latest", "prod", "v0"]),
        ("art show demo/corpus:p", ["prod"]),
        ("art cat demo/corpus:prod ", ["a.txt", "sub/b.csv"]),
        ("art --project=demo show ra", ["raw"]),
        ("art show d", ["compopt", "-o", "nospace", "demo/"]),
        ("art push da", ["compopt", "-o", "default"]),
        ("art pull x -o ", ["compopt", "-o", "dirnames"]),
    ],
)
def test_bash(family, press_tab, line, completed):
    assert press_tab(line) == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_valid(art, shell):
    script = art("completion", shell).out
    assert f"{shell}_complete" in script
    assert art("completion", shell, "-q").out == script
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    subprocess.run([shell, "-n"], input=script, text=True, check=True, capture_output=True)
