"""Where an S3 service is and who asks it, for a client that does not read the usual settings.

botocore has the last word on its settings, and takes a third of a second to be imported. Where the
environment alone says everything, it is not asked; a variable or a file that this module does not
know is enough to ask it. What it says that another client might understand otherwise makes
`read_settings` return nothing: the caller then leaves the service to botocore.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_CREDENTIALS_FOR = timedelta(minutes=5)
"""How long a client may use credentials before it asks again; botocore renews them in time."""

# What is read here, and what only matters without credentials in the environment or for writing.
_UNDERSTOOD = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_OUTPUT",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_EXECUTION_ENV",
        "AWS_MAX_ATTEMPTS",
        "AWS_PAGER",
        "AWS_REGION",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "AWS_RETRY_MODE",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
)
_OTHER_ENDPOINTS = ("use_dualstack_endpoint", "use_fips_endpoint")
_OTHER_PARTITIONS = ("cn-", "us-iso", "eu-iso")
"""Beginnings of regions whose services are not below ``amazonaws.com``."""


class Credentials(TypedDict):
    """Credentials as obstore takes them."""

    access_key_id: str
    secret_access_key: str
    token: str | None
    expires_at: datetime | None


class S3Settings(NamedTuple):
    """What a client needs to know.

    Attributes:
        endpoint_url: Where the service is; None for AWS in that region.
        virtual: Whether the bucket is part of the name of the host.
        credentials: Returns those of now. Called by any thread.
    """

    endpoint_url: str | None
    region: str
    virtual: bool
    credentials: Callable[[], Credentials]


class _Usual(NamedTuple):
    """What the environment and the files below ``~/.aws`` say."""

    endpoint_url: str | None
    region: str | None
    addressing_style: str | None
    ca_bundle: str | None
    credentials: Callable[[], Credentials]


def read_settings(
    bucket: str, endpoint_url: str | None, region: str | None, addressing_style: str | None
) -> S3Settings | None:
    """Return the settings for a bucket, or None if only botocore may decide what they mean.

    Args:
        endpoint_url: Goes before the usual settings, like the two that follow.
    """
    usual = _from_environment(os.environ) or _from_botocore()
    if usual is None:
        return None
    endpoint_url = endpoint_url or usual.endpoint_url
    region = region or usual.region
    style = addressing_style or usual.addressing_style or "auto"
    if usual.ca_bundle and not (endpoint_url or "").startswith("http://"):
        return None  # botocore trusts these certificates alone, others would trust them as well
    if endpoint_url is not None:
        # As botocore does: the bucket is in the path unless the settings say otherwise.
        if style == "virtual" or "@" in urlsplit(endpoint_url).netloc:
            return None
        return S3Settings(endpoint_url, region or "us-east-1", False, usual.credentials)
    if region is None or region.startswith(_OTHER_PARTITIONS):
        return None
    # A dot in the bucket would not fit the certificate.
    virtual = style != "path" and "." not in bucket
    return S3Settings(None, region, virtual, usual.credentials)


def _from_environment(environment: os._Environ[str]) -> _Usual | None:
    """Return the settings if the environment alone says everything."""
    access, secret = (
        environment.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    if not access or not secret:
        return None
    if any(name.startswith("AWS_") and name not in _UNDERSTOOD for name in environment):
        return None
    files = (
        environment.get("AWS_CONFIG_FILE") or "~/.aws/config",
        environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
    )
    if any(Path(file).expanduser().exists() for file in files):
        return None
    found = Credentials(
        access_key_id=access,
        secret_access_key=secret,
        token=environment.get("AWS_SESSION_TOKEN") or None,
        expires_at=None,
    )
    return _Usual(
        environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None,
        environment.get("AWS_DEFAULT_REGION") or None,
        None,
        environment.get("AWS_CA_BUNDLE"),
        lambda: found,
    )


def _from_botocore() -> _Usual | None:
    """Return the settings as botocore finds them: profiles, roles, single sign-on and the rest."""
    import botocore.session
    from botocore.configprovider import ConfiguredEndpointProvider
    from botocore.exceptions import BotoCoreError

    try:
        session = botocore.session.Session()
        own = session.get_config_variable("s3") or {}
        if own.keys() - {"addressing_style"} or any(
            map(session.get_config_variable, _OTHER_ENDPOINTS)
        ):
            return None
        endpoint_url: str | None = None
        if not session.get_config_variable("ignore_configured_endpoint_urls"):
            endpoint_url = ConfiguredEndpointProvider(
                full_config=session.full_config,
                scoped_config=session.get_scoped_config(),
                client_name="s3",
            ).provide()
        region = session.get_config_variable("region")
        ca_bundle = session.get_config_variable("ca_bundle")
        found = session.get_credentials()
    except BotoCoreError:
        # The client that is used instead says the same of the same settings, with a hint.
        return None
    if found is None:
        return None

    def credentials() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(
            access_key_id=frozen.access_key,
            secret_access_key=frozen.secret_key,
            token=frozen.token,
            expires_at=datetime.now(UTC) + _CREDENTIALS_FOR,
        )

    return _Usual(endpoint_url, region, own.get("addressing_style"), ca_bundle, credentials)
