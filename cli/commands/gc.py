"""`art gc`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import duration

if TYPE_CHECKING:
    from artifacts.store.digests import Digest
    from artifacts.store.gc import Collected, Explanation, Plan, Settings
    from artifacts.store.records import ObjectRecord

_DAMAGED, _FAILED = 13, 14


@click.command(
    "gc",
    cls=Art,
    example="""
        art gc --dry-run
        art gc --yes --grace 12h
        art gc --explain data/words.csv
    """,
    exits=(10, 12, *READING[2:]),
)
@click.option(
    "--dry-run", is_flag=True, help="Show the plan, no more; the default on a shared store."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--grace",
    callback=duration,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="How long what nothing needs can still be brought back.",
)
@click.option(
    "--min-age",
    callback=duration,
    metavar="TIME",
    default="24h",
    show_default=True,
    help="Leave alone what was used within this time.",
)
@click.option(
    "--explain", metavar="DIGEST|PATH", help="Say what keeps the content of that digest or file."
)
@click.pass_context
def command(
    ctx: click.Context, dry_run: bool, yes: bool, grace: int, min_age: int, explain: str | None
) -> None:
    """Collect garbage: free the bytes that no version needs.

    First the rules of `art retention` are applied. What no version needs any more is marked, and
    deleted by a collection after the grace time; until then `art undelete` can bring it back.
    Others may log and pull meanwhile. `--grace 0s --min-age 0s` frees everything at once.
    """
    from artifacts.store import gc

    app = ctx.ensure_object(App)
    if explain is not None:
        _explain(app, explain)
        return
    settings = gc.Settings(min_age=min_age, grace=grace)
    if dry_run or not yes:
        plan = gc.plan(app.opened, settings)
        if dry_run or app.opened.shared:
            _report_plan(app, plan, settings)
            if not dry_run:
                app.output.note("this store is shared; to carry the plan out: art gc --yes")
            ctx.exit(_DAMAGED if plan.broken else 0)
        _ask(app, plan, settings)
    with app.output.progress("collecting") as progress:
        done = gc.collect(app.opened, settings, progress=progress)
    _report(app, done, settings)
    if done.plan.broken or done.failed:
        ctx.exit(_DAMAGED if done.plan.broken else _FAILED)


def _ask(app: App, plan: Plan, settings: Settings) -> None:
    from artifacts.store.errors import StateError

    for line in _plan_lines(plan, settings):
        app.output.note(line)
    if _is_empty(plan):
        return
    if not app.output.confirm("collect?"):
        raise StateError("nothing was collected", kind="not_confirmed")


def _is_empty(plan: Plan) -> bool:
    return not (plan.expired or plan.condemn or plan.delete or plan.abandoned or plan.repack)


# -- the plan


def _report_plan(app: App, plan: Plan, settings: Settings) -> None:
    def human() -> None:
        for line in _plan_lines(plan, settings):
            app.output.line(line)
        app.output.line("nothing was changed")

    app.output.result(
        lambda: {"dry_run": True, "plan": _plan_data(plan)},
        human=human,
        quiet=lambda: (version.ref for version, _ in plan.expired),
    )


def _plan_lines(plan: Plan, settings: Settings) -> list[str]:
    from artifacts.cli._text import count, layout, size
    from artifacts.store.retention import format_duration

    lines: list[str] = []
    for title, versions in (
        ("versions to delete", plan.expired),
        ("versions that would be deleted", plan.held_back),
    ):
        if versions:
            lines.append(f"{title}:")
            lines += [f"  {line}" for line in layout([[v.ref, why] for v, why in versions])]
    at_once = settings.grace == 0
    marked = (
        "to delete"
        if at_once
        else f"to mark, and to delete after {format_duration(settings.grace)}"
    )
    rows = [
        [what, count(len(records), "object"), size(sum(record.size for record in records))]
        for what, records in (
            ("to delete, marked before", plan.delete),
            ("to delete, left by uploads that were killed", plan.abandoned),
            (marked, plan.condemn),
            ("to take back into use", plan.revive),
        )
        if records
    ]
    packs = [record for group in plan.repack for record in group]
    if packs:
        rows.append(["to rewrite", count(len(packs), "pack"), _size(packs)])
    rows.append(["to keep", "", size(plan.bytes_kept)])
    if _is_empty(plan) and not plan.revive:
        lines.append("nothing to collect")
    lines += layout(rows, right={1, 2})
    if plan.broken:
        lines.append("nothing is marked, because these manifests cannot be read (art check):")
        lines += [f"  {text}" for text in plan.broken]
    return lines


def _size(records: list[ObjectRecord]) -> str:
    from artifacts.cli._text import size

    return size(sum(record.size for record in records))


def _plan_data(plan: Plan) -> dict[str, Any]:
    from artifacts.cli import _describe

    def amount(records: list[ObjectRecord]) -> dict[str, int]:
        return {"objects": len(records), "bytes": sum(record.size for record in records)}

    return {
        "expired": [{"ref": v.ref, "reason": reason} for v, reason in plan.expired],
        "held_back": [{"ref": v.ref, "reason": reason} for v, reason in plan.held_back],
        "delete": amount(plan.delete),
        "abandoned": amount(plan.abandoned),
        "condemn": amount(plan.condemn),
        "revive": amount(plan.revive),
        "repack": amount([record for group in plan.repack for record in group]),
        "gone": [_describe.lease(lease) for lease in plan.gone],
        "broken": plan.broken,
        "bytes_kept": plan.bytes_kept,
    }


# -- the result


def _report(app: App, done: Collected, settings: Settings) -> None:
    from artifacts.cli import _describe, _text
    from artifacts.store.records import ObjectState

    out = app.output
    waiting = [r for r in app.catalog.list_objects() if r.state is ObjectState.CONDEMNED]
    freed_at = max((r.condemned_at or 0 for r in waiting), default=0) + settings.grace

    def data() -> dict[str, Any]:
        return {
            "dry_run": False,
            "plan": _plan_data(done.plan),
            "versions": done.versions,
            "condemned": done.condemned,
            "revived": done.revived,
            "repacked": done.repacked,
            "deleted": done.deleted,
            "freed": done.freed,
            "waiting": {
                "objects": len(waiting),
                "bytes": sum(record.size for record in waiting),
                "until": _describe.time(freed_at) if waiting else None,
            },
            "failed": done.failed,
        }

    def human() -> None:
        for version, reason in done.plan.expired:
            out.line(f"deleted {version.ref}: {reason}")
        if done.repacked:
            out.line(f"rewrote {_text.count(done.repacked, 'pack')}")
        objects = _text.count(done.deleted, "object")
        out.line(f"freed {_text.size(done.freed)} ({objects})")
        if waiting:
            when = _text.moment(freed_at).partition(" (")[0]
            out.line(f"{_size(waiting)} more can be freed by: art gc, from {when} on")
        for text in done.plan.broken:
            out.line(f"nothing was marked, because a manifest cannot be read: {text}", fg="red")
        for text in done.failed:
            out.line(f"left for the next time: {text}", fg="red")

    out.result(data, human=human, quiet=lambda: [str(done.freed)])


# -- explain


def _explain(app: App, text: str) -> None:
    from artifacts.cli import _describe
    from artifacts.store import gc
    from artifacts.store.digests import format_digest

    digest = _digest(text)
    found, out = gc.explain(app.opened, digest), app.output

    def data() -> dict[str, Any]:
        return {
            "digest": format_digest(digest),
            "versions": list(found.versions),
            "readers": [_describe.lease(lease) for lease in found.readers],
            "objects": [
                {"key": r.key, "state": r.state.value, "size": r.size} for r in found.objects
            ],
        }

    def human() -> None:
        for line in _why(found):
            out.line(line)

    out.result(data, human=human, quiet=lambda: found.versions)


def _why(found: Explanation) -> list[str]:
    from artifacts.cli._text import size

    lines = [f"needed by {ref}" for ref in found.versions]
    lines += [f"being read by {lease.holder}" for lease in found.readers]
    lines += [f"in {r.state.value} object {r.key} ({size(r.size)})" for r in found.objects]
    if not found.objects:
        return [*lines, "not in the store"]
    return lines if found.versions or found.readers else ["nothing needs it", *lines]


def _digest(text: str) -> Digest:
    """Return the digest that a text is, or that of the file which it names."""
    from artifacts.store.copying import hash_file
    from artifacts.store.digests import DIGEST_SIZE, Digest, parse_digest_prefix
    from artifacts.store.errors import InvalidInputError, from_os_error

    digits = parse_digest_prefix(text)
    if digits is not None and len(digits) == 2 * DIGEST_SIZE:
        return Digest(bytes.fromhex(digits))
    try:
        with open(text, "rb") as file:
            return hash_file(file.fileno())[0]
    except FileNotFoundError:
        raise InvalidInputError(
            f"{text!r} is neither a whole digest nor a file",
            hint="digests are in: art files --json",
            kind="no_such_path",
        ) from None
    except OSError as error:
        raise from_os_error(error, f"read {os.path.basename(text)}") from error
