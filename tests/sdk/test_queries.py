"""Lists of runs and versions: filters, orders, and pages that are read as they are needed."""

from datetime import UTC, datetime, timedelta

import pytest

import artifacts
from artifacts import Api, Artifact, Results
from tests.sdk.helpers import hint_of


@pytest.fixture
def api():
    return Api(project="demo")


@pytest.fixture
def runs():
    """r0 to r4, of which r4 logged nothing and has failed."""
    for number in range(5):
        with artifacts.init(
            project="demo",
            id=f"r{number}",
            name=f"name-{number}",
            config={"lr": 10.0**-number, "model": {"depth": number}},
            tags=["even"] if number % 2 == 0 else [],
        ) as run:
            if number == 4:
                run.finish(1)
            else:
                run.log({"acc": number / 10, "val": {"loss": float("nan") if number else 1.0}})


def ids(found):
    return "".join(run.id[1:] for run in found)


def save(name="corpus", text="x", type="dataset", **changes):
    artifact = Artifact(name, type, project="demo")
    with artifact.new_file("text") as file:
        file.write(text)
    for key, value in changes.items():
        setattr(artifact, key, value)
    return artifact.save()


@pytest.fixture
def reads(monkeypatch):
    """What was asked of the catalog: the number of items of each page, and counts."""
    from artifacts.store.catalog import Catalog

    asked: list = []
    find, count = Catalog.find_runs, Catalog.count_found_runs

    def finding(self, query, **place):
        page = find(self, query, **place)
        asked.append(len(page.items))
        return page

    def counting(self, query):
        asked.append("count")
        return count(self, query)

    monkeypatch.setattr(Catalog, "find_runs", finding)
    monkeypatch.setattr(Catalog, "count_found_runs", counting)
    return asked


# -- runs


def test_filters_on_what_was_logged_and_set(api, runs):
    for filters, expected in (
        ({"config.lr": {"$lt": 0.05}}, "432"),
        ({"config.model.depth": {"$in": [1, 3]}}, "31"),
        ({"summary_metrics.acc": {"$gte": 0.1}, "tags": "even"}, "2"),
        ({"summary.val.loss": "NaN"}, "321"),
        ({"summary.val.loss": float("nan")}, "321"),
        ({"summary.acc": {"$exists": False}}, "4"),
        ({"$or": [{"state": "failed"}, {"display_name": "name-0"}]}, "40"),
        ({"created_at": {"$gt": datetime.now(UTC) - timedelta(hours=1)}}, "43210"),
        ({"created_at": {"$gt": datetime.now(UTC).date() + timedelta(days=2)}}, ""),
        ({"duration": {"$gt": timedelta(hours=1)}}, ""),
    ):
        assert ids(api.runs(filters=filters)) == expected, filters
    assert ids(api.project("demo").runs({"state": "finished"}, "+config.lr")) == "3210"


def test_orders(api, runs):
    assert ids(api.runs()) == "43210"
    assert ids(api.runs(order="+created_at")) == "01234"
    assert ids(api.runs(order="config.lr")) == "43210"
    assert ids(api.runs(order="-summary_metrics.acc")) == "32104"
    assert ids(api.runs(order="summary_metrics.acc")) == "01234"


def test_a_mistake_is_told_before_anything_is_read(api, reads):
    with pytest.raises(ValueError, match=r"filters\.config\.lr: there is no operator '\$lss'"):
        api.runs(filters={"config.lr": {"$lss": 1}})
    with pytest.raises(ValueError, match="order: there is no field 'creatde_at'") as caught:
        api.runs(order="-creatde_at")
    assert hint_of(caught).startswith("did you mean created_at")
    with pytest.raises(ValueError, match="per_page must be a number from 1 on, not 0"):
        api.runs(per_page=0)
    assert reads == []


def test_a_deleted_run_is_not_listed(api, runs):
    api.run("r3").delete()
    assert ids(api.runs()) == "4210"
    assert len(api.runs(filters={"config.lr": {"$exists": True}})) == 4


# -- lists that are read as they are needed


def test_nothing_is_read_before_it_is_needed(api, runs, reads):
    found = api.runs(per_page=2)
    assert reads == []
    assert len(found) == 5
    assert reads == ["count"]
    assert next(iter(found)).id == "r4"
    assert reads == ["count", 2]
    assert [run.id for run in found] == ["r4", "r3", "r2", "r1", "r0"]
    assert reads == ["count", 2, 2, 1]
    assert (len(found), found[-1].id, ids(found)) == (5, "r0", "43210")
    assert reads == ["count", 2, 2, 1]


def test_an_index_asks_for_one(api, runs, reads):
    found = api.runs(per_page=1)
    assert (found[3].id, found[-1].id) == ("r1", "r0")
    assert reads == [1, "count", 1]
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"there are 5 runs, and none of number {index}"):
            found[index]


@pytest.mark.parametrize("read_before", [0, 3])
def test_slices_are_those_of_a_list(api, runs, read_before):
    whole = list(api.runs())
    places = [None, -7, -2, 1, 4, 9]
    for start in places:
        for stop in places:
            for step in (None, 2, -1, -2):
                found = api.runs(per_page=1)
                for _ in zip(range(read_before), found, strict=False):
                    pass
                wanted = slice(start, stop, step)
                assert found[wanted] == whole[wanted], (wanted, read_before)


def test_truth_takes_one_page(api, runs, reads):
    assert api.runs(per_page=2)
    assert not api.runs("elsewhere")
    assert reads == [2, 0]


