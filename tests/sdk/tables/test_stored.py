"""Tables come back from runs and artifacts as they were, and only what is read is loaded."""

import datetime as dt
import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import artifacts
from artifacts import Table
from artifacts.tables.reading import StoredRows


def through_run(*tables):
    """The tables that the rows of a finished run have, each of which logged one of these."""
    with artifacts.init(project="demo") as run:
        for table in tables:
            run.log({"table": table})
    return [row["table"] for row in artifacts.Api(project="demo").run(run.id).scan_history()]


def through_artifact(table, name="table"):
    """What a version has for a table that was added to it, and the version."""
    draft = artifacts.Artifact("data", type="dataset")
    draft.add(table, name)
    with artifacts.init(project="demo") as run:
        run.log_artifact(draft)
    version = artifacts.Api(project="demo").artifact("data:latest")
    return version.get(name), version


THROUGH = {
    "run": lambda table: through_run(table)[0],
    "artifact": lambda table: through_artifact(table)[0],
}


def picture(shade, size=4):
    return artifacts.Image(np.full((size, size), shade, "u1"), caption=f"shade {shade}")


class Opened:
    """The files of a version, as a table looks for them."""

    def __init__(self, version):
        self.version = version
        self.count = 0  # bytes that were read

    def open(self, path):
        with self.version.open(path) as file:
            return Counted(self, file.read())

    def local(self, path):
        raise NotImplementedError

    def below(self, folder):
        raise NotImplementedError


class Counted(io.BytesIO):
    def __init__(self, files, data):
        super().__init__(data)
        self.files = files

    def read(self, *wanted):
        data = super().read(*wanted)
        self.files.count += len(data)
        return data


ROWS = [
    [2**60, "é\ud800", b"\0", dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC), np.eye(2), [1], {}],
    [2**70, None, None, None, None, None, {"a": [dt.date(2026, 1, 1), float("inf")]}],
]
NAMES = ["number", "text", "bytes", "when", "array", "list", "dict"]


@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_a_table_comes_back_exactly(through):
    table = Table(columns=NAMES, data=ROWS)
    read = through(table)
    assert len(read) == 2
    assert read.columns == NAMES
    assert read == table
    array = read.get_column("array")[0]
    assert (array.dtype, array.shape) == (np.float64, (2, 2))
    assert through(read) == table


def test_nanoseconds_come_back():
    fine = [
        pd.Timestamp("2026-03-29 01:30:00.123456789", tz="Europe/Berlin"),
        pd.Timestamp("2026-10-25 04:30:00.000000001", tz="Europe/Berlin"),
    ]
    table = Table(columns=["when"], data=[[when] for when in fine])
    assert table.column_types == {"when": "datetime"}
    assert through_artifact(table)[0].get_column("when") == fine
    with pytest.raises(artifacts.InvalidInputError, match="finer than microseconds"):
        table.add_data(np.datetime64(1, "ns"))
    nested = Table(columns=["list"], data=[[[fine[0]]]])
    with pytest.raises(artifacts.InvalidInputError, match="has nanoseconds"):
        through_artifact(nested)


def test_what_is_said_of_a_table_in_a_row():
    [read] = through_run(Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]]))
    assert read["_type"] == "table-file"
    assert read["path"].startswith("media/table/table_0_")
    assert read["path"].endswith(".table.parquet")
    assert (read["ncols"], read["nrows"]) == (2, 2)
    assert read["columns"] == ["a", "b"]
    assert read["column_types"] == ["integer", "text"]
    assert read["log_mode"] == "IMMUTABLE"


def test_an_artifact_has_a_parquet_file_that_others_read():
    _, version = through_artifact(
        Table(columns=["id", 7, "image"], data=[[1, 0.5, picture(9)], [None, 1, None]]),
        "eval/preds",
    )
    with version.open("eval/preds.table.parquet") as file:
        data = file.read()
    frame = pd.read_parquet(io.BytesIO(data))
    assert frame["id"].tolist()[0] == 1
    assert frame["7"].tolist() == [0.5, 1.0]
    [cell, nothing] = frame["image"]
    assert nothing is None
    assert cell["path"] in version.manifest
    assert cell["digest"] == version.get_entry(cell["path"]).digest
    assert pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_media_in_cells_come_back(through):
    first = picture(1)
    table = Table(columns=["id", "image", "many"])
    for number in range(3):
        table.add_data(number, first, [picture(number), {"deep": picture(7)}])
    read = through(table)
    assert read.column_types == {"id": "integer", "image": "image-file", "many": "list"}
    for number, (_, row) in enumerate(read.iterrows()):
        assert row[1].caption == "shade 1"
        assert np.array_equal(row[1].to_data_array(), np.full((4, 4), 1))
        assert np.array_equal(row[2][0].to_data_array(), np.full((4, 4), number))
        assert np.array_equal(row[2][1]["deep"].to_data_array(), np.full((4, 4), 7))
    assert len({cell["digest"] for cell in read.get_column("image")}) == 1
    assert read.get_column("image", convert_to="numpy").shape == (3, 4, 4)


