"""Short ways to make folders, versions and faults, for the tests of the engine."""

from __future__ import annotations

import multiprocessing
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store import checkout, copying, ingest, walking
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import RefNotFoundError
from artifacts.store.manifest import Manifest
from artifacts.store.records import VersionDraft
from artifacts.store.refs import Ref
from artifacts.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest

    from artifacts.store.records import VersionRecord
    from artifacts.store.walking import SymlinkPolicy

ENTITY, PROJECT = "local", "demo"

SMALL = b"a small file goes into a pack\n"
LARGE = bytes(range(256)) * 1200  # 300 KiB: an object of its own
HUGE = os.urandom(1 << 20) * 9  # more than is held in memory at once


def write_tree(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below ``root``, which is created, and return it."""
    root.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    """Return every file below ``root``, links not followed into folders."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def is_executable(path: Path) -> bool:
    """Whether the owner may execute a file."""
    return bool(path.stat().st_mode & stat.S_IXUSR)


def find_latest(store: Store, name: str) -> VersionRecord | None:
    """Return the latest version of an artifact, or None."""
    try:
        return store.catalog.resolve(Ref(None, None, name), entity=ENTITY, project=PROJECT)
    except RefNotFoundError:
        return None


def resolve(store: Store, text: str) -> VersionRecord:
    """Return the version that a reference names."""
    return store.catalog.resolve(Ref.parse(text), entity=ENTITY, project=PROJECT)


def draft_of(
    manifest: Manifest,
    name: str = "data",
    *,
    type_: str = "dataset",
    aliases: tuple[str, ...] = (),
    latest: bool = True,
    run: int | None = None,
    expected_latest: int | None = None,
) -> VersionDraft:
    """Return what the catalog needs to know to commit a manifest."""
    return VersionDraft(
        entity=ENTITY,
        project=PROJECT,
        name=name,
        type=type_,
        digest=manifest.digest,
        size=manifest.size,
        file_count=len(manifest),
        aliases=aliases,
        latest=latest,
        run=run,
        expected_latest=expected_latest,
    )


def log_tree(
    store: Store,
    folder: Path,
    name: str = "data",
    *,
    aliases: tuple[str, ...] = (),
    latest: bool = True,
    run: int | None = None,
    symlinks: SymlinkPolicy = "follow",
) -> VersionRecord:
    """Log a folder as a version."""
    upload = store.upload(lambda: find_latest(store, name))
    try:
        entries = ingest.add_files(store, upload, walking.walk(str(folder), symlinks=symlinks))
        manifest = Manifest(entries)
        draft = draft_of(manifest, name, aliases=aliases, latest=latest, run=run)
        return store.commit(draft, upload, manifest)[0]
    except BaseException:
        upload.suspend()
        raise


def leave_upload(store: Store) -> None:
    """Leave what an upload leaves that is killed before its commit."""
    killed = store.upload()
    path = killed.new_path()
    path.write_bytes(LARGE * 2)
    killed.add_staged(path, hash_bytes(LARGE * 2), len(LARGE) * 2)
    killed.finish()
    killed.close()


def log_files(
    store: Store, folder: Path, files: Mapping[str, bytes], name: str = "data"
) -> VersionRecord:
    """Write a new folder and log it."""
    return log_tree(store, write_tree(folder, files), name)


def make_template(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Make a store with one version, to be copied by each test, and return its folder."""
    with opened(folder / "store") as store:
        log_files(store, folder / "data", files)
    return folder / "store"


def pull(
    store: Store,
    version: VersionRecord,
    target: Path,
    *,
    link: checkout.LinkMode = "copy",
    remove_extra: bool = False,
    allow_missing_references: bool = False,
    keep: bool = True,
) -> checkout.CheckoutResult:
    """Write a version's files into a folder."""
    return checkout.checkout(
        store,
        store.manifest(version.digest),
        str(target),
        link=link,
        remove_extra=remove_extra,
        allow_missing_references=allow_missing_references,
        keep=keep,
    )


def object_file(store: Store, key: str) -> Path:
    """Return the file in which an object lies, to look at or damage it."""
    path = store.objects.local_path(key)
    assert path is not None
    return path


def damage(path: Path, *, at: int = 0) -> None:
    """Change one byte of a file that is read-only by intention."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def staging_folders(store: Store) -> list[Path]:
    """Return what uploads have left in the staging folder."""
    return sorted(store.staging.iterdir()) if store.staging.exists() else []


def make_old(path: Path) -> None:
    """Give a file a modification time that any change makes different."""
    os.utime(path, ns=(10**18, 10**18))


def when_read(
    monkeypatch: pytest.MonkeyPatch,
    path: Path,
    action: Callable[[], None],
    *,
    times: int | None = 1,
) -> None:
    """Run ``action`` right after bytes of a file were read: the file changes under the reader.

    Args:
        times: How often; None means after every read.
    """
    target = path.stat()
    calls = 0

    def after(descriptor: int) -> None:
        nonlocal calls
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != (target.st_dev, target.st_ino) and times is not None:
            return
        if not stat.S_ISREG(status.st_mode) or (times is not None and calls >= times):
            return
        calls += 1
        action()

    real_read, real_readv = os.read, os.readv

    def read(descriptor: int, count: int) -> bytes:
        data = real_read(descriptor, count)
        after(descriptor)
        return data

    def readv(descriptor: int, buffers: list[memoryview]) -> int:
        read_bytes = real_readv(descriptor, buffers)
        after(descriptor)
        return read_bytes

    monkeypatch.setattr(os, "read", read)
    monkeypatch.setattr(os, "readv", readv)
    # Sharing blocks is one step that nothing can come between.
    monkeypatch.setattr(copying, "reflink", lambda _source, _target: False)


def in_forked_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns in a forked process, which has to end well."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=lambda: queue.put(function(*arguments)))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    return queue.get()


@contextmanager
def opened(location: Path, cache_dir: Path | None = None) -> Iterator[Store]:
    """Open a store, made if need be, and close it in the end."""
    store = Store.open(location, create=True, cache_dir=cache_dir)
    try:
        yield store
    finally:
        store.close()


def everything_in(store: Store) -> list[dict[str, Any]]:
    """Return all that a store's catalog holds, as the records of an export."""
    found: list[dict[str, Any]] = []

    def start() -> Callable[[dict[str, Any]], None]:
        found.clear()
        return found.append

    store.catalog.export(start, None)
    return found
