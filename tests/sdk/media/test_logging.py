"""Media that are logged: what the row says, where the files are, and how objects come back."""

import errno
import hashlib
import logging
import os
import shutil
import threading
from pathlib import Path

import pytest

import artifacts
from artifacts import Html
from artifacts.media.spool import Content, Spool, path_for
from artifacts.runs.completing import commit_history, recover
from artifacts.store import copying
from artifacts.store.digests import Digest, format_digest, hash_bytes, parse_digest
from artifacts.store.errors import EntryNotFoundError, InvalidTypeError, StorageError
from tests.sdk.helpers import hint_of
from tests.sdk.media import notes
from tests.sdk.media.notes import Both, Folder, Note


@pytest.fixture(autouse=True)
def known(monkeypatch):
    notes.register(monkeypatch)


def stored(run_id):
    return artifacts.Api(project="demo").run(run_id)


def rows_of(run_id):
    return list(stored(run_id).scan_history())


def history(run_id, version="latest"):
    return artifacts.Api(project="demo").artifact(f"run-{run_id}-history:{version}")


def media_in(artifact):
    return [path for path in artifact.manifest if path.startswith("media/")]


def spooled(run):
    folder = run._rows.path.with_suffix(".media")
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_a_row_says_what_was_logged(run):
    run.log({"n": Note("hello"), "loss": 1.5})
    [row] = run.scan_history()
    digest = hash_bytes(b"hello")
    assert row["n"].to_json() == {
        "_type": "note-file",
        "path": f"media/note/n_0_{digest.hex()[:8]}.txt",
        "digest": format_digest(digest),
        "sha256": hashlib.sha256(b"hello").hexdigest(),
        "size": 5,
        "length": 5,
    }
    assert row["n"]["size"] == row["n"].get("size") == 5
    assert "caption" not in row["n"]
    assert row["loss"] == 1.5


def test_an_object_has_its_description_once_it_was_logged(run):
    note = Note("hello")
    assert note.to_json() == {}
    run.log({"n": note})
    assert note["size"] == 5


def test_objects_come_back_while_the_run_goes_on_and_after():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("hello")})
        [row] = run.scan_history()
        assert row["n"].read() == "hello"
        assert [row["n"].read() for row in run.history] == ["hello"]
        run._live._send()
        [other] = rows_of("r")  # as another process of this machine sees it
        assert other["n"].read() == "hello"
    assert row["n"].read() == "hello"
    assert rows_of("r")[0]["n"].read() == "hello"
    frame = stored("r").history()
    assert frame["n"][0].read() == "hello"
    [sample] = stored("r").history(pandas=False)
    assert sample["n"].read() == "hello"


def test_the_version_of_the_history_has_the_files():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("hello")})
        path = run.history[0]["n"]["path"]
    version = history("r")
    assert set(version.manifest) == {"history.parquet", path}
    with version.open(path) as file:
        assert file.read() == b"hello"


def test_nothing_is_left_on_this_machine():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("hello")})
        folder = run._rows.path.parent
        assert spooled(run) == [f"{hash_bytes(b'hello').hex()}.txt"]
    assert not folder.exists()


def test_a_thousand_times_the_same_is_one_file_and_one_blob():
    with artifacts.init(project="demo", id="r") as run:
        for _ in range(1000):
            run.log({"n": Note("hello")})
        assert len(spooled(run)) == 1
    version = history("r")
    paths = media_in(version)
    assert len(paths) == 1000
    assert {version.manifest[path].digest for path in paths} == {
        format_digest(hash_bytes(b"hello"))
    }
    assert {row["n"].read() for row in rows_of("r")} == {"hello"}


def test_a_list_of_one_type_has_one_description(run, log):
    run.log({"n": [Note("a"), Note("bb"), Note("ccc"), Note("dddd")]})
    [row] = run.scan_history()
    assert row["n"]["_type"] == "notes"
    assert row["n"]["count"] == 3
    assert [note.read() for note in row["n"]] == ["a", "bb", "ccc"]
    assert row["n"]["filenames"] == [note["path"] for note in row["n"]]
    assert "n has 4 objects of type Note, of which the first 3 are logged" in log.text


