"""`Artifact`: a draft that is built, or a version that was logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from artifacts import _session
from artifacts._building import Building
from artifacts._editing import Editing
from artifacts._linking import Linking
from artifacts._logged import Logged, Named
from artifacts._metadata import check_metadata
from artifacts._parts import in_parts
from artifacts._reading import Reading
from artifacts._recalls import Recallable
from artifacts._tracing import Tracing
from artifacts._values import to_description, to_name, to_type

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from artifacts._session import Place
    from artifacts.store.records import VersionRecord


@in_parts
class Artifact(Recallable, Linking, Tracing, Reading, Editing, Building):
    """A versioned set of files.

    A new artifact is a *draft*: add files, then log it with ``run.log_artifact(artifact)`` or
    `save`. From then on the same object is a *version*, which does not change any more except
    for its description, metadata, aliases and tags.

    Args:
        name: Letters, digits, ``_``, ``-`` and ``.``, at most 128.
        type: What kind of thing it is, such as ``dataset`` or ``model``. All versions of a name
            have one type.
        description: Free text.
        metadata: A JSON object; numbers, text, lists and dicts, at most 100 keys.
        incremental: Start from the latest version's files: adding and removing changes those.
        store: Folder of the store. Default: that of the active run, else of the settings.
        entity: Owner of the project.
        project: Project in which to look for the previous version and to `save`.

    Raises:
        InvalidInputError: A name or a value cannot be used.

    Example:
        >>> artifact = artifacts.Artifact("corpus", type="dataset", metadata={"lang": "en"})
        >>> artifact.add_dir("data/")
        >>> run.log_artifact(artifact, aliases=["prod"])
        >>> artifact.version
        'v0'
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        incremental: bool = False,
        store: str | os.PathLike[str] | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        if self.__class__ is Artifact and _session.is_disabled():
            from artifacts._disabled import DisabledArtifact

            # Not through __new__, which would hide the arguments from help and editors.
            self.__class__ = DisabledArtifact
        self._name = to_name(name)
        self._type = to_type(type)
        self._description = to_description(description)
        self._metadata = check_metadata(metadata)
        self._aliases = []
        self._tags = []
        self._incremental = incremental
        self._where = {"store": store, "entity": entity, "project": project}
        self._draft = None
        self._logged = None

    @classmethod
    def _from_record(
        cls, place: Place, record: VersionRecord, named: Named | None = None
    ) -> Artifact:
        self = cls.__new__(cls)
        self._draft = None
        self._become(Logged(place, record, named))
        return self

    def _repr_html_(self) -> str:
        from artifacts import _html

        rows = [("type", self._type), ("state", self.state.lower())]
        if self.is_draft():
            return _html.page(self.name, "artifact", None, rows)
        rows += [
            ("aliases", ", ".join(self.aliases)),
            ("files", str(self.file_count)),
            ("size", f"{self.size:,} bytes"),
            *_html.values("metadata", self.metadata),
        ]
        return _html.page(self.name, "artifact", None, rows)

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self._type}, {self.state.lower()})>"
