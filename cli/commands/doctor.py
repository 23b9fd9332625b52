"""`art doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

if TYPE_CHECKING:
    from artifacts.store.doctor import Finding

_FAILED = 1
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor", cls=Art, example="art doctor", exits=(130,))
@click.pass_context
def command(ctx: click.Context) -> None:
    """Try whether a store works from here, and say what to fix.

    The catalog: whether it answers, its version, rights, schema, clock and latency. The objects:
    the rights to put, get, list and delete, checksums, whether a put is atomic, round trip and
    speed. This machine: cache, staging, outbox, packages, and who was killed at work. About 70 MB
    are transferred, below `doctor/` in the object store; nothing of it remains, and nothing else
    is changed. Ends with 1 if something fails.
    """
    from artifacts.store import doctor
    from artifacts.store.errors import ArtifactsError

    app = ctx.ensure_object(App)
    try:
        store = app.opened
    except ArtifactsError as error:
        findings = [doctor.failure("store", error)]
    else:
        app.output.note(f"trying {store.location} …")
        findings = doctor.diagnose(store)
    _report(app, findings)
    if any(finding.state is doctor.State.FAIL for finding in findings):
        ctx.exit(_FAILED)


def _report(app: App, findings: list[Finding]) -> None:
    from artifacts.cli._text import count

    out = app.output
    bad = [finding for finding in findings if finding.state.value != "ok"]

    def data() -> dict[str, Any]:
        return {
            "store": app.settings.store,
            "healthy": all(finding.state.value != "fail" for finding in findings),
            "findings": [
                {
                    "state": finding.state.value,
                    "what": finding.what,
                    "detail": finding.detail,
                    "hint": finding.hint,
                }
                for finding in findings
            ],
        }

    def human() -> None:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            state = finding.state.value
            line = f"{state:<4}  {finding.what:<{width}}  {finding.detail}"
            out.line(line, fg=_COLOURS[state])
            if finding.hint:
                out.line(f"{'':<4}  {'':<{width}}  → {finding.hint}")
        out.line(f"{count(len(bad), 'thing')} to look at" if bad else "all is well", bold=True)

    out.result(data, human=human, quiet=lambda: (f"{f.state.value} {f.what}" for f in bad))
