"""One large object on its way to S3 in parts; an upload that was interrupted is gone on with."""

from __future__ import annotations

import io
import logging
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from artifacts.store.errors import ArtifactsError, PermissionDeniedError, StorageError
from artifacts.store.objects.base import UnfinishedWrite

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from concurrent.futures import Future

    from artifacts.store.objects.budget import MemoryBudget
    from artifacts.store.objects.retrying import RetryPolicy
    from artifacts.store.objects.s3_client import S3Client

log = logging.getLogger(__name__)

Result = TypeVar("Result")

PART_SIZE = 16 << 20
"""Parts of a large object have this many bytes."""

_MOST_PARTS = 10_000
_PLAIN_BODY = 1 << 20
"""Bodies up to this size are sent in one go; larger ones piecemeal, so that others get a turn."""

_MIB = 1 << 20


class Source(Protocol):
    """What an upload asks of the object store to which it belongs."""

    def read_part(self, start: int, end: int) -> bytes:
        """Return a part of what is to be stored."""

    def checksum(self, data: bytes) -> dict[str, str]:
        """Return the parameter by which the service verifies a body."""

    def is_there(self) -> bool:
        """Whether the object is complete."""


class _Part(NamedTuple):
    """A part that the service has.

    Attributes:
        crc: Its CRC32 as the service writes it; None if it does not tell.
    """

    etag: str
    size: int
    crc: str | None


