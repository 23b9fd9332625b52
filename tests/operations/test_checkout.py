import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts import Artifact
from artifacts.store import checkout
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import (
    ArtifactsError,
    BlobNotFoundError,
    IntegrityError,
    InvalidInputError,
    StateError,
    StorageError,
)
from artifacts.store.manifest import Entry
from artifacts.store.store import Store
from tests import invariants
from tests.support import (
    HUGE,
    LARGE,
    SMALL,
    damage,
    is_executable,
    log_files,
    object_file,
    pull,
    read_tree,
    write_tree,
)

FILES = {
    "a.txt": SMALL,
    "b/large.bin": LARGE,
    "b/c/huge.bin": HUGE,
    "b/c/same.txt": SMALL,
    "empty": b"",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A store with one version that no test changes."""
    folder = tmp_path_factory.mktemp("shared")
    store = Store.create(folder / "store", cache_dir=folder / "cache")
    log_files(store, folder / "data", FILES)
    yield store, store.catalog.list_versions("local", "demo", "data")[0]
    store.close()


@pytest.fixture
def version(store, tmp_path):
    return log_files(store, tmp_path / "data", FILES)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def leftovers(folder):
    """What a pull may have left of its own."""
    return [path for path in folder.rglob("*") if ".artifacts-pull" in path.as_posix()]


def forget_what_is_known(store):
    """As if on another machine: nothing is recognized without reading it."""
    store.stat_cache._path = None
    store.stat_cache.close()


# -- writing


def test_bit_for_bit(shared, out):
    result = pull(shared[0], shared[1], out)
    assert read_tree(out) == FILES
    assert (result.written, result.unchanged, result.skipped) == (5, 0, ())
    assert not result.removed
    assert leftovers(out) == []


def test_into_a_folder_that_has_some_of_the_folders(shared, out):
    write_tree(out, {"b/c/other": b"mine"})
    pull(shared[0], shared[1], out)
    assert read_tree(out) == {**FILES, "b/c/other": b"mine"}


def test_into_an_empty_folder_that_is_there(shared, out):
    (out / "b" / "c").mkdir(parents=True)
    pull(shared[0], shared[1], out)
    assert read_tree(out) == FILES


def test_through_a_link_to_the_root(shared, out, tmp_path):
    (tmp_path / "real").mkdir()
    out.symlink_to(tmp_path / "real")
    pull(shared[0], shared[1], out)
    assert read_tree(tmp_path / "real") == FILES


def test_files_can_be_written_afterwards(shared, out):
    pull(shared[0], shared[1], out)
    for path in FILES:
        with (out / path).open("ab") as file:
            file.write(b"!")
        assert stat.S_IMODE((out / path).stat().st_mode) & 0o600 == 0o600
    store, version = shared
    invariants.assert_pulls(store, version, FILES)


def test_modes_follow_the_umask(shared, out):
    before = os.umask(0o027)
    try:
        pull(shared[0], shared[1], out)
    finally:
        os.umask(before)
    assert {stat.S_IMODE((out / path).stat().st_mode) for path in FILES} == {0o640}


def test_nothing_to_write(store, out):
    result = checkout.checkout(store, [], str(out))
    assert result.written == 0
    assert list(out.iterdir()) == []


# -- what is there already


@pytest.mark.parametrize("known", [True, False])
def test_a_second_pull_writes_nothing(store, version, out, known):
    pull(store, version, out)

    def states():
        found = {path: (out / path).stat() for path in FILES}
        # Not when it was read last: that may be noted, or not.
        return {path: (s.st_ino, s.st_mtime_ns, s.st_ctime_ns) for path, s in found.items()}

    before = states()
    if not known:
        forget_what_is_known(store)
    result = pull(store, version, out)
    assert (result.written, result.unchanged) == (0, 5)
    assert states() == before


@pytest.mark.parametrize("path", ["a.txt", "b/large.bin", "b/c/huge.bin"])
@pytest.mark.parametrize("known", [True, False])
def test_a_changed_file_is_repaired(store, version, out, path, known):
    pull(store, version, out)
    data = bytearray((out / path).read_bytes())
    data[len(data) // 2] ^= 1
    (out / path).write_bytes(data)
    if not known:
        forget_what_is_known(store)
    result = pull(store, version, out)
    assert (result.written, result.unchanged) == (1, 4)
    assert read_tree(out) == FILES


def test_a_file_changed_right_after_the_pull_is_noticed(store, tmp_path, out):
    """Same size, same inode, written as soon as possible: only the times can tell."""
    for i in range(20):
        name = f"race-{i}"
        version = log_files(store, tmp_path / name, {"f": b"%06d" % i}, name)
        pull(store, version, out / name)
        descriptor = os.open(out / name / "f", os.O_WRONLY)
        os.pwrite(descriptor, b"X", 0)
        os.close(descriptor)
        pull(store, version, out / name)
        assert (out / name / "f").read_bytes() == b"%06d" % i


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda file: file.unlink(), id="removed"),
        pytest.param(lambda file: file.write_bytes(b""), id="emptied"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes() + b"x"), id="longer"),
        pytest.param(lambda file: file.chmod(0o755), id="executable"),
    ],
)
def test_other_changes_are_repaired(store, version, out, change):
    pull(store, version, out)
    change(out / "b" / "large.bin")
    assert pull(store, version, out).written == 1
    assert read_tree(out) == FILES
    assert not is_executable(out / "b" / "large.bin")


def test_executable_files_are_recognized(store, tmp_path, out):
    write_tree(tmp_path / "data", {"run.sh": SMALL, "big": LARGE})
    for name in ("run.sh", "big"):
        (tmp_path / "data" / name).chmod(0o755)
    version = log_files(store, tmp_path / "data", {})
    pull(store, version, out)
    assert pull(store, version, out).unchanged == 2
    assert is_executable(out / "run.sh")


def test_other_files_stay(shared, out):
    write_tree(out, {"mine": b"1", "b/mine": b"2", "c/mine": b"3"})
    pull(shared[0], shared[1], out)
    assert read_tree(out) == {**FILES, "mine": b"1", "b/mine": b"2", "c/mine": b"3"}


def test_other_files_are_removed_on_request(shared, out, tmp_path):
    outside = write_tree(tmp_path / "outside", {"keep": b"1"})
    write_tree(out, {"mine": b"1", "b/mine": b"2", "c/d/mine": b"3"})
    (out / "link").symlink_to(outside)
    (out / "link2").symlink_to(outside / "keep")
    result = pull(shared[0], shared[1], out, remove_extra=True)
    assert read_tree(out) == FILES
    assert list(result.removed) == ["b/mine", "c/d/mine", "link", "link2", "mine"]
    assert sorted(p.name for p in out.iterdir()) == ["a.txt", "b", "empty"]
    assert read_tree(outside) == {"keep": b"1"}


@pytest.mark.parametrize("name", [".artifacts", "my-store"])
def test_a_store_inside_the_target_survives(tmp_path, name):
    project = write_tree(tmp_path / "project", {"data.txt": SMALL})
    artifact = Artifact("data", "dataset", store=project / name)
    artifact.add_dir(project, exclude=[name])
    artifact.save()
    (project / "extra").write_bytes(b"x")
    with pytest.raises(StateError):
        artifact.checkout(project)
    assert (project / "extra").exists()
    place = artifact._version().place
    invariants.assert_pulls(place.store, artifact._version().record, {"data.txt": SMALL})
    invariants.assert_consistent(place.store)


# -- what is in the way


def snapshot(root):
    """Every name below a folder with what it is."""
    return {
        path.relative_to(root).as_posix(): (
            os.readlink(path)
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else None
        )
        for path in root.rglob("*")
    }


def test_a_folder_where_a_file_belongs_changes_nothing(shared, out):
    write_tree(out, {"b/large.bin/inside": b"mine", "empty": b"changed"})
    before = snapshot(out)
    with pytest.raises(InvalidInputError) as caught:
        pull(shared[0], shared[1], out)
    assert caught.value.kind == "in_the_way"
    assert snapshot(out) == before


def test_a_file_where_a_folder_belongs_changes_nothing(shared, out):
    write_tree(out, {"b": b"mine", "empty": b"changed"})
    before = snapshot(out)
    with pytest.raises(InvalidInputError) as caught:
        pull(shared[0], shared[1], out)
    assert caught.value.kind == "in_the_way"
    assert snapshot(out) == before


@pytest.mark.parametrize("link", ["b", "b/c"])
@pytest.mark.parametrize("remove_extra", [False, True])
def test_no_linked_folder_is_written_through(shared, out, tmp_path, link, remove_extra):
    outside = write_tree(tmp_path / "outside", {"large.bin": b"outside", "keep": b"1"})
    before = snapshot(outside)
    (out / link).parent.mkdir(parents=True, exist_ok=True)
    (out / link).symlink_to(outside)
    with pytest.raises(InvalidInputError) as caught:
        pull(shared[0], shared[1], out, remove_extra=remove_extra)
    assert caught.value.kind == "in_the_way"
    assert snapshot(outside) == before
    assert leftovers(out) == []


def test_a_link_that_appears_during_the_pull_is_not_written_through(
    shared, out, tmp_path, monkeypatch
):
    store, version = shared
    outside = tmp_path / "outside"
    outside.mkdir()
    entries = store.manifest(version.digest)
    real = store.locate

    def attack(digests):
        (out / "b").symlink_to(outside)
        return real(digests)

    monkeypatch.setattr(store, "locate", attack)
    with pytest.raises(InvalidInputError):
        checkout.checkout(store, entries, str(out))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("path", ["a.txt", "b/large.bin"])
@pytest.mark.parametrize("same_size", [True, False])
def test_a_linked_file_is_replaced_and_its_target_left_alone(
    shared, out, tmp_path, path, same_size
):
    victim = tmp_path / "victim"
    victim.write_bytes(FILES[path][::-1] if same_size else b"victim")
    before = victim.read_bytes()
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / path).symlink_to(victim)
    pull(shared[0], shared[1], out)
    assert not (out / path).is_symlink()
    assert read_tree(out) == FILES
    assert victim.read_bytes() == before


def test_a_broken_link_and_a_pipe_are_replaced(shared, out):
    out.mkdir()
    (out / "a.txt").symlink_to("nowhere")
    os.mkfifo(out / "empty")
    pull(shared[0], shared[1], out)
    assert read_tree(out) == FILES


def test_hard_linked_files_are_replaced_not_overwritten(shared, out, tmp_path):
    (tmp_path / "other").write_bytes(b"mine")
    out.mkdir()
    os.link(tmp_path / "other", out / "a.txt")
    pull(shared[0], shared[1], out)
    assert (tmp_path / "other").read_bytes() == b"mine"


def test_a_file_as_target(shared, out):
    out.write_bytes(b"mine")
    with pytest.raises(ArtifactsError):
        pull(shared[0], shared[1], out)
    assert out.read_bytes() == b"mine"


# -- damage


@pytest.mark.parametrize("path", ["a.txt", "b/large.bin", "b/c/huge.bin"])
def test_a_damaged_blob_is_noticed_and_not_written(store, version, out, path):
    entry = store.manifest(version.digest).get(path)
    assert entry is not None
    location = store.locate([entry.digest])[entry.digest]
    damage(object_file(store, location.key), at=location.offset + 3)
    with pytest.raises(IntegrityError) as caught:
        pull(store, version, out)
    assert caught.value.kind == "blob_damaged"
    assert not (out / path).exists()
    for other, data in read_tree(out).items():
        assert data == FILES[other]
    assert leftovers(out) == []


@pytest.mark.parametrize("path", ["a.txt", "b/large.bin", "b/c/huge.bin"])
def test_a_blob_that_is_cut_off_is_noticed(store, version, out, path):
    entry = store.manifest(version.digest).get(path)
    assert entry is not None
    location = store.locate([entry.digest])[entry.digest]
    file = object_file(store, location.key)
    file.chmod(0o644)
    os.truncate(file, location.offset + location.length - 1)
    with pytest.raises(IntegrityError):
        pull(store, version, out)
    assert not (out / path).exists()


@pytest.mark.parametrize("link", ["copy", "hardlink", "symlink"])
def test_a_damaged_object_is_not_linked(store, version, out, link):
    entry = store.manifest(version.digest).get("b/c/huge.bin")
    assert entry is not None
    damage(object_file(store, store.locate([entry.digest])[entry.digest].key))
    with pytest.raises(IntegrityError):
        pull(store, version, out, link=link)
    assert not (out / "b" / "c" / "huge.bin").exists()


def test_a_missing_object(store, version, out):
    entry = store.manifest(version.digest).get("b/large.bin")
    assert entry is not None
    object_file(store, store.locate([entry.digest])[entry.digest].key).unlink()
    with pytest.raises(ArtifactsError):
        pull(store, version, out)
    assert not (out / "b" / "large.bin").exists()


def test_a_missing_blob(store, version, out):
    wanted = [Entry("x", hash_bytes(b"never stored"), 5)]
    with pytest.raises(BlobNotFoundError):
        checkout.checkout(store, wanted, str(out))
    assert list(out.iterdir()) == []


# -- links


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_large_files_as_links(store, version, out, link):
    pull(store, version, out, link=link)
    assert read_tree(out) == FILES
    huge = out / "b" / "c" / "huge.bin"
    assert not os.access(huge, os.W_OK) or os.geteuid() == 0
    assert not stat.S_IMODE(huge.stat().st_mode) & 0o222
    if link == "hardlink":
        assert huge.stat().st_nlink == 2
    else:
        assert huge.is_symlink()
    assert (out / "a.txt").stat().st_nlink == 1


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_links_are_replaced_by_copies_when_the_file_changes(store, version, out, link, tmp_path):
    pull(store, version, out, link=link)
    other = log_files(store, tmp_path / "2", {**FILES, "b/c/huge.bin": HUGE[::-1]})
    pull(store, other, out)
    assert (out / "b" / "c" / "huge.bin").read_bytes() == HUGE[::-1]
    invariants.assert_pulls(store, version, FILES)
    invariants.assert_consistent(store)


@pytest.mark.parametrize("link", ["hardlink", "symlink"])
def test_executable_files_stay_executable_with_links(store, tmp_path, out, link):
    write_tree(tmp_path / "data", {"program": HUGE})
    (tmp_path / "data" / "program").chmod(0o755)
    version = log_files(store, tmp_path / "data", {})
    pull(store, version, out, link=link)
    assert is_executable(out / "program")
    invariants.assert_pulls(store, version, {"program": HUGE})


def other_device(tmp_path):
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm is not another device here")
    return shm


@pytest.fixture
def elsewhere(tmp_path):
    """A folder on another device."""
    import tempfile

    with tempfile.TemporaryDirectory(dir=other_device(tmp_path)) as folder:
        yield Path(folder)


@pytest.mark.parametrize("link", ["copy", "hardlink"])
def test_to_another_device(shared, elsewhere, link):
    pull(shared[0], shared[1], elsewhere / "out", link=link)
    assert read_tree(elsewhere / "out") == FILES


def test_from_another_device(store, elsewhere):
    version = log_files(store, elsewhere / "data", FILES)
    invariants.assert_pulls(store, version, FILES)


# -- interruptions


@pytest.mark.parametrize("number", range(1, 8))
def test_a_write_that_fails_leaves_no_partial_file(shared, out, monkeypatch, number):
    """The disk fills up at the n-th write."""
    write_tree(out, {"a.txt": b"before", "b/large.bin": b"before"})
    count = 0

    def limited(real):
        def write(descriptor, *args):
            nonlocal count
            count += 1
            if count >= number:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, *args)

        return write

    for name in ("write", "writev", "pwrite"):
        monkeypatch.setattr(os, name, limited(getattr(os, name)))
    with pytest.raises(StorageError) as caught:
        pull(shared[0], shared[1], out)
    monkeypatch.undo()
    assert caught.value.kind == "disk_full"
    for path, data in read_tree(out).items():
        assert data in {FILES[path], b"before"}
    assert leftovers(out) == []
    pull(shared[0], shared[1], out)
    assert read_tree(out) == FILES


KILLED = """
import os, signal, sys
from pathlib import Path
from artifacts.store import checkout
from artifacts.store.refs import Ref
from artifacts.store.store import Store

store = Store.open(sys.argv[1])
version = store.catalog.resolve(Ref.parse("data"), entity="local", project="demo")
real, count = os.rename, 0

def rename(*args, **kwargs):
    global count
    count += 1
    if count == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args, **kwargs)

