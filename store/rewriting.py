"""Blobs of a store on their way into new objects of the same store.

An upload would drop them, because a claim finds them where they are. Here they are written again:
when packs are joined, and when what is damaged is replaced. The caller's transaction makes the new
objects live and gives up the old ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from artifacts.store.objects import StagedFile
from artifacts.store.packing import StoredBlob, make_pack, write_pieces
from artifacts.store.records import LeaseKind
from artifacts.store.staging import StagingFolder
from artifacts.store.upload import PACK_TARGET, give_up

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from artifacts.store.records import ObjectDraft
    from artifacts.store.store import Store


class Rewriting:
    """Used in a ``with``: after an exception everything is undone.

    Attributes:
        lease: Under which the new objects are reserved; None before the first one.
        objects: How many there are.
        written: Their bytes.
    """

    def __init__(self, store: Store) -> None:
        self.lease: str | None = None
        self.objects = 0
        self.written = 0
        self._store = store
        self._staging = StagingFolder(store.staging)
        self._blobs: list[StoredBlob] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self.lease is not None and exception is not None:
                give_up(self._store.catalog, self._store.objects, self.lease)
        finally:
            if self.lease is not None:
                self._store.leases.drop(self.lease)
            self._staging.close()

    def new_path(self) -> Path:
        """Return an unused path for a file that is to be given to `put`."""
        return self._staging.new_path()

    def add(self, blob: StoredBlob) -> None:
        """Add a small blob to the next pack."""
        self._blobs.append(blob)
        self._bytes += len(blob.stored)
        if self._bytes >= PACK_TARGET:
            self.flush()

    def flush(self) -> None:
        """Write a pack of what was added."""
        if not self._blobs:
            return
        draft, pieces = make_pack(self._blobs)
        self._blobs, self._bytes = [], 0
        path = self.new_path()
        write_pieces(path, pieces)
        self.put(draft, path)

    def put(self, draft: ObjectDraft, path: Path) -> None:
        """Write an object; its file is used up."""
        if self.lease is None:
            self.lease = self._store.leases.open(LeaseKind.UPLOAD)
        self._store.catalog.reserve(self.lease, [draft])
        self._store.objects.put(draft.key, StagedFile(path), size=draft.size)
        path.unlink(missing_ok=True)
        self.objects += 1
        self.written += draft.size
