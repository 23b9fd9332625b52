"""What ran where is recorded with a run, without the secrets of a command line."""

import json
import logging
import os
import platform
import shlex
import socket
import stat
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import artifacts
from artifacts.runs import environment, git, observer
from artifacts.runs.masking import mask_arguments, mask_url


def stored(run_id="r"):
    return artifacts.Api(project="demo").run(run_id)


def read(name, run_id="r"):
    return stored(run_id).file(name)._entry.open().read().decode()


def names(run_id="r"):
    return [file.name for file in stored(run_id).files()]


def start(**options):
    return artifacts.init(project="demo", id="r", **options)


def run_program(*arguments, code=0):
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == code, result.stderr
    return result


@pytest.fixture
def program():
    """A program that begins a run."""
    path = Path("train.py")
    path.write_text("import artifacts\nartifacts.init(project='demo', id='r').finish()\n")
    return path


# -- the process and the machine


def test_what_ran_where(program):
    run_program("train.py", "--lr", "0.1", "fast")
    told = stored().metadata
    assert told["program"] == "train.py"
    assert told["args"] == ["--lr", "0.1", "fast"]
    assert told["cwd"] == str(Path.cwd())
    assert told["executable"] == sys.executable
    assert told["python"] == platform.python_version()
    assert told["os"].startswith(platform.system())
    assert told["host"] == socket.gethostname() == stored().host
    assert told["user"] == stored().user
    assert told["cpu_count"] == os.cpu_count()
    assert told["memory"]["total"] > 2**26
    began = datetime.fromisoformat(told["started_at"])
    assert abs(began.timestamp() - stored().start_time) < 60
    assert "git" not in told


def test_it_is_there_for_the_live_run_and_for_others(monkeypatch):
    from artifacts.runs import live

    monkeypatch.setattr(live, "INTERVAL", 0.02)
    with start() as run:
        told = run.metadata
        assert told["python"] == platform.python_version()
        run.log({"a": 1})
        while not stored().metadata:
            pass
        assert stored().metadata == told
    assert stored().metadata == run.metadata == told


def test_a_module_and_a_text_as_programs():
    folder = Path("pkg")
    folder.mkdir()
    (folder / "__init__.py").touch()
    text = "import artifacts\nartifacts.init(project='demo', id={!r}).finish()\n"
    (folder / "__main__.py").write_text(text.format("main"))
    (folder / "fit.py").write_text(text.format("fit"))
    run_program("-m", "pkg", "x")
    run_program("-m", "pkg.fit")
    run_program("-c", text.format("text"), "x")
    assert stored("main").metadata["module"] == "pkg"
    assert stored("main").metadata["args"] == ["x"]
    assert stored("fit").metadata["module"] == "pkg.fit"
    assert stored("fit").metadata["program"] == "pkg/fit.py"
    assert not {"program", "args", "module"} & stored("text").metadata.keys()


@pytest.fixture
def executes_a_file(monkeypatch):
    """This process executes a file, also where it is a worker that was told its program."""
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)


@pytest.mark.usefixtures("executes_a_file")
def test_a_prompt_has_no_program(monkeypatch):
    assert environment.find_program() is not None
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    assert environment.find_program() is None


def test_packages(monkeypatch, tmp_path):
    import pyarrow as pa

    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in (
        (first, "Some_Package-1.2.dist-info"),
        (first, "old-0.9-py3.11.egg-info"),
        (first, "not_installed"),
        (second, "some.package-7.0.dist-info"),
        (second, "other-2!1.0rc1+local.dist-info"),
    ):
        (folder / name).mkdir(parents=True)
    there = [str(first), str(second), str(tmp_path / "missing")]
    monkeypatch.setattr(sys, "path", [*there, *sys.path])
    with start() as run:
        found = run.metadata["packages"]
    assert found["some-package"] == "1.2"
    assert found["old"] == "0.9"
    assert found["other"] == "2!1.0rc1+local"
    assert found["pyarrow"] == pa.__version__
    assert list(found) == sorted(found)


