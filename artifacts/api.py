"""`Api`: look at what a store holds, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from artifacts import _session
from artifacts.artifact import Artifact
from artifacts.store.errors import InvalidInputError, NotFoundError, RefNotFoundError
from artifacts.store.refs import Ref

if TYPE_CHECKING:
    import os

    from artifacts.store.lineage import LineageGraph
    from artifacts.store.records import ArtifactRecord, LinkRecord, RunRecord
    from artifacts.store.store import Store


class Api:
    """Read access to projects, artifacts, versions, runs and lineage.

    Args:
        store: Folder of the store; default from the settings. It must exist.
        entity: Default owner.
        project: Default project.

    Raises:
        StoreNotFoundError: There is no store.
    """

    def __init__(
        self,
        *,
        store: str | os.PathLike[str] | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        self._place = _session.place(store=store, entity=entity, project=project, create=False)

    @property
    def store(self) -> Store:
        """The store itself, for what this class does not offer."""
        return self._place.store

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """Return one version.

        Args:
            name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]`` or a digest; a bare
                name means ``:latest``.
            type: If given, the artifact must be of this type.

        Raises:
            ValueError: The name is malformed, nothing has it, or the type differs.
        """
        place = self._place
        record = place.store.catalog.resolve(
            Ref.parse(name), entity=place.entity, project=place.project
        )
        if type is not None and record.type != type:
            raise InvalidInputError(
                f"Supplied type {type} does not match type {record.type} of artifact {name}",
                kind="type_mismatch",
            )
        return Artifact._from_record(place, record)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether a version of that name exists."""
        try:
            self.artifact(name, type)
        except NotFoundError:
            return False
        return True

    def artifacts(self, type_name: str | None, name: str) -> list[Artifact]:
        """Return all versions of an artifact, newest first.

        Args:
            type_name: If given, the artifact must be of this type.
            name: ``[[entity/]project/]name``.

        Raises:
            RefNotFoundError: There is no such artifact.
        """
        ref = Ref.parse(name)
        place = self._place
        records = place.store.catalog.list_versions(
            ref.entity or place.entity, ref.project or place.project, ref.name or ""
        )
        if not records or (type_name is not None and records[0].type != type_name):
            self.artifact(name, type_name)  # raises with hints
        return [Artifact._from_record(place, record) for record in records]

    def projects(self) -> list[str]:
        """Return the names of the entity's projects."""
        found = self._place.store.catalog.list_projects()
        return [name for entity, name in found if entity == self._place.entity]

    def collections(
        self, project: str | None = None, type: str | None = None, *, all_projects: bool = False
    ) -> list[ArtifactRecord]:
        """Return the artifacts of a project, each with its latest version.

        Args:
            project: Default project if None.
            type: Only of this type.
            all_projects: Of all projects.
        """
        place = self._place
        return place.store.catalog.list_artifacts(
            entity=place.entity,
            project=None if all_projects else project or place.project,
            type_=type,
        )

    def run(self, path: str) -> RunRecord:
        """Return a run.

        Args:
            path: ``[[entity/]project/]id``.

        Raises:
            RunNotFoundError: There is none.
        """
        *owner, run_id = path.split("/")
        project = owner[-1] if owner else self._place.project
        entity = owner[-2] if len(owner) > 1 else self._place.entity
        return self._place.store.catalog.run(entity, project, run_id)

    def runs(self, project: str | None = None, *, all_projects: bool = False) -> list[RunRecord]:
        """Return the runs of a project, newest first."""
        place = self._place
        return place.store.catalog.list_runs(
            entity=place.entity, project=None if all_projects else project or place.project
        )

    def run_links(self, run: RunRecord) -> list[LinkRecord]:
        """Return the inputs, then the outputs of a run."""
        from artifacts.store.records import LinkKind

        catalog = self._place.store.catalog
        inputs = catalog.links_of_runs([run.key], LinkKind.INPUT)
        return [*inputs, *catalog.links_of_runs([run.key], LinkKind.OUTPUT)]

    def lineage(
        self,
        name: str,
        *,
        direction: Literal["up", "down"] = "up",
        depth: int | None = None,
        limit: int | None = None,
    ) -> LineageGraph:
        """Return what a version was made of (``up``), or what was made of it (``down``).

        Args:
            name: As for `artifact`.
            depth: How many runs away to go; None means all the way.
            limit: Stop after so many versions; the answer says so.
        """
        from artifacts.store.lineage import DEFAULT_LIMIT, lineage

        return lineage(
            self._place.store,
            self.artifact(name)._version().record,
            direction=direction,
            depth=depth,
            limit=DEFAULT_LIMIT if limit is None else limit,
        )


__all__ = ["Api", "RefNotFoundError"]
