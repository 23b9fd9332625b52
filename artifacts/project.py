"""`Project` and `ArtifactType`: what a store holds, from the top."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from artifacts._listing import list_runs, list_versions
from artifacts.collection import ArtifactCollection
from artifacts.store.errors import NotFoundError
from artifacts.store.records import INTERNAL_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts._paging import Results
    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.stored_run import StoredRun
    from artifacts.stored_sweep import Sweep


class Project:
    """A namespace of artifacts and runs. Two are equal if they are the same one."""

    def __init__(self, place: Place, entity: str, name: str) -> None:
        self._place = place
        self._entity = entity
        self._name = name

    @property
    def name(self) -> str:
        """Name, unique for its owner."""
        return self._name

    @property
    def entity(self) -> str:
        """Owner."""
        return self._entity

    @property
    def path(self) -> list[str]:
        """Owner and name."""
        return [self._entity, self._name]

    def runs(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
    ) -> Results[StoredRun]:
        """Return its runs, newest first, read as they are needed.

        Args:
            filters: Only runs that pass; see `Api.runs`.
            order: A field to sort by, after ``-`` the highest first.
            per_page: How many to read at a time.

        Raises:
            InvalidInputError: A filter or the order is malformed; the message says where.
        """
        return list_runs(
            self._place,
            self._entity,
            self._name,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def artifacts(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
    ) -> Results[Artifact]:
        """Return the versions of its artifacts, newest first, read as they are needed.

        Args:
            filters: Only versions that pass; see `Api.artifacts`.
            order: A field to sort by, after ``-`` the highest first.
            per_page: How many to read at a time.

        Raises:
            InvalidInputError: A filter or the order is malformed; the message says where.
        """
        return list_versions(
            self._place,
            self._entity,
            self._name,
            other_types=INTERNAL_TYPES,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def sweeps(self) -> list[Sweep]:
        """Return its searches over settings, newest first."""
        from artifacts.stored_sweep import list_sweeps

        return list_sweeps(self._place, self._entity, self._name)

    def artifact_types(self) -> list[ArtifactType]:
        """Return the types of its artifacts, by name."""
        return types_of(self._place, self._entity, self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Project) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[str, str, str]:
        return self._place.store.uuid, self._entity, self._name

    def __repr__(self) -> str:
        return f"<Project {self._entity}/{self._name}>"


class ArtifactType:
    """A kind of artifacts, such as ``model``, in one project."""

    def __init__(self, place: Place, entity: str, project: str, name: str) -> None:
        self._place = place
        self._entity = entity
        self._project = project
        self._name = name

    @property
    def name(self) -> str:
        """Name."""
        return self._name

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._entity

    @property
    def project(self) -> str:
        """Project in which it was looked up."""
        return self._project

    def collections(self) -> list[ArtifactCollection]:
        """Return the project's artifacts of this type, by name."""
        records = self._place.store.catalog.list_artifacts(
            entity=self._entity, project=self._project, type_=self._name
        )
        return [ArtifactCollection(self._place, record) for record in records]

    def collection(self, name: str) -> ArtifactCollection:
        """Return one of the artifacts.

        Args:
            name: Its name.

        Raises:
            NotFoundError: There is none of this type and name; near matches are in the hint.
        """
        found = {each.name: each for each in self.collections()}
        if name not in found:
            near = difflib.get_close_matches(name, found)
            raise NotFoundError(
                f"project {self._project!r} has no artifact {name!r} of type {self._name!r}",
                hint=f"did you mean {' or '.join(near)}?" if near else None,
                kind="ref_not_found",
            )
        return found[name]

    def __repr__(self) -> str:
        return f"<ArtifactType {self._name} of {self._entity}/{self._project}>"


def find_project(place: Place, entity: str, name: str) -> Project:
    """Return a project.

    Raises:
        NotFoundError: There is none of that name; near matches are in the hint.
    """
    known = [project for owner, project in place.store.catalog.list_projects() if owner == entity]
    if name not in known:
        near = difflib.get_close_matches(name, known)
        raise NotFoundError(
            f"there is no project {name!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else None,
            kind="project_not_found",
        )
    return Project(place, entity, name)


def types_of(
    place: Place, entity: str, project: str, *, internal: bool = False
) -> list[ArtifactType]:
    """Return the types of the artifacts of a project, by name."""
    records = place.store.catalog.list_artifacts(entity=entity, project=project, internal=internal)
    names = sorted({record.type for record in records})
    return [ArtifactType(place, entity, project, name) for name in names]
