"""What obstore's answers mean, and when it is left alone."""

import contextlib
import http.server
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError

import pytest

from artifacts.store.errors import ObjectNotFoundError, PermissionDeniedError, StorageError
from artifacts.store.objects import s3_obstore
from artifacts.store.objects.budget import MemoryBudget
from artifacts.store.objects.retrying import RetryPolicy
from artifacts.store.objects.s3 import S3Objects
from tests.support import in_forked_process

MIB = 1 << 20
DATA = bytes(range(256)) * 4096 * 4  # 4 MiB


class Service(http.server.ThreadingHTTPServer):
    """Answers every GET as it is told to.

    Attributes:
        answer: Called with the handler.
        agents: Of the requests so far.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = send_range
        self.agents = []

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Say nothing of clients that went away."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.agents.append(self.headers.get("User-Agent", ""))
        self.close_connection = True
        self.server.answer(self)

    def log_message(self, *args):
        pass


def send_range(handler, pause=0.0):
    start, end = handler.headers["Range"].removeprefix("bytes=").split("-")
    data = DATA[int(start) : int(end) + 1]
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes {start}-{int(start) + len(data) - 1}/{len(DATA)}")
    handler.send_header("Content-Length", str(len(data)))
    handler.send_header("ETag", '"tag"')
    handler.send_header("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT")
    handler.end_headers()
    for position in range(0, len(data), MIB // 4):
        handler.wfile.write(data[position : position + MIB // 4])
        time.sleep(pause)


def send_status(status, code=None, headers=()):
    def answer(handler):
        body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def send_less(handler):
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 0-99/{len(DATA)}")
    handler.send_header("Content-Length", "100")
    handler.send_header("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)


def send_all(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(DATA)))
    handler.send_header("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT")
    handler.end_headers()
    handler.wfile.write(DATA)


def send_nonsense(handler):
    handler.wfile.write(b"hello\r\n\r\n")


@pytest.fixture
def service(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secretsecret")
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        yield service
        service.shutdown()
        thread.join()


@pytest.fixture
def reader(service):
    reader = s3_obstore.open_reader("bucket", service.endpoint, "us-east-1", None)
    assert reader is not None
    return reader


@pytest.fixture
def objects(service):
    return S3Objects(
        "bucket",
        endpoint_url=service.endpoint,
        region="us-east-1",
        budget=MemoryBudget(),
        policy=RetryPolicy(attempts=1),
    )


def used(service):
    """By whom the service was asked, in order."""
    return ["s3fs" if "botocore" in agent.lower() else "obstore" for agent in service.agents]


def test_a_range(reader):
    found = reader.read("name", "key", 10, 100)
    assert (bytes(found.data), found.object_size) == (DATA[10:110], len(DATA))


def test_a_fast_service_is_asked_for_the_whole_range(reader):
    assert reader._is_slow
    first = reader.read("name", "key", 0, len(DATA))
    assert not reader._is_slow
    second = reader.read("name", "key", 0, len(DATA))
    assert bytes(first.data) == bytes(second.data) == DATA


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_what_passes(service, reader, status):
    service.answer = send_status(status)
    with pytest.raises(StorageError, match=f"answered {status}") as caught:
        reader.read("name", "key", 0, 10)
    assert caught.value.retryable
    assert len(service.agents) == 1  # it repeats nothing by itself


def test_throttling(service, reader):
    service.answer = send_status(503, "SlowDown")
    with pytest.raises(StorageError) as caught:
        reader.read("name", "key", 0, 10)
    assert (caught.value.kind, caught.value.retryable) == ("throttled", True)


@pytest.mark.parametrize("answer", [send_less, send_nonsense])
def test_an_answer_that_breaks_off(service, reader, answer):
    service.answer = answer
    with pytest.raises(StorageError) as caught:
        reader.read("name", "key", 0, 100)
    assert caught.value.retryable
    assert service.endpoint not in str(caught.value)


def test_no_service(service, reader):
    service.shutdown()
    service.server_close()
    with pytest.raises(StorageError, match="connection") as caught:
        reader.read("name", "key", 0, 10)
    assert caught.value.retryable


def test_past_the_end(service, reader):
    service.answer = send_status(416, "InvalidRange")
    assert reader.read("name", "key", 20, 10) == (b"", 20)


def test_an_object_that_is_missing(service, reader):
    service.answer = send_status(404, "NoSuchKey")
    with pytest.raises(ObjectNotFoundError, match="key"):
        reader.read("name", "key", 0, 10)


@pytest.mark.parametrize(
    "answer",
    [
        send_status(404, "NoSuchBucket"),
        send_status(403, "AccessDenied"),
        send_status(400, "ExpiredToken"),
        send_status(301, "PermanentRedirect"),
        send_all,
    ],
    ids=["bucket", "rights", "token", "region", "no-ranges"],
)
def test_what_has_to_be_found_out(service, reader, answer):
    service.answer = answer
    assert reader.read("name", "key", 0, 10) is None


def test_s3fs_says_what_is_wrong(service, objects):
    service.answer = send_status(403, "AccessDenied")
    with pytest.raises(PermissionDeniedError):
        objects.fetch("key", 0, 10)
    assert used(service) == ["obstore", "s3fs"]


def test_what_only_s3fs_can_do_is_left_to_it(service, objects, caplog):
    def refuse_obstore(handler):
        by_obstore = "botocore" not in handler.headers["User-Agent"].lower()
        (send_status(403, "AccessDenied") if by_obstore else send_range)(handler)

    service.answer = refuse_obstore
    with caplog.at_level(logging.INFO, logger="artifacts.store.objects"):
        for _ in range(3):
            assert objects.fetch("key", 0, 10) == DATA[:10]
    assert used(service) == ["obstore", "s3fs", "s3fs", "s3fs"]
    assert "through s3fs from now on" in caplog.text


def test_a_range_that_nobody_waits_for_ends(service, reader):
    ended = threading.Event()

    def send_slowly(handler):
        with contextlib.suppress(OSError):
            send_range(handler, pause=0.3)
        ended.set()

    service.answer = send_slowly
    future = reader.submit(lambda given_up: reader.read("name", "key", 0, len(DATA), given_up))
    while not service.agents:
        time.sleep(0.01)
    assert not future.cancel()
    assert isinstance(future.exception(timeout=3), CancelledError)
    assert ended.wait(3)  # of 16 pieces, 0.3 s each


def _read_in_child(objects):
    return objects.fetch("key", 0, 10) == DATA[:10], objects._obstore() is None


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_leaves_it_alone(service, objects):
    assert objects.fetch("key", 0, 10) == DATA[:10]
    assert in_forked_process(_read_in_child, objects) == (True, True)
    assert objects.fetch("key", 0, 10) == DATA[:10]
    assert used(service) == ["obstore", "s3fs", "obstore"]


@pytest.mark.parametrize("imported", [True, False])
def test_who_imported_obstore_may_have_forked(imported, service):
    code = (
        f"{'import obstore' if imported else ''}\n"
        "from artifacts.store.objects.s3_obstore import open_reader\n"
        f"print(open_reader('bucket', {service.endpoint!r}, 'us-east-1', None) is None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)


def test_without_obstore(monkeypatch, service, objects):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert objects.fetch("key", 0, 10) == DATA[:10]
    assert used(service) == ["s3fs"]
