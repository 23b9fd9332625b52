"""The disk is full or broken while media are logged."""

import errno
import os
from pathlib import Path

import pytest

import artifacts
from artifacts import Html
from artifacts.store.errors import StorageError

CALLS = ("chmod", "mkdir", "open", "replace", "write")


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "store"))


def page(text):
    return Html(text, inject=False)


def log_pages(run, count):
    for i in range(count):
        run.log({"page": page(f"{i}" * 100_000)})


def rows_of(run_id):
    return list(artifacts.Api(project="demo").run(run_id).scan_history())


class Disk:
    """Fails the n-th of the system calls on a file of media, and all after it."""

    def __init__(self, patched, number):
        self._number = number
        self.calls = 0
        for name in CALLS:
            patched.setattr(os, name, self._wrap(getattr(os, name)))

    def _wrap(self, real):
        def call(what, *args, **kwargs):
            path = f"/proc/self/fd/{what}" if isinstance(what, int) else what
            if ".media" in str(Path(os.path.realpath(path))):
                self.calls += 1
                if self.calls >= self._number:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(what, *args, **kwargs)

        return call


@pytest.mark.parametrize("number", range(1, 6))
def test_the_disk_fills_up_at_every_call(monkeypatch, number):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"loss": 1})
        with monkeypatch.context() as patched:
            disk = Disk(patched, number)
            with pytest.raises(StorageError, match="No space left") as caught:
                run.log({"page": page("<p>lost</p>")})
            assert disk.calls == number
        assert caught.value.kind == "disk_full"
        assert run.step == 1
        folder = run._rows.path.with_suffix(".media")
        assert not folder.exists() or os.listdir(folder) == []
        run.log({"page": page("<p>kept</p>")})
    first, second = rows_of("r")
    assert first["loss"] == 1
    assert second["page"].html == "<p>kept</p>"


def test_a_run_on_a_full_disk(monkeypatch, tiny):
    monkeypatch.setenv("ART_RUN_DIR", str(tiny / "runs"))
    with artifacts.init(project="demo", id="r") as run:
        with pytest.raises(StorageError) as caught:
            log_pages(run, 100)
        assert caught.value.kind == "disk_full"
        kept = run.step
        assert kept > 10
    assert [row["page"].html for row in rows_of("r")] == [f"{i}" * 100_000 for i in range(kept)]
    assert list((tiny / "runs").rglob("*.media")) == []
