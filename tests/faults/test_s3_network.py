"""S3 over a network that breaks: either the right bytes or an error, and never anything left."""

import io
import os
import threading

import pytest

from artifacts.store.errors import (
    ConfigError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StoreNotFoundError,
)
from artifacts.store.objects import RetryingObjects, RetryPolicy, open_objects
from artifacts.store.objects.budget import MemoryBudget
from artifacts.store.objects.s3 import S3Objects
from tests import servers
from tests.proxy import proxy
from tests.support import in_forked_process

pytestmark = pytest.mark.usefixtures("s3_credentials")

MIB = 1 << 20
SMALL = os.urandom(100_000)
LARGE = os.urandom(MIB) * 18 + b"the end"
PART = 5 * MIB  # four parts of LARGE, three ranges
AT_ONCE = RetryPolicy(base=0)


def source(data):
    return lambda: io.BytesIO(data)


@pytest.fixture(scope="module")
def raw(s3_server):
    return servers.s3_client(s3_server.endpoint)


@pytest.fixture
def network(s3_server):
    with proxy(s3_server.port) as running:
        yield running


@pytest.fixture
def place(request):
    return f"network-{os.urandom(8).hex()}"


@pytest.fixture
def objects(request, network, place):
    return S3Objects(
        servers.BUCKET,
        place,
        endpoint_url=network.endpoint,
        region="us-east-1",
        addressing_style="path",
        policy=AT_ONCE,
        part_size=PART,
        budget=MemoryBudget(),
        with_obstore=getattr(request, "param", True),
    )


BOTH_READERS = pytest.mark.parametrize(
    "objects", [True, False], ids=["obstore", "s3fs"], indirect=True
)


@pytest.fixture
def retrying(objects):
    return RetryingObjects(objects, AT_ONCE)


@pytest.fixture
def stored(raw, place):
    """What really lies there."""

    def look():
        found = raw.list_objects_v2(Bucket=servers.BUCKET, Prefix=f"{place}/")
        return {
            info["Key"].partition("/")[2]: raw.get_object(Bucket=servers.BUCKET, Key=info["Key"])[
                "Body"
            ].read()
            for info in found.get("Contents", ())
        }

    return look


@pytest.fixture
def uploads(raw, place):
    """What is left of uploads in parts."""

    def look():
        found = raw.list_multipart_uploads(Bucket=servers.BUCKET, Prefix=f"{place}/")
        return [upload["Key"] for upload in found.get("Uploads", ())]

    return look


PUT = r"^PUT .*/key( |\?x-id)"
PART_2 = r"^PUT .*partNumber=2"
GET = r"^GET .*/key"
CREATE = r"^POST .*\?uploads"
COMPLETE = r"^POST .*\?uploadId"


@pytest.mark.parametrize("action", ["cut_request", "lose_response", "slow_down", "corrupt"])
def test_a_put_is_repeated(retrying, network, stored, action):
    harm = network.do(PUT, action, times=2)
    retrying.put("key", source(SMALL), size=len(SMALL))
    assert harm.done == 2
    assert stored() == {"key": SMALL}


@pytest.mark.parametrize("action", ["cut_request", "slow_down", "corrupt"])
def test_a_put_that_always_fails_is_not_visible(retrying, network, stored, action):
    harm = network.do(PUT, action, times=1000)
    with pytest.raises(StorageError) as caught:
        retrying.put("key", source(SMALL), size=len(SMALL))
    # When a connection ends without an answer, aiohttp itself tries once more.
    assert harm.done in {AT_ONCE.attempts, AT_ONCE.attempts * 2}
    assert caught.value.retryable
    assert stored() == {}


@pytest.mark.parametrize(
    ("request_", "action"),
    [
        (CREATE, "slow_down"),
        (PART_2, "cut_request"),
        (PART_2, "lose_response"),
        (PART_2, "slow_down"),
        (PART_2, "corrupt"),
        (COMPLETE, "cut_request"),
        (COMPLETE, "lose_response"),
        (COMPLETE, "slow_down"),
    ],
)
def test_a_part_is_repeated_by_itself(objects, network, stored, uploads, request_, action):
    harm = network.do(request_, action, times=1, after=100)
    objects.put("key", source(LARGE), size=len(LARGE))
    assert harm.done == 1
    assert stored() == {"key": LARGE}
    assert uploads() == []
    others = [line for line in network.requests if "partNumber=1" in line]
    assert len(others) == 1
    assert objects._budget.used == 0


