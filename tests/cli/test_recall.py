"""`art recall` and `art deploy`."""

from pathlib import Path

import pytest

from artifacts import Api


@pytest.fixture
def api(family):
    return Api(store=".artifacts", project="demo")


@pytest.fixture(autouse=True)
def project(monkeypatch):
    monkeypatch.setenv("ART_PROJECT", "demo")


def by():
    import artifacts.settings

    return artifacts.settings.user_name()


# -- recall


def test_recall(art, api):
    result = art("recall", "raw:v0", "--reason", "labels of March are swapped")
    assert result.out == "recalled demo/raw:v0: labels of March are swapped\n"
    assert result.err == "what was made of it: art lineage demo/raw:v0 --down\n"
    assert api.artifact("raw").recalled.reason == "labels of March are swapped"


def test_undo(art, api):
    art("recall", "raw:v0", "--reason", "bad")
    assert art("recall", "--undo", "raw:v0").out == "demo/raw:v0 is recalled no more\n"
    assert api.artifact("raw").recalled is None


def test_the_list(art, family):
    assert art("recall").err == "nothing is recalled\n"
    art("recall", "raw:v0", "--reason", "bad")
    art("recall", "corpus:prod", "--reason", "worse")
    art("recall", "--undo", "raw:v0")
    header, row = art("recall").lines
    assert header.split() == ["VERSION", "RECALLED", "BY", "REASON"]
    assert row.split()[0] == "demo/corpus:v0"
    assert row.split()[-2:] == [by(), "worse"]
    header, *rows = art("recall", "--history").lines
    assert header.split() == ["VERSION", "RECALLED", "BY", "UNDONE", "REASON"]
    assert [line.split()[0] for line in rows] == ["demo/corpus:v0", "demo/raw:v0"]
    assert art("recall", "--project", "other").err == "nothing is recalled\n"
    assert len(art("recall", "--project", "other", "--all-projects").lines) == 2


def test_json(art, family):
    said = art("recall", "raw:v0", "--reason", "bad", "--json").json["recall"]
    assert (said["version"], said["reason"], said["by"]) == ("local/demo/raw:v0", "bad", by())
    assert said["at"].endswith("Z")
    assert (said["undone_at"], said["undone_by"]) == (None, None)
    assert art("recall", "--json").json == {"recalls": [said]}


def test_quiet(art, family):
    assert art("recall", "raw:v0", "--reason", "bad", "-q").out == "local/demo/raw:v0\n"
    assert art("recall", "-q").out == "local/demo/raw:v0\n"


def test_pulling_a_recalled_version_warns(art, family):
    art("recall", "raw:v0", "--reason", "bad")
    result = art("pull", "raw:v0", "-o", "out")
    assert result.err == f"warning: demo/raw:v0 was recalled by {by()} just now: bad\n"
    assert Path("out/a.txt").exists()
    assert art("pull", "raw:v0", "-o", "out", "--json").json["recalled"]["reason"] == "bad"
    art("recall", "--undo", "raw:v0")
    assert art("pull", "raw:v0", "-o", "out").err == ""
    assert art("pull", "raw:v0", "-o", "out", "--json").json["recalled"] is None


def test_show(art, family):
    art("recall", "raw:v0", "--reason", "bad")
    assert f"  recalled   by {by()} just now: bad" in art("show", "raw").lines
    assert art("show", "raw", "--json").json["recalled"]["reason"] == "bad"
    assert art("show", "corpus", "--json").json["recalled"] is None


def test_show_a_link(art, api):
    link = api.artifact("model").link("registry/best")
    assert "  link to    demo/model:v0" in art("show", link.record.ref).lines
    assert art("show", link.record.ref, "--json").json["link_to"]["ref"] == "demo/model:v0"


