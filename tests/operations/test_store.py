import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from artifacts.store import filesystems
from artifacts.store.errors import (
    AlreadyExistsError,
    ConfigError,
    FormatError,
    StorageError,
    StoreNotFoundError,
)
from artifacts.store.objects import LocalObjects
from artifacts.store.opening import read_identity, write_identity
from artifacts.store.store import Store
from tests import invariants
from tests.support import SMALL, log_files, opened, resolve, write_tree


def test_create_and_open(tmp_path):
    first = Store.create(tmp_path / "store")
    first.close()
    with opened(tmp_path / "store") as second:
        assert second.uuid == first.uuid
        assert second.location == str(tmp_path / "store")


def test_a_store_is_not_part_of_a_git_history(tmp_path):
    Store.create(tmp_path / "store").close()
    assert (tmp_path / "store" / ".gitignore").read_text() == "*\n"


def test_nothing_to_open(tmp_path):
    with pytest.raises(StoreNotFoundError) as caught:
        Store.open(tmp_path / "nothing")
    assert caught.value.exit_code == 10
    assert not (tmp_path / "nothing").exists()


def test_create_refuses_what_is_there(tmp_path, store):
    with pytest.raises(AlreadyExistsError):
        Store.create(store.location)
    write_tree(tmp_path / "mine", {"file": b""})
    with pytest.raises(AlreadyExistsError):
        Store.create(tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == ["file"]
    (tmp_path / "empty").mkdir()
    Store.create(tmp_path / "empty").close()


def test_a_folder_with_other_files_does_not_become_a_store(tmp_path):
    write_tree(tmp_path / "mine", {".gitignore": b"*.pyc\n", "file": b""})
    with pytest.raises(AlreadyExistsError):
        Store.open(tmp_path / "mine", create=True)
    assert sorted(os.listdir(tmp_path / "mine")) == [".gitignore", "file"]
    assert (tmp_path / "mine" / ".gitignore").read_bytes() == b"*.pyc\n"


def test_a_store_whose_making_was_interrupted_is_finished(tmp_path):
    write_tree(tmp_path / "store", {".gitignore": b"", "objects/.tmp-1": b"", "staging/1/x": b""})
    Store.create(tmp_path / "store").close()


def test_a_file_does_not_become_a_store(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(StorageError):
        Store.open(tmp_path / "file", create=True)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("url", ["nothing://bucket/store", "s3://key:secret@bucket/store"])
def test_urls_that_cannot_be_used_are_refused(url):
    with pytest.raises(ConfigError) as caught:
        Store.open(url, create=True)
    assert "secret" not in str(caught.value)


def test_a_store_is_made_in_a_folder(tmp_path):
    with pytest.raises(ConfigError) as caught:
        Store.create("memory://bucket")
    assert caught.value.kind == "unsupported_store"
    assert "--objects" in str(caught.value.hint)


def test_a_network_file_system_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(filesystems, "kind", lambda _path: "nfs4")
    with pytest.raises(ConfigError, match="nfs4") as caught:
        Store.create(tmp_path / "store")
    assert caught.value.kind == "network_filesystem"
    assert not (tmp_path / "store").exists()


# -- newer formats


def test_newer_objects_are_refused(store):
    identity = Path(store.location) / "objects" / "store.json"
    described = orjson.loads(identity.read_bytes())
    identity.chmod(0o644)
    identity.write_bytes(orjson.dumps({**described, "format": 2}))
    with pytest.raises(FormatError, match="format 2") as caught:
        Store.open(store.location)
    assert caught.value.kind == "store_too_new"
    assert caught.value.exit_code == 15


def test_a_newer_catalog_is_refused(store):
    database = sqlite3.connect(Path(store.location) / "catalog.sqlite")
    with database:
        database.execute("UPDATE store SET format = 2")
    database.close()
    with pytest.raises(FormatError) as caught:
        Store.open(store.location)
    assert caught.value.kind == "store_too_new"


def test_a_newer_schema_is_refused(store):
    database = sqlite3.connect(Path(store.location) / "catalog.sqlite")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(FormatError) as caught:
        Store.open(store.location)
    assert caught.value.kind == "store_too_new"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"null", b"\xff"])
def test_a_damaged_identity_is_refused(store, content):
    identity = Path(store.location) / "objects" / "store.json"
    identity.chmod(0o644)
    identity.write_bytes(content)
    with pytest.raises(FormatError):
        Store.open(store.location)


def test_objects_of_another_store_are_refused(store, tmp_path):
    log_files(store, tmp_path / "data", {"a": SMALL})
    other = Store.create(tmp_path / "other")
    other.close()
    store.close()
    shutil.rmtree(Path(store.location) / "objects")
    shutil.copytree(tmp_path / "other" / "objects", Path(store.location) / "objects")
    with pytest.raises(FormatError) as caught:
        Store.open(store.location)
    assert caught.value.kind == "store_mismatch"


def test_objects_that_are_not_mounted_are_noticed(store, tmp_path):
    log_files(store, tmp_path / "data", {"a": SMALL})
    store.close()
    shutil.rmtree(Path(store.location) / "objects")
    with pytest.raises(FormatError) as caught:
        Store.open(store.location)
    assert caught.value.kind == "store_mismatch"
    assert not (Path(store.location) / "objects").exists()


def test_identity_round_trip(tmp_path):
    objects = LocalObjects(tmp_path)
    assert read_identity(objects) is None
    write_identity(objects, "abc")
    assert read_identity(objects) == "abc"


# -- reading without writing

READ = """
import sys
from pathlib import Path
from artifacts.store import checkout
from artifacts.store.check import check
from artifacts.store.errors import ArtifactsError, PermissionDeniedError
from artifacts.store.refs import Ref
from artifacts.store.store import Store

store = Store.open(sys.argv[1])
version = store.catalog.resolve(Ref.parse("data"), entity="local", project="demo")
assert store.manifest(version.digest).get("a").size == 30
assert check(store, read_data=True).problems == []
checkout.checkout(store, store.manifest(version.digest), sys.argv[2])
try:
    store.catalog.set_alias(version.id, "prod")
except PermissionDeniedError:
    print(version.version)
store.close()
"""

MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


def read_only(location):
    """Return the start of a command that sees a folder as on a read-only medium."""
    command = ["unshare", "-m", "sh", "-c", MOUNT, "sh", str(location)]
    try:
        probe = subprocess.run([*command, "true"], check=False, capture_output=True)
    except FileNotFoundError:
        probe = None
    if probe is None or probe.returncode != 0:
        pytest.skip("mounting needs root on Linux")
    return command


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open elsewhere"])
def test_a_read_only_store_can_be_read(store, tmp_path, closed):
    log_files(store, tmp_path / "data", {"a": b"older"})
    log_files(store, tmp_path / "data2", {"a": SMALL})
    if closed:
        store.close()
    reader = [sys.executable, "-c", READ, store.location, str(tmp_path / "out")]
    ended = subprocess.run(
        [*read_only(store.location), *reader], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    # The newest one, also if it is still in the log of a database that somebody has open.
    assert ended.stdout == "v1\n"
    assert (tmp_path / "out" / "a").read_bytes() == SMALL


def test_a_store_of_an_older_moment_is_still_there_after_reading(store, tmp_path):
    version = log_files(store, tmp_path / "data", {"a": SMALL})
    with opened(Path(store.location)) as second:
        assert resolve(second, "data") == version
        log_files(second, tmp_path / "data2", {"a": b"2"})
    assert resolve(store, "data").version == "v1"
    invariants.assert_consistent(store)
