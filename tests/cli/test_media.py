"""Media on the command line: in rows, in copies, in exports."""

import pytest

import artifacts
from artifacts import Html
from artifacts.cli import _text


@pytest.fixture
def run(store):
    with artifacts.init(store=str(store), project="demo", id="r") as run:
        pages = [Html("<p>a</p>", inject=False), Html("<p>b</p>", inject=False)]
        run.log({"page": pages[0], "table": artifacts.Table(columns=["x"], data=[[1], [2]])})
        run.log({"pages": {"_type": "html/separated", "items": [{}, {}]}})


@pytest.mark.usefixtures("run")
def test_rows_show_what_was_logged_shortly(art):
    text = art("run", "history", "demo/r", "--keys", "page,pages,table").out
    assert "html 8 B" in text
    assert "2 html" in text
    assert "table 2x1" in text


@pytest.mark.usefixtures("run")
def test_json_has_the_description(art):
    first, _ = art("run", "history", "demo/r", "--json").json["history"]
    assert first["page"]["_type"] == "html-file"
    assert first["page"]["size"] == 8


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"_type": "image-file", "path": "media/x", "width": 640, "height": 480}, "image 640x480"),
        ({"_type": "images/separated", "items": [{}, {}, {}]}, "3 images"),
        ({"_type": "images/separated", "items": [{}]}, "1 image"),
        ({"_type": "table-file", "path": "media/x", "nrows": 10, "ncols": 3}, "table 10x3"),
        ({"_type": "histogram", "values": [1], "bins": [0, 1]}, "histogram of 1 bin"),
        ({"_type": "audio-file", "path": "media/x", "size": 12_345}, "audio 12 kB"),
        ({"_type": "audio-file", "path": "media/x"}, "audio"),
        ({"_type": "numpy.ndarray", "size": 40}, '{"_type": "numpy.ndarray", "size": 40}'),
        ({"_type": 3}, '{"_type": 3}'),
    ],
)
def test_cells(value, shown):
    assert _text.cell(value) == shown


@pytest.mark.usefixtures("run")
def test_an_export_has_the_media_of_runs(art, tmp_path):
    art("export", "-o", "all.tar")
    art("init", "--store", "other")
    art("import", "all.tar", "--store", "other")
    rows = list(artifacts.Api(store="other", project="demo").run("r").scan_history())
    assert rows[0]["page"].html == "<p>a</p>"
    assert rows[0]["table"].data == [[1], [2]]


def test_a_copy_has_the_objects(art, store):
    made = artifacts.Artifact("things", type="dataset", store=store, project="demo")
    made.add(Html("<p>a</p>", inject=False), "page")
    made.save()
    art("init", "--store", "other")
    art("cp", "demo/things", "demo/things", "--to", "other")
    copy = artifacts.Api(store="other", project="demo").artifact("things:latest")
    assert copy.get("page").html == "<p>a</p>"


def test_what_is_pulled_are_files(art, store, tmp_path):
    made = artifacts.Artifact("things", type="dataset", store=store, project="demo")
    made.add(Html("<p>a</p>", inject=False), "page")
    made.save()
    art("pull", "demo/things", "-o", str(tmp_path / "out"))
    [file] = (tmp_path / "out" / "media" / "html").iterdir()
    assert file.read_text() == "<p>a</p>"
