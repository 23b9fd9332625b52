"""Digests: BLAKE3-256 of raw bytes, nothing prepended, so that ``b3sum FILE`` verifies a blob.

In memory and in the catalog a digest is its 32 raw bytes; wherever it is stored as text or
printed in full it carries the algorithm: ``blake3:<64 hex>``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NewType

import blake3 as _blake3

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from typing_extensions import Buffer

Digest = NewType("Digest", bytes)

ALGORITHM = "blake3"
DIGEST_SIZE = 32
MIN_PREFIX = 8
"""Hex characters of the shortest prefix that may stand for a digest."""

_PREFIX = f"{ALGORITHM}:"
_HEX = re.compile(r"[0-9a-f]+")

PARALLEL_FROM = 256 * 1024
"""Below this size starting threads costs more than it gains (0.16 of the speed at 8 KiB)."""


def hash_bytes(data: Buffer) -> Digest:
    """Return the digest of ``data``."""
    return Digest(_blake3.blake3(data).digest())


class Hasher:
    """Digest of bytes that arrive in pieces; large pieces are hashed by several threads."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = _blake3.blake3(max_threads=_threads())

    def update(self, data: Buffer) -> None:
        """Append ``data``. The interpreter lock is released for pieces above 2 KiB."""
        self._state.update(data)

    def digest(self) -> Digest:
        """Return the digest of everything so far."""
        return Digest(self._state.digest())


def parallel_hash(data: Buffer) -> Digest:
    """Return the digest of one large buffer, hashed by as many threads as there are cores.

    For buffers from `PARALLEL_FROM` bytes up.
    """
    return Digest(_blake3.blake3(data, max_threads=_threads()).digest())


_pool = {"used": False, "lost": False}


def _threads() -> int:
    """Return how many threads BLAKE3 may use.

    Its threads are made once for a process. A forked child has none of them and would wait for
    them for ever, so that it hashes in its own thread if its parent ever used them.
    """
    if _pool["lost"]:
        return 1
    _pool["used"] = True
    return _blake3.blake3.AUTO


def _after_fork() -> None:
    _pool["lost"] = _pool["used"]


os.register_at_fork(after_in_child=_after_fork)


def format_digest(digest: Digest) -> str:
    """Return ``blake3:<64 hex>``."""
    return _PREFIX + digest.hex()


def parse_digest(text: str) -> Digest:
    """Parse ``blake3:<64 hex>``.

    Raises:
        InvalidInputError: Another algorithm, or not 64 lower-case hexadecimal characters.
    """
    if not text.startswith(_PREFIX) or len(text) != len(_PREFIX) + 2 * DIGEST_SIZE:
        raise InvalidInputError(f"not a digest of the form blake3:<64 hex>: {text!r}")
    if _HEX.fullmatch(text, len(_PREFIX)) is None:
        raise InvalidInputError(f"not a digest of the form blake3:<64 hex>: {text!r}")
    return Digest(bytes.fromhex(text[len(_PREFIX) :]))


def parse_digest_prefix(text: str) -> str | None:
    """Return the hex digits of ``text`` when it can stand for a digest, else None.

    Accepts ``blake3:<hex>`` and bare hex, in full or as a prefix of at least eight characters.
    """
    digits = text.removeprefix(_PREFIX).lower()
    if MIN_PREFIX <= len(digits) <= 2 * DIGEST_SIZE and _HEX.fullmatch(digits):
        return digits
    return None
