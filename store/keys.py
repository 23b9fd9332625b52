"""Keys of objects: random in part, because no key is ever used twice."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from artifacts.store.places import Encoding

if TYPE_CHECKING:
    from artifacts.store.digests import Digest


def new_loose_key(digest: Digest, encoding: Encoding) -> str:
    """Return an unused key for an object that is one blob; it names the blob."""
    text = digest.hex()
    suffix = ".zst" if encoding is Encoding.ZSTD else ""
    return f"blobs/{text[:2]}/{text}.{secrets.token_hex(8)}{suffix}"


def new_pack_key() -> str:
    """Return an unused key for a pack."""
    name = secrets.token_hex(16)
    return f"packs/{name[:2]}/{name}"