@pytest.mark.parametrize("request_", [CREATE, PART_2, COMPLETE], ids=["create", "part", "end"])
def test_an_upload_that_always_fails_is_not_visible(objects, network, stored, uploads, request_):
    network.do(request_, "slow_down", times=1000)
    with pytest.raises(StorageError) as caught:
        objects.put("key", source(LARGE), size=len(LARGE))
    assert caught.value.retryable
    assert caught.value.kind == "throttled"
    assert stored() == {}
    # What is there already is left to the next attempt, until a collection gives it up.
    assert [write.key for write in objects.unfinished()] == ["key"] * len(uploads())
    assert len(uploads()) == (request_ != CREATE)
    assert objects._budget.used == 0
    objects.give_up(objects.unfinished())
    assert uploads() == []


def sent(network):
    """Numbers of the parts that were sent."""
    return sorted(
        int(line.partition("partNumber=")[2].split("&")[0].split()[0])
        for line in network.requests
        if line.startswith("PUT") and "partNumber=" in line
    )


@pytest.mark.parametrize("md5", [False, True])
def test_parts_that_arrived_are_not_sent_again(objects, network, stored, uploads, md5, monkeypatch):
    if md5:
        monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    harm = network.do(PART_2, "slow_down", times=1000)
    objects._parallel = 1  # one after the other: the first is there when the second fails
    with pytest.raises(StorageError):
        objects.put("key", source(LARGE), size=len(LARGE))
    harm.times = harm.done
    network.requests.clear()
    objects.put("key", source(LARGE), size=len(LARGE))
    assert sent(network) == [2, 3, 4]
    assert not [line for line in network.requests if "uploads" in line and "POST" in line]
    assert stored() == {"key": LARGE}
    assert uploads() == []


def test_parts_of_something_else_are_sent_again(objects, network, raw, place, stored, uploads):
    """Neither the number nor the size of a part is taken for its contents."""
    address = {"Bucket": servers.BUCKET, "Key": f"{place}/key"}
    upload = raw.create_multipart_upload(**address, ChecksumAlgorithm="CRC32")["UploadId"]
    for number, body in ((1, LARGE[:PART]), (2, bytes(PART)), (3, b"short"), (9, bytes(PART))):
        raw.upload_part(**address, UploadId=upload, PartNumber=number, Body=body)
    objects.put("key", source(LARGE), size=len(LARGE))
    assert sent(network) == [2, 3, 4]
    assert stored() == {"key": LARGE}
    assert uploads() == []


def test_the_upload_of_another_key_is_left_alone(objects, raw, place, stored, uploads):
    other = {"Bucket": servers.BUCKET, "Key": f"{place}/key.more"}
    raw.create_multipart_upload(**other)
    objects.put("key", source(LARGE), size=len(LARGE))
    assert stored() == {"key": LARGE}
    assert uploads() == [f"{place}/key.more"]


def test_a_source_that_is_too_short_leaves_nothing(objects, stored, uploads):
    with pytest.raises(StorageError, match="instead of"):
        objects.put("key", source(LARGE), size=len(LARGE) + 1)
    with pytest.raises(StorageError, match="instead of"):
        objects.put("key", source(LARGE), size=len(LARGE) - 1)
    assert stored() == {}
    assert uploads() == []


def test_an_upload_that_fails_does_not_wait_for_its_other_parts(objects, network, stored, uploads):
    stuck = network.do(r"^PUT .*partNumber=[134]", "delay", times=1000)
    network.do(PART_2, "slow_down", times=1000)
    with pytest.raises(StorageError) as caught:
        objects.put("key", source(LARGE), size=len(LARGE))
    assert caught.value.kind == "throttled"
    assert not stuck.released.is_set()
    assert objects._budget.used == 0
    assert stored() == {}


def test_an_upload_that_cannot_be_given_up_says_what_is_left(objects, network, uploads, caplog):
    network.do(r"^DELETE .*uploadId", "slow_down", times=1000)
    with pytest.raises(StorageError, match="instead of"):
        objects.put("key", source(LARGE), size=len(LARGE) + 1)
    assert len(uploads()) == 1
    assert "are left in bucket test" in caplog.text


