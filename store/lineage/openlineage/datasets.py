"""Versions as datasets with facets: those that everybody knows, and one of our own.

Our own has what makes a version of it again. The others say as much of it as they can to programs
that know nothing of artifacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.digests import format_digest
from artifacts.store.lineage.openlineage import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from artifacts.store.digests import Digest
    from artifacts.store.records import DerivationKind, RunRecord, VersionRecord

    Json = dict[str, Any]

VERSION_FACET = "artifacts_version"
DERIVATION_FACET = "artifacts_derivation"


class Origin(NamedTuple):
    """A version that another one is known to be made of.

    Attributes:
        run: In which that was done, if that is known.
    """

    version: VersionRecord
    kind: DerivationKind
    run: RunRecord | None
    at: int


class DatasetWriter:
    """Makes datasets of versions of one store.

    Args:
        store: UUID of the store.
        locations: Where manifests lie, as far as that is known.
        origins: What versions were made of, by their keys, as far as that was said.
    """

    def __init__(
        self,
        store: str,
        *,
        locations: Mapping[Digest, names.Location] | None = None,
        origins: Mapping[int, Sequence[Origin]] | None = None,
    ) -> None:
        self._store = store
        self._locations = locations or {}
        self._origins = origins or {}

    def dataset(self, version: VersionRecord) -> Json:
        """Return a version as a dataset."""
        facets = {
            "version": facet(
                names.facet_schema("1-0-1", "DatasetVersionDatasetFacet"),
                datasetVersion=names.dataset_version(version),
            ),
            "datasetType": facet(
                names.facet_schema("1-0-1", "DatasetTypeDatasetFacet"),
                datasetType="MODEL" if version.type == "model" else "FILE",
                subType=version.type,
            ),
            VERSION_FACET: facet(f"{names.OWN_SCHEMA}:version", **_described(version)),
        }
        if version.description:
            facets["documentation"] = facet(
                names.facet_schema("1-1-0", "DocumentationDatasetFacet"),
                description=version.description,
            )
        marks = [(name, "alias") for name in version.aliases]
        marks += [(name, "tag") for name in version.tags]
        if marks:
            facets["tags"] = facet(
                names.facet_schema("1-0-0", "TagsDatasetFacet"),
                tags=[{"key": key, "value": value, "source": "USER"} for key, value in marks],
            )
        location = self._locations.get(version.digest)
        if location is not None:
            facets["symlinks"] = facet(
                names.facet_schema("1-0-1", "SymlinksDatasetFacet"),
                identifiers=[{**location._asdict(), "type": "MANIFEST"}],
            )
        origins = self._origins.get(version.id)
        if origins:
            facets["lineage"] = facet(
                names.facet_schema("1-0-0", "LineageDatasetFacet", file="LineageFacet"),
                inputs=[
                    {**self._named(name), "type": "DATASET"}
                    for name in dict.fromkeys(names.dataset_name(each.version) for each in origins)
                ],
            )
            facets[DERIVATION_FACET] = facet(
                f"{names.OWN_SCHEMA}:derivation", inputs=[self._origin(each) for each in origins]
            )
        return {**self._named(names.dataset_name(version)), "facets": facets}

    def _named(self, name: str) -> Json:
        return {"namespace": names.namespace(self._store), "name": name}

    def _origin(self, origin: Origin) -> Json:
        version, run = origin.version, origin.run
        done_in = {} if run is None else {"runId": names.run_uuid(self._store, run)}
        return {
            "entity": version.entity,
            "project": version.project,
            "name": version.name,
            "number": version.number,
            "digest": format_digest(version.digest),
            "kind": origin.kind.value,
            "at": names.time(origin.at),
            **done_in,
        }


def facet(schema: str, **members: Any) -> Json:
    """Return a facet."""
    return {"_producer": names.PRODUCER, "_schemaURL": schema, **members}


def _described(version: VersionRecord) -> Json:
    """Return what makes a version of a dataset again; what is None is left out."""
    members = {
        "entity": version.entity,
        "project": version.project,
        "name": version.name,
        "number": version.number,
        "type": version.type,
        "digest": format_digest(version.digest),
        "size": version.size,
        "fileCount": version.file_count,
        "description": version.description,
        "aliases": list(version.aliases),
        "tags": list(version.tags),
        "createdAt": names.time(version.created_at),
        "loggedAt": names.time(version.logged_at),
        "createdBy": version.created_by,
        "deletedAt": None if version.deleted_at is None else names.time(version.deleted_at),
    }
    return {name: value for name, value in members.items() if value is not None}