def test_a_resumed_run_tells_of_its_last_process(monkeypatch):
    with start() as run:
        first = run.metadata
    with start(resume="must") as run:
        assert run.metadata["started_at"] > first["started_at"]
    assert stored().metadata == run.metadata


@pytest.mark.usefixtures("executes_a_file")
def test_text_that_is_no_unicode(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", os.fsdecode(b"\xff"), "nul\0"])
    with start() as run:
        args = run.metadata["args"]
    assert args == ["?", "nul\ufffd"]
    assert stored().metadata["args"] == args


def test_a_forked_child_is_not_kept_waiting():
    with start() as run:
        wanted = run.metadata
        pid = os.fork()
        if pid == 0:
            os._exit(0 if run.metadata == wanted else 1)
        assert os.waitpid(pid, 0)[1] == 0


def test_it_may_fail_and_does_no_harm(monkeypatch, log):
    def refuse(root, folder):
        raise PermissionError("may not look")

    monkeypatch.setattr(environment, "describe", refuse)
    with start() as run:
        run.log({"a": 1})
        assert run.metadata == {}
    assert "what ran where may not be recorded: may not look" in log.text
    assert [row["a"] for row in stored().scan_history()] == [1]


def test_the_program_is_kept_however_fast_the_observer_is(repository, monkeypatch):
    original = observer.Observer.__init__

    def slowly(self, *arguments):
        original(self, *arguments)
        if self._thread.is_alive():  # time for a thread that was begun too early
            self._thread.join()

    monkeypatch.setattr(observer.Observer, "__init__", slowly)
    Path("train.py").write_text("changed\n")
    with start() as run:
        pass
    assert stored().state == "finished"
    assert run.metadata
    assert names()


def test_init_and_finish_do_not_wait_for_ever(repository, monkeypatch):
    Path("train.py").write_text("changed\n")
    hanging = threading.Event()
    monkeypatch.setattr(observer, "_PATIENCE", 0.05)
    original = git.diff
    monkeypatch.setattr(git, "diff", lambda root: original(root) if hanging.wait(60) else None)
    with start() as run:
        assert run.metadata == {}
    thread = run._observer._thread
    assert stored().state == "finished"
    hanging.set()
    thread.join()
    # What is known too late is left out.
    assert (stored().metadata, names()) == ({}, [])
    assert not run._files.folder.exists()


# -- secrets

SECRET = "hunter2"

WITH_SECRETS = [
    "--password hunter2",
    "--password=hunter2",
    "--db-password 'hunter2 with spaces'",
    "--db_passwd=hunter2",
    "--token=hunter2",
    "-token hunter2",
    "--hf-token hunter2",
    "--HF_TOKEN=hunter2",
    "--apiKey hunter2",
    "--api-key=hunter2",
    "--aws-secret-access-key hunter2",
    "--access_key=hunter2",
    "--private-key=hunter2",
    "--client-secret hunter2",
    "--credentials=hunter2",
    "password=hunter2",
    "db.password=hunter2",
    "lr=0.1,db.token=hunter2,seed=1",
    "PGPASSWORD=hunter2",
    '\'{"api_key": "hunter2", "lr": 1}\'',
    "-H 'Authorization: Bearer hunter2'",
    "-H 'X-Api-Key: hunter2'",
    "https://hunter2@example.com/x",
    "https://me:hunter2@example.com/x",
    "postgresql://me:hunter2@db:5432/x",
    "ssh://me:hunter2@host/x",
    "--url=https://me:hunter2@example.com/x",
    "https://example.com/x?token=hunter2&n=1",
    "https://example.com/x?n=1&X-Amz-Signature=hunter2",
    "ghp_hunter2hunter2hunter2hunter2",
    "hf_hunter2hunter2hunter2hunter2",
    "sk-hunter2hunter2hunter2hunter2",
]


@pytest.mark.parametrize("line", WITH_SECRETS)
def test_secrets_of_a_command_line_are_masked(line):
    masked = mask_arguments(shlex.split(line))
    assert SECRET not in " ".join(masked)
    assert "***" in " ".join(masked)


WITHOUT_SECRETS = [
    "--lr 0.1 --epochs=3",
    "--max-tokens 512",
    "--num_tokens=512",
    "--tokenizer bert-base",
    "--author me --passes 3",
    "--key loss --monkey=1",
    "optimizer.name=adam",
    "git@github.com:me/repo.git",
    "ssh://git@github.com/me/repo.git",
    "https://example.com/x?n=1",
    "s3://bucket/key@v1",
    "C:\\data\\x",
    "--use-auth-token --verbose",
]


@pytest.mark.parametrize("line", WITHOUT_SECRETS)
def test_the_rest_stays_as_it_is(line):
    arguments = line.split(" ")
    assert mask_arguments(arguments) == arguments


NAMES = st.sampled_from(["password", "api_key", "authToken", "SECRET", "my-access-key"])
VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=6)


