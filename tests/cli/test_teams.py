"""Two machines and two servers: what one has logged, the other one finds, and fetches only once."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests import servers
from tests.proxy import proxy

MAIN = "from artifacts.cli.main import main; main()"
TRAIN = """
import artifacts, pathlib
with artifacts.init(project="demo", name="fit", job_type="train") as run:
    corpus = run.use_artifact("corpus:prod").download("data")
    text = (pathlib.Path(corpus) / "a.txt").read_text()
    pathlib.Path("model.bin").write_text(text.upper())
    run.log_artifact("model.bin", name="model", type="model", aliases=["candidate"])
"""
CRASH = """
import artifacts, os, pathlib, signal
run = artifacts.init(project="demo", name="crash")
pathlib.Path("late.bin").write_bytes(bytes(range(256)) * 2000)
run.log_artifact("late.bin", name="late", type="dataset", aliases=["prod"])
os.kill(os.getpid(), signal.SIGKILL)
"""
FILES = {"a.txt": b"hello\n", "large.bin": os.urandom(1 << 20), "sub/b.csv": b"1,2\n"}


class Machine:
    """A home and a working folder of its own; what runs there shares nothing else."""

    def __init__(self, folder, identity):
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir(parents=True)
        self.work.mkdir()
        own = {name: text for name, text in os.environ.items() if not name.startswith("ART_")}
        self.environment = {
            **{name: text for name, text in own.items() if not name.startswith("XDG_")},
            "HOME": str(self.home),
            "ART_PROJECT": "demo",
        }
        self.identify(identity)

    def identify(self, identity):
        """Become somebody else to the object service."""
        self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"] = identity

    def python(self, code, *arguments, expected=0):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=self.work, env=self.environment,
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == expected, done.stdout + done.stderr
        return done

    def art(self, *arguments, code=0):
        return self.python(MAIN, *arguments, expected=code)

    def json(self, *arguments):
        return json.loads(self.art(*arguments, "--json").stdout)

    def files(self, name):
        root = self.work / name
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def service(s3_server):
    """The object service, as all machines see it: through a proxy that counts requests."""
    with proxy(s3_server.port) as found:
        yield found


@pytest.fixture
def url(service):
    return servers.s3_url(service.endpoint, f"teams-{os.urandom(8).hex()}")


@pytest.fixture
def first(tmp_path, s3_credentials, url, postgres_url):
    """The machine that makes the store, and logs corpus:v0 in it."""
    machine = Machine(tmp_path / "first", servers.ADMIN)
    for name, content in FILES.items():
        path = machine.work / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    machine.art("init", "--objects", url, "--catalog", postgres_url)
    machine.art("push", "corpus", "corpus", "-a", "prod")
    return machine


@pytest.fixture
def second(tmp_path, first, postgres_url):
    """A machine that knows nothing but the address of the catalog, and may only read."""
    machine = Machine(tmp_path / "second", servers.READER)
    machine.environment["ART_STORE"] = postgres_url
    return machine


def test_what_one_logs_the_other_finds_and_fetches_once(first, second, service):
    first.python(TRAIN)
    second.art("pull", "corpus:prod", "-o", "out")
    assert second.files("out") == FILES
    lineage = second.art("lineage", "model:candidate").stdout
    assert "fit (train)" in lineage
    assert "corpus:v0 [latest, prod]" in lineage

    before = len(service.requests)
    assert before
    second.art("pull", "corpus:prod", "-o", "again")
    assert second.files("again") == FILES
    assert service.requests[before:] == []

    service.refusing = True  # it need not even be there
    second.art("pull", "corpus:prod", "-o", "third")
    assert second.files("third") == FILES


@pytest.mark.long
def test_who_may_only_read_is_told_so(first, second):
    (second.work / "new.bin").write_bytes(os.urandom(1000))
    failed = second.art("push", "new.bin", code=16).stderr
    assert "Access Denied" in failed
    assert "Hint: the credentials need s3:GetObject, s3:PutObject" in failed
    assert servers.READER[1] not in failed
    assert second.art("ls", "-q").stdout == "corpus\n"
    report = json.loads(second.art("doctor", "--json", code=1).stdout)
    assert {one["what"] for one in report["findings"] if one["state"] == "fail"} == {"objects: put"}
    assert first.json("doctor")["healthy"] is True
    second.identify(servers.ADMIN)
    second.art("push", "new.bin")
    assert second.json("check", "--read-data")["versions"] == 2


@pytest.mark.long
def test_a_clone_of_the_project_finds_the_store(first, tmp_path):
    clone = Machine(tmp_path / "third", servers.READER)
    (clone.work / ".artifacts").mkdir()
    for name in (".gitignore", "store.toml"):  # what Git takes along
        shutil.copy(first.work / ".artifacts" / name, clone.work / ".artifacts")
    clone.art("pull", "corpus:prod", "-o", "out")
    assert clone.files("out") == FILES
    secret = servers.ADMIN[1].encode()
    for path in [*first.work.rglob("*"), *first.home.rglob("*")]:
        assert not path.is_file() or secret not in path.read_bytes(), path


@pytest.mark.long
def test_what_a_killed_process_had_logged_is_finished(first, second, service):
    service.refusing = True
    first.python(CRASH, expected=-signal.SIGKILL)
    service.refusing = False
    [waiting] = first.json("sync", "--list")["waiting"]
    assert (waiting["name"], waiting["aliases"]) == ("late", ["prod"])
    assert second.art("sync").stdout == "nothing is waiting\n"
    assert first.art("sync").stdout == "delivered demo/late:v0\n"
    second.art("pull", "late:prod", "-o", "out")
    assert second.files("out") == {"late.bin": bytes(range(256)) * 2000}
    assert first.art("sync").stdout == "nothing is waiting\n"