def test_a_mixed_list_has_one_description_each(run):
    run.log({"n": [Note("a"), 1, Folder(Note("b"))]})
    note, number, folder = run.history[0]["n"]
    assert (note.read(), number, folder.read()) == ("a", 1, ["b"])


@pytest.mark.parametrize(
    ("key", "stem"),
    [("a/b", "a_b"), ("../x", ".._x"), ("ä b", "ä_b"), ("k" * 300, "k" * 100), ("", "_")],
)
def test_keys_are_made_safe(run, key, stem):
    run.log({key: Note("hello")}, step=7)
    run.log({}, commit=True)
    [row] = run.scan_history()
    assert row[key]["path"] == f"media/note/{stem}_7_{hash_bytes(b'hello').hex()[:8]}.txt"


def test_nested_keys_are_part_of_the_path(run):
    run.log({"a": {"b": Note("hello")}})
    [row] = run.scan_history()
    assert row["a.b"]["path"].startswith("media/note/a.b_0_")


def test_a_description_may_name_many_files():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"f": Folder(Note("a"), Note("b")), "two": Both()})
        assert run.history[0]["f"].read() == ["a", "b"]
        assert "files" not in run.summary["f"]
        assert run.summary["f"].read() == ["a", "b"]
    assert len(media_in(history("r"))) == 5
    [row] = rows_of("r")
    assert row["f"].read() == ["a", "b"]
    assert stored("r").summary["f"].read() == ["a", "b"]


def test_files_are_copied_as_they_are(run, tmp_path):
    source = tmp_path / "page.html"
    source.write_text("<p>before</p>")
    run.log({"page": Html(source, inject=False)})
    source.write_text("<p>after</p>")
    assert run.history[0]["page"].html == "<p>before</p>"


def test_large_files_are_hashed_while_they_are_copied(tmp_path):
    data = os.urandom(1 << 20) * 9
    (tmp_path / "large").write_bytes(data)
    spool = Spool(tmp_path / "spool")
    content = spool.put(tmp_path / "large", ".bin")
    assert content.digest == hash_bytes(data)
    assert content.sha256 == hashlib.sha256(data).hexdigest()
    assert spool.path_of(content.digest, ".bin").read_bytes() == data
    assert spool.put(data, ".bin") == content
    assert len(os.listdir(spool.folder)) == 1


def test_contents_that_begin_alike_get_different_paths():
    taken: dict[str, Digest] = {}
    digests = [Digest(bytes([171] * same + [0] * (32 - same))) for same in (32, 20)]
    one, other = (Content(digest, "", 0) for digest in digests)
    paths = [path_for("note", "n_0", each, ".txt", taken) for each in (one, other, one)]
    assert paths[0] == paths[2] == "media/note/n_0_abababab.txt"
    assert paths[1] == "media/note/n_0_abababababababab.txt"
    assert set(taken) >= set(paths)


@pytest.mark.parametrize("length", [8, 16, 32, 64])
def test_the_spool_finds_every_path_that_is_made(tmp_path, length):
    spool = Spool(tmp_path / "spool")
    for text in ("a", "b"):
        content = spool.put(text.encode(), ".pts.json")
        path = f"media/note/k.x_3_{content.digest.hex()[:length]}.pts.json"
        file = spool.path_of(content.digest, ".pts.json")
        assert file.read_text() == text
        assert spool.find(path, content.digest) == file
        assert spool.find(path) == file
    assert spool.find("media/note/k.x_3_00000000.pts.json") is None
    assert spool.find("media/note/other.txt") is None


def test_a_torn_file_is_written_again(tmp_path):
    spool = Spool(tmp_path)
    content = spool.put(b"hello", ".txt")
    file = spool.path_of(content.digest, ".txt")
    file.chmod(0o600)
    file.write_bytes(b"")  # as after a power failure
    spool.put(b"hello", ".txt")
    assert file.read_bytes() == b"hello"


