"""Files of events, one a line, into a store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.errors import FormatError, NotFoundError, from_os_error
from artifacts.store.lineage.openlineage.reading import EventReader
from artifacts.store.transcript import MAX_LINE

if TYPE_CHECKING:
    from pathlib import Path

    from artifacts.store.catalog.restore import Restored
    from artifacts.store.lineage.openlineage.reading import Home
    from artifacts.store.store import Store


class ImportedEvents(NamedTuple):
    """What an import did.

    Attributes:
        events: How many there were.
        changes: To the catalog.
    """

    events: int
    changes: Restored


def import_events(store: Store, path: Path, *, home: Home, by: str | None = None) -> ImportedEvents:
    """Bring the versions, runs and edges of events into a store; again changes nothing.

    The versions are without data until these are logged or imported under the same name.

    Args:
        store: Where they go.
        path: A file of events, one a line.
        home: Where those of other programs go.
        by: Who imports.

    Raises:
        NotFoundError: There is no such file.
        FormatError: A line is no event, or says something that cannot be. Nothing was imported.
        InvalidInputError: An artifact exists with another type.
        StorageError: The file cannot be read.
    """
    reader = EventReader(home)
    count = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
                if line.strip():
                    reader.take(_parse(line, number), number)
                    count += 1
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"there is no file {path}", kind="file_not_found") from error
    except OSError as error:
        raise from_os_error(error, f"read {path}") from error
    return ImportedEvents(count, store.catalog.restore_lineage(reader.records, by=by))


def _parse(line: bytes, number: int) -> object:
    if len(line) > MAX_LINE:
        raise FormatError(f"line {number} is too long", kind="bad_event")
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"line {number} is not JSON", kind="bad_event") from error
