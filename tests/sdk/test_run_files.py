"""The files of a run: what `save` takes, when it is stored, and how it comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import artifacts
from artifacts import _session
from artifacts.runs import file_policies, files
from artifacts.runs.completing import recover
from artifacts.runs.observer import Observer
from artifacts.store.outbox import Delivery
from artifacts.store.store import Store
from tests.sdk.helpers import hint_of
from tests.support import when_read


@pytest.fixture(autouse=True)
def run_dir(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run_dir")
    monkeypatch.setenv("ART_RUN_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch):
    """No files but those of the test; what the library keeps itself is tested elsewhere."""
    monkeypatch.setenv("ART_CONSOLE", "off")
    monkeypatch.setattr(Observer, "_keep", lambda _self, _name, _data: None)


def write(path, text="text"):
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def stored(run_id="r"):
    """The contents of the files of a run, as the store has them."""
    run = artifacts.Api(project="demo").run(run_id)
    return {file.name: file._entry.open().read().decode() for file in run.files()}


def versions(run_id="r"):
    """What each version has, the oldest first."""
    found = artifacts.Api(project="demo").collection(f"run-{run_id}-files").versions()
    return [{entry.path: entry.open().read().decode() for entry in v.entries()} for v in found][
        ::-1
    ]


def begin(**options):
    return artifacts.init(project="demo", id="r", **options)


def text_of(file):
    """What a restored file says; it is closed then."""
    assert file is not None
    with file:
        return file.read()


def inside(run, paths):
    return [os.path.relpath(path, run.dir) for path in paths]


# -- the arguments of save


def test_without_arguments(log):
    with begin() as run:
        assert run.save() is True
    assert "without any arguments is deprecated" in log.text
    assert artifacts.Api(project="demo").collections(internal=True) == []


@pytest.mark.parametrize("policy", ["Live", "", "never", None])
def test_a_policy_that_does_not_exist(policy):
    write("x.txt")
    with begin() as run, pytest.raises(ValueError, match='Only "live", "now" and "end"'):
        run.save("x.txt", policy=policy)


@pytest.mark.parametrize("glob_str", [3, ["x.txt"], object()])
def test_what_is_no_path(glob_str):
    with begin() as run, pytest.raises(ValueError, match="with glob_str a str"):
        run.save(glob_str)


@pytest.mark.parametrize(
    "glob_str", [b"x.txt", Path("x.txt"), "x.txt"], ids=["bytes", "path", "text"]
)
def test_what_a_path_may_be(glob_str):
    write("x.txt")
    with begin() as run:
        assert inside(run, run.save(glob_str)) == ["x.txt"]


@pytest.mark.parametrize("url", ["s3://bucket/x", "gs://bucket/x"])
def test_the_url_of_a_bucket(url, log):
    with begin() as run:
        assert run.save(url) == []
    assert "is a cloud storage url, can't save file" in log.text


def test_a_relative_pattern_keeps_the_path():
    for name in ("a/b/x.txt", "a/b/y.txt", "a/b/.hidden", "a/b/z.bin", "a/b/c/deep.txt"):
        write(name, name)
    with begin() as run:
        paths = run.save("a/b/*.txt")
        assert paths == [os.path.join(run.dir, "a/b/x.txt"), os.path.join(run.dir, "a/b/y.txt")]
        assert [Path(path).read_text(encoding="utf-8") for path in paths] == [
            "a/b/x.txt",
            "a/b/y.txt",
        ]
    assert stored() == {"a/b/x.txt": "a/b/x.txt", "a/b/y.txt": "a/b/y.txt"}


def test_of_an_absolute_pattern_one_folder_is_kept(tmp_path, log):
    write("deep/run1/x.txt")
    write("deep/run2/x.txt")
    with begin() as run:
        assert inside(run, run.save(str(tmp_path / "deep/*/x.txt"))) == [
            "run1/x.txt",
            "run2/x.txt",
        ]
    assert "Pass base_path=" in log.text


def test_two_files_of_one_path_are_refused(tmp_path):
    write("a/ckpt/x.txt")
    write("b/ckpt/x.txt")
    with (
        begin() as run,
        pytest.raises(ValueError, match=r"would be saved as 'ckpt/x\.txt'") as caught,
    ):
        run.save(str(tmp_path / "*/ckpt/x.txt"))
    assert "base_path=" in hint_of(caught)


def test_a_base_path(tmp_path):
    write("data/a/x.txt")
    with begin() as run:
        assert inside(run, run.save("data/a/*.txt", base_path="data")) == ["a/x.txt"]
        absolute = tmp_path / "data/a/x.txt"
        assert inside(run, run.save(absolute, base_path=tmp_path)) == ["data/a/x.txt"]
        assert inside(run, run.save("data/a/x.txt", base_path=b"data/a")) == ["x.txt"]


@pytest.mark.parametrize(("glob_str", "base"), [("../x.txt", None), ("a/x.txt", "a/b"), ("*", "a")])
def test_nothing_above_the_base_path(glob_str, base):
    write("a/x.txt")
    write("a/b/y.txt")
    with begin() as run, pytest.raises(ValueError, match="globs can't walk above base_path"):
        run.save(glob_str, base_path=base)
    assert not os.path.exists(run.dir)


def test_what_is_in_the_folder_already_matches_too(log):
    write("x.txt", "outside")
    with begin() as run:
        write(f"{run.dir}/own.txt", "inside")
        assert inside(run, run.save("*.txt")) == ["own.txt", "x.txt"]
    assert "call save() again" not in log.text
    assert stored() == {"own.txt": "inside", "x.txt": "outside"}


def test_new_matches_outside_are_not_picked_up(log):
    write("x.txt")
    with begin() as run:
        run.save("*.txt")
        write("later.txt")
    assert "saved 1 file(s) that match now, call save() again" in log.text
    assert list(stored()) == ["x.txt"]


def test_a_path_in_the_folder_keeps_its_place(log):
    with begin() as run:
        path = write(f"{run.dir}/deep/er/model.h5")
        assert run.save(str(path)) == [str(path)]
    assert "one folder is kept" not in log.text
    assert list(stored()) == ["deep/er/model.h5"]


def test_a_link_to_another_file_is_replaced():
    write("a/x.txt", "a")
    write("b/x.txt", "b")
    with begin() as run:
        run.save("a/x.txt", base_path="a")
        run.save("b/x.txt", base_path="b")
        assert Path(run.dir, "x.txt").read_text(encoding="utf-8") == "b"
    assert stored() == {"x.txt": "b"}


def test_a_file_of_the_run_is_never_touched(log):
    write("x.txt", "outside")
    with begin() as run:
        own = write(f"{run.dir}/x.txt", "inside")
        assert run.save("x.txt") == [str(own)]
        assert own.read_text(encoding="utf-8") == "inside"
    assert "is not saved: the run has another file of its own" in log.text
    assert stored() == {"x.txt": "inside"}


def test_no_match(log):
    with begin() as run:
        assert run.save("nothing/*.txt") == []
        assert run.save("nothing.txt", glob=False) == []
    assert "nothing matches nothing/*.txt" in log.text


def test_names_that_look_like_patterns(log):
    write("a[1].txt", "literal")
    with begin() as run:
        assert run.save("a[1].txt") == []
        assert "pass glob=False" in log.text
        assert inside(run, run.save("a[1].txt", glob=False)) == ["a[1].txt"]
        assert run.save("*.txt", glob=False) == []
        assert "pass glob=True" in log.text
    assert stored() == {"a[1].txt": "literal"}


def test_a_folder_is_saved_with_all_that_is_in_it():
    for name in ("logs/a.txt", "logs/deep/b.txt", "logs/.git/config", "logs/half.tmp"):
        write(name, name)
    with begin() as run:
        assert inside(run, run.save("logs")) == ["logs/a.txt", "logs/deep/b.txt"]
        assert inside(run, run.save("logs/half.tmp")) == ["logs/half.tmp"]
    assert list(stored()) == ["logs/a.txt", "logs/deep/b.txt", "logs/half.tmp"]


def test_the_working_directory_without_store_and_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "here"))
    monkeypatch.setenv("ART_RUN_DIR", str(tmp_path / "runs"))
    write("x.txt")
    with begin() as run:
        assert inside(run, run.save(".")) == ["x.txt"]


def test_what_is_no_file():
    os.mkfifo("pipe")
    with begin() as run, pytest.raises(ValueError, match="neither a file nor a folder"):
        run.save("pipe")


@pytest.mark.parametrize("path", ["taken/x.txt", "taken"])
def test_a_path_that_is_taken_by_something_else(path):
    write(path)
    with begin() as run:
        if path == "taken":
            write(f"{run.dir}/taken/other.txt")
        else:
            write(f"{run.dir}/taken")
        with pytest.raises(ValueError, match="cannot be saved as") as caught:
            run.save(path)
    assert "base_path=" in hint_of(caught)
    assert path not in stored()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    write("sub/x.txt", "mine")
    other = tmp_path / "other"
    other.mkdir()
    with begin() as run:
        Path(run.dir, "sub").symlink_to(other)
        with pytest.raises(ValueError, match="is no folder of the run"):
            run.save("sub/x.txt")
    assert list(other.iterdir()) == []


def test_after_the_end():
    run = begin()
    run.finish()
    with pytest.raises(artifacts.RunFinishedError):
        run.save("x.txt")


def test_module_functions():
    write("x.txt", "one")
    with pytest.raises(artifacts.Error, match=r"You must call artifacts\.init\(\)"):
        artifacts.save("x.txt")
    with begin() as run:
        assert artifacts.save("x.txt", policy="now") == [os.path.join(run.dir, "x.txt")]
        assert text_of(artifacts.restore("x.txt")) == "one"


# -- policies


@pytest.mark.parametrize("policy", ["now", "live", "end"])
def test_a_snapshot_is_in_the_store_at_once(policy):
    write("x.txt", "one")
    with begin() as run:
        run.save("x.txt", policy=policy)
        assert stored() == {"x.txt": "one"}
        assert [artifact.name for artifact in run.logged_artifacts()] == []
        logged = run.logged_artifacts(internal=True)
        assert [(a.name, a.type) for a in logged] == [("run-r-files:v0", "run-files")]


def test_now_is_this_once():
    file = write("x.txt", "one")
    with begin() as run:
        run.save("x.txt", policy="now")
        write(file, "two")
        run.save("x.txt", policy="now")
        write(file, "three")
    assert versions() == [{"x.txt": "one"}, {"x.txt": "two"}]


@pytest.mark.parametrize("policy", ["live", "end"])
def test_the_state_at_the_end(policy):
    file = write("x.txt", "one")
    write("y.txt", "same")
    with begin() as run:
        run.save("?.txt", policy=policy)
        write(file, "at the end")
    assert versions() == [
        {"x.txt": "one", "y.txt": "same"},
        {"x.txt": "at the end", "y.txt": "same"},
    ]


@pytest.mark.parametrize("policy", ["live", "end"])
def test_a_file_that_is_gone_stays_as_it_was_saved(policy, log):
    file = write("x.txt", "one")
    with begin() as run:
        run.save("x.txt", policy=policy)
        file.unlink()
    assert stored() == {"x.txt": "one"}
    assert "x.txt is gone; the run keeps it as it was" in log.text


def test_the_last_call_decides():
    file = write("x.txt", "one")
    with begin() as run:
        run.save("x.txt", policy="end")
        run.save("x.txt", policy="now")
        write(file, "two")
    assert versions() == [{"x.txt": "one"}]
    with begin(resume="must") as run:
        run.save("x.txt", policy="now")
        run.save("*.txt", policy="end")
        write(file, "three")
    assert versions()[1:] == [{"x.txt": "two"}, {"x.txt": "three"}]


@pytest.fixture
def at_once(monkeypatch):
    """Live files are stored as soon as they have grown."""
    monkeypatch.setattr(file_policies, "MIN_INTERVAL", 0.0)
    monkeypatch.setattr(files, "POLL", 0.01)


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_state_of_a_live_file_is_a_version(at_once):
    states = ["x" * 2**i for i in range(4)]
    file = write("x.txt", states[0])
    with begin() as run:
        run.save("x.txt", policy="live")
        for number, state in enumerate(states[1:], 2):
            write(file, state)
            wait_until(lambda number=number: len(versions()) == number)
    assert versions() == [{"x.txt": state} for state in states]


def test_patterns_hold_for_what_comes_into_the_folder_later(at_once):
    with begin() as run:
        assert run.save("*.h5", policy="live") == []
        assert run.save("*.pt", policy="now") == []
        write(f"{run.dir}/end.txt", "end")
        write(f"{run.dir}/live.h5", "live")
        wait_until(lambda: stored().get("live.h5") == "live")
        write(f"{run.dir}/now.pt", "now")
        wait_until(lambda: "now.pt" in stored())
        write(f"{run.dir}/now.pt", "not any more")
        assert "end.txt" not in stored()
    assert stored() == {"end.txt": "end", "live.h5": "live", "now.pt": "now"}


def test_what_tensorboard_writes_is_live(at_once):
    with begin() as run:
        name = "events.out.tfevents.1.host"
        write(f"{run.dir}/{name}", "a")
        write(f"{run.dir}/logs/graph.pbtxt", "b")
        wait_until(lambda: set(stored()) == {name, "logs/graph.pbtxt"})


def test_a_lost_store_is_told_once_and_tried_again(at_once, monkeypatch, log):
    file = write("x.txt", "one")
    with begin() as run:
        run.save("x.txt")
        failures = []

        def fail(*_arguments, **_options):
            failures.append(1)
            raise artifacts.StorageError("the server cannot be reached")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "commit", fail)
            write(file, "one and more")
            wait_until(lambda: len(failures) > 2)
        wait_until(lambda: stored() == {"x.txt": "one and more"})
    assert log.text.count("files of the run are stored later") == 1


def test_a_store_that_is_away_when_files_are_saved(monkeypatch, log):
    write("x.txt", "x")
    with begin() as run:
        with monkeypatch.context() as patch:

            def fail(*_arguments, **_options):
                raise artifacts.StorageError("the server cannot be reached", retryable=True)

            patch.setattr(Store, "commit", fail)
            with pytest.raises(artifacts.StorageError, match="cannot be reached"):
                run.save("x.txt", policy="now")
            assert inside(run, run.save("x.txt", policy="end")) == ["x.txt"]
        assert run.files() == []
    assert "1 file(s) are stored later" in log.text
    assert stored() == {"x.txt": "x"}


def test_a_file_that_is_being_written(monkeypatch):
    file = write("x.txt", "half")

    def grow():
        with file.open("a") as more:
            more.write(".")

    with begin() as run:
        with monkeypatch.context() as patch:
            when_read(patch, file, grow, times=None)
            with pytest.raises(artifacts.IntegrityError, match="keeps changing"):
                run.save("x.txt", policy="now")
            assert not os.path.lexists(os.path.join(run.dir, "x.txt"))
            assert inside(run, run.save("x.txt", policy="live")) == ["x.txt"]
        assert run.files() == []
        write(file, "whole")
    assert stored() == {"x.txt": "whole"}


@pytest.mark.parametrize(
    ("size", "last", "elapsed", "due"),
    [
        (1000, 100, 14, False),
        (1000, 100, 15, True),
        (119, 100, 59, False),
        (120, 100, 15, True),
        (101, 100, 60, True),
        (50, 100, 60, True),
        (50e6, 50e6, 299, False),
        (50e6, 50e6, 300, True),
        (500e6, 500e6, 599, False),
        (500e6, 500e6, 600, True),
        (5e9, 5e9, 1199, False),
        (5e9, 5e9, 1200, True),
    ],
)
def test_how_often_a_live_file_is_stored(size, last, elapsed, due):
    assert file_policies.is_due(int(size), int(last), elapsed) is due


# -- the folder


def test_what_is_in_the_folder_is_stored_at_the_end():
    with begin() as run:
        assert os.path.isabs(run.dir)
        assert os.path.isdir(run.dir)
        assert os.path.basename(run.dir) == "files"
        write(f"{run.dir}/a/model.txt", "model")
        folder = Path(run.dir)
    assert stored() == {"a/model.txt": "model"}
    assert not folder.exists()


def test_a_run_without_files_has_no_folder(run_dir):
    with begin() as run:
        run.log({"a": 1})
    assert list(run_dir.rglob("files")) == []
    assert artifacts.Api(project="demo").run("r").files() == []


def test_what_is_left_out_stays_on_the_machine(monkeypatch):
    monkeypatch.setenv("ART_IGNORE_GLOBS", "*.pyc, cache/*")
    left_out = ["half.tmp", ".hidden", ".git/config", "m.pyc", "a/m.pyc", "cache/x.txt"]
    with begin() as run:
        folder = Path(run.dir)
        for name in [*left_out, "kept.txt", "a/kept.txt"]:
            write(folder / name, name)
        (folder / "empty.txt").touch()
    assert set(stored()) == {"kept.txt", "a/kept.txt"}
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert here == {*left_out, "empty.txt"}


def test_what_is_saved_by_name_is_not_left_out():
    with begin() as run:
        for name in (".hydra/config.yaml", "x.tmp", "empty.txt"):
            write(f"{run.dir}/{name}", "" if name == "empty.txt" else name)
            run.save(f"{run.dir}/{name}")
    assert set(stored()) == {".hydra/config.yaml", "x.tmp", "empty.txt"}


def test_links_to_folders_are_followed_and_their_files_stay(tmp_path):
    write("elsewhere/x.txt", "x")
    with begin() as run:
        Path(run.dir, "linked").symlink_to(tmp_path / "elsewhere")
        Path(run.dir, "circle").symlink_to(run.dir)
    assert stored() == {"linked/x.txt": "x"}
    assert Path("elsewhere/x.txt").read_text(encoding="utf-8") == "x"


def test_saved_files_stay_where_they_are():
    file = write("x.txt", "x")
    with begin() as run:
        run.save("x.txt")
        folder = Path(run.dir)
    assert file.read_text(encoding="utf-8") == "x"
    assert not folder.exists()


def test_runs_of_the_same_id_in_two_stores_have_a_folder_each(monkeypatch, tmp_path):
    run = begin()
    write(f"{run.dir}/x.txt", "first")
    with artifacts.init(
        project="demo", id="r", store=tmp_path / "other", reinit="create_new"
    ) as other:
        assert other.dir != run.dir
    run.finish()
    assert stored() == {"x.txt": "first"}


def test_a_file_in_the_place_of_a_folder_and_the_other_way_round():
    with begin() as run:
        write(f"{run.dir}/a", "file")
        write(f"{run.dir}/b/c", "in a folder")
    with begin(resume="must") as run:
        write(f"{run.dir}/a/c", "in a folder")
        write(f"{run.dir}/b", "file")
    assert versions()[-1] == {"a/c": "in a folder", "b": "file"}


# -- the end


def test_unchanged_files_make_no_version():
    write("x.txt")
    with begin() as run:
        run.save("x.txt", policy="live")
        run.save("x.txt", policy="end")
    with begin(resume="must") as run:
        run.save("x.txt")
    assert len(versions()) == 1


def test_files_are_stored_before_the_run_ends(monkeypatch):
    seen = []
    with begin() as run:
        write(f"{run.dir}/x.txt")
        catalog = type(run._place.store.catalog)
        real = catalog.finish_run

        def finish_run(self, *arguments):
            seen.append(stored())
            return real(self, *arguments)

        monkeypatch.setattr(catalog, "finish_run", finish_run)
    assert seen == [{"x.txt": "text"}]


def test_files_of_earlier_sessions_stay():
    with begin() as run:
        write(f"{run.dir}/first.txt", "1")
        run.log({"a": 1})
    with begin(resume="must") as run:
        assert [file.name for file in run.files()] == ["first.txt"]
        write(f"{run.dir}/second.txt", "2")
    assert stored() == {"first.txt": "1", "second.txt": "2"}


def test_a_file_that_cannot_be_stored_stays_and_is_named():
    run = begin()
    write(f"{run.dir}/good.txt", "good")
    bad = write(f"{run.dir}/back\\slash.txt", "bad")
    run.log({"a": 1})
    with pytest.raises(artifacts.StorageError, match=r"back\\slash\.txt") as caught:
        run.finish()
    assert (caught.value.kind, run.state) == ("files_not_stored", "finished")
    assert "art run recover r" in hint_of(caught)
    assert bad.exists()
    assert stored() == {"good.txt": "good"}
    assert len(list(artifacts.Api(project="demo").run("r").scan_history())) == 1
    with pytest.raises(artifacts.StorageError, match="back"):
        recover(_session.place(project="demo"))
    bad.rename(bad.with_name("better.txt"))
    assert [each.id for each in recover(_session.place(project="demo"))] == ["r"]
    assert stored() == {"good.txt": "good", "better.txt": "bad"}
    assert recover(_session.place(project="demo")) == []


def test_a_file_that_cannot_be_stored_does_not_keep_a_run_from_going_on(log):
    run = begin()
    write(f"{run.dir}/back\\slash.txt")
    run.log({"a": 1})
    with pytest.raises(artifacts.StorageError):
        run.finish()
    with begin(resume="must") as again:
        assert "back\\slash.txt" in log.text
        assert again.step == 1
        Path(again.dir, "back\\slash.txt").rename(Path(again.dir, "good.txt"))
    assert stored() == {"good.txt": "text"}


def test_a_store_that_is_away_at_the_end(monkeypatch):
    run = begin()
    file = write(f"{run.dir}/x.txt")

    def fail(*_arguments, **_options):
        raise artifacts.StorageError("the server cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "commit", fail)
        with pytest.raises(artifacts.StorageError, match="cannot be reached"):
            run.finish()
    assert file.exists()
    assert [each.id for each in recover(_session.place(project="demo"))] == ["r"]
    assert stored() == {"x.txt": "text"}
    assert not file.exists()


KILLED = """
import artifacts, os, signal, sys
from pathlib import Path
run = artifacts.init(project="demo", id="r", resume="allow")
Path("now.txt").write_text("now")
Path("end.txt").write_text("end")
Path("gone.txt").write_text("gone")
run.save("now.txt", policy="now")
run.save("end.txt", policy="end")
run.save("gone.txt", policy="live")
Path(run.dir, "own.txt").write_text("own")
Path("now.txt").write_text("changed")
Path("end.txt").write_text("changed")
os.remove("gone.txt")
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_after_saving():
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert killed.returncode == -signal.SIGKILL


