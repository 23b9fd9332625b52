"""`Api`: look at what a store holds, without a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artifacts import _session
from artifacts._api_facts import ApiFacts
from artifacts._api_lineage import ApiLineage
from artifacts._api_listings import ApiListings
from artifacts._api_runs import ApiRuns
from artifacts._find import find_version, find_version_at
from artifacts._logged import Named
from artifacts._parts import in_parts
from artifacts.artifact import Artifact
from artifacts.settings import user_name
from artifacts.store.errors import InvalidInputError, NotFoundError, RefNotFoundError
from artifacts.store.refs import LATEST, Ref, check_alias

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from datetime import date, datetime, timedelta

    from artifacts.store.store import Store


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks a store. Made by `Api.viewer`.

    Attributes:
        username: Of the operating system.
        entity: Owner of projects where a call names none.
    """

    username: str
    entity: str


@in_parts
class Api(ApiListings, ApiRuns, ApiLineage, ApiFacts):
    """Access to projects, artifacts, versions, runs and lineage.

    Args:
        overrides: ``entity`` and ``project`` as a dict, the way users of W&B give them; what else
            is in it is not looked at.
        timeout: Accepted for compatibility, without effect.
        api_key: Not looked at, and kept nowhere.
        store: Folder of the store; default from the settings. It must exist.
        entity: Default owner.
        project: Default project.

    Raises:
        StoreNotFoundError: There is no store.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        api_key: str | None = None,
        *,
        store: str | os.PathLike[str] | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        told = {} if overrides is None else overrides
        entity, project = entity or told.get("entity"), project or told.get("project")
        self._place = _session.place(store=store, entity=entity, project=project, create=False)

    @property
    def store(self) -> Store:
        """The store itself, for what this class does not offer."""
        return self._place.store

    @property
    def default_entity(self) -> str:
        """Owner of projects where a call names none."""
        return self._place.entity

    @property
    def viewer(self) -> Viewer:
        """Who is asking."""
        return Viewer(user_name().partition("@")[0], self._place.entity)

    def flush(self) -> None:
        """Do nothing: what was read before is not kept, so that there is nothing to forget."""

    def artifact(
        self,
        name: str,
        type: str | None = None,
        *,
        at: datetime | date | timedelta | str | None = None,
    ) -> Artifact:
        """Return one version.

        Args:
            name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]``, or a digest or its
                prefix; a bare name means ``:latest``.
            type: If given, the artifact must be of this type.
            at: Return what the name meant then: a time, in UTC unless it says otherwise; a day,
                which means its end; or how long ago. As text ``2026-01-05T14:30``,
                ``2026-01-05`` or ``7d``. The version may have been deleted since.

        Raises:
            ValueError: The name is malformed, nothing has it, or the type differs.
        """
        if at is not None:
            return Artifact._from_record(self._place, find_version_at(self._place, name, at, type))
        ref, record = find_version(self._place, name, type)
        return Artifact._from_record(self._place, record, Named.by(name, ref))

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether a version of that name exists.

        Args:
            name: As for `artifact`.
            type: If given, the artifact must be of this type.

        Raises:
            ValueError: The name is malformed.
        """
        try:
            _, record = find_version(self._place, name)
        except NotFoundError:
            return False
        return type is None or record.type == type

    def undelete(self, name: str) -> Artifact:
        """Bring back a version that was deleted, as long as its bytes were not collected.

        Args:
            name: ``[[entity/]project/]name:vN``. Aliases do not lead to deleted versions.

        Raises:
            ValueError: The name is malformed, or there never was such a version.
            StateError: It is not deleted, its content was logged again since, or its bytes were
                collected.
        """
        ref = Ref.parse(name)
        if ref.name is None or ref.number is None:
            raise InvalidInputError(
                f"{name!r} does not say which version is to come back",
                hint="name it by its number: corpus:v3",
                kind="bad_ref",
            )
        place = self._place.at(ref.entity, ref.project)
        for record in place.store.catalog.list_versions(
            place.entity, place.project, ref.name, deleted=True
        ):
            if record.number == ref.number:
                found = Artifact._from_record(self._place, record)
                found.restore()
                return found
        find_version(self._place, name)  # raises, with near matches as a hint
        raise RefNotFoundError(f"there never was a version {name}")

    def copy(self, name: str, target: str, *, to: Api | None = None) -> Artifact:
        """Make a version with the contents of another one, also in another project or store.

        It has the same digest, type, description, metadata and tags; ``copied_from`` in its
        metadata says where it came from. Within a store no byte is copied; between stores only
        what the other one does not have.

        Args:
            name: As for `artifact`.
            target: ``[[entity/]project/]name[:alias]`` of the copy. What it leaves out is taken
                from ``to``; the alias is set besides ``latest``.
            to: Access to the store of the copy; this one by default.

        Returns:
            The version in the target. If that has the content already, it is the version that is
            there, and ``is_new`` is False.

        Raises:
            ValueError: A name is malformed, nothing has it, or the target is an artifact of
                another type.
            IntegrityError: The version is broken or damaged.
        """
        from artifacts.store.transfer import Target, copy_version

        _, record = find_version(self._place, name)
        ref = Ref.parse_target(target)
        assert ref.name is not None  # parse_target refuses digests
        place = (self if to is None else to)._place
        called = Target(
            ref.entity or place.entity,
            ref.project or place.project,
            ref.name,
            () if ref.selector in {None, LATEST} else (check_alias(str(ref.selector)),),
            user_name(),
        )
        copied = copy_version(self._place.store, record, place.store, called)
        artifact = Artifact._from_record(place, copied.version)
        artifact._is_new, artifact._new_bytes = copied.created, copied.sent
        return artifact
