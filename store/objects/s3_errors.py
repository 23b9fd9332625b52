"""What the exceptions of botocore and aiohttp mean in the tree of this product."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import (
    ArtifactsError,
    ConfigError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StoreNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENIED = frozenset(
    {"AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidObjectState", "403"}
)
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidSecurity",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
_CLOCK = frozenset({"RequestTimeTooSkewed"})
# Beside those of status 408, 429 and from 500 on. The checksums: what arrived is not what was sent.
_RETRYABLE = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
_CREDENTIALS_HINT = (
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile that AWS_PROFILE names"
)


@contextmanager
def translated(doing: str, *, bucket: str, key: str | None = None) -> Iterator[None]:
    """Raise what the block raises as an exception of this product.

    Args:
        doing: What is tried, as it continues "could not …".
        key: The object that it is about, or None.
    """
    try:
        yield
    except ArtifactsError:
        raise
    except Exception as error:
        found = _translate(error, doing, bucket, key)
        if found is None:
            raise
        raise found from error


def error_of_delete(failure: dict[str, Any], doing: str, bucket: str) -> ArtifactsError:
    """Return the exception for one entry of the errors that DeleteObjects reports."""
    code, message = failure.get("Code", "unknown"), failure.get("Message", "")
    return _from_code(code, message, 200, doing, bucket, failure.get("Key"))


def _translate(error: Exception, doing: str, bucket: str, key: str | None) -> ArtifactsError | None:
    import aiohttp
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    if isinstance(error, boto.ClientError):
        answer = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(answer.get("Code", status))
        return _from_code(code, answer.get("Message", ""), status, doing, bucket, key)
    text = f"could not {doing}: {_without_secrets(str(error) or type(error).__name__)}"
    if isinstance(error, boto.SSLError):
        return StorageError(text, hint="check the certificate of the endpoint, or AWS_CA_BUNDLE")
    if isinstance(
        error,
        (
            boto.HTTPClientError,
            boto.ConnectionError,
            boto.IncompleteReadError,
            boto.ResponseStreamingError,
            ResponseParserError,
            aiohttp.ClientError,
            OSError,  # TimeoutError and ConnectionError among them
        ),
    ):
        return StorageError(text, retryable=True)
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError)):
        return ConfigError(text, hint=_CREDENTIALS_HINT, kind="no_credentials")
    if isinstance(
        error,
        (
            boto.CredentialRetrievalError,
            boto.SSOError,
            boto.TokenRetrievalError,
            boto.MetadataRetrievalError,
        ),
    ):
        return PermissionDeniedError(text, hint=_CREDENTIALS_HINT)
    if isinstance(error, (boto.BotoCoreError, ValueError)):
        # Everything that is left is about settings: profiles, regions, endpoints, parameters.
        return ConfigError(text, hint="check the URL, and ~/.aws/config and AWS_… if they are used")
    return None


def _from_code(
    code: str, message: str, status: int, doing: str, bucket: str, key: str | None
) -> ArtifactsError:
    reason = f"{message.rstrip('.')} ({code})" if message else code
    text = f"could not {doing}: {_without_secrets(reason)}"
    if code == "NoSuchBucket":
        return StoreNotFoundError(
            f"there is no bucket {bucket}",
            hint="create the bucket, or correct its name, the endpoint or the region",
            kind="bucket_not_found",
        )
    if code == "NoSuchUpload":
        return StorageError(text, kind="upload_not_found", retryable=True)
    if code in {"NoSuchKey", "NotFound", "404"}:
        return ObjectNotFoundError(f"object {key} is missing")
    if code in _BAD_CREDENTIALS:
        return PermissionDeniedError(text, hint=_CREDENTIALS_HINT, kind="bad_credentials")
    if code in _CLOCK:
        return PermissionDeniedError(text, hint="set the clock of this machine")
    if code in _DENIED or status == 403:  # noqa: PLR2004 - known to everybody
        hint = (
            f"the credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket"
            f" on bucket {bucket}; reading needs s3:GetObject and s3:ListBucket"
        )
        return PermissionDeniedError(text, hint=hint)
    retryable = code in _RETRYABLE or status in {408, 429} or status >= 500  # noqa: PLR2004 - as above
    if code in {"InternalError", "ServiceUnavailable"}:
        retryable = True
    return StorageError(text, retryable=retryable, kind=_KINDS.get(code))


_KINDS = {
    "BadDigest": "checksum_mismatch",
    "InvalidRange": "range_past_end",
    "PreconditionFailed": "precondition_failed",
    "SlowDown": "throttled",
    "XAmzContentChecksumMismatch": "checksum_mismatch",
    "XAmzContentSHA256Mismatch": "checksum_mismatch",
}


def _without_secrets(text: str) -> str:
    """Return ``text`` without what stands before an ``@`` in a URL."""
    return re.sub(r"//[^/@\s]+@", "//", text)
