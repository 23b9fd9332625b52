"""`art reproduce`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument

if TYPE_CHECKING:
    from artifacts._compared_outputs import OutputComparison
    from artifacts._reproducing import Outcome, Reproduction
    from artifacts.cli._output import Output

_SIGNS = {"identical": "=", "different": "M", "missing": "-", "additional": "+"}
_COLORS = {"identical": "green", "different": "yellow", "missing": "red", "additional": "green"}
_NAMED = 10


@click.command(
    "reproduce",
    cls=Art,
    example="""
        art reproduce 8kd9s2la -o again/
        art reproduce 8kd9s2la -o again/ --run
    """,
    exits=(*READING[:2], 12, *READING[2:]),
)
@run_argument()
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="A new folder for inputs and code; reproduce-ID by default.",
)
@click.option("--run", "execute", is_flag=True, help="Run the command, after asking.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the command is run.")
@click.pass_context
def command(ctx: click.Context, run_id: str, folder: str | None, execute: bool, yes: bool) -> None:
    """Get the inputs and the code of a run, and run it again.

    Inputs, code, and the list of packages that the run had are written into DIR, and it is shown
    what else is different here. With --run, the command is executed in there, without a shell and
    with a store of its own that holds the inputs only, and what it logs is compared with what the
    run has logged: the exit code is 0 only if everything is identical, else 1.
    """
    if yes and not execute:
        raise click.UsageError("--yes goes with --run; nothing else is asked for")
    app = ctx.ensure_object(App)
    out, plan = app.output, app.api.reproduce(run_id)
    shown = folder if folder is not None else f"reproduce-{plan.run.id}"
    target = os.path.abspath(shown)
    with out.progress("pulling") as progress:
        plan.prepare(target, progress=progress)
    _show_plan(out, plan, shown)
    outcome = _execute(out, plan, target, shown, yes=yes) if execute else None

    def human() -> None:
        if outcome is None:
            out.note(f"run it with: art reproduce {plan.run.id} -o NEW --run")
        else:
            _show_outcome(out, outcome)

    def quiet() -> list[str]:
        if outcome is None:
            return [target]
        return [f"{each.status} {each.name}" for each in outcome.outputs]

    out.result(lambda: _data(plan, target, outcome), human=human, quiet=quiet)
    if outcome is not None and not outcome.reproduced:
        ctx.exit(1)


def _execute(out: Output, plan: Reproduction, target: str, shown: str, *, yes: bool) -> Outcome:
    from artifacts.store.errors import StateError

    if plan.obstacle is None and not yes:
        question = f"run this in {shown}: {_line(plan)}?"
        hint = "confirm with --yes"
        if not out.confirm(question, doing="this runs a program", hint=hint):
            raise StateError("nothing was run", kind="not_confirmed")
    return plan.execute(target)


def _line(plan: Reproduction) -> str:
    """Return the command as one could type it."""
    import shlex

    return "unknown" if plan.command is None else shlex.join(plan.command)


def _show_plan(out: Output, plan: Reproduction, shown: str) -> None:
    """Show what was written and what is different here; only for people."""
    from artifacts.cli import _describe
    from artifacts.cli._output import Mode

    if out.mode is not Mode.HUMAN:
        return
    out.line(_describe.run_title(plan.run._record), bold=True)
    changes = [
        f"{each.name} {each.recorded or 'not installed'} → {each.here or 'not installed'}"
        for each in plan.packages
    ]
    more = len(changes) - _NAMED
    if more > 0:
        changes[_NAMED:] = [
            f"… {more} more: compare with {os.path.join(shown, 'requirements.txt')}"
        ]
    python = ""
    if plan.python is not None:
        before, here = plan.python
        python = before if before == here else f"{before} → {here}"
    out.fields(
        [
            ("folder", shown),
            ("inputs", "\n".join(each.ref for each in plan.inputs) or "none"),
            ("code", _code(plan)),
            ("command", _line(plan)),
            ("python", python),
            ("packages", "\n".join(changes) or "the same"),
            ("obstacle", plan.obstacle or ""),
        ]
    )


def _code(plan: Reproduction) -> str:
    code = plan.code
    if code.artifact is not None:
        return code.artifact.record.ref
    if code.commit is not None:
        changed = " with changes" if code.dirty else ""
        return f"commit {code.commit}{changed}" + (f" of {code.remote}" if code.remote else "")
    return "files that the run has kept" if code.files else "not recorded"


def _show_outcome(out: Output, outcome: Outcome) -> None:
    for each in outcome.outputs:
        sign = _SIGNS[each.status]
        line = f"{sign} {each.name}  {each.status}{_stat(each)}"
        out.line(line, fg=_COLORS[each.status])
    if outcome.exit_code:
        out.line(f"the command ended with exit code {outcome.exit_code}; see {outcome.log}")
    out.line("reproduced" if outcome.reproduced else "not reproduced", bold=True)


def _stat(found: OutputComparison) -> str:
    """Return ``: 1 changed, 2 added``."""
    diff = found.diff
    if diff is None:
        return ""
    counts = {
        "changed": len(diff.changed),
        "added": len(diff.added),
        "removed": len(diff.removed),
        "renamed": len(diff.renamed),
        "unchanged": diff.unchanged,
    }
    return ": " + ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


def _data(plan: Reproduction, target: str, outcome: Outcome | None) -> dict[str, Any]:
    result = None
    if outcome is not None:
        result = {
            "exit_code": outcome.exit_code,
            "reproduced": outcome.reproduced,
            "log": outcome.log,
            "outputs": [_output(each) for each in outcome.outputs],
        }
    return {"plan": plan.to_dict(), "folder": target, "outcome": result}


def _output(found: OutputComparison) -> dict[str, Any]:
    diff = found.diff
    return {
        "name": found.name,
        "status": found.status,
        "original": found.original,
        "digest": found.digest,
        "diff": None
        if diff is None
        else {
            "added": [each.path for each in diff.added],
            "removed": [each.path for each in diff.removed],
            "changed": [each.after.path for each in diff.changed],
            "renamed": [[each.before.path, each.after.path] for each in diff.renamed],
            "unchanged": diff.unchanged,
        },
    }
