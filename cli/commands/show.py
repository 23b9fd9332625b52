"""`art show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from artifacts.store.records import RunRecord, VersionRecord

_NAMED = 5


@click.command(
    "show",
    cls=Art,
    example="""
        art show corpus:v3
        art show model:prod --at 2026-01-05
    """,
    exits=READING,
)
@ref_argument()
@click.option(
    "--at",
    metavar="TIME",
    help="Show what the name meant then: 2026-01-05, 2026-01-05T14:30 (UTC), or 7d ago.",
)
@click.pass_obj
def command(app: App, ref: str, at: str | None) -> None:
    """Show everything about a version."""
    from artifacts.cli import _describe, _text
    from artifacts.store.records import LinkKind

    artifact, out = app.api.artifact(ref, at=at), app.output
    record, recall = artifact.record, artifact.recalled
    source = artifact.source_artifact.record if artifact.is_link else None
    logged_by = _runs(app, record.id, LinkKind.OUTPUT)
    used_by = _runs(app, record.id, LinkKind.INPUT)

    def data() -> dict[str, Any]:
        return {
            "version": _describe.version(record),
            "logged_by": [_describe.run(run) for run in logged_by],
            "used_by": [_describe.run(run) for run in used_by],
            "recalled": None if recall is None else _describe.recall(recall),
            "link_to": None if source is None else _describe.version(source),
        }

    def human() -> None:
        by = f" by {record.created_by}" if record.created_by else ""
        out.line(record.ref, bold=True)
        out.fields(
            [
                ("type", record.type),
                ("aliases", _describe.aliases(record)),
                ("tags", ", ".join(record.tags)),
                ("content", _describe.amount(record)),
                ("digest", f"blake3:{record.digest.hex()}"),
                ("broken", record.broken or ""),
                ("recalled", _describe.recalled(recall)),
                ("link to", "" if source is None else source.ref),
                ("kept", _describe.kept(record).removeprefix("kept ")),
                ("deleted", _deleted(record)),
                ("created", f"{_text.moment(record.created_at)}{by}"),
                ("logged by", _names(logged_by) or "no run"),
                ("used by", _names(used_by) or "no run"),
                ("description", record.description or ""),
                ("metadata", _describe.mapping(record.metadata)),
            ]
        )

    out.result(data, human=human, quiet=lambda: [record.ref])


def _deleted(record: VersionRecord) -> str:
    from artifacts.cli import _text

    return "" if record.deleted_at is None else _text.moment(record.deleted_at)


def _runs(app: App, version: int, kind: Any) -> list[RunRecord]:
    return [link.run for link in app.catalog.links_of_versions([version], kind)]


def _names(runs: list[RunRecord]) -> str:
    from artifacts.cli import _describe, _text

    lines = [f"{_describe.run_title(r)}, {_text.ago(r.created_at)}" for r in runs[-_NAMED:]]
    if len(runs) > _NAMED:
        lines.insert(0, f"{_text.count(len(runs), 'run')}, of which the last are:")
    return "\n".join(lines)
