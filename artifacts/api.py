"""`Api`: look at what a store holds, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from artifacts import _session
from artifacts._find import check_type, find_version
from artifacts._history import table_of_runs, to_pandas, to_polars
from artifacts.artifact import Artifact
from artifacts.collection import ArtifactCollection
from artifacts.store.errors import InvalidInputError, NotFoundError, RefNotFoundError
from artifacts.store.refs import LATEST, Ref, check_alias, check_project
from artifacts.stored_run import StoredRun

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from artifacts.store.lineage import LineageGraph
    from artifacts.store.records import LinkRecord, RunRecord
    from artifacts.store.store import Store

_RUN_PARTS = 3


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
            name: ``[[entity/]project/]name[:alias|:vN|:digest|@digest]``, or a digest or its
                prefix; a bare name means ``:latest``.
            type: If given, the artifact must be of this type.

        Raises:
            ValueError: The name is malformed, nothing has it, or the type differs.
        """
        _, record = find_version(self._place, name, type)
        return Artifact._from_record(self._place, record)

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

    def artifacts(
        self,
        type_name: str | None,
        name: str,
        per_page: int = 50,
        tags: Iterable[str] | str | None = None,
        order: str = "-created_at",
    ) -> list[Artifact]:
        """Return all versions of an artifact.

        Args:
            type_name: If given, the artifact must be of this type.
            name: ``[[entity/]project/]name``.
            per_page: Accepted for compatibility; the list is complete.
            tags: Only versions that have all of these.
            order: ``-created_at``, newest first, or ``+created_at``, oldest first.

        Raises:
            ValueError: The name or the order is malformed, there is no such artifact, or the
                type differs.
        """
        if order.removeprefix("-").removeprefix("+") not in {"created_at", "createdAt"}:
            raise InvalidInputError(f"order must be '-created_at' or '+created_at', not {order!r}")
        found = self.collection(name, type_name).versions(tags=tags)
        return found if order.startswith("-") else found[::-1]

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
        from artifacts.settings import user_name
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

    def projects(self) -> list[str]:
        """Return the names of the entity's projects."""
        found = self._place.store.catalog.list_projects()
        return [name for entity, name in found if entity == self._place.entity]

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

    def run(self, path: str | Sequence[str]) -> StoredRun:
        """Return a run.

        Args:
            path: ``[[entity/]project/]id``, or these parts.

        Raises:
            InvalidInputError: It has too many parts.
            RunNotFoundError: There is no such run.
        """
        parts = path.split("/") if isinstance(path, str) else list(path)
        if not parts or len(parts) > _RUN_PARTS or not all(parts):
            raise InvalidInputError(
                f"invalid path of a run: {path!r}",
                hint="expected [[entity/]project/]id",
                kind="bad_run_path",
            )
        *owner, run_id = parts
        entity, project = self._project("/".join(owner) or None)
        record = self._place.store.catalog.run(entity, project, run_id)
        return StoredRun(self._place, record)

    def runs(self, path: str | None = None, *, all_projects: bool = False) -> list[StoredRun]:
        """Return the runs of a project, newest first.

        Args:
            path: ``[entity/]project``; default project if None.
            all_projects: Of all projects of the entity.
        """
        entity, name = self._project(path)
        records = self._place.store.catalog.list_runs(
            entity=entity, project=None if all_projects else name
        )
        return [StoredRun(self._place, record) for record in records]

    def history(
        self,
        runs: Iterable[StoredRun | str] | str | None = None,
        keys: Sequence[str] | None = None,
        *,
        format: Literal["arrow", "pandas", "polars"] = "arrow",
    ) -> Any:
        """Return the rows of many runs as one table; only the columns that are wanted are read.

        Args:
            runs: Runs or their paths, or one project as ``[entity/]project/``; default all runs
                of the default project.
            keys: Only rows that have all of these, and only these columns besides ``run``, the id
                of the run, and ``_step``; nested ones as ``a.b``. Default: everything.
            format: ``arrow`` for a pyarrow table, ``pandas`` or ``polars`` for a DataFrame.

        Raises:
            InvalidInputError: There is no such format, or a path is malformed.
            RunNotFoundError: There is no such run.
            ConfigError: pandas or polars is asked for and not installed.
        """
        if format not in {"arrow", "pandas", "polars"}:
            raise InvalidInputError(f"format must be 'arrow', 'pandas' or 'polars', not {format!r}")
        table = table_of_runs(self._place.store, self._runs(runs), keys)
        if format == "arrow":
            return table
        return to_pandas(table) if format == "pandas" else to_polars(table)

    def _runs(self, wanted: Iterable[StoredRun | str] | str | None) -> list[RunRecord]:
        if wanted is None or (isinstance(wanted, str) and wanted.endswith("/")):
            path = None if wanted is None else wanted.rstrip("/")
            return [run._record for run in self.runs(path)[::-1]]
        named = [wanted] if isinstance(wanted, str) else wanted
        found = [self.run(each) if isinstance(each, str) else each for each in named]
        return [run._record for run in found]

    def run_links(self, run: StoredRun | RunRecord) -> list[LinkRecord]:
        """Return the inputs, then the outputs of a run, with how and when they were named."""
        from artifacts.store.records import LinkKind

        catalog = self._place.store.catalog
        inputs = catalog.links_of_runs([run.key], LinkKind.INPUT)
        return [*inputs, *catalog.links_of_runs([run.key], LinkKind.OUTPUT)]

    def _project(self, text: str | None) -> tuple[str, str]:
        """Return (entity, project) of ``[entity/]project``."""
        place = self._place
        if text is None:
            return place.entity, place.project
        entity, slash, project = text.rpartition("/")
        check_project(project)
        return check_project(entity, what="entity") if slash else place.entity, project

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
            direction: ``up`` or ``down``.
            depth: How many runs away to go; None means all the way.
            limit: Stop after so many versions; the answer says so.

        Raises:
            ValueError: The name is malformed, or nothing has it.
        """
        from artifacts.store.lineage import DEFAULT_LIMIT, lineage

        _, record = find_version(self._place, name)
        return lineage(
            self._place.store,
            record,
            direction=direction,
            depth=depth,
            limit=DEFAULT_LIMIT if limit is None else limit,
        )
