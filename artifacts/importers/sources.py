"""What readers of other tools find: runs, versions and edges, in the terms of this product."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artifacts.store.errors import InvalidInputError
from artifacts.store.refs import MAX_NAME, check_alias, check_run_id, check_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from artifacts.store.manifest import Reference
    from artifacts.store.records import AlertRecord

Key = tuple[str, ...]
"""What a run or a version is called in its source."""

MICROSECONDS = 1_000_000

_CUT = 100


class Md5(NamedTuple):
    """The checksum that the other tool has recorded.

    Attributes:
        digits: Lower-case hexadecimal.
        of_text: Whether it may be that of the text with Unix line ends.
    """

    digits: str
    of_text: bool = False


class SourceFile(NamedTuple):
    """A file of a version.

    Attributes:
        path: Inside the version.
        source: Where its bytes are, or the bytes.
        md5: What they must be; None where the other tool recorded nothing.
    """

    path: str
    source: Path | bytes
    md5: Md5 | None = None


class SourceReference(NamedTuple):
    """A file of a version that stays where it is.

    Attributes:
        path: Inside the version.
        size: Bytes, 0 where nobody knows.
    """

    path: str
    reference: Reference
    size: int


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version.

    Attributes:
        key: What edges name it by.
        project: Where it goes, None for the project that is worked in.
        files: What it holds.
        created_at: Microseconds since 1970.
        origin: What it is called where it comes from, for people.
        number: Which it was there, None if versions are not numbered there.
        is_newest: Whether ``latest`` is to name it.
    """

    key: Key
    name: str
    type: str
    files: Sequence[SourceFile | SourceReference]
    created_at: int
    origin: str
    project: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    number: int | None = None
    is_newest: bool = False


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run.

    Attributes:
        key: What edges name it by.
        id: What it is to be called, if no other run is.
        project: As for a version.
        origin: What it is called where it comes from; tells it from all others of that tool.
        rows: Returns what it has logged, each row with its ``_step``; the same each time.
        files: What it has saved beside its artifacts.
        created_at: Microseconds since 1970, like ``finished_at``.
    """

    key: Key
    id: str
    name: str
    origin: str
    state: str
    created_at: int
    project: str | None = None
    finished_at: int | None = None
    exit_code: int | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    user: str | None = None
    host: str | None = None
    sweep_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    alerts: tuple[AlertRecord, ...] = ()
    rows: Callable[[], Iterable[dict[str, Any]]] = tuple
    files: Sequence[SourceFile] = ()


class SourceLink(NamedTuple):
    """An edge between a run and a version.

    Attributes:
        is_output: Whether the run has made the version, rather than used it.
        at: Microseconds since 1970.
        ref_text: What the run asked for, if that is known.
    """

    run: Key
    version: Key
    is_output: bool
    at: int
    ref_text: str | None = None


class SourceInput(NamedTuple):
    """A version that a run has used, which may have come with an earlier import.

    Attributes:
        project: Where the version is, None for the project that is worked in.
        name: Of the artifact, here.
        origin: What the version is called in the source.
        at: Microseconds since 1970.
        ref_text: What the run asked for.
        what: What is left out if nobody has brought the version.
        otherwise: Why, then.
    """

    run: Key
    project: str | None
    name: str
    origin: str
    at: int
    ref_text: str
    what: str
    otherwise: str


class MissingError(Exception):
    """Something cannot be carried over, because files of it cannot be had from this machine.

    Attributes:
        why: As `Collected.leave_out` takes it.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class LeftOut(NamedTuple):
    """Something that could not be carried over.

    Attributes:
        what: What it is called in the source.
        why: The reason, and what can be done about it.
    """

    what: str
    why: str


@dataclass(slots=True)
class Collected:
    """All that was found in a source.

    Attributes:
        tool: ``wandb``, ``mlflow`` or ``dvc``.
        versions: In the order in which they were made.
        links: Edges whose ends are among the runs and the versions.
        inputs: Edges to versions that may be among them, or in the store.
    """

    tool: str
    runs: list[SourceRun] = field(default_factory=list)
    versions: list[SourceVersion] = field(default_factory=list)
    links: list[SourceLink] = field(default_factory=list)
    inputs: list[SourceInput] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, what: str, why: str) -> None:
        """Note what could not be carried over, once."""
        found = LeftOut(what, why)
        if found not in self.left_out:
            self.left_out.append(found)

    def aliases(self, names: Iterable[str], of: str) -> tuple[str, ...]:
        """Return the names that may be aliases here; the others are left out."""
        return self._accepted(names, check_alias, "alias", of)

    def tags(self, names: Iterable[str], of: str) -> tuple[str, ...]:
        """Return the names that may be tags of a version here; the others are left out."""
        return self._accepted(names, check_tag, "tag", of)

    def _accepted(
        self, names: Iterable[str], check: Callable[[str], str], kind: str, of: str
    ) -> tuple[str, ...]:
        found = []
        for name in dict.fromkeys(names):
            try:
                found.append(check(name))
            except InvalidInputError as error:
                self.leave_out(f"{kind} {name} of {of}", error.message)
        return tuple(found)


def artifact_name(text: str) -> str:
    """Return a name for an artifact here, as much like a text as the rules for names allow."""
    safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", text.replace("/", "-"))
    if safe.strip(".") and safe == text.replace("/", "-") and len(safe) <= MAX_NAME:
        return safe
    return with_checksum(text)


def with_checksum(text: str) -> str:
    """Return a name that no similar text has."""
    safe = re.sub(r"[^a-zA-Z0-9_.-]", "_", text)
    return f"{safe[:_CUT]}-{zlib.crc32(text.encode()):08x}"


def run_name(text: str) -> str:
    """Return an id for a run here; texts that differ give ids that differ."""
    try:
        return check_run_id(text)
    except InvalidInputError:
        return with_checksum(text)
