"""`art rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument, removal_options

if TYPE_CHECKING:
    from artifacts.artifact import Artifact

_LATEST = "latest"


@click.command(
    "rm",
    cls=Art,
    example="""
        art rm corpus:v1 corpus:v2
        art rm corpus --all-versions --dry-run
    """,
    exits=READING,
)
@ref_argument(
    "refs", nargs=-1, required=True, metavar="REF...", help="[PROJECT/]NAME:vN or :ALIAS."
)
@click.option("--all-versions", is_flag=True, help="All versions; REF is a name alone then.")
@click.option("--delete-aliases", is_flag=True, help="Also versions with aliases but `latest`.")
@removal_options
@click.pass_obj
def command(
    app: App,
    refs: tuple[str, ...],
    all_versions: bool,
    delete_aliases: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete versions.

    Numbers are not used again, and lineage still shows what was deleted. The alias `latest` moves
    on to the version that was logged last of those that remain. The bytes stay in the store until
    they are collected.
    """
    from artifacts.store.errors import StateError

    chosen = _choose(app, refs, all_versions=all_versions)
    if not delete_aliases:
        _check_aliases(chosen)
    out = app.output
    if dry_run:
        _report(app, chosen, "would_delete")
        return
    if not yes:
        out.note("to delete:")
        for line in _rows(chosen):
            out.note(f"  {line}")
        if not out.confirm(f"delete {_count(chosen)}?"):
            raise StateError("nothing was deleted", kind="not_confirmed")
    for artifact in chosen:
        artifact.delete(delete_aliases=delete_aliases)
    _report(app, chosen, "deleted")


def _choose(app: App, refs: tuple[str, ...], *, all_versions: bool) -> list[Artifact]:
    """Return the versions to delete, each once, oldest first: so `latest` moves only at the end."""
    from artifacts.store.refs import Ref

    found: list[Artifact] = []
    for text in refs:
        ref = Ref.parse(text)
        named = ref.selector is not None or ref.digest is not None
        if all_versions and named:
            raise click.UsageError(f"--all-versions takes a name alone, not {text!r}")
        if not all_versions and not named:
            raise click.UsageError(
                f"say which version of {text!r}: {text}:vN, or --all-versions for all of them"
            )
        found += app.api.artifacts(None, text) if all_versions else [app.artifact(text)]
    return [artifact for _, artifact in sorted({a.record.id: a for a in found}.items())]


def _check_aliases(chosen: list[Artifact]) -> None:
    """Refuse before anything is deleted what would be refused in the middle."""
    from artifacts.store.errors import StateError

    for artifact in chosen:
        held = [alias for alias in artifact.record.aliases if alias != _LATEST]
        if held:
            raise StateError(
                f"{artifact.record.ref} has the aliases {', '.join(held)}",
                hint="move them (art alias), or delete it all the same with --delete-aliases",
                kind="has_aliases",
            )


def _count(chosen: list[Artifact]) -> str:
    from artifacts.cli._text import count

    return count(len(chosen), "version")


def _rows(chosen: list[Artifact]) -> list[str]:
    from artifacts.cli import _describe, _text

    rows = [[a.record.ref, _describe.amount(a.record), ", ".join(a.record.aliases)] for a in chosen]
    return _text.layout(rows)


def _report(app: App, chosen: list[Artifact], key: str) -> None:
    from artifacts.cli import _describe

    out = app.output
    verb = key.replace("_", " ")

    def data() -> dict[str, Any]:
        return {key: [_describe.version(artifact.record) for artifact in chosen]}

    def human() -> None:
        for line in _rows(chosen):
            out.line(f"{verb} {line}")
        if key != "deleted":
            out.line(f"would delete {_count(chosen)}; nothing was changed")

    out.result(data, human=human, quiet=lambda: (a.record.ref for a in chosen))
