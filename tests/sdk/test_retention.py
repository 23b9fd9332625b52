"""Lifetimes, rules, protected aliases, deleting by force and undoing it."""

from datetime import timedelta

import pytest

import artifacts
from artifacts import Api, Artifact, ArtifactTTL, Retention
from artifacts.store import gc, upload
from tests import invariants

AT_ONCE = gc.Settings(min_age=0, grace=0)
MONTH = timedelta(days=30)


def log_version(run, text, **options):
    artifact = Artifact("corpus", "dataset", metadata=options.pop("metadata", None))
    if "ttl" in options:
        artifact.ttl = options.pop("ttl")
    with artifact.new_file("text") as file:
        file.write(text)
    return run.log_artifact(artifact, **options)


def find(name):
    return Api(project="demo").artifact(name)


def collection():
    return Api(project="demo").collection("corpus")


def collect():
    return gc.collect(Api(project="demo").store, AT_ONCE)


def let_time_pass(delta):
    statement = "UPDATE versions SET created_at = created_at - ?, logged_at = logged_at - ?"
    microseconds = delta // timedelta(microseconds=1)
    catalog = Api(project="demo").store.catalog
    catalog._db.write(lambda c: c.exec_driver_sql(statement, (microseconds, microseconds)))


# -- the lifetime of a version


def test_a_version_inherits_unless_told():
    artifact = Artifact("corpus", "dataset")
    assert artifact.ttl is ArtifactTTL.INHERIT


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (MONTH, MONTH),
        (None, None),
        (ArtifactTTL.DISABLED, None),
        (ArtifactTTL.INHERIT, ArtifactTTL.INHERIT),
    ],
)
def test_a_lifetime_is_logged_and_stored(run, given, kept):
    version = log_version(run, "one", ttl=given)
    assert (version.ttl, find("corpus").ttl) == (kept, kept)
    version.ttl = timedelta(hours=1)
    version.save()
    version.ttl = given
    version.save()
    assert find("corpus").ttl == kept


@pytest.mark.parametrize("wrong", [timedelta(0), -MONTH, "soon"])
def test_a_lifetime_that_is_none(wrong):
    artifact = Artifact("corpus", "dataset")
    with pytest.raises(ValueError, match="ttl must be"):
        artifact.ttl = wrong


@pytest.mark.parametrize("wrong", [30, 1.5, [MONTH]])
def test_a_lifetime_of_another_type(wrong):
    artifact = Artifact("corpus", "dataset")
    with pytest.raises(TypeError, match="ttl must be a timedelta"):
        artifact.ttl = wrong


def test_a_version_goes_when_its_time_is_over(run):
    log_version(run, "one", ttl=MONTH)
    log_version(run, "two")
    let_time_pass(timedelta(days=29))
    assert collect().versions == 0
    let_time_pass(timedelta(days=2))
    assert collect().versions == 1
    assert [version.version for version in collection().versions()] == ["v1"]


def test_logging_the_same_content_again_renews_it(run, log):
    log_version(run, "one", ttl=MONTH)
    let_time_pass(timedelta(days=40))
    again = log_version(run, "one", ttl=timedelta(days=1))
    assert again.version == "v0"
    assert "keeps its lifetime" in log.text
    assert again.ttl == MONTH
    assert collect().versions == 0
    assert find("corpus:v0").file_count == 1


def test_other_changes_leave_the_lifetime_as_somebody_else_set_it(run):
    version = log_version(run, "one")
    other = find("corpus")
    other.ttl = MONTH
    other.save()
    version.description = "new"
    version.save()
    assert find("corpus").ttl == MONTH


# -- rules


def test_rules_of_an_artifact(run):
    for i in range(6):
        log_version(run, str(i), metadata={"acc": i % 4})
    corpus = collection()
    assert corpus.retention is None
    corpus.retention = Retention(keep_last=1, keep_best="metadata.acc:max:1")
    corpus.save()
    assert collection().retention == Retention(keep_last=1, keep_best=("metadata.acc:max:1",))
    assert collect().versions == 4
    assert [v.version for v in collection().versions()] == ["v5", "v3"]
    corpus.retention = None
    corpus.save()
    assert collection().retention is None


def test_a_lifetime_goes_before_the_rules(run):
    log_version(run, "one", ttl=None)
    log_version(run, "two")
    log_version(run, "three")
    corpus = collection()
    corpus.retention = Retention(ttl=timedelta(hours=1))
    corpus.save()
    let_time_pass(timedelta(hours=2))
    collect()
    assert [v.version for v in collection().versions()] == ["v2", "v0"]


def test_what_a_save_of_something_else_leaves(run):
    log_version(run, "one")
    corpus, other = collection(), collection()
    other.retention = Retention(keep_last=3)
    other.save()
    corpus.description = "text"
    corpus.save()
    assert corpus.retention == Retention(keep_last=3)


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"keep_tagged": True},
        {"keep_last": 0},
        {"keep_last": 1.5},
        {"ttl": timedelta(0)},
        {"keep_best": "acc:max:1"},
        {"keep_best": ["metadata.acc:max:0"]},
    ],
)
def test_rules_without_a_meaning(rules):
    with pytest.raises(artifacts.InvalidInputError):
        Retention(**rules)


