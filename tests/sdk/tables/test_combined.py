"""Tables of an artifact together: joined, in parts, and those of two versions."""

import numpy as np
import pytest

import artifacts
from artifacts import JoinedTable, PartitionedTable, Table


def logged(**objects):
    """A version with these objects, whose names have ``__`` for a slash."""
    draft = artifacts.Artifact("eval", type="evaluation")
    for name, value in objects.items():
        draft.add(value, name.replace("__", "/"))
    with artifacts.init(project="demo") as run:
        return run.log_artifact(draft).wait()


def picture(shade):
    return artifacts.Image(np.full((4, 4), shade, "u1"))


def images():
    return Table(columns=["id", "image"], data=[[n, picture(n)] for n in range(3)])


def predictions():
    return Table(columns=["nr", "label"], data=[[2, "cat"], [1, "dog"], [9, "cow"]])


def test_a_joined_table_has_the_rows_of_both():
    version = logged(both=JoinedTable(images(), predictions(), ["id", "nr"]))
    joined = version.get("both")
    rows = [row for _, row in joined.iterrows()]
    assert [[row[0], row[2]] for row in rows] == [[1, "dog"], [2, "cat"]]
    assert np.array_equal(rows[1][1].to_data_array(), np.full((4, 4), 2))
    assert list(joined.get_dataframe().columns) == ["id", "image", "label"]
    assert [row[0] for row in joined.join("outer").data] == [0, 1, 2, 9]


def test_tables_are_named_by_their_paths_or_their_entries():
    draft = artifacts.Artifact("eval", type="evaluation")
    entry = draft.add(images(), "images")
    draft.add(Table(columns=["id", "label"], data=[[2, "cat"]]), "labels")
    by_path = JoinedTable("images.table.json", "labels.table.parquet", "id")
    draft.add(by_path, "paths")
    draft.add(JoinedTable(entry, "labels.table.parquet", "id"), "entries")
    with pytest.raises(artifacts.StateError, match="was not added yet") as caught:
        list(by_path.iterrows())
    assert "get()" in str(caught.value.hint)
    with artifacts.init(project="demo") as run:
        run.log_artifact(draft).wait()
        with pytest.raises(artifacts.InvalidInputError, match="a run has no such file"):
            run.log({"joined": by_path})
    stored = artifacts.Api(project="demo").artifact("eval:latest")
    for name in ("paths", "entries"):
        assert [[row[0], row[2]] for _, row in stored.get(name).iterrows()] == [[2, "cat"]]
    again = JoinedTable(stored.get_entry("images.table.parquet"), predictions(), ["id", "nr"])
    assert len(again.join()) == 2


def test_a_joined_table_in_a_run():
    with artifacts.init(project="demo") as run:
        run.log({"both": JoinedTable(images(), predictions(), ["id", "nr"])})
    [row] = artifacts.Api(project="demo").run(run.id).scan_history()
    assert [cells[2] for _, cells in row["both"].iterrows()] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Table(), Table(), ["a"]), "join_key must be a name or a list of two names"),
        ((Table(), Table(), 5), "join_key must be"),
        (("images.csv", Table(), "id"), "table1 must be a table, or the path of one"),
        ((Table(), [[1]], "id"), "table2 must be a table"),
    ],
)
def test_what_cannot_be_joined(arguments, message):
    with pytest.raises(artifacts.InvalidInputError, match=message):
        JoinedTable(*arguments)


def test_a_partitioned_table_has_the_rows_of_all_tables_below_a_folder():
    version = logged(
        parts__a=Table(columns=["n", "v"], data=[[1, "x"], [2, "y"]]),
        parts__sub__b=Table(columns=["n", "v"], data=[[2.5, None]]),
        parts__c=Table(columns=["n", "v"]),
        elsewhere=Table(columns=["other"]),
        all=PartitionedTable("parts/"),
    )
    table = version.get("all")
    assert [(int(number), row) for number, row in table.iterrows()] == [
        (0, [1, "x"]),
        (1, [2, "y"]),
        (2, [2.5, None]),
    ]
    assert table.table().column_types == {"n": "number", "v": "text"}
    assert table.get_dataframe()["n"].tolist() == [1, 2, 2.5]
    assert table == PartitionedTable("parts")
    joined = JoinedTable(Table(columns=["n"], data=[[2.5]]), table, "n")
    assert joined.join().data == [[2.5, None]]


