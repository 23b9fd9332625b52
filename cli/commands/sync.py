"""`art sync`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.cli._errors import Failure
    from artifacts.cli._kept import Done, Found
    from artifacts.store.outbox import Waiting
    from artifacts.store.records import VersionRecord
    from artifacts.store.store import Store

_SOME_FAILED = 3


@click.command(
    "sync",
    cls=Art,
    example="""
        art sync
        art sync --dry-run
        art sync --discard 5f1c0a9e2b7d4c36
    """,
    exits=(3, 10, 11, 14, 15, 16, 130),
)
@click.option(
    "--dry-run", "--list", "list_only", is_flag=True, help="Show what waits, and do nothing."
)
@click.option("--discard", metavar="ID", help="Give up what waits under this id.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before something is given up.")
@click.pass_context
def command(ctx: click.Context, list_only: bool, discard: str | None, yes: bool) -> None:
    """Bring to a remote store what was logged on this machine and is not there.

    That is of three kinds. What a run has logged to the store, but the network was down or the
    process was killed before it was there: it is delivered in the order in which it was logged.
    What killed runs have left, as with art run recover. And runs that were kept on this machine
    because the store could not be reached when they began, or because they were told to work
    offline: they are brought over when they have ended, with everything they have logged. Their
    versions get the next numbers; aliases go to them unless they were moved later in the store; a
    run whose ID is taken there gets another one.

    It can be interrupted and repeated: nothing is brought twice. Versions of an artifact of which
    an earlier one failed go on waiting. Ends with 3 if something could not be brought.

    With -v, the last line shows the rate, and its share (η) of the best rate over one second of
    this transfer.
    """
    from artifacts.cli import _kept
    from artifacts.store import outbox

    app = ctx.ensure_object(App)
    store = app.opened
    waiting = outbox.pending(store)
    if discard is not None:
        _discard(app, _chosen(waiting, discard), yes=yes)
    elif list_only:
        _list(app, waiting, _kept.look(app))
    elif _bring(app, store, waiting):
        ctx.exit(_SOME_FAILED)


# -- delivering


def _bring(app: App, store: Store, waiting: list[Waiting]) -> bool:
    """Bring everything that nobody else is bringing; return whether something failed."""
    from artifacts.cli import _kept
    from artifacts.cli._progress import CountingObjects

    job, plain = _Job(store), store.objects
    with app.output.progress("delivering") as progress:
        if progress is not None:
            files = sum(one.draft.file_count for one in waiting)
            progress.start(files, sum(one.size for one in waiting))
        for one in waiting:
            counting = CountingObjects(plain, progress)
            store.objects = counting
            try:
                delivered = job.deliver(one)
            finally:
                store.objects = plain
            if delivered and progress is not None:
                # What the store had already was not sent.
                progress.advance(one.draft.file_count, max(one.size - counting.sent, 0))
        done = _kept.bring(app, progress)
    _report(app, job, done)
    return bool(job.failed) or done.failed


class _Job:
    """Deliveries one after the other.

    Attributes:
        done: What was delivered: the version, and whether it is new.
        failed: What was not, and why.
        busy: What another process is delivering.
        held: What was not tried, because something before it failed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unreachable = False
        self._stuck: set[tuple[str, str, str]] = set()
        self.done: list[tuple[Waiting, VersionRecord, bool]] = []
        self.failed: list[tuple[Waiting, Failure]] = []
        self.busy: list[Waiting] = []
        self.held: list[Waiting] = []

    def deliver(self, one: Waiting) -> bool:
        """Deliver one version, unless it has to wait; return whether it was delivered."""
        from artifacts.cli._errors import describe
        from artifacts.store.errors import ArtifactsError, StorageError
        from artifacts.store.outbox import Delivery

        artifact = (one.draft.entity, one.draft.project, one.draft.name)
        if self._unreachable or artifact in self._stuck:
            self.held.append(one)
            return False
        delivery = Delivery.take(one)
        if delivery is None:
            if one.path.exists():  # else it has been delivered just now
                self.busy.append(one)
                self._stuck.add(artifact)  # the next ones come after it
            return False
        try:
            version, is_new = delivery.run(self._store)
        except (ArtifactsError, OSError) as error:
            delivery.leave()
            self.failed.append((one, describe(error)))
            self._stuck.add(artifact)
            self._unreachable = isinstance(error, StorageError) and error.retryable
            return False
        except BaseException:
            delivery.leave()
            raise
        self.done.append((one, version, is_new))
        return True


