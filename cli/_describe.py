"""Records as JSON objects, and the words in which several commands say the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts.cli import _text
from artifacts.store.digests import format_digest
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts._entry import ArtifactEntry
    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry
    from artifacts.store.records import ArtifactRecord, RunRecord, VersionRecord

SHORT = 12
"""Digits of a digest that people see."""


def version(record: VersionRecord) -> dict[str, Any]:
    """Return a version as JSON."""
    return {
        "ref": record.ref,
        "entity": record.entity,
        "project": record.project,
        "name": record.name,
        "version": record.version,
        "type": record.type,
        "digest": format_digest(record.digest),
        "size": record.size,
        "file_count": record.file_count,
        "aliases": list(record.aliases),
        "tags": list(record.tags),
        "description": record.description,
        "metadata": record.metadata,
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
        "created_by": record.created_by,
        "deleted_at": time(record.deleted_at),
    }


def artifact(record: ArtifactRecord) -> dict[str, Any]:
    """Return an artifact with its latest version as JSON."""
    return {
        "entity": record.entity,
        "project": record.project,
        "name": record.name,
        "type": record.type,
        "description": record.description,
        "versions": record.version_count,
        "latest": None if record.latest is None else version(record.latest),
        "created_at": time(record.created_at),
        "updated_at": time(record.updated_at),
    }


def run(record: RunRecord) -> dict[str, Any]:
    """Return a run as JSON."""
    return {
        "id": record.id,
        "entity": record.entity,
        "project": record.project,
        "name": record.name,
        "state": record.state,
        "group": record.group,
        "job_type": record.job_type,
        "notes": record.notes,
        "tags": list(record.tags),
        "config": record.config,
        "summary": record.summary,
        "created_at": time(record.created_at),
        "finished_at": time(record.finished_at),
        "exit_code": record.exit_code,
        "user": record.user,
        "host": record.host,
    }


def file(found: ArtifactEntry) -> dict[str, Any]:
    """Return a file of a version as JSON."""
    return {
        "path": found.path,
        "size": found.size,
        "digest": found.digest,
        "executable": found.executable,
        "reference": found.ref,
    }


def entry(found: Entry) -> dict[str, Any]:
    """Return an entry of a manifest as JSON, which looks the same."""
    return {
        "path": found.path,
        "size": found.size,
        "digest": format_digest(found.digest),
        "executable": found.executable,
        "reference": None if found.reference is None else found.reference.uri,
    }


def time(microseconds: int | None) -> str | None:
    """Return a time as in ``2025-11-22T03:12:45.123456Z``."""
    if microseconds is None:
        return None
    return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def short(digest: Digest | str) -> str:
    """Return the first digits of a digest; enough to name it by."""
    text = digest if isinstance(digest, str) else digest.hex()
    return text.removeprefix("blake3:")[:SHORT]


def amount(record: VersionRecord) -> str:
    """Return ``3 files, 1.2 MB``."""
    return f"{_text.count(record.file_count, 'file')}, {_text.size(record.size)}"


def run_title(record: RunRecord) -> str:
    """Return ``run 8kd9s2la brave-otter-1 (train)``."""
    job = f" ({record.job_type})" if record.job_type else ""
    return f"run {record.id} {record.name}{job}"


def mapping(values: Mapping[str, Any]) -> str:
    """Return metadata, or the settings or results of a run, one a line."""
    import json

    return "\n".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in values.items()
    )
