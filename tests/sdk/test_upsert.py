"""`Run.upsert_artifact` and `finish_artifact`: behaviour.md section 10, with real processes."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import artifacts
from artifacts import Api, Artifact
from artifacts.runs import shared_versions
from artifacts.store import gc
from artifacts.store.records import LinkKind
from artifacts.store.store import Store
from tests.sdk.helpers import hint_of
from tests.support import read_tree

WORKER = """
import sys
from pathlib import Path
import artifacts

number, call = sys.argv[1:3]
run = artifacts.init(project="demo", id=f"worker-{number}", group="team")
draft = artifacts.Artifact("corpus", "dataset", metadata={f"rows-{number}": int(number)})
with draft.new_file(f"{number}.txt") as file:
    file.write(f"part {number}")
with draft.new_file("shared.txt") as file:
    file.write("the same in all parts")
print("ready", flush=True)
sys.stdin.readline()
getattr(run, call)(draft)
print("done", draft.name, flush=True)
run.finish()
"""


def start(number, call="upsert_artifact"):
    """A process that waits for a line, then makes one call."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(number), call],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def release(workers):
    """Let them all go on at once; return what each has printed."""
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * len(workers)
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=100)[0].strip() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers)
    return said


def draft(files, name="corpus", type="dataset", **options):
    artifact = Artifact(name, type, **options)
    for path, text in files.items():
        with artifact.new_file(path) as file:
            file.write(text)
    return artifact


@pytest.fixture
def team():
    with artifacts.init(project="demo", id="leader", group="team") as run:
        yield run


def versions(name="corpus"):
    api = Api(project="demo")
    if not api.artifact_collection_exists(name):
        return []
    return [found.version for found in api.artifacts(None, name, order="+created_at")]


# -- many processes


@pytest.mark.parametrize("count", [3, pytest.param(10, marks=pytest.mark.long)])
def test_processes_make_one_version(team, count):
    said = release([start(number) for number in range(count)])
    assert said == ["done corpus"] * count
    assert versions() == []
    done = team.finish_artifact(draft({"readme.txt": "all of it"}), aliases=["prod"])
    assert (done.name, done.file_count, sorted(done.aliases)) == (
        "corpus:v0",
        count + 2,
        ["latest", "prod"],
    )
    expected = {f"{number}.txt": f"part {number}".encode() for number in range(count)}
    expected |= {"shared.txt": b"the same in all parts", "readme.txt": b"all of it"}
    assert read_tree(Path(done.download("out"))) == expected
    assert done.metadata == {f"rows-{number}": number for number in range(count)}
    catalog = Api(project="demo").store.catalog
    logged_by = {
        link.run.id for link in catalog.links_of_versions([done.record.id], LinkKind.OUTPUT)
    }
    assert logged_by == {"leader", *(f"worker-{number}" for number in range(count))}
    for number in range(count):
        [logged] = Api(project="demo").run(f"worker-{number}").logged_artifacts()
        assert logged.name == "corpus:v0"


def test_processes_that_finish_at_the_same_time_make_one_version(team):
    release([start(number) for number in range(2)])
    # They bring what was added already, as a process does that calls both.
    said = release([start(number, "finish_artifact") for number in range(2)])
    assert said == ["done corpus:v0"] * 2
    assert versions() == ["v0"]
    assert Api(project="demo").artifact("corpus").file_count == 3


