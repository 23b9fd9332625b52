"""Recalls: saying that a version is bad, so that nobody goes on with it unawares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts import settings
from artifacts._identity import Identity
from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    from datetime import datetime

    from artifacts._session import Place
    from artifacts.store.records import RecallRecord

_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Recall:
    """Somebody has said that a version is bad.

    Attributes:
        version: ``entity/project/name:vN``.
        reason: Why.
        at: When, in UTC.
        by: Who: ``user@host``.
        undone_at: When it was taken back, or None.
        undone_by: Who took it back.
    """

    version: str
    reason: str
    at: datetime
    by: str | None
    undone_at: datetime | None = None
    undone_by: str | None = None

    @classmethod
    def _from_record(cls, record: RecallRecord) -> Recall:
        return cls(
            f"{record.version.entity}/{record.version.ref}",
            record.reason,
            to_datetime(record.at),
            record.by,
            None if record.undone_at is None else to_datetime(record.undone_at),
            record.undone_by,
        )


def recall(place: Place, version_id: int, reason: str) -> Recall:
    """Recall a version.

    Raises:
        InvalidInputError: There is no reason, or it is longer than 10,000 characters.
        AlreadyExistsError: The version is recalled already.
    """
    record = place.store.catalog.recall(version_id, _check_reason(reason), settings.user_name())
    return Recall._from_record(record)


def undo(place: Place, version_id: int) -> Recall:
    """Take the recall of a version back.

    Raises:
        StateError: It is not recalled.
    """
    return Recall._from_record(place.store.catalog.undo_recall(version_id, settings.user_name()))


def _check_reason(reason: str) -> str:
    if not isinstance(reason, str):
        raise InvalidTypeError(f"reason must be text, not {reason.__class__.__name__}")
    if not reason.strip() or len(reason) > _LONGEST:
        raise InvalidInputError(
            f"the reason of a recall has 1 to {_LONGEST:,} characters",
            hint="say what is wrong with the data: whoever uses them will read it",
            kind="bad_reason",
        )
    return reason.strip()


class Recallable(Identity):
    """The part of `Artifact` that says whether it is good."""

    @property
    def recalled(self) -> Recall | None:
        """The recall that holds of the version, or None.

        A link is recalled when the version that it leads to is.
        """
        found = self._version().recalled()
        return None if found is None else Recall._from_record(found)

    def recall(self, reason: str) -> Recall:
        """Say that this version is bad. Whoever uses or downloads it from now on is warned.

        Nothing is deleted, and lineage says what was made of it. A deleted version can be
        recalled too.

        Args:
            reason: What is wrong with it, in a sentence that others understand.

        Returns:
            The recall, with who and when.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            InvalidInputError: There is no reason.
            AlreadyExistsError: It is recalled already.
        """
        logged = self._version()
        return recall(logged.place, logged.record.id, reason)

    def undo_recall(self) -> Recall:
        """Take the recall of this version back. That it was recalled stays on record.

        Returns:
            The recall, with who took it back and when.

        Raises:
            ArtifactNotLoggedError: The artifact is still a draft.
            StateError: It is not recalled.
        """
        logged = self._version()
        return undo(logged.place, logged.record.id)
