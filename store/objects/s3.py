"""Objects in a bucket of S3, or of a service that speaks its protocol."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import zlib
from typing import IO, TYPE_CHECKING, Any, Literal

from artifacts.store.errors import StorageError, from_os_error
from artifacts.store.objects.base import (
    ObjectInfo,
    ObjectStore,
    UnfinishedWrite,
    batches,
    check_key,
    check_length,
)
from artifacts.store.objects.budget import PROCESS_BUDGET, MemoryBudget
from artifacts.store.objects.ranges import RANGE_SIZE, Range, RangeReader, whole_range
from artifacts.store.objects.retrying import RetryPolicy
from artifacts.store.objects.s3_client import S3Client
from artifacts.store.objects.s3_errors import error_of_delete
from artifacts.store.objects.s3_obstore import open_reader
from artifacts.store.objects.s3_upload import (
    PART_SIZE,
    MultipartUpload,
    abort_upload,
    list_uploads,
    part_size,
    to_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from artifacts.store.objects.base import Buffer
    from artifacts.store.objects.s3_obstore import ObstoreReader

log = logging.getLogger(__name__)

WHOLE_SIZE = 48 << 20
"""Objects up to this size, such as packs, are sent in one request: a part for their last few bytes
would cost as much as the rest."""

_DELETE_BATCH = 1000
_STAT_BATCH = 32


class S3Objects(ObjectStore):
    """Objects below ``prefix`` of a bucket.

    Every body is sent with its CRC32, or its MD5 where botocore's setting
    ``request_checksum_calculation`` is ``when_required`` (for services that know no others), and
    the service refuses what does not match. Credentials are looked for in the usual places: the
    environment, the files below ``~/.aws``, the role of the machine.

    Ranges are read with obstore where it is installed and understands the settings, everything else
    goes through s3fs.

    Single requests are not repeated, that is the business of `RetryingObjects`. Parts, ranges and
    pages are, since beginning the whole again would be a waste.

    Args:
        bucket: Its name; it has to exist.
        prefix: Key below which the objects lie, without slashes at its ends.
        endpoint_url: Where the service is; None for what the usual settings say, or AWS.
        region: Likewise.
        addressing_style: ``path``, ``virtual`` or ``auto``.
        budget: Where memory for transfers comes from.
        policy: How parts, ranges and pages are repeated.
        part_size: Bytes of a part, at least 5 MiB.
        whole_size: Objects up to this size are sent in one request; by default `WHOLE_SIZE`, or
            one part if that is not `PART_SIZE`.
        parallel: How many parts of one object are sent at once.
        with_obstore: Whether obstore may be used at all.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        addressing_style: str | None = None,
        budget: MemoryBudget = PROCESS_BUDGET,
        policy: RetryPolicy | None = None,
        part_size: int = PART_SIZE,
        whole_size: int | None = None,
        parallel: int = 8,
        with_obstore: bool = True,
    ) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self._place = (bucket, endpoint_url, region, addressing_style)
        self._with_obstore = with_obstore
        self._reader: ObstoreReader | None = None
        self._client = S3Client(
            bucket, endpoint_url=endpoint_url, region=region, addressing_style=addressing_style
        )
        self._budget = budget
        self._policy = policy or RetryPolicy(attempts=4)
        self._part_size = part_size
        default = WHOLE_SIZE if part_size == PART_SIZE else part_size
        self._whole_size = default if whole_size is None else whole_size
        self._parallel = parallel
        self._md5: bool | None = None  # known once there is a connection

    def __repr__(self) -> str:
        return f"S3Objects('s3://{self.bucket}/{self.prefix.rstrip('/')}')"

    # -- writing

    def put(self, key: str, source: Callable[[], IO[bytes]], *, size: int) -> None:
        address = self._address(key)
        if size > self._whole_size:
            MultipartUpload(
                self._client,
                address,
                key,
                size,
                _Source(self, key, source, size),
                with_crc=not self._computes_md5(),
                part_size=part_size(size, self._part_size),
                parallel=self._parallel,
                budget=self._budget,
                policy=self._policy,
            ).run()
            return
        with self._budget.held(size):
            data = self._read_part(key, source, 0, size, size)
            checksum = self._checksum(data)

            async def call(client: Any) -> None:
                await client.put_object(**address, **checksum, Body=to_body(data))

            try:
                self._client.run(call, f"store object {key}", key=key, size=size)
            except StorageError as error:
                if error.kind != "precondition_failed" or not self._is_there(key, size):
                    raise

    def _read_part(
        self, key: str, source: Callable[[], IO[bytes]], start: int, end: int, size: int
    ) -> bytes:
        """Return a part of the source, which must not end before, nor go on after the last one."""
        try:
            with source() as reader:
                if start:
                    reader.seek(start)
                data = _read_exactly(reader, end - start)
                found = start + len(data)
                if found == size and reader.read(1):
                    found = size + 1
        except OSError as error:
            raise from_os_error(error, f"read what is to be object {key}") from error
        if found > size:
            raise StorageError(f"object {key} would have {found} or more instead of {size} bytes")
        if found < end:
            raise StorageError(f"object {key} would have {found} instead of {size} bytes")
        return data

    def _checksum(self, data: bytes) -> dict[str, str]:
        """Return the parameter by which the service verifies a body."""
        if self._computes_md5():
            digest = hashlib.md5(data, usedforsecurity=False).digest()
            return {"ContentMD5": base64.b64encode(digest).decode()}
        return {"ChecksumCRC32": base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()}

    def _computes_md5(self) -> bool:
        if self._md5 is None:

            async def call(client: Any) -> bool:
                return bool(client.meta.config.request_checksum_calculation == "when_required")

            self._md5 = self._client.run(call, "connect")
        return self._md5

    def _is_there(self, key: str, size: int) -> bool:
        return list(self.stat([key])) == [ObjectInfo(key, size)]

    # -- reading

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> IO[bytes]:
        asked = RANGE_SIZE if length is None else min(length, RANGE_SIZE)
        # Of an empty range too it has to be known whether the object exists.
        first, end = self._read(key, offset, max(asked, 1))
        window = max(end - offset, 0) if length is None else max(min(length, end - offset), 0)
        if window <= len(first):
            return io.BytesIO(first[:window])

        def fetch(position: int, count: int) -> Future[Buffer]:
            return self._begin_read(key, offset + position, count)

        return RangeReader(
            fetch,
            length=window,
            first=first,
            budget=self._budget,
            policy=self._policy,
            doing=f"read object {key}",
            eager=length is not None,
        )

    def fetch(self, key: str, offset: int, length: int) -> bytes:
        if not length:
            return b""
        return check_length(key, bytes(self._read(key, offset, length).data), length)

    def _read(
        self, key: str, offset: int, count: int, given_up: Callable[[], bool] = lambda: False
    ) -> Range:
        """Return what there is of a range."""
        reader = self._obstore()
        if reader is None:
            return self._read_with_s3fs(key, offset, count)
        found = reader.read(self._address(key)["Key"], key, offset, count, given_up)
        if found is None:
            found = self._read_with_s3fs(key, offset, count)
            log.info(
                "objects in %s are read through s3fs from now on, as obstore fails", self.bucket
            )
            self._with_obstore = False
        return found

    @property
    def reads_with(self) -> Literal["obstore", "s3fs"]:
        """What ranges of objects are read with."""
        return "s3fs" if self._obstore() is None else "obstore"

    def _obstore(self) -> ObstoreReader | None:
        """Return what reads faster than s3fs, if there is anything."""
        if self._with_obstore and (self._reader is None or not self._reader.is_usable):
            # Two threads may make one each, of which one is used.
            self._reader = open_reader(*self._place)
            self._with_obstore = self._reader is not None
        return self._reader if self._with_obstore else None

    def _read_with_s3fs(self, key: str, offset: int, count: int) -> Range:
        address = self._address(key)

        async def call(client: Any) -> Range:
            return await get_range(client, address, offset, count)

        return self._client.run(call, f"read object {key}", key=key, size=count)

    def _begin_read(self, key: str, offset: int, count: int) -> Future[Buffer]:
        """Ask for a range that lies within the object; the result is all of it."""
        reader = self._obstore()
        if reader is not None:

            def read(given_up: Callable[[], bool]) -> Buffer:
                return check_length(key, self._read(key, offset, count, given_up).data, count)

            return reader.submit(read)
        address = self._address(key)

        async def call(client: Any) -> Buffer:
            return check_length(key, (await get_range(client, address, offset, count)).data, count)

        return self._client.submit(call, f"read object {key}", key=key, size=count)

    def stat(self, keys: Iterable[str]) -> Iterator[ObjectInfo]:
        for batch in batches(keys, _STAT_BATCH):
            futures = [(key, self._head(self._address(key), key)) for key in batch]
            try:
                for key, future in futures:
                    size = future.result()
                    if size is not None:
                        yield ObjectInfo(key, size)
            finally:
                for _, future in futures:
                    future.cancel()

    def _head(self, address: dict[str, str], key: str) -> Future[int | None]:
        async def call(client: Any) -> int | None:
            from botocore.exceptions import ClientError

            try:
                answer = await client.head_object(**address)
            except ClientError as error:
                # A HEAD has no body, so it cannot be told whether even the bucket is missing.
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004 - known to everybody
                    return None
                raise
            return int(answer["ContentLength"])

        return self._client.submit(call, f"look at object {key}", key=key)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        token: dict[str, Any] = {}
        while True:
            page = self._policy.run(lambda: self._page(prefix, token), "list objects")  # noqa: B023 - called at once
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self.prefix)
                if key and not key.endswith("/"):  # markers of folders, made by other programs
                    yield ObjectInfo(key, int(found["Size"]))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, prefix: str, token: dict[str, Any]) -> dict[str, Any]:
        async def call(client: Any) -> dict[str, Any]:
            page: dict[str, Any] = await client.list_objects_v2(
                Bucket=self.bucket, Prefix=self.prefix + prefix, **token
            )
            return page

        return self._client.run(call, "list objects")

    # -- deleting

    def delete(self, keys: Iterable[str]) -> None:
        for batch in batches(keys, _DELETE_BATCH):
            names = [{"Key": self.prefix + check_key(key)} for key in batch]

            async def call(client: Any, names: Any = names) -> list[dict[str, Any]]:
                answer = await client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": names, "Quiet": True}
                )
                failures: list[dict[str, Any]] = answer.get("Errors", [])
                return failures

            for failure in self._client.run(call, "delete objects"):
                if failure.get("Code") != "NoSuchKey":
                    name = failure.get("Key", "").removeprefix(self.prefix)
                    raise error_of_delete(failure, f"delete object {name}", self.bucket)

    def unfinished(self) -> Sequence[UnfinishedWrite]:
        async def call(client: Any) -> Sequence[UnfinishedWrite]:
            return await list_uploads(client, self.bucket, self.prefix)

        doing = "list unfinished uploads"
        found = self._policy.run(lambda: self._client.run(call, doing), doing)
        return [each._replace(key=each.key.removeprefix(self.prefix)) for each in found]

    def give_up(self, writes: Iterable[UnfinishedWrite]) -> None:
        for write in writes:
            upload = write._replace(key=self.prefix + write.key)

            async def call(client: Any, upload: UnfinishedWrite = upload) -> None:
                await abort_upload(client, self.bucket, upload)

            self._client.run(call, f"give up the upload of object {write.key}", key=write.key)

    def _address(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + check_key(key)}


