"""A proxy between a client and an HTTP service on loopback that does harm on request."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Action = Literal["cut_request", "cut_response", "lose_response", "slow_down", "corrupt", "delay"]

_BUFFER = 1 << 16


@dataclass
class Harm:
    """What is done to requests.

    Args:
        request: Expression that is searched for in the first line of a request.
        action: ``cut_request`` and ``cut_response`` end the connection after ``after`` bytes of the
            body; ``lose_response`` lets the service do everything, and ends the connection then;
            ``slow_down`` answers 503 instead of the service; ``corrupt`` changes one byte of the
            body; ``delay`` passes the request on when ``released`` is set.
        times: How many requests it is done to.
        skip: How many are let through before.
    """

    request: str
    action: Action
    times: int = 1
    after: int = 1000
    skip: int = 0
    done: int = 0
    released: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Passes everything on to a port, but for what it was told to do.

    Attributes:
        requests: First lines of all requests, as far as they were read.
        refusing: Whether new connections are closed at once.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._harms: list[Harm] = []
        self._open: set[socket.socket] = set()
        self.requests: list[str] = []
        self.refusing = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(
        self, request: str, action: Action, *, times: int = 1, after: int = 1000, skip: int = 0
    ) -> Harm:
        """Harm the next requests that look like ``request``; see `Harm`."""
        harm = Harm(request, action, times, after, skip)
        with self._lock:
            self._harms.append(harm)
        return harm

    def close(self) -> None:
        """End all connections."""
        # Closing alone would not wake the thread that waits in it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        with self._lock:
            for harm in self._harms:
                harm.released.set()
            for connection in self._open:
                _end(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Handle the requests of one connection, one after the other."""
        server = socket.create_connection(("127.0.0.1", self._target))
        with self._lock:
            self._open |= {client, server}
        with client, server, contextlib.suppress(OSError, EOFError):
            requests, answers = client.makefile("rb"), server.makefile("rb")
            with requests, answers:
                while self._handle(client, server, requests, answers):
                    pass
            _end(client)
        with self._lock:
            self._open -= {client, server}

    def _handle(self, client, server, requests, answers) -> bool:
        """Pass one request and its answer on; return whether more may follow."""
        head, length = _read_head(requests)
        harm = self._find(head.partition(b"\r\n")[0].decode())
        if b"100-continue" in head.lower():
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = re.sub(rb"(?im)^expect:.*\r\n", b"", head)
        action = None if harm is None else harm.action
        if harm is not None and action == "delay":
            harm.released.wait()
        if action == "slow_down":
            _skip(requests, length)
            client.sendall(_SLOW_DOWN)
            return False
        server.sendall(head)
        if harm is not None and action == "cut_request":
            _copy(requests, server, min(harm.after, length))
            return False
        _copy(requests, server, length, corrupt=action == "corrupt")
        head, length = _read_head(answers, empty=head.startswith(b"HEAD"))
        if action == "lose_response":
            _skip(answers, length)
            return False
        client.sendall(head)
        if harm is not None and action == "cut_response":
            _copy(answers, client, min(harm.after, length))
            return False
        _copy(answers, client, length)
        return b"connection: close" not in head.lower()

    def _find(self, line: str) -> Harm | None:
        with self._lock:
            self.requests.append(line)
            for harm in self._harms:
                if harm.done == harm.times or not re.search(harm.request, line):
                    continue
                if harm.skip:
                    harm.skip -= 1
                else:
                    harm.done += 1
                    return harm
        return None


@contextlib.contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """Run a proxy in front of a port of this machine."""
    running = Proxy(target)
    try:
        yield running
    finally:
        running.close()


_BODY = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def _read_head(stream, *, empty: bool = False) -> tuple[bytes, int]:
    """Return a head and the length of the body that follows it."""
    lines = []
    while True:
        line = stream.readline()
        if not line:
            raise EOFError
        lines.append(line)
        if line == b"\r\n":
            break
    head = b"".join(lines)
    if re.search(rb"(?im)^transfer-encoding:", head) and not empty:
        raise NotImplementedError("a body whose length is not said")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    return head, int(length[1]) if length and not empty else 0


def _copy(stream, target, count: int, *, corrupt: bool = False) -> None:
    while count:
        data = stream.read1(min(count, _BUFFER))
        if not data:
            raise EOFError
        count -= len(data)
        if corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
            corrupt = False
        target.sendall(data)


def _skip(stream, count: int) -> None:
    while count and (data := stream.read(min(count, _BUFFER))):
        count -= len(data)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        connection.shutdown(socket.SHUT_RDWR)
