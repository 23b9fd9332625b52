"""Files of others behind ``http://`` and ``https://``.

fsspec makes the session, from its configuration if there is one, and owns the event loop. The
requests are made here, because what matters is in the headers of their answers. Bytes are taken as
they are sent: what is compressed on the way stays so, or sizes and ranges would mean nothing.
"""

from __future__ import annotations

import asyncio
import atexit
import io
import os
import re
import threading
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from artifacts.store.errors import (
    ArtifactsError,
    IntegrityError,
    PermissionDeniedError,
    StorageError,
)
from artifacts.store.objects.budget import PROCESS_BUDGET
from artifacts.store.objects.external import (
    POLICY,
    External,
    Found,
    bad_uri,
    changed,
    checked_size,
    checked_text,
)
from artifacts.store.objects.ranges import RANGE_SIZE, RangeReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future
    from urllib.parse import SplitResult

    from _typeshed import WriteableBuffer

Result = TypeVar("Result")

_CONNECT_TIMEOUT = 10.0
_READ_TIMEOUT = 60.0
_LEAST_RATE = 64 << 10
"""Bytes per second: a range that comes more slowly is given up, for it would hang for ever."""

_MOST_REDIRECTS = 10
_BUFFER = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,19})-\d{1,19}|\*)/(\d{1,19}|\*)")

_OK, _PARTIAL, _NO_SUCH_RANGE = 200, 206, 416
_ABSENT = frozenset({404, 410})
_DENIED = frozenset({401, 403, 407})
_RETRYABLE = frozenset({408, 425, 429})


class _Answer(NamedTuple):
    """The head of an answer with (a part of) the file; `found` is None if there is no file."""

    status: int
    start: int
    found: Found | None


