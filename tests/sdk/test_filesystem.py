"""Versions as a file system of fsspec."""

import os
import pickle
import subprocess
import sys
import threading

import fsspec
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import artifacts
from artifacts.filesystem import ArtifactFileSystem
from artifacts.store.objects.local import LocalObjects
from tests.sdk.helpers import hint_of

ODD = ("100%.txt", "with space/a b.txt", "at:noon/c:d.txt", "Ünï/çødé.txt")
FILES = {
    "a.txt": b"hello\n",
    "a.txt.gz/inner": b"x",
    "train/1.csv": b"x,y\n1,2\n3,4\n",
    "train/2.csv": b"x,y\n5,6\n",
    "train/deep/er/3.csv": b"x,y\n",
    "train0": b"next to it in the order",
    **{path: path.encode() for path in ODD},
}
ROOT = "demo/corpus:latest"


def log_version(name="corpus", files=FILES, **options):
    artifact = artifacts.Artifact(name, "dataset", project="demo")
    for path, data in files.items():
        with artifact.new_file(path, "wb") as file:
            file.write(data)
    return artifact.save(**options)


@pytest.fixture(autouse=True)
def corpus(store):
    """demo/corpus:v0."""
    ArtifactFileSystem.clear_instance_cache()
    return log_version()


@pytest.fixture
def fs():
    return fsspec.filesystem("art")


# -- looking


def test_fsspec_knows_it_by_its_name_in_a_new_process(store):
    code = "import fsspec; print(fsspec.open('art://demo/corpus:v0/a.txt').open().read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "b'hello\\n'\n"


def test_ls_shows_files_and_folders(fs):
    top = [each.removeprefix(f"{ROOT}/") for each in fs.ls(f"art://{ROOT}", detail=False)]
    assert top == sorted({path.split("/")[0] for path in FILES})
    assert fs.ls(f"{ROOT}/train/", detail=False) == [
        f"{ROOT}/train/1.csv",
        f"{ROOT}/train/2.csv",
        f"{ROOT}/train/deep",
    ]
    assert [each["type"] for each in fs.ls(f"{ROOT}/train")] == ["file", "file", "directory"]


def test_ls_of_a_file_is_the_file(fs):
    assert fs.ls(f"{ROOT}/a.txt", detail=False) == [f"{ROOT}/a.txt"]


def test_info_tells_size_digest_and_version(fs, corpus):
    info = fs.info(f"art://{ROOT}/a.txt")
    assert (info["type"], info["size"]) == ("file", 6)
    assert info["digest"] == corpus["a.txt"].digest == fs.ukey(f"{ROOT}/a.txt")
    assert info["version"] == "local/demo/corpus:v0"
    assert fs.created(f"{ROOT}/a.txt") == fs.modified(ROOT) == corpus.created_at
    assert fs.info(f"{ROOT}/train")["type"] == fs.info(ROOT)["type"] == "directory"


def test_exists(fs):
    for path in ("", "/a.txt", "/train", "/train/deep"):
        assert fs.exists(ROOT + path)
    for path in (f"{ROOT}/b.txt", f"{ROOT}/trai", f"{ROOT}/a.txt/x", "demo/none:v0", "corpus:v7/a"):
        assert not fs.exists(path)


def test_find_and_glob(fs):
    assert [each.removeprefix(f"{ROOT}/") for each in fs.find(ROOT)] == sorted(FILES)
    assert fs.find(f"{ROOT}/train", maxdepth=1) == [f"{ROOT}/train/1.csv", f"{ROOT}/train/2.csv"]
    assert fs.glob(f"art://{ROOT}/train/*.csv") == fs.find(f"{ROOT}/train", maxdepth=1)
    assert len(fs.glob(f"{ROOT}/**/*.csv")) == 3
    assert fs.du(f"{ROOT}/train") == sum(
        len(data) for path, data in FILES.items() if path.startswith("train/")
    )


@pytest.mark.parametrize("path", ODD)
def test_odd_names_are_what_they_are(fs, path):
    assert fs.cat_file(f"art://{ROOT}/{path}") == path.encode()
    with fsspec.open(f"art://{ROOT}/{path}") as file:
        assert file.read() == path.encode()
    assert fs.exists(f"{ROOT}/{path}")


