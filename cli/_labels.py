"""What `art alias` and `art tag` have in common: names are given to a version, or taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from artifacts.cli._params import ref_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from artifacts.artifact import Artifact
    from artifacts.cli._app import App
    from artifacts.cli._params import Decorator

Labels = Literal["aliases", "tags"]


def label_arguments(labels: Labels, **settings: Any) -> Decorator:
    """Return the arguments that name a version and its labels, and --delete.

    Args:
        labels: Which of its names.
        settings: Of the argument that holds them.
    """
    names = click.argument(labels, nargs=-1, required=True, **settings)
    delete = click.option(
        "-d", "--delete", is_flag=True, is_eager=True, help=f"Take the {labels} away."
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        return ref_argument()(names(delete(command)))

    return decorate


def change(
    app: App,
    ref: str,
    labels: Labels,
    given: Sequence[str],
    *,
    delete: bool,
    protect: bool | None = None,
    force: bool = False,
) -> None:
    """Store what a version is called from now on, and print it.

    Args:
        app: The global options.
        ref: The version.
        labels: Which of its names.
        given: What is added, or with ``delete`` taken away.
        delete: Whether to take away.
        protect: Whether aliases are protected from now on; None to leave that as it is.
        force: Whether protected ones are moved and taken away too.

    Raises:
        NotFoundError: The version does not have what is to be taken away.
    """
    from artifacts.cli import _describe

    artifact, out = app.artifact(ref), app.output
    present: list[str] = getattr(artifact, labels)
    if delete:
        _check_present(artifact, labels, present, given)
        wanted = [label for label in present if label not in given]
    else:
        wanted = [*present, *given]
    setattr(artifact, labels, wanted)
    artifact.save(force=force)
    if protect is not None:
        for alias in given:
            (artifact.protect_alias if protect else artifact.unprotect_alias)(alias)
    record = artifact.record

    def human() -> None:
        shown = _describe.aliases(record) if labels == "aliases" else ", ".join(record.tags)
        out.line(f"{record.ref}: {shown or f'no {labels}'}")

    out.result(lambda: {"version": _describe.version(record)}, human=human)


def _check_present(
    artifact: Artifact, labels: Labels, present: Sequence[str], given: Sequence[str]
) -> None:
    from artifacts.store.errors import NotFoundError

    missing = [label for label in given if label not in present]
    if not missing:
        return
    ref, hint = artifact.record.ref, f"it has: {', '.join(present) or 'none'}"
    if labels == "aliases":
        raise NotFoundError(
            f"{ref} does not have the alias {missing[0]!r}", hint=hint, kind="alias_not_found"
        )
    raise NotFoundError(
        f"{ref} does not have the tag {missing[0]!r}", hint=hint, kind="tag_not_found"
    )
