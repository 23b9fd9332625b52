"""`art check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts.store.check import CheckReport
    from artifacts.store.rebuilding import Rebuilt
    from artifacts.store.repair import Plan, Provider, Repaired

_DAMAGED = 13
_PERCENT = 100.0


class _Share(click.ParamType[float]):
    """``5%``, as a number from 0 to 1."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        try:
            share = float(str(value).removesuffix("%")) / _PERCENT
        except ValueError:
            share = -1.0
        if not str(value).endswith("%") or not 0 < share <= 1:
            self.fail(f"{value!r} is not a share such as 5%", param, ctx)
        return share


@click.command(
    "check",
    cls=Art,
    example="""
        art check --read-data --sample 5%
        art check --read-data --repair --from s3://bucket/store
        art check --rebuild --catalog catalog.tar
    """,
    exits=(10, 12, 13, 14, 15, 16, 130),
)
@click.option("--read-data", is_flag=True, help="Read every stored byte and verify every digest.")
@click.option(
    "--sample", type=_Share(), metavar="N%", help="Read so many of the objects only, by chance."
)
@click.option(
    "--resume", is_flag=True, help="Go on where reading the data was interrupted on this machine."
)
@click.option(
    "--repair",
    is_flag=True,
    help="Replace what is damaged from the local cache and --from; mark versions that stay broken.",
)
@click.option(
    "--from",
    "source",
    metavar="STORE|FILE",
    type=click.Path(),
    help="Another store, or an export, to repair from.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before repairing.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="First enter what the catalog does not know, from the objects themselves.",
)
@click.option(
    "--catalog",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --rebuild: an export from which versions, aliases, runs and lineage come back.",
)
@click.pass_context
def command(
    ctx: click.Context,
    read_data: bool,
    sample: float | None,
    resume: bool,
    repair: bool,
    source: str | None,
    yes: bool,
    rebuild: bool,
    catalog: Path | None,
) -> None:
    """Check that the store is sound.

    Compares the catalog, the manifests of all versions and the stored objects; changes nothing.
    With --repair it shows what it would do about what it has found, and asks; damaged objects are
    given up, and what is intact or found elsewhere is written anew. With --rebuild, objects that
    the catalog has lost are entered again. If the catalog was lost as a whole, versions, aliases,
    runs and lineage come back from --catalog, or from the newest of the daily backups.
    """
    _check_usage(
        read_data=read_data,
        sample=sample,
        resume=resume,
        repair=repair,
        source=source,
        rebuild=rebuild,
        catalog=catalog,
    )
    from artifacts.store import check

    app = ctx.ensure_object(App)
    rebuilt = _rebuild(app, catalog) if rebuild else None
    with app.output.progress("checking") as progress:
        report = check.check(
            app.opened,
            read_data=read_data,
            sample=sample,
            notes=app.settings.cache_dir / "check",
            resume=resume,
            progress=progress,
        )
    repaired = _repair(app, report, source, yes=yes) if repair else None
    _print(app, report, rebuilt, repaired, read_data=read_data)
    if repaired.broken if repaired is not None else report.problems:
        ctx.exit(_DAMAGED)


def _check_usage(
    *,
    read_data: bool,
    sample: float | None,
    resume: bool,
    repair: bool,
    source: str | None,
    rebuild: bool,
    catalog: Path | None,
) -> None:
    if (sample is not None or resume) and not read_data:
        raise click.UsageError("--sample and --resume go with --read-data")
    if sample is not None and resume:
        raise click.UsageError("a sample is not resumed: give either --sample or --resume")
    if source is not None and not repair:
        raise click.UsageError("--from goes with --repair")
    if catalog is not None and not rebuild:
        raise click.UsageError("--catalog goes with --rebuild")


def _rebuild(app: App, catalog: Path | None) -> Rebuilt:
    from artifacts.settings import user_name
    from artifacts.store import rebuilding

    with app.output.progress("rebuilding") as progress:
        return rebuilding.rebuild(
            app.settings.store,
            export=catalog,
            cache_dir=app.settings.cache_dir,
            by=user_name(),
            progress=progress,
        )


# -- repairing


def _repair(app: App, report: CheckReport, source: str | None, *, yes: bool) -> Repaired | None:
    from artifacts.store import repair
    from artifacts.store.errors import StateError

    providers = _providers(app, source)
    plan = repair.plan(app.opened, report, providers)
    if not plan:
        return None
    _show_plan(app, plan)
    if not yes and not app.output.confirm("repair the store?"):
        raise StateError("nothing was repaired", kind="not_confirmed")
    return repair.repair(app.opened, plan, providers)