def test_paths_may_be_written_in_another_unicode_form(fs):
    assert fs.exists(f"{ROOT}/U\u0308ni\u0308/c\u0327øde\u0301.txt")


@pytest.mark.parametrize(
    "name",
    ["demo/corpus:latest", "demo/corpus:v0", "local/demo/corpus:v0", "demo/corpus@{digest}"],
)
def test_versions_are_named_as_everywhere(fs, name, corpus):
    ref = name.format(digest=corpus.digest.removeprefix("blake3:")[:12])
    assert fs.cat_file(f"art://{ref}/a.txt") == b"hello\n"


def test_the_project_may_come_from_the_settings_or_from_an_option(monkeypatch):
    assert fsspec.filesystem("art", project="demo").exists("corpus:v0/a.txt")
    monkeypatch.setenv("ART_PROJECT", "demo")
    assert fsspec.filesystem("art").exists("art://corpus:v0/a.txt")


def test_the_store_may_come_from_an_option(tmp_path, monkeypatch, store):
    monkeypatch.setenv("ART_STORE", str(tmp_path / "none"))
    with fsspec.open("art://demo/corpus:v0/a.txt", store=str(store)) as file:
        assert file.read() == b"hello\n"
    with pytest.raises(artifacts.StoreNotFoundError):
        fsspec.open("art://demo/corpus:v0/a.txt").open()


# -- errors


def test_a_path_without_a_version_is_refused_with_an_example(fs):
    for path in ("art://", "art://demo", "art://demo/corpus/a.txt", "a/b/c/corpus:v0"):
        with pytest.raises(artifacts.InvalidInputError, match="which version") as caught:
            fs.info(path)
        assert "art://demo/corpus:latest/" in hint_of(caught)


def test_a_missing_file_is_file_not_found(fs):
    for read in (fs.info, fs.ls, fs.open, fs.cat_file):
        with pytest.raises(FileNotFoundError, match=r"does not contain 'b\.txt'"):
            read(f"{ROOT}/b.txt")


def test_a_missing_version_is_told_with_near_names(fs):
    with pytest.raises(artifacts.RefNotFoundError) as caught:
        fs.glob("art://demo/corpsu:latest/*")
    assert "corpus" in hint_of(caught)


def test_a_folder_cannot_be_opened(fs):
    with pytest.raises(IsADirectoryError):
        fs.open(f"{ROOT}/train")


WRITES = {
    "open": lambda fs: fs.open(f"{ROOT}/new", "wb"),
    "pipe_file": lambda fs: fs.pipe_file(f"{ROOT}/new", b""),
    "write_text": lambda fs: fs.write_text(f"{ROOT}/new", ""),
    "mkdir": lambda fs: fs.mkdir(f"{ROOT}/new"),
    "makedirs": lambda fs: fs.makedirs(f"{ROOT}/new"),
    "touch": lambda fs: fs.touch(f"{ROOT}/new"),
    "rm": lambda fs: fs.rm(f"{ROOT}/a.txt"),
    "mv": lambda fs: fs.mv(f"{ROOT}/a.txt", f"{ROOT}/b.txt"),
    "copy": lambda fs: fs.copy(f"{ROOT}/a.txt", f"{ROOT}/b.txt"),
    "put": lambda fs: fs.put(__file__, f"{ROOT}/new"),
}


@pytest.mark.parametrize("call", WRITES)
def test_nothing_can_be_written(fs, call):
    with pytest.raises(artifacts.PermissionDeniedError, match="read-only"):
        WRITES[call](fs)
    assert fs.find(ROOT) == sorted(f"{ROOT}/{path}" for path in FILES)


# -- reading


def test_text_and_compression(fs):
    with fsspec.open(f"art://{ROOT}/a.txt", "rt", encoding="utf-8") as file:
        assert file.readlines() == ["hello\n"]
    assert fs.read_text(f"{ROOT}/a.txt") == "hello\n"


