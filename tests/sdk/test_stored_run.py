"""Runs that have ended can be edited; versions made while a run goes on."""

import json
import threading
import time
from pathlib import Path

import pytest

import artifacts
from artifacts import Api
from tests.sdk.helpers import hint_of


@pytest.fixture
def api():
    return Api(project="demo")


@pytest.fixture
def stored(api):
    """A run that has ended, as it was read."""
    with artifacts.init(
        project="demo", id="r1", config={"lr": 0.1, "layers": [1], "opt": {"name": "sgd"}}
    ) as run:
        run.log({"acc": 0.5, "val": {"loss": 2.0}})
    return api.run("r1")


def summaries(api, run_id="r1"):
    """The contents of the versions of a run's summary, oldest first."""
    return [
        json.loads(Path(version.download(), "summary.json").read_text())
        for version in api.collection(f"run-{run_id}-summary").versions()[::-1]
    ]


# -- the summary


def test_a_change_of_the_summary_makes_a_version(api, stored):
    stored.summary["best"] = 0.7
    stored.summary.update({"acc": 0.6, "more": [1, 2]})
    del stored.summary["more"]
    versions = summaries(api)
    assert [version["summary"].get("best") for version in versions] == [None, 0.7, 0.7, 0.7]
    assert [version["summary"]["acc"] for version in versions] == [0.5, 0.5, 0.6, 0.6]
    assert ["more" in version["summary"] for version in versions] == [False, False, True, False]
    assert versions[-1]["config"]["lr"] == 0.1
    assert api.run("r1").summary == stored.summary
    logged = [version.name for version in api.run("r1").logged_artifacts(internal=True)]
    assert logged[-1] == "run-r1-summary:v3"


def test_nested_values_of_the_summary(api, stored):
    stored.summary["val"]["acc"] = 0.4
    stored.summary["new"] = {"deep": {"er": 1}}
    del stored.summary["val"]["loss"]
    found = api.run("r1").summary
    assert (found["val"], found["new"]["deep"]["er"]) == ({"acc": 0.4}, 1)
    assert found.val == {"acc": 0.4}


def test_an_update_of_nothing_makes_no_version(api, stored):
    stored.summary.update()
    stored.config.update()
    stored.update()
    assert len(summaries(api)) == 1


def test_what_cannot_be_stored_changes_nothing(api, stored):
    with pytest.raises(TypeError, match="cannot be stored as JSON"):
        stored.summary["x"] = object()
    with pytest.raises(KeyError):
        del stored.summary["nope"]
    assert "x" not in stored.summary
    assert len(summaries(api)) == 1


def test_rows_of_a_resumed_run_leave_alone_what_was_edited(api, stored):
    stored.summary["acc"] = 0.99
    with artifacts.init(project="demo", id="r1", resume="must") as run:
        assert run.summary.is_locked("acc")
        run.log({"acc": 0.1, "other": 1})
    assert api.run("r1").summary["acc"] == 0.99
    assert api.run("r1").summary["other"] == 1


