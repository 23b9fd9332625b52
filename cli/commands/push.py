"""`art push`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import WRITING, Art
from artifacts.cli._params import include_options

if TYPE_CHECKING:
    from artifacts.artifact import Artifact
    from artifacts.store.progress import Progress
    from artifacts.store.refs import Ref
    from artifacts.store.walking import SymlinkPolicy

_RUN_SETTINGS = {"console": "off", "system_metrics_interval": 0}
"""What a push prints is no result of its run, and how busy the machine is does not matter."""


def _metadata(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for text in value:
        key, equals, content = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE", ctx, param)
        found[key] = _value(content)
    return found


def _value(text: str) -> Any:
    """Return what JSON says a text means, or the text itself."""
    try:
        return json.loads(text, parse_constant=lambda name: name)
    except ValueError:
        return text


@click.command(
    "push",
    cls=Art,
    example="""
        art push data/ corpus -t dataset -a prod
        art push model.pt demo/model:candidate -t model -m accuracy=0.93
    """,
    exits=WRITING,
)
@click.argument(
    "path",
    type=click.Path(),
    help="A file, a folder, or file://… for what is to stay where it is.",
)
@click.argument(
    "name",
    required=False,
    shell_complete=_complete.artifacts,
    help="[PROJECT/]NAME[:ALIAS]; the name of the file or folder by default.",
)
@click.option(
    "-t",
    "--type",
    "type_",
    default="dataset",
    show_default=True,
    shell_complete=_complete.types,
    help="What kind of thing it is; all versions of a name have one type.",
)
@click.option(
    "-a", "--alias", "aliases", multiple=True, help="Point this alias at the version; repeatable."
)
@click.option("--tag", "tags", multiple=True, help="Label the version; repeatable.")
@click.option("-d", "--description", help="Free text.")
@click.option(
    "-m",
    "--metadata",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_metadata,
    help="A number, true, false, null, JSON, or else text; repeatable.",
)
@include_options
@click.option("--no-latest", is_flag=True, help="Leave the alias `latest` where it is.")
@click.option(
    "--symlinks",
    type=click.Choice(["follow", "error", "skip"]),
    default="follow",
    show_default=True,
    help="What to do with symbolic links in a folder.",
)
@click.option("--run", "run_name", metavar="NAME", help="Record it as the output of a run.")
@click.pass_obj
def command(
    app: App,
    path: str,
    name: str | None,
    type_: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str | None,
    metadata: dict[str, Any],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    no_latest: bool,
    symlinks: SymlinkPolicy,
    run_name: str | None,
) -> None:
    """Store a file or folder as a version of an artifact.

    Content that the artifact has already makes no new version. What the store has already, from
    whatever artifact, is not stored again. Patterns are those of .gitignore; a file `.artignore`
    in the folder says what is always left out. If there is no store, one is made.
    """
    from artifacts.artifact import Artifact
    from artifacts.store.refs import Ref

    ref = Ref.parse_target(name if name is not None else _safe_name(path))
    artifact = Artifact(
        ref.name or "",
        type_,
        description,
        metadata,
        store=app.store,
        entity=ref.entity or app.entity,
        project=ref.project or app.project,
    )
    artifact.aliases = [*aliases, *([ref.selector] if ref.selector else [])]
    artifact.tags = list(tags)
    _check_path(path)
    made_store = _open_store(app, ref, type_)
    try:
        with app.output.progress("pushing") as progress:
            _add(artifact, path, include or None, exclude or None, symlinks, progress)
            if run_name is None:
                artifact.save(latest=not no_latest)
            else:
                _log_from_run(app, ref, artifact, run_name, latest=not no_latest)
    except BaseException:
        artifact.discard(resumable=True)
        raise
    _report(app, artifact, made_store=made_store, described=bool(description or metadata))


def _safe_name(path: str) -> str:
    """Return the name of a file or folder with what an artifact's name may not hold replaced."""
    base = os.path.basename(os.path.abspath(path.partition("?")[0].rpartition("://")[2]))
    return re.sub(r"[^a-zA-Z0-9_.-]+", "-", base).strip("-")[:128] or "root"


def _check_path(path: str) -> None:
    """Refuse what is not there before a store is made for it."""
    from artifacts.store.errors import InvalidInputError

    if "://" not in path and not os.path.exists(path):
        raise InvalidInputError(f"there is no file or folder {path!r}", kind="no_such_path")


def _open_store(app: App, ref: Ref, type_: str) -> bool:
    """Open the store, made if need be; return whether it was.

    Raises:
        InvalidInputError: The artifact has another type: better now than after the upload.
    """
    from artifacts import _session
    from artifacts.store.opening import is_store

    settings = app.settings
    made = "://" not in settings.store and not is_store(Path(settings.store))
    store = _session.open_store(settings)
    if made:
        app.output.note(f"made a store in {store.location}")
    entity, project = ref.entity or settings.entity, ref.project or settings.project
    store.catalog.check_type(entity, project, ref.name or "", type_)
    return made


def _add(
    artifact: Artifact,
    path: str,
    include: tuple[str, ...] | None,
    exclude: tuple[str, ...] | None,
    symlinks: SymlinkPolicy,
    progress: Progress | None,
) -> None:
    if "://" in path:
        artifact.add_reference(path)
    elif os.path.isdir(path):
        artifact.add_dir(
            path, include=include, exclude=exclude, symlinks=symlinks, progress=progress
        )
    else:
        artifact.add_file(path, progress=progress)


def _log_from_run(app: App, ref: Ref, artifact: Artifact, name: str, *, latest: bool) -> None:
    from artifacts import init

    entity, project = ref.entity or app.entity, ref.project or app.project
    with init(
        project, entity=entity, store=app.store, name=name, job_type="push", settings=_RUN_SETTINGS
    ) as run:
        run.log_artifact(artifact, latest=latest)


def _report(app: App, artifact: Artifact, *, made_store: bool, described: bool) -> None:
    from artifacts.cli import _describe, _text

    record, out = artifact.record, app.output

    def data() -> dict[str, Any]:
        return {
            "version": _describe.version(record),
            "new_version": artifact.is_new,
            "new_bytes": artifact.new_bytes,
            "store_created": made_store,
        }

    def human() -> None:
        if artifact.is_new:
            out.line(f"logged {record.ref}")
        else:
            out.line(f"same content as {record.ref}; no new version was made")
        rows = [
            ("content", _describe.amount(record)),
            ("new", _text.size(artifact.new_bytes) if artifact.new_bytes else "nothing"),
            ("digest", _describe.short(record.digest)),
            ("aliases", ", ".join(record.aliases)),
            ("tags", ", ".join(record.tags)),
        ]
        out.fields(rows)
        if described and not artifact.is_new:
            out.note("Note: description and metadata of the version stay as they were.")

    out.result(data, human=human, quiet=lambda: [record.ref])