def test_threads_that_finish_at_the_same_time_make_one_version(team):
    team.upsert_artifact(draft({"a.txt": "a"}))
    barrier, found = threading.Barrier(4), []

    def finish(number):
        with artifacts.init(
            project="demo", id=f"finisher-{number}", group="team", reinit="create_new"
        ) as run:
            barrier.wait()
            found.append(run.finish_artifact(Artifact("corpus", "dataset")).name)

    threads = [threading.Thread(target=finish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["corpus:v0"] * 4
    assert versions() == ["v0"]


def test_a_part_counts_when_its_process_is_killed_afterwards(team):
    code = WORKER.replace("run.finish()", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    killed = subprocess.run(
        [sys.executable, "-c", code, "7", "upsert_artifact"],
        input="\n",
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "ready\ndone corpus\n")
    done = team.finish_artifact(draft({"readme.txt": "r"}))
    assert list(done.manifest) == ["7.txt", "readme.txt", "shared.txt"]


def test_half_a_part_does_not_count(team):
    worker = start(7)
    assert worker.stdout.readline() == "ready\n"  # it has stored its files, and added nothing
    worker.kill()
    worker.communicate()
    team.upsert_artifact(draft({"a.txt": "a"}))
    done = team.finish_artifact(Artifact("corpus", "dataset"))
    assert list(done.manifest) == ["a.txt"]


# -- one process


def test_nobody_sees_it_before_it_is_finished(team):
    added = team.upsert_artifact(draft({"a.txt": "a"}), aliases="prod")
    assert (added.name, added.state, added.is_draft()) == ("corpus", "PENDING", False)
    assert versions() == []
    assert team.logged_artifacts() == []
    assert Api(project="demo").collections() == []
    with pytest.raises(artifacts.ArtifactNotLoggedError, match="not finished yet") as caught:
        added.version  # noqa: B018 - reading it is the point
    assert "finish_artifact" in hint_of(caught)
    with pytest.raises(artifacts.ArtifactFinalizedError):
        added.add_file(__file__)
    with pytest.raises(artifacts.ArtifactNotLoggedError):
        team.log_artifact(added)
    with pytest.raises(artifacts.ArtifactFinalizedError):
        team.upsert_artifact(added)


def test_what_was_added_becomes_the_version(team):
    added = team.upsert_artifact(draft({"a.txt": "a"}))
    done = team.finish_artifact(added)
    assert done is added
    assert (done.name, done.state, done.is_new) == ("corpus:v0", "COMMITTED", True)
    assert [each.name for each in team.logged_artifacts()] == ["corpus:v0"]


def test_paths(team):
    Path("a").mkdir()
    Path("a/one.txt").write_text("1")
    Path("two.txt").write_text("2")
    team.upsert_artifact("a", name="corpus:prod", type="dataset")
    done = team.finish_artifact("two.txt", "corpus", "dataset", "gold")
    assert (done.type, list(done.manifest)) == ("dataset", ["one.txt", "two.txt"])
    assert done.aliases == ["gold", "latest", "prod"]


def test_another_project(team):
    team.upsert_artifact(draft({"a.txt": "a"}, project="other"))
    Path("two.txt").write_text("2")
    done = team.finish_artifact("two.txt", "other/corpus", "dataset")
    assert done.qualified_name == "local/other/corpus:v0"
    assert list(done.manifest) == ["a.txt", "two.txt"]


def test_what_is_added_afterwards_begins_another_version(team):
    team.upsert_artifact(draft({"a.txt": "a"}))
    team.finish_artifact(draft({"b.txt": "b"}))
    team.upsert_artifact(draft({"a.txt": "another"}))
    done = team.finish_artifact(Artifact("corpus", "dataset"))
    assert (done.name, list(done.manifest)) == ("corpus:v1", ["a.txt"])


def test_equal_parts_again_are_another_version(team):
    for name in ("corpus:v0", "corpus:v0"):  # equal content makes no new version
        team.upsert_artifact(draft({"a.txt": "a"}))
        team.upsert_artifact(draft({"b.txt": "b"}))
        assert team.finish_artifact(Artifact("corpus", "dataset")).name == name
    team.upsert_artifact(draft({"b.txt": "b"}))
    assert team.finish_artifact(Artifact("corpus", "dataset")).name == "corpus:v1"


def test_ids_are_kept_apart(team):
    team.upsert_artifact(draft({"a.txt": "a"}), distributed_id="one")
    team.upsert_artifact(draft({"b.txt": "b"}), distributed_id="two")
    team.upsert_artifact(draft({"c.txt": "c"}, name="other"), distributed_id="one")
    done = team.finish_artifact(Artifact("corpus", "dataset"), distributed_id="one")
    assert list(done.manifest) == ["a.txt"]
    with pytest.raises(artifacts.StateError, match="nothing was added to 'corpus'"):
        team.finish_artifact(Artifact("corpus", "dataset"))


def test_an_id_of_any_characters(team):
    weird = "job/7: ünï" + "x" * 300
    team.upsert_artifact(draft({"a.txt": "a"}), distributed_id=weird)
    done = team.finish_artifact(Artifact("corpus", "dataset"), distributed_id=weird)
    assert done.file_count == 1


def test_everything_that_was_said_comes_together(team):
    one = draft({"a.txt": "a"}, description="first", metadata={"a": 1, "n": 1})
    one.tags, one.aliases = ["red"], ["x"]
    two = draft({"b.txt": "b"}, description="second", metadata={"n": 2})
    team.upsert_artifact(one, aliases=["prod"])
    team.upsert_artifact(two)
    last = draft({"c.txt": "c"}, metadata={"c": 3})
    last.tags = ["blue"]
    done = team.finish_artifact(last, aliases="gold")
    assert (done.description, done.metadata) == ("second", {"a": 1, "n": 2, "c": 3})
    assert (done.tags, done.aliases) == (["blue", "red"], ["gold", "latest", "prod", "x"])


def test_equal_parts_keep_what_each_has_asked_for(team):
    team.upsert_artifact(draft({"a.txt": "a"}), aliases="x")
    team.upsert_artifact(draft({"a.txt": "a"}), aliases="y")
    done = team.finish_artifact(Artifact("corpus", "dataset"))
    assert done.aliases == ["latest", "x", "y"]


def test_different_files_under_one_path(team):
    team.upsert_artifact(draft({"a.txt": "one"}))
    team.upsert_artifact(draft({"sub/a.txt": "fine", "b.txt": "b"}))
    with pytest.raises(ValueError, match=r"'a\.txt' was added to 'corpus' twice") as caught:
        team.finish_artifact(draft({"a.txt": "two"}))
    assert "by run leader and by this run" in str(caught.value)
    assert versions() == []
    done = team.finish_artifact(draft({"c.txt": "two"}))  # what was added is still there
    assert list(done.manifest) == ["a.txt", "b.txt", "c.txt", "sub/a.txt"]


def test_a_path_that_is_a_folder_elsewhere(team):
    team.upsert_artifact(draft({"a": "file"}))
    team.upsert_artifact(draft({"a/b.txt": "in a folder"}))
    with pytest.raises(ValueError, match="'a"):
        team.finish_artifact(Artifact("corpus", "dataset"))
    assert versions() == []


def test_parts_that_cannot_be_merged_can_be_deleted(team):
    team.upsert_artifact(draft({"a.txt": "one"}))
    team.upsert_artifact(draft({"a.txt": "two"}))
    with pytest.raises(ValueError, match="twice") as caught:
        team.finish_artifact(Artifact("corpus", "dataset"))
    first, second = hint_of(caught).rpartition("art rm ")[2].split()
    assert first != second
    Api(project="demo").artifact(second).delete()
    done = team.finish_artifact(Artifact("corpus", "dataset"))
    assert Path(done.file("out")).read_text() == "one"


def test_finishing_again_with_nothing_new_returns_the_version(team):
    team.upsert_artifact(draft({"a.txt": "a"}))
    team.upsert_artifact(draft({"b.txt": "b"}))
    first = team.finish_artifact(Artifact("corpus", "dataset"))
    with artifacts.init(project="demo", id="late", group="team", reinit="create_new") as late:
        again = late.finish_artifact(draft({"b.txt": "b"}), aliases="seen")
        assert (again.name, again.is_new) == (first.name, False)
        assert "seen" in again.aliases
        assert [each.name for each in late.logged_artifacts()] == ["corpus:v0"]


def test_finishing_late_does_not_move_latest_back(team):
    team.upsert_artifact(draft({"a.txt": "a"}))
    team.finish_artifact(Artifact("corpus", "dataset"))
    team.log_artifact(draft({"a.txt": "newer"}))
    assert team.finish_artifact(Artifact("corpus", "dataset")).name == "corpus:v0"
    assert Api(project="demo").artifact("corpus:latest").version == "v1"


def test_finishing_without_parts_logs_the_files(team):
    done = team.finish_artifact(draft({"a.txt": "a"}))
    assert (done.name, list(done.manifest)) == ("corpus:v0", ["a.txt"])


def test_who_finishes_too_late_with_new_files_is_told(team, monkeypatch):
    team.upsert_artifact(draft({"a.txt": "a"}))
    real = shared_versions.SharedVersion._commit_all
    calls: list[int] = []

    def overtaken(shared, parts, own, said, values):
        if not calls:
            calls.append(1)
            real(shared, parts, None, said, values)
        return real(shared, parts, own, said, values)

    monkeypatch.setattr(shared_versions.SharedVersion, "_commit_all", overtaken)
    with pytest.raises(artifacts.ConflictError, match="without the files of this call") as caught:
        team.finish_artifact(draft({"late.txt": "late"}))
    assert "upsert_artifact" in hint_of(caught)
    assert list(Api(project="demo").artifact("corpus").manifest) == ["a.txt"]


def test_a_part_that_comes_while_it_is_finished_is_not_lost(team, monkeypatch):
    team.upsert_artifact(draft({"a.txt": "a"}))
    real = shared_versions.SharedVersion._commit_all
    calls: list[int] = []

    def joined(shared, parts, own, said, values):
        if not calls:
            calls.append(1)
            team.upsert_artifact(draft({"b.txt": "b"}))
        return real(shared, parts, own, said, values)

    monkeypatch.setattr(shared_versions.SharedVersion, "_commit_all", joined)
    done = team.finish_artifact(Artifact("corpus", "dataset"))
    assert list(done.manifest) == ["a.txt", "b.txt"]


# -- what is refused


@pytest.mark.parametrize("call", ["upsert_artifact", "finish_artifact"])
def test_a_group_or_an_id_is_needed(run, call):
    with pytest.raises(TypeError, match="unless run is in a group or distributed_id is provided"):
        getattr(run, call)(draft({"a.txt": "a"}))
    with pytest.raises(TypeError, match="distributed_id must be text"):
        getattr(run, call)(draft({"a.txt": "a"}), distributed_id=7)


@pytest.mark.parametrize("call", ["upsert_artifact", "finish_artifact"])
def test_what_cannot_be_added(team, call):
    with pytest.raises(TypeError, match="takes an Artifact, a path or a reference"):
        getattr(team, call)(3)
    with pytest.raises(ValueError, match="a path needs a name"):
        getattr(team, call)(__file__)
    with pytest.raises(ValueError, match="path must be a file"):
        getattr(team, call)("missing", "corpus")
    with pytest.raises(ValueError, match="incremental"):
        getattr(team, call)(Artifact("corpus", "dataset", incremental=True))
    with pytest.raises(ValueError, match="logged already"):
        getattr(team, call)(team.log_artifact(draft({"a.txt": "a"}, name="logged")))
    assert versions() == []


def test_one_type(team):
    team.upsert_artifact(draft({"a.txt": "a"}))
    with pytest.raises(ValueError, match="other processes add to 'corpus' with type 'dataset'"):
        team.upsert_artifact(draft({"b.txt": "b"}, type="model"))
    team.finish_artifact(Artifact("corpus", "dataset"))
    with pytest.raises(ValueError, match="already exists with type"):
        team.upsert_artifact(draft({"b.txt": "b"}, type="model"), distributed_id="another")


def test_after_the_end(team):
    team.finish()
    for call in (team.upsert_artifact, team.finish_artifact):
        with pytest.raises(artifacts.RunFinishedError):
            call(draft({"a.txt": "a"}))


# -- what is left


def test_what_nobody_finishes_is_collected_after_its_lifetime(team, monkeypatch):
    monkeypatch.setattr(shared_versions, "PART_LIFETIME", 1)
    team.upsert_artifact(draft({"old.txt": "old"}), aliases="prod")
    monkeypatch.undo()
    team.upsert_artifact(draft({"new.txt": "new"}))
    done = gc.collect(team._place.store)
    assert done.versions == 1
    assert list(team.finish_artifact(Artifact("corpus", "dataset")).manifest) == ["new.txt"]


def test_a_collection_takes_no_part_that_is_waiting(team, tmp_path):
    team.upsert_artifact(draft({"a.txt": "a" * 1000}))
    hasty = gc.Settings(min_age=0, grace=0)
    assert gc.collect(team._place.store, hasty).versions == 0
    done = team.finish_artifact(draft({"b.txt": "b"}))
    gc.collect(team._place.store, hasty)
    assert read_tree(Path(done.download("out"))) == {"a.txt": b"a" * 1000, "b.txt": b"b"}


def test_what_was_finished_leaves_nothing_behind(team):
    team.upsert_artifact(draft({"a.txt": "a"}))
    team.finish_artifact(draft({"b.txt": "b"}))
    left = [found.type for found in Api(project="demo").collections(internal=True)]
    assert left == ["dataset"]


def test_a_failed_finish_leaves_nothing_of_its_own(team):
    team.upsert_artifact(draft({"a.txt": "one"}))
    with pytest.raises(ValueError, match="twice"):
        team.finish_artifact(draft({"a.txt": "two"}))
    [parts] = Api(project="demo").collections(type="upsert-part")
    assert len(parts.versions()) == 1


# -- behind a network


def test_a_remote_store_that_is_written_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "remote"))
    monkeypatch.setenv("ART_OUTBOX_DIR", str(tmp_path / "outbox"))
    Store.create(tmp_path / "remote", objects=f"local://{tmp_path}/bucket").close()
    with artifacts.init(project="demo", group="team") as run:
        assert run._place.writes_behind
        run.upsert_artifact(draft({"a.txt": "a"}))
        done = run.finish_artifact(draft({"b.txt": "b"}))
        assert (done.name, list(done.manifest)) == ("corpus:v0", ["a.txt", "b.txt"])
    assert os.listdir(tmp_path / "outbox" / run._place.store.uuid) == []
