"""From a URI to entries whose bytes stay where they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from artifacts._ignore import make_ignore
from artifacts._setting_list import STORE_FOLDER
from artifacts.store import ingest, walking
from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.store.manifest import check_path
from artifacts.store.references import MAX_OBJECTS, remote_entries, too_many

if TYPE_CHECKING:
    from artifacts.store.manifest import Entry


def references(uri: str, name: str | None, *, checksum: bool, limit: int | None) -> list[Entry]:
    """Return the entries for a file, or for all files below a folder.

    Raises:
        InvalidInputError: Not a URI, nothing there, or too many files.
        ArtifactsError: The service that has the files cannot be asked.
    """
    if not isinstance(uri, str):
        raise InvalidTypeError(
            f"a reference is a URI as text, not {uri.__class__.__name__}",
            hint="Path('data').absolute().as_uri() makes one of a path",
        )
    scheme, separator, rest = uri.partition("://")
    if not separator:
        raise InvalidInputError(
            "References must be URIs. To reference a local file, use file://",
            hint=f"for example file://{os.path.abspath(uri)}",
            kind="not_a_uri",
        )
    if scheme.lower() == "file":
        return _file_references(_local_path(rest), name, checksum=checksum, limit=limit)
    return remote_entries(uri, name, checksum=checksum, limit=limit)


def _file_references(
    path: str, name: str | None, *, checksum: bool, limit: int | None
) -> list[Entry]:
    if not os.path.exists(path):
        raise InvalidInputError(
            f"nothing to reference at {path}",
            hint="write an absolute path as file:///folder/file",
            kind="reference_missing",
        )
    if not os.path.isdir(path):
        file = walking.source_file(path, name or os.path.basename(path))
        return [ingest.reference_entry(_uri(path), file, checksum=checksum)]
    prefix = f"{check_path(name.strip('/'))}/" if name and name.strip("/") else ""
    files = walking.walk(path, ignore=make_ignore(path), skip_folders=[STORE_FOLDER])
    maximum = MAX_OBJECTS if limit is None else limit
    if len(files) > maximum:
        raise too_many(maximum)
    return [
        ingest.reference_entry(
            _uri(file.source), file._replace(path=prefix + file.path), checksum=checksum
        )
        for file in files
    ]


def _local_path(rest: str) -> str:
    """Return the path that follows ``file://``; a relative one is taken as it is."""
    if rest.startswith("localhost/"):
        rest = rest.removeprefix("localhost")
    # People also write paths as they are, with characters that a URI would have to quote.
    return rest if os.path.exists(rest) else unquote(rest)


def _uri(path: str) -> str:
    return "file://" + quote(os.fsencode(os.path.abspath(path)))
