"""Ranges of objects in S3 through obstore, which takes half of the time that s3fs takes for them.

It is there to be fast, not to be right about everything that can go wrong: what it cannot do, or
fails at in a way that only botocore can explain, it leaves to the caller, who asks through s3fs.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
import time
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from artifacts.store.errors import ArtifactsError, ObjectNotFoundError, StorageError
from artifacts.store.objects.ranges import RANGE_SIZE, Range, whole_range
from artifacts.store.objects.s3_settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from obstore.store import S3CredentialProvider

    from artifacts.store.objects.base import Buffer
    from artifacts.store.objects.s3_settings import S3Settings

Result = TypeVar("Result")

log = logging.getLogger(__name__)

_AT_ONCE = 16
_CONNECT_TIMEOUT = timedelta(seconds=10)
_READ_TIMEOUT = timedelta(seconds=30)
_TIMEOUT = 4 * _READ_TIMEOUT + timedelta(seconds=RANGE_SIZE / (64 << 10))
"""A range that comes at less than 64 KiB a second is given up, for it would hang for ever."""

# A range that is to be had in a moment is taken as a whole, which costs least. In one that takes
# longer it is asked at each piece whether somebody still waits for it.
_SLOW = 1.0
_PIECE = 1 << 20

# What obstore says beside the class of an exception is in its text alone.
_STATUS = re.compile(r"status code: (\d{3})")
_CERTIFICATE = re.compile(r"certificate|\btls\b", re.IGNORECASE)
_PAST_END, _NO_OBJECT = 416, 404
_FOR_THE_MOMENT = frozenset({408, 429})


class ObstoreReader:
    """Reads objects of one bucket, in this process only: its threads do not survive a fork.

    Make one with `open_reader`.
    """

    __slots__ = ("_is_slow", "_pool", "_process", "_store")

    def __init__(self, bucket: str, settings: S3Settings) -> None:
        from obstore.store import S3Store

        self._process = os.getpid()
        self._is_slow = True  # until it turns out that it is not
        self._store: Any = S3Store(
            bucket,
            endpoint=settings.endpoint_url,
            region=settings.region,
            virtual_hosted_style_request=settings.virtual,
            credential_provider=cast("S3CredentialProvider", settings.credentials),
            client_options={
                "allow_http": (settings.endpoint_url or "").startswith("http://"),
                "connect_timeout": _CONNECT_TIMEOUT,
                "read_timeout": _READ_TIMEOUT,
                "timeout": _TIMEOUT,
            },
            retry_config={"max_retries": 0},  # repeating is the business of `retrying` alone
        )
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="artifacts-obstore")

    def read(
        self,
        name: str,
        key: str,
        offset: int,
        count: int,
        given_up: Callable[[], bool] = lambda: False,
    ) -> Range | None:
        """Return up to ``count`` bytes of an object.

        Args:
            name: Of the object in the bucket.
            key: What errors call it.
            count: At least 1.
            given_up: Tells whether nobody waits for it any more.

        Returns:
            None if it failed for a reason that is to be found out through s3fs.

        Raises:
            ObjectNotFoundError: There is no such object.
            StorageError: It failed, but may succeed in a moment.
            CancelledError: It was given up.
        """
        import obstore
        from obstore.exceptions import BaseError

        begun = time.monotonic()
        try:
            answer = obstore.get(self._store, name, options={"range": (offset, offset + count)})
            size = answer.meta["size"]
            if self._is_slow:
                pieces = []
                for piece in answer.stream(min_chunk_size=_PIECE):
                    if given_up():
                        raise CancelledError
                    pieces.append(piece)
                data: Buffer = b"".join(pieces)
            else:
                data = memoryview(answer.bytes())
        except (BaseError, OSError, ValueError) as error:
            text = str(error)
            status = _status_in(text)
            if status == _PAST_END:
                return Range(b"", offset)
            found = _translate(text, status, key)
            if found is None:
                log.debug("obstore could not read object %s: %s", key, type(error).__name__)
                return None
            raise found from None  # its text holds the answer of the service, and addresses
        if len(data) >= _PIECE:
            self._is_slow = time.monotonic() - begun > _SLOW
        return whole_range(key, data, offset, count, size)

    @property
    def is_usable(self) -> bool:
        """Whether this is the process in which it was made."""
        return self._process == os.getpid()

    def submit(self, call: Callable[[Callable[[], bool]], Result]) -> Future[Result]:
        """Call something in one of the threads that may wait for answers.

        Args:
            call: Gets ``given_up`` for `read`: cancelling the future ends what it reads.
        """
        future: _Reading[Result] = _Reading()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(lambda: future.is_given_up))
                except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                    future.set_exception(error)

        self._pool.submit(run)
        return future


class _Reading(Future[Result]):
    """A range that is under way, or was given up."""

    is_given_up = False

    def cancel(self) -> bool:
        self.is_given_up = True
        return super().cancel()


def open_reader(
    bucket: str, endpoint_url: str | None, region: str | None, addressing_style: str | None
) -> ObstoreReader | None:
    """Return a reader, or None if obstore is not installed or cannot be used with the settings."""
    if importlib.util.find_spec("obstore") is None or not _is_own_process():
        return None
    settings = read_settings(bucket, endpoint_url, region, addressing_style)
    if settings is None:
        log.debug("objects in %s are read through s3fs: only botocore knows the settings", bucket)
        return None
    from obstore.exceptions import BaseError

    try:
        return ObstoreReader(bucket, settings)
    except (BaseError, ValueError) as error:
        log.debug("objects in %s are read through s3fs: %s", bucket, type(error).__name__)
        return None


_process: int | None = None


def _is_own_process() -> bool:
    """Whether obstore runs, or can be started, in this process.

    What it waits with is made once, on first use, and shared with forked processes: one of these
    that uses it waits for ever, and damages the memory of its parent. Whoever imported obstore
    before may have done so in a parent.
    """
    global _process  # noqa: PLW0603 - as that is
    if _process is None and "obstore" not in sys.modules:
        _process = os.getpid()  # several threads may come here, with the same answer
    return _process == os.getpid()


def _status_in(text: str) -> int | None:
    """Return the status of the service's answer that an exception of obstore tells of."""
    found = _STATUS.search(text)
    return None if found is None else int(found[1])


def _translate(text: str, status: int | None, key: str) -> ArtifactsError | None:
    """Return what an exception of obstore means, or None if that has to be found out.

    Args:
        text: Of the exception; its class says less.
        status: Of the answer, if there was one.
    """
    if status is None:
        if "HTTP error" not in text or _CERTIFICATE.search(text):
            return None
        return StorageError(
            f"could not read object {key}: the connection to the service failed", retryable=True
        )
    if status == _NO_OBJECT and "<Code>NoSuchKey</Code>" in text:
        return ObjectNotFoundError(f"object {key} is missing")
    if status in _FOR_THE_MOMENT or status >= 500:  # noqa: PLR2004 - known to everybody
        throttled = "<Code>SlowDown</Code>" in text
        return StorageError(
            f"could not read object {key}: the service answered {status}",
            retryable=True,
            kind="throttled" if throttled else None,
        )
    return None
