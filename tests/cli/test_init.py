"""`art init` with parts that are elsewhere: what it makes, what it refuses, how it is finished."""

import functools
import secrets
from pathlib import Path

import pytest

from artifacts.store import opening
from artifacts.store.errors import StorageError
from artifacts.store.objects import open_objects
from tests import servers


@pytest.fixture
def bucket():
    """A place for objects that only this test uses."""
    return f"memory://{secrets.token_hex(8)}"


@pytest.fixture
def pushed(data):
    Path("a.txt").write_bytes(b"hello\n")
    return "a.txt"


def test_objects_elsewhere(art, bucket, data):
    result = art("init", "--objects", bucket)
    assert bucket in result.out
    assert "only this machine" in result.out
    assert Path(".artifacts/store.toml").read_text().count(bucket) == 1
    art("push", "data", "corpus")
    art("pull", "corpus", "-o", "out")
    assert Path("out/a.txt").read_bytes() == b"hello\n"
    assert not Path(".artifacts/objects").exists()


def test_as_json(art, bucket):
    made = art("init", "work", "--objects", bucket, "--json").json
    assert made == {
        "store": str(Path("work/.artifacts").absolute()),
        "uuid": made["uuid"],
        "objects": bucket,
        "catalog": None,
        "joined": False,
    }


def test_objects_in_a_folder(art, data):
    result = art("init", "work", "--objects", "share")
    assert str(Path("share").absolute()) in result.out
    assert opening.read_identity(open_objects(Path("share/objects"))) is not None


def test_nothing_is_left_at_the_objects_but_the_identity(art, bucket):
    art("init", "--objects", bucket)
    listed = [info.key for info in open_objects(bucket).list()]
    assert listed == ["store.json"]


def test_objects_of_another_store_are_not_taken(art, bucket):
    art("init", "one", "--objects", bucket)
    result = art("init", "two", "--objects", bucket, code=12)
    assert f"there is a store already at {bucket}" in result.err
    assert "export ART_STORE" in result.err
    assert not Path("two").exists(), "nothing was made that would be taken for a store"
    art("init", "two")


def test_a_store_is_not_made_twice(art, bucket):
    art("init", "--objects", bucket)
    assert "there is a store already at" in art("init", "--objects", bucket, code=12).err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objects", "s3://key:secretkey@bucket/x"], "credentials do not belong"),
        (["--objects", "s3://bucket/x?aws_secret_access_key=secretkey"], "credentials do not"),
        (["--objects", "memory://x", "--catalog", "postgresql://u:secretkey@h/d"], "a password"),
        (["--objects", "s3://bucket/x?colour=red"], "no option 'colour'"),
    ],
)
def test_secrets_and_mistakes_are_refused_and_not_repeated(art, options, message):
    result = art("init", *options, code=2)
    assert message in result.err
    assert "secretkey" not in result.err + result.out
    assert not list(Path().rglob("store.toml"))


def test_what_was_refused_is_finished_by_the_same_command(art, bucket, monkeypatch):
    def refuse(*_, **__):
        raise StorageError("the bucket is full")

    with monkeypatch.context() as patch:
        patch.setattr("artifacts.store.objects.remote.FsspecObjects.put", refuse)
        assert "the bucket is full" in art("init", "--objects", bucket, code=14).err
    art("init", "--objects", bucket)


# -- servers


def test_a_bucket_that_is_not_there(art, s3_url):
    url = s3_url.replace("s3://test/", "s3://nowhere/")
    result = art("init", "--objects", url, code=10)
    assert "there is no bucket nowhere" in result.err
    assert "Hint: create the bucket" in result.err
    assert not Path(".artifacts").exists()


def test_a_bucket_that_may_not_be_written(art, s3_url, monkeypatch, pushed):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.READER[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.READER[1])
    result = art("init", "--objects", s3_url, code=16)
    assert "s3:PutObject" in result.err
    assert servers.READER[1] not in result.err
    assert not Path(".artifacts").exists()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.ADMIN[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.ADMIN[1])
    art("init", "--objects", s3_url)
    art("push", pushed)


def test_a_catalog_that_does_not_answer(art, bucket):
    result = art(
        "init", "--objects", bucket, "--catalog", "postgresql://127.0.0.1:1/nothing", code=14
    )
    assert "cannot be reached" in result.err
    assert "Hint: check that PostgreSQL is running" in result.err


def test_two_servers(art, s3_url, postgres_url, pushed):
    result = art("init", "work", "--objects", s3_url, "--catalog", postgres_url)
    assert f"export ART_STORE='{postgres_url}'" in result.out
    assert "store.toml" in result.out
    for secret in servers.ADMIN:
        assert (
            secret not in result.out + result.err + Path("work/.artifacts/store.toml").read_text()
        )
    art("--store", postgres_url, "push", pushed)
    assert art("--store", "work/.artifacts", "ls", "-q").lines == ["uncategorized/a.txt"]
    assert art("--store", s3_url, "ls", "-q").lines == ["uncategorized/a.txt"]


def test_a_half_made_store_is_finished(art, s3_url, postgres_url, monkeypatch, pushed):
    def refuse(*_, **__):
        raise StorageError("the network is down")

    options = ("--objects", s3_url, "--catalog", postgres_url)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "write_identity", refuse)
        art("init", *options, code=14)
    assert not Path(".artifacts/store.toml").exists()
    assert "made a store" in art("init", *options).out
    art("push", pushed)
    art("check", "--read-data")


def test_a_second_folder_leads_to_the_same_store(art, s3_url, postgres_url, pushed):
    options = ("--objects", s3_url, "--catalog", postgres_url)
    first = art("init", "one", *options, "--json").json
    second = art("init", "two", *options, "--json").json
    assert (first["joined"], second["joined"]) == (False, True)
    assert second["uuid"] == first["uuid"]
    assert "leads to a store that was there" in art("init", "three", *options).out
    art("--store", "one/.artifacts", "push", pushed)
    assert art("--store", "two/.artifacts", "ls", "-q").lines == ["uncategorized/a.txt"]


def test_objects_that_were_restored_to_another_place(art, bucket, postgres_url, pushed):
    art("init", "one", "--objects", bucket, "--catalog", postgres_url)
    art("--store", "one/.artifacts", "push", pushed)
    old, new = open_objects(bucket), open_objects(f"{bucket}-copy")
    for key, size in old.list():
        new.put(key, functools.partial(old.open, key), size=size)
    result = art("init", "two", "--objects", f"{bucket}-copy", "--catalog", postgres_url)
    assert f"Note: the catalog names other objects, {bucket};" in result.err
    old.delete([info.key for info in old.list()])
    art("--store", "two/.artifacts", "check", "--read-data")


def test_another_catalog_for_the_same_objects_is_refused(art, s3_url, postgres_url):
    art("init", "one", "--objects", s3_url)
    result = art("init", "two", "--objects", s3_url, "--catalog", postgres_url, code=15)
    assert "belongs to a store already" in result.err


def test_a_shared_folder_with_a_catalog_on_a_server(art, postgres_url, pushed):
    art("init", "work", "--objects", "share", "--catalog", postgres_url)
    art("--store", postgres_url, "push", pushed)
    assert any(path.is_file() for path in Path("share/objects/packs").rglob("*"))
    art("--store", "work/.artifacts", "pull", "a.txt", "-o", "out")
    assert Path("out/a.txt").read_bytes() == b"hello\n"
