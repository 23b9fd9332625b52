"""`run.log_code`: the source code of a program as an artifact."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts
from tests.support import write_tree

TREE = {
    "train.py": b"import model\n",
    "model.py": b"layers = 3\n",
    "pkg/sub/deep.py": b"deep = True\n",
    "README.md": b"# Words\n",
    "notebook.ipynb": b"{}",
    "env/pyvenv.cfg": b"home = /usr\n",
    "env/lib/python3/site-packages/numpy.py": b"not ours\n",
    "conda/conda-meta/history": b"",
    "conda/lib/x.py": b"not ours\n",
    ".git.py": b"ours\n",
}
OURS = [".git.py", "model.py", "pkg/sub/deep.py", "train.py"]


@pytest.fixture
def tree():
    return write_tree(Path("project"), TREE)


def paths(artifact):
    return [file.name for file in artifact.files()]


def run_git(*arguments, cwd):
    options = ("-c", "user.name=me", "-c", "user.email=me@example.com")
    subprocess.run(["git", *options, *arguments], cwd=cwd, check=True, capture_output=True)


def test_source_code_is_an_artifact(run, tree):
    artifact = run.log_code(tree)
    assert (artifact.type, artifact.version) == ("code", "v0")
    assert paths(artifact) == OURS
    assert artifact.get_entry("model.py").open().read() == b"layers = 3\n"
    assert [a.name for a in run.logged_artifacts()] == [artifact.name]
    assert run.log_code(tree).version == "v0"
    (tree / "model.py").write_bytes(b"layers = 4\n")
    assert run.log_code(tree).version == "v1"


def test_the_working_directory_is_the_default(run, tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert paths(run.log_code()) == OURS
    assert paths(run.log_code(None)) == OURS


def test_names(run, tree):
    assert run.log_code(tree, name="my-code").name == "my-code:v0"
    with pytest.raises(ValueError, match="name"):
        run.log_code(tree, name="no/such:name?")


PROGRAM = """
import artifacts
with artifacts.init(project="demo") as run:
    print(run.log_code().name)
"""


def test_the_default_name_tells_project_and_program():
    folder = write_tree(Path("project"), {"jobs/train me.py": PROGRAM.encode()})
    result = subprocess.run(
        [sys.executable, "jobs/train me.py"], cwd=folder, capture_output=True, text=True, check=True
    )
    assert result.stdout == "source-demo-jobs_train_me.py:v0\n"
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, capture_output=True, text=True, check=True
    )
    assert result.stdout == "source-demo:v0\n"


def test_nothing_matches(run, tree, log):
    assert run.log_code(tree, include_fn=lambda path: path.endswith(".rs")) is None
    assert "there is no code to log" in log.text
    assert run.logged_artifacts() == []


def test_what_is_wanted(run, tree):
    seen = []

    def include(path, root):
        seen.append((path, root))
        return path.endswith((".py", ".md"))

    artifact = run.log_code(tree, include_fn=include, exclude_fn=lambda path: "deep" in path)
    assert paths(artifact) == [".git.py", "README.md", "model.py", "train.py"]
    here = str(tree.absolute())
    assert (os.path.join(here, "README.md"), here) in seen
    assert all(os.path.isabs(path) and root == here for path, root in seen)
    artifact = run.log_code(tree, exclude_fn=lambda path, root: os.path.relpath(path, root) > "n")
    assert paths(artifact) == [".git.py", "model.py"]


def test_other_arguments_are_left_alone(run, tree):
    def has_ending(path, ending=".md"):
        return path.endswith(ending)

    def is_at_top(path, root=None):
        return os.path.dirname(path) == root

    assert paths(run.log_code(tree, include_fn=has_ending)) == ["README.md"]
    assert paths(run.log_code(tree, include_fn=is_at_top, exclude_fn=has_ending)) == [
        *(".git.py", "model.py", "notebook.ipynb", "train.py")
    ]


def takes_nothing():
    return True


def takes_three(path, root, more):
    return True


@pytest.mark.parametrize("function", [takes_nothing, takes_three, "*.py"])
def test_functions_that_cannot_be_called(run, tree, function):
    with pytest.raises(TypeError, match="include_fn must"):
        run.log_code(tree, include_fn=function)
    with pytest.raises(TypeError, match="exclude_fn must"):
        run.log_code(tree, exclude_fn=function)


def test_what_git_ignores_is_left_out(run, tree):
    run_git("init", cwd=tree)
    (tree / ".gitignore").write_text("pkg/\nenv/\n")
    run_git("add", "train.py", cwd=tree)
    run_git("commit", "-m", "one", cwd=tree)
    (tree / "train.py").write_bytes(b"changed\n")
    artifact = run.log_code(tree)
    # The virtual environment that Git does not ignore is none of the code, either.
    assert paths(artifact) == [".git.py", "model.py", "train.py"]
    assert artifact.get_entry("train.py").open().read() == b"changed\n"
    run_git("add", "model.py", cwd=tree)
    (tree / "model.py").unlink()
    assert paths(run.log_code(tree)) == [".git.py", "train.py"]


def test_a_folder_of_a_repository(run, tree):
    run_git("init", cwd=tree)
    run_git("add", ".", cwd=tree)
    assert paths(run.log_code(tree / "pkg")) == ["sub/deep.py"]


def test_what_artignore_names_is_left_out(run, tree):
    (tree / ".artignore").write_text("sub/\n/train.py\n")
    assert paths(run.log_code(tree)) == [".git.py", "model.py"]


def test_the_folder_of_runs_is_left_out(run, monkeypatch):
    run.finish()
    folder = write_tree(Path("project"), {"train.py": b"x = 1\n", "runs/old/copy.py": b"x = 0\n"})
    monkeypatch.setenv("ART_RUN_DIR", str(folder / "runs"))
    with artifacts.init(project="demo") as other:
        assert paths(other.log_code(folder)) == ["train.py"]
        everything = other.log_code(folder, exclude_fn=lambda _: False)
    assert paths(everything) == ["runs/old/copy.py", "train.py"]


def test_links_and_strange_names(run, tree):
    (tree / "link.py").symlink_to("model.py")
    (tree / "dangling.py").symlink_to("nowhere.py")
    (tree / "folder.py").mkdir()
    (tree / "ünï code.py").write_bytes(b"x\n")
    artifact = run.log_code(tree)
    assert paths(artifact) == sorted([*OURS, "link.py", "ünï code.py"])
    assert artifact.get_entry("link.py").open().read() == b"layers = 3\n"


def test_no_such_folder(run, tree):
    with pytest.raises(ValueError, match="is no folder"):
        run.log_code("missing")
    with pytest.raises(ValueError, match="is no folder"):
        run.log_code(tree / "train.py")


def test_after_the_end(run, tree):
    run.finish()
    with pytest.raises(artifacts.RunFinishedError):
        run.log_code(tree)
