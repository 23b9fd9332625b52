"""Entries whose bytes lie elsewhere."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from artifacts.store.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from artifacts.store.manifest import Reference


def open_reference(reference: Reference) -> IO[bytes]:
    """Open the file that a reference leads to; what is read is not verified here.

    Raises:
        InvalidInputError: Its scheme is not supported.
        IntegrityError: It cannot be opened.
    """
    parts = urlsplit(reference.uri)
    if parts.scheme != "file":
        raise InvalidInputError(
            f"cannot read {reference.uri}: only file:// references can be read so far",
            hint="pass allow_missing_references=True to skip it",
            kind="unsupported_reference",
        )
    try:
        return open(unquote(parts.path), "rb", buffering=0)
    except OSError as error:
        raise IntegrityError(
            f"the referenced file {reference.uri} cannot be read: {error.strerror}",
            hint="restore it, or pass allow_missing_references=True",
            kind="reference_missing",
        ) from error
