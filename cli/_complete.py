"""What may come next on a command line, from the store: artifacts, versions, aliases, files, runs.

A completion never fails and never prints: where nothing can be found, nothing is offered.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.cli._app import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click
    from click.shell_completion import CompletionItem

    from artifacts.store.refs import Ref

    Offers = Iterable[str | tuple[str, str]]
    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]

_OFFERED = 500


class _Line(NamedTuple):
    """A command line that is being typed.

    Attributes:
        given: The arguments and options before, by name.
        word: The beginning of the word to complete.
    """

    app: App
    given: dict[str, Any]
    word: str


def _completer(find: Callable[[_Line], Offers]) -> Completer:
    """Make what click calls from a function that yields values, or values and their meanings."""

    @functools.wraps(find)
    def complete(ctx: click.Context, _: click.Parameter, word: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        try:
            found = list(find(_Line(ctx.ensure_object(App), ctx.params, word)))
        except Exception:  # noqa: BLE001 - there is nobody to tell
            return []
        items = [(item, None) if isinstance(item, str) else item for item in found]
        fitting = [(value, text) for value, text in items if value.startswith(word)]
        return [CompletionItem(value, help=text) for value, text in fitting[:_OFFERED]]

    return complete


@_completer
def artifacts(line: _Line) -> Offers:
    """Offer names of artifacts, and projects that have some."""
    yield from _artifacts(line)


@_completer
def refs(line: _Line) -> Offers:
    """Offer names of artifacts, and after a colon the artifact's aliases and versions."""
    name, colon, _ = line.word.partition(":")
    if not colon:
        yield from _artifacts(line)
        return
    ref = _parse(name)
    versions = line.app.catalog.list_versions(
        ref.entity or line.app.settings.entity,
        ref.project or line.app.settings.project,
        ref.name or "",
    )
    for version in versions:
        yield from ((f"{name}:{alias}", version.version) for alias in version.aliases)
    for version in versions:
        yield f"{name}:{version.version}", ", ".join(version.aliases)


@_completer
def aliases(line: _Line) -> Offers:
    """Offer the aliases of the artifact that was named before."""
    here = line.app.artifact(line.given["ref"]).record
    for version in line.app.catalog.list_versions(here.entity, here.project, here.name):
        if not line.given.get("delete") or version.id == here.id:
            yield from ((alias, version.version) for alias in version.aliases)


@_completer
def tags(line: _Line) -> Offers:
    """Offer the tags of the artifact that was named before."""
    here = line.app.artifact(line.given["ref"]).record
    versions = line.app.catalog.list_versions(here.entity, here.project, here.name)
    chosen = [v for v in versions if not line.given.get("delete") or v.id == here.id]
    yield from sorted({tag for version in chosen for tag in version.tags})


@_completer
def paths(line: _Line) -> Offers:
    """Offer the paths of files in the version that was named before."""
    yield from line.app.artifact(line.given["ref"]).manifest


@_completer
def runs(line: _Line) -> Offers:
    """Offer ids of runs."""
    settings = line.app.settings
    for run in line.app.catalog.list_runs(entity=settings.entity, project=settings.project):
        yield run.id, run.name


@_completer
def sweeps(line: _Line) -> Offers:
    """Offer ids of sweeps."""
    settings = line.app.settings
    for sweep in line.app.catalog.list_sweeps(entity=settings.entity, project=settings.project):
        yield sweep.id, sweep.name


@_completer
def history_keys(line: _Line) -> Offers:
    """Offer what the run has logged that was named before; of several names the last."""
    named = line.given["run_id"]
    run = line.app.api.run(named if isinstance(named, str) else named[0])
    before, comma, _ = line.word.rpartition(",")
    yield from (f"{before}{comma}{key}" for key in run.history_keys)


@_completer
def plotted_keys(line: _Line) -> Offers:
    """Offer what can be drawn of the run that was named before: keys of values and of charts."""
    from artifacts._run_charts import definitions

    named = line.given["run_id"]
    run = line.app.api.run(named if isinstance(named, str) else named[0])
    yield from {**definitions(run), **run.history_keys}


@_completer
def run_columns(line: _Line) -> Offers:
    """Offer what is known of every run; of several names the last."""
    from artifacts.store.filters import RUN_FIELDS

    before, comma, _ = line.word.rpartition(",")
    yield from (f"{before}{comma}{name}" for name in RUN_FIELDS.names)


@_completer
def version_columns(line: _Line) -> Offers:
    """Offer what is known of every version; of several names the last."""
    from artifacts.store.filters import VERSION_FIELDS

    before, comma, _ = line.word.rpartition(",")
    yield from (f"{before}{comma}{name}" for name in VERSION_FIELDS.names)


@_completer
def consumers(line: _Line) -> Offers:
    """Offer names of what works with versions."""
    for each in line.app.api.consumers():
        yield each.name, each.version


@_completer
def types(line: _Line) -> Offers:
    """Offer the types of artifacts there are."""
    yield from sorted({found.type for found in line.app.catalog.list_artifacts(internal=False)})


@_completer
def setting_names(line: _Line) -> Offers:
    """Offer names of settings."""
    yield from line.app.settings.values


def _artifacts(line: _Line) -> Offers:
    app = line.app
    owner, slash, _ = line.word.rpartition("/")
    entity = app.settings.entity
    project = owner.rpartition("/")[2] or app.settings.project
    for found in app.catalog.list_artifacts(entity=entity, project=project, internal=False):
        yield f"{owner}{slash}{found.name}", found.type
    if not slash:
        yield from (f"{name}/" for owner, name in app.catalog.list_projects() if owner == entity)


def _parse(name: str) -> Ref:
    from artifacts.store.refs import Ref

    return Ref.parse(name)
