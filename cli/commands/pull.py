"""`art pull`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, Art
from artifacts.cli._params import include_options, ref_argument, removal_options

if TYPE_CHECKING:
    from artifacts._recalls import Recall
    from artifacts.artifact import Artifact
    from artifacts.store.checkout import CheckoutResult, LinkMode

_NAMED = 20


@click.command(
    "pull",
    cls=Art,
    example="""
        art pull corpus:prod -o out/
        art pull corpus:v3 -o out/ --delete --dry-run
        art pull --run 8kd9s2la -o inputs/
    """,
    exits=READING,
)
@ref_argument(required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Where to; the folder NAME:vN in the setting `artifact_dir` by default.",
)
@click.option(
    "--run",
    "run_id",
    metavar="[PROJECT/]ID",
    shell_complete=_complete.runs,
    help="Instead of a version, all inputs of a run, each in a folder of its own in DIR.",
)
@include_options
@click.option("--prefix", metavar="TEXT", help="Only paths that start with this.")
@click.option(
    "--link",
    type=click.Choice(["copy", "hardlink", "symlink"]),
    default="copy",
    show_default=True,
    help="Copy large files, or link to them in the store; they are read-only then.",
)
@click.option("--delete", is_flag=True, help="Delete files in DIR that the version does not have.")
@click.option(
    "--allow-broken", is_flag=True, help="Get what is left of a version whose data are lost."
)
@click.option(
    "--skip-cache",
    is_flag=True,
    help="Do not keep in the cache what is fetched from a remote store: large files are written"
    " once instead of twice.",
)
@removal_options
@click.pass_obj
def command(
    app: App,
    ref: str | None,
    folder: str | None,
    run_id: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    prefix: str | None,
    link: LinkMode,
    delete: bool,
    allow_broken: bool,
    skip_cache: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Write the files of a version, or the inputs of a run, into a folder.

    Files that are there already are not written again, other files are left alone. Every file is
    verified before it appears under its name. Patterns are those of .gitignore.
    """
    if (ref is None) == (run_id is None):
        raise click.UsageError("give either a version or --run")
    if run_id is not None:
        if delete or allow_broken or skip_cache or include or exclude or prefix:
            raise click.UsageError("--run brings whole inputs; only -o and --link go with it")
        if folder is None:
            raise click.UsageError("--run needs the folder: -o DIR")
        _pull_inputs(app, run_id, folder, link)
        return
    assert ref is not None
    if dry_run and not delete:
        raise click.UsageError("--dry-run goes with --delete; nothing else deletes files")
    if delete and (include or exclude or prefix):
        raise click.UsageError(
            "--delete would delete what --include, --exclude and --prefix leave out"
        )
    if delete and folder is None:
        raise click.UsageError("--delete needs the folder: -o DIR")
    from artifacts.cli import _describe

    artifact = app.artifact(ref)
    recall = _describe.warn_if_recalled(app.output, artifact)
    target = os.path.abspath(folder) if folder is not None else artifact.default_root()
    shown = folder if folder is not None else _near(target)
    extra = artifact.extra_files(target) if delete else []
    if dry_run:
        _show_plan(app, artifact, shown, extra)
        return
    if extra and not yes:
        _list(app, f"not in {artifact.record.ref}:", extra)
        if not app.output.confirm(f"delete {_files(len(extra))} in {shown}?"):
            raise _declined()
    with app.output.progress("pulling") as progress:
        result = artifact.pull(
            target,
            path_prefix=prefix,
            include=include or None,
            exclude=exclude or None,
            link=link,
            delete=delete,
            allow_broken=allow_broken,
            skip_cache=skip_cache,
            progress=progress,
        )
    _report(app, artifact, target, shown, result, recall)


def _pull_inputs(app: App, run_id: str, folder: str, link: LinkMode) -> None:
    """Write all inputs of a run into a folder."""
    from artifacts.cli import _describe, _text

    out, run = app.output, app.api.run(run_id)
    with out.progress("pulling") as progress:
        restored = run.checkout(folder, link=link, progress=progress)

    def data() -> dict[str, Any]:
        return {
            "run": _describe.run(run._record),
            "folder": os.path.abspath(folder),
            "inputs": [
                {
                    "version": _describe.version(each.artifact.record),
                    "folder": each.folder,
                    "written": each.written,
                    "unchanged": each.unchanged,
                }
                for each in restored
            ],
        }

    def human() -> None:
        for each in restored:
            files = _files(each.written + each.unchanged)
            out.line(f"pulled {each.artifact.record.ref} into {_near(each.folder)}: {files}")
        out.line(f"{_text.count(len(restored), 'input')} of run {run.project}/{run.id}")

    out.result(data, human=human, quiet=lambda: (each.folder for each in restored))


def _near(path: str) -> str:
    """Return a path as people would write it here: relative if it is below."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def _declined() -> Exception:
    from artifacts.store.errors import StateError

    return StateError("nothing was changed", kind="not_confirmed")


def _files(number: int) -> str:
    from artifacts.cli import _text

    return _text.count(number, "file")


def _list(app: App, title: str, paths: list[str]) -> None:
    app.output.note(title)
    for path in paths[:_NAMED]:
        app.output.note(f"  {path}")
    if len(paths) > _NAMED:
        app.output.note(f"  … and {_files(len(paths) - _NAMED)} more")


def _show_plan(app: App, artifact: Artifact, folder: str, extra: list[str]) -> None:
    from artifacts.cli import _describe

    out = app.output

    def human() -> None:
        for path in extra:
            out.line(f"would delete {path}")
        out.line(f"would delete {_files(len(extra))} in {folder}; nothing was changed")

    def data() -> dict[str, Any]:
        return {"version": _describe.version(artifact.record), "would_delete": extra}

    out.result(data, human=human, quiet=lambda: extra)


def _report(
    app: App,
    artifact: Artifact,
    target: str,
    shown: str,
    result: CheckoutResult,
    recall: Recall | None,
) -> None:
    from artifacts.cli import _describe

    record, out = artifact.record, app.output

    def data() -> dict[str, Any]:
        return {
            "version": _describe.version(record),
            "folder": target,
            "written": result.written,
            "unchanged": result.unchanged,
            "deleted": list(result.removed),
            "recalled": None if recall is None else _describe.recall(recall),
        }

    def human() -> None:
        parts = [f"{result.written:,} written"]
        if result.unchanged:
            parts.append(f"{result.unchanged:,} there already")
        if result.removed:
            parts.append(f"{len(result.removed):,} others deleted")
        total = _files(result.written + result.unchanged)
        out.line(f"pulled {record.ref} into {shown}: {total} ({', '.join(parts)})")

    out.result(data, human=human, quiet=lambda: [target])
