import subprocess
import sys

import pytest

from artifacts.store.errors import ConfigError
from artifacts.store.objects import LocalObjects, RetryingObjects, open_objects
from artifacts.store.objects.remote import FsspecObjects
from artifacts.store.objects.s3 import S3Objects


def test_paths_are_local(tmp_path):
    for place in (tmp_path, str(tmp_path), f"file://{tmp_path}"):
        objects = open_objects(place)
        assert isinstance(objects, LocalObjects)
        assert objects.root == tmp_path


def test_what_is_special_in_a_url_may_be_in_a_path(tmp_path):
    path = tmp_path / "50% of #1? é"
    for place in (str(path), path.as_uri()):
        objects = open_objects(place)
        assert isinstance(objects, LocalObjects)
        assert objects.root == path


def test_s3():
    objects = open_objects(
        "s3://bucket/some/prefix/?endpoint_url=http://127.0.0.1:1&region=x&addressing_style=path"
    )
    assert isinstance(objects, RetryingObjects)
    assert isinstance(objects.inner, S3Objects)
    assert (objects.inner.bucket, objects.inner.prefix) == ("bucket", "some/prefix/")
    assert repr(objects) == "RetryingObjects(S3Objects('s3://bucket/some/prefix'))"
    objects = open_objects("s3://bucket/", retries=False)
    assert isinstance(objects, S3Objects)
    assert objects.prefix == ""


def test_others():
    objects = open_objects("memory://place/below", retries=False)
    assert isinstance(objects, FsspecObjects)
    assert repr(objects) == "FsspecObjects('memory://place/below')"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("s3://", "bad_url"),
        ("s3:///prefix", "bad_url"),
        ("s3://b", "bad_url"),
        ("s3://bucket/a//b", "bad_url"),
        ("s3://bucket/../b", "bad_url"),
        ("s3://bucket?colour=red", "bad_url"),
        ("s3://bucket?region=", "bad_url"),
        ("s3://bucket?addressing_style=strange", "bad_url"),
        ("s3://bucket?endpoint_url=127.0.0.1:9000", "bad_url"),
        ("s3://bucket?endpoint_url=ftp://host", "bad_url"),
        ("s3://[bucket", "bad_url"),
        ("file://host/path", "bad_url"),
        ("file://", "bad_url"),
        ("://x", "bad_url"),
        ("memory://x?y=z", "bad_url"),
        ("simplecache::memory://x", "bad_url"),
        ("nonsense://x", "unknown_protocol"),
    ],
)
def test_bad_urls(url, kind):
    with pytest.raises(ConfigError) as caught:
        open_objects(url)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAX:hunter2@bucket/x",
        "s3://hunter2@bucket/x",
        "s3://bucket/x?key=AKIAX&secret=hunter2",
        "s3://bucket/x?aws_secret_access_key=hunter2",
        "s3://bucket/x?token=hunter2",
        "s3://bucket/x?endpoint_url=http://me:hunter2@127.0.0.1",
        "s3://bucket/x?endpoint_url=http://hunter2@127.0.0.1",
        "s3://bucket/x?endpoint_url=http://127.0.0.1/?password=hunter2",
        "sftp://me:hunter2@host/x",
        "az://x?account_key=hunter2",
        "memory://x?api_key=hunter2",
    ],
)
def test_secrets_are_refused_and_not_repeated(url):
    with pytest.raises(ConfigError) as caught:
        open_objects(url)
    assert caught.value.hint is not None
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "hint"),
    [("gs://bucket/x", "pip install gcsfs"), ("sftp://host/x", "pip install paramiko")],
)
def test_a_missing_package_is_named(url, hint, monkeypatch):
    for module in ("gcsfs", "paramiko"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError) as caught:
        open_objects(url)
    assert caught.value.kind == "package_missing"
    assert caught.value.hint == hint


def test_a_missing_s3fs_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        open_objects("s3://bucket/x")
    assert caught.value.hint == "pip install 'artifacts-cas[s3]'"


def test_backends_are_imported_on_use():
    code = (
        "import sys; from artifacts.store.objects import open_objects; open_objects('/x')\n"
        "print({'fsspec', 's3fs', 'botocore', 'asyncio'} & sys.modules.keys())\n"
        "open_objects('s3://bucket/x')\n"
        "print({'fsspec', 's3fs', 'botocore'} & sys.modules.keys())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\nset()\n"
