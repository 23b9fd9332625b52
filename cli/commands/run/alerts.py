"""`art run alerts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from artifacts._alerts import Alert

_COLORS = {"WARN": "yellow", "ERROR": "red"}


@click.command("alerts", cls=Art, example="art run alerts 8kd9s2la", exits=READING)
@run_argument()
@click.pass_obj
def command(app: App, run_id: str) -> None:
    """List the alerts of a run.

    Oldest first. An alert that followed too soon on one of its title was not sent; how many these
    are is shown with the one before them.
    """
    out, found = app.output, app.api.run(run_id).alerts

    def human() -> None:
        if not found:
            out.note("no alerts; a run sends them with alert() in Python")
        for alert in found:
            out.line(f"{alert.level}  {alert.title}", fg=_COLORS.get(alert.level))
            out.fields([("sent", sent(alert)), ("text", alert.text)])

    out.result(
        lambda: {"alerts": [describe(alert) for alert in found]},
        human=human,
        quiet=lambda: (alert.title for alert in found),
    )


def sent(alert: Alert) -> str:
    """Return when an alert was sent, and how many were not."""
    from artifacts.cli import _text

    moment = _text.moment(int(alert.created_at.timestamp() * 1e6))
    return f"{moment}, {alert.suppressed:,} more suppressed" if alert.suppressed else moment


def describe(alert: Alert) -> dict[str, Any]:
    """Return an alert as JSON."""
    return {
        "title": alert.title,
        "text": alert.text,
        "level": alert.level.value,
        "created_at": f"{alert.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "suppressed": alert.suppressed,
    }
