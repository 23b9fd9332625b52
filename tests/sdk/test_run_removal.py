"""Deleting runs: what goes, what stays, what is refused."""

import pytest

import artifacts
from artifacts.store.errors import AlreadyExistsError, RunNotFoundError, StateError
from tests.sdk.helpers import hint_of


@pytest.fixture
def api():
    """Run ``maker`` has logged model:v0, which run ``user`` has used."""
    with artifacts.init(project="demo", id="maker") as run:
        run.log({"loss": 1})
        model = artifacts.Artifact("model", "model")
        with model.new_file("weights") as file:
            file.write("1")
        run.log_artifact(model)
    with artifacts.init(project="demo", id="user") as run:
        run.use_artifact("model:latest")
    return artifacts.Api(project="demo")


def ids(api):
    return [run.id for run in api.runs()]


def test_a_deleted_run_is_gone_and_its_versions_are_not(api):
    api.run("maker").delete()
    assert ids(api) == ["user"]
    with pytest.raises(RunNotFoundError, match="was deleted"):
        api.run("maker")
    assert api.artifact("model:v0").file_count == 1
    internal = [each.name for each in api.collections(internal=True)]
    assert not any(name.startswith("run-maker-") for name in internal)


def test_lineage_still_shows_it(api):
    api.run("maker").delete()
    assert api.artifact("model:v0").logged_by().id == "maker"


def test_deleting_again_changes_nothing(api):
    run = api.run("maker")
    run.delete()
    run.delete()
    assert ids(api) == ["user"]


def test_what_it_has_logged_goes_if_that_is_asked_for(api):
    api.run("maker").delete(delete_artifacts=True)
    assert not api.artifact_exists("model:v0")
    assert [a.name for a in api.run("user").used_artifacts()] == ["model:v0"]
    assert api.undelete("model:v0").version == "v0"


def test_a_running_run_is_refused(api):
    with artifacts.init(project="demo", id="now") as active:
        run = api.run("now")
        with pytest.raises(StateError, match="run now is running") as caught:
            run.delete()
        assert "force" in hint_of(caught)
        assert "now" in ids(api)
        run.delete(force=True)
        active.log({"a": 1})
        active.summary["b"] = 2
    assert "now" not in ids(api)


def test_what_is_in_use_or_protected_is_refused_as_a_whole(api):
    model = api.artifact("model:v0")
    model.aliases.append("prod")
    model.save()
    model.protect_alias("prod")
    with pytest.raises(StateError, match="protected"):
        api.run("maker").delete(delete_artifacts=True)
    assert ids(api) == ["user", "maker"]
    assert api.artifact_exists("run-maker-history:latest")
    api.run("maker").delete(delete_artifacts=True, force=True)
    assert not api.artifact_exists("model:v0")


def test_its_id_is_not_used_again(api):
    api.run("maker").delete()
    for resume in ("never", "allow"):
        with pytest.raises(AlreadyExistsError, match="which was deleted"):
            artifacts.init(project="demo", id="maker", resume=resume)
    with pytest.raises(RunNotFoundError):
        artifacts.init(project="demo", id="maker", resume="must")


def test_a_deleted_run_comes_along_with_an_export(api, tmp_path):
    from artifacts.store.exporting import export
    from artifacts.store.importing import import_bundle
    from artifacts.store.store import Store

    api.run("maker").delete()
    export(api.store, tmp_path / "all.tar")
    other = Store.create(tmp_path / "other")
    import_bundle(other, tmp_path / "all.tar")
    assert [run.id for run in other.catalog.list_runs()] == ["user"]
    assert other.catalog.run("local", "demo", "maker", deleted=True).deleted_at is not None
    other.close()


# -- differences


def test_in_what_two_runs_differ(api):
    with artifacts.init(
        project="demo",
        id="a",
        job_type="train",
        config={"lr": 0.1, "net": {"depth": 2}, "on": True},
    ) as run:
        run.log({"loss": 1.0, "val": {"acc": 0.5}})
    with artifacts.init(
        project="demo", id="b", config={"lr": 0.1, "net": {"depth": 3}, "on": 1}
    ) as run:
        run.use_artifact("model:latest")
        run.log({"loss": 1.0})
    diff = api.diff_runs("a", api.run("b"))
    assert [(c.key, c.kind, c.before, c.after) for c in diff.config] == [
        ("net.depth", "changed", 2, 3),
        ("on", "changed", True, 1),
    ]
    assert [(c.key, c.kind, c.before, c.after) for c in diff.summary] == [
        ("val.acc", "removed", 0.5, None)
    ]
    assert [(c.key, c.kind, c.after) for c in diff.inputs] == [("demo/model", "added", "v0")]
    assert [(c.key, c.kind) for c in diff.about] == [("job_type", "removed")]
    assert diff
    assert not api.diff_runs("a", "a")
