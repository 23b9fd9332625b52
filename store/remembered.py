"""What this machine has seen of a store that may be out of reach later.

A file for each artifact, in a folder that can be lost: the hundred versions that were seen last, as
records of a `transcript`, with the aliases that they had then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.digests import format_digest, parse_digest
from artifacts.store.errors import from_os_error
from artifacts.store.refs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from artifacts.store.records import VersionRecord
    from artifacts.store.refs import Ref
    from artifacts.store.transcript import Record

_FORMAT = 1
_MOST = 100


class Known(NamedTuple):
    """A version of a store that is out of reach.

    Attributes:
        type: Of its artifact.
        record: As in a `transcript`, with the aliases that it had when it was seen.
    """

    type: str
    record: Record


class Remembered:
    """What is known of one store.

    Args:
        folder: For this store alone, made when it is first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, version: VersionRecord) -> None:
        """Remember a version, and its aliases as they are now."""
        path = self._path(version.entity, version.project, version.name)
        before, seen = _read(path), _record_of(version)
        others = [
            # An alias that it has now has left the others.
            each | {"aliases": [name for name in each["aliases"] if name not in version.aliases]}
            for each in before
            if each["number"] != version.number
        ]
        if seen in before and all(each in before for each in others):
            return
        after = [*others, seen][-_MOST:]
        text = json.dumps({"format": _FORMAT, "type": version.type, "versions": after})
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{secrets.token_hex(4)}")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise from_os_error(error, f"write {path}") from error

    def find(self, ref: Ref, *, entity: str, project: str) -> Known | None:
        """Return the version that a reference named when it was last seen.

        Args:
            entity: Where to look for what the reference leaves out; also ``project``.
        """
        if ref.name is None:
            paths: Iterable[Path] = sorted(self._folder.glob("*.json"))
        else:
            paths = [self._path(ref.entity or entity, ref.project or project, ref.name)]
        for path in paths:
            for record in reversed(_read(path)):
                if _matches(record, ref):
                    return Known(_type(path), record)
        return None

    def _path(self, entity: str, project: str, name: str) -> Path:
        key = hashlib.sha256(f"{entity}/{project}/{name}".encode()).hexdigest()[:32]
        return self._folder / f"{key}.json"


def _matches(record: Record, ref: Ref) -> bool:
    digest = parse_digest(record["digest"]).hex()
    if ref.digest is not None:
        return digest.startswith(ref.digest)
    if ref.number is not None:
        return bool(record["number"] == ref.number)
    selector = ref.selector or LATEST
    return selector in record["aliases"]


def _read(path: Path) -> list[Record]:
    return list(_load(path).get("versions", ()))


def _type(path: Path) -> str:
    return str(_load(path)["type"])


def _load(path: Path) -> Record:
    # What is damaged or of another format is forgotten: it can be seen again.
    with contextlib.suppress(FileNotFoundError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found.get("format") == _FORMAT:
            return dict(found)
    return {}


def _record_of(version: VersionRecord) -> Record:
    return {
        "record": "version",
        "entity": version.entity,
        "project": version.project,
        "name": version.name,
        "number": version.number,
        "digest": format_digest(version.digest),
        "size": version.size,
        "file_count": version.file_count,
        "description": version.description,
        "metadata": dict(version.metadata),
        "created_at": version.created_at,
        "updated_at": version.updated_at,
        "logged_at": version.logged_at,
        "created_by": version.created_by,
        "ttl": version.ttl,
        "broken": version.broken,
        "deleted_at": version.deleted_at,
        "aliases": list(version.aliases),
        "protected": [],
        "tags": list(version.tags),
    }
