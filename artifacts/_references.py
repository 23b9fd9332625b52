"""From a ``file://`` URI to entries whose bytes stay where they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from artifacts.store import ingest
from artifacts.store.errors import InvalidInputError
from artifacts.store.manifest import check_path

if TYPE_CHECKING:
    from artifacts.store.manifest import Entry

MAX_OBJECTS = 10_000_000


def file_references(
    uri: str, name: str | None, *, checksum: bool, limit: int | None
) -> list[Entry]:
    """Return the entries for a file, or for all files below a folder.

    Raises:
        InvalidInputError: Not a ``file://`` URI, nothing there, or too many files.
    """
    parts = urlsplit(uri)
    if not parts.scheme:
        raise InvalidInputError(
            "References must be URIs. To reference a local file, use file://", kind="not_a_uri"
        )
    if parts.scheme != "file":
        raise InvalidInputError(
            f"cannot reference {uri}: this version supports file:// references",
            kind="unsupported_reference",
        )
    path = unquote(parts.path)
    if not os.path.exists(path):
        raise InvalidInputError(f"nothing to reference at {path}", kind="reference_missing")
    if not os.path.isdir(path):
        file = ingest.source_file(path, name or os.path.basename(path))
        return [ingest.reference_entry(_uri(path), file, checksum=checksum)]
    prefix = f"{check_path(name.strip('/'))}/" if name and name.strip("/") else ""
    files = ingest.walk(path)
    maximum = MAX_OBJECTS if limit is None else limit
    if len(files) > maximum:
        raise InvalidInputError(
            f"Exceeded {maximum} objects tracked, pass max_objects to reference more",
            kind="too_many_objects",
        )
    return [
        ingest.reference_entry(
            _uri(file.source), file._replace(path=prefix + file.path), checksum=checksum
        )
        for file in files
    ]


def _uri(path: str) -> str:
    return "file://" + quote(os.path.abspath(path))