def test_the_same_image_in_many_cells_is_one_file():
    again = [picture(5) for _ in range(3)]
    table = Table(columns=["image"], data=[[image] for image in [*again, *again]])
    _, version = through_artifact(table)
    assert len(version.manifest) == 2
    [read] = through_run(table)
    assert len(read["files"]) == 1


def test_media_of_other_libraries():
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure()
    figure.add_subplot().plot([1, 2])
    table = Table(columns=["picture", "figure"])
    table.add_data(Image.new("RGB", (3, 2)), figure)
    read, _ = through_artifact(table)
    assert read.data[0][0].image.size == (3, 2)
    assert read.column_types["figure"] == table.column_types["figure"] != "any"


def test_one_column_of_a_large_table_is_read_alone():
    count = 20_000
    noise = np.random.default_rng(0)
    table = Table(data={"small": range(count), "large": noise.bytes(100 * count).hex()[:count]})
    table.add_column("arrays", list(noise.random((count, 20))))
    _, version = through_artifact(table)
    size = version.get_entry("table.table.parquet").size

    files = Opened(version)
    rows = StoredRows(files, ["table.table.parquet"])
    assert rows.column(0) == list(range(count))
    assert files.count < size / 5
    assert next(rows.rows())[0] == 0


def test_data_frames_are_logged_as_tables():
    import polars as pl

    with artifacts.init(project="demo") as run:
        run.log({"pandas": pd.DataFrame({"a": [1, 2]}), "series": pd.Series([1.5], name="s")})
        run.log({"polars": pl.DataFrame({"a": ["x"]}), "lazy": pl.LazyFrame({"b": [True]})})
    first, second = artifacts.Api(project="demo").run(run.id).scan_history()
    assert first["pandas"].data == [[1], [2]]
    assert (first["series"].columns, first["series"].data) == (["s"], [[1.5]])
    assert second["polars"].data == [["x"]]
    assert second["lazy"].data == [[True]]


def test_a_table_that_was_changed_is_logged_anew_and_the_earlier_row_keeps_its_own():
    for mode in ("IMMUTABLE", "MUTABLE"):
        table = Table(columns=["a"], data=[[1]], log_mode=mode)
        with artifacts.init(project="demo") as run:
            run.log({"table": table})
            table.data[0][0] = 5
            table.add_data(2.5)
            run.log({"table": table})
        first, second = artifacts.Api(project="demo").run(run.id).scan_history()
        assert first["table"].data == [[1]]
        assert second["table"].data == [[5], [2.5]]


def test_a_table_that_is_logged_bit_by_bit():
    table = Table(columns=["a", "image"], log_mode="INCREMENTAL")
    with artifacts.init(project="demo") as run:
        for number in range(3):
            table.add_data(number or None, picture(number))
            run.log({"table": table})
        run.log({"table": table})
        with pytest.raises(artifacts.StateError, match="cannot be added"):
            table.add_column("b", [1, 2, 3])
    rows = [row["table"] for row in artifacts.Api(project="demo").run(run.id).scan_history()]
    assert [len(read) for read in rows] == [1, 2, 3, 3]
    assert rows[-1].get_column("a") == [None, 1, 2]
    assert [cell.caption for cell in rows[-1].get_column("image")] == [
        "shade 0",
        "shade 1",
        "shade 2",
    ]
    assert [row[0] for _, row in rows[1].iterrows()] == [None, 1]
    # Each row is stored once.
    history = artifacts.Api(project="demo").artifact(f"run-{run.id}-history:latest")
    parts = [path for path in history.manifest if path.endswith(".table.parquet")]
    assert sorted(len(StoredRows(Opened(history), [path])) for path in parts) == [1, 1, 1]


def test_bit_by_bit_another_run_begins_at_the_first_row():
    table = Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")
    assert [read.data for read in through_run(table)] == [[[1]]]
    table.add_data(2.5)
    assert [read.data for read in through_run(table, table)] == [[[1], [2.5]]] * 2
    assert through_artifact(table)[0].data == [[1], [2.5]]


