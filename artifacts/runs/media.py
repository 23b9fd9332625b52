"""Media that a run logs: their files go into its spool, their descriptions into its rows."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from artifacts.media.base import Kept, describe
from artifacts.media.spool import Spool, path_for
from artifacts.store.digests import format_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from artifacts.charts.custom import CustomChart
    from artifacts.media.base import Media
    from artifacts.store.digests import Digest

log = logging.getLogger("artifacts")

_UNSAFE = re.compile(r"[^\w.-]")
_LONGEST = 100


class MediaLog:
    """Keeps the media of one journal. Thread-safe.

    Args:
        folder: Where their files go.
        run: Path of the run.
        begin: Makes the journal if need be, which leads to the folder after a crash.
        define: Keeps the definition of a chart with the run, by its key.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        begin: Callable[[], None],
        define: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.spool = Spool(folder)
        self.run = run
        self.define = define
        self._begin = begin
        self._begun = False

    def at(self, step: int) -> RowMedia:
        """Return what describes the media of a row."""
        return RowMedia(self, step)

    def begin(self) -> None:
        """Make sure that the journal leads to the files."""
        if not self._begun:
            self._begin()
            self._begun = True


class RowMedia:
    """Describes the media of one row; see `values.Describer`.

    Args:
        media: Keeps them.
        step: Of the row, for the names of the files.
    """

    def __init__(self, media: MediaLog, step: int) -> None:
        self._media = media
        self._step = step
        self._taken: dict[str, Digest] = {}

    def one(self, value: Media, where: str) -> dict[str, Any]:
        self._media.begin()
        stem = f"{safe_name(where)}_{self._step}"
        return describe(value, RowKeeper(self._media, stem, self._taken))

    def several(self, values: Sequence[Media], where: str) -> Any:
        first = type(values[0])
        limit = first.batch_limit
        if limit is not None and len(values) > limit:
            log.warning(
                "%s has %d objects of type %s, of which the first %d are logged",
                where,
                len(values),
                first.__name__,
                limit,
            )
            values = values[:limit]
        described = [self.one(value, where) for value in values]
        return described if first.batch_name is None else first._batched(values, described)

    def chart(self, chart: CustomChart, key: str, where: str) -> tuple[str, Media]:
        name = chart.table_key(key)
        self._media.define(where, chart.describe(where.removesuffix(key) + name))
        return name, chart.table


class RowKeeper:
    """Keeps the files of one object; see `artifacts.media.base.Keeper`."""

    def __init__(self, media: MediaLog, stem: str, taken: dict[str, Digest]) -> None:
        self._spool = media.spool
        self._stem = stem
        self._taken = taken
        self.run = media.run

    def keep(self, folder: str, suffix: str, content: bytes | Path) -> Kept:
        found = self._spool.put(content, suffix)
        path = path_for(folder, self._stem, found, suffix, self._taken)
        return Kept(path, format_digest(found.digest), found.sha256, found.size)


def safe_name(key: str) -> str:
    """Return a key as a part of the name of a file."""
    return _UNSAFE.sub("_", key)[:_LONGEST] or "_"