@given(NAMES, VALUES, st.sampled_from(["--{}={}", "{}={}", "--{}\n{}", "-{}\n{}"]))
def test_no_value_of_a_secret_is_left(name, value, form):
    value = "Q7" + value
    masked = mask_arguments(["train", *form.format(name, "@").split("\n"), "--lr=1"])
    arguments = [text.replace("@", value) for text in form.format(name, "@").split("\n")]
    assert mask_arguments(["train", *arguments, "--lr=1"]) == masked
    assert masked[-1] == "--lr=1"


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_command_line_can_be_masked(arguments):
    assert len(mask_arguments(arguments)) == len(arguments)


def test_secrets_are_nowhere_in_the_store(program, store, monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "hunter2-environment")
    run_program("train.py", "--password", "hunter2", "--url", "https://me:hunter2@example.com")
    assert stored().metadata["args"] == ["--password", "***", "--url", "https://***@example.com"]
    for path in store.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()


# -- Git


def run_git(*arguments):
    options = (
        "-c",
        "user.name=me",
        "-c",
        "user.email=me@example.com",
        "-c",
        "init.defaultBranch=main",
    )
    result = subprocess.run(
        ["git", *options, *arguments], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture
def repository():
    """A repository with one commit, and the working directory below its root."""
    run_git("init")
    Path("train.py").write_text("print('v1')\n")
    Path("sub").mkdir()
    Path("sub", "x.txt").write_text("x\n")
    run_git("add", ".")
    run_git("commit", "-m", "first")
    return Path.cwd()


def test_the_state_of_a_repository(repository, monkeypatch):
    run_git("remote", "add", "upstream", "https://example.com/upstream.git")
    run_git("remote", "add", "origin", "https://me:hunter2@example.com/me/repo.git")
    monkeypatch.chdir("sub")
    with start():
        pass
    told = stored().metadata
    assert told["git"] == {
        "remote": "https://***@example.com/me/repo.git",
        "commit": run_git("rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
    }
    assert told["cwd"] == "sub"
    assert names() == []


def test_paths_are_relative_to_the_repository(repository, program, monkeypatch):
    monkeypatch.chdir("sub")
    run_program("../train.py")
    assert stored().metadata["program"] == "train.py"


def test_what_is_not_committed_is_kept(repository):
    Path("train.py").write_text("print('v2')\n")
    Path("staged.txt").write_text("new\n")
    run_git("add", "staged.txt")
    Path("untracked.txt").write_text("not Git's\n")
    with start():
        pass
    assert stored().metadata["git"]["dirty"] is True
    assert names() == ["diff.patch", "requirements.txt"]
    patch = read("diff.patch")
    run_git("stash")
    assert Path("train.py").read_text() == "print('v1')\n"
    Path("was.patch").write_text(patch)
    run_git("apply", "was.patch")
    assert Path("train.py").read_text() == "print('v2')\n"
    assert Path("staged.txt").read_text() == "new\n"
    assert "untracked" not in patch


def test_files_that_git_does_not_know_make_nothing_dirty(repository):
    Path("untracked.txt").touch()
    with start():
        pass
    assert stored().metadata["git"]["dirty"] is False
    assert names() == []


def test_a_large_difference_is_left_out(repository):
    Path("train.py").write_text("x = 1\n" * 300_000)
    with start():
        pass
    told = stored().metadata["git"]
    assert told["dirty"] is True
    assert "left out" in told["diff"]
    assert "diff.patch" not in names()


def test_no_commit_no_branch_no_remote(repository):
    run_git("checkout", "--detach")
    detached = git.inspect(repository)
    assert detached is not None
    assert detached.commit == run_git("rev-parse", "HEAD")
    assert (detached.branch, detached.remote) == (None, None)
    Path("empty").mkdir()
    os.chdir("empty")
    run_git("init")
    Path("new.txt").touch()
    run_git("add", "new.txt")
    fresh = git.inspect(Path.cwd())
    assert fresh is not None
    assert (fresh.commit, fresh.branch, fresh.dirty) == (None, "main", True)
    with start():
        pass
    assert stored().metadata["git"]["commit"] is None


def test_it_can_be_turned_off(repository, monkeypatch):
    Path("train.py").write_text("changed\n")
    monkeypatch.setenv("ART_SAVE_GIT", "false")
    with start():
        pass
    assert "git" not in stored().metadata
    assert names() == []


def test_git_is_not_installed(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with start():
        pass
    assert "git" not in stored().metadata
    assert stored().metadata["python"]


def fake_git(monkeypatch, text):
    folder = Path("bin").absolute()
    folder.mkdir()
    path = folder / "git"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_git_refuses(repository, monkeypatch):
    fake_git(monkeypatch, "echo 'fatal: dubious ownership' >&2; exit 128")
    assert git.inspect(repository) is None
    with start():
        pass
    assert "git" not in stored().metadata


def test_git_hangs(repository, monkeypatch):
    fake_git(monkeypatch, "exec sleep 60")
    monkeypatch.setattr(git, "_PATIENCE", 0.1)
    assert git.inspect(repository) is None


def test_git_neither_asks_nor_locks(repository, monkeypatch):
    fake_git(monkeypatch, f"env > {shlex.quote(str(repository / 'told'))}; exit 1")
    git.inspect(repository)
    told = dict(line.partition("=")[::2] for line in Path("told").read_text().splitlines())
    assert (told["GIT_TERMINAL_PROMPT"], told["GIT_OPTIONAL_LOCKS"]) == ("0", "0")


def test_urls_without_credentials():
    assert mask_url("git@github.com:me/repo.git") == "git@github.com:me/repo.git"
    assert mask_url("https://token@github.com/me/repo") == "https://***@github.com/me/repo"
    assert mask_url("https://github.com/me/repo") == "https://github.com/me/repo"


# -- the program's own file


def test_the_program_is_kept_if_that_is_wanted(repository, program, monkeypatch):
    run_git("add", ".")
    run_git("commit", "-m", "second")
    monkeypatch.setenv("ART_SAVE_CODE", "true")
    monkeypatch.chdir("sub")
    run_program("../train.py")
    assert names() == ["code/train.py", "requirements.txt"]
    assert read("code/train.py") == (repository / "train.py").read_text()


def test_a_full_disk(repository, monkeypatch, log):
    Path("train.py").write_text("changed\n")
    original = Path.write_bytes

    def full(path, data):
        if path.name.endswith(".tmp"):
            raise OSError(28, "No space left on device")
        return original(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    log.set_level(logging.WARNING)
    with start() as run:
        run.log({"a": 1})
    assert "diff.patch is not among the files of the run" in log.text
    assert stored().metadata["git"]["dirty"] is True
    assert [row["a"] for row in stored().scan_history()] == [1]


def test_it_is_json(program):
    run_program("train.py")
    assert json.loads(json.dumps(stored().metadata)) == stored().metadata
