"""What ``import artifacts`` offers, and what it costs."""

import importlib
import inspect
import subprocess
import sys

import pytest

import artifacts
from artifacts import _api
from artifacts.media.base import Media
from artifacts.runs.run import Run

CLASSES = [
    getattr(artifacts, name) for name in artifacts.__all__ if name[0].isupper() and name != "Error"
]


def test_all_is_sorted_and_complete():
    assert artifacts.__all__ == sorted(artifacts.__all__)
    assert set(artifacts.__all__) <= set(dir(artifacts))
    for name in artifacts.__all__:
        assert getattr(artifacts, name) is not None


def test_all_is_what_there_is():
    public = {name for names in artifacts._HOMES.values() for name in names.split()}
    assert set(artifacts.__all__) == public | {"Error", "__version__"}


def test_names_are_shown_as_users_know_them():
    for name in set(artifacts.__all__) - {"Error", "__version__"}:
        thing = getattr(artifacts, name)
        assert (thing.__module__, thing.__name__) == ("artifacts", name)
        assert thing.__doc__


def test_the_base_of_all_errors():
    assert artifacts.Error is artifacts.ArtifactsError
    errors = [c for c in CLASSES if issubclass(c, BaseException)]
    assert all(issubclass(error, artifacts.Error) for error in errors)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'artifacts' has no attribute 'lgo_artifact'"):
        artifacts.lgo_artifact  # noqa: B018 - reading it is the point


@pytest.mark.parametrize("name", ["log_artifact", "use_artifact", "log_model", "use_model"])
def test_module_functions_take_what_the_runs_methods_take(name):
    def parameters(function):
        found = inspect.signature(function).parameters.values()
        return [p for p in found if p.name not in {"self", "options"}]

    of_module = parameters(getattr(_api, name))
    of_run = parameters(getattr(Run, name))
    assert [p.name for p in of_module] == [p.name for p in of_run][: len(of_module)]
    left = of_run[len(of_module) :]
    assert all(p.kind is p.KEYWORD_ONLY for p in left)


def public_members():
    for class_ in CLASSES:
        if not issubclass(class_, BaseException):
            for name, member in vars(class_).items():
                if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                    yield f"{class_.__name__}.{name}", member
    for name in ("init", "finish", "log_artifact", "use_artifact", "log_model", "use_model"):
        yield name, getattr(artifacts, name)


def test_there_is_nothing_to_log_in_to(store):
    assert artifacts.login(key="secret", relogin=True) is True
    assert artifacts.login("must") is True
    assert not any(b"secret" in file.read_bytes() for file in store.rglob("*") if file.is_file())


def test_everything_public_is_described():
    assert [name for name, member in public_members() if not inspect.getdoc(member)] == []


def test_every_argument_is_described():
    left_out = {}
    for name, member in public_members():
        text = inspect.getdoc(member) or ""
        if isinstance(member, property) or "; see `Run." in text or "See `Run." in text:
            continue
        parameters = set(inspect.signature(member).parameters) - {"self"}
        missing = {p for p in parameters if f"{p}:" not in text}
        if missing and len(parameters) > 1:
            left_out[name] = missing
    assert left_out == {}


def test_a_class_that_is_written_in_parts_is_shown_as_one():
    for class_ in CLASSES:
        if issubclass(class_, (BaseException, Media)):
            continue  # they derive from what all errors and all media have in common
        inherited = set(dir(class_)) - set(vars(class_))
        assert [name for name in inherited if _is_ours(class_, name)] == []
        for name, member in vars(class_).items():
            if inspect.isfunction(member) and not name.startswith("_"):
                assert member.__qualname__ == f"{class_.__name__}.{name}"


def _is_ours(class_, name):
    member = getattr(class_, name)
    function = member.fget if isinstance(member, property) else member
    home = getattr(function, "__module__", None) or ""
    return not name.startswith("_") and home.partition(".")[0] == "artifacts"


@pytest.mark.parametrize(
    ("class_", "call"),
    [("Artifact", "add_file"), ("Artifact", "new_file"), ("Run", "use_artifact")],
)
def test_a_wrong_call_names_the_class_that_users_know(class_, call):
    with pytest.raises(TypeError, match=rf"^{class_}\.{call}\(\) missing"):
        getattr(getattr(artifacts, class_), call)(object())


def test_importing_is_light():
    heavy = ["sqlmodel", "sqlalchemy", "alembic", "fsspec", "s3fs", "click", "rich", "pathspec"]
    script = (
        "import sys, artifacts; artifacts.run; dir(artifacts); artifacts.Artifact; artifacts.Api; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_version():
    assert artifacts.__version__ == importlib.import_module("artifacts._version").__version__
