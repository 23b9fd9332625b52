"""What a run does with the source code of its program: it logs it."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

from artifacts._values import absolute
from artifacts.artifact import Artifact
from artifacts.runs.artifact_calls import ArtifactCalls
from artifacts.runs.code import find_code, is_python
from artifacts.store.refs import MAX_NAME

if TYPE_CHECKING:
    from artifacts.runs.code import Choice

log = logging.getLogger("artifacts")

CODE_TYPE = "code"


class CodeCalls(ArtifactCalls):
    """The part of `Run` that logs source code."""

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Choice = is_python,
        exclude_fn: Choice | None = None,
    ) -> Artifact | None:
        """Log the source code below a folder as a version of an artifact of type ``code``.

        What Git ignores, what the folder's ``.artignore`` names, and virtual environments are
        left out in any case.

        Args:
            root: The folder.
            name: Of the artifact. Default: ``source-<project>-<program>``.
            include_fn: Says whether a file is wanted, by its absolute path; called with ``root``
                as well if it needs a second argument or has one of this name. Default: files
                whose names end in ``.py``.
            exclude_fn: Likewise, what is not wanted all the same. Default: what is in the folder
                of runs.

        Returns:
            The version; None if nothing is wanted.

        Raises:
            ValueError: There is no such folder, or the name cannot be used.
            TypeError: A function cannot be called so.
            RunFinishedError: The run has ended.
        """
        self._check_running("log_code")
        folder = absolute("." if root is None else root)
        runs = os.path.join(absolute(self._place.settings.run_dir), "")
        found = list(
            find_code(folder, include_fn, exclude_fn or (lambda path: path.startswith(runs)))
        )
        if not found:
            log.warning("there is no code to log in %s", folder)
            return None
        artifact = Artifact(name or self._code_name(), type=CODE_TYPE)
        for path, source in found:
            artifact.add_file(source, name=path)
        return self.log_artifact(artifact)

    def _code_name(self) -> str:
        parts = ["source", self.project]
        program = self.metadata.get("module") or self.metadata.get("program")
        if program is not None:
            is_elsewhere = os.path.isabs(program)
            parts.append(os.path.basename(program) if is_elsewhere else program)
        return re.sub(r"[^a-zA-Z0-9_.-]", "_", "-".join(parts))[:MAX_NAME]
