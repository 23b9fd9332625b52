"""From a reference to the version it names."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from artifacts.store.catalog import projects, versions
from artifacts.store.digests import parse_digest_prefix
from artifacts.store.errors import InvalidInputError, RefNotFoundError
from artifacts.store.records import to_datetime
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

    from artifacts.store.records import VersionRecord
    from artifacts.store.refs import Ref


def resolve(connection: Connection, ref: Ref, *, entity: str, project: str) -> VersionRecord:
    """Return the version that ``ref`` names.

    Args:
        entity: Used where the reference names none.
        project: Likewise.

    Raises:
        RefNotFoundError: Nothing of that name; the hint has near matches.
        InvalidInputError: A digest prefix fits several versions of different content.
    """
    entity, project = ref.entity or entity, ref.project or project
    if ref.name is None:
        return _by_bare_digest(connection, ref, entity, project)
    found = projects.find_artifact(connection, entity, project, ref.name)
    if found is None:
        raise _no_artifact(connection, entity, project, ref.name)
    artifact_id, _ = found
    where = f"{project}/{ref.name}"
    if ref.digest is not None:
        return _by_digest(connection, artifact_id, where, ref.digest)
    if ref.number is not None:
        return _by_number(connection, artifact_id, where, ref.number)
    alias = ref.selector or LATEST
    version = versions.by_alias(connection, artifact_id, alias)
    if version is not None:
        return version
    digits = parse_digest_prefix(alias)
    if digits is not None:
        return _by_digest(connection, artifact_id, where, digits)
    typed = where if ref.project else ref.name
    known = [f"{typed}:{name}" for name in projects.alias_names(connection, artifact_id)]
    raise RefNotFoundError(
        f"{where} has no version with the alias {alias!r}",
        hint=_did_you_mean(f"{typed}:{alias}", known) or f"see its versions with: art ls {where}",
    )


def latest(connection: Connection, entity: str, project: str, name: str) -> VersionRecord | None:
    """Return the latest version of an artifact, None if there is none.

    For those who expect both: looking for what may have been meant instead takes longer.
    """
    found = projects.find_artifact(connection, entity, project, name)
    return None if found is None else versions.by_alias(connection, found[0], LATEST)


def _by_number(connection: Connection, artifact_id: int, where: str, number: int) -> VersionRecord:
    version = versions.by_number(connection, artifact_id, number)
    if version is None:
        raise RefNotFoundError(
            f"{where} has no version v{number}", hint=f"see its versions with: art ls {where}"
        )
    if version.deleted_at is not None:
        when = to_datetime(version.deleted_at)
        raise RefNotFoundError(
            f"{version.ref} was deleted on {when:%Y-%m-%d %H:%M} UTC", kind="version_deleted"
        )
    return version


def _by_digest(connection: Connection, artifact_id: int, where: str, digits: str) -> VersionRecord:
    found = versions.by_digest_prefix(connection, digits, artifact_id=artifact_id)
    if not found:
        raise RefNotFoundError(f"{where} has no version with the digest {digits}")
    return _unambiguous(found, digits)


def _by_bare_digest(connection: Connection, ref: Ref, entity: str, project: str) -> VersionRecord:
    digits = ref.digest or ""
    found = versions.by_digest_prefix(connection, digits)
    if not found:
        raise RefNotFoundError(f"no version has the digest {digits}")
    here = [v for v in found if (v.entity, v.project) == (entity, project)]
    return _unambiguous(here or found, digits)


def _unambiguous(found: list[VersionRecord], digits: str) -> VersionRecord:
    if len({version.digest for version in found}) > 1:
        names = ", ".join(f"{v.ref} ({v.digest.hex()[:12]})" for v in found[:5])
        raise InvalidInputError(
            f"digest prefix {digits} is ambiguous: {names}",
            hint="give more characters",
            kind="ambiguous_digest",
        )
    return found[0]


def _no_artifact(connection: Connection, entity: str, project: str, name: str) -> RefNotFoundError:
    elsewhere = projects.projects_with(connection, name)
    near = _did_you_mean(name, projects.some_names(connection, entity, project))
    if elsewhere:
        near = _did_you_mean(f"{project}/{name}", elsewhere, cutoff=0.0) or near
    return RefNotFoundError(
        f"project {project!r} does not contain an artifact {name!r}",
        hint=near or "see what there is with: art ls --all",
    )


def _did_you_mean(text: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    near = difflib.get_close_matches(text, list(known), n=3, cutoff=cutoff)
    return f"did you mean {' or '.join(near)}?" if near else None