@BOTH_READERS
@pytest.mark.parametrize("action", ["cut_response", "lose_response", "slow_down"])
def test_a_get_is_repeated(retrying, objects, network, action):
    objects.put("key", source(LARGE), size=len(LARGE))
    before = len(network.requests)
    harm = network.do(GET, action, times=3)
    with retrying.open("key") as file:
        assert file.read() == LARGE
    assert harm.done == 3
    # Three ranges, each asked for once but for those that failed; and nothing else.
    assert len(network.requests) - before == 3 + 3
    assert objects._budget.used == 0


@BOTH_READERS
@pytest.mark.parametrize("action", ["cut_response", "slow_down"])
def test_a_get_that_always_breaks_off_is_an_error(retrying, objects, network, action):
    objects.put("key", source(LARGE), size=len(LARGE))
    network.do(GET, action, times=1000)
    with pytest.raises(StorageError) as caught:
        retrying.open("key")
    assert caught.value.retryable
    with pytest.raises(StorageError):
        retrying.fetch("key", 0, 10_000)


@BOTH_READERS
def test_a_later_range_that_always_breaks_off_is_an_error(objects, network):
    objects.put("key", source(LARGE), size=len(LARGE))
    with objects.open("key") as file:
        network.do(GET, "cut_response", times=1000)
        with pytest.raises(StorageError) as caught:
            file.read()
    assert caught.value.retryable
    assert objects._budget.used == 0


@BOTH_READERS
def test_one_request_for_each_range(objects, network):
    objects.put("key", source(LARGE), size=len(LARGE))
    before = len(network.requests)
    assert objects.fetch("key", 5, 1000) == LARGE[5:1005]
    with objects.open("key", offset=7, length=1000) as file:
        assert file.read(100) == LARGE[7:107]
        assert file.read() == LARGE[107:1007]
    assert [line.split()[0] for line in network.requests[before:]] == ["GET", "GET"]


@pytest.mark.parametrize("objects", [False], ids=["s3fs"], indirect=True)
def test_closing_a_reader_ends_what_it_reads_ahead(objects, network):
    objects.put("key", source(LARGE), size=len(LARGE))
    network.do(GET, "delay", times=1000, skip=1)
    file = objects.open("key", length=len(LARGE))
    assert file.read(1) == LARGE[:1]
    assert objects._budget.used == len(LARGE)
    ahead = [range_.bytes for range_ in file._ahead]
    assert len(ahead) == 2
    file.close()
    assert all(future.cancelled() for future in ahead)
    assert objects._budget.used == 0
    with pytest.raises(ValueError, match="closed"):
        file.read(1)


def test_a_service_that_cannot_be_reached(retrying, network):
    network.refusing = True
    with pytest.raises(StorageError) as caught:
        retrying.put("key", source(SMALL), size=len(SMALL))
    assert caught.value.retryable
    for call in (
        lambda: retrying.open("key"),
        lambda: list(retrying.list()),
        lambda: list(retrying.stat(["key"])),
        lambda: retrying.delete(["key"]),
    ):
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.retryable


