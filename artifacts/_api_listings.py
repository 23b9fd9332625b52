"""The part of `Api` that lists projects, types, artifacts and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts._api_place import ApiPlace
from artifacts._find import check_type, find_version
from artifacts._listing import list_versions
from artifacts.collection import ArtifactCollection
from artifacts.project import ArtifactType, Project, find_project, types_of
from artifacts.store.errors import InvalidInputError, NotFoundError, RefNotFoundError
from artifacts.store.records import INTERNAL_TYPES
from artifacts.store.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from artifacts._paging import Results
    from artifacts.artifact import Artifact


class ApiListings(ApiPlace):
    """Projects, types, artifacts and versions."""

    def artifacts(
        self,
        type_name: str | None = None,
        name: str | None = None,
        per_page: int = 50,
        tags: Iterable[str] | str | None = None,
        order: str = "-created_at",
        *,
        filters: Mapping[str, Any] | None = None,
        project: str | None = None,
        all_projects: bool = False,
        internal: bool = False,
    ) -> Results[Artifact]:
        """Return versions, newest first, read as they are needed.

        Args:
            type_name: If given, only of this type.
            name: ``[[entity/]project/]name`` of an artifact; by default the versions of all
                artifacts of the project.
            per_page: How many to read at a time.
            tags: Only versions that have all of these.
            order: A field to sort by, after ``-`` the highest first, such as ``-metadata.acc``.
                Versions without it come last.
            filters: Only versions that pass, such as ``{"metadata.acc": {"$gt": 0.9}}``. Fields are
                ``metadata.KEY``, ``name`` (of the artifact), ``type``, ``version``, ``aliases``,
                ``tags``, ``description``, ``size`` in bytes, ``file_count``, ``digest`` (or its
                first digits), ``created_at``, ``updated_at``, ``created_by``, ``project``, and
                ``state``, ``COMMITTED`` unless it is asked for; operators as for `runs`.
            project: ``[entity/]project`` if no name is given; default project if None.
            all_projects: Of all projects of the entity.
            internal: Also of the artifacts in which runs are recorded.

        Raises:
            ValueError: The name, the order or a filter is malformed, there is no such artifact,
                or the type differs.
        """
        if name is not None:
            if project is not None or all_projects:
                raise InvalidInputError("give either a name, or a project, not both")
            found = self.collection(name, type_name)
            return found.versions(tags=tags, filters=filters, order=order, per_page=per_page)
        entity, where = self._project(project)
        return list_versions(
            self._place,
            entity,
            None if all_projects else where,
            types=None if type_name is None else frozenset({type_name}),
            other_types=frozenset() if internal or type_name is not None else INTERNAL_TYPES,
            tags=tags,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def artifact_versions(
        self, type_name: str | None, name: str, per_page: int = 50
    ) -> Results[Artifact]:
        """Return the versions of an artifact, newest first.

        Args:
            type_name: If given, the artifact must be of this type.
            name: ``[[entity/]project/]name``.
            per_page: How many to read at a time.

        Raises:
            ValueError: The name is malformed, there is no such artifact, or the type differs.
        """
        return self.artifacts(type_name, name, per_page)

    def projects(self, entity: str | None = None) -> list[Project]:
        """Return the projects of an owner, by name.

        Args:
            entity: Default owner if None.
        """
        owner = entity or self._place.entity
        found = self._place.store.catalog.list_projects()
        return [Project(self._place, owner, name) for each, name in found if each == owner]

    def project(self, name: str | None = None, entity: str | None = None) -> Project:
        """Return a project.

        Args:
            name: ``[entity/]project``; default project if None.
            entity: Its owner, if the name does not say it.

        Raises:
            NotFoundError: There is no such project; near matches are in the hint.
        """
        owner, called = self._project(name)
        return find_project(self._place, entity or owner, called)

    def artifact_types(
        self, project: str | None = None, *, internal: bool = False
    ) -> list[ArtifactType]:
        """Return the types of the artifacts of a project, by name.

        Args:
            project: ``[entity/]project``; default project if None.
            internal: Also those of the artifacts in which runs are recorded.
        """
        return types_of(self._place, *self._project(project), internal=internal)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Return a type of artifacts.

        Args:
            type_name: Its name.
            project: ``[entity/]project``; default project if None.

        Raises:
            NotFoundError: The project has no artifact of this type.
        """
        where = self._project(project)
        for found in types_of(self._place, *where, internal=True):
            if found.name == type_name:
                return found
        raise NotFoundError(
            f"project {where[1]!r} has no artifact of type {type_name!r}",
            hint="see what there is with api.artifact_types()",
            kind="type_not_found",
        )

    def collection(self, name: str, type: str | None = None) -> ArtifactCollection:
        """Return an artifact with all its versions.

        Args:
            name: ``[[entity/]project/]name``.
            type: If given, it must be of this type.

        Raises:
            ValueError: The name is malformed, there is no such artifact, or the type differs.
        """
        ref = Ref.parse(name)
        if ref.name is None or ref.selector is not None or ref.digest is not None:
            raise InvalidInputError(
                f"{name!r} names a version; the name of an artifact is wanted",
                hint="leave out what follows the name, or use artifact()",
                kind="bad_ref",
            )
        place = self._place.at(ref.entity, ref.project)
        for record in place.store.catalog.list_artifacts(
            entity=place.entity, project=place.project, name=ref.name
        ):
            check_type(record.type, name, type)
            return ArtifactCollection(self._place, record)
        find_version(self._place, name)  # raises, with near matches as a hint
        raise RefNotFoundError(f"{name} has no versions")

    def artifact_collection_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is an artifact of that name.

        Args:
            name: ``[[entity/]project/]name``.
            type: If given, it must be of this type.

        Raises:
            ValueError: The name is malformed.
        """
        try:
            found = self.collection(name)
        except NotFoundError:
            return False
        return type is None or found.type == type

    def collections(
        self,
        project: str | None = None,
        type: str | None = None,
        *,
        all_projects: bool = False,
        internal: bool = False,
    ) -> list[ArtifactCollection]:
        """Return the artifacts of a project, by name.

        Args:
            project: ``[entity/]project``; default project if None.
            type: Only of this type.
            all_projects: Of all projects of the entity.
            internal: Also those in which runs are recorded: their histories and summaries. They
                are there, too, if ``type`` is one of theirs.
        """
        entity, name = self._project(project)
        records = self._place.store.catalog.list_artifacts(
            entity=entity,
            project=None if all_projects else name,
            type_=type,
            internal=internal or type is not None,
        )
        return [ArtifactCollection(self._place, record) for record in records]

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Return an artifact with all its versions, as `collection` does.

        Args:
            type_name: It must be of this type.
            name: ``[[entity/]project/]name``.

        Raises:
            ValueError: The name is malformed, there is no such artifact, or the type differs.
        """
        return self.collection(name, type_name)

    def artifact_collections(
        self, project_name: str | None, type_name: str
    ) -> list[ArtifactCollection]:
        """Return the artifacts of a type in a project, by name.

        Args:
            project_name: ``[entity/]project``; default project if None.
            type_name: Only of this type.
        """
        return self.collections(project_name, type_name)
