"""How the tests of the command line run `art`, and what there is to look at."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import artifacts
from artifacts._session import close_stores
from artifacts.cli import _text
from artifacts.cli.main import cli

CHANGING = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "<short>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "<time>"),
    (re.compile(r"^(  new  +)[\d.]+ k?B$", re.MULTILINE), r"\1<size>"),
    (re.compile(r"\d+\.\d s\b"), "<took>"),
    (re.compile(r"by \S+@\S+"), "by <user>"),
    (re.compile(r"^  (program|commit) .*\n", re.MULTILINE), ""),
)


class Result:
    """What one command line printed, and its exit code."""

    def __init__(self, result):
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr
        self.bytes = result.stdout_bytes

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        return json.loads(self.err)["error"]

    @property
    def shown(self):
        """Stdout without what differs from run to run."""
        text = self.out.replace(str(Path.cwd()), "<here>")
        for pattern, name in CHANGING:
            text = pattern.sub(name, text)
        return text


@pytest.fixture
def art():
    """Run `art` in this process; the exit code has to be the one that is given."""

    def run(*arguments, code=0, stdin=None):
        result = Result(CliRunner().invoke(cli, list(arguments), input=stdin))
        assert result.code == code, f"{result.code}: {result.out}{result.err}"
        return result

    return run


@pytest.fixture
def store(art):
    """A store in the working directory."""
    art("init")
    return Path(".artifacts").absolute()


@pytest.fixture
def data():
    """A folder."""
    folder = Path("data")
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"hello\n")
    (folder / "sub" / "b.csv").write_bytes(b"1,2\n")
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Working directories that were made once, to be copied."""
    folder = tmp_path_factory.mktemp("prepared")

    def prepare(make):
        saved = folder / make.__name__
        if saved.exists():
            shutil.copytree(saved, ".", dirs_exist_ok=True)
        else:
            make()
            close_stores()
            shutil.copytree(".", saved)

    return prepare


@pytest.fixture
def young(monkeypatch):
    """What was prepared minutes ago looks as if it had just been made."""
    monkeypatch.setattr(_text, "time", SimpleNamespace(time=lambda: 0.0))


@pytest.fixture
def corpus(art, data, prepared, young):
    """demo/corpus:v0, which is `prod`, and v1, in which a file has changed and one was renamed."""

    def make_corpus():
        art("init")
        art("config", "set", "project", "demo", "--project")
        options = ["-a", "prod", "--tag", "golden", "-d", "two\nlines", "-m", "n=2"]
        art("push", "data", "corpus", *options)
        (data / "a.txt").write_bytes(b"hello there\n")
        (data / "sub" / "b.csv").rename(data / "sub" / "c.csv")
        art("push", "data", "corpus")

    prepared(make_corpus)
    (data / "sub" / "b.csv").unlink(missing_ok=True)
    return Path(".artifacts").absolute()


@pytest.fixture
def family(data, prepared, young):
    """raw:v0, used by `clean` which logged corpus:v0, used by `fit` which logged model:v0."""

    def make_family():
        with artifacts.init(store=".artifacts", project="demo", id="r1", name="fetch") as run:
            run.log_artifact("data", name="raw", type="dataset")
        with artifacts.init(project="demo", id="r2", name="clean", job_type="prepare") as run:
            run.use_artifact("raw:latest")
            (data / "a.txt").write_bytes(b"clean\n")
            run.log_artifact("data", name="corpus", type="dataset", aliases=["prod"])
        with artifacts.init(
            project="demo", id="r3", name="fit", job_type="train", config={"rate": 0.1}, tags=["x"]
        ) as run:
            run.use_artifact("corpus:prod")
            run.use_artifact("raw:v0")
            Path("model.bin").write_bytes(b"weights")
            run.log_artifact("model.bin", name="model", type="model")
            run.summary["loss"] = 0.5

    prepared(make_family)