def _report(app: App, job: _Job, done: Done) -> None:
    from artifacts.cli import _kept

    out = app.output

    def data() -> dict[str, Any]:
        from artifacts.cli import _describe

        return {
            "delivered": [
                {"id": one.path.name, "version": _describe.version(version), "new_version": is_new}
                for one, version, is_new in job.done
            ],
            "failed": [
                _data(one)
                | {"kind": failure.kind, "message": failure.message, "hint": failure.hint}
                for one, failure in job.failed
            ],
            "busy": [_data(one) for one in job.busy],
            "waiting": [_data(one) for one in job.held],
            **_kept.data_of(done),
        }

    def human() -> None:
        for _, version, is_new in job.done:
            what = "delivered" if is_new else "delivered, with the same content as before:"
            out.line(f"{what} {version.ref}")
        for one in job.busy:
            out.line(f"{_name(one)} is being delivered by another process")
        for one, failure in job.failed:
            out.line(f"failed {_name(one)} ({one.path.name}): {failure.message}", fg="red")
            if failure.hint:
                out.line(f"  → {failure.hint}")
        for one in job.held:
            out.line(f"{_name(one)} ({one.path.name}) goes on waiting")
        _kept.show(out, done)
        if not (job.done or job.busy or job.failed or job.held or done):
            out.line("nothing is waiting")

    def quiet() -> Iterator[str]:
        yield from (version.ref for _, version, _ in job.done)
        yield from (ref for each in done.synced.joined for ref in each.versions)

    out.result(data, human=human, quiet=quiet)


# -- looking, and giving up


def _list(app: App, waiting: list[Waiting], found: Found) -> None:
    from artifacts.cli import _kept
    from artifacts.cli._text import age, size

    out = app.output

    def human() -> None:
        if not (waiting or found):
            out.line("nothing is waiting")
        if waiting:
            rows = [[one.path.name, _name(one), size(one.size), age(one.since)] for one in waiting]
            out.table(["ID", "ARTIFACT", "SIZE", "LOGGED"], rows, right="SIZE")
        _kept.show_found(out, found)

    out.result(
        lambda: {"waiting": [_data(one) for one in waiting], **_kept.data_of_found(found)},
        human=human,
        quiet=lambda: (one.path.name for one in waiting),
    )


def _chosen(waiting: list[Waiting], given: str) -> Waiting:
    from artifacts.store.errors import NotFoundError

    for one in waiting:
        if one.path.name == given:
            return one
    raise NotFoundError(f"nothing waits under the id {given!r}", hint="look with: art sync --list")


def _discard(app: App, one: Waiting, *, yes: bool) -> None:
    from artifacts.store.errors import ConflictError, StateError
    from artifacts.store.outbox import Delivery

    out = app.output
    if not yes and not _is_confirmed(app, one):
        raise StateError("nothing was given up", kind="not_confirmed")
    delivery = Delivery.take(one)
    if delivery is None:
        raise ConflictError(
            f"{_name(one)} is being delivered by another process, or is delivered",
            hint="look again with: art sync --list",
            kind="delivery_busy",
        )
    delivery.discard()
    out.result(
        lambda: {"discarded": [_data(one)]},
        human=lambda: out.line(f"gave up {_name(one)}"),
        quiet=lambda: [one.path.name],
    )


def _is_confirmed(app: App, one: Waiting) -> bool:
    from artifacts.cli import _output, _text
    from artifacts.store.errors import InvalidInputError

    if app.output.mode is not _output.Mode.HUMAN or not _output.interactive():
        raise InvalidInputError(
            "what is given up is lost, and there is nobody to ask",
            hint="confirm with -y, or look first with: art sync --list",
            kind="not_confirmed",
        )
    return app.output.confirm(f"give up {_name(one)}, {_text.size(one.size)}, for ever?")


def _name(one: Waiting) -> str:
    from artifacts._setting_list import DEFAULT_ENTITY

    draft = one.draft
    owner = "" if draft.entity == DEFAULT_ENTITY else f"{draft.entity}/"
    return f"{owner}{draft.project}/{draft.name}"


def _data(one: Waiting) -> dict[str, Any]:
    from artifacts.cli._describe import time
    from artifacts.store.digests import format_digest

    draft = one.draft
    return {
        "id": one.path.name,
        "entity": draft.entity,
        "project": draft.project,
        "name": draft.name,
        "type": draft.type,
        "digest": format_digest(draft.digest),
        "aliases": list(draft.aliases),
        "logged_at": time(one.since),
        "bytes": one.size,
        "folder": str(one.path),
    }
