"""When the files of a run are stored: what `save` was told, and what holds without it."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, Literal, get_args

from artifacts.store.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Policy = Literal["live", "now", "end"]
POLICIES: tuple[str, ...] = get_args(Policy)

MIN_INTERVAL = 15.0
"""Seconds between two uploads of a file, at least."""

_GROWTH = 1.2
_WAITS = ((10e6, 60.0), (100e6, 300.0), (1e9, 600.0))
_LONGEST_WAIT = 1200.0


def check_policy(policy: str) -> Policy:
    """Return a policy.

    Raises:
        InvalidInputError: It is none.
    """
    if policy not in POLICIES:
        raise InvalidInputError(
            f'Only "live", "now" and "end" policies are supported, not {policy!r}',
            kind="bad_policy",
        )
    return policy  # type: ignore[return-value] # it is one of them


NOTE = "save"
"""What a note in the journal of a run begins with that says what was saved."""


class Policies:
    """The policy of every file of a run, by its path in there.

    What is said last about a file holds, whether it was named or matched by a pattern.

    Args:
        ignore: Patterns of files that nobody has named and that are left out.
    """

    def __init__(self, ignore: Sequence[str]) -> None:
        self._ignore = ("*.tmp", *ignore)
        self._named: dict[str, Policy] = {}
        self._patterns: dict[str, Policy] = {}

    def set(self, paths: Iterable[str], pattern: str | None, policy: Policy) -> None:
        """Say when files are stored.

        Args:
            paths: Of files that are there.
            pattern: Of files that may come into the run's folder.
        """
        self._named.update(dict.fromkeys(paths, policy))
        if pattern is not None:
            self._patterns.pop(pattern, None)
            self._patterns[pattern] = policy

    def is_named(self, path: str) -> bool:
        """Whether somebody has asked for this file."""
        return path in self._named

    def is_excluded(self, path: str) -> bool:
        """Whether a file that nobody has named is left out because of its name."""
        name = path.rpartition("/")[2]
        return any(
            fnmatch.fnmatchcase(text, pattern) for pattern in self._ignore for text in (path, name)
        )

    def of(self, path: str) -> Policy | None:
        """Return the policy of a file, None if it is left out."""
        if path in self._named:
            return self._named[path]
        if self.is_excluded(path):
            return None
        for pattern, policy in reversed(self._patterns.items()):
            if matches(path, pattern):
                return policy
        if is_hidden(path):
            return None
        name = path.rpartition("/")[2]
        return "live" if "tfevents" in name or name == "graph.pbtxt" else "end"

    def note(self, paths: Iterable[str], pattern: str | None, policy: Policy) -> list[Any]:
        """Return what `set` was told as a note for the journal of the run."""
        return [NOTE, {"paths": list(paths), "pattern": pattern, "policy": policy}]

    def follow(self, told: dict[str, Any]) -> None:
        """Do again what a note tells."""
        self.set(told["paths"], told["pattern"], check_policy(told["policy"]))


def is_hidden(path: str) -> bool:
    """Whether a file, or a folder that it is in, has a name that begins with a dot."""
    return any(part.startswith(".") for part in path.split("/"))


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern, as `glob` reads it, matches a path or a folder that it is in."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(wanted) <= len(parts) and all(
        fnmatch.fnmatchcase(part, want) and (not part.startswith(".") or want.startswith("."))
        for part, want in zip(parts, wanted, strict=False)
    )


def is_due(size: int, last_size: int, elapsed: float) -> bool:
    """Whether a live file that has changed may be uploaded again.

    Args:
        size: Bytes that it has by now.
        last_size: Bytes that it had when it was uploaded last.
        elapsed: Seconds since then.
    """
    if elapsed < MIN_INTERVAL:
        return False
    wait = next((wait for limit, wait in _WAITS if size < limit), _LONGEST_WAIT)
    return size >= last_size * _GROWTH or elapsed >= wait
