"""What a run really reads of a version is recorded with the edge."""

import multiprocessing

import pytest

import artifacts
from artifacts.runs import syncing
from artifacts.store.subset import MOST_PATHS

FILES = ("a.txt", "train/1.txt", "train/2.txt", "test/1.txt")


def log_data(name="data", files=FILES):
    artifact = artifacts.Artifact(name, "dataset")
    for path in files:
        with artifact.new_file(path) as file:
            file.write(path)
    return artifact.save()


def edges(run):
    api = artifacts.Api(project="demo")
    return [link for link in api.run_links(api.run(f"demo/{run}")) if link.kind.value == "in"]


def subset(run):
    [edge] = edges(run)
    return edge.subset


def paths(*names):
    return {"paths": list(names), "count": len(names), "complete": False}


WHOLE = {"paths": [], "count": len(FILES), "complete": True}


@pytest.fixture(autouse=True)
def data(store):
    """data:v0 in the project demo."""
    with artifacts.init(project="demo", id="first"):
        log_data()


def test_files_that_are_opened_are_recorded():
    with artifacts.init(project="demo", id="r") as run:
        data = run.use_artifact("data:latest")
        data.open("train/2.txt").close()
        assert data["a.txt"].open("r").read() == "a.txt"
        data.open("train/2.txt").close()
    assert subset("r") == paths("a.txt", "train/2.txt")


def test_files_that_are_downloaded_one_by_one_are_recorded():
    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:latest").get_entry("test/1.txt").download("out")
    assert subset("r") == paths("test/1.txt")


def test_a_download_of_a_part_records_the_part():
    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:latest").download("out", path_prefix="train/")
    assert subset("r") == paths("train/1.txt", "train/2.txt")


def test_a_whole_download_is_complete():
    with artifacts.init(project="demo", id="r") as run:
        data = run.use_artifact("data:latest")
        data.open("a.txt").close()
        data.download("out")
    assert subset("r") == WHOLE


def test_reading_every_file_is_complete():
    with artifacts.init(project="demo", id="r") as run:
        data = run.use_artifact("data:latest")
        for path in FILES:
            data.open(path).close()
    assert subset("r") == WHOLE


def test_of_an_input_that_is_not_read_nothing_is_known():
    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:latest").manifest["a.txt"]
    assert subset("r") is None


def test_what_is_read_without_use_artifact_becomes_an_input_with_its_alias():
    with artifacts.init(project="demo", id="r"):
        artifacts.Api(project="demo").artifact("data:latest").open("a.txt").close()
    [edge] = edges("r")
    assert (edge.version.ref, edge.ref_text, edge.subset) == (
        "demo/data:v0",
        "data:latest",
        paths("a.txt"),
    )


def test_reading_what_the_run_has_logged_makes_it_no_input():
    with artifacts.init(project="demo", id="r"):
        log_data("own").open("a.txt").close()
    assert edges("r") == []


def test_what_the_run_has_logged_and_uses_is_an_input():
    with artifacts.init(project="demo", id="r") as run:
        own = log_data("own")
        own.open("a.txt").close()
        run.use_artifact(own).open("test/1.txt").close()
    assert subset("r") == paths("test/1.txt")


def test_history_and_files_of_runs_are_no_inputs(tmp_path):
    with artifacts.init(project="demo", id="old") as run:
        run.log({"loss": 1})
        file = tmp_path / "notes.txt"
        file.write_text("x")
        run.save(str(file), base_path=str(tmp_path))
    with artifacts.init(project="demo", id="r"):
        stored = artifacts.Api(project="demo").run("demo/old")
        assert stored.file("notes.txt").download(str(tmp_path / "out"))
        assert len(stored.history(pandas=False)) == 1
    assert edges("r") == []


def test_outside_of_a_run_nothing_is_recorded():
    with artifacts.init(project="demo", id="r"):
        pass
    artifacts.Api(project="demo").artifact("data:latest").open("a.txt").close()
    assert edges("r") == []


