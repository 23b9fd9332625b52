"""`art find`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art

if TYPE_CHECKING:
    from artifacts.store.lineage.provenance import FileHits

_DIGEST = re.compile(r"(blake3:)?[0-9a-f]{8,64}")


@click.command(
    "find",
    cls=Art,
    example="""
        art find train/a.png
        art find blake3:5f1c0a9e --all-projects
    """,
    exits=READING,
)
@click.argument(
    "content",
    type=click.Path(),
    required=False,
    help="A file of this machine, or a digest or its first digits.",
)
@click.option("--digest", metavar="DIGEST", help="The digest, where a file has such a name.")
@click.option("--all-projects", is_flag=True, help="Look in all projects of the entity.")
@click.option(
    "--references", is_flag=True, help="Also find files that versions only refer to; takes longer."
)
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if there is none.")
@click.pass_context
def command(
    ctx: click.Context,
    content: str | None,
    digest: str | None,
    all_projects: bool,
    references: bool,
    exit_code: bool,
) -> None:
    """Show every version that holds a file.

    Its name does not matter, only its content. One look-up says whether the store has that at all.
    Only then are lists of files read: those of all versions that are large enough.
    """
    if (content is None) == (digest is None):
        raise click.UsageError("give either a file or digest, or --digest")
    app = ctx.ensure_object(App)
    if content is not None and not os.path.lexists(content) and _DIGEST.fullmatch(content):
        content, digest = None, content
    found = app.api.find(content, digest=digest, all_projects=all_projects, references=references)
    app.output.result(
        lambda: _data(found),
        human=lambda: _show(app, found),
        quiet=lambda: (f"{hit.version.ref}\t{path}" for hit in found.hits for path in hit.paths),
    )
    if exit_code and not found:
        ctx.exit(1)


def _show(app: App, found: FileHits) -> None:
    from artifacts.cli import _describe, _text

    out = app.output
    if not found:
        where = "no version holds it" if found.stored else "the store does not have it"
        out.line(f"{where} ({_describe.short(found.digest)})")
    else:
        rows = [
            [hit.version.ref, hit.version.type, _text.age(hit.version.created_at), path]
            for hit in found.hits
            for path in hit.paths
        ]
        out.table(["VERSION", "TYPE", "AGE", "PATH"], rows)
    if found.searched:
        lists = _text.count(found.searched, "list")
        out.note(f"searched {lists} of files, {_text.size(found.bytes)}")
    if found.unreadable:
        names = ", ".join(version.ref for version in found.unreadable)
        out.note(f"could not be read, see art check: {names}")


def _data(found: FileHits) -> dict[str, Any]:
    from artifacts.cli import _describe
    from artifacts.store.digests import format_digest

    return {
        "digest": format_digest(found.digest),
        "stored": found.stored,
        "found": [
            {"version": _describe.version(hit.version), "paths": hit.paths} for hit in found.hits
        ],
        "searched": found.searched,
        "bytes": found.bytes,
        "unreadable": [_describe.version(version) for version in found.unreadable],
    }
