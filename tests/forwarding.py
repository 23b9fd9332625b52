"""A port on loopback in front of a server, of which the connection can be cut and mended."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUFFER = 1 << 16


class Forwarder:
    """Passes bytes on to a socket of this machine.

    Attributes:
        port: Where it listens; nobody does while it is cut.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()

    def mend(self) -> None:
        """Accept connections, at the same port as before."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with self._lock:
            self._open.add(source)
        with contextlib.suppress(OSError):
            while data := source.recv(_BUFFER):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(source)
        source.close()


@contextlib.contextmanager
def postgres_forwarder(url: str) -> Iterator[tuple[Forwarder, str]]:
    """Put a port in front of a PostgreSQL server that listens on a socket in a folder.

    Yields:
        It, and the URL of the same database there.
    """
    found = re.search(r"[?&]host=([^&]+)", url)
    assert found is not None
    forwarder = Forwarder(str(Path(unquote(found[1])) / ".s.PGSQL.5432"))
    place = url.replace(found[0], "?", 1).replace("?&", "?")
    try:
        yield forwarder, place.replace("@/", f"@127.0.0.1:{forwarder.port}/")
    finally:
        forwarder.cut()
