"""What versions and runs are called in events, which never changes once it was written."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.digests import format_digest
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from artifacts.store.records import RunRecord, VersionRecord

PRODUCER = "urn:artifacts:producer"

OWN_SCHEMA = "urn:artifacts:openlineage:1"
"""What the schemas of our own facets begin with."""

_SPEC = "https://openlineage.io/spec"

DEFAULT_OWNER = "local"
"""Owner of projects that no name mentions."""


class Location(NamedTuple):
    """Where the manifest of a version lies, by OpenLineage's rules for naming datasets."""

    namespace: str
    name: str


def event_schema(kind: str) -> str:
    """Return the address of the schema of ``RunEvent`` or ``DatasetEvent``."""
    return f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/{kind}"


def facet_schema(version: str, facet: str, *, file: str | None = None) -> str:
    """Return the address of the schema of a facet of the specification.

    Args:
        version: Of the facet, such as ``1-0-1``.
        facet: Its name in the schema.
        file: Name of the file, if that is another one.
    """
    return f"{_SPEC}/facets/{version}/{file or facet}.json#/$defs/{facet}"


def namespace(store: str) -> str:
    """Return the namespace of everything in a store.

    Args:
        store: UUID of the store.
    """
    return f"art://{store}"


def dataset_name(version: VersionRecord) -> str:
    """Return the name of the dataset that a version is a version of."""
    return f"{_project(version.entity, version.project)}/{version.name}"


def dataset_version(version: VersionRecord) -> str:
    """Return ``vN@<digest>``."""
    return f"{version.version}@{format_digest(version.digest)}"


def job_name(run: RunRecord) -> str:
    """Return the name of what a run is one execution of."""
    return f"{_project(run.entity, run.project)}/{run.job_type or 'run'}"


def run_uuid(store: str, run: RunRecord) -> str:
    """Return the id of a run, the same one in every event."""
    return str(uuid.uuid5(uuid.UUID(store), f"{run.entity}/{run.project}/{run.id}"))


def time(microseconds: int) -> str:
    """Return a time of the catalog as RFC 3339 has it, exactly."""
    return f"{to_datetime(microseconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def _project(entity: str, project: str) -> str:
    return project if entity == DEFAULT_OWNER else f"{entity}/{project}"
