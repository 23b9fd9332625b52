"""What goes wrong ends with a message, a hint and an exit code, and never with a traceback."""

from pathlib import Path

import pytest

from artifacts.cli import _command, _output
from artifacts.cli.commands import version as version_module
from artifacts.store import errors


@pytest.mark.parametrize(
    ("line", "code", "message", "hint"),
    [
        (["psh"], 2, "no such command 'psh'", "did you mean push?"),
        (["push", "--exclud", "x"], 2, "no such option '--exclud'", "--exclude"),
        (["push"], 2, "missing argument 'PATH'", "see: art push --help"),
        (["push", "nowhere"], 2, "there is no file or folder 'nowhere'", None),
        (["push", "data", "corpus:v3"], 2, "version numbers are given by the store", "leave"),
        (["push", "data", "bad name"], 2, "invalid artifact name", None),
        (["push", "data", "-m", "nothing"], 2, "'nothing' is not KEY=VALUE", "art push --help"),
        (["push", "data", "-a", "v1"], 2, "alias 'v1' is reserved", None),
        (["show", "corpsu"], 11, "does not contain an artifact 'corpsu'", "did you mean corpus?"),
        (["show", "other/corpus"], 11, "project 'other' does not", "did you mean demo/corpus?"),
        (["show", "corpus:prd"], 11, "no version with the alias 'prd'", "mean corpus:prod"),
        (["show", "demo/corpus:prd"], 11, "no version with", "mean demo/corpus:prod"),
        (["show", "corpus:v9"], 11, "demo/corpus has no version v9", "art ls demo/corpus"),
        (["show", "a/b/c/d"], 2, "invalid artifact reference", "examples:"),
        (["ls", "demmo/"], 11, "there is no project 'demmo'", "did you mean demo/?"),
        (["ls", "corpus:v1"], 2, "ls takes a name without a version", None),
        (["cat", "corpus", "a.text"], 11, "does not contain 'a.text'", "did you mean a.txt?"),
        (["run", "show", "nope"], 11, "no run 'nope'", "art run ls"),
        (["config", "get", "stor"], 2, "no such setting: 'stor'", "did you mean store?"),
        (["config", "set", "colour", "red"], 2, "no such setting: 'colour'", "settings: store"),
        (["rm", "corpus"], 2, "say which version of 'corpus'", None),
        (["rm", "corpus:v0", "--all-versions"], 2, "takes a name alone", None),
        (["rm", "corpus:v0"], 1, "demo/corpus:v0 has the aliases prod", "--delete-aliases"),
        (["pull", "corpus", "--dry-run"], 2, "--dry-run goes with --delete", None),
        (["pull", "corpus", "--delete"], 2, "--delete needs the folder", None),
        (["diff", "corpus", "corpus", "--stat", "--name-only"], 2, "not both", None),
        (["lineage", "corpus", "--depth", "0"], 2, "0 is not in the range", None),
        (["--store", "nowhere", "ls"], 10, "there is no store at", "art init"),
        (["--store", "memory://no/x", "ls"], 10, "there is no store at memory://no/x", "art init"),
        (["--store", "s3://key:secret@bucket/x", "ls"], 2, "credentials do not belong", "~/.aws"),
        (["--store", "postgresql://u:pw@h/d", "ls"], 2, "holds a password", "~/.pgpass"),
        (["init", "x", "--catalog", "mysql://h/d"], 2, "must begin with postgresql://", None),
        (["init", "x", "--objects", "nope://h/d"], 2, "nope", None),
        (["run", "sho"], 2, "no such command 'sho'", "did you mean show?"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_error(art, corpus, line, code, message, hint):
    result = art(*line, code=code)
    assert not result.out
    first, *rest = result.err.splitlines()
    assert first.startswith("Error: ")
    assert message in first
    if hint is not None:
        assert rest[0].startswith("Hint: ")
        assert hint in rest[0]
    as_json = art(*line, "--json", code=code)
    assert not as_json.out
    assert as_json.error["exit_code"] == code
    assert message in as_json.error["message"]
    assert as_json.error["kind"]


def test_run_is_found_by_its_display_name(art, family):
    assert "did you mean r2?" in art("run", "show", "demo/cleen", code=11).err


@pytest.mark.parametrize("line", [[], ["run"]], ids=["art", "run"])
def test_without_a_command_there_is_help(art, line):
    result = art(*line, code=2)
    assert result.err.startswith("Usage: art")


def test_a_bug_is_called_a_bug(art, monkeypatch):
    def fail(*_):
        raise RuntimeError("surprise\x1b[31m")

    monkeypatch.setattr(version_module.command, "callback", fail)
    plain = art("version", code=1)
    assert plain.err == (
        "Error: RuntimeError: surprise\\x1b[31m. This is a bug in art\n"
        "Hint: run it again with -v, and report what it prints\n"
    )
    assert "Traceback" in art("version", "-v", code=1).err
    assert art("version", "--json", code=1).error["kind"] == "internal"


def test_errors_of_the_system_are_no_bugs(art, monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(version_module.command, "callback", fail)
    result = art("version", code=16)
    assert result.err == "Error: could not use /some/file: Permission denied\n"


def test_verbose_shows_causes_and_the_log(art, corpus, data):
    Path("artifacts.toml").write_text("not toml")
    result = art("ls", "-v", code=2)
    assert "Cause: TOMLDecodeError" in result.err
    assert "Traceback" not in result.err
    Path("artifacts.toml").unlink()
    assert "corpus:v1 exists already" in art("-v", "push", "data", "demo/corpus").err
    assert "exists already" not in art("push", "data", "demo/corpus").err


def test_every_exit_code_is_described():
    def classes(base):
        return {base}.union(*(classes(sub) for sub in base.__subclasses__()))

    used = {class_.exit_code for class_ in classes(errors.ArtifactsError)}
    assert used <= _command.EXIT_CODES.keys()


def test_what_users_write_cannot_control_the_terminal(art, store, data):
    evil = "\x1b]0;gotcha\x07\u202egpj\r\x9b31m"
    art("push", "data", "c", "-d", f"line\n{evil}", "-m", f"key={evil}", "--run", evil)
    for line in (["show", "c"], ["lineage", "c"], ["run", "ls"], ["show", "c", "--json"]):
        shown = art(*line).out
        assert not set(evil) & set(shown) - set("0;gotcha]gpj31m[\\x")
        assert "gotcha" in shown
    art("show", f"c:{evil}", code=2)
    assert "\x1b" not in art("show", f"c{evil}", code=2).err
    assert "\x1b" not in art(f"x{evil}", code=2).err


def test_confirmation_needs_somebody_to_ask(art, corpus):
    assert not _output.interactive()
    result = art("rm", "corpus:v1", code=2, stdin="y\n")
    assert "there is nobody to ask" in result.err
    assert "-y" in result.err
    assert art("ls", "corpus", "-q").lines == ["demo/corpus:v1", "demo/corpus:v0"]