class _Source:
    """What is to be stored under a key, for an upload in parts."""

    def __init__(
        self, objects: S3Objects, key: str, source: Callable[[], IO[bytes]], size: int
    ) -> None:
        self._objects = objects
        self._key = key
        self._open = source
        self._size = size

    def read_part(self, start: int, end: int) -> bytes:
        return self._objects._read_part(self._key, self._open, start, end, self._size)

    def checksum(self, data: bytes) -> dict[str, str]:
        return self._objects._checksum(data)

    def is_there(self) -> bool:
        return self._objects._is_there(self._key, self._size)


def _read_exactly(reader: IO[bytes], count: int) -> bytes:
    """Return ``count`` bytes, or fewer if the stream ends before."""
    pieces = []
    while count and (piece := reader.read(count)):
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def get_range(client: Any, address: dict[str, str], offset: int, count: int) -> Range:
    """Return up to ``count`` bytes of an object through a client of aiobotocore."""
    from botocore.exceptions import ClientError

    try:
        answer = await client.get_object(**address, Range=f"bytes={offset}-{offset + count - 1}")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 416:  # noqa: PLR2004 - range past the end
            return Range(b"", offset)
        raise
    body = answer["Body"]
    try:
        if "ContentRange" in answer:
            size = int(answer["ContentRange"].rpartition("/")[2])
        elif offset == 0 and answer["ContentLength"] <= count:
            size = answer["ContentLength"]
        else:
            raise StorageError(
                f"the service sent all of object {address['Key']} instead of a range",
                kind="no_ranges",
            )
        data = await body.read()
    finally:
        body.close()
    return whole_range(address["Key"], data, offset, count, size)
