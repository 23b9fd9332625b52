"""`art run summary`."""

from __future__ import annotations

from typing import Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import run_argument


@click.command(
    "summary",
    cls=Art,
    example="""
        art run summary 8kd9s2la
        art run summary 8kd9s2la val.acc
    """,
    exits=READING,
)
@run_argument()
@click.argument("key", required=False, help="Only this value; a nested one as a.b.")
@click.pass_obj
def command(app: App, run_id: str, key: str | None) -> None:
    """Print the results of a run.

    These are the last values of what it has logged, and what it has set by hand.
    """
    from artifacts.cli import _describe

    out = app.output
    # As it is stored: values that are no JSON, such as NaN, are text there.
    summary = app.api.run(run_id)._record.summary
    if key is not None:
        value = _find(summary, key)
        text = _describe.plain(value)
        out.result(lambda: {key: value}, human=lambda: out.line(text), quiet=lambda: [text])
        return

    def human() -> None:
        if not summary:
            out.note("nothing yet")
        out.fields([(name, _describe.plain(value)) for name, value in summary.items()])

    out.result(lambda: {"summary": summary}, human=human, quiet=lambda: summary)


def _find(summary: dict[str, Any], key: str) -> Any:
    """Return a value by its key, or by the keys of the dicts that it is in.

    Raises:
        NotFoundError: There is none; near matches are in the hint.
    """
    import difflib

    from artifacts._history import flatten
    from artifacts.store.errors import NotFoundError

    if key in summary:
        return summary[key]
    flat = flatten(summary)
    if key in flat:
        return flat[key]
    value: Any = summary
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            near = difflib.get_close_matches(key, flat)
            raise NotFoundError(
                f"the summary has no {key!r}",
                hint=f"did you mean {' or '.join(near)}?" if near else "see: art run summary RUN",
                kind="key_not_found",
            )
        value = value[part]
    return value