def test_a_file_that_keeps_changing_is_refused(run, tmp_path, monkeypatch):
    source = tmp_path / "page.html"
    source.write_text("<p>0</p>")
    page = Html(source, inject=False)
    real = os.fstat

    def fstat(descriptor):
        with source.open("a") as file:
            file.write("x")
        return real(descriptor)

    monkeypatch.setattr(copying, "reflink", lambda _source, _target: False)
    monkeypatch.setattr("artifacts.media.spool.os.fstat", fstat)
    with pytest.raises(artifacts.IntegrityError, match="keeps changing"):
        run.log({"page": page})
    monkeypatch.undo()
    assert run.step == 0
    assert spooled(run) == []


# -- what cannot be logged


def test_a_full_disk_is_an_error_and_nothing_is_logged(run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    run.log({"loss": 1})
    monkeypatch.setattr(copying, "write_all", full)
    with pytest.raises(StorageError, match="No space left") as caught:
        run.log({"loss": 2, "n": Note("hello")})
    assert caught.value.kind == "disk_full"
    assert hint_of(caught) == "nothing was logged; free some space and log it again"
    monkeypatch.undo()
    assert spooled(run) == []
    run.log({"loss": 3, "n": Note("hello")})
    assert [(row["_step"], row["loss"]) for row in run.scan_history()] == [(0, 1), (1, 3)]


def test_a_configuration_takes_no_media(run):
    for change in (
        lambda: run.config.update({"n": Note("x")}),
        lambda: artifacts.Artifact("a", type="t", metadata={"n": Note("x")}),
    ):
        with pytest.raises(InvalidTypeError, match="is media of type Note") as caught:
            change()
        assert "log it with run.log()" in hint_of(caught)
    assert dict(run.config) == {}


def test_the_summary_of_a_finished_run_takes_no_media():
    with artifacts.init(project="demo", id="r"):
        pass
    with pytest.raises(InvalidTypeError, match="only a running run can keep"):
        stored("r").summary["n"] = Note("x")
    assert "n" not in stored("r").summary


@pytest.mark.parametrize(
    "value",
    [
        {"_type": "note-file", "text": "no path"},
        {"_type": "unheard-of", "path": "media/x.png", "digest": "md5:0"},
        {"_type": "note-file", "path": "history.parquet", "digest": "blake3:" + "0" * 64},
    ],
    ids=["incomplete", "unknown", "outside"],
)
def test_what_only_looks_like_media_does_not_stand_in_the_way(value):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": value, "loss": 1})
    [row] = rows_of("r")
    assert row["n"] == value
    assert set(history("r").manifest) == {"history.parquet"}


# -- the summary


def test_the_summary_follows_with_objects():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("one"), "deep": {"n": Note("x")}, "several": [Note("a"), Note("b")]})
        run.log({"n": Note("two")})
        assert run.summary["n"].read() == "two"
        assert run.summary["deep"]["n"].read() == "x"
        assert [note.read() for note in run.summary["several"]] == ["a", "b"]
    summary = stored("r").summary
    assert summary["n"].read() == "two"
    assert summary["n"]["path"].startswith("media/note/n_1_")
    assert [note.read() for note in summary["several"]] == ["a", "b"]


def test_media_are_set_in_the_summary_by_hand():
    with artifacts.init(project="demo", id="r") as run:
        run.summary["best"] = Note("hello")
        run.log({"best": Note("later")})
        assert run.summary["best"].read() == "hello"
    assert stored("r").summary["best"].read() == "hello"
    version = artifacts.Api(project="demo").artifact("run-r-summary:latest")
    assert len(media_in(version)) == 1


# -- files


def test_files_are_found_by_their_paths(tmp_path):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("hello")})
        path = run.history[0]["n"]["path"]
    file = stored("r").file(path)
    assert (file.name, file.size) == (path, 5)
    with open(file.download(tmp_path)) as downloaded:
        assert downloaded.read() == "hello"
    assert path in [each.name for each in stored("r").files()]
    with pytest.raises(EntryNotFoundError):
        stored("r").file("media/note/other.txt")


