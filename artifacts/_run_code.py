"""The code of a run that has ended: where it can be had, and how it is written into a folder."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.store.errors import StateError

if TYPE_CHECKING:
    from artifacts._run_files import RunFile
    from artifacts.artifact import Artifact
    from artifacts.stored_run import StoredRun

CODE_TYPE = "code"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")

DIFF_FILE, SAVED_FOLDER = "diff.patch", "code/"


@dataclass(frozen=True, slots=True)
class RunCode:
    """Where the code of a run can be had.

    Attributes:
        kind: ``artifact`` if the run has logged it, ``git`` for a commit, ``files`` for what
            `save_code` has kept, ``none``.
        artifact: The version that is the code.
        remote: URL of the Git repository.
        commit: The commit that was checked out.
        dirty: Whether files differed from the commit.
        repository: A local repository that has the commit.
        diff: In what files differed from the commit.
        files: What was kept.
    """

    kind: str
    artifact: Artifact | None = None
    remote: str | None = None
    commit: str | None = None
    dirty: bool = False
    repository: Path | None = None
    diff: RunFile | None = None
    files: tuple[RunFile, ...] = ()

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be written into a folder; None if it can."""
        if self.kind == "none":
            return "the run has not recorded its code"
        if self.kind != "git":
            return None
        if self.repository is None:
            return f"no Git repository here has the commit {self.commit}"
        if self.dirty and self.diff is None:
            return "the run has not recorded what it had not committed"
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": self.kind,
            "artifact": None if self.artifact is None else self.artifact.record.ref,
            "remote": self.remote,
            "commit": self.commit,
            "dirty": self.dirty,
            "diff": self.diff is not None,
            "obstacle": self.obstacle,
        }

    def write(self, folder: Path) -> None:
        """Write it into a new folder.

        Raises:
            StateError: It cannot be had, or git failed.
        """
        if self.obstacle is not None:
            raise StateError(self.obstacle, hint=_HINT, kind="no_code")
        folder.mkdir(parents=True)
        if self.artifact is not None:
            self.artifact.download(folder)
        elif self.repository is not None:
            self._write_commit(self.repository, folder)
        for file in self.files:
            file.download(folder.parent)

    def _write_commit(self, repository: Path, folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".code-") as temporary:
            archive = Path(temporary, "code.tar")
            _git(repository, "archive", "--format=tar", "-o", str(archive), str(self.commit))
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
            if self.dirty and self.diff is not None:
                patch = self.diff.download(temporary)
                _git(folder, "apply", "--whitespace=nowarn", patch)


_HINT = "log the code with run.log_code(), or set save_code, and next time it is there"


def find_code(run: StoredRun, artifacts: list[Artifact], here: Path) -> RunCode:
    """Return where the code of a run can be had: what the run has logged, a commit, kept files.

    Args:
        artifacts: What the run has logged.
        here: A folder; if it is in a Git repository, the commit is looked for there.
    """
    for artifact in reversed(artifacts):
        if artifact.type == CODE_TYPE and artifact.record.deleted_at is None:
            return RunCode("artifact", artifact=artifact)
    files = {file.name: file for file in run.files()}
    kept = tuple(file for name, file in files.items() if name.startswith(SAVED_FOLDER))
    told = run.metadata.get("git") or {}
    commit = told.get("commit")
    found = RunCode("none")
    if commit:
        repository = _repository_with(commit, here)
        dirty = bool(told.get("dirty"))
        found = RunCode(
            "git",
            remote=told.get("remote"),
            commit=commit,
            dirty=dirty,
            repository=repository,
            diff=files.get(DIFF_FILE) if dirty else None,
        )
    if found.obstacle is not None and kept:
        return RunCode("files", files=kept)
    return found


def _repository_with(commit: str, here: Path) -> Path | None:
    from artifacts.runs import git

    root = git.find_root(here)
    # The commit comes from whoever has logged the run, and must not be an option of git.
    if root is None or _COMMIT.fullmatch(commit) is None:
        return None
    has_it = _run_git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0
    return root if has_it else None


def _git(folder: Path, *arguments: str) -> None:
    done = _run_git(folder, *arguments)
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()
        raise StateError(
            f"git {arguments[0]} failed: {message}", hint="check the code out by hand", kind="git"
        )


def _run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # A folder inside of some repository is not part of it here.
    ceiling = {"GIT_CEILING_DIRECTORIES": str(folder.parent), "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, **ceiling, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise StateError("git is not installed", hint="install git", kind="git") from error
