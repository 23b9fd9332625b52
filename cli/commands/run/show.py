"""`art run show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from artifacts.cli._output import Output
    from artifacts.store.records import AlertRecord, RunRecord, VersionRecord
    from artifacts.stored_run import StoredRun

_CURVES = 8
_SAMPLES = 1000
_WIDEST = 40


@click.command(
    "show",
    cls=Art,
    example="""
        art run show 8kd9s2la
        art run show 8kd9s2la --json
    """,
    exits=READING,
)
@run_argument()
@click.pass_obj
def command(app: App, run_id: str) -> None:
    """Show a run: its settings, its results, what it used and what it logged.

    Metrics are shown with a curve of their values over the steps; `art run plot` draws one larger.
    """
    from artifacts.cli import _describe
    from artifacts.cli.commands.run.alerts import describe

    out, run = app.output, app.api.run(run_id)
    used = [artifact.record for artifact in run.used_artifacts()]
    logged = [artifact.record for artifact in run.logged_artifacts()]

    def data() -> dict[str, Any]:
        return {
            "run": _describe.run(run._record),
            "used": [_describe.version(version) for version in used],
            "logged": [_describe.version(version) for version in logged],
            "alerts": [describe(alert) for alert in run.alerts],
        }

    out.result(
        data,
        human=lambda: _show(out, run, used, logged),
        quiet=lambda: [f"{run.project}/{run.id}"],
    )


def _show(
    out: Output, stored: StoredRun, used: list[VersionRecord], logged: list[VersionRecord]
) -> None:
    from artifacts._metadata import without_private
    from artifacts.cli import _describe, _text
    from artifacts.runs.values import storable  # as the summary is: without NaN

    run = stored._record
    ended = run.finished_at
    code = f" with exit code {run.exit_code}" if run.exit_code else ""
    out.line(f"{run.project}/{run.id} {run.name}", bold=True)
    out.fields(
        [
            ("state", run.state + code),
            ("job type", run.job_type or ""),
            ("group", run.group or ""),
            ("sweep", run.sweep_id or ""),
            ("tags", ", ".join(run.tags)),
            ("began", f"{_text.moment(run.created_at)} by {run.user}@{run.host}"),
            ("took", "" if ended is None else _text.duration(ended - run.created_at)),
            *_environment(run),
            ("used", _versions(used) or "nothing"),
            ("logged", _versions(logged) or "nothing"),
            ("notes", run.notes or ""),
            ("config", _describe.mapping(without_private(run.config))),
            ("summary", _describe.mapping(_own(storable(run.summary)))),
            ("metrics", "\n".join(_metrics(out, stored))),
            ("system", _describe.mapping(run.system_metrics or {})),
            ("alerts", "\n".join(map(_alert, _alerts(stored)))),
        ]
    )


def _own(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary without what every row has: its step and times."""
    return {key: value for key, value in summary.items() if not key.startswith("_")}


def _environment(run: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield which program ran, as far as that is known."""
    from artifacts.cli import _describe

    told = run.metadata or {}
    if told.get("program"):
        yield "program", " ".join(map(str, [told["program"], *(told.get("args") or ())]))
    git = told.get("git")
    if isinstance(git, dict) and git.get("commit"):
        changed = " with changes" if git.get("dirty") else ""
        branch = f" ({git['branch']})" if git.get("branch") else ""
        yield "commit", f"{_describe.short(git['commit'])}{branch}{changed}"


def _alerts(run: StoredRun) -> list[AlertRecord]:
    from artifacts._alerts import stored_alerts

    return stored_alerts(run._place, run._record)


def _alert(alert: AlertRecord) -> str:
    from artifacts.cli import _text

    more = f", {alert.suppressed:,} more suppressed" if alert.suppressed else ""
    return f"{alert.level} {alert.title} ({_text.ago(alert.at)}{more})"


def _metrics(out: Output, run: StoredRun) -> list[str]:
    """Return a line for each of the first metrics: its curve, its last and its extreme values."""
    from artifacts.cli import _plots, _text

    history = run._history()
    found = [name for name, told in history.keys().items() if is_metric(name, told)]
    rows = []
    for name in found[:_CURVES]:
        values = _values(history.sample(_SAMPLES, [name], "_step").column(name).to_pylist())
        if not values:
            continue
        curve = _plots.spark(values, min(out.width // 3, _WIDEST), blocks=_plots.can_show_blocks())
        numbers = [_text.number(f(values)) for f in (min, max)]
        rows.append([name, curve, _text.number(values[-1]), f"{numbers[0]} to {numbers[1]}"])
    lines = _text.layout(rows, right={2})
    if len(found) > _CURVES:
        lines.append(f"… {len(found) - _CURVES} more: art run history {run.id}")
    return lines


def is_metric(name: str, told: dict[str, Any]) -> bool:
    """Whether what was logged under a key can be drawn."""
    return not name.startswith("_") and set(told["types"]) <= {"int64", "double", "float"}


def _values(column: list[Any]) -> list[float]:
    import math

    return [float(value) for value in column if math.isfinite(value)]


def _versions(found: list[VersionRecord]) -> str:
    lines = []
    for version in found:
        aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
        deleted = ", deleted" if version.deleted_at is not None else ""
        lines.append(f"{version.ref}{aliases} ({version.type}){deleted}")
    return "\n".join(lines)
