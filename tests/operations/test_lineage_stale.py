"""Whether a version should be made again: every reason, and what is none."""

import pytest

from artifacts.store.errors import InvalidInputError
from artifacts.store.lineage.stale import Severity, StaleKind, stale
from artifacts.store.records import LinkKind
from artifacts.store.refs import Ref
from tests.support import ENTITY, LARGE, PROJECT, damage, log_files, object_file


class World:
    """Runs that use versions by name, and log folders of files."""

    def __init__(self, store, folder):
        self.store = store
        self.folder = folder
        self.count = 0

    def log(self, name, content, *, run=None):
        self.count += 1
        from tests.support import log_tree, write_tree

        files = content if isinstance(content, dict) else {"file": content}
        folder = write_tree(self.folder / str(self.count), files)
        return log_tree(self.store, folder, name, run=run)

    def run(self, name, content, used):
        """Log ``name`` in a run that has used versions by these references."""
        self.count += 1
        catalog = self.store.catalog
        run = catalog.create_run(ENTITY, PROJECT, f"run{self.count}", {"name": "n"})
        for text in used:
            ref = Ref.parse(text)
            version = catalog.resolve(ref, entity=ENTITY, project=PROJECT)
            alias = None if ref.number is not None or ref.digest else ref.selector or "latest"
            catalog.link(run.key, version.id, LinkKind.INPUT, ref_text=text, alias=alias)
        return self.log(name, content, run=run.key)


@pytest.fixture
def world(store, tmp_path):
    return World(store, tmp_path / "files")


def kinds(found):
    return [(each.kind, each.severity, each.version.ref) for each in found.findings]


def test_what_was_made_of_nothing_is_fresh(store, world):
    found = stale(store, world.log("raw", b"1"))
    assert (bool(found), found.findings, found.ancestors) == (False, [], 0)


def test_nothing_has_happened(store, world):
    world.log("raw", b"1")
    world.run("clean", b"c", ["raw"])
    found = stale(store, world.run("model", b"m", ["clean"]))
    assert (found.is_stale, found.findings, found.ancestors) == (False, [], 2)


# -- a newer version


@pytest.mark.parametrize("used", ["raw", "raw:latest"])
def test_a_newer_version_of_an_input_that_was_used_by_alias(store, world, used):
    world.log("raw", b"1")
    model = world.run("model", b"m", [used])
    newer = world.log("raw", b"2")
    found = stale(store, model)
    [finding] = found.findings
    assert found.is_stale
    assert (finding.kind, finding.severity) == (StaleKind.NEWER_INPUT, Severity.WARNING)
    assert (finding.newer, finding.depth, finding.ref_text) == (newer, 1, used)
    assert finding.run is not None
    assert finding.run.id == "run2"


@pytest.mark.parametrize("pinned", ["raw:v0", "raw@{digest}"])
def test_of_an_input_that_was_asked_for_exactly_it_is_good_to_know(store, world, pinned):
    raw = world.log("raw", b"1")
    model = world.run("model", b"m", [pinned.format(digest=raw.digest.hex())])
    world.log("raw", b"2")
    found = stale(store, model)
    assert kinds(found) == [(StaleKind.NEWER_INPUT, Severity.INFO, "demo/raw:v0")]
    assert not found.is_stale


def test_a_newer_version_of_what_an_input_was_made_of(store, world):
    world.log("raw", b"1")
    world.run("clean", b"c", ["raw"])
    model = world.run("model", b"m", ["clean:v0"])
    world.log("raw", b"2")
    found = stale(store, model)
    assert kinds(found) == [(StaleKind.NEWER_ANCESTOR, Severity.WARNING, "demo/raw:v0")]
    assert found.findings[0].depth == 2
    assert stale(store, model, depth=1).findings == []


def test_equal_content_is_no_newer_version(store, world):
    first = world.log("raw", b"1")
    world.log("raw", b"2")
    world.log("raw", b"1")
    model = world.run("model", b"m", ["raw"])
    assert first.number == 0
    # v1 has the larger number, but v0 is what was logged last.
    assert stale(store, model).findings == []


def test_equal_content_logged_again_after_a_deletion(store, world):
    raw = world.log("raw", b"1")
    model = world.run("model", b"m", ["raw:v0"])
    store.catalog.delete_version(raw.id, force=True)
    world.log("raw", b"1")
    assert stale(store, model).findings == []


