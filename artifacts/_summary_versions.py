"""Versions of ``run-<id>-summary``: the summary and the configuration of a run, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from artifacts._recorded import record_draft, record_name
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ConflictError
from artifacts.store.manifest import Entry, Manifest
from artifacts.store.records import RUN_SUMMARY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts._session import Place
    from artifacts.store.records import RunRecord, VersionRecord

SUMMARY_FILE = "summary.json"

_ATTEMPTS = 20


def summary_content(config: Mapping[str, Any], summary: Mapping[str, Any]) -> bytes:
    """Return what stands in the file of a version."""
    content = {"config": config, "summary": summary}
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def commit_summary(
    place: Place, run: RunRecord, summary: dict[str, Any], *, expected_latest: int | None = None
) -> VersionRecord:
    """Make a version of a run's configuration and of a summary, with the media that it names.

    Args:
        summary: As the catalog can hold it.
        expected_latest: The version that must be the latest one until then; 0 for none, None for
            any.

    Raises:
        ConflictError: Another version is the latest one.
    """
    from artifacts._run_media import RunMedia, add_media, media_files

    data = summary_content(run.config, summary)
    digest = hash_bytes(data)
    named = dict(media_files(summary))
    store = place.store
    upload = store.upload()
    try:
        upload.claim([digest])
        upload.add(data, digest)
        media = add_media(RunMedia(place, run), upload, named) if named else []
        manifest = Manifest([Entry(SUMMARY_FILE, digest, len(data)), *media])
        draft = record_draft(run, "summary", RUN_SUMMARY, manifest, expected_latest=expected_latest)
        return store.commit(draft, upload, manifest)[0]
    except BaseException:
        upload.abandon()
        raise


def commit_current_summary(place: Place, run: RunRecord) -> VersionRecord:
    """Make a version of a run's configuration and summary as they are in the catalog now.

    Whoever edits them last makes the last version, however many edit at the same time.

    Raises:
        ConflictError: Others kept making versions.
    """
    store = place.store
    name = record_name(run.id, "summary")
    for _ in range(_ATTEMPTS):
        # In this order: whoever changes the run after it was read makes a later version.
        latest = store.latest(run.entity, run.project, name)
        current = store.catalog.run(run.entity, run.project, run.id)
        try:
            return commit_summary(
                place,
                current,
                current.summary,
                expected_latest=0 if latest is None else latest.id,
            )
        except ConflictError:
            continue
    raise ConflictError(
        f"other processes kept changing the summary of run {run.id}",
        hint="the change is stored; a version of it is made by the next one",
    )