os.rename = rename
checkout.checkout(store, store.manifest(version.digest), sys.argv[2])
"""


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_killed_pull_leaves_no_partial_file_and_is_cleaned_up(shared, out, number):
    store, version = shared
    command = [sys.executable, "-c", KILLED, store.location, str(out), str(number)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    visible = {p: d for p, d in read_tree(out).items() if not p.startswith(".artifacts-pull")}
    assert all(FILES[path] == data for path, data in visible.items())
    pull(store, version, out)
    assert read_tree(out) == FILES
    assert leftovers(out) == []


def test_a_pull_with_nothing_to_write_cleans_up_too(shared, out):
    pull(shared[0], shared[1], out)
    write_tree(out, {".artifacts-pull/0123456789abcdef/1": b"partial"})
    assert pull(shared[0], shared[1], out).written == 0
    assert leftovers(out) == []


def test_a_link_in_place_of_the_private_folder_is_refused(shared, out, tmp_path):
    outside = write_tree(tmp_path / "outside", {"0123456789abcdef/lock": b"", "mine": b"1"})
    out.mkdir()
    (out / ".artifacts-pull").symlink_to(outside)
    with pytest.raises(InvalidInputError):
        pull(shared[0], shared[1], out)
    assert read_tree(outside) == {"0123456789abcdef/lock": b"", "mine": b"1"}


def test_the_folder_of_another_pull_in_progress_is_left_alone(shared, out):
    from artifacts.store.staging import WORK_FOLDER, StagingFolder

    out.mkdir()
    other = StagingFolder(out / WORK_FOLDER)
    other.new_path().write_bytes(b"in progress")
    pull(shared[0], shared[1], out)
    assert sorted(p.name for p in other.path.iterdir()) == ["1", "lock"]
    other.close()
    pull(shared[0], shared[1], out)
    assert read_tree(out) == FILES


# -- references


@pytest.fixture
def referenced(store, tmp_path):
    folder = write_tree(tmp_path / "source", {"x": SMALL, "deep/y z": LARGE})
    artifact = Artifact("refs", "dataset", store=store.location)
    artifact.add_reference(folder.as_uri(), name="r")
    artifact.save()
    return folder, artifact


def test_references_are_downloaded(referenced, out):
    _, artifact = referenced
    artifact.download(out)
    assert read_tree(out) == {"r/x": SMALL, "r/deep/y z": LARGE}


def test_referenced_bytes_are_not_in_the_store(store, referenced):
    assert all(record.size < 2000 for record in store.catalog.list_objects())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(lambda file: file.unlink(), "reference_missing", id="gone"),
        pytest.param(lambda file: file.write_bytes(b"new"), "reference_changed", id="changed"),
        pytest.param(
            lambda file: file.write_bytes(LARGE[::-1]), "reference_changed", id="same size"
        ),
    ],
)
def test_references_that_drifted(referenced, out, change, kind):
    folder, artifact = referenced
    change(folder / "deep" / "y z")
    with pytest.raises(ArtifactsError) as caught:
        artifact.download(out)
    assert caught.value.kind == kind
    assert not (out / "r" / "deep" / "y z").exists()
    artifact.download(out, allow_missing_references=True)
    assert read_tree(out) == {"r/x": SMALL}
    assert leftovers(out) == []


def test_a_reference_that_nobody_read(store, tmp_path, out):
    write_tree(tmp_path / "source", {"x": b"old"})
    artifact = Artifact("refs", "dataset", store=store.location)
    artifact.add_reference((tmp_path / "source" / "x").as_uri(), checksum=False)
    artifact.save()
    (tmp_path / "source" / "x").write_bytes(b"new")
    artifact.download(out)
    assert read_tree(out) == {"x": b"new"}


# -- verifying


def test_verify(store, referenced, out):
    _, artifact = referenced
    artifact.download(out)
    artifact.verify(out)
    (out / "r" / "x").write_bytes(SMALL[::-1])
    (out / "extra").write_bytes(b"")
    with pytest.raises(IntegrityError) as caught:
        artifact.verify(out)
    assert caught.value.kind == "folder_differs"
    for text in ("1 changed (r/x)", "1 extra (extra)"):
        assert text in caught.value.message


def test_verify_finds_what_is_missing(store, tmp_path, out):
    artifact = Artifact("data", "dataset", store=store.location)
    artifact.add_dir(write_tree(tmp_path / "data", FILES))
    artifact.save()
    artifact.download(out)
    artifact.verify(out)
    (out / "b" / "large.bin").unlink()
    with pytest.raises(IntegrityError, match=r"1 missing \(b/large.bin\)"):
        artifact.verify(out)
