"""What only shows between the two threads of an upload; all else is in operations and faults."""

import contextlib
import threading

from artifacts.store import upload as upload_module
from artifacts.store.staging import StagingFolder
from artifacts.store.store import Store
from tests import invariants
from tests.support import log_files, staging_folders


def test_both_threads_share_one_staging_folder(tmp_path, monkeypatch):
    made = []
    meeting = threading.Barrier(2)

    class Slow(StagingFolder):
        def __init__(self, parent):
            made.append(parent)
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=0.2)  # for the other one, if it gets here too
            super().__init__(parent)

    monkeypatch.setattr(upload_module, "StagingFolder", Slow)
    store = Store.create(tmp_path / "store")
    upload = store.upload()
    paths = []
    threads = [threading.Thread(target=lambda: paths.append(upload.new_path())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    upload.close()
    store.close()
    assert len(made) == 1
    assert len(set(paths)) == 2


def test_many_batches_become_several_packs(tmp_path, monkeypatch):
    monkeypatch.setattr(upload_module, "_BATCH_COUNT", 10)
    monkeypatch.setattr(upload_module, "PACK_TARGET", 1000)
    files = {f"{number:03}": b"%d " % number * 10 for number in range(200)}
    store = Store.create(tmp_path / "store")
    version = log_files(store, tmp_path / "files", files)
    kept = [info.key for info in store.objects.list("packs/")]
    assert 5 < len(kept) < 100
    invariants.assert_pulls(store, version, files)
    invariants.assert_consistent(store)
    assert staging_folders(store) == []
    store.close()
