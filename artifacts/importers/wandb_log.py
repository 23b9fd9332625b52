"""The log that W&B keeps of a run: a header, and records in the framing of LevelDB's logs.

A record is cut into pieces that do not cross the borders of blocks of 32 KiB. Before a piece stand
its CRC-32, its length and which part of the record it is. The records are messages of protobuf, of
which the fields below are read; others are skipped.
"""

from __future__ import annotations

import functools
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import ConfigError, FormatError, IntegrityError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO

HEADER = b":W&B\xe1\xbe\x00"

_BLOCK = 32 << 10
_PIECE = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

# By message: field -> (number, type, or the message that it holds); "*" if there may be several.
_INTEGER, _SIGNED, _FLAG, _NUMBER, _TEXT = "int64", "sint64", "bool", "double", "string"
_ITEM = {"key": (1, _TEXT), "nested_key*": (2, _TEXT), "value_json": (16, _TEXT)}
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Record": {
        "history": (2, "History"),
        "summary": (3, "Update"),
        "config": (5, "Update"),
        "stats": (7, "Empty"),
        "artifact": (8, "Artifact"),
        "alert": (10, "Alert"),
        "run": (17, "Run"),
        "exit": (18, "Exit"),
        "use_artifact": (25, "UseArtifact"),
        "request": (100, "Request"),
    },
    "Empty": {},
    "Request": {"log_artifact": (13, "LogArtifact")},
    "LogArtifact": {"artifact": (1, "Artifact")},
    "Item": _ITEM,
    "Update": {"update*": (1, "Item"), "remove*": (2, "Item")},
    "HistoryItem": {
        **_ITEM,
        "none": (3, _INTEGER),
        "boolean": (4, _FLAG),
        "integer": (5, _SIGNED),
        "number": (6, _NUMBER),
        "text": (7, _TEXT),
        "json": (8, _TEXT),
    },
    "Step": {"num": (1, _INTEGER)},
    "History": {"item*": (1, "HistoryItem"), "step": (2, "Step")},
    "Time": {"seconds": (1, _INTEGER), "nanos": (2, _INTEGER)},
    "Run": {
        "run_id": (1, _TEXT),
        "project": (3, _TEXT),
        "config": (4, "Update"),
        "summary": (5, "Update"),
        "run_group": (6, _TEXT),
        "job_type": (7, _TEXT),
        "display_name": (8, _TEXT),
        "notes": (9, _TEXT),
        "tags*": (10, _TEXT),
        "sweep_id": (12, _TEXT),
        "host": (13, _TEXT),
        "start_time": (17, "Time"),
    },
    "Exit": {"exit_code": (1, _INTEGER), "runtime": (2, _INTEGER)},
    "Alert": {"title": (1, _TEXT), "text": (2, _TEXT), "level": (3, _TEXT)},
    "UseArtifact": {"type": (2, _TEXT), "name": (3, _TEXT)},
    "Extra": {"key": (1, _TEXT), "value_json": (2, _TEXT)},
    "Entry": {
        "path": (1, _TEXT),
        "digest": (2, _TEXT),
        "ref": (3, _TEXT),
        "size": (4, _INTEGER),
        "local_path": (6, _TEXT),
        "extra*": (16, "Extra"),
    },
    "Manifest": {"contents*": (4, "Entry"), "manifest_file_path": (5, _TEXT)},
    "Artifact": {
        "type": (4, _TEXT),
        "name": (5, _TEXT),
        "digest": (6, _TEXT),
        "description": (7, _TEXT),
        "metadata": (8, _TEXT),
        "use_after_commit": (10, _FLAG),
        "aliases*": (11, _TEXT),
        "manifest": (12, "Manifest"),
        "finalize": (14, _FLAG),
        "client_id": (15, _TEXT),
        "ttl_duration_seconds": (18, _INTEGER),
        "tags*": (19, _TEXT),
    },
}


def read_log(path: Path) -> Iterator[Any]:
    """Yield the records of a log; one at its end that was not written completely is left out.

    Raises:
        ConfigError: protobuf is not installed.
        FormatError: It is not such a log.
        IntegrityError: A record is damaged. Those before it have been yielded.
        StorageError: It cannot be read.
    """
    record_class = _record_class()
    from google.protobuf.message import DecodeError

    for data in _read_framed(path):
        record = record_class()
        try:
            record.ParseFromString(data)
        except DecodeError as error:
            raise _damaged(path) from error
        yield record


def _read_framed(path: Path) -> Iterator[bytes]:
    """Yield the bytes of each record."""
    try:
        with path.open("rb") as file:
            if file.read(len(HEADER)) != HEADER:
                raise FormatError(f"{path} is not the log of a W&B run", kind="bad_source")
            yield from _records(path, _pieces(path, file, len(HEADER)))
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error


def _pieces(path: Path, file: IO[bytes], position: int) -> Iterator[tuple[int, bytes]]:
    """Yield each piece, and which part of a record it is, up to one that is cut off."""
    while True:
        left = _BLOCK - position % _BLOCK
        if left < _PIECE.size:
            file.read(left)
            position += left
        head = file.read(_PIECE.size)
        if len(head) < _PIECE.size:
            return
        checksum, length, part = _PIECE.unpack(head)
        data = file.read(length)
        position += _PIECE.size + len(data)
        if len(data) < length or (part, length) == (0, 0):
            return  # the process was killed while it wrote
        if zlib.crc32(data, zlib.crc32(bytes([part]))) != checksum:
            raise _damaged(path)
        yield part, data


def _records(path: Path, pieces: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    begun: list[bytes] = []
    for part, data in pieces:
        starts = part in {_FULL, _FIRST}
        if part not in {_FULL, _FIRST, _MIDDLE, _LAST} or starts == bool(begun):
            raise _damaged(path)
        begun.append(data)
        if part in {_FULL, _LAST}:
            yield b"".join(begun)
            begun = []


def _damaged(path: Path) -> IntegrityError:
    return IntegrityError(
        f"the log {path} is damaged",
        hint="import the other runs: name their folders one by one",
        kind="source_damaged",
    )


def parse_json(text: str) -> Any:
    """Return a value of a record, which is written as JSON; None for an empty text.

    Raises:
        FormatError: It is not JSON.
    """
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise FormatError(f"the log holds {text[:40]!r}, which is not JSON") from error


@functools.cache
def _record_class() -> type[Any]:
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise ConfigError(
            "reading the logs of W&B needs protobuf, which is not installed",
            hint="install it with: pip install 'artifacts-cas[import]'",
            kind="not_installed",
        ) from error
    kinds = descriptor_pb2.FieldDescriptorProto
    # Of proto2, in which a field that was not written is told from one that is zero.
    file = descriptor_pb2.FileDescriptorProto(name="wandb_log.proto", package="log")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for named, (number, type_) in fields.items():
            field = message.field.add(name=named.rstrip("*"), number=number)
            several = named.endswith("*")
            field.label = kinds.LABEL_REPEATED if several else kinds.LABEL_OPTIONAL
            if type_ in _MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".log.{type_}"
            else:
                field.type = kinds.Type.Value(f"TYPE_{type_.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    described = pool.FindMessageTypeByName("log.Record")
    found: type[Any] = message_factory.GetMessageClass(described)
    return found