def test_an_older_version_that_is_logged_again_is_newer(store, world):
    world.log("raw", b"1")
    world.log("raw", b"2")
    model = world.run("model", b"m", ["raw:v1"])
    world.log("raw", b"1")
    [finding] = stale(store, model).findings
    assert finding.newer is not None
    assert (finding.kind, finding.newer.number) == (StaleKind.NEWER_INPUT, 0)


def test_the_next_version_of_the_same_artifact_is_meant(store, world):
    """Training goes on from the model before: that one has a successor, which is no news."""
    world.log("model", b"0")
    for number in (1, 2):
        last = world.run("model", b"%d" % number, ["model"])
    assert stale(store, last).findings == []
    assert stale(store, last).ancestors == 2


def test_a_newer_version_of_a_deleted_input(store, world):
    raw = world.log("raw", b"1")
    model = world.run("model", b"m", ["raw"])
    world.log("raw", b"2")
    store.catalog.delete_version(raw.id, force=True)
    [finding] = stale(store, model).findings
    assert (finding.kind, finding.version.deleted_at is not None) == (StaleKind.NEWER_INPUT, True)


def test_it_is_judged_by_the_newest_run_that_made_it(store, world):
    world.log("raw", b"1")
    world.run("model", b"m", ["raw"])
    world.log("raw", b"2")
    again = world.run("model", b"m", ["raw"])
    assert stale(store, again).findings == []
    # One that used nothing, such as a push by hand, says nothing of what it was made of.
    catalog = store.catalog
    push = catalog.create_run(ENTITY, PROJECT, "push", {"name": "push"})
    catalog.link(push.key, again.id, LinkKind.OUTPUT)
    world.log("raw", b"3")
    assert stale(store, again).is_stale


# -- an alias that moved


def test_an_alias_that_leads_elsewhere_now(store, world):
    catalog = store.catalog
    old, good = world.log("raw", b"1"), world.log("raw", b"2")
    catalog.set_alias(good.id, "prod")
    model = world.run("model", b"m", ["raw:prod"])
    catalog.set_alias(old.id, "prod", by="anna")
    found = stale(store, model)
    assert kinds(found) == [(StaleKind.ALIAS_MOVED, Severity.WARNING, "demo/raw:v1")]
    [finding] = found.findings
    assert finding.newer is not None
    assert (finding.newer.id, finding.alias) == (old.id, "prod")
    assert "moved by anna" in finding.detail
    assert found.is_stale


def test_an_alias_that_is_gone(store, world):
    raw = world.log("raw", b"1")
    store.catalog.set_alias(raw.id, "prod")
    model = world.run("model", b"m", ["raw:prod"])
    store.catalog.remove_alias(raw.id, "prod")
    [finding] = stale(store, model).findings
    assert (finding.kind, finding.newer) == (StaleKind.ALIAS_MOVED, None)
    assert "is gone" in finding.detail


def test_an_alias_that_came_back_has_not_moved(store, world):
    catalog = store.catalog
    one, two = world.log("raw", b"1"), world.log("raw", b"2")
    catalog.set_alias(two.id, "prod")
    model = world.run("model", b"m", ["raw:prod"])
    catalog.set_alias(one.id, "prod")
    catalog.set_alias(two.id, "prod")
    assert stale(store, model).findings == []


def test_latest_moved_on_is_told_once(store, world):
    world.log("raw", b"1")
    model = world.run("model", b"m", ["raw"])
    world.log("raw", b"2")
    assert [each.kind for each in stale(store, model).findings] == [StaleKind.NEWER_INPUT]


# -- a recall


def test_a_recalled_ancestor(store, world):
    raw = world.log("raw", b"1")
    world.run("clean", b"c", ["raw:v0"])
    model = world.run("model", b"m", ["clean:v0"])
    store.catalog.recall(raw.id, "labels are swapped", by="anna")
    found = stale(store, model)
    assert kinds(found) == [(StaleKind.RECALLED, Severity.ERROR, "demo/raw:v0")]
    assert found.findings[0].detail == "by anna: labels are swapped"
    assert found.is_stale
    store.catalog.undo_recall(raw.id)
    assert stale(store, model).findings == []


def test_a_recalled_version_is_stale_itself(store, world):
    raw = world.log("raw", b"1")
    store.catalog.recall(raw.id, "bad")
    assert kinds(stale(store, raw)) == [(StaleKind.RECALLED, Severity.ERROR, "demo/raw:v0")]


