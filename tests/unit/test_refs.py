import pytest

from artifacts.store import refs
from artifacts.store.errors import InvalidInputError
from artifacts.store.refs import Ref

DIGEST = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


@pytest.mark.parametrize(
    ("text", "expected", "printed"),
    [
        ("corpus", Ref(None, None, "corpus"), "corpus:latest"),
        ("corpus:v3", Ref(None, None, "corpus", "v3"), "corpus:v3"),
        ("corpus:prod", Ref(None, None, "corpus", "prod"), "corpus:prod"),
        ("corpus:my alias", Ref(None, None, "corpus", "my alias"), "corpus:my alias"),
        ("p/corpus", Ref(None, "p", "corpus"), "p/corpus:latest"),
        ("e/p/corpus:v0", Ref("e", "p", "corpus", "v0"), "e/p/corpus:v0"),
        ("a project/corpus", Ref(None, "a project", "corpus"), "a project/corpus:latest"),
        (
            "corpus@af1349b9",
            Ref(None, None, "corpus", None, "af1349b9"),
            "corpus@af1349b9",
        ),
        (
            f"p/corpus@blake3:{DIGEST}",
            Ref(None, "p", "corpus", None, DIGEST),
            f"p/corpus@{DIGEST}",
        ),
        (f"corpus:blake3:{DIGEST}", Ref(None, None, "corpus", None, DIGEST), f"corpus@{DIGEST}"),
        ("corpus:af1349b9", Ref(None, None, "corpus", "af1349b9"), "corpus:af1349b9"),
        (f"blake3:{DIGEST}", Ref(None, None, None, None, DIGEST), f"blake3:{DIGEST}"),
        (DIGEST, Ref(None, None, None, None, DIGEST), f"blake3:{DIGEST}"),
        (DIGEST.upper(), Ref(None, None, None, None, DIGEST), f"blake3:{DIGEST}"),
        ("blake3:af1349b9", Ref(None, None, None, None, "af1349b9"), "blake3:af1349b9"),
        # Hex that is shorter than a digest may well be a name.
        ("af1349b9", Ref(None, None, "af1349b9"), "af1349b9:latest"),
        ("v3", Ref(None, None, "v3"), "v3:latest"),
    ],
)
def test_parse(text, expected, printed):
    assert Ref.parse(text) == expected
    assert str(expected) == printed
    assert Ref.parse(printed)._replace(selector=None) == expected._replace(selector=None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":latest",
        "corpus:",
        "corpus:a:b",
        "corpus:a/b",
        "corpus@",
        "corpus@xyz",
        "corpus@af1349b",
        "corpus:v1@af1349b9",
        "corpus@af1349b9@af1349b9",
        "a/b/c/d",
        "/corpus",
        "a//corpus",
        "a/",
        "../corpus",
        "./corpus",
        "corp us",
        "corpus\n",
        "corpüs",
        "blake3:",
        "blake3:af1349b",
        "blake3:" + "a" * 65,
        "corpus:blake3:xyz",
        "x" * 129,
    ],
    ids=ascii,
)
def test_refused(text):
    with pytest.raises(InvalidInputError):
        Ref.parse(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("v0", 0),
        ("v12", 12),
        ("v01", None),
        ("v", None),
        ("V1", None),
        ("v-1", None),
        ("v1 ", None),
    ],
)
def test_version_numbers(text, number):
    assert refs.parse_version(text) == number
    assert Ref(None, None, "a", text).number == number


@pytest.mark.parametrize("alias", ["latest", "prod", "v01", "vision", "2024-01", "é", "a b", "v"])
def test_aliases(alias):
    assert refs.check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias", ["", " ", " a", "a ", "a/b", "a:b", "a@b", "a\nb", "v0", "v17", "x" * 129, None, 3]
)
def test_refused_aliases(alias):
    with pytest.raises(InvalidInputError):
        refs.check_alias(alias)


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "...", "x" * 128, "run-8fj2-model.pt"])
def test_names(name):
    assert refs.check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "a:b", "é", "a\n", "x" * 129])
def test_refused_names(name):
    with pytest.raises(InvalidInputError):
        refs.check_name(name)


@pytest.mark.parametrize("tag", ["a", "two words", "é-1", "a_b"])
def test_tags(tag):
    assert refs.check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", " a", "a ", "a.b", "a/b", None])
def test_refused_tags(tag):
    with pytest.raises(InvalidInputError):
        refs.check_tag(tag)


@pytest.mark.parametrize(
    "name", ["", " a", "a ", ".", "..", "a/b", "a\\b", "a#", "a?", "a%", "a:b"]
)
def test_refused_projects(name):
    with pytest.raises(InvalidInputError, match="project"):
        refs.check_project(name)


@pytest.mark.parametrize("run_id", ["", " a", "a ", "a:b", "a;b", "a,b", "a/b", "a'b", "x" * 129])
def test_refused_run_ids(run_id):
    with pytest.raises(InvalidInputError):
        refs.check_run_id(run_id)
