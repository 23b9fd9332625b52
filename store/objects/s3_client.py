"""The connection to an S3 service: a client that s3fs makes, on the event loop of fsspec.

s3fs finds the credentials, makes the client and owns the event loop; nothing else of it is used:
no cache of listings, no repetition, no files. The requests are made by the callers.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from artifacts.store.objects.s3_errors import translated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

Result = TypeVar("Result")

_CONNECTIONS = 64
_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
_LEAST_RATE = 64 << 10
"""Bytes per second: a transfer that is slower is given up, for it would hang for ever."""

_CHECKSUM_HEADER = "x-amz-checksum-crc32"


class _Connection(NamedTuple):
    """What one process uses."""

    filesystem: Any
    loop: asyncio.AbstractEventLoop


class S3Client:
    """Makes requests from any thread, and from forked processes, to one service.

    Args:
        bucket: Named in errors.
        endpoint_url: Where the service is; None for what the usual settings say, or AWS.
        region: Likewise.
        addressing_style: ``path``, ``virtual`` or ``auto``; None as ``auto``.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        region: str | None = None,
        addressing_style: str | None = None,
    ) -> None:
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._region = region
        self._addressing_style = addressing_style
        # By process: a forked one has the objects of its parent, but not the thread of the loop.
        # Those of the parent stay referenced, since closing them here would break them there.
        self._connections: dict[int, _Connection] = {}

    def run(
        self,
        call: Callable[[Any], Awaitable[Result]],
        doing: str,
        *,
        key: str | None = None,
        size: int = 0,
    ) -> Result:
        """Return the result of ``call(client)``.

        Args:
            doing: What is tried, as it continues "could not …".
            key: The object that it is about, or None.
            size: How many bytes are transferred; decides when it is given up.

        Raises:
            ArtifactsError: The request failed.
        """
        future = self.submit(call, doing, key=key, size=size)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def submit(
        self,
        call: Callable[[Any], Awaitable[Result]],
        doing: str,
        *,
        key: str | None = None,
        size: int = 0,
    ) -> Future[Result]:
        """Start what ``run`` does; cancelling the future cancels the request."""
        connection = self._connection()
        limit = 2 * _READ_TIMEOUT + size / _LEAST_RATE

        async def work() -> Result:
            with translated(doing, bucket=self._bucket, key=key):
                client = await connection.filesystem.set_session()
                async with asyncio.timeout(limit):
                    return await call(client)

        return asyncio.run_coroutine_threadsafe(work(), connection.loop)

    def _connection(self) -> _Connection:
        connection = self._connections.get(os.getpid())
        if connection is None:
            with _lock:
                connection = self._connections.get(os.getpid()) or self._connect()
                self._connections[os.getpid()] = connection
        return connection

    def _connect(self) -> _Connection:
        import fsspec.asyn
        import s3fs
        from aiobotocore.session import AioSession

        with translated("connect", bucket=self._bucket):
            session = AioSession()
            # Reading the description of the service takes longer than all the rest.
            data_path = session.get_config_variable("data_path")
            session.register_component("data_loader", _service_loader(data_path))
            session.register("before-sign.s3", _trust_checksum)
            style = {"addressing_style": self._addressing_style} if self._addressing_style else {}
            client = {"endpoint_url": self._endpoint_url, "region_name": self._region}
            filesystem = s3fs.S3FileSystem(
                asynchronous=True,  # coroutines are run here; and it is closed here
                session=session,
                client_kwargs={name: value for name, value in client.items() if value},
                config_kwargs={
                    "s3": style,
                    "max_pool_connections": _CONNECTIONS,
                    "connect_timeout": _CONNECT_TIMEOUT,
                    "read_timeout": _READ_TIMEOUT,
                    # Repeating is the business of `retrying` alone.
                    "retries": {"total_max_attempts": 1, "mode": "standard"},
                    # Ranges carry no checksums; blobs are verified by their digests.
                    "response_checksum_validation": "when_required",
                },
                use_listings_cache=False,
                skip_instance_cache=True,
            )
        connection = _Connection(filesystem, fsspec.asyn.get_loop())
        weakref.finalize(self, _close, os.getpid(), connection)
        return connection


@cache
def _service_loader(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


_inherited: list[_Connection] = []
_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def _close(pid: int, connection: _Connection) -> None:
    """Close the sockets of a client that nobody uses any more."""
    if pid != os.getpid():
        # They are shared with the parent, whose event loop would lose them.
        _inherited.append(connection)
        return
    creator = getattr(connection.filesystem, "_s3creator", None)
    if creator is None or not connection.loop.is_running():
        return

    async def close() -> None:
        await creator.__aexit__(None, None, None)

    future = asyncio.run_coroutine_threadsafe(close(), connection.loop)
    if threading.current_thread() is not _thread_of(connection.loop):
        future.result(timeout=_CONNECT_TIMEOUT)


def _thread_of(loop: asyncio.AbstractEventLoop) -> threading.Thread | None:
    import fsspec.asyn

    return fsspec.asyn.iothread[0] if fsspec.asyn.loop[0] is loop else None


def _trust_checksum(request: Any, **_: Any) -> None:
    """Leave the SHA-256 of the body to TLS where a CRC is sent, as botocore does for its own.

    It does so for checksums that it computed. Ours are computed in the threads of the callers,
    and hashing again would keep the event loop from all other transfers.
    """
    if _CHECKSUM_HEADER in request.headers:
        algorithm = {"algorithm": "crc32", "in": "header", "name": _CHECKSUM_HEADER}
        request.context.setdefault("checksum", {})["request_algorithm"] = algorithm
