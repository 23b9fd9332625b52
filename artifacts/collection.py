"""`ArtifactCollection`: an artifact with all its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts import settings
from artifacts._lifetime import Retention
from artifacts._listing import list_versions
from artifacts._parts import in_parts
from artifacts._recorded import Recorded
from artifacts.artifact import Artifact
from artifacts.store.errors import InvalidTypeError
from artifacts.store.records import to_datetime
from artifacts.store.refs import check_name, check_project
from artifacts.store.retention import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from artifacts._paging import Results
    from artifacts._session import Place
    from artifacts.store.records import ArtifactRecord


@in_parts
class ArtifactCollection(Recorded):
    """A named series of versions of one type, as it was when it was looked up."""

    _record: ArtifactRecord

    def __init__(self, place: Place, record: ArtifactRecord) -> None:
        self._place = place
        self._record = record
        self._name = record.name
        self._description = record.description
        self._retention = record.retention

    @property
    def id(self) -> str:
        """Key of the artifact within its store."""
        return str(self._record.id)

    @property
    def name(self) -> str:
        """Name, without a version. After a change call `save`; references use the new name."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = check_name(value)

    @property
    def type(self) -> str:
        """What kind of thing all its versions are."""
        return self._record.type

    @property
    def qualified_name(self) -> str:
        """``entity/project/name``."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def description(self) -> str | None:
        """Free text about all versions. After a change call `save`."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value

    @property
    def retention(self) -> Retention | None:
        """Which versions are kept when garbage is collected; None for all of them.

        After a change call `save`. Versions with a `Artifact.ttl` of their own do not follow it.
        """
        if self._retention is None:
            return None
        return Retention._from_policy(Policy.from_json(self._retention))

    @retention.setter
    def retention(self, value: Retention | None) -> None:
        if value is not None and not isinstance(value, Retention):
            raise InvalidTypeError(
                f"retention must be a Retention or None, not {value.__class__.__name__}"
            )
        self._retention = None if value is None else value._policy().to_json()

    @property
    def version_count(self) -> int:
        """Number of versions that are not deleted."""
        return self._record.version_count

    @property
    def latest(self) -> Artifact | None:
        """The version that a bare name means."""
        record = self._record.latest
        return None if record is None else Artifact._from_record(self._place, record)

    @property
    def created_at(self) -> datetime:
        """When the first version was logged, in UTC."""
        return to_datetime(self._record.created_at)

    @property
    def updated_at(self) -> datetime:
        """When a version was last logged, or an alias last moved, in UTC."""
        return to_datetime(self._record.updated_at)

    @property
    def aliases(self) -> list[str]:
        """All aliases of all versions, sorted; read from the store."""
        return sorted(alias for version in self.versions() for alias in version.aliases)

    def versions(
        self,
        *,
        tags: Iterable[str] | str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
    ) -> Results[Artifact]:
        """Return the versions, newest first, read as they are needed.

        Args:
            tags: Only versions that have all of these.
            filters: Only versions that pass; see `Api.artifacts`.
            order: A field to sort by, after ``-`` the highest first.
            per_page: How many to read at a time.

        Raises:
            InvalidInputError: A filter or the order is malformed; the message says where.
        """
        return list_versions(
            self._place,
            self.entity,
            self.project,
            artifact=self._record.name,
            tags=tags,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def save(self) -> None:
        """Store a changed name, description or retention.

        Raises:
            AlreadyExistsError: Another artifact of the project has the name.
        """
        self._edit(self.type)

    def change_type(self, new_type: str) -> None:
        """Make all versions be of another type; what else was changed is stored too."""
        self._edit(check_project(new_type, what="type"))

    def delete(self, delete_aliases: bool = False, *, force: bool = False) -> None:
        """Delete all versions, or none; see `Artifact.delete`.

        Args:
            delete_aliases: Also versions with aliases other than ``latest``.
            force: Also versions that a running run uses, or that have a protected alias.

        Raises:
            StateError: A version has such aliases, or a run uses it; nothing was deleted.
        """
        # Oldest first, so that `latest` moves only at the end.
        self._place.store.catalog.delete_versions(
            [int(version.id) for version in reversed(self.versions())],
            delete_aliases=delete_aliases,
            force=force,
            by=settings.user_name(),
        )

    def _edit(self, type_: str) -> None:
        catalog = self._place.store.catalog
        catalog.edit_artifact(
            self._record.id, name=self._name, type_=type_, description=self._description
        )
        if self._retention != self._record.retention:
            catalog.set_retention(self._record.id, self._retention)
        [record] = catalog.list_artifacts(entity=self.entity, project=self.project, name=self._name)
        self._record, self._retention = record, record.retention

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.qualified_name} ({self.version_count} versions)>"
