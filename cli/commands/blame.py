"""`art blame`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.store.lineage.provenance import Blame, PathChange


@click.command("blame", cls=Art, example="art blame data:v9 train/a.png", exits=READING)
@ref_argument()
@click.argument("path", shell_complete=_complete.paths, help="A file of the version.")
@click.pass_obj
def command(app: App, ref: str, path: str) -> None:
    """Show which version and run brought a file.

    And what was at its path before. The lists of files of all versions of the artifact up to this
    one are read.
    """
    found = app.api.blame(ref, path)
    app.output.result(
        lambda: _data(found),
        human=lambda: _show(app, found),
        quiet=lambda: [found.first.version.ref],
    )


def _show(app: App, found: Blame) -> None:
    from artifacts.cli import _describe, _text

    out = app.output
    out.line(f"{found.entry.path} of {found.version.ref}", bold=True)
    again = found.since.version != found.first.version
    out.fields(
        [
            ("digest", f"blake3:{found.entry.digest.hex()}"),
            ("size", _text.size(found.entry.size)),
            ("reference", found.entry.reference.uri if found.entry.reference else ""),
            ("brought by", _origin(found.first)),
            ("again by", _origin(found.since) if again else ""),
        ]
    )
    before = None
    rows = []
    for change in found.history:
        verb = "removed" if change.entry is None else "changed" if before else "added"
        before = change.entry
        content = "" if before is None else f"{_describe.short(before.digest)}"
        size = "" if before is None else _text.size(before.size)
        run = "" if change.run is None else _describe.run_title(change.run)
        rows.append([change.version.version, verb, content, size, run])
    out.table(["VERSION", "", "DIGEST", "SIZE", "RUN"], rows, right="SIZE")
    if found.unreadable:
        names = ", ".join(version.version for version in found.unreadable)
        out.line(f"not known of {names}: what they held was collected or is damaged")


def _origin(change: PathChange) -> str:
    from artifacts.cli import _describe, _text

    deleted = ", deleted since" if change.version.deleted_at is not None else ""
    run = "" if change.run is None else f", {_describe.run_title(change.run)}"
    return f"{change.version.ref}{run}, {_text.ago(change.version.created_at)}{deleted}"


def _data(found: Blame) -> dict[str, Any]:
    from artifacts.cli import _describe

    def change(each: PathChange) -> dict[str, Any]:
        return {
            "version": _describe.version(each.version),
            "run": None if each.run is None else _describe.run(each.run),
            "entry": None if each.entry is None else _describe.entry(each.entry),
        }

    return {
        "version": _describe.version(found.version),
        "entry": _describe.entry(found.entry),
        "first": change(found.first),
        "since": change(found.since),
        "history": [change(each) for each in found.history],
        "unreadable": [_describe.version(version) for version in found.unreadable],
    }