def test_a_local_copy_is_there_as_long_as_the_object():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"page": Html("<p>x</p>", inject=False)})
    [row] = rows_of("r")
    path = row["page"].path
    assert path.read_text() == "<p>x</p>"
    assert path.suffix == ".html"
    assert not os.access(path, os.W_OK) or os.geteuid() == 0
    del row
    import gc

    gc.collect()
    assert not path.exists()


def test_elsewhere_files_come_with_the_next_version(run, tmp_path):
    run.log({"n": Note("hello")})
    run._live._send()
    folder = run._rows.path.with_suffix(".media")
    folder.rename(tmp_path / "on another machine")
    [row] = rows_of(run.id)
    assert row["n"]["size"] == 5
    with pytest.raises(EntryNotFoundError, match="in the store yet") as caught:
        row["n"].read()
    assert "files come with the next version" in hint_of(caught)
    (tmp_path / "on another machine").rename(folder)
    run._checkpoints._make()
    assert row["n"].read() == "hello"


def test_a_lost_file_does_not_keep_the_run_from_being_recorded(log):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("lost"), "m": Note("kept")})
        os.unlink(run._rows.path.with_suffix(".media") / f"{hash_bytes(b'lost').hex()}.txt")
    assert "1 media file(s) are lost" in log.text
    assert run.state == "finished"
    [row] = rows_of("r")
    assert row["m"].read() == "kept"
    with pytest.raises(EntryNotFoundError, match="was lost before it was stored"):
        row["n"].read()


def test_a_damaged_file_counts_as_lost(log):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("hello")})
        file = run._rows.path.with_suffix(".media") / f"{hash_bytes(b'hello').hex()}.txt"
        file.chmod(0o600)
        file.write_bytes(b"HELLO")
    assert "1 media file(s) are lost" in log.text
    assert media_in(history("r")) == []


# -- versions


def test_checkpoints_have_the_media(monkeypatch):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("one")})
        run._checkpoints._make()
        assert len(media_in(history("r"))) == 1
        run.log({"n": Note("two")})
        monkeypatch.setattr("artifacts._run_media.ingest.add_files", _only({b"two"}))
    assert len(media_in(history("r"))) == 2
    assert [row["n"].read() for row in rows_of("r")] == ["one", "two"]


def _only(expected):
    """Return a function that adds files, and makes sure that no others are read."""
    from artifacts.store import ingest

    real = ingest.add_files

    def add_files(store, upload, files, *args):
        read = {Path(file.source).read_bytes() for file in files if file.path.startswith("media/")}
        assert read <= expected
        return real(store, upload, files, *args)

    return add_files


def test_a_run_that_goes_on_carries_its_media(monkeypatch):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("one")})
    monkeypatch.setattr("artifacts._run_media.ingest.add_files", _only({b"two"}))
    with artifacts.init(project="demo", id="r", resume="must") as run:
        run.log({"n": Note("two")})
        assert [row["n"].read() for row in run.history] == ["one", "two"]
    assert [row["n"].read() for row in rows_of("r")] == ["one", "two"]
    assert len(media_in(history("r"))) == 2


def test_a_run_that_is_wound_back_drops_the_media_of_later_rows():
    with artifacts.init(project="demo", id="r") as run:
        for text in ("one", "two", "three"):
            run.log({"n": Note(text)})
    with artifacts.init(project="demo", resume_from="r?_step=1") as run:
        assert run.summary["n"].read() == "two"
        run.log({"n": Note("new")})
    assert [row["n"].read() for row in rows_of("r")] == ["one", "two", "new"]
    assert len(media_in(history("r"))) == 3
    assert len(media_in(history("r", "v0"))) == 3


def test_a_run_that_is_begun_anew_has_no_media():
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("one")})
    with artifacts.init(project="demo", id="r") as run:
        run.log({"loss": 1})
    assert media_in(history("r")) == []