AFTER_A_KILL = {"now.txt": "now", "end.txt": "changed", "gone.txt": "gone", "own.txt": "own"}


def test_a_killed_run_is_recovered(run_dir):
    kill_after_saving()
    assert "own.txt" not in stored()
    assert [(e.id, e.state) for e in recover(_session.place(project="demo"))] == [("r", "crashed")]
    assert stored() == AFTER_A_KILL
    assert [path for path in run_dir.rglob("*") if path.is_file()] == []


def test_a_killed_run_is_gone_on_with():
    kill_after_saving()
    with begin(resume="must") as run:
        assert stored() == AFTER_A_KILL
        write(f"{run.dir}/more.txt", "more")
    assert stored() == {**AFTER_A_KILL, "more.txt": "more"}


# -- several processes and threads


def test_a_forked_child_saves_through_the_run_of_its_parent():
    write("child.txt", "child")
    write("both.txt", "at first")
    with begin() as run:
        write(f"{run.dir}/parent.txt", "parent")
        pid = os.fork()
        if pid == 0:
            try:
                run.save("child.txt", policy="now")
                run.save("both.txt", policy="end")
                os._exit(0 if stored()["child.txt"] == "child" else 1)
            except BaseException:  # noqa: BLE001 - the child must not run the rest of the tests
                os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0
        write("both.txt", "at last")
    assert stored() == {"child.txt": "child", "both.txt": "at last", "parent.txt": "parent"}


