import blake3
import pytest

from artifacts.store.digests import hash_bytes, parse_digest
from artifacts.store.errors import FormatError, InvalidInputError
from artifacts.store.manifest import (
    HEADER,
    Entry,
    Manifest,
    Reference,
    check_path,
    check_paths,
    digests_in,
    iter_entries,
)

EMPTY = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
ABC = "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
# Nobody read these bytes: BLAKE3 of "s3://b/k\ne\n7", where they lie.
UNREAD = "blake3:c4caa09a63a941fae4b8ae6fed39398e2b536c22be2dba35e0de95ac6f280f6c"
HEAD = '{"format":"artifacts-manifest","version":1}\n'

# The identity of every version ever logged depends on these bytes.
CANONICAL = (
    HEAD + f'["a.txt","{ABC}",3]\n'
    f'["a/b","{EMPTY}",0]\n'
    f'["bin/run","{ABC}",3,{{"executable":true}}]\n'
    f'["quote\\"d","{ABC}",3]\n'
    f'["ref/1","{ABC}",3,{{"uri":"file:///x"}}]\n'
    f'["ref/2","{UNREAD}",3,{{"etag":"e","executable":true,"unread":true,'
    '"uri":"s3://b/k","version_id":"7"}]\n'
    f'["é","{ABC}",3]\n'
    f'["\ufffd","{ABC}",3]\n'
    f'["\U0001f600","{ABC}",3]\n'
).encode()

ABC_DIGEST = hash_bytes(b"abc")
ENTRIES = [
    Entry("\U0001f600", ABC_DIGEST, 3),
    Entry("\ufffd", ABC_DIGEST, 3),
    Entry("é", ABC_DIGEST, 3),
    Entry("ref/2", parse_digest(UNREAD), 3, True, Reference("s3://b/k", "e", "7", hashed=False)),
    Entry("ref/1", ABC_DIGEST, 3, False, Reference("file:///x")),
    Entry('quote"d', ABC_DIGEST, 3),
    Entry("bin/run", ABC_DIGEST, 3, True),
    Entry("a/b", hash_bytes(b""), 0),
    Entry("a.txt", ABC_DIGEST, 3),
]


def entry(path):
    return Entry(path, ABC_DIGEST, 3)


def line(path, rest=""):
    return f'["{path}","{ABC}",3{rest}]\n'.encode()


def manifest_of(*lines):
    return HEADER + b"".join(lines)


def test_canonical_bytes():
    manifest = Manifest(ENTRIES)
    assert b"".join(manifest.chunks()) == CANONICAL
    assert manifest.digest == blake3.blake3(CANONICAL).digest()
    assert manifest.size == 24
    assert len(manifest) == 9


def test_canonical_bytes_are_read_back():
    manifest = Manifest.parse([CANONICAL])
    assert list(manifest) == ENTRIES[::-1]
    assert manifest.digest == blake3.blake3(CANONICAL).digest()
    assert manifest == Manifest(ENTRIES)


def test_the_empty_manifest_is_the_header():
    assert b"".join(Manifest([]).chunks()) == HEADER
    assert list(Manifest.parse([HEADER])) == []


def test_chunks_may_be_cut_anywhere():
    pieces = [CANONICAL[i : i + 1] for i in range(len(CANONICAL))]
    assert list(iter_entries(pieces)) == ENTRIES[::-1]


def test_many_entries_come_in_several_chunks():
    entries = [entry(f"{i:06}") for i in range(20_000)]
    manifest = Manifest(entries)
    assert len(list(manifest.chunks())) > 2
    assert Manifest.parse(manifest.chunks()) == manifest


def test_digests_of_references_are_not_needed():
    stored = Entry("b", hash_bytes(b"b"), 1, True)
    reference = Entry("r", hash_bytes(b"r"), 1, False, Reference("file:///r"))
    data = b"".join(Manifest([stored, reference, entry('q"\\n'.replace("\\", ""))]).chunks())
    assert digests_in(data) == {stored.digest, ABC_DIGEST}


def test_look_up_by_path():
    manifest = Manifest(ENTRIES)
    found = manifest.get("a/b")
    assert found is not None
    assert found.size == 0
    assert manifest.get("a") is None


