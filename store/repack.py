"""Write what is still needed of several packs into new ones, and condemn the old.

Readers find a blob in either until the old packs' grace is over. An old pack that a writer touched
meanwhile stays as it is: the writer may rely on a blob that was not copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import reading
from artifacts.store.objects import StagedFile
from artifacts.store.records import BlobLocation, LeaseKind
from artifacts.store.staging import StagingFolder
from artifacts.store.upload import PACK_TARGET, StoredBlob, make_pack, write_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artifacts.store.digests import Digest
    from artifacts.store.marks import MarkSet
    from artifacts.store.records import ObjectRecord
    from artifacts.store.store import Store


class Repacked(NamedTuple):
    """What a repacking did.

    Attributes:
        condemned: Old packs that nothing needs any more.
        written: Bytes of the new packs.
    """

    condemned: int
    written: int


def repack(store: Store, old: Sequence[ObjectRecord], marks: MarkSet, before: int) -> Repacked:
    """Replace packs by new ones that hold only marked blobs.

    Args:
        before: Catalog time at which marking began, or earlier; see `catalog.Catalog.condemn`.

    Raises:
        IntegrityError: A blob is damaged; nothing was replaced.
        ConflictError: This process gave no sign of life for too long; nothing was replaced.
    """
    lease = store.leases.open(LeaseKind.UPLOAD)
    staging = StagingFolder(store.staging)
    try:
        work = _Repacking(store, lease, staging)
        for record in old:
            work.copy(record, marks)
        work.write()
        condemned = store.catalog.replace(lease, work.packs, [r.id for r in old], before)
        return Repacked(len(condemned), work.written)
    except BaseException:
        keys = store.catalog.abandon(lease)
        store.objects.delete(keys)
        store.catalog.forget(keys)
        raise
    finally:
        store.leases.drop(lease)
        staging.close()


class _Repacking:
    def __init__(self, store: Store, lease: str, staging: StagingFolder) -> None:
        self.packs = 0
        self.written = 0
        self._store = store
        self._lease = lease
        self._staging = staging
        self._seen: set[Digest] = set()
        self._blobs: list[StoredBlob] = []
        self._bytes = 0

    def copy(self, record: ObjectRecord, marks: MarkSet) -> None:
        """Take over what is marked in a pack."""
        places = reading.read_pack_index(self._store.objects, record.key, record.size)
        needed = [
            BlobLocation(record.key, *place)
            for place in places
            if place.digest in marks and place.digest not in self._seen
        ]
        for span in reading.read_spans(self._store.objects, needed):
            for location, stored in span:
                reading.checked(location, stored)
                self._seen.add(location.digest)
                blob = StoredBlob(location.digest, location.size, stored, location.encoding)
                self._blobs.append(blob)
                self._bytes += len(stored)
                if self._bytes >= PACK_TARGET:
                    self.write()

    def write(self) -> None:
        """Write a pack of what was collected."""
        if not self._blobs:
            return
        draft, pieces = make_pack(self._blobs)
        self._blobs, self._bytes = [], 0
        self._store.catalog.reserve(self._lease, [draft])
        path = self._staging.new_path()
        write_pieces(path, pieces)
        self._store.objects.put(draft.key, StagedFile(path), size=draft.size)
        path.unlink(missing_ok=True)
        self.packs += 1
        self.written += draft.size
