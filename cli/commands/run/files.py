"""`art run files`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from artifacts._run_files import RunFile


@click.command(
    "files",
    cls=Art,
    example="""
        art run files 8kd9s2la
        art run files 8kd9s2la '*.png' --download out/
    """,
    exits=READING,
)
@run_argument()
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...", help="Only files that match.")
@click.option(
    "--download",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write them into this folder.",
)
@click.option("--replace", is_flag=True, help="Replace other files of these names there.")
@click.pass_obj
def command(
    app: App, run_id: str, patterns: tuple[str, ...], download: Path | None, replace: bool
) -> None:
    """List the files of a run, or download them.

    These are the files that the run has saved, as they were stored last; the versions of the
    artifact run-ID-files have what they were before.
    """
    from artifacts.cli import _describe, _text

    out = app.output
    found = _choose(app, run_id, patterns)
    written = (
        None if download is None else [file.download(download, replace=replace) for file in found]
    )

    def data() -> dict[str, Any]:
        files = [{"name": file.name, "size": file.size, "digest": file.digest} for file in found]
        return {"files": files, "written": written}

    def human() -> None:
        if written is not None:
            where = f" into {download}" if written else ""
            out.line(f"downloaded {_text.count(len(written), 'file')}{where}")
        elif not found:
            out.note("no files; a run keeps files with save() in Python")
        else:
            rows = [[_text.size(f.size), _describe.short(f.digest), f.name] for f in found]
            out.lines(rows, right=[0])

    out.result(data, human=human, quiet=lambda: written or (file.name for file in found))


def _choose(app: App, run_id: str, patterns: tuple[str, ...]) -> list[RunFile]:
    """Return the files of a run that match any of the patterns, or all.

    Raises:
        EntryNotFoundError: There are patterns, and nothing matches.
    """
    import difflib
    from fnmatch import fnmatchcase

    from artifacts.store.errors import EntryNotFoundError

    files = app.api.run(run_id).files()
    if not patterns:
        return files
    found = [f for f in files if any(fnmatchcase(f.name, pattern) for pattern in patterns)]
    if not found:
        near = difflib.get_close_matches(patterns[0], [file.name for file in files])
        raise EntryNotFoundError(
            f"run {run_id} has no file {patterns[0]!r}",
            hint=f"did you mean {' or '.join(near)}?"
            if near
            else f"list them with: art run files {run_id}",
        )
    return found
