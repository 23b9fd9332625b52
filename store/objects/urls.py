"""From the URL of an object store to the object store."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from artifacts.store.errors import ConfigError
from artifacts.store.objects.base import ObjectStore
from artifacts.store.objects.local import LocalObjects
from artifacts.store.objects.retrying import RetryingObjects

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_STYLES = ("auto", "path", "virtual")
_S3_OPTIONS = ("addressing_style", "endpoint_url", "region")
_SECRET = re.compile(
    r"key|secret|token|pass|pwd|credential|signature|(^|_)sig$|connection_string|account",
    re.IGNORECASE,
)


def open_objects(url: str | Path, *, retries: bool = True) -> ObjectStore:
    """Return the object store at a place. Nothing is asked of it yet.

    Args:
        url: A path or ``file://…``; ``s3://bucket/prefix``, with the options ``endpoint_url``,
            ``region`` and ``addressing_style`` as in ``?region=eu-west-1``; or a URL of any other
            protocol of fsspec. Credentials are never part of it.
        retries: Whether calls of a store that is not local are repeated while they fail for the
            moment.

    Raises:
        ConfigError: The URL is not usable, or the package for its protocol is not installed.
    """
    if isinstance(url, Path) or "://" not in url:
        return LocalObjects(Path(url))
    parts = _split(url)
    if parts.scheme == "file":
        return LocalObjects(_file_path(parts))
    objects = _open_s3(parts) if parts.scheme == "s3" else _open_other(parts, url)
    return RetryingObjects(objects) if retries else objects


def _split(url: str) -> SplitResult:
    """Return the parts of a URL that is free of credentials."""
    # No message may repeat the URL: it may hold what it must not hold.
    try:
        parts = urlsplit(url)
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        has_password = parts.password is not None or (
            parts.scheme == "s3" and parts.username is not None
        )
    except ValueError as error:
        raise ConfigError("the URL of the object store cannot be read", kind="bad_url") from error
    if has_password or any(_SECRET.search(name) for name in names):
        raise ConfigError(
            f"credentials do not belong into the {parts.scheme}:// URL of an object store",
            hint="use the environment or the files of the service, for S3 AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY or ~/.aws/credentials",
            kind="credentials_in_url",
        )
    if not parts.scheme or "::" in url:
        raise ConfigError(
            "the URL of the object store cannot be read",
            hint="it looks like s3://bucket/prefix or /path/to/folder",
            kind="bad_url",
        )
    return parts


def _file_path(parts: SplitResult) -> Path:
    path = unquote(parts.path)
    if parts.netloc not in {"", "localhost"} or not path or parts.query or parts.fragment:
        raise ConfigError(
            "a file:// URL consists of an absolute path",
            hint="file:///path/to/folder",
            kind="bad_url",
        )
    return Path(path)


def _open_s3(parts: SplitResult) -> ObjectStore:
    if not _BUCKET.fullmatch(parts.netloc) or parts.fragment:
        raise ConfigError(
            "the URL of the object store does not name a bucket",
            hint="it looks like s3://bucket/prefix",
            kind="bad_url",
        )
    prefix = unquote(parts.path).strip("/")
    if prefix and {"", ".", ".."} & set(prefix.split("/")):
        raise ConfigError(
            "the prefix in the URL of the object store has an empty segment, or . or ..",
            kind="bad_url",
        )
    options = _s3_options(parts)
    if importlib.util.find_spec("s3fs") is None:
        raise ConfigError(
            "s3:// needs a package that is not installed",
            hint="pip install 'artifacts-cas[s3]'",
            kind="package_missing",
        )
    from artifacts.store.objects.s3 import S3Objects

    return S3Objects(
        parts.netloc,
        prefix,
        endpoint_url=options.get("endpoint_url"),
        region=options.get("region"),
        addressing_style=options.get("addressing_style"),
    )


def _s3_options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in options.items():
        if name not in _S3_OPTIONS:
            raise ConfigError(
                f"an s3:// URL has no option {name!r}",
                hint=f"its options are {', '.join(_S3_OPTIONS)}",
                kind="bad_url",
            )
        if not value:
            raise ConfigError(f"the option {name!r} of the s3:// URL is empty", kind="bad_url")
    endpoint = options.get("endpoint_url")
    if endpoint is not None:
        target = _split(endpoint)
        if target.username is not None or target.scheme not in {"http", "https"}:
            raise ConfigError(
                "the endpoint_url in the s3:// URL is not usable",
                hint="it looks like https://host:port",
                kind="bad_url",
            )
    if options.get("addressing_style", _STYLES[0]) not in _STYLES:
        raise ConfigError(
            "the addressing_style in the s3:// URL is not known",
            hint=f"it is one of {', '.join(_STYLES)}",
            kind="bad_url",
        )
    return options


def _open_other(parts: SplitResult, url: str) -> ObjectStore:
    if parts.query or parts.fragment:
        raise ConfigError(
            f"a {parts.scheme}:// URL of an object store has no options",
            hint="use the settings of the service, or the configuration files of fsspec",
            kind="bad_url",
        )
    from artifacts.store.objects.remote import FsspecObjects

    return FsspecObjects(url)
