"""Records as JSON objects, and the words in which several commands say the same thing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from artifacts.cli import _text
from artifacts.store.digests import format_digest
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts._consumers import Consumer
    from artifacts._entry import ArtifactEntry
    from artifacts._lifetime import Retention
    from artifacts._recalls import Recall
    from artifacts.artifact import Artifact
    from artifacts.cli._output import Output
    from artifacts.store.digests import Digest
    from artifacts.store.manifest import Entry
    from artifacts.store.records import ArtifactRecord, LeaseRecord, RunRecord, VersionRecord

SHORT = 12
"""Digits of a digest that people see."""


def version(record: VersionRecord) -> dict[str, Any]:
    """Return a version as JSON."""
    fields = _fields(
        record,
        *("ref", "entity", "project", "name", "version", "type", "digest", "size", "file_count"),
        *("aliases", "protected", "tags", "description", "metadata"),
        *("created_at", "updated_at", "created_by", "deleted_at"),
    )
    return {**fields, "ttl": ttl(record), "broken": record.broken}


def artifact(record: ArtifactRecord) -> dict[str, Any]:
    """Return an artifact with its latest version as JSON."""
    return {
        **_fields(record, "entity", "project", "name", "type", "description"),
        "versions": record.version_count,
        "latest": None if record.latest is None else version(record.latest),
        **_fields(record, "created_at", "updated_at"),
    }


def run(record: RunRecord) -> dict[str, Any]:
    """Return a run as JSON."""
    return _fields(
        record,
        *("id", "entity", "project", "name", "state", "group", "job_type", "notes", "tags"),
        *("config", "summary", "created_at", "finished_at", "exit_code", "user", "host"),
        *("sweep_id", "metadata", "system_metrics", "deleted_at"),
    )


def _fields(record: ArtifactRecord | RunRecord | VersionRecord, *names: str) -> dict[str, Any]:
    """Return what a record says as JSON. The name of a time ends with ``_at``."""
    return {name: _plain(name, getattr(record, name)) for name in names}


def _plain(name: str, value: Any) -> Any:
    if name.endswith("_at"):
        return time(value)
    if name == "digest":
        return format_digest(value)
    return list(value) if isinstance(value, tuple) else value


def file(found: ArtifactEntry) -> dict[str, Any]:
    """Return a file of a version as JSON."""
    return entry(found._entry)


def entry(found: Entry) -> dict[str, Any]:
    """Return an entry of a manifest as JSON."""
    return {
        "path": found.path,
        "size": found.size,
        "digest": format_digest(found.digest),
        "executable": found.executable,
        "reference": None if found.reference is None else found.reference.uri,
    }


def lease(record: LeaseRecord) -> dict[str, Any]:
    """Return somebody at work as JSON."""
    return {
        "kind": record.kind.value,
        "holder": record.holder,
        "started_at": time(record.started_at),
        "renewed_at": time(record.renewed_at),
    }


def recall(found: Recall) -> dict[str, Any]:
    """Return a recall as JSON."""
    return _said(found, *("version", "reason", "at", "by", "undone_at", "undone_by"))


def consumer(found: Consumer) -> dict[str, Any]:
    """Return a consumer as JSON."""
    return _said(found, *("kind", "name", "version", "since", "by", "until", "ended_by"))


def _said(found: Recall | Consumer, *names: str) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in names}
    return {
        name: time(microseconds(value)) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def in_entity(version: str) -> str:
    """Return ``project/name:vN`` of a name that begins with the entity."""
    return version.partition("/")[2]


def recalled(found: Recall | None) -> str:
    """Return ``by anna@lab 3 h ago: labels are swapped``; nothing without a recall."""
    if found is None:
        return ""
    by = f"by {found.by} " if found.by else ""
    return f"{by}{_text.ago(microseconds(found.at))}: {found.reason}"


def warn_if_recalled(out: Output, artifact: Artifact) -> Recall | None:
    """Tell people that a version was recalled, and return the recall."""
    found = artifact.recalled
    if found is not None:
        out.note(f"warning: {artifact.record.ref} was recalled {recalled(found)}")
    return found


def ttl(record: VersionRecord) -> str | None:
    """Return how long a version is kept: ``30d``, ``forever``; None as its artifact says."""
    from artifacts.store.retention import format_duration

    if record.ttl is None:
        return None
    return format_duration(record.ttl) if record.ttl else "forever"


def kept(record: VersionRecord) -> str:
    """Return how long a version is kept; nothing if it does as its artifact says."""
    text = ttl(record)
    if text is None:
        return ""
    return "kept for ever" if text == "forever" else f"kept for {text}"


def aliases(record: VersionRecord) -> str:
    """Return ``latest, prod (protected)``."""
    return ", ".join(
        f"{alias} (protected)" if alias in record.protected else alias for alias in record.aliases
    )


def retention(rules: Retention | None) -> str:
    """Return ``keeps the last 5, what is younger than 30d, what has an alias``."""
    from artifacts.store.retention import format_duration

    if rules is None:
        return "keeps all versions"
    policy = rules._policy()
    parts = [f"the last {policy.keep_last}"] if policy.keep_last is not None else []
    if policy.ttl is not None:
        parts.append(f"what is younger than {format_duration(policy.ttl)}")
    parts += [
        f"the best {b.limit} by {b.key} ({'max' if b.largest else 'min'})" for b in policy.keep_best
    ]
    parts += ["what has an alias"] if policy.keep_aliased else []
    parts += ["what has a tag"] if policy.keep_tagged else []
    return f"keeps {', '.join(parts)}"


def time(microseconds: int | None) -> str | None:
    """Return a time as in ``2025-11-22T03:12:45.123456Z``."""
    if microseconds is None:
        return None
    return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def microseconds(when: datetime) -> int:
    """Return a time as the catalog has it."""
    return round(when.timestamp() * 1e6)


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
    return "\n".join(f"{key}: {plain(value)}" for key, value in values.items())


def plain(value: Any) -> str:
    """Return a value as text: text as it is, media in a few words, anything else as JSON."""
    import json

    if isinstance(value, str):
        return value
    return _text.described(value) or json.dumps(value, ensure_ascii=False)
