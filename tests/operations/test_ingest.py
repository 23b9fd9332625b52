import os
import socket
import stat
import time
import unicodedata

import pytest

from artifacts import Artifact
from artifacts.store import ingest, walking
from artifacts.store.errors import (
    ArtifactsError,
    IntegrityError,
    InvalidInputError,
    PermissionDeniedError,
    StorageError,
)
from artifacts.store.manifest import Manifest
from tests import invariants
from tests.support import (
    LARGE,
    SMALL,
    draft_of,
    find_latest,
    is_executable,
    log_files,
    log_tree,
    make_old,
    pull,
    read_tree,
    resolve,
    staging_folders,
    when_read,
    write_tree,
)


@pytest.fixture
def folder(tmp_path):
    return write_tree(tmp_path / "data", {"a.txt": SMALL, "b/large.bin": LARGE})


def paths(files):
    return [file.path for file in files]


# -- walking


def test_walk_is_sorted_and_complete(tmp_path):
    files = ["z", "a/b/c", "a/.hidden", ".git/config", "a-b", "a.b", "A"]
    write_tree(tmp_path / "data", dict.fromkeys(files, b""))
    (tmp_path / "data" / "empty").mkdir()
    found = walking.walk(str(tmp_path / "data"))
    assert sorted(paths(found)) == sorted(files)
    assert all(file.source.endswith(file.path) for file in found)


def test_symlinks_are_followed(folder, tmp_path):
    write_tree(tmp_path / "elsewhere", {"deep/file": b"1"})
    (folder / "to_file").symlink_to("a.txt")
    (folder / "to_folder").symlink_to(tmp_path / "elsewhere")
    (folder / "to_sibling").symlink_to("b")
    assert sorted(paths(walking.walk(str(folder)))) == [
        "a.txt",
        "b/large.bin",
        "to_file",
        "to_folder/deep/file",
        "to_sibling/large.bin",
    ]


def test_symlinks_are_skipped(folder):
    (folder / "to_file").symlink_to("a.txt")
    (folder / "to_folder").symlink_to("b")
    (folder / "broken").symlink_to("nowhere")
    (folder / "b" / "loop").symlink_to("..")
    assert sorted(paths(walking.walk(str(folder), symlinks="skip"))) == ["a.txt", "b/large.bin"]


def test_symlinks_are_an_error(folder):
    (folder / "link").symlink_to("a.txt")
    with pytest.raises(InvalidInputError, match="link is a symbolic link") as caught:
        walking.walk(str(folder), symlinks="error")
    assert caught.value.kind == "symlink"


@pytest.mark.parametrize("target", ["..", "../..", ".", "../b"])
def test_circles_are_found(folder, target):
    (folder / "b" / "loop").symlink_to(target)
    with pytest.raises(InvalidInputError) as caught:
        walking.walk(str(folder if target != "../.." else folder.parent))
    assert caught.value.kind == "symlink_loop"


@pytest.mark.parametrize("target", ["nowhere", "self"])
def test_links_that_lead_nowhere_are_refused(folder, target):
    (folder / "self").symlink_to(target)
    with pytest.raises(InvalidInputError) as caught:
        walking.walk(str(folder))
    assert caught.value.kind == "broken_symlink"
    assert caught.value.hint is not None


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)


def make_device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device needs root")


@pytest.mark.parametrize("make", [make_fifo, make_socket, make_device])
def test_special_files_are_refused(folder, make, monkeypatch):
    monkeypatch.chdir(folder)  # names of sockets must be short
    make("special")
    with pytest.raises(InvalidInputError, match="special is neither") as caught:
        walking.walk(str(folder))
    assert caught.value.kind == "special_file"
    with pytest.raises(InvalidInputError):
        walking.source_file("special", "special")
    found = walking.walk(str(folder), ignore=lambda path, _is_folder: path == "special")
    assert sorted(paths(found)) == ["a.txt", "b/large.bin"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ArtifactsError):
        walking.walk(str(tmp_path / "nothing"))


def test_files_of_an_unfinished_pull_are_left_out(folder):
    write_tree(folder / ".artifacts-pull", {"abc/1": b"partial"})
    assert sorted(paths(walking.walk(str(folder)))) == ["a.txt", "b/large.bin"]