class HttpFile(External):
    """One file behind a URL. There are no folders.

    Args:
        parts: Of the URL.

    Raises:
        InvalidInputError: It names no host.
    """

    def __init__(self, parts: SplitResult) -> None:
        if not parts.hostname:
            raise bad_uri(f"an {parts.scheme}:// reference names a host", "https://host/file")
        self.uri = parts._replace(fragment="").geturl()
        self.name = parts.path.rstrip("/").rpartition("/")[2] or parts.hostname

    def stat(self) -> Found | None:
        doing = f"look at {self.uri}"

        async def call(session: Any) -> _Answer | None:
            response = await self._request(session, "HEAD")
            try:
                if response.status != _OK:
                    return None
                answer = self._answer(response)
            finally:
                response.close()
            # Some services send no length with this, or always zero.
            return answer if answer.found is not None and answer.found.size else None

        async def call_get(session: Any) -> _Answer:
            response = await self._request(session, "GET", 0, 1)
            try:
                return self._answer(response)
            finally:
                response.close()

        def ask() -> Found | None:
            return (_run(call, doing) or _run(call_get, doing)).found

        return POLICY.run(ask, doing)

    def open(self, found: Found) -> IO[bytes]:
        doing = f"read {self.uri}"
        if found.size == 0:
            return io.BytesIO()

        async def begin(session: Any) -> tuple[_Answer, Any]:
            """Return the answer and the first range, or the response if there are no ranges."""
            response = await self._request(session, "GET", 0, RANGE_SIZE)
            try:
                answer = self._answer(response)
                self._check(answer, found)
                if answer.status == _OK or found.size is None:
                    body, response = response, None
                    return answer, body
                return answer, await _read(response, min(found.size, RANGE_SIZE))
            finally:
                if response is not None:
                    response.close()

        def first() -> tuple[_Answer, Any]:
            return _run(begin, doing, RANGE_SIZE)

        answer, body = POLICY.run(first, doing)
        if not isinstance(body, bytes):
            if answer.status == _PARTIAL:
                # There are ranges, but nobody knows of how much: all of it, in one go.
                _close(body)
                body = POLICY.run(lambda: _run(self._whole(found), doing), doing)
            return io.BufferedReader(_Stream(body, found.size, self.uri), _BUFFER)
        assert found.size is not None
        return RangeReader(
            lambda offset, count: _submit(self._range(found, offset, count), doing, count),
            length=found.size,
            first=body,
            budget=PROCESS_BUDGET,
            policy=POLICY,
            doing=doing,
        )

    def _whole(self, found: Found) -> Callable[[Any], Awaitable[Any]]:
        async def call(session: Any) -> Any:
            response = await self._request(session, "GET")
            try:
                self._check(self._answer(response), found)
            except BaseException:
                response.close()
                raise
            return response

        return call

    def _range(self, found: Found, offset: int, count: int) -> Callable[[Any], Awaitable[bytes]]:
        async def call(session: Any) -> bytes:
            response = await self._request(session, "GET", offset, count)
            try:
                answer = self._answer(response)
                self._check(answer, found)
                if answer.status != _PARTIAL or answer.start != offset:
                    raise StorageError(
                        f"could not read {self.uri}: all of it was sent instead of a range",
                        kind="no_ranges",
                    )
                return await _read(response, count)
            finally:
                response.close()

        return call

    def _check(self, answer: _Answer, found: Found) -> None:
        """Make sure that bytes that are about to be read are of the contents that were found."""
        if answer.found is None:
            raise IntegrityError(
                f"the referenced file {self.uri} does not exist any more", kind="reference_missing"
            )
        known = answer.found.size is not None and found.size is not None
        if answer.found.etag != found.etag or (known and answer.found.size != found.size):
            raise changed(self.uri)

    async def _request(
        self, session: Any, method: str, offset: int | None = None, count: int = 0
    ) -> Any:
        import aiohttp

        headers = {"Accept-Encoding": "identity"}
        if offset is not None:
            headers["Range"] = f"bytes={offset}-{offset + count - 1}"
        # Redirects lead to http and https only; aiohttp refuses all others.
        response = await session.request(
            method,
            self.uri,
            headers=headers,
            allow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=_CONNECT_TIMEOUT, sock_read=_READ_TIMEOUT
            ),
        )
        hops = [hop.url.scheme for hop in (*response.history, response)]
        if hops != sorted(hops):
            response.close()
            raise StorageError(
                f"could not read {self.uri}: it leads from https:// to http://",
                hint="refer to where it leads, if that can be trusted",
                kind="insecure_redirect",
            )
        return response

    def _answer(self, response: Any) -> _Answer:
        """Return what an answer says of the file.

        Raises:
            ArtifactsError: It says nothing of it.
        """
        status = response.status
        if status in _ABSENT:
            return _Answer(status, 0, None)
        headers = response.headers
        range_ = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        start = 0
        if status == _OK:
            size = checked_size(headers.get("Content-Length"))
        elif status == _PARTIAL and range_ is not None and range_[1] is not None:
            start, size = int(range_[1]), None if range_[2] == "*" else checked_size(range_[2])
        elif status == _NO_SUCH_RANGE and range_ is not None and range_[2] == "0":
            size = 0
        else:
            raise _refused(status, self.uri)
        return _Answer(status, start, Found(size, _etag(headers, size)))


def _etag(headers: Any, size: int | None) -> str | None:
    """Return what tells contents apart."""
    etag = checked_text(headers.get("ETag"))
    modified = checked_text(headers.get("Last-Modified"))
    if etag is not None or modified is None:
        return etag
    return f"last-modified={modified}" + (f";length={size}" if size is not None else "")


def _refused(status: int, uri: str) -> ArtifactsError:
    text = f"could not read {uri}: the server answers with status {status}"
    if status in _DENIED:
        return PermissionDeniedError(
            text, hint="what needs a password or a token cannot be referred to by its URL alone"
        )
    return StorageError(text, retryable=status in _RETRYABLE or status >= 500)  # noqa: PLR2004 - known to everybody


async def _read(response: Any, count: int) -> bytes:
    """Return ``count`` bytes of the body, however much more is sent."""
    try:
        data: bytes = await response.content.readexactly(count)
    except asyncio.IncompleteReadError as error:
        raise StorageError(
            f"an answer broke off after {len(error.partial)} of {count} bytes", retryable=True
        ) from error
    return data


