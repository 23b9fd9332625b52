"""`art sweep`: make searches over settings, look at them, and say whether they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, WRITING, ArtGroup
from artifacts.cli._params import sweep_argument

if TYPE_CHECKING:
    from artifacts.stored_run import StoredRun
    from artifacts.stored_sweep import Sweep


@click.group(
    "sweep",
    cls=ArtGroup,
    example="""
        art sweep create sweep.yaml
        art agent 4fz0q81d
        art sweep show 4fz0q81d
    """,
)
def command() -> None:
    """Make searches over settings, and look after them.

    `art agent` carries them out.
    """


@command.command("create", example="art sweep create sweep.yaml --project demo", exits=WRITING)
@click.argument("file", type=click.Path(), help="Configuration in YAML, JSON or TOML.")
@click.option(
    "--prior",
    multiple=True,
    metavar="ID",
    help="A run from before that belongs to the sweep from now on; repeatable.",
)
@click.pass_obj
def create(app: App, file: str, prior: tuple[str, ...]) -> None:
    """Make a sweep, and print its id."""
    from artifacts.sweeps.calls import make_sweep

    out = app.output
    record = make_sweep(
        file, store=app.store, entity=app.entity, project=app.project, prior_runs=prior
    )

    def human() -> None:
        out.line(f"made sweep {record.project}/{record.id}")
        out.note(f"run it with: art agent {record.project}/{record.id}")

    sweep = app.api.sweep(f"{record.entity}/{record.project}/{record.id}")
    out.result(lambda: {"sweep": _describe(sweep)}, human=human, quiet=lambda: [record.id])


@command.command("ls", example="art sweep ls --all", exits=READING)
@click.option("--all", "all_projects", is_flag=True, help="The sweeps of all projects.")
@click.pass_obj
def ls(app: App, all_projects: bool) -> None:
    """List the sweeps of a project, newest first."""
    from artifacts.stored_sweep import list_sweeps

    out, settings = app.output, app.settings
    project = None if all_projects else settings.project
    found = list_sweeps(app.api._place, settings.entity, project)

    def name(sweep: Sweep) -> str:
        return f"{sweep.project}/{sweep.id}" if all_projects else sweep.id

    def human() -> None:
        if not found:
            out.note("no sweeps yet; make one with: art sweep create FILE")
            return
        headers = ["ID", "NAME", "METHOD", "STATE", "RUNS", "BEST"]
        out.table(headers, [[name(each), *_row(each)] for each in found], right="RUNS BEST")

    out.result(
        lambda: {"sweeps": [_describe(each) for each in found]},
        human=human,
        quiet=lambda: map(name, found),
    )


@command.command("show", example="art sweep show 4fz0q81d", exits=READING)
@sweep_argument
@click.pass_obj
def show(app: App, sweep_id: str) -> None:
    """Show a sweep: what it improves, and its runs, the best first.

    The importance of a parameter is its share in the differences of the metric; it is shown if
    Optuna is installed, and the runs tell.
    """
    from artifacts.cli import _describe as describe

    out, sweep = app.output, app.api.sweep(sweep_id)
    runs = _best_first(sweep)
    shares = _importances(sweep)

    def data() -> dict[str, Any]:
        return {
            "sweep": _describe(sweep),
            "runs": [describe.run(run._record) | {"trial": run._record.trial} for run in runs],
            "importance": shares,
        }

    out.result(
        data,
        human=lambda: _show(app, sweep, runs, shares),
        quiet=lambda: (f"{run.project}/{run.id}" for run in runs),
    )


@command.command("pause", example="art sweep pause 4fz0q81d", exits=READING)
@sweep_argument
@click.pass_obj
def pause(app: App, sweep_id: str) -> None:
    """Have agents wait; runs that are being tried go on."""
    sweep = app.api.sweep(sweep_id)
    sweep.pause()
    _report(app, sweep)


@command.command("resume", example="art sweep resume 4fz0q81d", exits=READING)
@sweep_argument
@click.pass_obj
def resume(app: App, sweep_id: str) -> None:
    """Let a sweep go on that was paused or stopped.

    Agents that wait go on by themselves; those that have ended have to be started.
    """
    sweep = app.api.sweep(sweep_id)
    sweep.resume()
    _report(app, sweep)


@command.command("stop", example="art sweep stop 4fz0q81d", exits=READING)
@sweep_argument
@click.pass_obj
def stop(app: App, sweep_id: str) -> None:
    """Have agents end when the runs that are being tried have ended."""
    sweep = app.api.sweep(sweep_id)
    sweep.stop()
    _report(app, sweep)


@command.command("cancel", example="art sweep cancel 4fz0q81d", exits=READING)
@sweep_argument
@click.pass_obj
def cancel(app: App, sweep_id: str) -> None:
    """Have agents end, and end the runs that are being tried. It cannot be resumed."""
    sweep = app.api.sweep(sweep_id)
    sweep.cancel()
    _report(app, sweep)


def _report(app: App, sweep: Sweep) -> None:
    out = app.output
    name = f"{sweep.project}/{sweep.id}"
    out.result(
        lambda: {"sweep": _describe(sweep)},
        human=lambda: out.line(f"sweep {name} is {sweep.state}"),
        quiet=lambda: [name],
    )


def _describe(sweep: Sweep) -> dict[str, Any]:
    """Return a sweep as JSON."""
    from artifacts.cli import _describe as describe

    record = sweep._record
    best = sweep.best_run()
    return {
        **{name: getattr(record, name) for name in ("id", "entity", "project", "name", "config")},
        "state": record.state.value,
        "expected_run_count": sweep.expected_run_count,
        "run_count": len(sweep.runs),
        "best_run": None if best is None else best.id,
        "created_at": describe.time(record.created_at),
        "created_by": record.created_by,
    }


def _row(sweep: Sweep) -> list[str]:
    best = sweep.best_run()
    value = None if best is None else _value(sweep, best)
    expected = sweep.expected_run_count
    count = f"{len(sweep.runs):,}" + ("" if expected is None else f" of {expected:,}")
    return [sweep.name, str(sweep.config["method"]), sweep._record.state.value, count, _cell(value)]


def _value(sweep: Sweep, run: StoredRun) -> float | None:
    """Return the metric of a run."""
    metric = sweep._configuration().metric
    return None if metric is None else metric.of_summary(run._record.summary)


def _cell(value: float | None) -> str:
    from artifacts.cli import _text

    return "" if value is None else _text.number(value)


def _best_first(sweep: Sweep) -> list[StoredRun]:
    """Return the runs by the metric, those without it last."""
    metric = sweep._configuration().metric

    def rank(run: StoredRun) -> tuple[bool, float]:
        value = _value(sweep, run)
        if value is None or metric is None:
            return True, 0
        return False, -value if metric.maximize else value

    return sorted(sweep.runs, key=rank)


def _importances(sweep: Sweep) -> dict[str, float]:
    from artifacts.store.errors import ConfigError

    try:
        return sweep.importances()
    except ConfigError as error:
        if error.kind != "not_installed":
            raise
        return {}  # the rest is worth showing


def _show(app: App, sweep: Sweep, runs: list[StoredRun], shares: dict[str, float]) -> None:
    from artifacts.cli import _text

    out, metric = app.output, sweep._configuration().metric
    expected = sweep.expected_run_count
    out.line(f"{sweep.project}/{sweep.id} {sweep.name}", bold=True)
    out.fields(
        [
            ("state", sweep._record.state.value),
            ("method", str(sweep.config["method"])),
            ("about", str(sweep.config.get("description", ""))),
            ("metric", "" if metric is None else _goal(metric.name, maximize=metric.maximize)),
            ("runs", f"{len(runs):,}" + ("" if expected is None else f" of {expected:,}")),
            ("made", f"{_text.moment(sweep._record.created_at)} by {sweep.created_by}"),
            ("importance", "\n".join(f"{name} {share:.0%}" for name, share in shares.items())),
        ]
    )
    if runs:
        out.line()
        _table(app, sweep, runs)


def _goal(name: str, *, maximize: bool) -> str:
    return f"{'maximize' if maximize else 'minimize'} {name}"


def _table(app: App, sweep: Sweep, runs: list[StoredRun]) -> None:
    from artifacts.cli import _describe as describe
    from artifacts.store.records import Trial

    configuration = sweep._configuration()
    metric = "METRIC" if configuration.metric is None else configuration.metric.name
    names = [".".join(path) for path in configuration.space.parameters]

    def row(run: StoredRun) -> list[str]:
        record = run._record
        chosen: list[Any] = [None] * len(names)
        state = record.state
        if record.trial is not None:  # else it has only said that it belongs to the sweep
            trial = Trial.of(record)
            chosen = configuration.space.chosen_in(trial.config)
            state += "" if trial.stopped is None else f" ({trial.stopped})"
        values = ["" if value is None else describe.plain(value) for value in chosen]
        return [run.id, record.name, state, _cell(_value(sweep, run)), *values]

    app.output.table(["RUN", "NAME", "STATE", metric, *names], map(row, runs), right={3})
