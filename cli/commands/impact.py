"""`art impact`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import exact_option, ref_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts.store.lineage.impact import Impact
    from artifacts.store.records import VersionRecord

_NAMED = 10


@click.command(
    "impact",
    cls=Art,
    example="""
        art impact data:v7
        art impact data:v7 --json
    """,
    exits=READING,
)
@ref_argument()
@exact_option
@click.option("--all", "every", is_flag=True, help=f"Name all, not only {_NAMED} of each.")
@click.option("--exit-code", is_flag=True, help="End with exit code 1 if something works with it.")
@click.pass_context
def command(ctx: click.Context, ref: str, exact: bool, every: bool, exit_code: bool) -> None:
    """Show what is affected if a version turns out to be wrong.

    That is everything that was made of it, over however many runs: models, versions of which
    nothing was made any further, what works with one of them right now, and runs at work.
    """
    app = ctx.ensure_object(App)
    found, out = app.api.impact(ref, exact=exact), app.output
    out.result(
        lambda: _data(found),
        human=lambda: _show(app, found, every=every),
        quiet=lambda: [
            *(each.version.ref for each in found.consumers),
            *(version.ref for version in found.models),
        ],
    )
    if exit_code and (found.consumers or found.running):
        ctx.exit(1)


def _show(app: App, found: Impact, *, every: bool) -> None:
    from artifacts.cli import _describe, _text

    out = app.output
    out.line(found.version.ref, bold=True)
    if not found.version_count and not found.run_count and not found.consumers:
        out.line("nothing was made of it, and nothing works with it")
        return
    most = None if every else _NAMED
    kinds = ", ".join(f"{number:,} {type_}" for type_, number in found.by_type.items())
    others = [each for each in found.leaves if each not in found.models]
    out.fields(
        [
            ("recalled", "" if found.recall is None else found.recall.reason),
            ("runs", f"{found.run_count:,}" if found.run_count else ""),
            ("versions", f"{found.version_count:,}: {kinds}" if kinds else ""),
            ("live", "\n".join(
                f"{each.kind} {each.name} ({each.version.ref}), since {_text.age(each.since)}"
                for each in found.consumers
            )),
            ("running", "\n".join(
                f"{_describe.run_title(run)}, {_text.ago(run.created_at)}"
                for run in found.running
            )),
            ("models", _names(found.models, found.model_count, most)),
            ("leaves", _names(others, found.leaf_count - len(found.leaves) + len(others), most)),
        ]
    )  # fmt: skip


def _names(versions: Sequence[VersionRecord], count: int, most: int | None) -> str:
    from artifacts.cli import _text

    lines = []
    for version in versions[:most]:
        aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
        deleted = ", deleted" if version.deleted_at is not None else ""
        lines.append(
            f"{version.ref}{aliases} ({version.type}), {_text.ago(version.created_at)}{deleted}"
        )
    if count > len(lines):
        lines.append(f"… {count - len(lines):,} more")
    return "\n".join(lines)


def _data(found: Impact) -> dict[str, Any]:
    from artifacts._consumers import Consumer
    from artifacts._recalls import Recall
    from artifacts.cli import _describe

    recall = None if found.recall is None else Recall._from_record(found.recall)
    return {
        "version": _describe.version(found.version),
        "recalled": None if recall is None else _describe.recall(recall),
        "version_count": found.version_count,
        "by_type": found.by_type,
        "run_count": found.run_count,
        "model_count": found.model_count,
        "models": [_describe.version(version) for version in found.models],
        "leaf_count": found.leaf_count,
        "leaves": [_describe.version(version) for version in found.leaves],
        "consumers": [_describe.consumer(Consumer._from_record(each)) for each in found.consumers],
        "running": [_describe.run(run) for run in found.running],
        "truncated": found.truncated,
    }