def test_parts_that_do_not_fit_together():
    version = logged(
        p__a=Table(columns=["a"]),
        p__b=Table(columns=["b"]),
        all=PartitionedTable("p"),
        none=PartitionedTable("empty"),
    )
    with pytest.raises(artifacts.FormatError, match=r"p/b.* has the columns \['b'\], and p/a"):
        list(version.get("all").iterrows())
    with pytest.raises(artifacts.InvalidInputError, match="no table below 'empty'"):
        version.get("none").table()
    with pytest.raises(artifacts.StateError, match="was not added yet"):
        PartitionedTable("p").table()
    with pytest.raises(artifacts.InvalidTypeError, match="parts_path must be text"):
        PartitionedTable(5)  # type: ignore[arg-type]


def test_a_partitioned_table_belongs_into_an_artifact(run):
    with pytest.raises(artifacts.InvalidInputError, match="cannot be logged to a run"):
        run.log({"all": PartitionedTable("parts")})


@pytest.fixture
def two_versions():
    """Predictions of two models over the same images."""
    for scores in ([0, 1, 1], [0, 1.0, 0.5]):
        table = Table(columns=["id", "image", "score"])
        for number, score in enumerate(scores):
            # The path of an image in the artifact does not tell versions apart, its contents do.
            table.add_data(number, picture(9 if number == 0 and 0.5 in scores else number), score)
        draft = artifacts.Artifact("predictions", type="evaluation")
        draft.add(table, "table")
        with artifacts.init(project="demo") as run:
            run.log_artifact(draft).wait()
    api = artifacts.Api(project="demo")
    return api.artifact("predictions:v0"), api.artifact("predictions:v1")


def test_which_predictions_changed_from_one_model_to_the_next(two_versions):
    before, after = two_versions
    both = before.get("table").join(after.get("table"), on="id", suffixes=("_v0", "_v1"))
    assert both.columns == ["id", "image_v0", "score_v0", "image_v1", "score_v1"]
    changed = [
        row["id"] for _, row in both.get_dataframe().iterrows() if row.score_v0 != row.score_v1
    ]
    assert changed == [2]
    images = [row[1] == row[3] for _, row in both.iterrows()]
    assert images == [False, True, True]


def test_rows_of_versions_are_compared_with_their_media(two_versions):
    before, after = two_versions
    found = before.diff_rows(after, "table.table.parquet", key="id")
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, 0, 2, 1)
    [first, second] = sorted(found.examples, key=lambda change: change.before["id"])
    assert (first.before["id"], first.after["id"]) == (0, 0)
    assert first.before["image"]["_type"] == "image-file"
    assert first.before["image"]["digest"] != first.after["image"]["digest"]
    assert (second.before["score"], second.after["score"]) == (1, 0.5)


def test_rows_of_runs_are_compared_although_files_have_other_paths():
    versions = []
    for step in (3, 7):
        with artifacts.init(project="demo") as run:
            run.log({"table": images()}, step=step)
        versions.append(artifacts.Api(project="demo").artifact(f"run-{run.id}-history:latest"))
    paths = [
        next(path for path in version.manifest if path.endswith(".table.parquet"))
        for version in versions
    ]
    assert paths[0] != paths[1]
    drafts = []
    for version, path in zip(versions, paths, strict=True):
        draft = artifacts.Artifact("copied", type="evaluation")
        draft.add_reference(version.get_entry(path), "rows.parquet")
        drafts.append(draft.save(project="demo"))
    assert drafts[0].version != drafts[1].version
    assert not drafts[0].diff_rows(drafts[1], "rows.parquet", key="id")