def test_rules_of_another_type(run):
    log_version(run, "one")
    with pytest.raises(TypeError, match="must be a Retention"):
        collection().retention = {"keep_last": 3}
    with pytest.raises(TypeError, match="timedelta"):
        Retention(ttl=30)  # type: ignore[arg-type] # what is tested


# -- protected aliases


def test_a_protected_alias_stays(run):
    first = log_version(run, "one", aliases="prod")
    second = log_version(run, "two")
    first.protect_alias("prod")
    assert first.protected_aliases == ["prod"]
    second.aliases.append("prod")
    with pytest.raises(artifacts.StateError, match="alias prod of demo/corpus:v0 is protected"):
        second.save()
    with pytest.raises(artifacts.StateError):
        log_version(run, "three", aliases=["prod"])
    with pytest.raises(artifacts.StateError):
        first.delete(delete_aliases=True)
    with pytest.raises(artifacts.StateError):
        collection().delete(delete_aliases=True)
    assert find("corpus:prod").version == "v0"
    assert find("corpus").version == "v1"
    second.save(force=True)
    assert find("corpus:prod").protected_aliases == ["prod"]
    second.unprotect_alias("prod")
    log_version(run, "three", aliases=["prod"])


def test_what_cannot_be_protected(run):
    version = log_version(run, "one", aliases="prod")
    with pytest.raises(artifacts.InvalidInputError, match="cannot be protected"):
        version.protect_alias("latest")
    with pytest.raises(artifacts.NotFoundError) as caught:
        version.protect_alias("best")
    assert caught.value.kind == "alias_not_found"
    with pytest.raises(artifacts.ArtifactNotLoggedError):
        Artifact("corpus", "dataset").protect_alias("prod")


def test_protecting_keeps_what_was_not_saved(run):
    version = log_version(run, "one", aliases="prod")
    version.description = "text"
    version.protect_alias("prod")
    version.save()
    assert find("corpus").description == "text"


# -- deleting and undoing it


def test_what_a_run_uses_is_deleted_by_force_only(run):
    version = log_version(run, "one")
    log_version(run, "two")
    run.use_artifact("corpus:v0")
    with pytest.raises(artifacts.StateError) as caught:
        version.delete()
    assert caught.value.kind == "in_use"
    with pytest.raises(artifacts.StateError):
        collection().delete()
    assert len(collection().versions()) == 2
    version.delete(force=True)
    collection().delete(force=True)


def test_a_deletion_is_undone(run):
    version = log_version(run, "one", aliases="prod")
    version.delete(delete_aliases=True)
    version.restore()
    assert (version.state, version.aliases) == ("COMMITTED", ["latest"])
    version.delete()
    api = Api(project="demo")
    assert api.undelete("corpus:v0").open("text", "r").read() == "one"
    with pytest.raises(artifacts.StateError, match="not deleted"):
        api.undelete("corpus:v0")
    with pytest.raises(artifacts.RefNotFoundError):
        api.undelete("corpus:v1")
    with pytest.raises(artifacts.InvalidInputError):
        api.undelete("corpus")


def test_it_is_too_late_when_the_bytes_are_gone(run):
    version = log_version(run, "one")
    version.delete()
    collect()
    with pytest.raises(artifacts.StateError) as caught:
        version.restore()
    assert caught.value.kind == "collected"


# -- a draft whose files were collected before it was logged


@pytest.fixture
def known(run, tmp_path, monkeypatch):
    """A folder of which the store has everything, and so keeps nothing of a draft in memory."""
    monkeypatch.setattr(upload, "_BATCH_COUNT", 1)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("text", "other"):
        (folder / name).write_text(name)
    run.log_artifact(folder, name="before", type="dataset").delete()
    return folder


def test_what_was_collected_meanwhile_is_read_again(run, known, log):
    draft = Artifact("corpus", "dataset")
    draft.add_dir(known)
    draft.add_file(known / "text", name="again")
    collect()
    run.log_artifact(draft)
    assert "reading them again" in log.text
    assert find("corpus").open("text", "r").read() == "text"
    assert find("corpus").open("again", "r").read() == "text"
    collect()
    invariants.assert_consistent(Api(project="demo").store)
    invariants.assert_nothing_left(Api(project="demo").store)


@pytest.mark.parametrize("change", ["another content", "gone"])
def test_what_cannot_be_read_again_is_said(run, known, change):
    draft = Artifact("corpus", "dataset")
    draft.add_file(known / "text")
    collect()
    if change == "gone":
        (known / "text").unlink()
    else:
        (known / "text").write_text(change)
    with pytest.raises(artifacts.ConflictError) as caught:
        run.log_artifact(draft)
    assert caught.value.kind == "upload_expired"
    assert caught.value.hint
    assert not Api(project="demo").artifact_exists("corpus")
