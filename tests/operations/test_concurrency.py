import subprocess
import sys
import threading

import pytest

from artifacts.store.store import Store
from tests import invariants
from tests.support import log_files, log_tree, opened, pull, read_tree, write_tree

SHARED = {"shared/large": b"L" * 300_000, "shared/small": b"s" * 100}


def test_many_threads_log_one_artifact(store, tmp_path):
    """No lost version, no number twice or left out, latest is one of them."""
    writers, rounds = 4, 4
    logged: dict[str, dict[str, bytes]] = {}
    failures = []
    barrier = threading.Barrier(writers)

    def work(writer):
        try:
            for i in range(rounds):
                files = {**SHARED, "own": f"{writer}-{i}".encode(), f"{writer}/{i}": b"x"}
                folder = write_tree(tmp_path / f"{writer}-{i}", files)
                if i == 0:
                    barrier.wait()
                version = log_tree(store, folder, aliases=(f"w{writer}",))
                logged[version.version] = files
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    versions = store.catalog.list_versions("local", "demo", "data")
    assert sorted(v.number for v in versions) == list(range(writers * rounds))
    assert {v.version for v in versions} == logged.keys()
    assert "latest" in versions[0].aliases
    for version in versions[::3]:
        invariants.assert_pulls(store, version, logged[version.version])
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_many_threads_log_the_same_content(store, tmp_path):
    barrier = threading.Barrier(4)
    versions = []

    def work(writer):
        folder = write_tree(tmp_path / str(writer), SHARED)
        barrier.wait()
        versions.append(log_tree(store, folder))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {v.version for v in versions} == {"v0"}
    invariants.assert_consistent(store)
    invariants.assert_nothing_left(store)


def test_threads_pull_into_one_folder(store, tmp_path):
    files = {f"{i % 7}/{i}": b"%d" % i * 50 for i in range(200)} | SHARED
    version = log_files(store, tmp_path / "data", files)
    failures = []
    barrier = threading.Barrier(3)

    def work():
        barrier.wait()
        try:
            for _ in range(3):
                pull(store, version, tmp_path / "out")
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    pull(store, version, tmp_path / "out")
    assert read_tree(tmp_path / "out") == files


LOGGER = """
import sys
from artifacts import Artifact
store, writer = sys.argv[1:]
sys.stdin.readline()
for i in range(5):
    artifact = Artifact("data", "dataset", store=store, project="demo")
    with artifact.new_file("shared", "wb") as file:
        file.write(b"L" * 300_000)
    with artifact.new_file("own", "w") as file:
        file.write(f"{writer}-{i}")
    artifact.save()
    print(artifact.version, flush=True)
"""


@pytest.mark.long
@pytest.mark.parametrize("exists", [True, False], ids=["store exists", "store is made"])
def test_several_processes_log_one_artifact(tmp_path, exists):
    location = tmp_path / "store"
    if exists:
        Store.create(location).close()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOGGER, str(location), str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = []
    for process in processes:
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        printed += out.split()
    assert sorted(int(text[1:]) for text in printed) == list(range(15))
    with opened(location) as store:
        versions = store.catalog.list_versions("local", "demo", "data")
        assert [v.number for v in versions] == list(reversed(range(15)))
        assert versions[0].aliases == ("latest",)
        invariants.assert_consistent(store)
        invariants.assert_nothing_left(store)
