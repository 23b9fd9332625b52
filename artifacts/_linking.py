"""Links: the same version in another collection, such as a registry of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts import settings
from artifacts._identity import Identity
from artifacts._values import to_aliases
from artifacts.store.errors import (
    IntegrityError,
    InvalidInputError,
    InvalidTypeError,
    StateError,
)
from artifacts.store.records import DerivationKind, Source, VersionDraft
from artifacts.store.refs import LATEST, Ref

if TYPE_CHECKING:
    from collections.abc import Iterable

    from artifacts._session import Place
    from artifacts.artifact import Artifact
    from artifacts.store.records import VersionRecord


def link(
    place: Place,
    artifact: Artifact,
    target: str,
    aliases: Iterable[str] | str | None = None,
    *,
    run: int | None = None,
) -> Artifact:
    """Link a version into another collection, in one transaction; see `Artifact.link`.

    Args:
        place: Where the collection is, as far as ``target`` leaves that out.
        artifact: A version of the same store.
        target: ``[[entity/]project/]name[:alias]``.
        aliases: Besides ``latest``.
        run: Key of the run that links it.
    """
    from artifacts.artifact import Artifact

    ref, wanted = check_target(target, aliases)
    here = place.at(ref.entity, ref.project)
    logged = artifact._stored()
    # A link leads to a version, not to a link.
    record = logged.link_source() or logged.record
    assert ref.name is not None  # parse_target refuses digests
    _check(record, here, ref.name)
    draft = VersionDraft(
        entity=here.entity,
        project=here.project,
        name=ref.name,
        type=record.type,
        digest=record.digest,
        size=record.size,
        file_count=record.file_count,
        description=record.description,
        metadata=record.metadata,
        aliases=wanted,
        tags=record.tags,
        run=run,
        output=False,
        created_by=settings.user_name(),
        sources=(Source(record.id, DerivationKind.LINK),),
    )
    # Its own data keep the link whole, whatever becomes of the version.
    version, created = here.store.catalog.commit(draft, base=logged.record.id)
    linked = Artifact._from_record(place, version)
    linked._is_new = created
    return linked


def check_target(target: str, aliases: Iterable[str] | str | None) -> tuple[Ref, tuple[str, ...]]:
    """Return where a link is to be, and its aliases there.

    Raises:
        InvalidInputError: The path or an alias is malformed.
        InvalidTypeError: Something is no text.
    """
    if not isinstance(target, str):
        raise InvalidTypeError(f"target_path must be text, not {target.__class__.__name__}")
    ref = Ref.parse_target(target)
    named = [] if ref.selector in {None, LATEST} else [str(ref.selector)]
    return ref, to_aliases([*to_aliases(aliases), *named])


def _check(record: VersionRecord, here: Place, name: str) -> None:
    if (record.entity, record.project, record.name) == (here.entity, here.project, name):
        raise InvalidInputError(
            f"{record.ref} is in that collection already",
            hint="to give it other names there: artifact.aliases, or art alias",
            kind="same_collection",
        )
    if record.broken is not None:
        raise IntegrityError(
            f"{record.ref} is broken: {record.broken}",
            hint="repair it first with: art check --repair",
            kind="version_broken",
        )


class Linking(Identity):
    """The part of `Artifact` about links."""

    @property
    def is_link(self) -> bool:
        """Whether the version is a link to one of another collection."""
        return self._version().link_source() is not None

    @property
    def source_artifact(self) -> Artifact:
        """The version that a link leads to; of another version, the version itself."""
        from artifacts.artifact import Artifact

        logged = self._version()
        source = logged.link_source()
        return Artifact._from_record(logged.place, source or logged.record)

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """The links that lead to this version, oldest first."""
        from artifacts.artifact import Artifact

        logged = self._version()
        found = logged.place.store.catalog.derivations_from([logged.record.id], DerivationKind.LINK)
        links = [each.output for each in found if each.output.deleted_at is None]
        return [Artifact._from_record(logged.place, record) for record in links]

    def link(self, target_path: str, aliases: Iterable[str] | str | None = None) -> Artifact:
        """Make this version a version of another collection too, such as a registry.

        No byte is copied, and content that the collection has already makes no new version.
        Description, metadata and tags are taken over as they are now. Lineage goes through the
        link, and so does a recall. The link stays whole when this version is deleted.

        Args:
            target_path: ``[[entity/]project/]name[:alias]`` in the same store. What it leaves out
                is that of the active run, or of this version.
            aliases: Aliases in that collection, besides ``latest``.

        Returns:
            The version there. A draft is saved first; of a link, the version that it leads to is
            linked.

        Raises:
            ValueError: The path or an alias is malformed, the collection has another type, or
                it is the one in which the version is.
            RefNotFoundError: The version was deleted.
        """
        from artifacts import _session
        from artifacts.artifact import Artifact

        assert isinstance(self, Artifact)  # of which this class is a part
        if self.is_draft():
            self.save()
        logged = self._version()
        active = _session.active()
        if active is not None and active.has_same_store(logged.place):
            return link(active, self, target_path, aliases, run=active.run)
        place = logged.place.at(logged.record.entity, logged.record.project)
        return link(place, self, target_path, aliases)

    def unlink(self, *, force: bool = False) -> None:
        """Remove a link. The version that it leads to stays as it is.

        Its number is not used again, and its aliases go with it.

        Args:
            force: Also if one of its aliases is protected, or a running run uses it.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            StateError: It is no link, has a protected alias, or is in use.
        """
        logged = self._stored()
        if logged.link_source() is None:
            raise StateError(
                f"{logged.record.ref} is no link",
                hint="to delete the version itself: artifact.delete(), or art rm",
                kind="not_a_link",
            )
        self._become(logged.delete(delete_aliases=True, force=force))
