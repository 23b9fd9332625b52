"""The part of `Api` that answers where data came from, and what it has reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from artifacts._api_place import ApiPlace
from artifacts._find import find_version
from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from artifacts.store.lineage import Direction, LineageGraph
    from artifacts.store.lineage.impact import Impact
    from artifacts.store.lineage.openlineage.importing import ImportedEvents
    from artifacts.store.lineage.overlap import Overlap
    from artifacts.store.lineage.paths import LineagePaths
    from artifacts.store.lineage.provenance import Blame, FileHits
    from artifacts.store.lineage.stale import Staleness


class ApiLineage(ApiPlace):
    """Questions about lineage; deleted versions are in every answer."""

    def lineage(
        self,
        name: str,
        *,
        direction: Direction = "up",
        depth: int | None = None,
        type: Iterable[str] | str | None = None,
        project: Iterable[str] | str | None = None,
        exact: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> LineageGraph:
        """Return what a version was made of (``up``), or what was made of it (``down``).

        Every input of a run counts as a source of every output of it, unless ``exact`` is given.

        Args:
            name: As for `artifact`.
            direction: ``up`` or ``down``.
            depth: How many runs away to go; None means all the way.
            type: Only versions of this type, or of one of these, and what leads to them.
            project: Only versions in this ``[entity/]project``, or in one of these, and what
                leads to them.
            exact: Connect versions that say of what they were made to nothing else.
            limit: At most so many versions in one answer (10,000), which says if there are more.
            cursor: From such an answer: go on there.

        Raises:
            ValueError: The name is malformed, nothing has it, or an argument cannot be used.
        """
        from artifacts._lineage import lineage_of

        _, record = find_version(self._place, name)
        return lineage_of(
            self._place,
            record,
            direction=direction,
            depth=depth,
            type=type,
            project=project,
            exact=exact,
            limit=limit,
            cursor=cursor,
        )

    def export_lineage(self, path: str | os.PathLike[str], name: str | None = None) -> int:
        """Write lineage as events of OpenLineage, one a line; data are not written.

        Args:
            path: A file, which is replaced.
            name: As for `artifact`: only what this version is connected with, in both directions.
                None for everything in the store.

        Returns:
            How many events there are.

        Raises:
            ValueError: The name is malformed, or nothing has it.
            StorageError: The file cannot be written.
        """
        from artifacts._lineage_events import export_to

        record = None if name is None else find_version(self._place, name)[1]
        return export_to(self._place, Path(path), record)

    def import_lineage(self, path: str | os.PathLike[str]) -> ImportedEvents:
        """Bring the versions, runs and edges of events of OpenLineage into the store, without data.

        What is there already is not brought again. Events of other programs than artifacts go to
        the default project, as versions of artifacts that are named after their datasets.

        Args:
            path: A file of events, one a line.

        Raises:
            NotFoundError: There is no such file.
            FormatError: A line is no event; nothing was imported.
            ValueError: An artifact exists with another type.
        """
        from artifacts._lineage_events import import_from

        return import_from(self._place, Path(path))

    def why(
        self, name: str, other: str, *, exact: bool = False, limit: int | None = None
    ) -> LineagePaths:
        """Return the shortest ways on which data flowed between two versions.

        Args:
            name: One of them, as for `artifact`.
            other: The other one. It does not matter which was made of which.
            exact: As for `lineage`.
            limit: At most so many ways of the same length (10).

        Raises:
            ValueError: A name is malformed, or nothing has it.
        """
        from artifacts.store.lineage.paths import DEFAULT_LIMIT, why

        _, record = find_version(self._place, name)
        _, second = find_version(self._place, other)
        return why(
            self._place.store,
            record,
            second,
            limit=DEFAULT_LIMIT if limit is None else limit,
            exact=exact,
        )

    def impact(self, name: str, *, exact: bool = False, limit: int | None = None) -> Impact:
        """Return what is affected if a version turns out to be wrong.

        Args:
            name: As for `artifact`.
            exact: As for `lineage`.
            limit: At most so many versions in each list (1,000); the counts are complete.

        Raises:
            ValueError: The name is malformed, or nothing has it.
        """
        from artifacts.store.lineage.impact import DEFAULT_LIMIT, impact

        _, record = find_version(self._place, name)
        return impact(
            self._place.store,
            record,
            limit=DEFAULT_LIMIT if limit is None else limit,
            exact=exact,
        )

    def stale(
        self,
        name: str,
        *,
        exact: bool = False,
        verify: bool = False,
        references: bool = False,
        depth: int | None = None,
    ) -> Staleness:
        """Return what has happened since to everything a version was made of.

        The answer is true if the version should be made again.

        Args:
            name: As for `artifact`.
            exact: As for `lineage`.
            verify: Read all files of the version and of its inputs; otherwise it is only asked
                whether they are there.
            references: Ask for the files to which these refer.
            depth: How many runs away to look; None means all the way.

        Raises:
            ValueError: The name is malformed, or nothing has it.
        """
        from artifacts.store.lineage.stale import stale

        _, record = find_version(self._place, name)
        return stale(
            self._place.store,
            record,
            exact=exact,
            verify=verify,
            references=references,
            depth=depth,
        )

    def blame(self, name: str, path: str) -> Blame:
        """Return which version and run brought a file, and what happened at its path before.

        The manifests of all versions of the artifact up to this one are read.

        Args:
            name: The version, as for `artifact`.
            path: Path of the file inside it.

        Raises:
            ValueError: The name is malformed, or nothing has it.
            KeyError: The version has no such file.
        """
        from artifacts._values import slashes
        from artifacts.store.lineage.provenance import blame

        _, record = find_version(self._place, name)
        return blame(self._place.store, record, slashes(path))

    def find(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        digest: str | None = None,
        project: str | None = None,
        all_projects: bool = False,
        references: bool = False,
    ) -> FileHits:
        """Return every version that holds a content, under whatever path.

        If the store has it, the manifests of all versions that are large enough are read.

        Args:
            path: A file of this machine with the content, or
            digest: the digest of the content, ``blake3:<hex>`` or the hex alone; of what is
                stored the first eight digits are enough.
            project: Where to look, as ``[entity/]project``; default project if None.
            all_projects: Look in all projects of the entity.
            references: Also find files that versions only refer to.

        Raises:
            InvalidInputError: Neither or both are given, or the digest is malformed or fits several
                contents.
            BlobNotFoundError: The store has no content whose digest begins like that.
            StorageError: The file cannot be read.
        """
        from artifacts._lineage import content_digest
        from artifacts.store.lineage.provenance import find

        if (path is None) == (digest is None):
            raise InvalidInputError("find() needs either the path of a file or digest=")
        entity, name = self._project(project)
        return find(
            self._place.store,
            content_digest(self._place, path, digest),
            entity=entity,
            project=None if all_projects else name,
            references=references,
        )

    def overlap(self, name: str, other: str, *, examples: int = 10) -> Overlap:
        """Return which contents two versions share; see `Artifact.overlap`.

        Args:
            name: One of them, as for `artifact`.
            other: The other one.
            examples: At most so many of the shared contents are named, the largest.

        Raises:
            ValueError: A name is malformed, or nothing has it.
        """
        from artifacts.artifact import Artifact

        first, second = (
            Artifact._from_record(self._place, find_version(self._place, each)[1])
            for each in (name, other)
        )
        return first.overlap(second, examples=examples)