@pytest.mark.parametrize(
    "name",
    [
        ".artifacts",
        "my-store",
    ],
)
def test_a_store_inside_the_folder_is_left_out(folder, name):
    for content in (b"1", b"2"):
        (folder / "c").write_bytes(content)
        artifact = Artifact("data", "dataset", store=folder / name)
        artifact.add_dir(folder)
        artifact.save()
        assert sorted(artifact.manifest) == ["a.txt", "b/large.bin", "c"]


def test_artignore(folder):
    write_tree(
        folder,
        {
            ".artignore": b"# comment\n*.tmp\n!keep.tmp\n/b/\ncache/\n\n",
            "x.tmp": b"",
            "keep.tmp": b"",
            "deep/y.tmp": b"",
            "deep/cache/z": b"",
            "deep/b/w": b"",
        },
    )
    artifact = Artifact("data", "dataset")
    artifact.add_dir(folder)
    assert sorted(artifact.manifest) == [".artignore", "a.txt", "deep/b/w", "keep.tmp"]


def test_what_is_ignored_may_be_unusable(folder):
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / ".artignore").write_text("broken\npipe\n")
    artifact = Artifact("data", "dataset")
    artifact.add_dir(folder)
    assert "broken" not in artifact.manifest


# -- what is stored


NAMES = [
    "with space",
    " leading and trailing ",
    "-rf",
    "~",
    "$HOME",
    "quo'te\"s",
    "*?[x]",
    "...",
    "x" * 255,
    unicodedata.normalize("NFC", "é"),
    "日本語",
    "\U0001f600",
    "\u200b",
    "a" * 200 + "/" + "b" * 200 + "/" + "c" * 200,
]


def test_names_come_back(store, tmp_path):
    files = {name: name.encode() for name in NAMES}
    version = log_files(store, tmp_path / "data", files)
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == files


def test_decomposed_names_come_back_composed(store, tmp_path):
    version = log_files(store, tmp_path / "data", {"e\u0301/o\u0308": b"x"})
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == {"é/ö": b"x"}


def test_two_spellings_of_one_name_are_refused(tmp_path):
    write_tree(tmp_path / "data", {"é": b"1"})
    try:
        (tmp_path / "data" / "e\u0301").write_bytes(b"2")
    except OSError:
        pytest.skip("the file system does not tell the two apart")
    if len(os.listdir(tmp_path / "data")) < 2:
        pytest.skip("the file system does not tell the two apart")
    artifact = Artifact("data", "dataset")
    with pytest.raises(InvalidInputError):
        artifact.add_dir(tmp_path / "data")


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb", b"a\\b", b"C:", b"\x1b[31m"])
def test_names_that_cannot_be_used_are_refused(store, tmp_path, name):
    folder = write_tree(tmp_path / "data", {"fine": b""})
    (folder / os.fsdecode(name)).write_bytes(b"")
    with pytest.raises(InvalidInputError) as caught:
        log_tree(store, folder)
    assert caught.value.kind == "bad_path"
    assert find_latest(store, "data") is None


def test_empty_files(store, tmp_path):
    files = {"empty": b"", "also/empty": b"", "full": b"x"}
    version = log_files(store, tmp_path / "data", files)
    assert (version.size, version.file_count) == (1, 3)
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == files


def test_nothing_but_empty_files(store, tmp_path):
    version = log_files(store, tmp_path / "data", {"empty": b""})
    invariants.assert_pulls(store, version, {"empty": b""})
    invariants.assert_consistent(store)


def test_an_empty_folder(store, tmp_path):
    version = log_files(store, tmp_path / "data", {})
    assert (version.version, version.size, version.file_count) == ("v0", 0, 0)
    pull(store, version, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    invariants.assert_consistent(store)


def test_executable_files(store, folder, tmp_path):
    (folder / "a.txt").chmod(0o755)
    (folder / "b" / "large.bin").chmod(0o700)
    (folder / "plain").write_bytes(SMALL)
    pull(store, log_tree(store, folder), tmp_path / "out")
    assert is_executable(tmp_path / "out" / "a.txt")
    assert is_executable(tmp_path / "out" / "b" / "large.bin")
    assert not is_executable(tmp_path / "out" / "plain")


def test_the_executable_bit_alone_makes_a_version(store, folder):
    first = log_tree(store, folder)
    (folder / "a.txt").chmod(0o755)
    second = log_tree(store, folder)
    assert (first.version, second.version) == ("v0", "v1")
    assert log_tree(store, folder).version == "v1"


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, (4 << 20) + 1, (8 << 20) + 1])
def test_sizes_around_every_threshold(store, tmp_path, size):
    files = {"file": os.urandom(size)}
    version = log_files(store, tmp_path / "data", files)
    invariants.assert_pulls(store, version, files)
    invariants.assert_consistent(store)


