"""Objects of others in S3, or in a service that speaks its protocol."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from artifacts.store.errors import NotFoundError
from artifacts.store.objects.base import check_length
from artifacts.store.objects.budget import PROCESS_BUDGET
from artifacts.store.objects.external import (
    POLICY,
    External,
    Found,
    bad_uri,
    changed,
    checked_size,
    checked_text,
    refuse_credentials,
)
from artifacts.store.objects.ranges import RANGE_SIZE, RangeReader
from artifacts.store.objects.s3 import get_range
from artifacts.store.objects.s3_client import S3Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from artifacts.store.objects.base import Buffer

_VERSION = "versionId"
_OPTIONS = ("addressing_style", "endpoint_url", "region")
_STYLES = ("auto", "path", "virtual")
_SAFE = "/!$&'()*+,;=:@~"
_CLIENTS = 8
_NO_VERSION = "null"
"""What services say where a bucket keeps no versions."""

# A HEAD has no body that would say more. The last two are about a version only: one that cannot
# exist, and one that is a marker of a deletion.
_ABSENT, _NO_SUCH_VERSION = 404, frozenset({400, 405})
_NOT_AS_ASKED = 412


class S3File(External):
    """An object, or all objects below a prefix.

    Args:
        parts: Of the URI.
        version_id: The version, if it is not in the URI.

    Raises:
        InvalidInputError: The URI cannot be used.
    """

    def __init__(self, parts: SplitResult, version_id: str | None) -> None:
        options = _options(parts)
        own = options.pop(_VERSION, None)
        self._bucket = parts.netloc
        self._key = unquote(parts.path.removeprefix("/"), errors="strict")
        self._query = f"?{urlencode(options, safe=':/')}" if options else ""
        self._client = _client(
            self._bucket,
            options.get("endpoint_url"),
            options.get("region"),
            options.get("addressing_style"),
            hash(frozenset(item for item in os.environ.items() if item[0].startswith("AWS_"))),
        )
        self.version_id = own if version_id is None else version_id
        self.uri = self._uri_of(self._key)
        self.name = self._key.rstrip("/").rpartition("/")[2] or self._bucket

    def _uri_of(self, key: str) -> str:
        return f"s3://{self._bucket}/{quote(key, safe=_SAFE)}{self._query}"

    def stat(self) -> Found | None:
        if not self._key or self._key.endswith("/"):
            return None
        return POLICY.run(self._head, f"look at {self.uri}")

    def _head(self) -> Found | None:
        async def call(client: Any) -> dict[str, Any] | None:
            from botocore.exceptions import ClientError

            try:
                answer: dict[str, Any] = await client.head_object(**self._address(self.version_id))
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == _ABSENT or (self.version_id and status in _NO_SUCH_VERSION):
                    return None
                raise
            return answer

        answer = self._client.run(call, f"look at {self.uri}", key=self._key)
        return None if answer is None else _found(answer, "ContentLength")

    def list(self) -> Iterator[tuple[str, str, Found]]:
        prefix = self._key if not self._key or self._key.endswith("/") else f"{self._key}/"
        listing = self._objects(prefix)
        for key, found in listing:
            # Asked of one object, because few who may read may also ask how the bucket is set up.
            one = S3File(urlsplit(self._uri_of(key)), None).stat()
            if one is not None and one.version_id is not None:
                listing = self._versions(prefix, latest=True)
            else:
                yield key.removeprefix(prefix), self._uri_of(key), found
            break
        for key, found in listing:
            yield key.removeprefix(prefix), self._uri_of(key), found

    def earlier(self, etag: str, size: int | None) -> Found | None:
        try:
            for key, found in self._versions(self._key):
                if key != self._key:
                    return None
                same = found.etag == etag and size in {None, found.size}
                if same and found.version_id:
                    return found
        except NotFoundError:
            return None
        return None

    def _objects(self, prefix: str) -> Iterator[tuple[str, Found]]:
        token: dict[str, str] = {}
        while True:
            page = self._page("list_objects_v2", prefix, token)
            yield from _listed(page.get("Contents", ()))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _versions(self, prefix: str, *, latest: bool = False) -> Iterator[tuple[str, Found]]:
        token: dict[str, str] = {}
        while True:
            page = self._page("list_object_versions", prefix, token)
            rows = page.get("Versions", ())
            yield from _listed([row for row in rows if row.get("IsLatest") or not latest])
            if not page.get("IsTruncated"):
                return
            token = {"KeyMarker": page["NextKeyMarker"]}
            if page.get("NextVersionIdMarker"):
                token["VersionIdMarker"] = page["NextVersionIdMarker"]

    def _page(self, what: str, prefix: str, token: dict[str, str]) -> dict[str, Any]:
        async def call(client: Any) -> dict[str, Any]:
            answer: dict[str, Any] = await getattr(client, what)(
                Bucket=self._bucket, Prefix=prefix, **token
            )
            return answer

        doing = f"list {self.uri}"
        return POLICY.run(lambda: self._client.run(call, doing), doing)

    def open(self, found: Found) -> IO[bytes]:
        size = found.size or 0
        if not size:
            return io.BytesIO()
        address = self._address(found.version_id)
        if found.etag is not None:
            # Or one range would be of other contents than the next.
            address["IfMatch"] = f'"{found.etag}"'

        def fetch(offset: int, count: int) -> Future[Buffer]:
            async def call(client: Any) -> Buffer:
                from botocore.exceptions import ClientError

                try:
                    data, total = await get_range(client, address, offset, count)
                except ClientError as error:
                    if error.response["ResponseMetadata"]["HTTPStatusCode"] == _NOT_AS_ASKED:
                        raise changed(self.uri) from error
                    raise
                if total != size:
                    raise changed(self.uri)
                return check_length(self._key, data, count)

            return self._client.submit(call, f"read {self.uri}", key=self._key, size=count)

        doing = f"read {self.uri}"
        count = min(size, RANGE_SIZE)
        first = POLICY.run(lambda: fetch(0, count).result(), doing)
        return RangeReader(
            fetch, length=size, first=first, budget=PROCESS_BUDGET, policy=POLICY, doing=doing
        )

    def _address(self, version_id: str | None) -> dict[str, str]:
        version = {} if version_id is None else {"VersionId": version_id}
        return {"Bucket": self._bucket, "Key": self._key, **version}


@lru_cache(maxsize=_CLIENTS)
def _client(
    bucket: str, endpoint_url: str | None, region: str | None, style: str | None, _environment: int
) -> S3Client:
    """Return a client to keep; another environment may name other credentials."""
    return S3Client(bucket, endpoint_url=endpoint_url, region=region, addressing_style=style)


def _listed(rows: Any) -> Iterator[tuple[str, Found]]:
    for row in rows:
        if not row["Key"].endswith("/"):  # markers of folders, made by other programs
            yield row["Key"], _found(row, "Size")


def _found(row: dict[str, Any], size: str) -> Found:
    version_id = checked_text(row.get("VersionId"))
    return Found(
        checked_size(row[size]),
        checked_text(row.get("ETag")),
        None if version_id == _NO_VERSION else version_id,
    )


def _options(parts: SplitResult) -> dict[str, str]:
    """Return what follows the ``?`` of a URI.

    Raises:
        InvalidInputError: Something in it, or in the bucket, cannot be used.
    """
    if not parts.netloc or "/" in parts.netloc or ":" in parts.netloc:
        raise bad_uri("an s3:// reference names a bucket", "it looks like s3://bucket/key")
    if parts.fragment:
        raise bad_uri("an s3:// reference has no fragment", "write # in a key as %23")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in options.items():
        if name not in (*_OPTIONS, _VERSION):
            known = ", ".join((_VERSION, *_OPTIONS))
            raise bad_uri(
                f"an s3:// reference has no option {name!r}",
                f"it has {known}; write ? in a key as %3F",
            )
        if not value:
            raise bad_uri(f"the option {name!r} of the s3:// reference is empty")
    if "endpoint_url" in options:
        _check_endpoint(options["endpoint_url"])
    if options.get("addressing_style", _STYLES[0]) not in _STYLES:
        raise bad_uri(f"addressing_style is one of {', '.join(_STYLES)}")
    return options


def _check_endpoint(url: str) -> None:
    try:
        target = urlsplit(url)
        _ = target.port
    except ValueError as error:
        raise bad_uri("the endpoint_url of the s3:// reference cannot be read") from error
    refuse_credentials(target)
    if target.scheme not in {"http", "https"} or not target.netloc:
        raise bad_uri(
            "the endpoint_url of the s3:// reference is not usable", "it looks like https://host"
        )
