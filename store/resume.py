"""What an upload has brought to a remote store, noted on this machine so that a killed one goes on.

Objects that were uploaded but not committed belong to a lease. Beside each lease of a remote store
lies a folder with a note of its finished objects, and of the large ones that were begun; the folder
is locked by its process. The next upload to the same store that finds one without an owner takes
lease and objects over, unless a collector ended the lease meanwhile. A large object that was begun
is stored under the same key then, under which the backend may have a part of it.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, NamedTuple

from artifacts.store.digests import DIGEST_SIZE, Digest
from artifacts.store.errors import ArtifactsError
from artifacts.store.staging import StagingFolder

if TYPE_CHECKING:
    from pathlib import Path

    from artifacts.store.records import ObjectDraft

log = logging.getLogger(__name__)

_LEASE = "lease"
_DONE = "done"
_BEGUN = "begun"


class Abandoned(NamedTuple):
    """An upload whose process is gone.

    Attributes:
        lease: Its lease, which may be gone too.
        objects: The blobs in the objects that it finished, by the objects' keys.
        begun: The blobs in large objects that it began and did not finish, likewise.
    """

    lease: str
    objects: dict[str, set[Digest]]
    begun: dict[str, set[Digest]]


class UploadNotes:
    """The notes of one upload.

    Args:
        folder: For the notes of all uploads to one store.
    """

    def __init__(self, folder: Path) -> None:
        self._parent = folder
        self._folder: StagingFolder | None = None

    def find_abandoned(self) -> Abandoned | None:
        """Take over the notes of an upload that was killed, or return None.

        Notes that cannot be read are removed: then there is nothing to go on with.
        """
        if not self._parent.is_dir():
            return None
        for path in sorted(self._parent.iterdir()):
            folder = StagingFolder.take(path)
            if folder is None:
                continue
            try:
                found = _read(path)
            except (OSError, ValueError):
                folder.close()
                continue
            self._folder = folder
            return found
        return None

    def start(self, lease: str) -> None:
        """Begin to take notes of a new upload."""
        try:
            self._folder = StagingFolder(self._parent, keep=_LEASE)
            (self._folder.path / _LEASE).write_text(lease)
        except (ArtifactsError, OSError) as error:
            log.warning("an upload that is interrupted will start over: %s", error)

    def begun(self, draft: ObjectDraft) -> None:
        """Note that an object is being written, of which the backend may keep a part."""
        self._note(_BEGUN, draft)

    def finished(self, draft: ObjectDraft) -> None:
        """Note that an object is complete in the object store."""
        self._note(_DONE, draft)

    def _note(self, name: str, draft: ObjectDraft) -> None:
        if self._folder is None:
            return
        digests = b"".join(place.digest for place in draft.blobs).hex()
        try:
            with (self._folder.path / name).open("a") as file:
                file.write(json.dumps([draft.key, digests]) + "\n")
        except OSError as error:
            log.warning("an upload that is interrupted will start over: %s", error)

    def leave(self) -> None:
        """Leave the notes to whoever goes on with the upload."""
        if self._folder is not None:
            self._folder.leave()
            self._folder = None

    def close(self) -> None:
        """Remove the notes: the upload was committed, or undone."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None


def _read(path: Path) -> Abandoned:
    lease = (path / _LEASE).read_text()
    if len(lease) != 2 * 16:
        raise ValueError(lease)
    objects, begun = _read_notes(path / _DONE), _read_notes(path / _BEGUN)
    return Abandoned(
        lease, objects, {key: blobs for key, blobs in begun.items() if key not in objects}
    )


def _read_notes(path: Path) -> dict[str, set[Digest]]:
    found: dict[str, set[Digest]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            key, text = json.loads(line)
        except ValueError:
            break  # torn by the crash: the last one
        found[str(key)] = _cut(bytes.fromhex(text))
    return found


def _cut(data: bytes) -> set[Digest]:
    return {Digest(data[i : i + DIGEST_SIZE]) for i in range(0, len(data), DIGEST_SIZE)}