def test_equal_files_are_stored_once(store, tmp_path):
    log_files(store, tmp_path / "1", {"a": LARGE, "b": LARGE, "c": SMALL, "d": SMALL})
    log_files(store, tmp_path / "2", {"other": LARGE, "e": SMALL, "f": b"new"})
    large = [record for record in store.catalog.list_objects() if record.key.startswith("blobs/")]
    assert len(large) == 1
    assert sum(record.size for record in store.catalog.list_objects()) < len(LARGE) + 2000
    invariants.assert_nothing_left(store)


def test_many_small_files_are_few_objects(store, tmp_path):
    files = {f"{i // 100}/{i}": str(i).encode() for i in range(1500)}
    version = log_files(store, tmp_path / "data", files)
    assert len(store.catalog.list_objects()) <= 2
    invariants.assert_pulls(store, version, files)


def test_unchanged_files_are_not_read_again(store, folder, monkeypatch):
    first = log_tree(store, folder)
    # Old enough to prove something: the rule is tested below.
    monkeypatch.setattr("artifacts.store.filesystems.granularity_ns", lambda _path: 0)
    log_tree(store, folder, "warm")
    (folder / "new").write_bytes(b"new")
    opened = []
    real = os.open

    def spy(path, *args, **kwargs):
        opened.append(os.fspath(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", spy)
    second = log_tree(store, folder)
    monkeypatch.undo()
    data = [path for path in opened if path.startswith(str(folder)) and os.path.isfile(path)]
    assert data == [str(folder / "new")]
    assert (first.file_count, second.file_count) == (2, 3)


@pytest.mark.parametrize(("distance", "trusted"), [(0, False), (1, True)])
def test_only_files_old_enough_to_prove_something_are_remembered(
    store, folder, monkeypatch, distance, trusted
):
    """A change within the clock's grain would leave size and times as they are: racily clean."""
    [file, *_] = walking.walk(str(folder))
    grain = 5_000_000
    changed = max(file.stat.mtime_ns, file.stat.ctime_ns)
    monkeypatch.setattr("artifacts.store.filesystems.granularity_ns", lambda _path: grain)
    monkeypatch.setattr(time, "time_ns", lambda: changed + grain + distance)
    upload = store.upload()
    [entry] = ingest.add_files(store, upload, [file])
    upload.abandon()
    assert store.stat_cache.lookup([file.stat]) == [entry.digest if trusted else None]


def test_a_file_from_the_future_is_not_remembered(store, folder, tmp_path):
    file = folder / "a.txt"
    future = 4 * 10**18
    os.utime(file, ns=(future, future))
    log_tree(store, folder)
    assert store.stat_cache.lookup([walking.source_file(str(file), "a").stat]) == [None]


# -- files that change while they are read


def grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path):
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path):
    path.write_bytes(path.read_bytes()[::-1])


def replace(path):
    new = path.with_name("new")
    new.write_bytes(path.read_bytes()[::-1])
    new.rename(path)


def empty(path):
    os.truncate(path, 0)


CHANGES = [grow, shrink, rewrite, replace, empty]