def test_two_who_edit_at_once_lose_nothing(api, stored):
    others = [api.run("r1") for _ in range(4)]
    barrier = threading.Barrier(len(others))
    failures = []

    def edit(number, run):
        try:
            barrier.wait()
            for each in range(3):
                run.summary[f"{number}.{each}"] = each
                run.config.update({f"c{number}": each, "shared": number})
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=edit, args=each) for each in enumerate(others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = api.run("r1")
    keys = {f"{number}.{each}" for number in range(4) for each in range(3)}
    assert keys <= set(found.summary)
    assert [found.config[f"c{number}"] for number in range(4)] == [2, 2, 2, 2]
    newest = summaries(api)[-1]
    assert (newest["summary"], newest["config"]) == (dict(found.summary), dict(found.config))


# -- everything else


def test_the_configuration(api, stored):
    stored.config["lr"] = 0.2
    stored.config.update({"new": {"a": 1}})
    stored.config.opt.name = "adam"
    del stored.config["new"]["a"]
    assert api.run("r1").config == {
        "lr": 0.2,
        "layers": [1],
        "opt": {"name": "adam"},
        "new": {},
    }
    assert summaries(api)[-1]["config"]["opt"] == {"name": "adam"}


def test_what_is_changed_in_place_is_stored_by_update(api, stored):
    stored.config["layers"].append(2)
    stored.tags.append("kept")
    assert (api.run("r1").config["layers"], api.run("r1").tags) == ([1], [])
    other = api.run("r1")
    other.tags = ["other"]
    stored.name = "renamed"
    stored.update()
    found = api.run("r1")
    assert (found.config["layers"], found.tags) == ([1, 2], ["other", "kept"])
    assert stored.tags == ["other", "kept"]


def test_names_notes_and_tags_are_stored_at_once(api, stored):
    stored.name, stored.notes, stored.tags = "other name", "first\nsecond", ("a", "b", "a")
    found = api.run("r1")
    assert (found.name, found.notes, found.tags) == ("other name", "first\nsecond", ["a", "b"])
    assert (stored.name, stored.notes, stored.tags) == ("other name", "first\nsecond", ["a", "b"])
    stored.tags = ["b"]
    stored.notes = None
    assert (api.run("r1").tags, api.run("r1").notes) == (["b"], None)
    assert len(summaries(api)) == 1
    for wrong in ("", "x" * 65):
        with pytest.raises(ValueError, match="has 1 to 64 characters"):
            stored.tags = [wrong]


def test_the_process_of_a_running_run_owns_summary_and_configuration(api, run):
    run.log({"acc": 1})
    other = api.run(run.id)
    for change in (
        lambda: other.summary.update({"x": 1}),
        lambda: other.config.update({"x": 1}),
    ):
        with pytest.raises(artifacts.StateError, match="is running") as caught:
            change()
        assert "wait until it has finished" in hint_of(caught)
    other.name, other.tags = "seen", ["x"]
    run.finish()
    found = api.run(run.id)
    assert (found.name, found.tags, dict(found.config)) == ("seen", ["x"], {})
    assert "x" not in found.summary
    other.summary["x"] = 1
    assert api.run(run.id).summary["x"] == 1


def test_a_deleted_run_cannot_be_changed(stored, api):
    api.run("r1").delete()
    for change in (lambda: stored.summary.update({"x": 1}), lambda: setattr(stored, "name", "x")):
        with pytest.raises(artifacts.StateError, match="run r1 was deleted"):
            change()


def test_copies_are_plain(stored):
    import copy
    import pickle

    assert type(copy.copy(stored.config)) is dict
    assert pickle.loads(pickle.dumps(stored.summary)) == stored.summary
    assert repr(stored.config) == repr(dict(stored.config))


# -- what is recorded


def test_a_run_with_a_configuration_only_is_recorded(api):
    with artifacts.init(project="demo", id="r2", config={"lr": 1}):
        pass
    assert summaries(api, "r2") == [{"config": {"lr": 1}, "summary": {}}]
    with artifacts.init(project="demo", id="r3"):
        pass
    assert api.run("r3").logged_artifacts(internal=True) == []


def test_the_summary_of_large_arrays_is_their_statistics(api):
    numpy = pytest.importorskip("numpy")
    with artifacts.init(project="demo", id="r2") as run:
        run.log({"w": numpy.arange(101), "deep": {"w": numpy.array([[numpy.inf] * 40])}})
        assert run.history[0]["w"].keys() == {"_type", "values", "bins"}
        run.summary["by hand"] = numpy.zeros(50)
    found = api.run("r2")
    expected = {"min": 0.0, "max": 100.0, "mean": 50.0, "var": 850.0}
    percentiles = {"10%": 10.0, "25%": 25.0, "75%": 75.0, "90%": 90.0}
    kind = {"_type": "numpy.ndarray", "size": 101}
    assert found.summary["w"] == {**kind, **expected, **percentiles}
    assert found.summary["deep"] == {"w": {"_type": "numpy.ndarray", "size": 40}}
    assert found.summary["by hand"]["var"] == 0.0
    [row] = found.scan_history()
    assert row["w"].keys() == row["deep.w"].keys() == {"_type", "values", "bins"}


# -- versions while a run goes on


def wait_for(condition):
    """Wait for what a thread does; the time-out of tests ends it if it never does."""
    while not condition():
        time.sleep(0.02)


def history_rows(api, run_id="r1"):
    """The number of rows of each version of a history, oldest first."""
    if not api.artifact_collection_exists(f"run-{run_id}-history"):
        return []
    versions = api.collection(f"run-{run_id}-history").versions()[::-1]
    return [version.metadata["rows"] for version in versions]


def test_versions_are_made_while_a_run_goes_on(api):
    with artifacts.init(
        project="demo", id="r1", config={"lr": 1}, settings={"history_interval": 0.05}
    ) as run:
        run.log({"a": 0})
        wait_for(lambda: history_rows(api))
        run.log({"a": 1})
        wait_for(lambda: history_rows(api)[-1] == 2)
        wait_for(lambda: summaries(api)[-1]["summary"]["a"] == 1)
        assert [row["a"] for row in api.run("r1").scan_history()] == [0, 1]
        assert [row["a"] for row in run.history] == [0, 1]
        run.log({"a": 2})
    assert history_rows(api)[-1] == 3
    assert [row["a"] for row in api.run("r1").scan_history()] == [0, 1, 2]
    assert summaries(api)[-1]["summary"]["a"] == 2
    assert api.store.catalog.history_chunks([api.run("r1").key]) == {}


def test_the_live_view_and_the_versions_have_each_row_once(api, monkeypatch):
    from artifacts.runs import live

    monkeypatch.setattr(live, "INTERVAL", 0.02)
    seen = []
    with artifacts.init(project="demo", id="r1", settings={"history_interval": 0.05}) as run:
        for number in range(150):
            run.log({"a": number})
            time.sleep(0.004)
            if number % 10 == 0:
                seen.append([row["a"] for row in api.run("r1").scan_history()])
        assert len(history_rows(api)) > 1
    for rows in seen:
        assert rows == list(range(len(rows)))
    assert [row["a"] for row in api.run("r1").scan_history()] == list(range(150))


def test_without_an_interval_there_is_one_version(api):
    with artifacts.init(project="demo", id="r1") as run:
        run.log({"a": 0})
        assert not any("checkpoints" in thread.name for thread in threading.enumerate())
    assert history_rows(api) == [1]


def test_a_wrong_interval():
    with pytest.raises(artifacts.ConfigError, match="history_interval must be a number of seconds"):
        artifacts.init(project="demo", settings={"history_interval": "often"})


def test_a_version_that_cannot_be_made_is_made_later(api, monkeypatch, log):
    from artifacts.runs import checkpoints, completing

    commit = completing.commit_history
    failures: list = []

    def failing(*arguments):
        if len(failures) < 2:
            failures.append(1)
            raise artifacts.StorageError("the network is down")
        return commit(*arguments)

    monkeypatch.setattr(checkpoints, "commit_history", failing)
    with artifacts.init(project="demo", id="r1", settings={"history_interval": 0.02}) as run:
        run.log({"a": 0})
        wait_for(lambda: history_rows(api) == [1])
        assert run.state == "running"
    warnings = [each for each in log.messages if "no version of the history was made" in each]
    assert warnings == [
        "no version of the history was made for now, nothing is lost: the network is down"
    ]