REFUSED = [
    "",
    "/",
    "/etc/passwd",
    "a/",
    "a//b",
    ".",
    "./a",
    "a/.",
    "a/./b",
    "..",
    "../a",
    "a/..",
    "a/../b",
    "a/../../b",
    "a\\b",
    "..\\a",
    "C:",
    "C:/a",
    "c:a",
    "a\0b",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\x9fb",
    "a\ud800b",
    "a/\udcff",
]


@pytest.mark.parametrize("path", REFUSED, ids=ascii)
def test_refused_paths(path):
    with pytest.raises(InvalidInputError, match=r"not a usable path .* \(") as caught:
        check_path(path)
    assert caught.value.kind == "bad_path"
    assert caught.value.hint
    with pytest.raises(InvalidInputError):
        check_paths(["fine", path, "fine too"])
    with pytest.raises(InvalidInputError):
        Manifest([entry("fine"), entry(path)])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "empty"),
        ("/a", "absolute"),
        ("C:/a", "absolute"),
        ("a\ud800", "UTF-8"),
        ("a\\b", "backslash"),
        ("a\nb", "control"),
        ("a/../b", "leaves its folder"),
        ("a/./b", "'.' segment"),
    ],
    ids=ascii,
)
def test_the_reason_is_named(path, reason):
    with pytest.raises(InvalidInputError, match=reason):
        check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "...",
        "..a",
        "a..",
        ".hidden",
        "a/.b/..c",
        "a b",
        " a ",
        "ab:c",
        "é",
        "\u2028",
        "x" * 255,
        "d/" * 200 + "f",
        "-rf",
        "~",
        "*?|<>",
        "con",
    ],
    ids=ascii,
)
def test_accepted_paths(path):
    assert check_path(path) == path
    assert check_paths([path]) == [path]


def test_paths_become_nfc():
    assert check_path("e\u0301") == "\u00e9"
    assert check_paths(["a", "e\u0301"]) == ["a", "\u00e9"]


def test_a_manifest_takes_only_nfc():
    with pytest.raises(InvalidInputError, match="NFC"):
        Manifest([entry("e\u0301")])


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["a", "a/b"],
        ["a/b", "a/b/c"],
        # Names that sort between a file and what would be below it.
        ["a", "a!", "a-b", "a.txt", "a/b"],
        ["a/b", "a/b-c", "a/b-c/d", "a/b/c"],
    ],
    ids=str,
)
def test_conflicts(paths):
    with pytest.raises(InvalidInputError) as caught:
        Manifest([entry(path) for path in reversed(paths)])
    assert caught.value.kind == "bad_path"
    with pytest.raises(FormatError, match="refused"):
        Manifest.parse([manifest_of(*[line(path) for path in paths])])


def test_names_that_only_look_like_conflicts():
    paths = ["a", "a-b", "a-b.c", "a.txt", "a0", "ab/c", "ab0"]
    assert [e.path for e in Manifest([entry(p) for p in paths])] == paths


