"""Consumers: what `Api.deploy` records."""

from datetime import timedelta

import pytest

import artifacts
from artifacts import Api, Artifact
from artifacts.store import gc
from tests.sdk.helpers import hint_of


def draft(text="one", name="model", type="model", **options):
    artifact = Artifact(name, type, **options)
    with artifact.new_file("weights") as file:
        file.write(text)
    return artifact


@pytest.fixture
def model(run):
    return run.log_artifact(draft(), aliases=["prod"])


@pytest.fixture
def api(model):
    return Api(project="demo")


def test_a_deployment_says_what_where_and_who(api):
    made = api.deploy("model:prod", "api-prod")
    assert api.consumers() == [made]
    assert (made.kind, made.name, made.version) == (
        "deployment",
        "api-prod",
        "local/demo/model:v0",
    )
    assert "@" in made.by
    assert (made.until, made.ended_by) == (None, None)


def test_another_kind(api):
    assert api.deploy("model", "q3", kind="report").kind == "report"


def test_another_version_under_the_name_ends_the_former(api, run):
    first = api.deploy("model", "api-prod")
    run.log_artifact(draft("two"))
    second = api.deploy("model", "api-prod")
    assert [each.version for each in api.consumers()] == ["local/demo/model:v1"]
    [_, ended] = api.consumers(ended=True)
    assert (ended.since, ended.until, ended.ended_by) == (first.since, second.since, second.by)


def test_the_same_again_changes_nothing(api):
    first = api.deploy("model", "api-prod")
    assert api.deploy("model:v0", "api-prod") == first
    assert api.consumers(ended=True) == [first]


def test_end(api):
    api.deploy("model", "api-prod")
    ended = api.end_deployment("api-prod")
    assert ended.until > ended.since
    assert ended.ended_by == ended.by
    assert api.consumers() == []
    assert api.consumers(ended=True) == [ended]
    again = api.deploy("model", "api-prod")
    assert api.consumers(ended=True) == [again, ended]


def test_a_version_may_have_several(api):
    api.deploy("model", "api-prod")
    api.deploy("model", "api-test")
    assert [each.name for each in api.consumers()] == ["api-test", "api-prod"]


def test_names_are_those_of_an_owner(api, run):
    draft("theirs", entity="others", project="demo").save()
    theirs = Api(project="demo", entity="others")
    theirs.deploy("model", "api-prod")
    api.deploy("model", "api-prod")
    assert [each.version for each in theirs.consumers()] == ["others/demo/model:v0"]
    assert [each.version for each in api.consumers()] == ["local/demo/model:v0"]
    theirs.end_deployment("api-prod")
    assert len(api.consumers()) == 1


def test_names_are_the_same_in_all_projects_of_an_owner(api):
    draft("elsewhere", project="elsewhere").save()
    api.deploy("model", "api-prod")
    api.deploy("elsewhere/model", "api-prod")
    assert [each.version for each in api.consumers()] == ["local/elsewhere/model:v0"]


def test_a_recalled_version_warns(api, model, log):
    model.recall("wrong seed")
    api.deploy("model", "api-prod")
    assert "demo/model:v0 is deployed, but it was recalled: wrong seed" in log.messages


# -- it is in use


def test_a_deployed_version_is_deleted_by_force_only(api, model):
    api.deploy("model", "api-prod")
    with pytest.raises(artifacts.StateError, match="deployment api-prod works with") as caught:
        model.delete(delete_aliases=True)
    assert "art deploy --end" in hint_of(caught)
    assert model.state == "COMMITTED"
    model.delete(delete_aliases=True, force=True)
    assert [each.name for each in api.consumers()] == ["api-prod"]  # it still runs


def test_a_version_that_is_no_longer_deployed_is_deleted(api, model):
    api.deploy("model", "api-prod")
    api.end_deployment("api-prod")
    model.delete(delete_aliases=True)
    assert model.state == "DELETED"


def test_a_collection_keeps_a_deployed_version(api, run):
    short = draft("short", name="short")
    short.ttl = timedelta(microseconds=1)
    run.log_artifact(short)
    api.deploy("short", "api-prod")
    plan = gc.plan(run._place.store)
    assert [reason for _, reason in plan.held_back] == [
        "its lifetime of 0s is over, but deployment api-prod is using it"
    ]
    assert gc.collect(run._place.store).versions == 0
    api.end_deployment("api-prod")
    assert gc.collect(run._place.store).versions == 1


# -- what is refused


def test_nothing_of_that_name_is_deployed(api):
    with pytest.raises(artifacts.NotFoundError, match="nothing named 'api' is deployed"):
        api.end_deployment("api")
    api.deploy("model", "api-prod")
    with pytest.raises(artifacts.NotFoundError) as caught:
        api.end_deployment("api")
    assert hint_of(caught) == "there are: api-prod"


@pytest.mark.parametrize("name", ["", " x", "a/b", "x" * 129, "a\nb"])
def test_bad_names(api, name):
    with pytest.raises(ValueError, match="invalid consumer name"):
        api.deploy("model", name)
    with pytest.raises(ValueError, match="invalid kind name"):
        api.deploy("model", "api-prod", name)
    assert api.consumers() == []


def test_a_name_is_text(api):
    with pytest.raises(TypeError, match="consumer must be text"):
        api.deploy("model", 3)


def test_there_is_no_such_version(api):
    with pytest.raises(artifacts.RefNotFoundError):
        api.deploy("model:v7", "api-prod")