def test_two_processes_add_files_to_one_run():
    with begin() as run:
        write(f"{run.dir}/mine.txt", "mine")
        script = (
            "import artifacts\n"
            "from pathlib import Path\n"
            "with artifacts.init(project='demo', id='r', resume='allow') as run:\n"
            "    Path(run.dir, 'theirs.txt').write_text('theirs')\n"
            "    Path('saved.txt').write_text('saved')\n"
            "    run.save('saved.txt', policy='now')\n"
        )
        subprocess.run([sys.executable, "-c", script], check=True)
        # What is still in use is not removed by whoever ends first.
        assert Path(run.dir, "mine.txt").exists()
    found = stored()
    assert found.pop("requirements.txt")  # the other process keeps it
    assert found == {"mine.txt": "mine", "theirs.txt": "theirs", "saved.txt": "saved"}


def test_another_version_is_made_meanwhile(monkeypatch):
    other = artifacts.Api(project="demo")
    write("theirs.txt", "theirs")
    with begin() as run:
        write(f"{run.dir}/mine.txt", "mine")
        real, between = Store.commit, threading.Event()

        def commit(self, *arguments):
            if not between.is_set():
                between.set()
                other.run("r").upload_file("theirs.txt")
            return real(self, *arguments)

        monkeypatch.setattr(Store, "commit", commit)
    assert stored() == {"mine.txt": "mine", "theirs.txt": "theirs"}


