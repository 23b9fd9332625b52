"""`art cat`."""

from __future__ import annotations

import base64
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._output import Mode
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.artifact import Artifact


@click.command("cat", cls=Art, example="art cat corpus:prod train.csv | head", exits=READING)
@ref_argument()
@click.argument("path", shell_complete=_complete.paths, help="Path of the file in the version.")
@click.pass_obj
def command(app: App, ref: str, path: str) -> None:
    """Print a file of a version.

    The bytes go to stdout as they are. With --json they are in `content`, as text if they are
    UTF-8, else as base64; `encoding` says which.
    """
    artifact = app.artifact(ref)
    if app.output.mode is Mode.JSON:
        app.output.result(lambda: _data(artifact, path), human=lambda: None)
        return
    with artifact.open(path) as file:
        shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)


def _data(artifact: Artifact, path: str) -> dict[str, Any]:
    from artifacts.cli import _describe

    entry = artifact.get_entry(path)
    with entry.open() as file:
        content: bytes = file.read()
    try:
        encoding, text = "utf-8", content.decode("utf-8")
    except UnicodeDecodeError:
        encoding, text = "base64", base64.b64encode(content).decode("ascii")
    return {**_describe.file(entry), "encoding": encoding, "content": text}