def test_ranges(fs):
    path = f"{ROOT}/a.txt"
    assert fs.cat_file(path, 1, 3) == b"el"
    assert fs.cat_file(path, -3, -1) == b"lo"
    assert fs.cat_file(path, 2) == b"llo\n"
    assert fs.cat_file(path, 4, 100) == b"o\n"
    assert fs.cat_ranges([path, f"{ROOT}/train0", path], [3, 0, 0], [5, 4, 1]) == [
        b"lo",
        b"next",
        b"h",
    ]
    missing, found = fs.cat_ranges([f"{ROOT}/b.txt", path], 0, 1)
    assert isinstance(missing, FileNotFoundError)
    assert found == b"h"
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges([f"{ROOT}/b.txt"], 0, 1, on_error="raise")
    with pytest.raises(ValueError, match="one path for each"):
        fs.cat_ranges([path], [0, 1], [1, 2])


def test_get_writes_files_and_folders(fs, tmp_path):
    fs.get(f"{ROOT}/train", str(tmp_path / "out"), recursive=True)
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"out/1.csv", "out/2.csv", "out/deep/er/3.csv"}
    fs.get_file(f"{ROOT}/a.txt", str(tmp_path / "renamed.txt"))
    assert (tmp_path / "renamed.txt").read_bytes() == b"hello\n"


