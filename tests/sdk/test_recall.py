"""Recalls: `Artifact.recall`, `Api.recall`, and who is warned."""

import pytest

import artifacts
from artifacts import Api, Artifact
from tests.sdk.helpers import hint_of


def draft(text="one", name="corpus", type="dataset"):
    artifact = Artifact(name, type)
    with artifact.new_file("text") as file:
        file.write(text)
    return artifact


@pytest.fixture
def corpus(run):
    return run.log_artifact(draft(), aliases=["prod"])


def warnings(log):
    return [record.message for record in log.records if record.levelname == "WARNING"]


def test_a_recall_says_who_when_and_why(corpus):
    assert Api(project="demo").recalls() == []
    made = corpus.recall("labels are swapped")
    found = Api(project="demo").artifact("corpus:v0").recalled
    assert found == made == corpus.recalled
    assert found is not None
    assert (found.version, found.reason) == ("local/demo/corpus:v0", "labels are swapped")
    assert "@" in str(found.by)
    assert corpus.created_at < found.at
    assert (found.undone_at, found.undone_by) == (None, None)


def test_undo(corpus):
    corpus.recall("labels are swapped")
    undone = corpus.undo_recall()
    assert corpus.recalled is None
    assert (undone.reason, undone.undone_by) == ("labels are swapped", undone.by)
    assert undone.undone_at > undone.at
    again = corpus.recall("and now really")
    assert corpus.recalled == again


def test_by_name(corpus):
    api = Api(project="demo")
    assert api.recall("corpus:prod", " bad ").reason == "bad"
    assert api.undo_recall("corpus").undone_at is not None


def test_nothing_is_deleted(corpus):
    corpus.recall("bad")
    assert Api(project="demo").artifact("corpus:prod").state == "COMMITTED"


def test_only_this_version_is_bad(run, corpus):
    newer = run.log_artifact(draft("two"))
    corpus.recall("bad")
    assert newer.recalled is None


def test_a_deleted_version_can_be_recalled(corpus):
    corpus.delete(delete_aliases=True)
    assert corpus.recall("bad").reason == "bad"


# -- lists


def test_lists(run, corpus):
    api = Api(project="demo")
    assert api.recalls() == []
    other = run.log_artifact(draft("x", name="other"))
    corpus.recall("first")
    other.recall("second")
    assert [each.reason for each in api.recalls()] == ["second", "first"]
    other.undo_recall()
    assert [each.reason for each in api.recalls()] == ["first"]
    assert [each.reason for each in api.recalls(undone=True)] == ["second", "first"]


def test_lists_are_of_a_project(corpus):
    corpus.recall("bad")
    elsewhere = Api(project="elsewhere")
    assert elsewhere.recalls() == []
    assert [each.reason for each in elsewhere.recalls(all_projects=True)] == ["bad"]
    assert Api(project="demo", entity="others").recalls(all_projects=True) == []


# -- warnings


@pytest.mark.parametrize("name", ["corpus", "corpus:prod", "corpus:v0"])
def test_using_it_warns_with_the_reason(run, corpus, log, name):
    recall = corpus.recall("labels are swapped")
    assert run.use_artifact(name).version == "v0"
    expected = [f"demo/corpus:v0 was recalled by {recall.by}: labels are swapped"]
    assert warnings(log) == expected


def test_using_an_artifact_warns(run, corpus, log):
    corpus.recall("bad")
    run.use_artifact(corpus)
    assert len(warnings(log)) == 1


@pytest.mark.parametrize(
    "read",
    [
        lambda artifact: artifact.download(),
        lambda artifact: artifact.checkout(),
        lambda artifact: artifact.file(),
        lambda artifact: artifact.get_entry("text").download(),
    ],
    ids=["download", "checkout", "file", "entry"],
)
def test_downloading_it_warns(corpus, log, read):
    corpus.recall("bad")
    read(Api(project="demo").artifact("corpus"))
    assert [text.partition(" by ")[0] for text in warnings(log)] == ["demo/corpus:v0 was recalled"]


def test_one_warning_is_enough(run, corpus, log):
    corpus.recall("bad")
    used = run.use_artifact("corpus")
    used.download()
    used.download()
    assert len(warnings(log)) == 1


def test_a_recall_that_comes_later_is_noticed(run, corpus, log):
    used = run.use_artifact("corpus")
    used.download()
    assert warnings(log) == []
    Api(project="demo").recall("corpus", "bad")
    used.download()
    assert len(warnings(log)) == 1


def test_no_warning_when_it_was_taken_back(run, corpus, log):
    corpus.recall("bad")
    corpus.undo_recall()
    run.use_artifact("corpus").download()
    assert warnings(log) == []


def test_a_link_to_it_warns_too(run, corpus, log):
    link = run.link_artifact(corpus, "shelf/corpus")
    corpus.recall("bad")
    assert link.recalled.version == "local/demo/corpus:v0"
    run.use_artifact("shelf/corpus")
    assert [text.partition(" by ")[0] for text in warnings(log)] == ["shelf/corpus:v0 was recalled"]
    corpus.undo_recall()
    assert link.recalled is None


def test_a_link_may_be_recalled_for_itself(run, corpus):
    link = run.link_artifact(corpus, "shelf/corpus")
    link.recall("not for the shelf")
    assert Api(project="demo").recalls() == []
    corpus.recall("bad everywhere")
    found = [each.recalled and each.recalled.reason for each in (link, corpus)]
    assert found == ["not for the shelf", "bad everywhere"]


# -- what is refused


def test_twice(corpus):
    corpus.recall("bad")
    with pytest.raises(artifacts.AlreadyExistsError, match="recalled already: bad") as caught:
        corpus.recall("worse")
    assert "--undo" in hint_of(caught)
    assert corpus.recalled.reason == "bad"


def test_undo_of_nothing(corpus):
    with pytest.raises(artifacts.StateError, match="demo/corpus:v0 is not recalled"):
        corpus.undo_recall()


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 10_001])
def test_a_reason_is_needed(corpus, reason):
    with pytest.raises(ValueError, match="reason of a recall"):
        corpus.recall(reason)
    assert corpus.recalled is None


def test_a_reason_is_text(corpus):
    with pytest.raises(TypeError, match="reason must be text, not NoneType"):
        corpus.recall(None)


def test_a_draft():
    with pytest.raises(artifacts.ArtifactNotLoggedError):
        draft().recall("bad")
    with pytest.raises(artifacts.ArtifactNotLoggedError):
        draft().recalled  # noqa: B018 - reading it is the point


def test_nothing_of_that_name(corpus):
    api = Api(project="demo")
    with pytest.raises(artifacts.RefNotFoundError):
        api.recall("corpus:v7", "bad")
    with pytest.raises(artifacts.RefNotFoundError):
        api.undo_recall("nothing")