# -- getting files back


@pytest.fixture
def finished():
    """A finished run with two files."""
    with begin() as run:
        write(f"{run.dir}/a/x.json", '{"x": 1}')
        write(f"{run.dir}/model.bin", "model")
    return artifacts.Api(project="demo").run("r")


def test_files_of_a_stored_run(finished, tmp_path):
    first, second = finished.files()
    assert (first.name, first.size, first.mimetype) == ("a/x.json", 8, "application/json")
    assert first.digest.startswith("blake3:")
    assert [file.name for file in finished.files("model.bin")] == ["model.bin"]
    assert finished.files(["model.bin"], per_page=10)[0].name == second.name
    assert repr(second) == "<RunFile model.bin (5 bytes)>"
    assert finished.file("a/x.json").download() == str(tmp_path / "a/x.json")
    assert Path("a/x.json").read_text(encoding="utf-8") == '{"x": 1}'
    with pytest.raises(KeyError, match=r"does not contain 'x\.json'") as caught:
        finished.file("x.json")
    assert "a/x.json" in hint_of(caught)


def test_a_download_replaces_only_if_told_to(finished):
    target = write("out/model.bin", "other")
    file = finished.file("model.bin")
    with pytest.raises(artifacts.AlreadyExistsError) as caught:
        file.download("out")
    assert "replace=True" in hint_of(caught)
    assert target.read_text(encoding="utf-8") == "other"
    file.download("out", replace=True)
    assert target.read_text(encoding="utf-8") == "model"
    assert file.download("out") == str(target.absolute())