class _Stream(io.RawIOBase):
    """The body of an answer, read from front to back."""

    def __init__(self, response: Any, size: int | None, uri: str) -> None:
        self._response = response
        self._size = size
        self._uri = uri
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        response = self._response

        async def call(_: Any) -> bytes:
            data: bytes = await response.content.read(len(view))
            return data

        data = _run(call, f"read {self._uri}", len(view))
        view[: len(data)] = data
        self._position += len(data)
        known = self._size is not None
        if known and (self._position > self._size or not (data or self._position == self._size)):  # type: ignore[operator] # known
            raise IntegrityError(
                f"{self._uri} was announced with {self._size} bytes, and has {self._position}",
                hint="try again; log it again if it has changed",
                kind="reference_changed",
            )
        return len(data)

    def close(self) -> None:
        if not self.closed:
            _close(self._response)
        super().close()


# -- the session of this process


class _Connection(NamedTuple):
    session: Any
    loop: asyncio.AbstractEventLoop


# By process: a forked one has the session of its parent, but not the thread of the loop.
_connections: dict[int, _Connection] = {}
_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def _connect() -> _Connection:
    import fsspec.asyn
    from fsspec.config import conf
    from fsspec.implementations.http import HTTPFileSystem

    connection = _connections.get(os.getpid())
    if connection is not None:
        return connection
    with _lock:
        connection = _connections.get(os.getpid())
        if connection is None:
            given = conf.get("https", conf.get("http", {})).get("client_kwargs", {})
            filesystem = HTTPFileSystem(
                asynchronous=True,  # coroutines are run here
                # Proxies as the environment names them.
                client_kwargs={"trust_env": True, **given},
                skip_instance_cache=True,
            )
            loop = fsspec.asyn.get_loop()
            made = asyncio.run_coroutine_threadsafe(filesystem.set_session(), loop)
            connection = _Connection(made.result(_CONNECT_TIMEOUT), loop)
            _connections[os.getpid()] = connection
        return connection


@atexit.register
def _end() -> None:
    connection = _connections.pop(os.getpid(), None)
    if connection is not None and connection.loop.is_running():
        closing = asyncio.run_coroutine_threadsafe(connection.session.close(), connection.loop)
        closing.result(timeout=_CONNECT_TIMEOUT)


def _close(response: Any) -> None:
    """Give up what is left of an answer."""
    connection = _connections.get(os.getpid())
    if connection is not None and connection.loop.is_running():
        connection.loop.call_soon_threadsafe(response.close)


def _run(call: Callable[[Any], Awaitable[Result]], doing: str, size: int = 0) -> Result:
    """Return the result of ``call(session)``.

    Raises:
        ArtifactsError: The request failed.
    """
    future = _submit(call, doing, size)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _submit(call: Callable[[Any], Awaitable[Result]], doing: str, size: int = 0) -> Future[Result]:
    """Start what `_run` does; cancelling the future cancels the request."""
    connection = _connect()
    limit = 2 * _READ_TIMEOUT + size / _LEAST_RATE

    async def work() -> Result:
        try:
            async with asyncio.timeout(limit):
                return await call(connection.session)
        except ArtifactsError:
            raise
        except Exception as error:
            found = _translate(error, doing)
            if found is None:
                raise
            # Without its cause: that may name where a redirect led, with a signature in it.
            raise found from None

    return asyncio.run_coroutine_threadsafe(work(), connection.loop)


def _translate(error: Exception, doing: str) -> ArtifactsError | None:
    import aiohttp

    reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    text = f"could not {doing}: {reason}"
    if isinstance(error, aiohttp.TooManyRedirects):
        return StorageError(f"could not {doing}: it is redirected without end")
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return StorageError(
            f"could not {doing}: it leads to something that is not http:// or https://",
            kind="bad_redirect",
        )
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError)):
        return StorageError(text, hint="check the certificate of the server")
    if isinstance(error, (aiohttp.ClientError, OSError)):  # TimeoutError among them
        return StorageError(text, retryable=True)
    return None
