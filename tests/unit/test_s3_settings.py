"""The settings of S3 that are read without botocore mean what they mean to botocore."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import botocore.session
import pytest

from artifacts.store.objects.s3_settings import read_settings

KEYS = {"AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "secret"}
FILE_KEYS = "aws_access_key_id = fileaccess\naws_secret_access_key = filesecret\n"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize("config", ["", "[default]\n", "[default]\nregion = eu-west-1\n"])
@pytest.mark.parametrize(
    "environment",
    [
        KEYS | {"AWS_DEFAULT_REGION": "eu-central-1"},
        KEYS | {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_SESSION_TOKEN": "token"},
        KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        KEYS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "x"},
        KEYS
        | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2"},
        KEYS
        | {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_DEFAULT_REGION": "x",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        },
    ],
)
@pytest.mark.parametrize("bucket", ["bucket", "bucket.with.dots"])
def test_a_client_of_botocore_agrees(monkeypatch, tmp_path, config, environment, bucket):
    if config:
        (tmp_path / "config").write_text(config)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = read_settings(bucket, None, None, None)
    session = botocore.session.Session()
    client = session.create_client("s3", region_name=session.get_config_variable("region"))
    signed = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "key"})
    host = signed.partition("?")[0]
    if found is None:
        assert "amazonaws.com" in host  # AWS without a region: only botocore follows its answers
        assert session.get_config_variable("region") is None
        return
    expected = (
        f"{found.endpoint_url}/{bucket}/key"
        if found.endpoint_url
        else f"https://{bucket}.s3.{found.region}.amazonaws.com/key"
        if found.virtual
        else f"https://s3.{found.region}.amazonaws.com/{bucket}/key"
    )
    # Of links that are signed in advance the old signature alone names no region.
    assert host.replace("s3.amazonaws.com", f"s3.{found.region}.amazonaws.com") == expected
    credentials = found.credentials()
    frozen = session.get_credentials().get_frozen_credentials()
    assert (
        credentials["access_key_id"],
        credentials["secret_access_key"],
        credentials["token"],
    ) == (frozen.access_key, frozen.secret_key, frozen.token)


def test_what_is_given_goes_first(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    found = read_settings("bucket", "http://127.0.0.1:9", "given", "path")
    assert found is not None
    assert found[:3] == ("http://127.0.0.1:9", "given", False)


def test_a_profile(monkeypatch, tmp_path):
    (tmp_path / "config").write_text(
        "[profile other]\nregion = eu-west-1\nservices = mine\n"
        f"s3 =\n  addressing_style = path\n{FILE_KEYS}"
        "[services mine]\ns3 =\n  endpoint_url = http://127.0.0.1:7\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "other")
    found = read_settings("bucket", None, None, None)
    assert found is not None
    assert found[:3] == ("http://127.0.0.1:7", "eu-west-1", False)
    credentials = found.credentials()
    assert credentials["access_key_id"] == "fileaccess"
    assert credentials["expires_at"] is not None
    assert credentials["expires_at"] > datetime.now(UTC)


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        ("[default]\nregion = eu-west-1\ns3 =\n  use_accelerate_endpoint = true\n", KEYS),
        ("[default]\nregion = eu-west-1\nuse_dualstack_endpoint = true\n", KEYS),
        ("", KEYS | {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_REGION": "us-east-1"}),
        ("", KEYS | {"AWS_CA_BUNDLE": "/ca.pem", "AWS_DEFAULT_REGION": "us-east-1"}),
        (
            "",
            KEYS | {"AWS_CA_BUNDLE": "/ca.pem", "AWS_ENDPOINT_URL": "https://127.0.0.1:1"},
        ),
        ("", KEYS | {"AWS_DEFAULT_REGION": "cn-north-1"}),
        ("", KEYS | {"AWS_ENDPOINT_URL": "http://name:password@127.0.0.1:1"}),
        ("", KEYS),
        ("", {"AWS_PROFILE": "nobody"}),
        ("[default]\nregion = eu-west-1\n", {}),
        ("[default\n", KEYS | {"AWS_DEFAULT_REGION": "us-east-1"}),
    ],
    ids=[
        "accelerate",
        "dualstack",
        "fips",
        "ca",
        "ca-elsewhere",
        "china",
        "password",
        "region",
        "profile",
        "credentials",
        "syntax",
    ],
)
def test_what_only_botocore_may_decide(monkeypatch, tmp_path, config, environment):
    if config:
        (tmp_path / "config").write_text(config)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_settings("bucket", None, None, None) is None


def test_virtual_hosts_at_other_services(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert read_settings("bucket", "http://127.0.0.1:9", None, "virtual") is None
    found = read_settings("bucket", None, "eu-west-1", "virtual")
    assert found is not None
    assert found.virtual


def test_botocore_is_not_imported_where_the_environment_says_everything(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    code = (
        "import sys\n"
        "from artifacts.store.objects.s3_obstore import open_reader\n"
        "assert open_reader('bucket', None, None, None) is not None\n"
        "print(*sorted({'botocore', 's3fs', 'fsspec', 'aiohttp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
