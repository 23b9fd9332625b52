"""From what users write to the version it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from artifacts.store.errors import InvalidInputError, InvalidTypeError, RefNotFoundError
from artifacts.store.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, timedelta

    from artifacts._session import Place
    from artifacts.store.records import VersionRecord

MAX_RUN_PARTS = 3
"""Parts of the path of a run: entity, project and id."""

_BARE_PREFIX = re.compile(r"[0-9a-f]{8,63}")


def find_version(place: Place, name: str, type_: str | None = None) -> tuple[Ref, VersionRecord]:
    """Return the parsed name and the version.

    Args:
        place: Where to look for what the name leaves out.
        name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]``, or a digest or its prefix.
        type_: If given, the version must be of this type.

    Raises:
        InvalidInputError: The name is malformed, or the type differs.
        RefNotFoundError: Nothing has that name.
    """
    if not isinstance(name, str):
        raise InvalidTypeError(
            f"the name of an artifact must be text, not {name.__class__.__name__}"
        )
    ref = Ref.parse(name)
    try:
        record = _resolve(place, ref)
    except RefNotFoundError as error:
        # An artifact may have such a name, so names come first.
        if _BARE_PREFIX.fullmatch(name) is None:
            raise
        ref = Ref.parse(f"blake3:{name}")
        try:
            record = _resolve(place, ref)
        except RefNotFoundError:
            raise error from None
    check_type(record.type, name, type_)
    return ref, record


def run_parts(path: str | Sequence[str]) -> list[str]:
    """Return the parts of ``[[entity/]project/]id``.

    Args:
        path: That text, or the parts already.

    Raises:
        InvalidInputError: It has too many parts, none, or an empty one.
    """
    parts = path.split("/") if isinstance(path, str) else list(path)
    if not parts or len(parts) > MAX_RUN_PARTS or not all(parts):
        raise InvalidInputError(
            f"invalid path of a run: {path!r}",
            hint="expected [[entity/]project/]id",
            kind="bad_run_path",
        )
    return parts


def find_version_at(
    place: Place, name: str, at: datetime | date | timedelta | str, type_: str | None = None
) -> VersionRecord:
    """Return the version that a name meant at a time.

    Args:
        place: As for `find_version`.
        name: As for `find_version`.
        at: As `_moment.parse_moment` takes it.
        type_: As for `find_version`.

    Raises:
        InvalidInputError: Name or time are malformed, or the type differs.
        RefNotFoundError: Nothing had that name then.
    """
    from artifacts._moment import parse_moment

    catalog = place.store.catalog
    moment = parse_moment(at, catalog.now())

    def resolve(text: str) -> VersionRecord:
        ref = Ref.parse(text)
        return catalog.resolve_at(ref, moment, entity=place.entity, project=place.project)

    try:
        record = resolve(name)
    except RefNotFoundError:
        if _BARE_PREFIX.fullmatch(name) is None:
            raise
        record = resolve(f"blake3:{name}")
    check_type(record.type, name, type_)
    return record


def _resolve(place: Place, ref: Ref) -> VersionRecord:
    """Return a version of the store, or of what is known of the one that cannot be reached."""
    store = place.store
    try:
        record = store.catalog.resolve(ref, entity=place.entity, project=place.project)
    except RefNotFoundError as error:
        if place.remembered is None:
            raise
        from artifacts._remembering import recall

        return recall(place, ref, error)
    if store.cache is not None:
        from artifacts._remembering import remember

        remember(place, record)
    return record


def check_type(actual: str, name: str, type_: str | None) -> None:
    """Raise InvalidInputError unless an artifact has the type that was asked for."""
    if type_ is not None and actual != type_:
        raise InvalidInputError(
            f"Supplied type {type_} does not match type {actual} of artifact {name}",
            hint=f"leave type= out, or ask for type={actual!r}",
            kind="type_mismatch",
        )
