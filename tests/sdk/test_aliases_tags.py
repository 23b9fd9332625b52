"""Movable names and labels: behaviour.md section 12."""

import pytest

import artifacts
from artifacts import Api, Artifact


def log_version(run, text, **options):
    artifact = Artifact("corpus", "dataset")
    with artifact.new_file("text") as file:
        file.write(text)
    return run.log_artifact(artifact, **options)


def find(name):
    return Api(project="demo").artifact(name)


@pytest.fixture
def versions(run):
    return [log_version(run, "one", aliases="old"), log_version(run, "two", aliases="prod")]


# -- aliases


def test_an_alias_moves_to_the_version_that_gets_it(run, versions):
    third = log_version(run, "three", aliases=["prod"])
    assert third.aliases == ["latest", "prod"]
    assert find("corpus:v1").aliases == []
    assert find("corpus:v0").aliases == ["old"]


def test_an_alias_belongs_to_one_artifact(run, versions):
    other = Artifact("other", "dataset")
    run.log_artifact(other, aliases="prod")
    assert find("corpus:prod").version == "v1"
    assert find("other:prod").version == "v0"


def test_append_and_save(versions):
    first = versions[0]
    first.aliases.append("prod")
    first.save()
    assert first.aliases == ["old", "prod"]
    assert find("corpus:prod").version == "v0"
    assert find("corpus:v1").aliases == ["latest"]


def test_an_old_object_does_not_take_latest_back(versions):
    assert versions[0].aliases == ["latest", "old"], "as it was when it was logged"
    versions[0].save()
    assert find("corpus").version == "v1"


def test_remove_and_save(versions):
    versions[0].aliases.remove("old")
    versions[0].save()
    assert not Api(project="demo").artifact_exists("corpus:old")


def test_the_list_replaces_the_old_one(versions):
    versions[0].aliases = ["a", "b", "a"]
    versions[0].save()
    assert find("corpus:v0").aliases == ["a", "b"]
    assert not Api(project="demo").artifact_exists("corpus:old")


def test_a_bare_name_goes_on_to_mean_something(versions):
    versions[1].aliases = ["best"]
    versions[1].save()
    assert versions[1].aliases == ["best", "latest"]
    assert find("corpus").version == "v1"


def test_latest_can_be_moved_back(versions):
    first = find("corpus:v0")
    first.aliases.append("latest")
    first.save()
    assert find("corpus").version == "v0"


@pytest.mark.parametrize("alias", ["a/b", "a:b", "a@b", "", " a", "a\n", "x" * 129])
def test_bad_aliases(versions, alias):
    with pytest.raises(ValueError, match="invalid alias"):
        versions[0].aliases = [alias]
    versions[0].aliases.append(alias)
    with pytest.raises(ValueError, match="invalid alias"):
        versions[0].save()


@pytest.mark.parametrize("alias", ["v0", "v7"])
def test_version_numbers_are_reserved(run, versions, alias):
    with pytest.raises(ValueError, match="is reserved for the version of that number"):
        versions[0].aliases = [alias]
    with pytest.raises(ValueError, match="is reserved"):
        log_version(run, "three", aliases=[alias])


@pytest.mark.parametrize("alias", ["v", "v01", "vX", "V1", "two words", "2024-01-01", "größte"])
def test_other_aliases_are_fine(run, alias):
    assert log_version(run, "one", aliases=alias).aliases == sorted([alias, "latest"])
    assert find(f"corpus:{alias}").version == "v0"


def test_one_bad_alias_spoils_all(run, versions):
    versions[0].aliases = ["old", "prod"]
    versions[0].tags.append("bad,tag")
    with pytest.raises(ValueError, match="invalid tag"):
        versions[0].save()
    assert find("corpus:prod").version == "v1"


def test_an_alias_of_a_deleted_version_can_be_given_again(run, versions):
    versions[0].delete(delete_aliases=True)
    assert log_version(run, "three", aliases="old").version == "v2"
    assert find("corpus:old").version == "v2"


# -- tags


@pytest.mark.parametrize("tag", ["raw", "two words", "a-b_c", "1", "grün"])
def test_tags(versions, tag):
    versions[0].tags = [tag, tag]
    versions[0].save()
    assert find("corpus:v0").tags == [tag]


@pytest.mark.parametrize("tag", ["", " raw", "raw ", "a,b", "a/b", "a:b", "a\tb"])
def test_bad_tags(versions, tag):
    with pytest.raises(ValueError, match="invalid tag"):
        versions[0].tags = [tag]


def test_many_versions_may_have_a_tag(run, versions):
    for version in versions:
        version.tags.append("raw")
        version.save()
    api = Api(project="demo")
    assert [a.version for a in api.artifacts("dataset", "corpus", tags="raw")] == ["v1", "v0"]
    assert [a.version for a in api.artifacts("dataset", "corpus", tags=["raw", "x"])] == []


def test_tags_add_up_when_content_is_logged_again(run):
    log_version(run, "one", tags=["a"])
    assert log_version(run, "one", tags=["b"]).tags == ["a", "b"]


def test_tags_are_removed(versions):
    versions[0].tags = ["a", "b"]
    versions[0].save()
    versions[0].tags.remove("a")
    versions[0].save()
    assert find("corpus:v0").tags == ["b"]


def test_tags_are_no_names(versions):
    versions[0].tags = ["raw"]
    versions[0].save()
    with pytest.raises(artifacts.RefNotFoundError):
        find("corpus:raw")
