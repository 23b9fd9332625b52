"""Does a folder hold exactly what a version holds?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import copying
from artifacts.store.errors import from_os_error
from artifacts.store.progress import Progress
from artifacts.store.staging import WORK_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.store.manifest import Entry


class Comparison(NamedTuple):
    """How a folder differs from a version. All paths, sorted."""

    missing: list[str]
    changed: list[str]
    extra: list[str]


def compare(
    entries: Mapping[str, Entry], root: str, *, progress: Progress | None = None
) -> Comparison:
    """Read every file below ``root`` and compare it with the entries.

    Links to files are followed, links to folders are not. Nothing is trusted from earlier.

    Raises:
        StorageError: A file cannot be read.
    """
    progress = progress or Progress()
    progress.start(len(entries), sum(entry.size for entry in entries.values()))
    seen: set[str] = set()
    changed: list[str] = []
    extra: list[str] = []
    for path, source in _files_below(root, ""):
        entry = entries.get(path)
        if entry is None:
            extra.append(path)
            continue
        seen.add(path)
        if not copying.has_content(source, entry.digest, entry.size):
            changed.append(path)
        progress.advance(1, entry.size)
    missing = sorted(entries.keys() - seen)
    return Comparison(missing, sorted(changed), sorted(extra))


def _files_below(root: str, prefix: str) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(os.path.join(root, prefix)) as iterator:
            entries = list(iterator)
    except OSError as error:
        raise from_os_error(error, f"list the folder {os.path.join(root, prefix)}") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name != WORK_FOLDER:
                yield from _files_below(root, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.path