@pytest.mark.parametrize("path", [p for p in REFUSED if p.isprintable() and "\\" not in p])
def test_hostile_paths_are_refused_when_read(path):
    with pytest.raises(FormatError) as caught:
        Manifest.parse([manifest_of(line(path))])
    assert caught.value.kind == "bad_manifest"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(rf'["a\u0000b","{ABC}",3]', id="NUL"),
        pytest.param(rf'["a\nb","{ABC}",3]', id="newline"),
        pytest.param(rf'["a\\b","{ABC}",3]', id="backslash"),
        pytest.param(rf'["a\ud800b","{ABC}",3]', id="surrogate"),
        pytest.param(f'["e\u0301","{ABC}",3]', id="not NFC"),
        pytest.param(f'["a", "{ABC}", 3]', id="spaces"),
        pytest.param(rf'["\u0061","{ABC}",3]', id="needless escape"),
        pytest.param(rf'["\/a","{ABC}",3]', id="escaped slash"),
        pytest.param(f'["a","{ABC}",03]', id="leading zero"),
        pytest.param(f'["a","{ABC}",+3]', id="plus"),
        pytest.param(f'["a","{ABC}",-3]', id="negative"),
        pytest.param(f'["a","{ABC}",3.0]', id="float"),
        pytest.param(f'["a","{ABC}",3e0]', id="exponent"),
        pytest.param(f'["a","{ABC}",true]', id="boolean size"),
        pytest.param(f'["a","{ABC}",null]', id="no size"),
        pytest.param(f'["a","{ABC}","3"]', id="text size"),
        pytest.param(f'["a","{ABC}"]', id="short"),
        pytest.param(f'["a","{ABC}",3,{{}}]', id="empty attributes"),
        pytest.param(f'["a","{ABC}",3,{{"executable":false}}]', id="not executable"),
        pytest.param(f'["a","{ABC}",3,{{"executable":1}}]', id="1 for true"),
        pytest.param(f'["a","{ABC}",3,[["executable",true]]]', id="pairs"),
        pytest.param(f'["a","{ABC}",3,{{"executable":true}},1]', id="long"),
        pytest.param(
            f'["a","{ABC}",3,{{"uri":"file:///x","executable":true}}]', id="attributes unsorted"
        ),
        pytest.param(f'["a","{ABC}",3,{{"etag":null,"uri":"file:///x"}}]', id="null etag"),
        pytest.param(f'["a","{ABC}",3,{{"uri":5}}]', id="number for a uri"),
        pytest.param(f'["a","{ABC}",3,{{"uri":null}}]', id="null uri"),
        pytest.param(f'["a","{ABC}",3,{{"uri":["file:///x"]}}]', id="list for a uri"),
        pytest.param(f'["a","{ABC}",3,{{"etag":5,"uri":"file:///x"}}]', id="number for an etag"),
        pytest.param(
            f'["a","{ABC}",3,{{"uri":"file:///x","version_id":{{}}}}]', id="object for a version"
        ),
        pytest.param('["a","blake3:ff",3]', id="short digest"),
        pytest.param(f'["a","{ABC.upper()}",3]', id="upper case"),
        pytest.param(f'["a","sha256:{ABC[7:]}",3]', id="other algorithm"),
        pytest.param(f'[5,"{ABC}",3]', id="number for a path"),
        pytest.param(f'{{"path":"a","digest":"{ABC}","size":3}}', id="object"),
        pytest.param("", id="blank line"),
        pytest.param("[", id="no JSON"),
        pytest.param('"abc"', id="text"),
        pytest.param("[" * 3000 + "]" * 3000, id="deep"),
        pytest.param(f'["a","{ABC}",3]\r', id="carriage return"),
        pytest.param(f' ["a","{ABC}",3]', id="indented"),
    ],
)
def test_lines_that_are_not_canonical_are_refused(text):
    data = manifest_of(text.encode("utf-8", "surrogatepass") + b"\n")
    with pytest.raises(FormatError):
        Manifest.parse([data])


def test_an_unread_reference_has_no_digest_but_its_own():
    """Otherwise it would pass for a file with known contents."""
    text = f'["a","{ABC}",3,{{"unread":true,"uri":"file:///x"}}]\n'
    with pytest.raises(FormatError):
        Manifest.parse([manifest_of(text.encode())])


def test_text_that_is_not_utf8_is_refused():
    with pytest.raises(FormatError, match="UTF-8"):
        Manifest.parse([manifest_of(line("a").replace(b'"a"', b'"\xff"'))])


def test_a_manifest_out_of_order_is_refused():
    with pytest.raises(FormatError, match="out of order"):
        Manifest.parse([manifest_of(line("b"), line("a"))])


@pytest.mark.parametrize("cut", [1, 10, len(CANONICAL) - len(HEADER) - 1])
def test_a_manifest_that_is_cut_off_is_refused(cut):
    with pytest.raises(FormatError, match="cut off"):
        Manifest.parse([CANONICAL[: len(HEADER) + cut]])


@pytest.mark.parametrize("data", [b"", b"\n", b"[]\n", b"{}\n", b"\x00\n", line("a")])
def test_other_files_are_no_manifests(data):
    with pytest.raises(FormatError, match=r"not a manifest|cut off"):
        Manifest.parse([data])


def test_newer_manifests_are_refused():
    with pytest.raises(FormatError, match="version 2"):
        Manifest.parse([b'{"format":"artifacts-manifest","version":2}\n'])
    with pytest.raises(FormatError, match="does not know") as caught:
        Manifest.parse([manifest_of(line("a", ',{"compressed":true}'))])
    assert caught.value.hint


def test_identity_of_bytes_that_nobody_read():
    plain = Reference("s3://b/k", "etag", "1", hashed=False)
    assert plain.identity() == hash_bytes(b"s3://b/k\netag\n1")
    assert plain.identity() != plain._replace(etag=None).identity()


def test_same_content_is_independent_of_the_path():
    assert entry("a").same_content(entry("b"))
    assert not entry("a").same_content(entry("a")._replace(executable=True))
