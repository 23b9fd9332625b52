"""What `Api` and `Artifact` have in common where they ask for lineage."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from artifacts._values import absolute, texts
from artifacts.store.refs import check_project

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts._session import Place
    from artifacts.store.digests import Digest
    from artifacts.store.lineage import Direction, LineageGraph
    from artifacts.store.records import VersionRecord


def lineage_of(
    place: Place,
    record: VersionRecord,
    *,
    direction: Direction,
    depth: int | None,
    type: Iterable[str] | str | None,
    project: Iterable[str] | str | None,
    exact: bool,
    limit: int | None,
    cursor: str | None,
) -> LineageGraph:
    """Walk from a version; see `Api.lineage`."""
    from artifacts.store.errors import InvalidInputError
    from artifacts.store.lineage import DEFAULT_LIMIT, Selection, lineage

    if direction not in {"up", "down"}:
        raise InvalidInputError(f"direction must be 'up' or 'down', not {direction!r}")
    selection = Selection(
        None if type is None else frozenset(texts(type, "type")),
        None if project is None else frozenset(_place(place, p) for p in texts(project, "project")),
    )
    return lineage(
        place.store,
        record,
        direction=direction,
        depth=depth,
        limit=DEFAULT_LIMIT if limit is None else limit,
        selection=selection,
        exact=exact,
        cursor=cursor,
    )


def content_digest(place: Place, path: str | os.PathLike[str] | None, digest: str | None) -> Digest:
    """Return the digest of a file of this machine, or the one that a text names.

    Raises:
        InvalidInputError: The text is no digest, or the beginning of several that are stored.
        BlobNotFoundError: It is the beginning of none.
        StorageError: The file cannot be read.
    """
    from artifacts.store.copying import hash_file
    from artifacts.store.digests import parse_digest_prefix
    from artifacts.store.errors import InvalidInputError, from_os_error
    from artifacts.store.lineage.provenance import resolve_content

    if path is not None:
        where = absolute(path)
        try:
            with open(where, "rb", buffering=0) as file:
                return hash_file(file.fileno())[0]
        except OSError as error:
            raise from_os_error(error, f"read {where}") from error
    digits = parse_digest_prefix(digest or "")
    if digits is None:
        raise InvalidInputError(
            f"not a digest: {digest!r}",
            hint="a digest is 8 to 64 hexadecimal characters, with blake3: before them or not",
            kind="bad_digest",
        )
    return resolve_content(place.store, digits)


def _place(place: Place, text: str) -> tuple[str, str]:
    """Return (entity, project) of ``[entity/]project``."""
    entity, slash, project = text.rpartition("/")
    return check_project(entity, what="entity") if slash else place.entity, check_project(project)