def test_what_is_read_after_the_end_of_the_run_is_not_recorded():
    with artifacts.init(project="demo", id="r") as run:
        data = run.use_artifact("data:latest")
        data.open("a.txt").close()
    data.open("test/1.txt").close()
    assert subset("r") == paths("a.txt")


def test_of_several_runs_the_one_that_uses_it_reads_it():
    with (
        artifacts.init(project="demo", id="one", reinit="create_new") as one,
        artifacts.init(project="demo", id="two", reinit="create_new") as two,
    ):
        first, second = one.use_artifact("data:v0"), two.use_artifact("data:v0")
        first.open("a.txt").close()
        second.open("test/1.txt").close()
        first.open("train/1.txt").close()
    assert subset("one") == paths("a.txt", "train/1.txt")
    assert subset("two") == paths("test/1.txt")


def test_a_resumed_run_adds_to_what_it_had_read():
    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:v0").open("a.txt").close()
    with artifacts.init(project="demo", id="r", resume="must") as run:
        run.use_artifact("data:v0").open("test/1.txt").close()
    assert subset("r") == paths("a.txt", "test/1.txt")


def test_others_see_it_while_the_run_is_running(monkeypatch):
    told = []
    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:v0").open("a.txt").close()
        run._reads.flush()  # what the thread does that shows that the run is alive
        told.append(subset("r"))
    assert told == [paths("a.txt")]


def test_what_could_not_be_told_is_told_later(monkeypatch):
    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:v0").open("a.txt").close()
        with monkeypatch.context() as patch:
            patch.setattr(
                "artifacts.store.catalog.Catalog.add_reads",
                lambda *_: (_ for _ in ()).throw(artifacts.StorageError("down", retryable=True)),
            )
            with pytest.raises(artifacts.StorageError):
                run._reads.flush()
    assert subset("r") == paths("a.txt")


def read_in_child(data, path):
    data.open(path).close()


def test_forked_children_add_what_they_have_read():
    fork = multiprocessing.get_context("fork")
    with artifacts.init(project="demo", id="r") as run:
        data = run.use_artifact("data:v0")
        children = [
            fork.Process(target=read_in_child, args=(data, path)) for path in ("a.txt", FILES[1])
        ]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
        data.open("test/1.txt").close()
    assert subset("r") == paths("a.txt", "test/1.txt", "train/1.txt")


@pytest.mark.long
def test_many_files_are_counted_by_folder():
    many = [f"{folder}/{n}" for folder in ("x", "y") for n in range(MOST_PATHS)]
    with artifacts.init(project="demo", id="second"):
        log_data("many", [*many, "top"])
    with artifacts.init(project="demo", id="r") as run:
        data = run.use_artifact("many:latest")
        data.download("out", include=["x/*", "y/1*", "top"])
        data.open("y/2").close()
    ones = sum(str(n).startswith("1") for n in range(MOST_PATHS))
    assert subset("r") == {
        "paths": [],
        "count": MOST_PATHS + ones + 2,
        "complete": False,
        "prefixes": {"x/": MOST_PATHS, "y/": ones + 1},
    }


def test_an_export_carries_it(tmp_path):
    from artifacts.store import exporting, importing
    from artifacts.store.store import Store

    with artifacts.init(project="demo", id="r") as run:
        run.use_artifact("data:v0").open("a.txt").close()
    exporting.export(artifacts.Api().store, tmp_path / "all.tar")
    other = Store.create(tmp_path / "other")
    importing.import_bundle(other, tmp_path / "all.tar")
    other.close()
    api = artifacts.Api(store=tmp_path / "other", project="demo")
    assert [link.subset for link in api.run_links(api.run("r"))] == [paths("a.txt")]


def test_an_offline_run_brings_it_along():
    with artifacts.init(project="demo", id="r", mode="offline"):
        log_data("own")
    with artifacts.init(project="demo", id="s", mode="offline") as run:
        run.use_artifact("own:latest").open("a.txt").close()
    syncing.bring_over(artifacts.Api()._place)
    assert subset("s") == paths("a.txt")