def test_lists_are_equal_to_lists(api, runs):
    found = api.runs()
    assert found == list(found)
    assert list(found) == found
    assert found == api.runs(per_page=1)
    assert found != list(found)[1:]
    assert found != "43210"
    assert api.runs("elsewhere") == []
    assert ids(reversed(found)) == "01234"
    assert found.index(api.run("r2")) == 2
    assert api.run("r2") in found
    with pytest.raises(ValueError, match="not in list"):
        found.index("r2")
    assert isinstance(found, Results)
    assert repr(found) == "<Results of 5 runs>"
    with pytest.raises(TypeError):
        hash(found)


def test_runs_that_begin_meanwhile_do_not_disturb(api, runs):
    found = iter(api.runs(per_page=2))
    first = [next(found).id, next(found).id]
    with artifacts.init(project="demo", id="r9"):
        pass
    api.run("r2").delete()
    assert [*first, *(run.id for run in found)] == ["r4", "r3", "r1", "r0"]


# -- versions


def test_versions_by_metadata(api):
    save("model", "a", "model", metadata={"acc": 0.7})
    save("model", "b", "model", metadata={"acc": 0.9})
    save("corpus", "c", metadata={"rows": 10}, tags=["golden", "raw"])
    save("corpus", "d")

    def names(**wanted):
        return [version.name for version in api.artifacts(**wanted)]

    assert names() == ["corpus:v1", "corpus:v0", "model:v1", "model:v0"]
    assert names(order="-metadata.acc")[:2] == ["model:v1", "model:v0"]
    assert names(filters={"metadata.acc": {"$gt": 0.8}}) == ["model:v1"]
    assert names(type_name="model", order="created_at") == ["model:v0", "model:v1"]
    assert names(tags=["golden", "raw"]) == ["corpus:v0"]
    assert names(tags="golden", filters={"type": "model"}) == []
    assert names(name="corpus", filters={"metadata.rows": 10}) == ["corpus:v0"]
    assert names(filters={"aliases": "latest", "name": "model"}) == ["model:v1"]
    assert names(project="other") == []
    assert len(api.artifacts(all_projects=True, filters={"project": "demo"})) == 4
    assert [v.name for v in api.collection("model").versions(filters={"version": "v0"})] == [
        "model:v0"
    ]
    with pytest.raises(ValueError, match="give either a name, or a project"):
        api.artifacts(name="corpus", project="demo")


def test_versions_that_runs_are_recorded_in_are_left_out(api, run):
    run.log({"a": 1})
    run.log_artifact(Artifact("corpus", "dataset"))
    run.finish()
    assert [version.name for version in api.artifacts()] == ["corpus:v0"]
    assert len(api.artifacts(internal=True)) == 3
    assert len(api.artifacts("run-history")) == 1
    assert len(api.artifacts(filters={"type": {"$regex": "^run-"}})) == 2


def test_deleted_versions_only_if_they_are_asked_for(api):
    save(text="a").delete(delete_aliases=True)
    save(text="b")
    assert [version.version for version in api.artifacts(name="corpus")] == ["v1"]
    assert [v.version for v in api.artifacts(filters={"state": "DELETED"})] == ["v0"]


def test_versions_of_one_artifact_are_sorted_by_number(api, monkeypatch):
    from artifacts.store.catalog.database import Database

    later = save(text="a")
    # The clock was set back.
    past = int(later.record.created_at - 10**9)
    monkeypatch.setattr(Database, "now", lambda _self, _connection: past)
    save(text="b")
    assert [version.version for version in api.artifacts(name="corpus")] == ["v1", "v0"]
    assert [version.version for version in api.artifact_versions("dataset", "corpus")] == [
        "v1",
        "v0",
    ]


# -- projects and types


def test_projects_and_types(api):
    save("corpus")
    save("model", type="model")
    with artifacts.init(project="other", entity="team"):
        pass
    [project] = api.projects()
    assert (project.name, project.entity, project.path) == ("demo", "local", ["local", "demo"])
    assert project == api.project("demo")
    assert project != Api(project="other", entity="team").project()
    assert len({project, api.project()}) == 1
    assert [each.path for each in api.projects("team")] == [["team", "other"]]
    assert api.project("other", entity="team").path == ["team", "other"]
    assert repr(project) == "<Project local/demo>"
    assert [version.name for version in project.artifacts({"type": "model"})] == ["model:v0"]
    assert [kind.name for kind in project.artifact_types()] == ["dataset", "model"]
    kind = api.artifact_type("model")
    assert (kind.name, kind.project, kind.entity) == ("model", "demo", "local")
    assert [each.name for each in kind.collections()] == ["model"]
    assert kind.collection("model").version_count == 1
    assert repr(kind) == "<ArtifactType model of local/demo>"
    assert [each.name for each in api.artifact_types()] == ["dataset", "model"]
    assert [each.name for each in api.artifact_collections("demo", "model")] == ["model"]
    assert api.artifact_collection("model", "model").name == "model"


def test_projects_and_types_that_are_not_there(api):
    save("corpus")
    with pytest.raises(artifacts.NotFoundError, match="there is no project 'dmeo'") as caught:
        api.project("dmeo")
    assert hint_of(caught) == "did you mean demo?"
    with pytest.raises(artifacts.NotFoundError, match="no artifact of type 'model'"):
        api.artifact_type("model")
    with pytest.raises(artifacts.NotFoundError, match="no artifact 'corpsu' of type") as caught:
        api.artifact_type("dataset").collection("corpsu")
    assert hint_of(caught) == "did you mean corpus?"
