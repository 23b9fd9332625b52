import subprocess

import pytest

from artifacts.store.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / "store", cache_dir=tmp_path / "cache")
    yield store
    store.close()


@pytest.fixture
def tiny(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs root on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