def test_a_recalled_version_that_was_made_of_it_is_none_of_its_own(store, world):
    world.log("raw", b"1")
    clean = world.run("clean", b"c", ["raw"])
    store.catalog.recall(clean.id, "bad")
    assert stale(store, store.catalog.list_versions(ENTITY, PROJECT, "raw")[0]).findings == []


def test_made_again_of_something_else_a_recall_does_not_matter(store, world):
    raw = world.log("raw", b"1")
    world.run("model", b"m", ["raw"])
    store.catalog.recall(raw.id, "bad")
    world.log("raw", b"2")
    assert stale(store, world.run("model", b"better", ["raw"])).findings == []


# -- data


def only_object(store, version):
    places = store.locate({entry.digest for entry in store.manifest(version.digest)})
    [key] = {place.key for place in places.values()}
    return object_file(store, key)


def test_data_that_are_gone(store, world):
    raw = world.log("raw", LARGE)
    model = world.run("model", b"m", ["raw:v0"])
    path = only_object(store, raw)
    path.chmod(0o644)
    path.unlink()
    found = stale(store, model)
    assert kinds(found) == [(StaleKind.DATA_MISSING, Severity.ERROR, "demo/raw:v0")]
    assert "1 file (file) missing" in found.findings[0].detail


@pytest.mark.parametrize("content", [b"small", LARGE, LARGE * 40], ids=["pack", "loose", "large"])
def test_data_that_are_damaged_are_seen_when_read(store, world, content):
    raw = world.log("raw", content)
    model = world.run("model", b"m", ["raw:v0"])
    damage(only_object(store, raw))
    assert stale(store, model).findings == []
    found = stale(store, model, verify=True)
    assert kinds(found) == [(StaleKind.DATA_DAMAGED, Severity.ERROR, "demo/raw:v0")]


def test_sound_data_pass_the_reading(store, world):
    world.log("raw", {"a": b"1", "b": LARGE, "c": b""})
    assert stale(store, world.run("model", b"m", ["raw"]), verify=True).findings == []


def test_a_manifest_that_is_gone(store, world):
    raw = world.log("raw", LARGE)
    model = world.run("model", b"m", ["raw:v0"])
    path = object_file(store, store.locate({raw.digest})[raw.digest].key)
    path.chmod(0o644)
    path.unlink()
    [finding] = [f for f in stale(store, model).findings if f.kind is StaleKind.DATA_DAMAGED]
    assert finding.version == raw


def test_an_ancestor_farther_away_counts_as_a_check_has_found_it(store, world):
    raw = world.log("raw", LARGE)
    world.run("clean", b"c", ["raw:v0"])
    model = world.run("model", b"m", ["clean:v0"])
    store.catalog.mark_broken({raw.digest: "1 file is lost"})
    assert kinds(stale(store, model)) == [
        (StaleKind.DATA_MISSING, Severity.ERROR, "demo/raw:v0"),
    ]


def test_of_a_deleted_input_no_data_are_missed(store, world):
    raw = world.log("raw", LARGE)
    model = world.run("model", b"m", ["raw:v0"])
    store.catalog.delete_version(raw.id, force=True)
    only = only_object(store, raw)
    only.chmod(0o644)
    only.unlink()
    assert stale(store, model).findings == []


def test_the_worst_comes_first(store, world):
    catalog = store.catalog
    raw, side = world.log("raw", b"1"), world.log("side", b"s")
    model = world.run("model", b"m", ["raw", "side:v0"])
    world.log("raw", b"2")
    world.log("side", b"t")
    catalog.recall(side.id, "bad")
    assert [each.severity.value for each in stale(store, model).findings] == [
        "error",
        "warning",
        "info",
    ]
    assert raw.number == 0


def test_a_negative_depth(store, world):
    with pytest.raises(InvalidInputError, match="negative"):
        stale(store, world.log("raw", b"1"), depth=-1)


def test_unrelated_artifacts_do_not_matter(store, world, tmp_path):
    world.log("raw", b"1")
    model = world.run("model", b"m", ["raw"])
    log_files(store, tmp_path / "x", {"f": b"1"}, "stranger")
    log_files(store, tmp_path / "y", {"f": b"2"}, "stranger")
    assert stale(store, model).findings == []