def test_a_run_without_files():
    with begin() as run:
        assert run.files() == []
        with pytest.raises(artifacts.EntryNotFoundError, match="has no files"):
            run.file("x.txt")


def test_restore(finished, tmp_path):
    with artifacts.init(project="demo", id="other") as run:
        assert run.restore("a/x.json") is None
        assert run.restore("nothing.txt", run_path="local/demo/r") is None
        assert text_of(run.restore("a/x.json", run_path="r")) == '{"x": 1}'
        assert Path(run.dir, "a/x.json").read_text(encoding="utf-8") == '{"x": 1}'
        write("out/model.bin", "other")
        assert text_of(run.restore("model.bin", run_path="demo/r", root="out")) == "other"
        replaced = run.restore("model.bin", run_path="demo/r", root="out", replace=True)
        assert text_of(replaced) == "model"
        assert replaced is not None
        assert replaced.name == str(tmp_path / "out/model.bin")
        with pytest.raises(artifacts.RunNotFoundError):
            run.restore("x", run_path="nobody")
        with pytest.raises(artifacts.InvalidInputError, match="invalid path of a run"):
            run.restore("x", run_path="a/b/c/d")


def test_restore_without_a_run(finished, tmp_path):
    with pytest.raises(ValueError, match="needs run_path="):
        artifacts.restore("model.bin")
    file = artifacts.restore("model.bin", run_path="local/demo/r")
    assert text_of(file) == "model"
    assert file is not None
    assert file.name == str(tmp_path / "model.bin")
    assert artifacts.restore("nothing", run_path="local/demo/r") is None


