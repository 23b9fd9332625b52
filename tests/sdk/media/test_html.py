"""HTML: of texts and files, with and without a style."""

import io
from pathlib import Path

import pytest

import artifacts
from tests.sdk.media.trips import contents, through_artifact, through_run

PAGE = "<!doctype html>\n<html lang='en'><head><title>Results</title></head><body>1 &lt; 2"


@pytest.fixture
def html_file(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    return path


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_a_text_comes_back(through):
    page = through(artifacts.Html("<p>größer</p>", inject=False))
    assert page.html == "<p>größer</p>"
    assert page["_type"] == "html-file"
    assert page["path"].startswith("media/html/")
    assert page["path"].endswith(".html")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_without_a_style_is_kept_as_it_is(html_file, kind):
    page = through_artifact(artifacts.Html(kind(html_file), inject=False))
    assert contents(page) == html_file.read_bytes()


def test_an_open_file_is_read_from_its_beginning(html_file):
    with html_file.open() as file:
        file.read(10)
        assert artifacts.Html(file, inject=False).html == PAGE
    assert artifacts.Html(io.BytesIO(PAGE.encode()), inject=False).html == PAGE


def test_a_text_that_is_also_a_file(html_file, monkeypatch):
    monkeypatch.chdir(html_file.parent)
    assert artifacts.Html("page.html", inject=False).html == PAGE
    page = artifacts.Html("page.html", inject=False, data_is_not_path=True)
    assert page.html == "page.html"
    assert artifacts.Html("other.html", inject=False).html == "other.html"


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        (PAGE, "<!doctype html>\n<html lang='en'><head>", "<title>Results"),
        ("<HTML><HEAD id=a><p>", "<HTML><HEAD id=a>", "<p>"),
        ("<html><body>", "<html><head>", "</head><body>"),
        ("<!DOCTYPE html><p>", "<!DOCTYPE html>", "<p>"),
        ("<p>a</p>", "", "<p>a</p>"),
        ("<header>a", "", "<header>a"),
    ],
)
def test_a_style_is_put_into_the_head_once(text, before, after):
    page = artifacts.Html(text).html
    assert page.startswith(f'{before}<base target="_blank"><style')
    style = page[len(before) :].partition("</style>")
    assert style[2].startswith(after)
    assert artifacts.Html(page).html == page


def test_notebooks_show_it_in_a_frame():
    shown = artifacts.Html('<p title="a">', inject=False)._repr_html_()
    assert 'srcdoc="&lt;p title=&quot;a&quot;&gt;"' in shown


def test_several_are_described_one_by_one():
    pages = through_run([artifacts.Html(text, inject=False) for text in ("a", "b")])
    assert [page.html for page in pages] == ["a", "b"]


def test_what_is_no_html(tmp_path):
    with pytest.raises(artifacts.InvalidTypeError, match="data must be"):
        artifacts.Html(5)
    with pytest.raises(artifacts.InvalidInputError, match="data does not exist"):
        artifacts.Html(tmp_path / "none.html")
    with pytest.raises(artifacts.InvalidInputError, match="data is no text in UTF-8"):
        artifacts.Html(io.BytesIO(b"\xff\xfe"))
