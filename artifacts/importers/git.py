"""Reading a Git repository as it was at a commit, or as it is in its working folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from artifacts.store.errors import ConfigError, StorageError, StoreNotFoundError

_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class Commit(NamedTuple):
    """A commit.

    Attributes:
        at: When it was committed, in seconds since 1970.
    """

    id: str
    at: int


class Git:
    """A repository, or a folder in one; all paths are relative to the folder.

    Args:
        folder: Where it is.

    Raises:
        StoreNotFoundError: There is no repository.
        ConfigError: Git is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._run("rev-parse", "--git-dir")
        except StorageError as error:
            raise StoreNotFoundError(
                f"{folder} is not in a Git repository", kind="source_not_found"
            ) from error
        self.head = self._commit("HEAD")

    @property
    def root_commit(self) -> str:
        """What tells a repository from others: its first commit, empty before there is one."""
        if self.head is None:
            return ""
        return self._run("rev-list", "--max-parents=0", "HEAD").decode().split()[-1]

    def history(self, *patterns: str) -> list[Commit]:
        """Return the commits of all branches and tags that change certain files, oldest first."""
        if self.head is None:
            return []
        told = self._run(
            *("log", "--reverse", "--topo-order", "--full-history", "--format=%H %ct"),
            *("HEAD", "--branches", "--tags", "--"),
            *(f":(glob)**/{pattern}" for pattern in patterns),
        )
        lines = (line.split() for line in told.decode().splitlines())
        return [Commit(commit, int(at)) for commit, at in lines]

    def tags(self) -> dict[str, Commit]:
        """Return the commits that tags name."""
        found = {}
        for name in self._run("tag", "--list").decode().splitlines():
            commit = self._commit(f"refs/tags/{name}")
            if commit is not None:  # one may name a file, too
                found[name] = commit
        return found

    def files_at(self, commit: str) -> dict[str, str]:
        """Return the blobs of a commit by their paths."""
        found = {}
        for line in self._run("ls-tree", "-r", "-z", commit).split(b"\0"):
            if line:
                about, _, path = line.partition(b"\t")
                found[os.fsdecode(path)] = about.split()[2].decode()
        return found

    def blob(self, blob: str) -> bytes:
        """Return a file of a commit."""
        return self._run("cat-file", "blob", blob)

    def files(self) -> list[str]:
        """Return the files of the working folder that Git does not ignore."""
        told = self._run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return sorted({os.fsdecode(path) for path in told.split(b"\0") if path})

    def last_change(self, path: str) -> Commit | None:
        """Return the last commit of a file that is as it was then; None if it is not."""
        if self.head is None or self._run("status", "--porcelain", "--", path):
            return None
        told = self._run("log", "-1", "--format=%H %ct", "--", path).decode().split()
        return Commit(told[0], int(told[1])) if told else None

    def _commit(self, name: str) -> Commit | None:
        try:
            told = self._run("log", "-1", "--format=%H %ct", name, "--").decode().split()
        except StorageError:
            return None
        return Commit(told[0], int(told[1]))

    def _run(self, *arguments: str) -> bytes:
        # The configuration of a repository is no reason to start other programs.
        command = ["git", "-C", str(self.folder), "-c", "core.fsmonitor=false", *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, check=True, env=os.environ | _ENVIRONMENT
            )
        except FileNotFoundError as error:
            raise ConfigError(
                "reading a DVC repository needs git, which is not installed", kind="not_installed"
            ) from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode("utf-8", "replace").strip()
            raise StorageError(
                f"git {arguments[0]} failed in {self.folder}: {said}", kind="git_failed"
            ) from error
        return done.stdout
