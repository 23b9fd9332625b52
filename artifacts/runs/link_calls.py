"""What a run does with links: it makes a version a version of another collection, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artifacts import _linking
from artifacts.artifact import Artifact
from artifacts.runs.artifact_calls import ArtifactCalls
from artifacts.store.errors import InvalidTypeError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

REGISTRY = "model-registry"
"""Project of models that are registered without naming a project."""


class LinkCalls(ArtifactCalls):
    """The part of `Run` that links artifacts."""

    def link_artifact(
        self,
        artifact: Artifact,
        target_path: str,
        aliases: Iterable[str] | str | None = None,
    ) -> Artifact:
        """Make a version a version of another collection too; see `Artifact.link`.

        Args:
            artifact: A version, or a draft, which is logged as an output of this run first.
            target_path: ``[[entity/]project/]name[:alias]`` in the store of this run. What it
                leaves out is that of the run.
            aliases: Aliases in that collection, besides ``latest``.

        Returns:
            The version there.

        Raises:
            ValueError: The path or an alias is malformed, the collection has another type, or it
                is the one in which the version is.
            TypeError: ``artifact`` is something else.
            RunFinishedError: The run has ended.
        """
        self._check_running("link_artifact")
        if not isinstance(artifact, Artifact):
            raise InvalidTypeError(
                f"link_artifact() takes an Artifact, not {artifact.__class__.__name__}"
            )
        with self._lock:
            self._check_running("link_artifact")
            _linking.check_target(target_path, aliases)
            if artifact.is_draft():
                self.log_artifact(artifact)
            artifact._version()
            self._check_store(artifact)
            return _linking.link(self._place, artifact, target_path, aliases, run=self._record.key)

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: Iterable[str] | str | None = None,
    ) -> Artifact:
        """Log a file or folder as an artifact of type ``model``, and link it into a registry.

        Args:
            path: The file or folder.
            registered_model_name: Collection of the registry: ``[[entity/]project/]name``; a name
                alone is one in the project ``model-registry``.
            name: As for `log_artifact`.
            aliases: Aliases in the registry, besides ``latest``.

        Returns:
            The version in the registry.

        Raises:
            ValueError: As for `log_artifact` and `link_artifact`.
        """
        self._check_running("link_model")
        bare = "/" not in registered_model_name
        target = f"{REGISTRY}/{registered_model_name}" if bare else registered_model_name
        _linking.check_target(target, aliases)
        return self.link_artifact(self.log_model(path, name), target, aliases)