class MultipartUpload:
    """One object on its way in parts, several of them at once.

    The parts of an upload that a killed process or a broken network has left under the same key
    are compared with what is to be stored, by checksum, and those that are right are not sent
    again.

    Args:
        client: Of the bucket.
        address: Bucket and key, as parameters.
        key: As it is called in messages.
        size: Bytes of the object.
        source: Where they come from.
        with_crc: Whether parts are verified by CRC32; else by MD5.
        part_size: Bytes of a part.
        parallel: How many parts are sent at once.
        budget: Where memory comes from.
        policy: How parts are repeated.
    """

    def __init__(
        self,
        client: S3Client,
        address: dict[str, str],
        key: str,
        size: int,
        source: Source,
        *,
        with_crc: bool,
        part_size: int,
        parallel: int,
        budget: MemoryBudget,
        policy: RetryPolicy,
    ) -> None:
        self._client = client
        self._address = dict(address)
        self._key = key
        self._size = size
        self._source = source
        self._with_crc = with_crc
        self._part_size = part_size
        self._parallel = parallel
        self._budget = budget
        self._policy = policy
        self._lock = threading.Lock()
        self._under_way: set[Future[Any]] | None = set()  # None when it was given up
        self._there: dict[int, _Part] = {}

    def run(self) -> None:
        """Store the object.

        What fails for the moment, or is interrupted, leaves its parts to the next attempt under
        this key; what can never succeed leaves nothing.
        """
        doing = f"store object {self._key}"
        if not self._policy.run(self._go_on, doing):
            self._address["UploadId"] = self._policy.run(self._create, doing)
        try:
            self._complete(self._send_parts())
        except ArtifactsError as error:
            if not (isinstance(error, StorageError) and error.retryable):
                self._abort()
            raise

    # -- beginning

    def _go_on(self) -> bool:
        """Look for an upload that was interrupted; return whether there is one."""
        try:
            found = [each for each in self._run(self._list_uploads) if each.key == self._key_there]
            if not found:
                return False
            self._address["UploadId"] = found[-1].id
            self._there = dict(self._parts_there())
        except PermissionDeniedError as error:
            log.debug("not looking for an interrupted upload of object %s: %s", self._key, error)
            return False
        except StorageError as error:
            if error.kind != "upload_not_found":
                raise
            return False
        log.info("going on with object %s: %d parts are there", self._key, len(self._there))
        return True

    @property
    def _key_there(self) -> str:
        return self._address["Key"]

    async def _list_uploads(self, client: Any) -> list[UnfinishedWrite]:
        return await list_uploads(client, self._address["Bucket"], self._key_there)

    def _parts_there(self) -> Iterator[tuple[int, _Part]]:
        marker: dict[str, Any] = {}
        while True:

            async def call(client: Any, marker: dict[str, Any] = marker) -> dict[str, Any]:
                page: dict[str, Any] = await client.list_parts(**self._address, **marker)
                return page

            page = self._run(call)
            for part in page.get("Parts", ()):
                told = _Part(str(part["ETag"]), int(part["Size"]), part.get("ChecksumCRC32"))
                yield int(part["PartNumber"]), told
            if not page.get("IsTruncated"):
                return
            marker = {"PartNumberMarker": page["NextPartNumberMarker"]}

    def _create(self) -> str:
        algorithm = {"ChecksumAlgorithm": "CRC32"} if self._with_crc else {}

        async def call(client: Any) -> str:
            answer = await client.create_multipart_upload(**self._address, **algorithm)
            return str(answer["UploadId"])

        return self._run(call)

    # -- sending

    def _send_parts(self) -> list[dict[str, Any]]:
        count = -(-self._size // self._part_size)
        threads = min(count, self._parallel)
        with ThreadPoolExecutor(threads, thread_name_prefix="s3-part") as pool:
            futures = [pool.submit(self._send_part, number) for number in range(1, count + 1)]
            try:
                for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                    future.result()  # one that failed does not wait for those before it
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._stop()
                raise

    def _send_part(self, number: int) -> dict[str, Any]:
        start = (number - 1) * self._part_size
        end = min(start + self._part_size, self._size)
        with self._budget.held(end - start):
            data = self._source.read_part(start, end)
            checksum = self._source.checksum(data)
            crc = {"ChecksumCRC32": checksum["ChecksumCRC32"]} if self._with_crc else {}
            there = self._there.get(number)
            if there is not None and _is_same(there, data, crc.get("ChecksumCRC32")):
                return {"PartNumber": number, "ETag": there.etag, **crc}

            async def call(client: Any) -> str:
                answer = await client.upload_part(
                    **self._address, **checksum, PartNumber=number, Body=to_body(data)
                )
                return str(answer["ETag"])

            def send() -> str:
                return self._run_unless_stopped(call, end - start)

            etag = self._policy.run(send, f"send part {number} of object {self._key}")
        return {"PartNumber": number, "ETag": etag, **crc}

    def _run_unless_stopped(self, call: Callable[[Any], Awaitable[Result]], size: int) -> Result:
        with self._lock:
            if self._under_way is None:
                raise StorageError(f"the upload of object {self._key} was given up")
            future = self._client.submit(
                call, f"store object {self._key}", key=self._key, size=size
            )
            self._under_way.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                if self._under_way is not None:
                    self._under_way.discard(future)

    def _stop(self) -> None:
        """End the requests for parts, and let no more begin."""
        with self._lock:
            futures, self._under_way = self._under_way, None
        for future in futures or ():
            future.cancel()

    # -- ending

    def _complete(self, parts: list[dict[str, Any]]) -> None:
        async def call(client: Any) -> None:
            await client.complete_multipart_upload(
                **self._address, MultipartUpload={"Parts": parts}
            )

        def complete() -> None:
            try:
                self._run(call, self._size)  # the service may copy all of it
            except StorageError:
                # The answer may have been lost, or that of an earlier attempt.
                if not self._source.is_there():
                    raise

        self._policy.run(complete, f"complete object {self._key}")

    def _abort(self) -> None:
        upload = UnfinishedWrite(self._key_there, self._address["UploadId"])

        async def call(client: Any) -> None:
            await abort_upload(client, self._address["Bucket"], upload)

        try:
            self._policy.run(lambda: self._run(call), f"give up the upload of object {self._key}")
        except ArtifactsError as error:
            # What led here is raised and matters more; a collection tries again.
            log.warning(
                "parts of object %s are left in bucket %s, as upload %s: %s",
                self._key,
                self._address["Bucket"],
                upload.id,
                error,
            )

    def _run(self, call: Callable[[Any], Awaitable[Result]], size: int = 0) -> Result:
        return self._client.run(call, f"store object {self._key}", key=self._key, size=size)


async def list_uploads(client: Any, bucket: str, prefix: str) -> list[UnfinishedWrite]:
    """Return the uploads in parts that are not complete, the latest of a key last.

    Their keys are those of the bucket.
    """
    found = []
    marker: dict[str, Any] = {}
    while True:
        page = await client.list_multipart_uploads(Bucket=bucket, Prefix=prefix, **marker)
        found += [
            (each.get("Initiated"), UnfinishedWrite(str(each["Key"]), str(each["UploadId"])))
            for each in page.get("Uploads", ())
        ]
        if not page.get("IsTruncated"):
            break
        marker = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
    found.sort(key=lambda each: (each[1].key, str(each[0])))
    return [upload for _, upload in found]


async def abort_upload(client: Any, bucket: str, upload: UnfinishedWrite) -> None:
    """Delete the parts of an upload; that it is gone already is no error."""
    from botocore.exceptions import ClientError

    try:
        await client.abort_multipart_upload(Bucket=bucket, Key=upload.key, UploadId=upload.id)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NoSuchUpload":
            raise


def part_size(size: int, least: int = PART_SIZE) -> int:
    """Return how large the parts of an object have to be, so that S3 allows their number."""
    needed = -(-size // _MOST_PARTS)
    return max(least, -(-needed // _MIB) * _MIB)


def _is_same(there: _Part, data: bytes, crc: str | None) -> bool:
    """Whether the service has these bytes, so far as it can be known without sending them."""
    if there.size != len(data):
        return False
    if crc is not None and there.crc is not None:
        return crc == there.crc
    import hashlib

    # Without encryption by a key of the user's, the tag of a part is the MD5 of its bytes.
    return there.etag.strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()


class _Body(io.BytesIO):
    """Bytes as a file. To ask `io.BytesIO` for its buffer makes a copy, and aiohttp asks."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data

    def getbuffer(self) -> memoryview:
        return memoryview(self._data)


def to_body(data: bytes) -> bytes | IO[bytes]:
    """Return what botocore is to send."""
    return data if len(data) <= _PLAIN_BODY else _Body(data)
