"""Files of others: S3, HTTP and what else fsspec knows, behaviour.md section 14."""

import asyncio
import importlib.util
import io
import os
import random
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest

from artifacts.store import ingest, references, walking
from artifacts.store.checkout import checkout
from artifacts.store.errors import (
    ConfigError,
    IntegrityError,
    InvalidInputError,
    PermissionDeniedError,
    StorageError,
)
from artifacts.store.manifest import Entry, Manifest, Reference
from artifacts.store.objects.external import external
from artifacts.store.objects.external_http import HttpFile
from artifacts.store.objects.external_s3 import S3File
from artifacts.store.objects.ranges import RANGE_SIZE
from artifacts.store.progress import Progress
from artifacts.store.references import ReferenceState, check_references, remote_entries
from tests import servers
from tests.support import read_tree

LARGE = os.urandom(1 << 20) * 20  # more than two ranges


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """What is tried again is tried without a pause."""
    monkeypatch.setattr(random, "uniform", lambda _low, _high: 0.0)


def ref(entry):
    assert entry.reference is not None
    return entry.reference


def opened(entry):
    return references.open_reference(ref(entry), size=entry.size)


def read(entry):
    with opened(entry) as file:
        return file.read()


def states(entries):
    return [checked.state for checked in check_references(entries)]


# -- HTTP


