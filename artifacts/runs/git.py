"""The state of the Git repository that a program runs in, as the command `git` tells it."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.runs.masking import mask_url

if TYPE_CHECKING:
    from subprocess import Popen

log = logging.getLogger("artifacts")

LARGEST_DIFF = 1 << 20
"""Bytes."""

_PATIENCE = 5.0
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class GitState:
    """A repository as it was at one moment.

    Attributes:
        root: The folder of its working tree.
        remote: URL of ``origin``, or of the first remote; without credentials.
        commit: Full hash; None before the first commit.
        branch: None if HEAD is detached.
        dirty: Whether files that it knows differ from the commit.
    """

    root: Path
    remote: str | None
    commit: str | None
    branch: str | None
    dirty: bool

    def to_metadata(self) -> dict[str, Any]:
        """Return what is stored with a run."""
        return {
            "remote": self.remote,
            "commit": self.commit,
            "branch": self.branch,
            "dirty": self.dirty,
        }


def find_root(folder: Path) -> Path | None:
    """Return the nearest folder upwards that is the root of a repository."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return None


def inspect(folder: Path) -> GitState | None:
    """Return the state of the repository that a folder is in.

    None if it is in none, if git is not installed, or if git refuses or takes longer than seconds.
    """
    root = find_root(folder)
    if root is None:
        return None
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return None
    told, dirty = {}, False
    for line in status.decode(errors="replace").splitlines():
        if line.startswith("# "):
            name, _, value = line[2:].partition(" ")
            told[name] = value
        else:
            dirty = True
    commit, branch = told.get("branch.oid"), told.get("branch.head")
    return GitState(
        root,
        _remote(root),
        None if commit == "(initial)" else commit,
        None if branch == "(detached)" else branch,
        dirty,
    )


def diff(root: Path) -> bytes | None:
    """Return how files differ from the commit, as `git apply` takes it.

    Returns:
        None if git does not tell, or if it is larger than `LARGEST_DIFF`.
    """
    options = ("--no-color", "--no-ext-diff", "--no-textconv", "--binary", "--submodule=short")
    return _git(root, "diff", *options, "HEAD", limit=LARGEST_DIFF)


def tracked_and_new(root: Path) -> list[str] | None:
    """Return the files below a folder that Git does not ignore, relative to it.

    None if the folder is in no repository, or git does not tell.
    """
    if find_root(root) is None:
        return None
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is None:
        return None
    return sorted({os.fsdecode(name) for name in listed.split(b"\0") if name})


def _remote(root: Path) -> str | None:
    urls = _git(root, "config", "--null", "--get-regexp", r"^remote\..*\.url$")
    found: dict[str, str] = {}
    for each in (urls or b"").decode(errors="replace").split("\0"):
        name, _, url = each.partition("\n")
        if url:
            found.setdefault(name, url)
    if not found:
        return None
    return mask_url(found.get("remote.origin.url") or next(iter(found.values())))


def _git(root: Path, *arguments: str, limit: int | None = None) -> bytes | None:
    """Return what a command of git prints.

    Args:
        limit: Do not read more than so many bytes.

    Returns:
        None if it fails, takes longer than seconds, or prints more.
    """
    import subprocess

    try:
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=root,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        log.debug("git cannot be run: %s", error)
        return None
    with process:
        return _output(process, arguments, limit)


def _output(process: Popen[bytes], arguments: tuple[str, ...], limit: int | None) -> bytes | None:
    import threading

    assert process.stdout is not None
    watchdog = threading.Timer(_PATIENCE, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        data = process.stdout.read(-1 if limit is None else limit + 1)
        if limit is not None and len(data) > limit:
            process.kill()
            return None
        code = process.wait()
    finally:
        watchdog.cancel()
    if code != 0:
        log.debug("git %s failed with %d", arguments[0], code)
        return None
    return data
