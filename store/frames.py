"""Values as bytes, exactly, in frames that show whether they are whole.

A frame is the length of its payload, the CRC-32 of it, both as 32 bits little-endian, and the
payload: one value as MessagePack. Integers beyond 64 bits and text that is not valid Unicode are
extensions. A frame of length 0 does not exist, because a file may end in zeros after a power
failure.
"""

from __future__ import annotations

import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_HEAD = struct.Struct("<II")
_BLOCK = 1 << 20
_INTEGER, _TEXT = 1, 2
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1


def frame(value: Any) -> bytes:
    """Return a value as a frame.

    Args:
        value: Made of None, bool, int, float, str, list, and dict with text keys.

    Raises:
        InvalidInputError: A key of a dict is not valid Unicode.
    """
    try:
        payload = _encode(value)
    except (OverflowError, UnicodeEncodeError):
        payload = _encode(_extended(value))
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def values_in(data: bytes) -> Iterator[Any]:
    """Yield the values of the frames in ``data``, up to the first that is torn."""
    return map(_decode, _payloads(data)[0])


def read_values(
    file: IO[bytes], size: int | None = None, *, lists_only: bool = False
) -> Iterator[Any]:
    """Yield the values of the frames in a file, up to the first that is torn.

    Args:
        size: Read at most so many bytes.
        lists_only: Leave out everything but lists, which then costs little.
    """
    data = b""
    left = sys.maxsize if size is None else size
    while block := file.read(min(_BLOCK, left)):
        left -= len(block)
        data += block
        payloads, end = _payloads(data)
        if lists_only:
            payloads = [payload for payload in payloads if _is_list(payload)]
        yield from map(_decode, payloads)
        if end == 0 and _is_damaged(data):
            return
        data = data[end:]


def _payloads(data: bytes) -> tuple[list[bytes], int]:
    """Return the payloads of the frames up to the first that is not whole, and where that is."""
    found: list[bytes] = []
    start, size = 0, len(data)
    unpack, head, crc32, add = _HEAD.unpack_from, _HEAD.size, zlib.crc32, found.append
    while (body := start + head) <= size:
        length, checksum = unpack(data, start)
        end = body + length
        if length == 0 or end > size:
            break
        payload = data[body:end]
        if crc32(payload) != checksum:
            break
        add(payload)
        start = end
    return found, start


def _is_list(payload: bytes) -> bool:
    # Arrays of up to 15 items, and longer ones.
    return payload[0] & 0xF0 == 0x90 or payload[0] in {0xDC, 0xDD}  # noqa: PLR2004 - MessagePack


def _is_damaged(data: bytes) -> bool:
    """Whether more bytes could not make a whole frame of the first one."""
    return len(data) >= _HEAD.size and len(data) >= _HEAD.size + _HEAD.unpack_from(data)[0]


def _extended(value: Any) -> Any:
    """Return a value with extensions for what MessagePack cannot hold."""
    if isinstance(value, dict):
        return {_key(key): _extended(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_extended(item) for item in value]
    if isinstance(value, int) and not _LOWEST <= value <= _HIGHEST:
        size = value.bit_length() // 8 + 1
        return msgspec.msgpack.Ext(_INTEGER, value.to_bytes(size, "big", signed=True))
    if isinstance(value, str) and not _is_unicode(value):
        return msgspec.msgpack.Ext(_TEXT, value.encode("utf-8", "surrogatepass"))
    return value


def _key(key: str) -> str:
    if not _is_unicode(key):
        raise InvalidInputError(f"the key {key!r} is not valid Unicode", kind="bad_key")
    return key


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _extension(code: int, data: memoryview) -> int | str:
    if code == _INTEGER:
        return int.from_bytes(data, "big", signed=True)
    return bytes(data).decode("utf-8", "surrogatepass")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ext_hook=_extension).decode