class Site:
    """What the server says, and what it was asked."""

    def __init__(self):
        self.files = {}
        self.log = []
        self.etags = True
        self.modified = None
        self.head = True
        self.ranges = True
        self.length = True
        self.claim = None
        self.breaks = 0
        self.status = {}
        self.redirects = {}

    def asked(self, method):
        return [range_ for said, _, range_ in self.log if said == method]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_):
        """Print nothing."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        site = self.server.site
        site.log.append((self.command, self.path, self.headers.get("Range")))
        self.close_connection = True
        if self.path in site.redirects:
            return self.send(302, {"Location": site.redirects[self.path]})
        data = site.files.get(self.path.partition("?")[0])
        if self.path in site.status or data is None:
            return self.send(site.status.get(self.path, 404), {})
        if not body and not site.head:
            return self.send(405, {})
        headers = {"ETag": f'"{hash(data)}"'} if site.etags else {}
        if site.modified:
            headers["Last-Modified"] = site.modified
        status, piece = 200, data
        asked = self.headers.get("Range")
        if asked and site.ranges:
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            if first >= len(data):
                return self.send(416, {**headers, "Content-Range": f"bytes */{len(data)}"})
            piece = data[first : last + 1]
            status = 206
            end = first + len(piece) - 1
            headers["Content-Range"] = f"bytes {first}-{end}/{len(data)}"
        if site.length:
            headers["Content-Length"] = site.claim or str(len(piece))
        self.send(status, headers, piece if body else b"")
        return None

    def send(self, status, headers, data=b""):
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.server.site.breaks and data:
            self.server.site.breaks -= 1
            data = data[: len(data) // 2]
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            return  # whoever asked has seen enough


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_):
        """Print nothing: clients may leave."""


@pytest.fixture(scope="module")
def server():
    with Quiet(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def site(server, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.site = Site()
    server.site.files["/a/data.csv"] = b"1,2\n"
    server.site.url = f"http://127.0.0.1:{server.server_port}"
    return server.site


@pytest.fixture
def url(site):
    return f"{site.url}/a/data.csv"


def test_http_records_etag_and_size_and_reads_nothing(site, url):
    [entry] = remote_entries(url, None)
    assert (entry.path, entry.size) == ("data.csv", 4)
    expected = Reference(url, str(hash(b"1,2\n")), None, hashed=False)
    assert entry.reference == expected
    assert entry.digest == expected.identity()
    assert [method for method, _, _ in site.log] == ["HEAD"]


def test_http_without_etag(site, url):
    site.etags, site.modified = False, "Sun, 22 Nov 2026 06:00:00 GMT"
    [entry] = remote_entries(url, None)
    assert ref(entry).etag == "last-modified=Sun, 22 Nov 2026 06:00:00 GMT;length=4"
    assert read(entry) == b"1,2\n"
    site.modified = "Sun, 22 Nov 2026 07:00:00 GMT"
    assert states([entry]) == ["changed"]


def test_http_that_says_nothing(site, url):
    site.etags = site.length = site.ranges = False
    [entry] = remote_entries(url, "x.csv")
    assert (entry.path, entry.size, ref(entry).etag) == ("x.csv", 0, None)
    assert read(entry) == b"1,2\n"
    assert states([entry]) == ["ok"]


@pytest.mark.parametrize("ranges", [True, False])
def test_http_without_head(site, url, ranges):
    site.head, site.ranges = False, ranges
    [entry] = remote_entries(url, None)
    assert entry.size == 4
    assert site.asked("GET") == ["bytes=0-0"]
    assert read(entry) == b"1,2\n"


def test_http_in_ranges(site, url):
    site.files["/a/data.csv"] = LARGE
    [entry] = remote_entries(url, None)
    with opened(entry) as file:
        file.seek(len(LARGE) - 5)
        assert file.read() == LARGE[-5:]
    assert len(site.asked("GET")) == 2
    assert read(entry) == LARGE


def test_http_without_ranges_is_streamed(site, url):
    site.files["/a/data.csv"], site.ranges = LARGE, False
    [entry] = remote_entries(url, None)
    assert read(entry) == LARGE
    assert site.asked("GET") == [f"bytes=0-{RANGE_SIZE - 1}"]


def test_http_an_empty_file(site, url):
    site.files["/a/data.csv"] = b""
    [entry] = remote_entries(url, None)
    assert entry.size == 0
    assert read(entry) == b""


def test_http_an_answer_that_breaks_off_is_asked_for_again(site, url):
    [entry] = remote_entries(url, None)
    site.breaks = 1
    assert read(entry) == b"1,2\n"
    site.breaks = 100
    with pytest.raises(StorageError) as caught:
        read(entry)
    assert caught.value.retryable


def test_http_a_stream_that_breaks_off(store, site, url, tmp_path):
    site.files["/a/data.csv"], site.ranges = LARGE, False
    [entry] = remote_entries(url, "new/x")
    site.breaks = 100
    with pytest.raises(StorageError):
        checkout(store, [entry], str(tmp_path / "out"))
    assert read_tree(tmp_path / "out") == {}


def test_http_changes_while_it_is_read(site, url):
    site.files["/a/data.csv"] = LARGE
    [entry] = remote_entries(url, None)
    with opened(entry) as file:
        assert file.read(3) == LARGE[:3]
        site.files["/a/data.csv"] = b"x" * len(LARGE)
        with pytest.raises(IntegrityError) as caught:
            file.read()
    assert caught.value.kind == "reference_changed"


def test_http_redirects(site):
    site.redirects["/old?x=1"] = "/a/data.csv"
    [entry] = remote_entries(f"{site.url}/old?x=1", None)
    assert (entry.path, ref(entry).uri) == ("old", f"{site.url}/old?x=1")
    assert read(entry) == b"1,2\n"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "s3://test/x"])
def test_http_redirects_lead_nowhere_else(site, target):
    site.redirects["/old"] = target
    with pytest.raises(StorageError, match="leads to something that is not http") as caught:
        remote_entries(f"{site.url}/old", None)
    assert caught.value.kind == "bad_redirect"
    assert target not in str(caught.value)


def test_http_redirects_without_end(site):
    site.redirects["/old"] = "/old"
    with pytest.raises(StorageError, match="redirected without end"):
        remote_entries(f"{site.url}/old", None)


def test_errors_do_not_say_where_a_redirect_led(site):
    site.redirects["/old"] = "http://127.0.0.1:1/x?X-Amz-Signature=hidden"
    with pytest.raises(StorageError) as caught:
        remote_entries(f"{site.url}/old", None)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_http_nothing_there(site, url):
    with pytest.raises(InvalidInputError, match="nothing to reference at") as caught:
        remote_entries(f"{site.url}/none", None)
    assert caught.value.kind == "reference_missing"
    [entry] = remote_entries(url, None)
    site.files.clear()
    assert states([entry]) == ["missing"]
    with pytest.raises(IntegrityError, match="does not exist") as gone:
        read(entry)
    assert gone.value.kind == "reference_missing"


@pytest.mark.parametrize(
    ("status", "error"), [(403, PermissionDeniedError), (503, StorageError), (418, StorageError)]
)
def test_http_refused(site, url, status, error):
    [entry] = remote_entries(url, None)
    site.status["/a/data.csv"] = status
    with pytest.raises(error, match=f"status {status}"):
        remote_entries(url, None)
    assert states([entry]) == ["unreachable"]


def test_http_a_server_that_is_busy_is_asked_again(site, url):
    site.status["/a/data.csv"] = 503
    with pytest.raises(StorageError):
        remote_entries(url, None)
    assert len(site.asked("GET")) == 4


def test_http_a_size_that_cannot_be(site, url):
    site.claim = str(1 << 63)
    with pytest.raises(IntegrityError, match="size that no file can have"):
        remote_entries(url, None)


def test_http_nobody_listens(site):
    with pytest.raises(StorageError, match="could not look at"):
        remote_entries("http://127.0.0.1:1/x", None)


def test_http_changed(store, site, url, tmp_path):
    [entry] = remote_entries(url, None)
    site.files["/a/data.csv"] = b"3,4\n"
    assert states([entry]) == ["changed"]
    with pytest.raises(IntegrityError, match="has changed since it was logged") as caught:
        checkout(store, [entry], str(tmp_path / "out"))
    assert caught.value.kind == "reference_changed"
    assert "log it again" in (caught.value.hint or "")


def test_who_does_not_answer_is_not_taken_for_missing(store, site, url, tmp_path):
    [entry] = remote_entries(url, None)
    site.status["/a/data.csv"] = 500
    with pytest.raises(StorageError):
        checkout(store, [entry], str(tmp_path / "out"), allow_missing_references=True)


def test_what_was_begun_is_not_published(store, site, url, tmp_path):
    """A new folder comes to its name as a whole."""
    site.files |= {"/a/data.csv": LARGE, "/a/good": b"good"}
    [entry] = remote_entries(url, "new/x")
    [good] = remote_entries(f"{site.url}/a/good", "new/y")

    class Changing(Progress):
        def advance(self, files, size):
            site.files["/a/data.csv"] = b"y" * len(LARGE)

    result = checkout(
        store,
        [entry, good],
        str(tmp_path / "out"),
        allow_missing_references=True,
        progress=Changing(),
    )
    assert result.skipped == ("new/x",)
    assert read_tree(tmp_path / "out") == {"new/y": b"good"}


@pytest.mark.parametrize(
    ("hops", "kind"), [(["https", "http"], "insecure_redirect"), (["http", "https"], None)]
)
def test_http_redirects_stay_encrypted(hops, kind):
    def response(scheme, history=()):
        return SimpleNamespace(
            url=SimpleNamespace(scheme=scheme), history=history, close=lambda: None
        )

    class Session:
        async def request(self, *_, **__):
            return response(hops[1], [response(hops[0])])

    place = external(f"{hops[0]}://host/x")
    assert isinstance(place, HttpFile)
    if kind is None:
        assert asyncio.run(place._request(Session(), "GET")).url.scheme == "https"
        return
    with pytest.raises(StorageError, match="from https:// to http://") as caught:
        asyncio.run(place._request(Session(), "GET"))
    assert caught.value.kind == kind


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_http_after_a_fork(site, url):
    [entry] = remote_entries(url, None)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if read(entry) == b"1,2\n" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert read(entry) == b"1,2\n"


# -- S3


class Bucket:
    """A bucket of its own."""

    def __init__(self, server, *, versioned):
        self.client = servers.s3_client(server.endpoint)
        self.name = f"refs-{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=self.name)
        if versioned:
            self.client.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
            )
        self.query = f"?endpoint_url={server.endpoint}&region=us-east-1&addressing_style=path"

    def put(self, key, data):
        return self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def delete(self, key, **version):
        self.client.delete_object(Bucket=self.name, Key=key, **version)

    def uri(self, path, more=""):
        return f"s3://{self.name}/{path}{self.query}{more}"


@pytest.fixture
def bucket(s3_credentials, s3_server):
    return Bucket(s3_server, versioned=False)


@pytest.fixture
def versioned(s3_credentials, s3_server):
    return Bucket(s3_server, versioned=True)


def test_s3_an_object(bucket):
    etag = bucket.put("in/a.txt", b"aaa")["ETag"].strip('"')
    [entry] = remote_entries(bucket.uri("in/a.txt"), None)
    assert (entry.path, entry.size) == ("a.txt", 3)
    assert entry.reference == Reference(bucket.uri("in/a.txt"), etag, None, hashed=False)
    assert read(entry) == b"aaa"


def test_s3_names_that_a_uri_has_to_quote(bucket):
    bucket.put("in/50% #1?.txt", b"x")
    [listed] = remote_entries(bucket.uri("in"), None)
    assert listed.path == "50% #1?.txt"
    assert read(listed) == b"x"
    [one] = remote_entries(ref(listed).uri, None)
    assert one.same_content(listed)


@pytest.mark.parametrize("prefix", ["in", "in/"])
def test_s3_a_prefix(bucket, prefix):
    for key in ("in/a.txt", "in/sub/b.txt", "inner/c.txt", "in/folder/"):
        bucket.put(key, key.encode())
    entries = remote_entries(bucket.uri(prefix), "train")
    assert [entry.path for entry in entries] == ["train/a.txt", "train/sub/b.txt"]
    assert [entry.size for entry in entries] == [8, 12]
    [head] = remote_entries(bucket.uri("in/a.txt"), "train/a.txt")
    assert entries[0] == head
    assert states(entries) == ["ok", "ok"]


def test_s3_a_bucket(bucket):
    bucket.put("a.txt", b"a")
    assert [entry.path for entry in remote_entries(bucket.uri(""), None)] == ["a.txt"]


def test_s3_too_many(bucket):
    for i in range(3):
        bucket.put(f"in/{i}", b"")
    with pytest.raises(InvalidInputError, match="Exceeded 2 objects tracked, pass max_objects"):
        remote_entries(bucket.uri("in"), None, limit=2)
    assert len(remote_entries(bucket.uri("in"), None, limit=3)) == 3


def test_s3_pages(bucket, monkeypatch):
    for i in range(5):
        bucket.put(f"in/{i}", b"")
    place = external(bucket.uri("in"))
    assert isinstance(place, S3File)
    real = S3File._page

    def page(self, what, prefix, token):
        two: Any = {"MaxKeys": 2}
        return real(self, what, prefix, {**token, **two})

    monkeypatch.setattr(S3File, "_page", page)
    assert [path for path, _, _ in place.list()] == ["0", "1", "2", "3", "4"]


def test_s3_large(bucket, store, tmp_path):
    bucket.put("big", LARGE)
    [entry] = remote_entries(bucket.uri("big"), None)
    with opened(entry) as file:
        file.seek(-5, io.SEEK_END)
        assert file.read() == LARGE[-5:]
    checkout(store, [entry], str(tmp_path / "out"))
    assert (tmp_path / "out/big").read_bytes() == LARGE


def test_s3_changed_and_gone(bucket):
    bucket.put("a", b"aaa")
    bucket.put("b", b"bbb")
    entries = [remote_entries(bucket.uri(key), None)[0] for key in "ab"]
    bucket.put("a", b"AAA")
    bucket.delete("b")
    assert states(entries) == ["changed", "missing"]
    with pytest.raises(IntegrityError) as caught:
        read(entries[0])
    assert caught.value.kind == "reference_changed"


def test_s3_changes_while_it_is_read(bucket):
    bucket.put("a", LARGE)
    [entry] = remote_entries(bucket.uri("a"), None)
    with opened(entry) as file:
        assert file.read(3) == LARGE[:3]
        bucket.put("a", b"x" * len(LARGE))
        with pytest.raises(IntegrityError) as caught:
            file.read()
    assert caught.value.kind == "reference_changed"


def test_s3_the_version_is_recorded_and_read(versioned):
    version_id = versioned.put("in/a", b"old")["VersionId"]
    [entry] = remote_entries(versioned.uri("in/a"), None)
    assert ref(entry).version_id == version_id
    assert ref(entry).uri == versioned.uri("in/a")
    versioned.put("in/a", b"newer")
    assert read(entry) == b"old"
    assert states([entry]) == ["ok"]
    versioned.delete("in/a")
    assert read(entry) == b"old"
    versioned.delete("in/a", VersionId=version_id)
    assert states([entry]) == ["missing"]


def test_s3_a_prefix_with_versions(versioned):
    versioned.put("in/a", b"old")
    expected = [
        versioned.put("in/a", b"new")["VersionId"],
        versioned.put("in/b", b"b")["VersionId"],
    ]
    versioned.put("in/c", b"gone")
    versioned.delete("in/c")
    entries = remote_entries(versioned.uri("in"), None)
    assert [entry.path for entry in entries] == ["a", "b"]
    assert [ref(entry).version_id for entry in entries] == expected
    versioned.put("in/a", b"newer")
    assert [read(entry) for entry in entries] == [b"new", b"b"]


def test_s3_a_version_that_is_asked_for(versioned):
    version_id = versioned.put("a", b"old")["VersionId"]
    versioned.put("a", b"new")
    [entry] = remote_entries(versioned.uri("a", f"&versionId={version_id}"), None)
    assert ref(entry).version_id == version_id
    assert read(entry) == b"old"
    with pytest.raises(InvalidInputError, match="nothing to reference at"):
        remote_entries(versioned.uri("a", "&versionId=0123456789abcdef"), None)


def test_s3_an_earlier_version_is_found_by_its_etag(versioned):
    versioned.put("a", b"old")
    [entry] = remote_entries(versioned.uri("a"), None)
    reference = ref(entry)._replace(version_id=None)
    versioned.put("a", b"new")
    versioned.put("a2", b"other")
    with references.open_reference(reference, size=3) as file:
        assert file.read() == b"old"
    with references.open_reference(reference) as file:
        assert file.read() == b"old"
    with pytest.raises(IntegrityError):
        references.open_reference(reference._replace(etag="0" * 32), size=3)


def test_s3_no_bucket(bucket):
    with pytest.raises(InvalidInputError, match="nothing to reference at"):
        remote_entries(bucket.uri("a").replace(bucket.name, "no-such-bucket"), None)


def test_s3_wrong_credentials(bucket, monkeypatch):
    bucket.put("a", b"a")
    [entry] = remote_entries(bucket.uri("a"), None)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(PermissionDeniedError) as caught:
        remote_entries(bucket.uri("a"), None)
    assert "wrong" not in str(caught.value)
    assert states([entry]) == ["unreachable"]


# -- other protocols


@pytest.fixture
def memory():
    fs = fsspec.filesystem("memory")
    root = f"/refs-{secrets.token_hex(6)}"
    fs.pipe({f"{root}/a.txt": b"aaa", f"{root}/sub/b.txt": b"b"})
    yield fs, root
    fs.rm(root, recursive=True)


def test_memory(memory, store, tmp_path):
    fs, root = memory
    entries = remote_entries(f"memory:/{root}", None)
    assert [(entry.path, entry.size) for entry in entries] == [("a.txt", 3), ("sub/b.txt", 1)]
    assert ref(entries[0]).uri == f"memory:/{root}/a.txt"
    [one] = remote_entries(f"memory:/{root}/a.txt", None)
    assert one == entries[0]
    checkout(store, entries, str(tmp_path / "out"))
    assert read_tree(tmp_path / "out") == {"a.txt": b"aaa", "sub/b.txt": b"b"}
    fs.pipe(f"{root}/a.txt", b"AAA")
    fs.rm(f"{root}/sub/b.txt")
    assert states(entries) == ["changed", "missing"]


def test_memory_nothing_there(memory):
    with pytest.raises(InvalidInputError, match="nothing to reference at"):
        remote_entries("memory://no/such/thing", None)


def test_memory_too_many(memory):
    with pytest.raises(InvalidInputError, match="Exceeded 1 objects"):
        remote_entries(f"memory:/{memory[1]}", None, limit=1)


# -- without a checksum


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("http://127.0.0.1:1/in/a.txt?x=1", "a.txt"),
        ("s3://no-such-bucket/in/folder/", "folder"),
        ("s3://no-such-bucket", "no-such-bucket"),
        ("memory://no/such", "such"),
        ("ftp://127.0.0.1:1/in/a.txt", "a.txt"),
    ],
)
def test_without_a_checksum_nobody_is_asked(uri, path):
    [entry] = remote_entries(uri, None, checksum=False)
    assert (entry.path, entry.size, ref(entry).etag) == (path, 0, None)
    assert entry.digest == Reference(ref(entry).uri, hashed=False).identity()
    Manifest([entry])


def test_without_a_checksum_whatever_is_there_is_read(store, site, url, tmp_path):
    [entry] = remote_entries(url, None, checksum=False)
    assert site.log == []
    site.files["/a/data.csv"] = b"changed"
    checkout(store, [entry], str(tmp_path / "out"))
    assert Path(tmp_path / "out/data.csv").read_bytes() == b"changed"


def test_without_a_checksum_the_version_counts():
    [entry] = remote_entries("s3://bucket/a?versionId=7", None, checksum=False)
    assert entry.reference == Reference("s3://bucket/a", None, "7", hashed=False)


# -- URIs


@pytest.mark.parametrize(
    ("uri", "named"),
    [
        ("https://user:hidden@host/x", "user information"),
        ("https://hidden@host/x", "user information"),
        ("s3://hidden:hidden@bucket/x", "user information"),
        ("sftp://user:hidden@host/x", "user information"),
        ("https://host/x?X-Amz-Signature=hidden", "'X-Amz-Signature'"),
        ("https://host/x?a=1&access_token=hidden", "'access_token'"),
        ("https://host/x?api_key=hidden", "'api_key'"),
        ("https://host/x?sig=hidden&se=1", "'sig'"),
        ("s3://bucket/x?secret=hidden", "'secret'"),
        ("s3://bucket/x?endpoint_url=http://a:hidden@host", "user information"),
    ],
)
def test_credentials_are_refused_and_not_repeated(uri, named):
    with pytest.raises(InvalidInputError, match="credentials do not belong") as caught:
        remote_entries(uri, None, checksum=False)
    assert caught.value.kind == "credentials_in_uri"
    assert named in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3:///key",
        "s3://bucket/a#b",
        "s3://bucket/a?x=1",
        "s3://bucket/a?region=",
        "s3://bucket/a?addressing_style=odd",
        "s3://bucket/a?endpoint_url=ftp://host",
        "http:///x",
        "http://host:port/x",
        "http://[host/x",
        "https://host/a\nb",
        "local:///etc/passwd",
        "simplecache::http://host/x",
        "://x",
        "http://host/" + "x" * 9000,
    ],
)
def test_uris_that_cannot_be_used(uri):
    with pytest.raises(InvalidInputError) as caught:
        remote_entries(uri, None, checksum=False)
    assert caught.value.kind == "bad_uri"


def test_ordinary_parameters_are_no_credentials():
    uri = "https://host/x?page=2&author=me&keyword=cat&monkey=1&passive=1&tokenizer=bpe"
    [entry] = remote_entries(uri, None, checksum=False)
    assert ref(entry).uri == uri


def test_an_unknown_protocol():
    with pytest.raises(InvalidInputError, match="there is no protocol gopher") as caught:
        remote_entries("gopher://host/x", None)
    assert caught.value.kind == "unsupported_reference"


@pytest.mark.parametrize(("uri", "extra"), [("s3://b/k", "s3"), ("https://h/k", "http")])
def test_a_package_that_is_missing(monkeypatch, uri, extra):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError) as caught:
        remote_entries(uri, None)
    assert f"artifacts-cas[{extra}]" in (caught.value.hint or "")


# -- files of this machine


def test_local_files(tmp_path):
    for name in ("same", "changed", "gone"):
        (tmp_path / name).write_bytes(b"abc")
    entries = [
        ingest.reference_entry(
            (tmp_path / name).as_uri(), walking.source_file(str(tmp_path / name), name), checksum=c
        )
        for name, c in [("same", True), ("same", False), ("changed", True), ("gone", True)]
    ]
    (tmp_path / "changed").write_bytes(b"xyz")
    (tmp_path / "gone").unlink()
    found = list(check_references([*entries, Entry("x", entries[0].digest, 3)]))
    assert [checked.state for checked in found] == ["ok", "ok", "changed", "missing"]
    assert [bool(checked.detail) for checked in found] == [False, False, True, True]
    assert found[0].state is ReferenceState.OK
