"""`plot_table`: specs, fields, and what becomes of a chart that is logged."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

import artifacts
from artifacts import plot
from artifacts.charts import named
from artifacts.tables.table import Table

SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "title": "${string:title}",
    "data": {"name": "wandb"},
    "mark": "point",
    "encoding": {
        "x": {"field": "${field:across}", "type": "quantitative"},
        "y": {"field": "${field:up}", "type": "quantitative"},
        "color": {"field": "${field:group}", "type": "nominal"},
    },
}


@pytest.fixture
def table():
    return Table(columns=["step", "loss", "fold"], data=[[0, 1.0, "a"], [1, 0.5, "b"]])


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(named, "_registered", {})
    monkeypatch.setattr(named, "_warned", set())


# -- logging


def test_a_logged_chart_leaves_its_table_in_the_row_and_its_definition_in_the_config(table):
    with artifacts.init(project="demo", config={"lr": 0.1}) as run:
        fields = {"x": "step", "y": "loss"}
        run.log({"curve": run.plot_table("wandb/line/v0", table, fields, {"title": "Loss"})})
        assert dict(run.config) == {"lr": 0.1}
    stored = artifacts.Api().run(f"demo/{run.id}")
    assert [set(row) for row in stored.scan_history()] == [
        {"curve_table", "_step", "_runtime", "_timestamp"}
    ]
    definition = stored._record.config["_artifacts"]["charts"]["curve"]
    assert definition["spec_name"] == "wandb/line/v0"
    assert definition["fields"] == fields
    assert definition["string_fields"] == {"title": "Loss"}
    assert definition["table_key"] == "curve_table"
    assert definition["spec"]["mark"]["type"] == "line"
    assert stored.config == {"lr": 0.1}


def test_a_stored_chart_is_the_chart_that_was_logged(table):
    chart = artifacts.plot_table("wandb/line/v0", table, {"x": "step", "y": "loss"})
    with artifacts.init(project="demo") as run:
        run.log({"curve": chart})
        assert run.charts()["curve"].spec == chart.spec
    stored = artifacts.Api().run(f"demo/{run.id}").charts()
    assert list(stored) == ["curve"]
    assert stored["curve"].spec == chart.spec
    assert [row for _, row in stored["curve"].table.iterrows()] == [[0, 1.0, "a"], [1, 0.5, "b"]]


def test_a_chart_of_several_steps_is_that_of_the_last_or_of_a_given_one():
    with artifacts.init(project="demo") as run:
        for height in (1.0, 2.0):
            data = Table(columns=["x", "y"], data=[[0, height]])
            run.log({"c": plot.line(data, "x", "y")})
        run.log({"other": 1})
    stored = artifacts.Api().run(f"demo/{run.id}")
    assert stored.charts()["c"].spec["datasets"]["table"] == [{"x": 0, "y": 2.0}]
    assert stored.charts(step=0)["c"].spec["datasets"]["table"] == [{"x": 0, "y": 1.0}]
    assert stored.charts(step=2) == {}
    assert len(stored._record.config["_artifacts"]["charts"]) == 1


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "part.c_table"),
        ({"split_table": True}, "part.Custom Chart Tables/c_table"),
        ({"table_key": "data"}, "part.data"),
    ],
    ids=str,
)
def test_where_the_table_of_a_nested_chart_is(table, options, key):
    with artifacts.init(project="demo") as run:
        chart = run.plot_table("wandb/line/v0", table, {"x": "step", "y": "loss"}, **options)
        run.log({"part": {"c": chart}})
    stored = artifacts.Api().run(f"demo/{run.id}")
    assert key in stored.history_keys
    assert stored.charts()["part.c"].spec == chart.spec


def test_a_run_without_charts_has_none(run):
    run.log({"loss": 1})
    assert run.charts() == {}


# -- arguments


def test_what_is_no_table(run):
    with pytest.raises(artifacts.Error, match=r"Expected `data_table` to be .*Table. type.* list"):
        run.plot_table("wandb/line/v0", [[1, 2]], {"x": "a", "y": "b"})
    with pytest.raises(artifacts.Error, match="Expected `value` to be"):
        plot.visualize("wandb/line/v0", {})  # type: ignore[arg-type] # the point


def test_a_field_that_names_no_column(table):
    with pytest.raises(artifacts.InvalidInputError, match=r"fields\['y'\] is 'los'") as error:
        artifacts.plot_table("wandb/line/v0", table, {"x": "step", "y": "los"})
    assert error.value.hint == "it has: step, loss, fold"
    assert error.value.kind == "no_such_column"


def test_a_field_that_the_spec_has_not(table):
    with pytest.raises(artifacts.InvalidInputError, match="'z', which is no field") as error:
        artifacts.plot_table("wandb/line/v0", table, {"x": "step", "y": "loss", "z": "fold"})
    assert error.value.hint == "it has: x, y, stroke"


def test_a_field_that_the_spec_needs(table):
    with pytest.raises(artifacts.InvalidInputError, match="lacks 'value' of wandb/bar/v0"):
        artifacts.plot_table("wandb/bar/v0", table, {"label": "fold"})


@pytest.mark.parametrize("arguments", [([("x", "step")],), ({"x": "step"}, "title")], ids=str)
def test_fields_and_texts_are_dicts(table, arguments):
    with pytest.raises(artifacts.InvalidTypeError, match="fields must be a dict"):
        artifacts.plot_table("wandb/line/v0", table, *arguments)


def test_the_title_may_stand_among_the_fields(table):
    fields = {"x": "step", "y": "loss", "title": "Mine"}
    chart = artifacts.plot_table("wandb/line/v0", table, fields)
    assert chart.spec["title"] == "Mine"
    assert chart.fields == {"x": "step", "y": "loss"}
    chart = artifacts.plot_table("wandb/line/v0", table, fields, {"title": "Yours"})
    assert chart.spec["title"] == "Yours"


@pytest.mark.parametrize("prefix", ["wandb", "artifacts"])
def test_specs_have_two_names(table, prefix):
    chart = artifacts.plot_table(f"{prefix}/scatter/v0", table, {"x": "step", "y": "loss"})
    assert chart.spec["mark"]["type"] == "point"
    assert chart.spec_name == f"{prefix}/scatter/v0"


# -- specs of users


def test_a_spec_as_a_dict_and_as_a_file(table, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(SPEC))
    fields = {"across": "step", "up": "loss"}
    found = [
        artifacts.plot_table(spec, table, fields, {"title": "T"})
        for spec in (SPEC, file, str(file))
    ]
    assert [chart.spec_name for chart in found] == ["custom", "mine", "mine"]
    for chart in found:
        assert chart.spec["title"] == "T"
        assert chart.spec["encoding"]["x"] == {"field": "step", "type": "quantitative"}
        assert chart.spec["data"] == {"name": "wandb"}
        assert chart.spec["datasets"]["wandb"][1] == {"step": 1, "loss": 0.5, "fold": "b"}


def test_a_channel_without_a_column_and_a_text_without_a_value_are_left_out(table):
    spec = artifacts.plot_table(SPEC, table, {"across": "step", "up": "loss"}).spec
    assert "color" not in spec["encoding"]
    assert "title" not in spec
    spec = artifacts.plot_table(SPEC, table, {"across": "step", "group": "fold"}).spec
    assert set(spec["encoding"]) == {"x", "color"}


def test_places_within_longer_texts(table):
    spec = {
        "title": "${string:what} of ${field:y}",
        "data": {"name": "d"},
        "mark": "bar",
        "transform": [{"calculate": "datum['${field:y}'] * 2", "as": "twice"}],
        "encoding": {"x": {"field": "twice", "type": "quantitative"}},
    }
    odd = Table(columns=["it's [a].b", "it_s _a__b"], data=[[1, 7]])
    chart = artifacts.plot_table(spec, odd, {"y": "it's [a].b"}, {"what": "Twice"})
    assert chart.spec["title"] == "Twice of it's [a].b"
    assert chart.spec["transform"][0]["calculate"] == "datum['it_s _a__b_'] * 2"
    assert chart.spec["datasets"]["d"] == [{"it_s _a__b_": 1, "it_s _a__b": 7}]


def test_a_registered_spec(table, registered):
    plot.register("team/points", SPEC)
    chart = artifacts.plot_table("team/points", table, {"across": "step", "up": "loss"})
    assert (chart.spec_name, chart.spec["mark"]) == ("team/points", "point")
    plot.register("team/points", {**SPEC, "mark": "line"})
    again = artifacts.plot_table("team/points", table, {"across": "step", "up": "loss"})
    assert (chart.spec["mark"], again.spec["mark"]) == ("point", "line")


def test_a_registered_spec_is_a_copy(table, registered):
    mine = json.loads(json.dumps(SPEC))
    plot.register("team/points", mine)
    mine["mark"] = "line"
    chart = artifacts.plot_table("team/points", table, {"across": "step"})
    assert chart.spec["mark"] == "point"


def test_what_cannot_be_registered(registered, tmp_path):
    with pytest.raises(artifacts.AlreadyExistsError, match="built-in"):
        plot.register("wandb/line/v0", SPEC)
    with pytest.raises(artifacts.InvalidInputError, match="name must be a text"):
        plot.register(" ", SPEC)
    with pytest.raises(artifacts.InvalidTypeError, match="not list"):
        plot.register("team/x", [])  # type: ignore[arg-type] # the point
    with pytest.raises(artifacts.InvalidInputError, match="one of Vega;"):
        plot.register("team/x", {"$schema": "https://vega.github.io/schema/vega/v5.json"})
    with pytest.raises(artifacts.InvalidInputError, match="not JSON"):
        plot.register("team/x", {"mark": float("nan")})
    with pytest.raises(artifacts.InvalidInputError, match=r"missing\.json' cannot be read"):
        plot.register("team/x", tmp_path / "missing.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(artifacts.InvalidInputError, match="is not JSON"):
        plot.register("team/x", tmp_path / "text.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(artifacts.InvalidInputError, match="is a JSON object"):
        plot.register("team/x", tmp_path / "list.json")
    assert named._registered == {}


def test_a_name_that_nobody_knows_is_kept_with_one_warning(table, registered, log):
    fields = {"first": "step", "second": "loss", "third": "fold"}
    for _ in range(2):
        chart = artifacts.plot_table("team/mystery", table, fields, {"title": "?"})
    assert chart.spec_name == "team/mystery"
    encoding = chart.spec["encoding"]
    assert [encoding[channel]["field"] for channel in ("x", "y", "color")] == list(fields.values())
    [warning] = [r.message for r in log.records if "team/mystery" in r.message]
    assert warning == (
        "no spec is known as 'team/mystery': its charts are drawn plainly; give it one with "
        "artifacts.plot.register('team/mystery', spec)"
    )


def test_a_table_whose_columns_are_called_like_the_fields():
    data = Table(columns=["label", "value", "more"], data=[["a", 1, 2]])
    assert plot.visualize("wandb/bar/v0", data).fields == {"label": "label", "value": "value"}


# -- data


def test_what_cells_become():
    moment = datetime(2026, 1, 2, 3, tzinfo=UTC)
    data = Table(
        columns=["x", "y", "z"],
        data=[[moment, np.float32(0.5), None], [moment, float("nan"), True]],
    )
    spec = plot.line(data, "x", "y", stroke="z").spec
    assert spec["encoding"]["x"]["type"] == "temporal"
    assert spec["encoding"]["y"]["type"] == "quantitative"
    assert spec["datasets"]["table"] == [
        {"x": "2026-01-02T03:00:00+00:00", "y": 0.5, "z": None},
        {"x": "2026-01-02T03:00:00+00:00", "y": None, "z": True},
    ]


def test_a_disabled_run_takes_charts(table):
    with artifacts.init(mode="disabled") as run:
        run.log({"c": run.plot_table("wandb/line/v0", table, {"x": "step", "y": "loss"})})
        assert run.charts() == {}