@pytest.mark.parametrize("size", [len(SMALL), len(LARGE)], ids=["small", "large"])
def test_reading_only(raw, objects, place, monkeypatch, size):
    raw.put_object(Bucket=servers.BUCKET, Key=f"{place}/there", Body=b"x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.READER[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.READER[1])
    assert objects.open("there").read() == b"x"
    assert [info.key for info in objects.list()] == ["there"]
    with pytest.raises(PermissionDeniedError) as caught:
        objects.put("key", source(LARGE[:size]), size=size)
    assert "s3:PutObject" in str(caught.value.hint)
    with pytest.raises(PermissionDeniedError):
        objects.delete(["there"])


@pytest.mark.parametrize(
    ("key", "secret"), [("unknownkey", "unknownsecret"), (servers.ADMIN[0], "wrongsecret")]
)
def test_wrong_credentials(objects, monkeypatch, key, secret):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with pytest.raises(PermissionDeniedError) as caught:
        objects.open("key")
    assert caught.value.kind == "bad_credentials"
    assert "AWS_ACCESS_KEY_ID" in str(caught.value.hint)
    assert secret not in f"{caught.value} {caught.value.hint} {objects!r}"


def test_no_credentials(objects, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError) as caught:
        objects.open("key")
    assert caught.value.kind == "no_credentials"


def test_an_unknown_profile(objects, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="nobody"):
        objects.open("key")


def test_settings_of_aws_are_used(s3_server, monkeypatch, tmp_path, place):
    config = tmp_path / "config"
    config.write_text(
        "[profile other]\nregion = us-east-1\n"
        f"endpoint_url = {s3_server.endpoint}\ns3 =\n  addressing_style = path\n"
        f"aws_access_key_id = {servers.ADMIN[0]}\naws_secret_access_key = {servers.ADMIN[1]}\n"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "other")
    objects = open_objects(f"s3://{servers.BUCKET}/{place}")
    objects.put("key", source(SMALL), size=len(SMALL))
    assert objects.fetch("key", 0, len(SMALL)) == SMALL


def test_the_endpoint_may_be_in_the_environment(s3_server, monkeypatch, place):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    objects = open_objects(f"s3://{servers.BUCKET}/{place}?addressing_style=path")
    objects.put("key", source(SMALL), size=len(SMALL))
    assert objects.fetch("key", 0, len(SMALL)) == SMALL


def test_a_service_that_knows_no_crc(objects, monkeypatch, network, stored):
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    objects.put("small", source(SMALL), size=len(SMALL))
    harm = network.do(PART_2, "corrupt")
    objects.put("key", source(LARGE), size=len(LARGE))
    assert harm.done == 1
    assert stored() == {"small": SMALL, "key": LARGE}
    assert set(objects._checksum(b"x")) == {"ContentMD5"}


def test_a_bucket_that_is_missing(network):
    url = f"s3://missing/x?endpoint_url={network.endpoint}&region=us-east-1&addressing_style=path"
    objects = open_objects(url)
    with pytest.raises(StoreNotFoundError, match="missing") as caught:
        objects.put("key", source(SMALL), size=len(SMALL))
    assert caught.value.kind == "bucket_not_found"
    assert caught.value.hint is not None
    with pytest.raises(StoreNotFoundError):
        objects.open("key")
    with pytest.raises(StoreNotFoundError):
        list(objects.list())


def test_memory_is_bounded(s3_server, place, tmp_path):
    budget = MemoryBudget(64 * MIB)
    objects = S3Objects(
        servers.BUCKET,
        place,
        endpoint_url=s3_server.endpoint,
        region="us-east-1",
        addressing_style="path",
        budget=budget,
    )
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(300):
            file.write(os.urandom(1000) + bytes(MIB - 1000))
    objects.put("key", lambda: path.open("rb"), size=300 * MIB)
    assert 0 < budget.peak <= 64 * MIB
    assert budget.used == 0
    with objects.open("key", length=300 * MIB) as file, path.open("rb") as expected:
        while data := file.read(3 * MIB):
            assert data == expected.read(3 * MIB)
        assert expected.read(1) == b""
    assert budget.peak <= 64 * MIB
    assert budget.used == 0


@pytest.mark.long
def test_many_threads(objects, stored):
    failures = []

    def work(number):
        try:
            for turn in range(5):
                key, data = f"{number}/{turn}", bytes([number]) * 1000
                objects.put(key, source(data), size=len(data))
                assert objects.fetch(key, 0, 1000) == data
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(stored()) == 32 * 5


def _in_child(objects):
    objects.put("child", source(SMALL), size=len(SMALL))
    return objects.fetch("parent", 0, len(SMALL)) == SMALL


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_has_a_connection_of_its_own(objects, stored):
    objects.put("parent", source(SMALL), size=len(SMALL))
    assert in_forked_process(_in_child, objects) is True
    # And that of the parent still works.
    assert objects.fetch("child", 0, len(SMALL)) == SMALL
    with pytest.raises(ObjectNotFoundError):
        objects.open("other")
    assert set(stored()) == {"parent", "child"}


def test_bodies_are_not_hashed_twice_when_tls_protects_them(place):
    objects = S3Objects(servers.BUCKET, place, endpoint_url="https://127.0.0.1:1", region="x")
    seen = {}

    async def look(client):
        client.meta.events.register(
            "before-send.s3", lambda request, **_: seen.update(request.headers)
        )

    objects._client.run(look, "connect")
    with pytest.raises(StorageError):
        objects.put("key", source(SMALL), size=len(SMALL))
    assert seen["X-Amz-Content-SHA256"] == b"UNSIGNED-PAYLOAD"
    assert seen["x-amz-checksum-crc32"] == objects._checksum(SMALL)["ChecksumCRC32"].encode()