def test_restoring_a_saved_file_leaves_the_original_alone():
    file = write("x.txt", "one")
    with begin() as run:
        run.save("x.txt", policy="now")
        write(file, "two")
        assert text_of(run.restore("x.txt")) == "two"
        assert text_of(run.restore("x.txt", replace=True)) == "one"
        assert file.read_text(encoding="utf-8") == "two"
        file.unlink()
        run.save("*.txt", policy="now")
    assert stored() == {"x.txt": "one"}


@pytest.mark.parametrize("name", ["../x.txt", "/etc/passwd", "a/../../x.txt", "", "a\\..\\x"])
def test_names_that_leave_the_folder(finished, name):
    with (
        artifacts.init(project="demo", id="other") as run,
        pytest.raises(artifacts.InvalidInputError, match="not a usable path"),
    ):
        run.restore(name, run_path="r")


def test_upload_to_a_stored_run(finished, tmp_path):
    write("more/y.txt", "y")
    assert finished.upload_file("more/y.txt").name == "more/y.txt"
    assert finished.upload_file(tmp_path / "more/y.txt", root="more").name == "y.txt"
    assert set(stored()) == {"a/x.json", "model.bin", "more/y.txt", "y.txt"}
    logged = [a.name for a in finished.logged_artifacts(internal=True)]
    assert logged == ["run-r-files:v0", "run-r-files:v1", "run-r-files:v2"]
    with pytest.raises(artifacts.InvalidInputError, match="is not below") as caught:
        finished.upload_file("more/y.txt", root="a")
    assert "root=" in hint_of(caught)
    with pytest.raises(artifacts.InvalidInputError, match="not a file"):
        finished.upload_file("more/nothing.txt")