def damage(store, size):
    """Change a byte in the middle of the object that has this size."""
    [path] = [p for p in (store / "objects").rglob("*") if p.is_file() and p.stat().st_size == size]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(size // 2)
        byte = file.read(1)
        file.seek(size // 2)
        file.write(bytes([byte[0] ^ 1]))


def test_a_damaged_file_is_noticed_and_not_left_behind(fs, store, tmp_path):
    data = os.urandom(9 << 20)
    log_version("large", {"large": data, "small": data[: 1 << 20]})
    damage(store, 9 << 20)
    damage(store, 1 << 20)
    with pytest.raises(artifacts.IntegrityError):
        fs.cat_file("demo/large:v0/small", 0, 1)  # is verified as a whole
    assert fs.cat_file("demo/large:v0/large", 0, 10) == data[:10]  # only what is read is fetched
    with pytest.raises(artifacts.IntegrityError):
        fs.cat_file("demo/large:v0/large")
    with fs.open("demo/large:v0/large") as file, pytest.raises(artifacts.IntegrityError):
        file.read()
    with pytest.raises(artifacts.IntegrityError):
        fs.get_file("demo/large:v0/large", str(tmp_path / "large"))
    assert not (tmp_path / "large").exists()


@pytest.fixture
def table(tmp_path):
    """demo/table:v0, a Parquet file of 24 MB, of which a column takes a third."""
    rng = __import__("numpy").random.default_rng(0)
    columns = {name: rng.random(1_000_000) for name in "abc"}
    made = pa.table(columns)
    pq.write_table(made, tmp_path / "t.parquet", compression="none", use_dictionary=False)
    artifact = artifacts.Artifact("table", "dataset", project="demo")
    artifact.add_file(str(tmp_path / "t.parquet"))
    artifact.save()
    return made


@pytest.fixture
def bytes_read(monkeypatch):
    """How many bytes were read from objects of the store."""
    counted = []
    plain = LocalObjects.open

    def counting(self, key, **where):
        file = plain(self, key, **where)
        read = file.read

        def read_and_count(size=-1):
            data = read(size)
            counted.append(len(data))
            return data

        monkeypatch.setattr(file, "read", read_and_count)
        return file

    monkeypatch.setattr(LocalObjects, "open", counting)
    return counted


def test_of_parquet_only_the_columns_that_are_wanted_are_read(table, bytes_read):
    import pandas as pd

    url = "art://demo/table:latest/t.parquet"
    size = fsspec.filesystem("art").info(url)["size"]
    bytes_read.clear()
    with fsspec.open(url) as file:
        assert pq.ParquetFile(file).metadata.num_rows == 1_000_000
    assert sum(bytes_read) < size / 4
    bytes_read.clear()
    found = pd.read_parquet(url, columns=["b"])
    assert found["b"].to_numpy().sum() == pytest.approx(table["b"].to_numpy().sum())
    assert size / 4 < sum(bytes_read) < size * 2 / 3


def test_datasets_of_pyarrow(fs):
    files = {f"part-{n}.parquet": parquet({"n": [n, n + 1]}) for n in range(3)}
    log_version("parts", files)
    found = pyarrow.dataset.dataset("demo/parts:v0", filesystem=fs, format="parquet")
    assert sorted(found.to_table()["n"].to_pylist()) == [0, 1, 1, 2, 2, 3]


def parquet(columns):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def test_polars():
    import polars as pl

    log_version("parts", {"a.parquet": parquet({"n": [1, 2]})})
    with fsspec.open("art://demo/parts:v0/a.parquet") as file:
        assert pl.read_parquet(file)["n"].to_list() == [1, 2]
    dataset = pyarrow.dataset.dataset("demo/parts:v0", filesystem=fsspec.filesystem("art"))
    assert pl.scan_pyarrow_dataset(dataset).collect()["n"].to_list() == [1, 2]


def test_pandas_with_storage_options(store, monkeypatch, tmp_path):
    import pandas as pd

    monkeypatch.setenv("ART_STORE", str(tmp_path / "none"))
    options = {"store": str(store), "project": "demo"}
    found = pd.read_csv("art://corpus:latest/train/1.csv", storage_options=options)
    assert found["y"].to_list() == [2, 4]


# -- what a name means


def test_outside_of_a_run_a_name_means_one_version_until_the_cache_is_invalidated(fs):
    assert fs.cat_file(f"{ROOT}/a.txt") == b"hello\n"
    log_version(files={"a.txt": b"new\n"})
    assert fs.cat_file(f"{ROOT}/a.txt") == b"hello\n"
    fs.invalidate_cache()
    assert fs.cat_file(f"{ROOT}/a.txt") == b"new\n"


def test_a_run_sees_one_version_in_all_threads_and_the_next_run_the_newest():
    def read(found):
        found.append(fsspec.open(f"art://{ROOT}/a.txt").open().read())

    for expected in (b"hello\n", b"new\n"):
        found: list[bytes] = []
        with artifacts.init(project="demo"):
            read(found)
            log_version(files={"a.txt": b"new\n"})
            thread = threading.Thread(target=read, args=(found,))
            thread.start()
            thread.join()
        assert found == [expected, expected]


def test_a_pickled_one_keeps_store_and_versions(fs, tmp_path):
    assert fs.cat_file(f"{ROOT}/a.txt") == b"hello\n"
    pickled = tmp_path / "fs"
    pickled.write_bytes(pickle.dumps(fs))
    log_version(files={"a.txt": b"new\n"})
    code = f"""if True:
        import pickle
        from pathlib import Path
        fs = pickle.loads(Path({str(pickled)!r}).read_bytes())
        print(fs.cat_file("{ROOT}/a.txt"), fs.info("{ROOT}/a.txt")["version"])
    """
    env = {name: value for name, value in os.environ.items() if name != "ART_STORE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "b'hello\\n' local/demo/corpus:v0\n"


# -- lineage


def test_what_a_run_reads_is_an_input_with_what_was_read(fs, tmp_path):
    with artifacts.init(project="demo", id="reader"):
        fs.cat_file(f"{ROOT}/a.txt")
        fsspec.open("art://demo/corpus:v0/train/1.csv").open().close()
        fs.ls(f"{ROOT}/train")
        fs.get_file(f"{ROOT}/train/2.csv", str(tmp_path / "x"))
    api = artifacts.Api(project="demo")
    [edge] = api.run_links(api.run("reader"))
    assert (edge.version.ref, edge.ref_text) == ("demo/corpus:v0", ROOT)
    assert edge.subset == {
        "paths": ["a.txt", "train/1.csv", "train/2.csv"],
        "count": 3,
        "complete": False,
    }


def test_outside_of_a_run_nothing_is_recorded(fs):
    fs.cat_file(f"{ROOT}/a.txt")
    with artifacts.init(project="demo", id="later"):
        pass
    api = artifacts.Api(project="demo")
    assert api.run_links(api.run("later")) == []
