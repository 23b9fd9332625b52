"""Which versions of an artifact are kept: rules that a collection applies.

An artifact may have a `Policy`: each rule names versions to keep, and versions that no rule keeps
are deleted. Without a policy nothing is, except versions with a lifetime of their own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.errors import FormatError, InvalidInputError
from artifacts.store.records import INTERNAL_TYPES
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from artifacts.store.records import VersionRecord

SECOND = 1_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}
_DURATION = re.compile(r"(?:[0-9]+[smhdwy])+")
_METADATA = "metadata."


class Best(NamedTuple):
    """Keep the ``limit`` versions with the best value of a metadata key.

    Attributes:
        key: Keys of nested objects are joined by dots.
        largest: Whether more is better.
    """

    key: str
    largest: bool
    limit: int

    @classmethod
    def parse(cls, text: str) -> Best:
        """Parse ``metadata.KEY:max:COUNT`` or ``…:min:COUNT``.

        Raises:
            InvalidInputError: It is something else.
        """
        key, mode, count = [*text.rsplit(":", 2), "", ""][:3]
        name = key.removeprefix(_METADATA)
        if name == key or not name or mode not in {"max", "min"} or not _is_count(count):
            raise InvalidInputError(
                f"cannot keep the best by {text!r}", hint="write for instance metadata.acc:max:3"
            )
        return cls(name, mode == "max", int(count))

    def __str__(self) -> str:
        return f"{_METADATA}{self.key}:{'max' if self.largest else 'min'}:{self.limit}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules of one artifact. A version stays if any of them keeps it.

    Attributes:
        keep_last: Keep so many of the newest versions.
        ttl: Keep versions younger than this; microseconds.
        keep_best: Keep the best by a value in their metadata.
        keep_aliased: Keep versions that have an alias. The one that is ``latest`` always stays.
        keep_tagged: Keep versions that have a tag.
    """

    keep_last: int | None = None
    ttl: int | None = None
    keep_best: tuple[Best, ...] = field(default=())
    keep_aliased: bool = True
    keep_tagged: bool = False

    @property
    def deletes(self) -> bool:
        """Whether it can delete anything: only "keep what has an alias" would be a trap."""
        return self.keep_last is not None or self.ttl is not None or bool(self.keep_best)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "keep_last": self.keep_last,
            "ttl": self.ttl,
            "keep_best": [str(best) for best in self.keep_best],
            "keep_aliased": self.keep_aliased,
            "keep_tagged": self.keep_tagged,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Policy:
        """Read a stored policy.

        Raises:
            FormatError: It has rules that this version does not know; they must not be ignored.
        """
        known = cls().to_json().keys()
        if unknown := data.keys() - known:
            raise FormatError(
                f"a retention policy has unknown rules: {', '.join(sorted(unknown))}",
                hint="update with: pip install -U artifacts-cas",
                kind="store_too_new",
            )
        best = tuple(Best.parse(text) for text in data.get("keep_best", ()))
        return cls(**{**data, "keep_best": best})


class Verdict(NamedTuple):
    """What is to become of some versions, each with the reason.

    Attributes:
        expired: To be deleted.
        held_back: They would be, but for the reason given.
    """

    expired: list[tuple[VersionRecord, str]]
    held_back: list[tuple[VersionRecord, str]]


def judge(
    policy: Policy | None,
    versions: Sequence[VersionRecord],
    now: int,
    in_use: Mapping[int, str],
) -> Verdict:
    """Decide which versions of one artifact are to be deleted.

    Args:
        versions: All that are not deleted, newest first.
        now: The catalog's time.
        in_use: By version key, who works with it: ``run 8kd9s2la``, ``deployment api-prod``.
    """
    verdict = Verdict([], [])
    kept = _kept(policy, versions, now) if policy is not None and policy.deletes else None
    for version in versions:
        reason = _why_expired(version, kept, now)
        if reason is None:
            continue
        names = [alias for alias in version.aliases if alias != LATEST]
        if version.id in in_use:
            held = f"{in_use[version.id]} is using it"
            verdict.held_back.append((version, f"{reason}, but {held}"))
        elif version.protected:
            held = f"its alias {version.protected[0]!r} is protected"
            verdict.held_back.append((version, f"{reason}, but {held}"))
        elif version.ttl and names and version.type not in INTERNAL_TYPES:
            verdict.held_back.append((version, f"{reason}, but it has the alias {names[0]!r}"))
        else:
            verdict.expired.append((version, reason))
    return verdict


def parse_duration(text: str) -> int:
    """Return microseconds for ``90s``, ``30d``, ``1d12h`` or the like.

    Units are s, m, h, d, w and y (365 days).

    Raises:
        InvalidInputError: It is something else.
    """
    if not _DURATION.fullmatch(text.strip()):
        raise InvalidInputError(f"not a duration: {text!r}", hint="write for instance 30d or 12h")
    parts = re.findall(r"(\d+)([smhdwy])", text)
    return sum(int(number) * _UNITS[unit] for number, unit in parts) * SECOND


def format_duration(microseconds: int) -> str:
    """Return a duration in the form that `parse_duration` reads; less than a second is dropped."""
    seconds, text = microseconds // SECOND, ""
    for unit in ("d", "h", "m", "s"):
        number, seconds = divmod(seconds, _UNITS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def _why_expired(version: VersionRecord, kept: set[int] | None, now: int) -> str | None:
    if version.ttl == 0:
        return None
    if version.ttl is not None:
        if _since(version) + version.ttl > now:
            return None
        return f"its lifetime of {format_duration(version.ttl)} is over"
    if kept is None or version.id in kept:
        return None
    return "no rule keeps it"


def _since(version: VersionRecord) -> int:
    # Not when it was made: who logs the same content again expects to find it afterwards.
    return max(version.created_at, version.logged_at)


def _kept(policy: Policy, versions: Sequence[VersionRecord], now: int) -> set[int]:
    kept = {v.id for v in versions if LATEST in v.aliases}
    if policy.keep_aliased:
        kept |= {v.id for v in versions if v.aliases}
    if policy.keep_tagged:
        kept |= {v.id for v in versions if v.tags}
    if policy.keep_last is not None:
        kept |= {v.id for v in versions[: policy.keep_last]}
    if policy.ttl is not None:
        kept |= {v.id for v in versions if _since(v) + policy.ttl > now}
    for best in policy.keep_best:
        kept |= _best(best, versions)
    return kept


def _best(best: Best, versions: Iterable[VersionRecord]) -> set[int]:
    values = [
        (value, v.id) for v in versions if (value := _number(v.metadata, best.key)) is not None
    ]
    values.sort(reverse=best.largest)
    return {id_ for _, id_ in values[: best.limit]}


def _number(metadata: Mapping[str, Any], key: str) -> float | None:
    found: Any = metadata.get(key)
    if found is None:
        found = metadata
        for part in key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found):
        return None
    return float(found)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0
