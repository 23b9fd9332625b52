"""`art refs`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, ArtGroup
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.store.manifest import Entry

_CHANGED = 13
_UNREACHABLE = 14


@click.group(
    "refs",
    cls=ArtGroup,
    example="""
        art refs ls corpus
        art refs check corpus:prod
    """,
)
def command() -> None:
    """List and check the files that a version refers to.

    They stay where they are; the version records where, and what they were.
    """


@command.command("ls", example="art refs ls corpus:v3", exits=READING)
@ref_argument()
@click.pass_obj
def ls(app: App, ref: str) -> None:
    """List the references of a version; nobody is asked about them."""
    from artifacts.cli import _describe, _text

    artifact, out = app.artifact(ref), app.output
    found = [e._entry for e in artifact.entries() if e._entry.reference is not None]

    def data() -> dict[str, Any]:
        return {
            "version": _describe.version(artifact.record),
            "references": [_reference(entry) for entry in found],
        }

    def human() -> None:
        if not found:
            out.note(f"{artifact.record.ref} has no references")
        rows = [[_text.size(entry.size), entry.path, _uri(entry)] for entry in found]
        out.lines(rows, right=[0])

    out.result(data, human=human, quiet=lambda: (_uri(entry) for entry in found))


@command.command(
    "check",
    example="""
        art refs check corpus
        art refs check corpus:prod --json
    """,
    exits=READING,
)
@ref_argument()
@click.pass_context
def check(ctx: click.Context, ref: str) -> None:
    """Say what has become of the files that a version refers to.

    Each one is `ok`, `changed`, `missing` or `unreachable`. A local file of which a digest was
    recorded is read; of others only the service is asked. Ends with 13 if something is changed
    or missing, else with 14 if something could not be reached.
    """
    from artifacts.cli import _describe, _text
    from artifacts.store.references import ReferenceState, check_references

    app = ctx.ensure_object(App)
    artifact, out = app.artifact(ref), app.output
    entries = [entry._entry for entry in artifact.entries()]
    with out.progress("checking") as progress:
        found = list(check_references(entries, progress))
    counts = Counter(checked.state for checked in found)
    bad = [checked for checked in found if checked.state is not ReferenceState.OK]

    def data() -> dict[str, Any]:
        return {
            "version": _describe.version(artifact.record),
            "counts": {state.value: counts[state] for state in ReferenceState},
            "references": [
                {
                    **_reference(checked.entry),
                    "state": checked.state.value,
                    "detail": checked.detail or None,
                }
                for checked in found
            ],
        }

    def human() -> None:
        for checked in bad:
            out.line(f"{checked.state.value}  {checked.entry.path}: {checked.detail}", fg="red")
        told = [f"{counts[state]} {state.value}" for state in ReferenceState if counts[state]]
        summary = f": {', '.join(told)}" if told else ""
        out.line(f"{artifact.record.ref}, {_text.count(len(found), 'reference')}{summary}")

    out.result(data, human=human, quiet=lambda: (checked.entry.path for checked in bad))
    if counts[ReferenceState.CHANGED] or counts[ReferenceState.MISSING]:
        ctx.exit(_CHANGED)
    if bad:
        ctx.exit(_UNREACHABLE)


def _uri(entry: Entry) -> str:
    assert entry.reference is not None
    return entry.reference.uri


def _reference(entry: Entry) -> dict[str, Any]:
    from artifacts.cli import _describe

    assert entry.reference is not None
    return {
        **_describe.entry(entry),
        "etag": entry.reference.etag,
        "version_id": entry.reference.version_id,
        "hashed": entry.reference.hashed,
    }