def test_an_escape_in_the_reason_does_not_reach_the_terminal(art, family):
    art("recall", "raw:v0", "--reason", "bad\x1b[31m\nred")
    result = art("recall")
    assert "\x1b" not in result.out
    assert r"bad\x1b[31m" in result.out
    assert "\x1b" not in art("pull", "raw", "-o", "out").err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["recall", "raw"], 2, "give either --reason or --undo"),
        (["recall", "raw", "--undo", "--reason", "x"], 2, "give either --reason or --undo"),
        (["recall", "--reason", "x"], 2, "which version?"),
        (["recall", "--undo"], 2, "which version?"),
        (["recall", "raw", "--history", "--undo"], 2, "go with the list"),
        (["recall", "raw", "--reason", " "], 2, "the reason of a recall"),
        (["recall", "raw", "--undo"], 1, "demo/raw:v0 is not recalled"),
        (["recall", "nothing", "--reason", "x"], 11, "nothing"),
        (["deploy", "model"], 2, "art deploy model:v3 --as api-prod"),
        (["deploy", "--as", "api"], 2, "art deploy model:v3 --as api-prod"),
        (["deploy", "model", "--as", "api", "--end", "api"], 2, "give a version with --as"),
        (["deploy", "--end", "api"], 11, "nothing named 'api' is deployed"),
        (["deploy", "model", "--as", "a/b"], 2, "invalid consumer name"),
        (["deploy", "nothing", "--as", "api"], 11, "nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(art, family, arguments, code, text):
    assert text in art(*arguments, code=code).err


def test_recalling_twice(art, family):
    art("recall", "raw", "--reason", "bad")
    error = art("recall", "raw", "--reason", "worse", "--json", code=12).error
    assert error["kind"] == "already_recalled"


# -- deploy


def test_deploy(art, api):
    result = art("deploy", "model:v0", "--as", "api-prod")
    assert result.out == "deployment api-prod works with demo/model:v0\n"
    assert [each.name for each in api.consumers()] == ["api-prod"]
    result = art("deploy", "--end", "api-prod")
    assert result.out == "deployment api-prod no longer works with demo/model:v0\n"
    assert api.consumers() == []


def test_the_list_of_what_is_deployed(art, family):
    assert art("deploy").err == "nothing is deployed\n"
    art("deploy", "corpus:prod", "--as", "q3", "--kind", "report")
    art("deploy", "model", "--as", "api-prod")
    art("deploy", "--end", "q3")
    header, row = art("deploy").lines
    assert header.split() == ["NAME", "KIND", "VERSION", "SINCE", "BY"]
    assert row.split() == ["api-prod", "deployment", "demo/model:v0", "now", by()]
    header, *rows = art("deploy", "--history").lines
    assert header.split() == ["NAME", "KIND", "VERSION", "SINCE", "UNTIL", "BY"]
    assert [line.split()[:2] for line in rows] == [["api-prod", "deployment"], ["q3", "report"]]


def test_deploy_as_json(art, family):
    said = art("deploy", "model", "--as", "api-prod", "--json").json["consumer"]
    assert (said["kind"], said["name"], said["version"], said["by"]) == (
        "deployment",
        "api-prod",
        "local/demo/model:v0",
        by(),
    )
    assert said["since"].endswith("Z")
    assert (said["until"], said["ended_by"]) == (None, None)
    assert art("deploy", "--json").json == {"consumers": [said]}
    assert art("deploy", "-q").out == "api-prod\n"


def test_deploying_what_was_recalled_warns(art, family):
    art("recall", "model", "--reason", "wrong seed")
    result = art("deploy", "model", "--as", "api-prod")
    assert result.err == f"warning: demo/model:v0 was recalled by {by()} just now: wrong seed\n"


def test_a_deployed_version_is_deleted_by_force_only(art, family):
    art("deploy", "model", "--as", "api-prod")
    error = art("rm", "model:v0", "-y", "--delete-aliases", code=1).err
    assert "demo/model:v0 is being used by deployment api-prod" in error
    art("rm", "model:v0", "-y", "--delete-aliases", "--force")