def _providers(app: App, source: str | None) -> Sequence[Provider]:
    from artifacts.store import bundle, repair

    found: list[Provider] = [repair.CacheProvider(app.opened)]
    if source is None:
        return found
    if bundle.is_bundle(Path(source)):
        return [*found, repair.BundleProvider(bundle.Bundle(Path(source)))]
    from artifacts.api import Api

    return [*found, repair.StoreProvider(Api(store=source).store)]


def _show_plan(app: App, plan: Plan) -> None:
    from artifacts.cli._text import count

    note = app.output.note
    saved = sum(len(places) for places in plan.saved.values())
    if plan.damaged:
        note(f"to give up: {count(len(plan.damaged), 'damaged object')}")
    if saved:
        note(f"to save from those: {count(saved, 'blob')}")
    if plan.fetched:
        note(f"to bring from elsewhere: {count(len(plan.fetched), 'blob')}")
    for manifest, text in plan.broken.items():
        note(f"to mark as broken: {', '.join(plan.names[manifest])}: {text}")
    for manifest in plan.healed:
        note(f"whole again: {', '.join(plan.names[manifest])}")


# -- reporting


def _print(
    app: App,
    report: CheckReport,
    rebuilt: Rebuilt | None,
    repaired: Repaired | None,
    *,
    read_data: bool,
) -> None:
    from artifacts.cli import _imported

    out, location = app.output, app.opened.location

    def data() -> dict[str, Any]:
        return {
            "store": location,
            "sound": not report.problems,
            "versions": report.versions,
            "objects": report.objects,
            "bytes": report.bytes,
            "objects_read": report.objects_read,
            "bytes_read": report.bytes_read,
            "problems": [
                {"kind": found.kind, "where": found.where, "detail": found.detail}
                for found in report.problems
            ],
            "unknown_objects": report.unknown_objects,
            "pending_objects": report.pending_objects,
            "backup": report.backup,
            "rebuilt": None
            if rebuilt is None
            else {
                "objects": rebuilt.objects,
                "blobs": rebuilt.blobs,
                "source": rebuilt.source,
                "restored": None
                if rebuilt.restored is None
                else _imported.as_json(rebuilt.restored),
            },
            "repaired": None
            if repaired is None
            else {
                "objects": repaired.objects,
                "saved": repaired.saved,
                "fetched": repaired.fetched,
                "broken": [{"versions": names, "detail": text} for names, text in repaired.broken],
                "healed": list(repaired.healed),
            },
        }

    def human() -> None:
        if rebuilt is not None:
            _print_rebuilt(app, rebuilt)
        _print_found(app, report, read_data=read_data)
        if repaired is not None:
            _print_repaired(app, repaired)

    out.result(data, human=human, quiet=lambda: (problem.where for problem in report.problems))


def _print_rebuilt(app: App, rebuilt: Rebuilt) -> None:
    from artifacts.cli import _imported
    from artifacts.cli._text import count

    out, restored = app.output, rebuilt.restored
    out.line(f"entered {count(rebuilt.objects, 'object')} with {count(rebuilt.blobs, 'blob')}")
    if restored is not None:
        versions, runs = count(len(restored.versions), "version"), count(restored.runs, "run")
        out.line(f"restored {versions} and {runs} from {rebuilt.source}")
        _imported.show(out, restored)


def _print_found(app: App, report: CheckReport, *, read_data: bool) -> None:
    from artifacts.cli._text import count, size

    out = app.output
    objects = count(report.objects, "object")
    versions = count(report.versions, "version")
    out.line(f"{app.opened.location}: {versions}, {objects}, {size(report.bytes)}")
    for keys, what in (
        (report.unknown_objects, "unknown to the catalog; harmless, --rebuild enters them"),
        (report.pending_objects, "of uploads that have not ended; harmless"),
    ):
        if keys:
            out.line(f"{count(len(keys), 'object')} {what}")
    for problem in report.problems:
        out.line(f"{problem.kind}  {problem.where}: {problem.detail}", fg="red")
    read = f"{size(report.bytes_read)} were read and verified"
    if report.problems:
        out.line(f"{count(len(report.problems), 'problem')} found", bold=True)
    elif not read_data:
        out.line("sound, as far as can be seen without reading the data (--read-data)")
    elif report.skipped:
        out.line(f"sound; {read}, {count(report.skipped, 'object')} not this time")
    else:
        out.line(f"sound; all {read}")


def _print_repaired(app: App, repaired: Repaired) -> None:
    from artifacts.cli._text import count

    out = app.output
    out.line(
        f"repaired: {count(repaired.objects, 'damaged object')} given up, "
        f"{count(repaired.saved, 'blob')} saved, {repaired.fetched:,} brought from elsewhere"
    )
    for ref in repaired.healed:
        out.line(f"{ref} is whole again")
    for names, text in repaired.broken:
        out.line(f"broken  {names}: {text}", fg="red")
