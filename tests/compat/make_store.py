"""Write a tiny store of the present format as an archive, to be read by every later version.

    python tests/compat/make_store.py 1

makes ``tests/compat/format-1.zip``. It is made once, when a format is released, and then never
again: what it contains is what users have. (Before the first release it may be made anew.)
"""

import sys
import tempfile
import zipfile
from pathlib import Path

from artifacts.store import ingest
from artifacts.store.digests import hash_bytes
from artifacts.store.format import FORMAT
from artifacts.store.manifest import Entry, Manifest, Reference
from artifacts.store.records import LinkKind, VersionDraft
from artifacts.store.store import Store
from artifacts.store.walking import walk

SMALL = b"a small file goes into a pack\n"
LARGE = bytes(range(256)) * 1200
FIRST = {"a.txt": SMALL, "deep/er/large.bin": LARGE, "empty": b"", "é.txt": b"accent\n"}
SECOND = {**FIRST, "a.txt": b"changed\n", "run.sh": b"#!/bin/sh\n"}


def main() -> None:
    """Make the archive."""
    if sys.argv[1:] != [str(FORMAT)]:
        sys.exit(f"usage: make_store.py {FORMAT}")
    archive = Path(__file__).with_name(f"format-{FORMAT}.zip")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        store = Store.create(folder / "store")
        _fill(store, folder)
        store.close()
        _write(archive, folder / "store")


def _fill(store: Store, folder: Path) -> None:
    catalog = store.catalog
    run = catalog.create_run("local", "demo", "run1", {"name": "first", "config": {"lr": 0.1}})
    first = _log(store, folder / "1", FIRST, run=run.key, metadata={"rows": 3, "ü": None})
    catalog.set_alias(first, "prod")
    catalog.add_tags(first, ["checked"])
    catalog.finish_run(run.key, "finished", 0)
    second = catalog.create_run("local", "demo", "run2", {"name": "second"})
    catalog.link(second.key, first, LinkKind.INPUT, ref_text="corpus:prod", alias="prod")
    _log(store, folder / "2", SECOND, run=second.key, metadata={})
    catalog.delete_version(_log(store, folder / "3", {"gone": b"gone"}, run=None, metadata={}))
    reference = Reference("file:///nowhere/x", "etag", "7", hashed=False)
    manifest = Manifest([Entry("x", reference.identity(), 5, reference=reference)])
    upload = store.upload()
    store.commit(_draft(manifest, "refs", None, {}), upload, manifest)


def _log(
    store: Store, folder: Path, files: dict[str, bytes], *, run: int | None, metadata: dict
) -> int:
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if path.endswith(".sh") else 0o644)
    upload = store.upload()
    manifest = Manifest(ingest.add_files(store, upload, walk(str(folder))))
    assert all(hash_bytes(files[entry.path]) == entry.digest for entry in manifest)
    return store.commit(_draft(manifest, "corpus", run, metadata), upload, manifest)[0].id


def _draft(manifest: Manifest, name: str, run: int | None, metadata: dict) -> VersionDraft:
    return VersionDraft(
        entity="local",
        project="demo",
        name=name,
        type="dataset",
        digest=manifest.digest,
        size=manifest.size,
        file_count=len(manifest),
        description="a store of an earlier time",
        metadata=metadata,
        run=run,
        created_by="somebody@somewhere",
    )


def _write(archive: Path, root: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(root).as_posix())


if __name__ == "__main__":
    main()
