"""How long versions are kept: the lifetime of one version, and the rules of an artifact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from artifacts.store.errors import InvalidInputError, InvalidTypeError
from artifacts.store.retention import Best, Policy

_MICROSECOND = timedelta(microseconds=1)


class ArtifactTTL(StrEnum):
    """What `Artifact.ttl` can be beside a length of time.

    ``INHERIT`` is what a version has unless it is told otherwise: its artifact's retention decides.
    ``DISABLED`` keeps a version for ever; None means the same.
    """

    INHERIT = "inherit"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Retention:
    """Rules that say which versions of an artifact are kept. One that any of them keeps stays.

    They are applied when garbage is collected. The version that is ``latest`` always stays, and so
    does one that a running run uses.

    Args:
        keep_last: Keep so many of the newest versions.
        ttl: Keep versions that were logged no longer ago than this.
        keep_best: Keep the best by a value of their metadata, such as ``metadata.acc:max:3``;
            one text or several.
        keep_aliased: Keep versions that have an alias.
        keep_tagged: Keep versions that have a tag.

    Raises:
        InvalidInputError: A rule has no meaning, or none of the first three is given.

    Example:
        >>> collection.retention = artifacts.Retention(keep_last=5, ttl=timedelta(days=30))
        >>> collection.save()
    """

    keep_last: int | None = None
    ttl: timedelta | None = None
    keep_best: tuple[str, ...] | str = ()
    keep_aliased: bool = True
    keep_tagged: bool = False

    def __post_init__(self) -> None:
        """Bring ``keep_best`` into its one form, and check everything."""
        best = (self.keep_best,) if isinstance(self.keep_best, str) else tuple(self.keep_best)
        object.__setattr__(self, "keep_best", tuple(str(Best.parse(text)) for text in best))
        if self.keep_last is not None and (
            not isinstance(self.keep_last, int) or self.keep_last < 1
        ):
            raise InvalidInputError(
                f"keep_last must be a whole number from 1 on, not {self.keep_last!r}",
                kind="bad_retention",
            )
        if not self._policy().deletes:
            raise InvalidInputError(
                "these rules would keep nothing but what has an alias or a tag",
                hint="add keep_last, ttl or keep_best (--keep-last, --ttl, --keep-best)",
                kind="bad_retention",
            )

    def _policy(self) -> Policy:
        return Policy(
            keep_last=self.keep_last,
            ttl=None if self.ttl is None else to_microseconds(self.ttl),
            keep_best=tuple(Best.parse(text) for text in self.keep_best),
            keep_aliased=self.keep_aliased,
            keep_tagged=self.keep_tagged,
        )

    @classmethod
    def _from_policy(cls, policy: Policy) -> Retention:
        return cls(
            keep_last=policy.keep_last,
            ttl=None if policy.ttl is None else policy.ttl * _MICROSECOND,
            keep_best=tuple(map(str, policy.keep_best)),
            keep_aliased=policy.keep_aliased,
            keep_tagged=policy.keep_tagged,
        )


def to_ttl(value: timedelta | ArtifactTTL | str | None) -> int | None:
    """Return a lifetime as the catalog keeps it: microseconds, 0 for ever, None to inherit.

    Raises:
        InvalidInputError: It is not longer than nothing, or another text.
        InvalidTypeError: It is something else.
    """
    if value is None:
        return 0
    if isinstance(value, timedelta):
        return to_microseconds(value)
    if not isinstance(value, str):
        raise InvalidTypeError(
            f"ttl must be a timedelta, None or an ArtifactTTL, not {value.__class__.__name__}"
        )
    if value not in set(ArtifactTTL):
        raise InvalidInputError(
            f"ttl must be a timedelta, None or an ArtifactTTL, not {value!r}",
            hint="write for instance timedelta(days=30)",
            kind="bad_ttl",
        )
    return None if value == ArtifactTTL.INHERIT else 0


def from_ttl(ttl: int | None) -> timedelta | ArtifactTTL | None:
    """Return what `to_ttl` was given; None for ever."""
    if ttl is None:
        return ArtifactTTL.INHERIT
    return ttl * _MICROSECOND if ttl else None


def to_microseconds(value: timedelta) -> int:
    """Return a length of time as the catalog keeps it.

    Raises:
        InvalidTypeError: It is something else.
        InvalidInputError: It is not longer than nothing.
    """
    if not isinstance(value, timedelta):
        raise InvalidTypeError(f"ttl must be a timedelta, not {value.__class__.__name__}")
    microseconds = value // _MICROSECOND
    if microseconds <= 0:
        raise InvalidInputError(f"ttl must be longer than nothing, not {value}", kind="bad_ttl")
    return microseconds
