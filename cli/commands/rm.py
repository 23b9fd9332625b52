"""`art rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument, removal_options

if TYPE_CHECKING:
    from artifacts.store.records import VersionRecord

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
@click.option(
    "--force", is_flag=True, help="Also what a running run uses or a protected alias names."
)
@removal_options
@click.pass_obj
def command(
    app: App,
    refs: tuple[str, ...],
    all_versions: bool,
    delete_aliases: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete versions.

    All of them or none. Numbers are not used again, and lineage still shows what was deleted. The
    alias `latest` moves on to the version that was logged last of those that remain. The bytes
    stay in the store until `art gc` frees them; until then `art undelete` undoes it.
    """
    from artifacts.settings import user_name
    from artifacts.store.errors import StateError

    chosen = _choose(app, refs, all_versions=all_versions)
    if not delete_aliases:
        _check_aliases(chosen)
    if not force:
        _check_held(app, chosen)
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
    app.catalog.delete_versions(
        [record.id for record in chosen],
        delete_aliases=delete_aliases,
        force=force,
        by=user_name(),
    )
    _report(app, [app.catalog.version(record.id) for record in chosen], "deleted")
    out.note("`art undelete` undoes it, until `art gc` frees the space")


def _choose(app: App, refs: tuple[str, ...], *, all_versions: bool) -> list[VersionRecord]:
    """Return the versions to delete, each once, oldest first: so `latest` moves only at the end."""
    from artifacts.store.refs import Ref

    found: list[VersionRecord] = []
    for text in refs:
        ref = Ref.parse(text)
        named = ref.selector is not None or ref.digest is not None
        if all_versions and named:
            raise click.UsageError(f"--all-versions takes a name alone, not {text!r}")
        if not all_versions and not named:
            raise click.UsageError(
                f"say which version of {text!r}: {text}:vN, or --all-versions for all of them"
            )
        if all_versions:
            found += [artifact.record for artifact in app.api.artifacts(None, text)]
        else:
            found.append(app.artifact(text).record)
    return [record for _, record in sorted({record.id: record for record in found}.items())]


def _check_aliases(chosen: list[VersionRecord]) -> None:
    """Refuse before anybody is asked what would be refused afterwards."""
    from artifacts.store.errors import StateError

    for record in chosen:
        held = [alias for alias in record.aliases if alias != _LATEST]
        if held:
            raise StateError(
                f"{record.ref} has the aliases {', '.join(held)}",
                hint="move them (art alias), or delete it all the same with --delete-aliases",
                kind="has_aliases",
            )


def _check_held(app: App, chosen: list[VersionRecord]) -> None:
    """Refuse, likewise, what is in use or protected."""
    from artifacts.store.errors import StateError

    hint = "wait, or delete it all the same with --force"
    for record in chosen:
        if record.protected:
            raise StateError(
                f"alias {', '.join(record.protected)} of {record.ref} is protected",
                hint="end that with art alias --unprotect, or delete it all the same with --force",
                kind="alias_protected",
            )
        for user in app.catalog.in_use([record.id]).values():
            raise StateError(f"{record.ref} is being used by {user}", hint=hint, kind="in_use")


def _count(chosen: list[VersionRecord]) -> str:
    from artifacts.cli._text import count

    return count(len(chosen), "version")


def _rows(chosen: list[VersionRecord]) -> list[str]:
    from artifacts.cli import _describe, _text

    rows = [[r.ref, _describe.amount(r), ", ".join(r.aliases)] for r in chosen]
    return _text.layout(rows)


def _report(app: App, chosen: list[VersionRecord], key: str) -> None:
    from artifacts.cli import _describe

    out = app.output
    verb = key.replace("_", " ")

    def data() -> dict[str, Any]:
        return {key: [_describe.version(record) for record in chosen]}

    def human() -> None:
        for line in _rows(chosen):
            out.line(f"{verb} {line}")
        if key != "deleted":
            out.line(f"would delete {_count(chosen)}; nothing was changed")

    out.result(data, human=human, quiet=lambda: (record.ref for record in chosen))
