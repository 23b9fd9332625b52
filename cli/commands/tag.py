"""`art tag`."""

from __future__ import annotations

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument


@click.command(
    "tag",
    cls=Art,
    example="""
        art tag corpus:v3 reviewed "first half"
        art tag -d corpus:v3 reviewed
    """,
    exits=READING,
)
@ref_argument()
@click.argument(
    "tags",
    nargs=-1,
    required=True,
    metavar="TAG...",
    shell_complete=_complete.tags,
    help="Words of letters, digits, dashes and underscores.",
)
@click.option("-d", "--delete", is_flag=True, is_eager=True, help="Take the tags away.")
@click.pass_obj
def command(app: App, ref: str, tags: tuple[str, ...], delete: bool) -> None:
    """Label a version, or take labels away.

    Unlike an alias, many versions can have the same tag.
    """
    from artifacts.cli import _describe
    from artifacts.store.errors import NotFoundError

    artifact, out = app.artifact(ref), app.output
    if delete:
        missing = [tag for tag in tags if tag not in artifact.tags]
        if missing:
            raise NotFoundError(
                f"{artifact.record.ref} does not have the tag {missing[0]!r}",
                hint=f"it has: {', '.join(artifact.tags) or 'none'}",
                kind="tag_not_found",
            )
        artifact.tags = [tag for tag in artifact.tags if tag not in tags]
    else:
        artifact.tags = [*artifact.tags, *tags]
    record = artifact.save().record

    def human() -> None:
        out.line(f"{record.ref}: {', '.join(record.tags) or 'no tags'}")

    out.result(lambda: {"version": _describe.version(record)}, human=human)
