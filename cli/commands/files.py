"""`art files`."""

from __future__ import annotations

from typing import Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument


@click.command(
    "files",
    cls=Art,
    example="""
        art files corpus:v3
        art files corpus:v3 '*.parquet'
    """,
    exits=READING,
)
@ref_argument()
@click.argument(
    "pattern",
    required=False,
    shell_complete=_complete.paths,
    help="Only files that match, as in .gitignore.",
)
@click.pass_obj
def command(app: App, ref: str, pattern: str | None) -> None:
    """List the files of a version."""
    from artifacts.cli import _describe, _text

    artifact, out = app.artifact(ref), app.output
    found = artifact.entries(include=pattern)

    def data() -> dict[str, Any]:
        return {
            "version": _describe.version(artifact.record),
            "files": [_describe.file(entry) for entry in found],
        }

    def human() -> None:
        rows = [
            [
                _text.size(entry.size),
                _describe.short(entry.digest),
                entry.path if entry.ref is None else f"{entry.path} → {entry.ref}",
            ]
            for entry in found
        ]
        out.lines(rows, right=[0])

    out.result(data, human=human, quiet=lambda: (entry.path for entry in found))