# -- stores behind a network


@pytest.fixture
def remote(monkeypatch, tmp_path_factory):
    """A store whose objects are in a folder, but behind fsspec, and so count as remote."""
    folder = tmp_path_factory.mktemp("remote")
    monkeypatch.setenv("ART_STORE", str(folder / "store"))
    monkeypatch.setenv("ART_OUTBOX_DIR", str(folder / "outbox"))
    Store.create(folder / "store", objects=f"local://{folder}/bucket").close()
    return folder


class Gate:
    """Holds up every delivery until it is opened."""

    def __init__(self, monkeypatch):
        self.open = threading.Event()
        self.error = None
        real = Delivery.run

        def run(delivery, store):
            assert self.open.wait(60)
            if self.error is not None:
                raise self.error
            return real(delivery, store)

        monkeypatch.setattr(Delivery, "run", run)


@pytest.fixture
def gate(monkeypatch):
    gate = Gate(monkeypatch)
    yield gate
    gate.open.set()


def test_saving_does_not_wait_for_a_remote_store(remote, gate):
    file = write("x.txt", "one")
    with begin() as run:
        run.save("x.txt", policy="now")
        write(file, "two")
        run.save("x.txt", policy="now")
        write(file, "three")
        write("y.txt", "y")
        run.save("y.txt", policy="now")
        assert run.files() == []
        gate.open.set()
        assert text_of(run.restore("x.txt", replace=True)) == "two"
    assert versions() == [{"x.txt": "one"}, {"x.txt": "two"}, {"x.txt": "two", "y.txt": "y"}]


