"""`art stale`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import exact_option, ref_argument

if TYPE_CHECKING:
    from artifacts.store.lineage.stale import Finding, Staleness

_COLORS = {"error": "red", "warning": "yellow"}


@click.command(
    "stale",
    cls=Art,
    example="""
        art stale model:prod
        art stale model:prod --exit-code
        art stale model:prod --verify --references
    """,
    exits=READING,
)
@ref_argument()
@exact_option
@click.option(
    "--depth", type=click.IntRange(min=0), metavar="N", help="Look no further than N runs."
)
@click.option("--verify", is_flag=True, help="Read the files of the version and of its inputs.")
@click.option("--references", is_flag=True, help="Ask for the files to which these refer.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="End with exit code 1 if it is stale, and 13 if data are missing, damaged or changed.",
)
@click.pass_context
def command(
    ctx: click.Context,
    ref: str,
    exact: bool,
    depth: int | None,
    verify: bool,
    references: bool,
    exit_code: bool,
) -> None:
    """Show whether a version should be made again.

    It should if an input, or what that was made of, has a newer version of other content and was
    used by an alias; if such an alias leads elsewhere now; if anything it was made of was recalled;
    or if data are missing, damaged or changed. Of an input that a run had asked for by its number,
    a newer version is only good to know.
    """
    app = ctx.ensure_object(App)
    found = app.api.stale(ref, exact=exact, depth=depth, verify=verify, references=references)
    app.output.result(
        lambda: _data(found),
        human=lambda: _show(app, found),
        quiet=lambda: (f"{each.kind.value}\t{each.version.ref}" for each in found.findings),
    )
    if exit_code:
        ctx.exit(_code(found))


def _code(found: Staleness) -> int:
    from artifacts.store.lineage.stale import StaleKind

    bad_data = {
        StaleKind.DATA_MISSING,
        StaleKind.DATA_DAMAGED,
        StaleKind.REFERENCE_CHANGED,
        StaleKind.REFERENCE_UNREACHABLE,
    }
    if any(each.kind in bad_data for each in found.findings):
        return 13
    return int(found.is_stale)


def _show(app: App, found: Staleness) -> None:
    from artifacts.cli import _text

    out = app.output
    made_of = _text.count(found.ancestors, "version")
    if not found.findings:
        out.line(f"{found.version.ref} is fresh; it was made of {made_of}")
        return
    word = "stale" if found.is_stale else "fresh"
    out.line(f"{found.version.ref} is {word}; it was made of {made_of}", bold=True)
    for each in found.findings:
        color = _COLORS.get(each.severity.value)
        style = {"fg": color} if color else {}
        what = each.kind.value.replace("_", " ")
        out.line(f"  {each.severity.value:<7}  {what}: {each.version.ref}", **style)
        for text in (each.detail, _use(each)):
            out.paragraph(text, indent=11)


def _use(finding: Finding) -> str:
    """Say how the version came to be used; empty if it is not known."""
    from artifacts.cli import _describe

    if finding.run is None:
        return ""
    named = f" as {finding.ref_text}" if finding.ref_text else ""
    return f"used{named} by {_describe.run_title(finding.run)}"


def _data(found: Staleness) -> dict[str, Any]:
    from artifacts.cli import _describe

    return {
        "version": _describe.version(found.version),
        "stale": found.is_stale,
        "ancestors": found.ancestors,
        "findings": [
            {
                "kind": each.kind.value,
                "severity": each.severity.value,
                "version": _describe.version(each.version),
                "depth": each.depth,
                "detail": each.detail,
                "newer": None if each.newer is None else _describe.version(each.newer),
                "run": None if each.run is None else _describe.run(each.run),
                "ref_text": each.ref_text,
                "alias": each.alias,
            }
            for each in found.findings
        ],
    }
