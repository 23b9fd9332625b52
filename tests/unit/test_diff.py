import pytest

from artifacts.store.diff import diff_manifests
from artifacts.store.digests import hash_bytes
from artifacts.store.manifest import Entry, Manifest, Reference


def manifest(**files):
    return Manifest(
        Entry(path.replace("_", "/"), hash_bytes(text.encode()), len(text))
        for path, text in files.items()
    )


def paths(entries):
    return [entry.path for entry in entries]


def test_nothing_changed():
    found = diff_manifests(manifest(a="1", b="2"), manifest(a="1", b="2"))
    assert not found
    assert found.unchanged == 2
    assert (found.added_bytes, found.removed_bytes) == (0, 0)


def test_added_removed_changed():
    found = diff_manifests(
        manifest(a="same", b="old", d="gone"), manifest(a="same", b="newer", c="added!")
    )
    assert found
    assert (paths(found.added), paths(found.removed)) == (["c"], ["d"])
    [change] = found.changed
    assert (change.before.size, change.after.size) == (3, 5)
    assert (found.renamed, found.unchanged) == ([], 1)
    assert (found.added_bytes, found.removed_bytes) == (11, 7)


def test_renamed():
    found = diff_manifests(manifest(old="text", x="1"), manifest(dir_new="text", x="1"))
    assert [(c.before.path, c.after.path) for c in found.renamed] == [("old", "dir/new")]
    assert (found.added, found.removed, found.changed) == ([], [], [])
    assert (found.added_bytes, found.removed_bytes) == (0, 0)


def test_copies_are_added():
    found = diff_manifests(manifest(a="text"), manifest(a="text", b="text"))
    assert (paths(found.added), found.renamed) == (["b"], [])


def test_several_of_equal_content_are_paired_in_order():
    found = diff_manifests(manifest(a="t", b="t", c="t"), manifest(x="t", y="t"))
    assert [(c.before.path, c.after.path) for c in found.renamed] == [("a", "x"), ("b", "y")]
    assert paths(found.removed) == ["c"]


def test_empty_files_are_not_renamed():
    found = diff_manifests(manifest(a=""), manifest(b=""))
    assert (paths(found.added), paths(found.removed), found.renamed) == (["b"], ["a"], [])


@pytest.mark.parametrize(
    "changes", [{"executable": True}, {"reference": Reference("file:///x")}], ids=["mode", "uri"]
)
def test_attributes_count(changes):
    before = manifest(a="1")
    after = Manifest([before.entries[0]._replace(**changes)])
    assert len(diff_manifests(before, after).changed) == 1


def test_from_and_to_nothing():
    full, empty = manifest(a="1", b="22"), Manifest([])
    assert paths(diff_manifests(empty, full).added) == ["a", "b"]
    assert diff_manifests(full, empty).removed_bytes == 3