@pytest.mark.parametrize("name", ["a.txt", "b/large.bin"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_once_is_read_again(store, folder, monkeypatch, name, change):
    file = folder / name
    make_old(file)
    when_read(monkeypatch, file, lambda: change(file))
    version = log_tree(store, folder)
    monkeypatch.undo()
    invariants.assert_pulls(store, version, read_tree(folder))
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


@pytest.mark.parametrize("name", ["a.txt", "b/large.bin"])
def test_a_file_that_keeps_changing_is_refused(store, folder, monkeypatch, name):
    file = folder / name
    times = iter(range(10**18, 10**19, 10**9))
    when_read(monkeypatch, file, lambda: os.utime(file, ns=(0, next(times))), times=None)
    with pytest.raises(IntegrityError, match="keeps changing") as caught:
        log_tree(store, folder)
    monkeypatch.undo()
    assert caught.value.kind == "file_changed"
    assert find_latest(store, "data") is None
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)
    assert staging_folders(store) == []
    invariants.assert_pulls(store, log_tree(store, folder), read_tree(folder))


def test_a_file_that_grows_as_fast_as_it_is_read_is_given_up(store, folder, monkeypatch):
    file = folder / "b" / "large.bin"
    reads = []

    def log_line():
        reads.append(1)
        if len(reads) < 500:
            grow(file)

    when_read(monkeypatch, file, log_line, times=None)
    with pytest.raises(IntegrityError, match="keeps changing"):
        log_tree(store, folder)
    assert len(reads) < 50


@pytest.mark.parametrize("name", ["a.txt", "b/large.bin"])
def test_a_file_that_vanishes_while_it_is_read(store, folder, monkeypatch, name):
    file = folder / name
    make_old(file)
    when_read(monkeypatch, file, file.unlink)
    with pytest.raises(StorageError):
        log_tree(store, folder)
    monkeypatch.undo()
    assert find_latest(store, "data") is None
    invariants.assert_nothing_left(store)


@pytest.mark.parametrize("name", ["a.txt", "b/large.bin"])
@pytest.mark.parametrize("change", [*CHANGES, os.unlink])
def test_a_file_that_changes_after_the_walk(store, folder, name, change):
    file = folder / name
    make_old(file)
    files = walking.walk(str(folder))
    change(file)
    upload = store.upload()
    try:
        entries = ingest.add_files(store, upload, files)
    except StorageError:
        assert change is os.unlink
        upload.abandon()
        return
    manifest = Manifest(entries)
    version, _ = store.commit(draft_of(manifest), upload, manifest)
    invariants.assert_pulls(store, version, read_tree(folder))
    assert resolve(store, "data").size == sum(map(len, read_tree(folder).values()))


@pytest.mark.parametrize(
    "make",
    [
        make_fifo,
        os.mkdir,
    ],
)
def test_a_file_that_becomes_something_else_after_the_walk(store, folder, make):
    files = walking.walk(str(folder))
    (folder / "a.txt").unlink()
    make(folder / "a.txt")
    upload = store.upload()
    with pytest.raises(ArtifactsError):
        ingest.add_files(store, upload, files)
    upload.abandon()


def test_the_executable_bit_belongs_to_the_bytes_that_were_read(store, folder, monkeypatch):
    file = folder / "a.txt"
    make_old(file)

    def become_a_script():
        rewrite(file)
        file.chmod(0o755)

    when_read(monkeypatch, file, become_a_script)
    version = log_tree(store, folder)
    monkeypatch.undo()
    entry = store.manifest(version.digest).get("a.txt")
    assert entry is not None
    assert entry.executable


# -- files that cannot be read


@pytest.mark.parametrize("name", ["a.txt", "b/large.bin"])
def test_an_unreadable_file(store, folder, monkeypatch, name):
    real = os.open

    def refuse(path, *args, **kwargs):
        if os.fspath(path) == str(folder / name):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionDeniedError, match=name):
        log_tree(store, folder)
    monkeypatch.undo()
    assert find_latest(store, "data") is None
    invariants.assert_nothing_left(store)


def test_an_unreadable_folder(folder, monkeypatch):
    real = os.scandir

    def refuse(path):
        if os.fspath(path) == str(folder / "b"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionDeniedError, match="b"):
        walking.walk(str(folder))


@pytest.mark.parametrize("name", ["a.txt", "b/large.bin"])
def test_a_disk_that_cannot_be_read(store, folder, monkeypatch, name):
    file = folder / name

    def fail():
        raise OSError(5, "Input/output error")

    when_read(monkeypatch, file, fail)
    with pytest.raises(StorageError, match="Input/output") as caught:
        log_tree(store, folder)
    monkeypatch.undo()
    assert caught.value.retryable
    invariants.assert_nothing_left(store)
    assert staging_folders(store) == []


def test_a_file_below_a_file_is_refused(store, folder):
    artifact = Artifact("data", "dataset", store=store.location)
    artifact.add_file(folder / "a.txt", name="x")
    artifact.add_file(folder / "a.txt", name="x-y")
    with pytest.raises(InvalidInputError, match="both a file"):  # noqa: PT012 - either says it
        artifact.add_file(folder / "a.txt", name="x/y")
        artifact.save()
