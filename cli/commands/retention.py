"""`art retention`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli import _complete
from artifacts.cli._app import App
from artifacts.cli._command import READING, ArtGroup
from artifacts.cli._params import duration, ref_argument

if TYPE_CHECKING:
    from artifacts.artifact import Artifact
    from artifacts.collection import ArtifactCollection
    from artifacts.store.refs import Ref

_EXITS = (*READING[:2], 12, *READING[2:])
_NAME_OR_VERSION = "[PROJECT/]NAME, or one version of it: NAME:vN."


@click.group(
    "retention",
    cls=ArtGroup,
    example="""
        art retention set model --keep-last 5 --keep-tagged --ttl 30d
        art retention set model:v3 --keep-forever
    """,
)
def command() -> None:
    """Say which versions are kept.

    An artifact without rules keeps all its versions. With rules it keeps those that any of them
    keeps, and `art gc` deletes the others, but never the one that is `latest` nor one that a
    running run uses.
    """


@command.command(
    "set",
    example="""
        art retention set model --keep-last 5 --keep-best metadata.acc:max:3
        art retention set scratch:v3 --ttl 7d
    """,
    exits=_EXITS,
)
@ref_argument("name", help=_NAME_OR_VERSION)
@click.option("--keep-last", type=click.IntRange(1), metavar="N", help="The newest N versions.")
@click.option(
    "--ttl",
    callback=duration,
    metavar="TIME",
    help="Versions logged no longer ago than, for instance, 30d or 12h.",
)
@click.option(
    "--keep-best",
    multiple=True,
    metavar="RULE",
    help="The best by metadata, such as metadata.acc:max:3; repeatable.",
)
@click.option(
    "--keep-aliased/--no-keep-aliased",
    default=True,
    help="Versions that have an alias; they are kept by default.",
)
@click.option("--keep-tagged", is_flag=True, help="Versions that have a tag.")
@click.option("--keep-forever", is_flag=True, help="This version, whatever the rules say.")
@click.pass_obj
def set_(
    app: App,
    name: str,
    keep_last: int | None,
    ttl: int | None,
    keep_best: tuple[str, ...],
    keep_aliased: bool,
    keep_tagged: bool,
    keep_forever: bool,
) -> None:
    """Set the rules of an artifact, or how long one version is kept.

    The rules replace those that were set before. For one version there are only --ttl and
    --keep-forever.
    """
    from artifacts._lifetime import Retention

    ref = _parse(name)
    if ref.selector is None and ref.digest is None:
        if keep_forever:
            raise click.UsageError("--keep-forever is for one version: NAME:vN")
        collection = app.api.collection(name)
        collection.retention = Retention(
            keep_last, _timedelta(ttl), keep_best, keep_aliased, keep_tagged
        )
        collection.save()
        _print(app, [collection], [])
        return
    if keep_last is not None or keep_best or keep_tagged or not keep_aliased:
        raise click.UsageError("one version takes --ttl or --keep-forever, nothing else")
    if (ttl is None) != keep_forever:
        raise click.UsageError("say how long the version is kept: --ttl TIME or --keep-forever")
    _set_ttl(app, name, _timedelta(ttl))


@command.command("unset", example="art retention unset model", exits=_EXITS)
@ref_argument("name", help=_NAME_OR_VERSION)
@click.pass_obj
def unset(app: App, name: str) -> None:
    """Remove the rules of an artifact, or the lifetime of one version.

    The artifact keeps all its versions then; the version does as its artifact says.
    """
    from artifacts._lifetime import ArtifactTTL

    ref = _parse(name)
    if ref.selector is None and ref.digest is None:
        collection = app.api.collection(name)
        collection.retention = None
        collection.save()
        _print(app, [collection], [])
    else:
        _set_ttl(app, name, ArtifactTTL.INHERIT)


@command.command(
    "show",
    example="""
        art retention show
        art retention show model
    """,
    exits=READING,
)
@click.argument(
    "name",
    required=False,
    shell_complete=_complete.artifacts,
    help="[PROJECT/]NAME; all if left out.",
)
@click.pass_obj
def show(app: App, name: str | None) -> None:
    """Show the rules of an artifact, or of all artifacts that have some.

    Versions that have a lifetime of their own are listed with it.
    """
    if name is None:
        known = {record.id for record in app.catalog.artifacts_with_rules()}
        found = [c for c in app.api.collections(all_projects=True) if int(c.id) in known]
    else:
        found = [app.api.collection(name)]
    versions = [v for c in found for v in c.versions() if v.record.ttl is not None]
    _print(app, found, versions)


def _parse(name: str) -> Ref:
    from artifacts.store.refs import Ref

    return Ref.parse(name)


def _timedelta(microseconds: int | None) -> Any:
    from datetime import timedelta

    return None if microseconds is None else timedelta(microseconds=microseconds)


def _set_ttl(app: App, name: str, ttl: Any) -> None:
    artifact = app.artifact(name)
    artifact.ttl = ttl
    _print(app, [], [artifact.save()])


def _print(app: App, collections: list[ArtifactCollection], versions: list[Artifact]) -> None:
    from artifacts.cli import _describe

    out = app.output

    def data() -> dict[str, Any]:
        return {
            "artifacts": [
                {"entity": c.entity, "project": c.project, "name": c.name, "retention": _rules(c)}
                for c in collections
            ],
            "versions": [{"ref": v.record.ref, "ttl": _describe.ttl(v.record)} for v in versions],
        }

    def human() -> None:
        if not collections and not versions:
            out.note("every version is kept; set rules with: art retention set NAME --keep-last N")
        rows = [[f"{c.project}/{c.name}", _describe.retention(c.retention)] for c in collections]
        rows += [
            [v.record.ref, _describe.kept(v.record) or "kept as its artifact says"]
            for v in versions
        ]
        out.lines(rows)

    out.result(
        data,
        human=human,
        quiet=lambda: (
            *(f"{c.project}/{c.name}" for c in collections),
            *(v.record.ref for v in versions),
        ),
    )


def _rules(collection: ArtifactCollection) -> dict[str, Any] | None:
    from artifacts.store.retention import format_duration

    rules = collection.retention
    if rules is None:
        return None
    data = rules._policy().to_json()
    return {**data, "ttl": None if data["ttl"] is None else format_duration(data["ttl"])}
