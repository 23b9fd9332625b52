"""`art cache`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from artifacts.cli._app import App
from artifacts.cli._command import ArtGroup
from artifacts.cli._params import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artifacts.store.cache import BlobCache, CacheInfo

_EXITS = (14, 16)


def _size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Turn ``20GB`` into bytes; the callback of an option."""
    from artifacts.settings import parse_size

    return None if value is None else parse_size(value)


@click.group(
    "cache",
    cls=ArtGroup,
    invoke_without_command=True,
    example="""
        art cache
        art cache prune --to 5GB
    """,
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Look after the local cache of remote stores.

    It holds what was pulled from remote stores or pushed to them, each blob once, for all stores
    and all processes of a user. Everything in it can be fetched again. The settings `cache_dir`
    and `cache_limit` say where it is and how large it may be; what was not used for the longest
    time goes first. Without a command, this is `art cache info`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(info)


@command.command("info", example="art cache info", exits=_EXITS)
@click.pass_obj
def info(app: App) -> None:
    """Show where the cache is and what is in it."""
    import shutil

    from artifacts.cli._text import count, moment, size

    with _opened(app) as cache:
        found = cache.info()
        free = shutil.disk_usage(found.path).free
    out = app.output

    def human() -> None:
        out.line(f"{found.path}: {size(found.bytes)} of {size(found.limit)}")
        rows = [
            ("content", f"{count(found.blobs, 'blob')} in {count(found.objects, 'object')}"),
            ("oldest use", "" if found.oldest_use is None else moment(found.oldest_use)),
            ("newest use", "" if found.newest_use is None else moment(found.newest_use)),
            ("disk", f"{size(free)} free"),
        ]
        out.fields(rows)

    out.result(lambda: _data(found) | {"free": free}, human=human, quiet=lambda: [str(found.bytes)])


@command.command("prune", example="art cache prune --to 5GB --older-than 30d", exits=_EXITS)
@click.option(
    "--to", callback=_size, metavar="SIZE", help="How much may stay; the limit by default."
)
@click.option(
    "--older-than",
    callback=duration,
    metavar="TIME",
    help="Delete also what was not used for so long, such as 30d.",
)
@click.pass_obj
def prune(app: App, to: int | None, older_than: int | None) -> None:
    """Delete what was not used for the longest time.

    As much as it takes to make the cache small enough. What a pull is using right now stays. Small
    packs are merged if there are many.
    """
    with _opened(app) as cache:
        seconds = None if older_than is None else older_than / 1e6
        freed = cache.prune(to=to, older_than=seconds)
        found = cache.info()
    _report_freed(app, found, freed)


@command.command("verify", example="art cache verify", exits=_EXITS)
@click.pass_obj
def verify(app: App) -> None:
    """Read everything in the cache, and drop what is damaged.

    What is dropped is fetched again when it is needed.
    """
    from artifacts.cli._text import count, size
    from artifacts.store.digests import format_digest

    with _opened(app) as cache:
        found = cache.verify()
    out, damaged = app.output, [format_digest(digest) for digest in found.damaged]

    def data() -> dict[str, Any]:
        return {
            "objects": found.objects,
            "blobs": found.blobs,
            "bytes": found.bytes,
            "damaged": damaged,
            "freed": found.freed,
        }

    def human() -> None:
        out.line(f"read {count(found.blobs, 'blob')}, {size(found.bytes)}")
        for digest in damaged:
            out.line(f"damaged and dropped: {digest}", fg="yellow")
        if not damaged:
            out.line("all are what their digests say")

    out.result(data, human=human, quiet=lambda: damaged)


@command.command("clear", example="art cache clear", exits=_EXITS)
@click.pass_obj
def clear(app: App) -> None:
    """Delete everything in the cache; it is fetched again when it is needed."""
    with _opened(app) as cache:
        freed = cache.clear()
        found = cache.info()
    _report_freed(app, found, freed)


@contextlib.contextmanager
def _opened(app: App) -> Iterator[BlobCache]:
    """Open the cache; a store is not needed for that."""
    from artifacts.store.cache import BlobCache

    settings = app.settings
    cache = BlobCache(settings.cache_dir / "blobs", limit=settings.cache_limit)
    try:
        yield cache
    finally:
        cache.close()


def _report_freed(app: App, found: CacheInfo, freed: int) -> None:
    from artifacts.cli._text import size

    out = app.output

    def human() -> None:
        out.line(f"freed {size(freed)}; {size(found.bytes)} of {size(found.limit)} are left")

    out.result(lambda: {"freed": freed} | _data(found), human=human, quiet=lambda: [str(freed)])


def _data(found: CacheInfo) -> dict[str, Any]:
    from artifacts.cli._describe import time

    return {
        "path": str(found.path),
        "limit": found.limit,
        "bytes": found.bytes,
        "objects": found.objects,
        "blobs": found.blobs,
        "oldest_use": time(found.oldest_use),
        "newest_use": time(found.newest_use),
    }
