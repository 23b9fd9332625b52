"""Where an artifact comes from, and where it has gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts._identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts.artifact import Artifact
    from artifacts.store.lineage import Direction, LineageGraph
    from artifacts.store.lineage.overlap import Overlap
    from artifacts.stored_run import StoredRun


class Tracing(Identity):
    """The part of `Artifact` about lineage, all of which needs a logged version."""

    def logged_by(self) -> StoredRun | None:
        """Return the run that logged this version first, or None."""
        return self._version().logged_by()

    def used_by(self, *, transitive: bool = False, type: str | None = None) -> list[StoredRun]:
        """Return the runs that used this version, oldest first.

        Args:
            transitive: Also those that used something that was made of it, and so on.
            type: Only runs that logged a version of this type.
        """
        return self._version().used_by(transitive=transitive, type_=type)

    def lineage(
        self,
        *,
        direction: Direction = "up",
        depth: int | None = None,
        type: Iterable[str] | str | None = None,
        project: Iterable[str] | str | None = None,
        exact: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> LineageGraph:
        """Return what this version was made of (``up``), or what was made of it (``down``).

        Args:
            direction: ``up`` or ``down``.
            depth: How many runs away to go; None means all the way.
            type: Only versions of this type, or of one of these, and what leads to them.
            project: Only versions in this ``[entity/]project``, or in one of these, and what
                leads to them.
            exact: Connect versions that say of what they were made to nothing else.
            limit: At most so many versions in one answer, which says if there are more.
            cursor: From such an answer: go on there.

        Raises:
            ValueError: An argument cannot be used.
        """
        from artifacts._lineage import lineage_of

        logged = self._version()
        return lineage_of(
            logged.place,
            logged.record,
            direction=direction,
            depth=depth,
            type=type,
            project=project,
            exact=exact,
            limit=limit,
            cursor=cursor,
        )

    def overlap(self, other: Artifact, *, examples: int = 10) -> Overlap:
        """Return which contents this version and ``other`` share, under whatever paths.

        Empty files do not count. So the files of a test set that are in a training set are found.

        Args:
            other: A version, of whatever store.
            examples: At most so many of the shared contents are named, the largest.
        """
        from artifacts.store.lineage.overlap import overlap

        return overlap(self._stored().manifest, other._stored().manifest, examples=examples)
