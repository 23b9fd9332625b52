"""What this machine knows of remote stores, so that a run can use it when they are out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts.store.errors import BlobNotFoundError, RefNotFoundError
from artifacts.store.keeping import cache_may_fail
from artifacts.store.opening import key_of
from artifacts.store.remembered import Remembered

if TYPE_CHECKING:
    from artifacts._session import Place
    from artifacts.settings import Settings
    from artifacts.store.records import VersionRecord
    from artifacts.store.refs import Ref

_FOLDER = "seen"


def memory_of(settings: Settings, key: str) -> Remembered:
    """Return what is known of a store, by its `opening.key_of`."""
    return Remembered(settings.cache_dir / _FOLDER / key)


def remember(place: Place, version: VersionRecord) -> None:
    """Note what a name has led to in a remote store. That must not make the look-up fail."""
    key = key_of(place.settings.store)
    if key is not None:
        with cache_may_fail():
            memory_of(place.settings, key).note(version)


def recall(place: Place, ref: Ref, error: RefNotFoundError) -> VersionRecord:
    """Bring a version that was seen before into the store that stands in.

    Args:
        error: That store does not have it.

    Raises:
        RefNotFoundError: It was never seen, or not all of it is on this machine.
    """
    from artifacts.store.cache import BlobCache
    from artifacts.store.recalling import recall as bring

    assert place.remembered is not None  # that is why it was called
    known = place.remembered.find(ref, entity=place.entity, project=place.project)
    if known is None:
        raise RefNotFoundError(
            f"{ref} was not logged offline, and this machine has not seen it before",
            hint="offline there is what was logged offline, and what was pulled here before; "
            "pull it when the store can be reached",
            kind="not_known_offline",
        ) from error
    limit = place.settings.cache_limit
    try:
        cache = BlobCache(place.settings.cache_dir / "blobs", limit=limit)
        try:
            return bring(place.store, known, cache)
        finally:
            cache.close()
    except BlobNotFoundError as missing:
        name = "{project}/{name}:v{number}".format_map(known.record)
        raise RefNotFoundError(
            f"{ref} is {name} as far as this machine knows, and not all of it is here: {missing}",
            hint=f"when the store can be reached: art pull {name}",
            kind="not_cached",
        ) from missing
