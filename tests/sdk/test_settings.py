"""Where settings come from, and what ``ART_*`` variables do."""

from pathlib import Path

import pytest

import artifacts
from artifacts import Artifact, _setting_files, _setting_list, settings
from tests.sdk.helpers import hint_of

DEFAULTS = {"entity": "local", "project": "uncategorized"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for setting in _setting_list.SETTINGS.values():
        monkeypatch.delenv(setting.variable, raising=False)


@pytest.fixture
def user_file():
    path = _setting_files.user_file()
    path.parent.mkdir(parents=True)
    return path


def test_defaults(tmp_path):
    found = settings.load()
    assert {name: getattr(found, name) for name in DEFAULTS} == DEFAULTS
    assert {found[name].origin for name in DEFAULTS} == {"default"}
    assert found.artifact_dir == tmp_path / "artifacts"
    home = Path.home()
    assert found.store == str(home / "data/artifacts/store")
    assert found.cache_dir == home / "cache/artifacts"


def test_the_nearest_store_upwards(tmp_path, monkeypatch):
    (tmp_path / ".artifacts").mkdir()
    inside = tmp_path / "a/b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    found = settings.load()
    assert found.store == str(tmp_path / ".artifacts")
    assert found["store"].origin == "nearest .artifacts folder"


def test_one_source_after_the_other(monkeypatch, user_file):
    user_file.write_text('project = "of-user"\n')
    assert settings.load().project == "of-user"
    Path("artifacts.toml").write_text('project = "of-folder"\n')
    assert settings.load().project == "of-folder"
    monkeypatch.setenv("ART_PROJECT", "of-environment")
    assert settings.load().project == "of-environment"
    assert settings.load(project="of-argument").project == "of-argument"
    assert settings.load(project=None).project == "of-environment"


def test_where_a_value_came_from(monkeypatch, user_file, tmp_path):
    user_file.write_text('entity = "team"\n')
    (tmp_path / "artifacts.toml").write_text('project = "demo"\n')
    monkeypatch.setenv("ART_STORE", "store")
    found = settings.load(cache_dir="cache")
    origins = {name: value.origin for name, value in found.values.items()}
    assert origins == dict.fromkeys(_setting_list.SETTINGS, "default") | {
        "store": "ART_STORE",
        "project": str(tmp_path / "artifacts.toml"),
        "entity": str(user_file),
        "cache_dir": "argument",
    }


@pytest.mark.parametrize("name", sorted(_setting_list.SETTINGS))
def test_every_setting_has_a_variable(monkeypatch, name):
    setting = _setting_list.SETTINGS[name]
    value = "/somewhere" if setting.is_path else "something"
    monkeypatch.setenv(setting.variable, value)
    assert settings.load()[name] == settings.Value(value, setting.variable)
    monkeypatch.setenv(setting.variable, "")
    assert settings.load()[name].origin != setting.variable, "empty means not set"


def test_relative_paths(monkeypatch, tmp_path):
    inside = tmp_path / "a"
    inside.mkdir()
    (tmp_path / "artifacts.toml").write_text('store = "below"\nartifact_dir = "~/out"\n')
    monkeypatch.chdir(inside)
    monkeypatch.setenv("ART_CACHE_DIR", "cache")
    found = settings.load()
    assert found.store == str(tmp_path / "below"), "beside the file that says so"
    assert found.cache_dir == inside / "cache", "in the working folder"
    assert found.artifact_dir == Path.home() / "out"


def test_a_url_stays_as_it_is(monkeypatch):
    monkeypatch.setenv("ART_STORE", "s3://bucket/prefix?region=eu-west-1")
    assert settings.load().store == "s3://bucket/prefix?region=eu-west-1"
    monkeypatch.setenv("ART_STORE", "memory://a-place-that-nobody-uses")
    with pytest.raises(artifacts.StoreNotFoundError, match="memory://a-place-that-nobody-uses"):
        artifacts.init()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("project = ", "is not valid TOML"),
        ("project = 3\n", "project must be a string"),
        ('projct = "demo"\n', "a setting that does not exist: 'projct'"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, why):
    (tmp_path / "artifacts.toml").write_text(text)
    with pytest.raises(artifacts.ConfigError, match=why) as caught:
        settings.load()
    assert str(tmp_path / "artifacts.toml") in str(caught.value)


# -- what they do


def test_project_and_entity_of_runs_and_artifacts(monkeypatch):
    monkeypatch.setenv("ART_PROJECT", "demo")
    monkeypatch.setenv("ART_ENTITY", "team")
    assert Artifact("corpus", "dataset").save().qualified_name == "team/demo/corpus:v0"
    with artifacts.init() as run:
        assert run.path == f"team/demo/{run.id}"
        assert run.use_artifact("corpus").version == "v0"
    with artifacts.init(project="other", entity="me") as run:
        assert run.path == f"me/other/{run.id}"


def test_a_bad_project_in_the_environment(monkeypatch):
    monkeypatch.setenv("ART_PROJECT", "a/b")
    with pytest.raises(ValueError, match="invalid project name 'a/b'"):
        artifacts.init()
    with pytest.raises(ValueError, match="invalid project name 'a/b'"):
        Artifact("corpus", "dataset").save()


def test_the_store_of_the_user(tmp_path):
    with artifacts.init():
        pass
    assert (Path.home() / "data/artifacts/store/catalog.sqlite").exists()
    assert list(tmp_path.iterdir()) == [], "nothing is written to the working folder"


# -- writing


def test_write(user_file):
    user_file.write_text('# mine\nentity = "team"\nproject = "old"\n')
    value = 'with "quotes", a \\ and ü'
    _setting_files.write(user_file, "project", value)
    assert settings.load().project == value
    assert user_file.read_text().startswith('# mine\nentity = "team"\n')
    _setting_files.write(user_file, "project", None)
    assert settings.load().project == "uncategorized"
    assert settings.load().entity == "team"


def test_write_makes_the_file():
    _setting_files.write(_setting_files.user_file(), "project", "demo")
    assert settings.load().project == "demo"


def test_write_a_setting_that_does_not_exist(user_file):
    with pytest.raises(artifacts.ConfigError, match="no such setting: 'projct'") as caught:
        _setting_files.write(user_file, "projct", "demo")
    assert "project" in hint_of(caught)
    assert not user_file.exists()


def test_write_leaves_a_broken_file_alone(user_file):
    user_file.write_text("project = ")
    with pytest.raises(artifacts.ConfigError, match="is not valid TOML"):
        _setting_files.write(user_file, "project", "demo")
    assert user_file.read_text() == "project = "