@pytest.mark.parametrize("finished", [True, False])
def test_a_fork_has_the_media_of_its_rows(finished):
    parent = artifacts.init(project="demo", id="r")
    for text in ("one", "two"):
        parent.log({"n": Note(text)})
    if finished:
        parent.finish()
    else:
        parent._live._send()
    with artifacts.init(
        project="demo", id="child", fork_from="r?_step=0", reinit="create_new"
    ) as run:
        run.log({"n": Note("mine")})
    parent.finish()
    assert [row["n"].read() for row in rows_of("child")] == ["one", "mine"]
    assert len(media_in(history("child"))) == 2


def test_media_that_another_process_could_not_see_come_with_the_next_version(tmp_path, log):
    with artifacts.init(project="demo", id="r") as run:
        run.log({"n": Note("hello")})
        run._live._send()
        folder = run._rows.path.with_suffix(".media")
        folder.rename(tmp_path / "on another machine")
        commit_history(run._place, run._record, [])  # what the other one knows
        assert "1 media file(s) are lost, or on the machine of another process" in log.text
        assert media_in(history("r")) == []
        (tmp_path / "on another machine").rename(folder)
    assert rows_of("r")[0]["n"].read() == "hello"
    assert len(media_in(history("r"))) == 1


def test_corrections_may_be_media():
    with artifacts.init(project="demo", id="r", settings={"on_stale_step": "merge"}) as run:
        run.log({"loss": 1})
        run.log({"loss": 2})
        run.log({"n": Note("late")}, step=0)
    first, second = rows_of("r")
    assert first["n"].read() == "late"
    assert "n" not in second


def test_what_a_deleted_run_has_kept_is_removed():
    run = artifacts.init(project="demo", id="r")
    run.log({"n": Note("hello")})
    folder = run._rows.path.parent
    saved = folder.with_name("saved")
    shutil.copytree(folder, saved)  # as a process has left it that was killed
    run.finish()
    stored("r").delete()
    saved.rename(folder)
    recover(run._place)
    assert not folder.exists()


def test_threads_may_log_media(run):
    def work(number):
        for i in range(20):
            run.log({f"n{number}": Note(f"{i % 5}")})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(run.scan_history())
    assert len(rows) == 80
    read = [note.read() for row in rows for key, note in row.items() if key.startswith("n")]
    assert sorted(read) == sorted(str(i % 5) for i in range(20) for _ in range(4))


def test_media_are_synced_before_the_rows_that_name_them(run, monkeypatch):
    order = []
    real = os.fsync

    def fsync(descriptor):
        order.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    run.log({"n": Note("hello")})
    journal = str(run._rows.path)
    run._rows.journal._sync()
    order = order[: order.index(journal) + 1]
    media = str(run._rows.path.with_suffix(".media"))
    assert f"{media}/{hash_bytes(b'hello').hex()}.txt" in order
    assert media in order


def test_equal_contents_are_equal(run):
    one, same, other = Note("a"), Note("a"), Note("b")
    run.log({"x": one, "y": same, "z": other})
    assert one == same
    assert one != other
    assert one == one.to_json()
    assert Note("a") != Note("a")  # nobody knows before they are logged
    assert len({one, same, other}) == 2


def test_rows_of_many_runs_have_objects():
    for run_id in ("r1", "r2"):
        with artifacts.init(project="demo", id=run_id) as run:
            run.log({"n": Note(run_id), "loss": 1})
    api = artifacts.Api(project="demo")
    frame = api.history(["r1", "r2"], format="pandas")
    assert [note.read() for note in frame["n"]] == ["r1", "r2"]
    table = api.history(["r1", "r2"])
    assert '"note-file"' in table.column("n")[0].as_py()


def test_logging_says_nothing(run, caplog):
    caplog.set_level(logging.WARNING)
    run.log({"n": Note("hello")})
    assert caplog.records == []
    assert parse_digest(run.history[0]["n"]["digest"]) == hash_bytes(b"hello")
