import itertools
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artifacts.store.diff import diff_manifests
from artifacts.store.digests import hash_bytes
from artifacts.store.errors import ArtifactsError, FormatError, InvalidInputError
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

# Characters around which rules change, and any others.
CHARACTERS = st.one_of(
    st.sampled_from('ab/.-!0:"\\\n\x00\x7fé\u0301\u2028\ufffd\U0001f600'), st.characters()
)
TEXT = st.text(CHARACTERS, max_size=12)


def _usable(path):
    try:
        return check_path(path)
    except InvalidInputError:
        return None


SEGMENTS = TEXT.map(lambda text: text.strip("./\\\n\x00\x7f:") or "a")
PATHS = (
    st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join).map(_usable).map(lambda p: p or "b/c")
)
REFERENCES = st.builds(
    Reference,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.booleans(),
)


def _entry(path, digest, size, executable, reference):
    if reference is not None and not reference.hashed:
        digest = reference.identity()
    return Entry(path, digest, size, executable, reference)


ENTRIES = st.builds(
    _entry,
    PATHS,
    st.binary(max_size=3).map(hash_bytes),
    st.integers(0, 2**63 - 1),
    st.booleans(),
    st.none() | REFERENCES,
)


@st.composite
def manifests(draw):
    entries = draw(st.lists(ENTRIES, max_size=8, unique_by=lambda entry: entry.path))
    paths = [entry.path for entry in entries]
    # Where a file is also a folder, the file goes.
    return Manifest(
        entry for entry in entries if not any(p.startswith(entry.path + "/") for p in paths)
    )


def encoded(manifest):
    return b"".join(manifest.chunks())


@given(manifests())
def test_what_is_written_is_read(manifest):
    read = Manifest.parse([encoded(manifest)])
    assert list(read) == list(manifest)
    assert read.digest == manifest.digest == hash_bytes(encoded(manifest))
    assert encoded(read) == encoded(manifest)


@given(manifests(), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(manifest, data):
    whole = encoded(manifest)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    edges = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert list(iter_entries(pieces)) == list(manifest)


@given(manifests(), st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(manifest, random):
    shuffled = list(manifest)
    random.shuffle(shuffled)
    assert Manifest(shuffled).digest == manifest.digest


@given(manifests(), manifests())
def test_equal_bytes_and_equal_entries_are_the_same(first, second):
    assert (encoded(first) == encoded(second)) == (list(first) == list(second))
    assert (first == second) == (list(first) == list(second))


@given(manifests())
def test_lines_are_in_the_byte_order_of_utf8(manifest):
    paths = [entry.path.encode() for entry in manifest]
    assert paths == sorted(paths)


@given(manifests())
def test_digests_are_those_of_stored_entries(manifest):
    expected = {entry.digest for entry in manifest if entry.reference is None}
    assert digests_in(encoded(manifest)) == expected


@given(manifests(), st.data())
def test_other_bytes_are_refused_or_another_manifest(manifest, data):
    """Whatever is accepted is canonical: no two byte strings for one content."""
    whole = bytearray(encoded(manifest))
    at = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.sampled_from(["flip", "insert", "delete"]))
    if change == "flip":
        whole[at] ^= data.draw(st.integers(1, 255))
    elif change == "insert":
        whole[at:at] = data.draw(st.sampled_from([b" ", b"\n", b",", b"0", b"[", b"/", b"\\"]))
    else:
        del whole[at]
    try:
        read = Manifest.parse([bytes(whole)])
    except FormatError:
        return
    assert encoded(read) == bytes(whole)
    for entry in read:
        assert check_path(entry.path) == entry.path


@given(st.binary(max_size=200))
@example(b"[]")
@example(b"\n")
@example(b'["a"]\n["b"]\n')
def test_anything_else_is_refused_as_such(data):
    try:
        Manifest.parse([HEADER + data])
    except FormatError:
        return
    assert data == b"" or data.endswith(b"\n")


@given(TEXT)
def test_usable_paths_stay_inside(path):
    normal = _usable(path)
    if normal is None:
        return
    assert unicodedata.is_normalized("NFC", normal)
    assert check_path(normal) == normal
    segments = normal.split("/")
    assert "" not in segments
    assert "." not in segments
    assert ".." not in segments
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in normal)
    normal.encode()


@given(st.lists(TEXT, max_size=6))
@example(["a", ""])
@example(["a\n", "b"])
@example([])
def test_many_paths_are_checked_like_each_of_them(paths):
    alone = [_usable(path) for path in paths]
    if None in alone:
        with pytest.raises(InvalidInputError):
            check_paths(paths)
    else:
        assert check_paths(paths) == alone


@given(manifests(), manifests())
def test_a_difference_leads_from_one_to_the_other(before, after):
    found = diff_manifests(before, after)
    there = {entry.path: entry for entry in before}
    for entry in found.removed:
        del there[entry.path]
    for change in found.renamed:
        assert change.before.same_content(change.after)
        del there[change.before.path]
    for change in (*found.changed, *found.renamed):
        there[change.after.path] = change.after
    for entry in found.added:
        assert entry.path not in there
        there[entry.path] = entry
    assert there == {entry.path: entry for entry in after}
    assert found.unchanged == len(set(before) & set(after))
    assert bool(found) == (list(before) != list(after))
    back = diff_manifests(after, before)
    assert (found.added_bytes, found.removed_bytes) == (back.removed_bytes, back.added_bytes)


@given(st.lists(st.text(st.sampled_from("a/-"), min_size=1, max_size=5), max_size=6, unique=True))
def test_files_and_folders_never_share_a_path(paths):
    paths = [path for path in paths if _usable(path) is not None]
    folders = {path[:i] for path in paths for i, c in enumerate(path) if c == "/"}
    entries = [Entry(path, hash_bytes(b""), 0) for path in paths]
    if folders & set(paths):
        with pytest.raises(ArtifactsError):
            Manifest(entries)
    else:
        assert len(Manifest(entries)) == len(paths)
