"""The shape of the package: what is installed, what is public, and what importing it costs."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import artifacts

CHECKOUT = Path(__file__).resolve().parents[2]
SETUPTOOLS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["setuptools"]
LINKED = {
    package.removeprefix("artifacts."): folder
    for package, folder in SETUPTOOLS["package-dir"].items()
    if package != "artifacts"
}

# Each takes a noticeable part of a second, or belongs to an extra.
HEAVY = {"alembic", "fsspec", "pyarrow", "rich", "s3fs", "sqlalchemy", "sqlmodel"}


def test_every_package_of_the_tree_is_installed():
    packages = {
        ".".join(Path(folder).relative_to(CHECKOUT).parts)
        for folder, _, names in os.walk(CHECKOUT / "artifacts", followlinks=True)
        if any(name.endswith(".py") for name in names)
    }
    assert sorted(packages) == sorted(SETUPTOOLS["packages"])


@pytest.mark.parametrize(("link", "folder"), sorted(LINKED.items()))
def test_links_show_the_installed_shape(link, folder):
    path = CHECKOUT / "artifacts" / link
    assert path.is_symlink(), f"{path} was checked out as a file: git config core.symlinks true"
    assert os.readlink(path) == f"../{folder}"
    assert (path / "__init__.py").is_file()


def test_public_names_are_listed_and_sorted():
    # Submodules become attributes when something imports them, so they do not count by themselves.
    public = {
        name
        for name in dir(artifacts)
        if not name.startswith("_") and not isinstance(getattr(artifacts, name), ModuleType)
    }
    assert sorted(artifacts.__all__) == artifacts.__all__
    assert public <= set(artifacts.__all__)
    assert all(hasattr(artifacts, name) for name in artifacts.__all__)


def test_import_is_light(tmp_path):
    loaded = modules_loaded_by("import artifacts", tmp_path)
    assert "artifacts" in loaded
    assert loaded & HEAVY == set()


def test_help_is_light(tmp_path):
    loaded = modules_loaded_by(
        "import sys; from artifacts.cli.main import main; sys.argv = ['art', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code",
        tmp_path,
    )
    assert "click" in loaded
    assert loaded & HEAVY == set()


def modules_loaded_by(code, cwd):
    """Run code in a new interpreter; return the modules it then has."""
    report = "\nimport json, sys; print(json.dumps(list(sys.modules)), file=sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", code + report], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stderr))
