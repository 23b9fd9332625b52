"""What a store contains is what the specification says, read without the code that wrote it."""

import json
import re
import sqlite3
import struct
from pathlib import Path

import blake3
import pytest
import zstandard

import artifacts

SPEC = Path(__file__).resolve().parents[2] / "docs" / "spec" / "format-v1.md"

STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\bfnrt]|\\u00[01][0-9a-f])*"'
LINE = re.compile(rf'\[{STRING},"blake3:[0-9a-f]{{64}}",(0|[1-9][0-9]*)(,\{{"[^\n]+\}})?\]\n')
LOOSE = re.compile(
    r"blobs/(?P<two>[0-9a-f]{2})/(?P<digest>(?P=two)[0-9a-f]{62})\.[0-9a-f]{16}(\.zst)?"
)
PACK = re.compile(r"packs/(?P<two>[0-9a-f]{2})/(?P=two)[0-9a-f]{30}")

LARGE = bytes(range(256)) * 2000


@pytest.fixture
def store(tmp_path):
    data = tmp_path / "data"
    (data / "folder").mkdir(parents=True)
    (data / "empty").touch()
    (data / "folder" / 'quote" é').write_text("small")
    (data / "folder" / "large.bin").write_bytes(LARGE)
    (data / "run.sh").write_text("#!/bin/sh\n")
    (data / "run.sh").chmod(0o755)
    with artifacts.init(project="demo", store=tmp_path / "store") as run:
        artifact = artifacts.Artifact("data", type="dataset")
        artifact.add_dir(data)
        artifact.add_reference(data.as_uri(), name="there")
        artifact.add_reference((data / "run.sh").as_uri(), name="unread", checksum=False)
        run.log_artifact(artifact)
    return tmp_path / "store"


def read_pack(data: bytes) -> dict[bytes, bytes]:
    """Return the raw blobs of a pack by their digests."""
    length, index_digest, magic = struct.unpack("<Q32s8s", data[-48:])
    assert magic == b"ARTPACK\x01"
    index = data[len(data) - 48 - length : -48]
    assert blake3.blake3(index).digest() == index_digest
    found = {}
    for digest, offset, stored, size, encoding in struct.iter_unpack("<32sQQQB", index):
        blob = data[offset : offset + stored]
        if encoding == 1:
            assert zstandard.frame_content_size(blob) == size
            blob = zstandard.ZstdDecompressor().decompress(blob)
        assert (len(blob), blake3.blake3(blob).digest()) == (size, digest)
        found[digest] = blob
    return found


def read_objects(root: Path) -> dict[bytes, bytes]:
    """Return all blobs of an object store by their digests."""
    found: dict[bytes, bytes] = {}
    for path in sorted(root.rglob("*")):
        key = path.relative_to(root).as_posix()
        if not path.is_file() or key == "store.json":
            continue
        assert path.stat().st_mode & 0o777 == 0o444
        data = path.read_bytes()
        if PACK.fullmatch(key):
            found |= read_pack(data)
            continue
        loose = LOOSE.fullmatch(key)
        assert loose, key
        if key.endswith(".zst"):
            data = zstandard.ZstdDecompressor().decompress(data)
        assert blake3.blake3(data).hexdigest() == loose["digest"]
        found[bytes.fromhex(loose["digest"])] = data
    return found


def query(store: Path, statement: str) -> list[tuple]:
    connection = sqlite3.connect(store / "catalog.sqlite")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_reader_that_knows_only_the_specification_finds_everything(store, tmp_path):
    blobs = read_objects(store / "objects")
    [(digest,)] = query(store, "SELECT digest FROM versions")
    text = blobs[digest].decode()

    header, *lines = text.splitlines(keepends=True)
    assert header == '{"format":"artifacts-manifest","version":1}\n'
    assert all(LINE.fullmatch(line) for line in lines)
    entries = [json.loads(line) for line in lines]
    assert [entry[0].encode() for entry in entries] == sorted(e[0].encode() for e in entries)

    for path, name, size, *attributes in entries:
        described = attributes[0] if attributes else {}
        assert list(described) == sorted(described)
        content = bytes.fromhex(name.removeprefix("blake3:"))
        if described.get("unread"):
            assert content == blake3.blake3(f"{described['uri']}\n\n".encode()).digest()
            continue
        file = tmp_path / "data" / path.removeprefix("there/")
        assert content == blake3.blake3(file.read_bytes()).digest()
        assert size == file.stat().st_size
        assert ("uri" in described) is path.startswith("there/")
        if "uri" not in described:
            assert blobs[content] == file.read_bytes()
            assert described.get("executable", False) is (path == "run.sh")


def test_identity_is_in_both_halves(store):
    text = (store / "objects" / "store.json").read_text()
    [(uuid, version)] = query(store, "SELECT uuid, format FROM store")
    assert json.loads(text) == {"format": version, "uuid": uuid}
    assert version == 1


def test_tables_are_those_of_the_specification(store):
    catalog = (
        SPEC.read_text(encoding="utf-8").partition("\n## 8. Catalog\n")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", catalog, re.MULTILINE)
    specified = {table: re.findall(r"`(\w+)`", columns) for table, columns in rows}
    names = query(store, "SELECT name FROM sqlite_master WHERE type = 'table'")
    actual = {
        name: [row[1] for row in query(store, f"PRAGMA table_info({name})")]
        for (name,) in names
        if not name.startswith("sqlite_") and name != "alembic_version"
    }
    assert specified == actual


def test_rows_lead_to_the_objects(store):
    rows = query(
        store,
        "SELECT key, state, blobs.digest, offset, length, objects.size, objects.digest FROM blobs "
        "JOIN objects ON objects.id = object_id",
    )
    assert {state for _, state, *_ in rows} == {"live"}
    for key, _, digest, offset, length, size, of_object in rows:
        data = (store / "objects" / key).read_bytes()
        assert len(data) == size
        assert blake3.blake3(data).digest() == of_object
        assert offset + length <= size
        assert digest in read_objects(store / "objects")
