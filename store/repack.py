"""Write what is still needed of several packs into new ones, and condemn the old.

Readers find a blob in either until the old packs' grace is over. An old pack that a writer touched
meanwhile stays as it is: the writer may rely on a blob that was not copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from artifacts.store import reading
from artifacts.store.packing import StoredBlob
from artifacts.store.places import BlobLocation
from artifacts.store.rewriting import Rewriting

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
    seen: set[Digest] = set()
    with Rewriting(store) as work:
        for record in old:
            _copy(store, record, marks, seen, work)
        work.flush()
        condemned = store.catalog.replace(work.lease, work.objects, [r.id for r in old], before)
    return Repacked(len(condemned), work.written)


def _copy(
    store: Store, record: ObjectRecord, marks: MarkSet, seen: set[Digest], work: Rewriting
) -> None:
    """Take over what is marked in a pack and was not in one before."""
    places = reading.read_pack_index(store.objects, record.key, record.size)
    needed = [
        BlobLocation(record.key, *place)
        for place in places
        if place.digest in marks and place.digest not in seen
    ]
    for span in reading.read_spans(store.objects, needed):
        for location, stored in span:
            reading.checked(location, stored)
            seen.add(location.digest)
            work.add(StoredBlob(location.digest, location.size, stored, location.encoding))
