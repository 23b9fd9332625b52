"""`art run log`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from collections.abc import Callable

    from artifacts.stored_run import StoredRun

_LOCAL_EVERY = 0.3
_STORE_EVERY = 5.0


@click.command(
    "log",
    cls=Art,
    example="""
        art run log 8kd9s2la
        art run log 8kd9s2la -f
    """,
    exits=READING,
)
@run_argument()
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")
@click.pass_obj
def command(app: App, run_id: str, follow: bool, last: int | None) -> None:
    """Print what a run has written to the console.

    Of a run on this machine that is everything up to now; of a run elsewhere what has reached the
    store, which may be only at its end. On a terminal, control characters other than colours are
    shown as escapes.
    """
    if follow and app.json:
        raise click.UsageError("--follow prints lines as they come, and --json one object")
    reader = _Reader(app, run_id)
    text = reader.read()
    if text is None and not (follow and reader.is_running()):
        _fail(reader.run)
    shown = text or b""
    if last is not None:
        shown = b"".join(shown.splitlines(keepends=True)[-last:])
    if app.json:
        lines = shown.decode("utf-8", "replace")
        app.output.result(lambda: {"log": lines}, human=lambda: None)
        return
    show = _printer()
    show(shown)
    while follow and reader.is_running():
        time.sleep(reader.interval)
        show(reader.read() or b"")
    if follow:
        show(reader.read() or b"")


def _fail(run: StoredRun) -> None:
    from artifacts.store.errors import EntryNotFoundError

    hint = "the run was told not to keep it, has printed nothing, or runs on another machine"
    raise EntryNotFoundError(f"run {run.id} has no console output here", hint=hint)


class _Reader:
    """Reads the log of a run: the file that grows on this machine, else what the store has."""

    def __init__(self, app: App, run_id: str) -> None:
        self._app = app
        self._path = run_id
        self.run = app.api.run(run_id)
        self._offset = 0

    @property
    def interval(self) -> float:
        """Seconds between two looks at what is new."""
        return _LOCAL_EVERY if self._local().exists() else _STORE_EVERY

    def is_running(self) -> bool:
        """Whether the run goes on."""
        self.run = self._app.api.run(self._path)
        from artifacts.store.records import ACTIVE_STATES

        return self.run.state in ACTIVE_STATES

    def read(self) -> bytes | None:
        """Return what was added since the last call; None if there never was anything."""
        data = self._read_local()
        return self._read_stored() if data is None else data

    def _local(self) -> Path:
        from artifacts.runs.folders import files_folder
        from artifacts.runs.output_log import FILE

        return files_folder(self.run._place, self.run._record) / FILE

    def _read_local(self) -> bytes | None:
        from artifacts.store.errors import from_os_error

        try:
            with self._local().open("rb") as file:
                # It is shorter than before when the middle of a very long one was left out.
                size = os.fstat(file.fileno()).st_size
                file.seek(self._offset if size >= self._offset else 0)
                data = file.read()
                self._offset = file.tell()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise from_os_error(error, f"read {self._local()}") from error
        return data

    def _read_stored(self) -> bytes | None:
        from artifacts._run_files import find_file
        from artifacts.runs.output_log import FILE

        entry = find_file(self.run._place, self.run._record, FILE)
        if entry is None:
            return None
        if entry.size < self._offset:
            self._offset = 0
        with entry.open() as file:
            file.seek(self._offset)
            data: bytes = file.read()
        self._offset = entry.size
        return data


def _printer() -> Callable[[bytes], None]:
    """Return what prints a part of a log: as it is into a pipe, harmless on a terminal."""
    from artifacts.cli._text import printable_colors

    out = sys.stdout.buffer
    visible = sys.stdout.isatty()

    def show(data: bytes) -> None:
        if visible:
            lines = data.decode("utf-8", "replace").split("\n")
            data = "\n".join(map(printable_colors, lines)).encode("utf-8", "replace")
        out.write(data)
        out.flush()

    return show
