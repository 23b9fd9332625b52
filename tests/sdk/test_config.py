"""A run's configuration: behaviour.md section 1, the row on `config`."""

import dataclasses
import json
import sys
from argparse import Namespace

import pytest

import artifacts
from tests.sdk.helpers import hint_of


def stored(run):
    return artifacts.Api(project=run.project).run(run.id).config


# -- nested values


def test_nested_values_are_attributes_too(run):
    run.config.optimizer = {"name": "sgd", "schedule": {"warmup": 10}}
    assert run.config.optimizer.schedule.warmup == 10
    assert run.config["optimizer"]["name"] == run.config.optimizer.name == "sgd"
    with pytest.raises(AttributeError, match=r"config has no key 'optimizer\.lr'"):
        run.config.optimizer.lr  # noqa: B018 - reading it is the point


def test_a_nested_value_is_stored_at_once(run):
    run.config.optimizer = {"name": "sgd"}
    run.config.optimizer.lr = 0.1
    run.config["optimizer"]["betas"] = (1, 2)
    run.config.optimizer.update({"decay": 0, "name": "sgd"})
    assert stored(run) == {"optimizer": {"name": "sgd", "lr": 0.1, "betas": [1, 2], "decay": 0}}
    del run.config["optimizer"]["decay"]
    assert "decay" not in stored(run)["optimizer"]


def test_a_nested_value_is_not_changed_by_accident(run):
    run.config.optimizer = {"lr": 0.1}
    with pytest.raises(artifacts.ConfigError, match=r"config 'optimizer\.lr' is 0\.1 already"):
        run.config.optimizer.lr = 0.2
    run.config.optimizer.lr = 0.1
    assert stored(run) == {"optimizer": {"lr": 0.1}}


def test_a_plain_copy_is_not_the_configuration(run):
    run.config.a = {"b": 1}
    run.config.as_dict()["a"]["b"] = 2
    assert run.config.a.b == 1
    assert json.dumps(run.config.a) == '{"b": 1}'


# -- changes


def test_changes_that_were_allowed_from_the_start():
    with artifacts.init(project="demo", config={"lr": 1}, allow_val_change=True) as run:
        run.config.lr = 2
        with pytest.raises(artifacts.ConfigError, match="config 'lr' is 2 already"):
            run.config.update({"lr": 3}, allow_val_change=False)
        assert stored(run) == {"lr": 2}


def test_a_change_that_is_refused_changes_nothing(run):
    run.config.lr = 1
    with pytest.raises(artifacts.ConfigError):
        run.config.update({"new": 1, "lr": 2})
    assert dict(run.config) == stored(run) == {"lr": 1}


def test_what_a_search_has_chosen_stays(run, log):
    run.config.update_locked({"lr": 0.5})
    run.config.lr = 0.1
    run.config.update({"lr": 0.2, "depth": 3}, allow_val_change=True)
    del run.config["lr"]
    assert stored(run) == {"lr": 0.5, "depth": 3}
    assert log.text.count("config 'lr' was set by the search and stays as it is") == 3


def test_a_search_has_the_last_word(run):
    run.config.lr = 0.1
    run.config.update_locked({"lr": 0.5})
    assert stored(run) == {"lr": 0.5}


# -- the view that is read only


def test_a_view_that_can_only_be_read(run):
    run.config.a = {"b": [1]}
    view = run.config_static
    assert (view.a.b, view["a"]["b"], dict(view), len(view), "a" in view) == (
        [1],
        [1],
        {"a": {"b": [1]}},
        1,
        True,
    )
    run.config.c = 3
    assert view.c == 3
    for change in (lambda: setattr(view, "c", 4), lambda: delattr(view, "c")):
        with pytest.raises(AttributeError, match="config_static cannot be changed"):
            change()
    with pytest.raises(AttributeError, match="config has no key 'd'"):
        view.d  # noqa: B018 - reading it is the point
    assert stored(run)["c"] == 3


# -- forms


class Flags:
    """What absl's flags look like: attributes only after parsing, and a method for all."""

    def flag_values_dict(self):
        return {"lr": 0.1, "verbose": None}


@dataclasses.dataclass
class Inner:
    depth: int = 3


@dataclasses.dataclass
class Options:
    lr: float = 0.1
    net: Inner = dataclasses.field(default_factory=Inner)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Namespace(lr=0.1), {"lr": 0.1}),
        (Flags(), {"lr": 0.1, "verbose": None}),
        (Options(), {"lr": 0.1, "net": {"depth": 3}}),
        ([("--lr", 0.1)], {"lr": 0.1}),
        ({"-x-": 1}, {"x": 1}),
    ],
    ids=["argparse", "absl", "dataclass", "pairs", "dashes"],
)
def test_what_may_be_given(given, expected):
    with artifacts.init(project="demo", config=given) as run:
        assert stored(run) == expected


def test_a_part_of_what_is_given():
    given = {"lr": 0.1, "secret": 1, "depth": 2}
    with artifacts.init(project="demo", config=given, config_exclude_keys=["secret"]) as run:
        assert dict(run.config) == {"lr": 0.1, "depth": 2}
    with artifacts.init(project="demo", config=given, config_include_keys=["lr"]) as run:
        assert dict(run.config) == {"lr": 0.1}
    with pytest.raises(artifacts.InvalidInputError, match="cannot be used together"):
        artifacts.init(config=given, config_include_keys=["lr"], config_exclude_keys=["depth"])


# -- files


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"lr": 0.1, "net": {"depth": 3}}'),
        ("c.toml", "lr = 0.1\n[net]\ndepth = 3\n"),
        ("c.yaml", "lr: {desc: step size, value: 0.1}\nnet:\n  depth: 3\nwandb_version: 1\n"),
        ("C.YML", "lr: 0.1\nnet: {value: {depth: 3}}\n"),
    ],
)
def test_from_a_file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    for given in (path, str(path)):
        with artifacts.init(project="demo", config=given) as run:
            assert stored(run) == {"lr": 0.1, "net": {"depth": 3}}


def test_an_empty_file(tmp_path):
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    with artifacts.init(config="c.yaml") as run:
        assert dict(run.config) == {}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("c.json", b"{", "cannot be understood"),
        ("c.yaml", b"a: [", "cannot be understood"),
        ("c.yaml", b"- a\n", "must hold a mapping, not list"),
        ("c.toml", b"\xff", "is no text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(artifacts.ConfigError, match=why):
        artifacts.init(config=name)
    with pytest.raises(artifacts.ConfigError, match=r"there is no configuration file .*none\.json"):
        artifacts.init(config="none.json")
    assert artifacts.Api().runs() == []


def test_defaults_in_the_working_directory(tmp_path):
    (tmp_path / "config-defaults.yaml").write_text("lr: {value: 1}\ndepth: 3\n")
    with artifacts.init(project="demo", config={"lr": 0.1}) as run:
        assert stored(run) == {"lr": 0.1, "depth": 3}


def test_yaml_without_the_library(tmp_path, monkeypatch, log):
    (tmp_path / "config-defaults.yaml").write_text("lr: 1\n")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with artifacts.init(config={"depth": 3}) as run:
        assert dict(run.config) == {"depth": 3}
    assert "config-defaults.yaml is not used: reading YAML needs PyYAML" in log.text
    with pytest.raises(artifacts.ConfigError, match="needs PyYAML") as caught:
        artifacts.init(config="config-defaults.yaml")
    assert "pip install PyYAML" in hint_of(caught)