def test_what_others_add_while_versions_are_on_their_way_stays(remote, gate):
    write("mine.txt", "mine")
    write("theirs.txt", "theirs")
    with begin() as run:
        run.save("mine.txt", policy="now")
        artifacts.Api(project="demo").run("r").upload_file("theirs.txt")
        gate.open.set()
    assert stored() == {"mine.txt": "mine", "theirs.txt": "theirs"}


def test_a_delivery_that_fails_keeps_the_files_here(remote, gate):
    write("x.txt", "x")
    run = begin()
    run.save("x.txt", policy="now")
    own = write(f"{run.dir}/own.txt", "own")
    gate.error = artifacts.StorageError("the server cannot be reached")
    gate.open.set()
    with pytest.raises(artifacts.StorageError, match="cannot be reached"):
        run.finish()
    assert own.exists()
    gate.error = None
    assert [each.id for each in recover(_session.place(project="demo"))] == ["r"]
    assert stored() == {"x.txt": "x", "own.txt": "own"}
    assert versions() == [{"x.txt": "x"}, {"x.txt": "x", "own.txt": "own"}]
    assert not own.exists()


def test_a_killed_run_of_a_remote_store(remote):
    kill_after_saving()
    assert [(e.id, e.state) for e in recover(_session.place(project="demo"))] == [("r", "crashed")]
    assert stored() == AFTER_A_KILL
