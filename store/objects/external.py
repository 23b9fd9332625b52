"""Files of others: looked at, listed and read where they are, never written.

What may follow from the contents of a URI is decided here: which protocols there are, and that no
credentials are in it. Whom to ask is what the user wrote; nothing else restricts it.
"""

from __future__ import annotations

import importlib.util
import re
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from artifacts.store.errors import ConfigError, IntegrityError, InvalidInputError
from artifacts.store.objects.retrying import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_LIMIT = 1 << 63
"""No service may claim that a file is larger."""

POLICY = RetryPolicy(attempts=4)

_SECRET = re.compile(
    r"(^|[-_.])(key|auth|authorization|jwt|sig|sas|pw|pass)$|access.?key|api.?key|account.?key"
    r"|secret|tokens?($|[-_.])|passw|passphrase|pwd|credential|signature|connection.?string",
    re.IGNORECASE,
)
_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]*")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_NAME_LIMIT = 4096
# Other names of the file system of this machine, which file:// alone stands for.
_LOCAL = frozenset({"file", "local"})


class Found(NamedTuple):
    """What a service says of a file.

    Attributes:
        size: Bytes, or None if it does not say.
        etag: Something that differs when the contents do, or None.
        version_id: Names these contents for ever, or None.
    """

    size: int | None
    etag: str | None
    version_id: str | None = None


class External(ABC):
    """A file, or a folder of files, that belongs to somebody else.

    Attributes:
        uri: Where it is, in the form in which it is recorded.
        version_id: The version that the URI asked for, or None for whatever is there.
        name: The last part of its path.
    """

    uri: str
    version_id: str | None = None
    name: str

    @abstractmethod
    def stat(self) -> Found | None:
        """Return what is there, or None if there is no such file.

        Raises:
            ArtifactsError: The service cannot be asked.
        """

    @abstractmethod
    def open(self, found: Found) -> IO[bytes]:
        """Open the file as `stat` has found it. Only what is read is fetched.

        Raises:
            IntegrityError: It is not as it was found any more; reading may raise this too.
            ArtifactsError: It cannot be read.
        """

    def list(self) -> Iterator[tuple[str, str, Found]]:
        """Yield relative path, URI and state of every file below, if this is a folder."""
        yield from ()

    def earlier(self, etag: str, size: int | None) -> Found | None:
        """Return the version of the file that has this etag, where versions are kept.

        Args:
            size: That it has too, if it is known.
        """
        return None


def external(uri: str, *, version_id: str | None = None) -> External:
    """Return what a URI leads to. Nothing is asked yet.

    Args:
        uri: ``s3://bucket/key``, ``http(s)://…`` or a URL of another protocol of fsspec. In the
            first, what a URI reserves is quoted, and ``versionId``, ``endpoint_url``, ``region``
            and ``addressing_style`` may follow as in ``?versionId=x``.
        version_id: The version, if it is not in the URI.

    Raises:
        InvalidInputError: It cannot be used, or holds credentials.
        ConfigError: The package for its protocol is not installed.
    """
    parts = _split(uri)
    if parts.scheme in {"s3", "s3a"}:
        _need("s3fs", parts.scheme, "s3")
        from artifacts.store.objects.external_s3 import S3File

        return S3File(parts, version_id)
    if parts.scheme in {"http", "https"}:
        _need("aiohttp", parts.scheme, "http")
        from artifacts.store.objects.external_http import HttpFile

        return HttpFile(parts)
    from artifacts.store.objects.external_other import OtherFile

    return OtherFile(parts.scheme, uri)


def refuse_credentials(parts: SplitResult, *, allow_user: bool = False) -> None:
    """Refuse a URL with credentials in it; the error names the place, and never what is there.

    Args:
        allow_user: Whether a user without a password is a part of the address.

    Raises:
        InvalidInputError: It has some.
    """
    where = None
    if parts.password is not None or (parts.username is not None and not allow_user):
        where = "user information"
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if _SECRET.search(name):
            # The name is shown, so it must not be something that was meant as a value.
            where = f"the parameter {name[:64]!r}"
    if where is not None:
        raise InvalidInputError(
            f"credentials do not belong into a reference, and {where} looks like some",
            hint="leave them out, and use the environment or the configuration of the service; what"
            " is recorded in a version can be read by everybody who can read the version",
            kind="credentials_in_uri",
        )


def checked_size(claimed: str | int | None) -> int | None:
    """Return the size that a service claims, None if it does not.

    Raises:
        IntegrityError: It cannot be a size.
    """
    if claimed is None:
        return None
    text = str(claimed).strip()
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) >= SIZE_LIMIT:  # noqa: PLR2004 - digits of the limit
        raise IntegrityError(
            "the service claims a size that no file can have", kind="reference_unusable"
        )
    return int(text)


def checked_text(claimed: str | None) -> str | None:
    """Return an etag or a version id in the form in which it is recorded.

    Raises:
        IntegrityError: It is too long, or cannot be printed.
    """
    if not claimed:
        return None
    text = claimed.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not text:
        return None
    if len(text) > _NAME_LIMIT or not _PRINTABLE.fullmatch(text):
        raise IntegrityError(
            "the service sent an etag or a version id that cannot be recorded",
            kind="reference_unusable",
        )
    return text


def changed(uri: str) -> IntegrityError:
    """Return the error for a file that is not what was logged."""
    return IntegrityError(
        f"the referenced file {uri} has changed since it was logged",
        hint="log it again, restore what it was, or pass allow_missing_references=True; see what"
        " else has changed with: art refs check",
        kind="reference_changed",
    )


def bad_uri(message: str, hint: str | None = None) -> InvalidInputError:
    """Return the error for a URI that cannot be used."""
    return InvalidInputError(message, hint=hint, kind="bad_uri")


def _split(uri: str) -> SplitResult:
    # No message may repeat the URI before it is known to be free of credentials.
    try:
        parts = urlsplit(uri)
        _ = parts.port  # reads it: it may not be a number
    except ValueError as error:
        raise bad_uri("the URI of a reference cannot be read") from error
    protocol = uri.partition("://")[0].lower()
    if not _PROTOCOL.fullmatch(protocol) or "::" in uri:
        raise bad_uri("the URI of a reference cannot be read", "it looks like s3://bucket/key")
    if not _PRINTABLE.fullmatch(uri) or len(uri) > 2 * _NAME_LIMIT:
        raise bad_uri("the URI of a reference is too long, or holds what cannot be printed")
    if protocol in _LOCAL:
        raise bad_uri(f"{protocol}:// is not another place", "file:// names files of this machine")
    refuse_credentials(parts, allow_user=protocol not in {"http", "https", "s3", "s3a"})
    return parts


def _need(package: str, protocol: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"{protocol}:// needs a package that is not installed",
            hint=f"pip install 'artifacts-cas[{extra}]'",
            kind="package_missing",
        )