def test_bit_by_bit_in_a_run_that_goes_on_later():
    table = Table(columns=["a", "image"], data=[[1, picture(1)]], log_mode="INCREMENTAL")
    with artifacts.init(project="demo", id="twice") as run:
        run.log({"table": table})
    table.add_data(2, picture(2))
    with artifacts.init(project="demo", id="twice", resume="must") as run:
        run.log({"table": table})
    rows = [row["table"] for row in artifacts.Api(project="demo").run("twice").scan_history()]
    assert [read.get_column("a") for read in rows] == [[1], [1, 2]]
    images = rows[-1].get_column("image", convert_to="numpy")
    assert images[:, 0, 0].tolist() == [1, 2]


def test_too_many_rows_are_left_out_with_a_warning(monkeypatch, log):
    monkeypatch.setattr(Table, "MAX_ROWS", 3)
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 4)
    table = Table(columns=["a"], data=[[n] for n in range(5)])
    [read] = through_run(table)
    assert read.get_column("a") == [0, 1, 2]
    assert "a table has 5 rows, of which a run keeps the first 3; add it to an artifact" in log.text
    read, _ = through_artifact(table)
    assert read.get_column("a") == [0, 1, 2, 3]
    assert "of which an artifact keeps the first 4; raise Table.MAX_ARTIFACT_ROWS" in log.text
    assert len(table) == 5


def test_limits_are_those_of_the_reference():
    assert (Table.MAX_ROWS, Table.MAX_ARTIFACT_ROWS) == (10_000, 200_000)


def test_rows_that_were_spoiled_are_refused_when_they_are_logged(run):
    table = Table(columns=["a"], data=[[1], [2]])
    table.data.append(["x"])
    with pytest.raises(TypeError, match="column 'a', row 2: the value is of type text"):
        run.log({"table": table})
    table.data[2] = []
    with pytest.raises(ValueError, match="expects 1 columns"):
        run.log({"table": table})
    del table.data[2]
    run.log({"table": table})
    assert run.history[-1]["table"]["nrows"] == 2


def test_a_table_that_was_read_is_the_same_version_again():
    rows = [[1, picture(3), [1, 2.5], np.eye(2)], [2.5, None, [], np.ones((2, 2))]]
    read, first = through_artifact(Table(columns=["n", "image", "list", "array"], data=rows))
    assert through_artifact(read)[1].version == first.version == "v0"


def test_more_rows_can_be_added_to_a_table_that_was_read():
    read, _ = through_artifact(Table(columns=["a"], data=[[1]], dtype=int))
    read.add_data(2)
    with pytest.raises(
        TypeError, match="the value is of type number, and the column holds integer"
    ):
        read.add_data(2.5)
    assert through_artifact(read)[0].data == [[1], [2]]


def test_a_table_that_cannot_be_written_is_not_logged(run, monkeypatch, tmp_path):
    table = Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        with pytest.raises(artifacts.StorageError, match="could not write a table"):
            run.log({"table": table})
    run.log({"table": table})
    [row] = run.scan_history()
    assert row["table"].data == [[1]]


def test_a_file_of_media_that_is_gone_is_named(run, tmp_path):
    artifacts.Image(np.zeros((2, 2))).image.save(tmp_path / "image.png")
    image = artifacts.Image(tmp_path / "image.png")
    table = Table(columns=["image"], data=[[image]])
    (tmp_path / "image.png").unlink()
    with pytest.raises(artifacts.InvalidInputError, match=r"image.png"):
        run.log({"table": table})
    assert list(run.scan_history()) == []


def test_a_file_that_is_no_table(tmp_path):
    pq.write_table(pq.read_table(io.BytesIO(_parquet())), tmp_path / "x.parquet")
    (tmp_path / "broken").write_bytes(b"PAR1 and nothing else")
    draft = artifacts.Artifact("data", type="dataset")
    draft.add_file(tmp_path / "x.parquet", "plain.table.parquet")
    draft.add_file(tmp_path / "broken", "broken.table.parquet")
    with artifacts.init(project="demo") as run:
        run.log_artifact(draft).wait()
        with pytest.raises(artifacts.FormatError, match=r"plain.* was not written as a table"):
            len(draft.get("plain"))
        with pytest.raises(artifacts.FormatError, match=r"broken.* cannot be read"):
            len(draft.get("broken"))


def _parquet():
    data = io.BytesIO()
    pd.DataFrame({"a": [1]}).to_parquet(data)
    return data.getvalue()
