import os
import shutil
import threading
from pathlib import Path

import pytest

from artifacts.store import staging
from artifacts.store.errors import InvalidInputError, StorageError
from artifacts.store.staging import StagingFolder


@pytest.fixture
def parent(tmp_path):
    return tmp_path / "staging"


def test_paths_are_new_and_go_with_the_folder(parent):
    folder = StagingFolder(parent)
    first, second = folder.new_path(), folder.new_path()
    assert first != second
    first.write_bytes(b"x")
    folder.close()
    assert list(parent.iterdir()) == []


def test_folders_of_the_living_stay(parent):
    first = StagingFolder(parent)
    first.new_path().write_bytes(b"x")
    second = StagingFolder(parent)
    assert sorted(p.name for p in first.path.iterdir()) == ["1", "lock"]
    first.close()
    second.close()


@pytest.mark.parametrize("locked", [True, False], ids=["after the lock", "before the lock"])
def test_folders_of_the_dead_are_removed(parent, locked):
    abandoned = parent / "0123456789abcdef"
    abandoned.mkdir(parents=True)
    if locked:
        (abandoned / "lock").touch()
        (abandoned / "1").write_bytes(b"x")
    folder = StagingFolder(parent)
    assert list(parent.iterdir()) == [folder.path]
    folder.close()


def test_other_peoples_folders_stay(parent):
    """Whatever the name of the parent leads to: only what has our names is ours."""
    for name in ("mine", "0123456789abcdef.d", "0123456789ABCDEF", "new-0123456789abcdef"):
        (parent / name).mkdir(parents=True)
        (parent / name / "file").write_bytes(b"mine")
    (parent / "fedcba9876543210").write_bytes(b"a file")
    StagingFolder(parent).close()
    assert len(list(parent.rglob("file"))) == 4
    assert (parent / "fedcba9876543210").read_bytes() == b"a file"


def test_a_link_is_not_followed(parent, tmp_path):
    (tmp_path / "elsewhere" / "0123456789abcdef").mkdir(parents=True)
    parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError) as caught:
        StagingFolder(parent)
    assert caught.value.kind == "in_the_way"
    assert (tmp_path / "elsewhere" / "0123456789abcdef").is_dir()


@pytest.mark.parametrize("victim", ["folder", "parent"])
def test_a_folder_that_is_taken_away_before_it_is_locked_is_made_again(parent, monkeypatch, victim):
    """Another pull ends just now, and removes what looks empty or abandoned."""
    real = os.open
    taken: list[str] = []

    def steal(path, *args, **kwargs):
        if not taken:
            taken.append(path)
            shutil.rmtree(Path(path).parent if victim == "folder" else parent)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", steal)
    folder = StagingFolder(parent)
    assert folder.path.is_dir()
    assert folder.path != Path(taken[0]).parent
    folder.close()


def test_a_folder_that_is_always_taken_away_is_given_up(parent, monkeypatch):
    def taken(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(staging, "_make_locked", taken)
    with pytest.raises(StorageError) as caught:
        StagingFolder(parent)
    assert caught.value.retryable


def test_a_place_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        StagingFolder(tmp_path / "file" / "staging")


def test_many_at_once(parent):
    failures = []

    def work():
        try:
            for _ in range(20):
                folder = StagingFolder(parent)
                path = folder.new_path()
                path.write_bytes(b"x")
                assert path.read_bytes() == b"x"
                folder.close()
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(parent.iterdir()) == []


def test_a_folder_that_another_process_removes_meanwhile(parent, monkeypatch):
    """`Path.mkdir` takes what is gone when it looks again for a file."""
    real, failures = os.mkdir, [FileExistsError(17, "File exists")]

    def mkdir(path, *arguments, **options):
        if os.fspath(path) == str(parent) and failures:
            raise failures.pop()
        real(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", mkdir)
    folder = StagingFolder(parent)
    assert failures == []
    assert folder.path.is_dir()
    folder.close()


def test_a_file_in_the_way(parent):
    parent.parent.mkdir(parents=True, exist_ok=True)
    parent.write_text("mine")
    with pytest.raises(StorageError, match=r"File exists|Not a directory"):
        StagingFolder(parent)
    assert parent.read_text() == "mine"
