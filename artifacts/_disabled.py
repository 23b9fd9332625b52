"""What stands for an artifact while a disabled run is active."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from artifacts._silence import silent
from artifacts.artifact import Artifact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def _another(_: Any) -> DisabledArtifact:
    return DisabledArtifact()


@silent(makers={"Artifact": _another})
class DisabledArtifact(Artifact):
    """An artifact that takes everything and does nothing: nothing is read, stored or written.

    Args:
        name: Any text, as the other arguments.
        type: As for `Artifact`.
        description: As for `Artifact`.
        metadata: As for `Artifact`.
        options: What else `Artifact` takes.
    """

    def __init__(
        self,
        name: str = "disabled",
        type: str = "unspecified",
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._name, self._type = str(name), str(type)
        self._description = description
        self._metadata = dict(metadata or {})
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._draft = self._logged = None

    @property
    def name(self) -> str:
        return f"{self._name}:{self.version}"

    @property
    def collection(self) -> str:
        return self._name

    @property
    def type(self) -> str:
        return self._type

    @property
    def version(self) -> str:
        return "v0"

    @property
    def state(self) -> str:
        return "COMMITTED"

    @property
    def created_at(self) -> datetime:
        return datetime.now(UTC)

    @property
    def updated_at(self) -> datetime:
        return datetime.now(UTC)

    @property
    def description(self) -> str | None:
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value

    @property
    def metadata(self) -> dict[str, Any]:
        return self._metadata

    @metadata.setter
    def metadata(self, value: Mapping[str, Any] | None) -> None:
        self._metadata = dict(value or {})

    @property
    def aliases(self) -> list[str]:
        return self._aliases

    @aliases.setter
    def aliases(self, value: Iterable[str]) -> None:
        self._aliases = list(value)

    @property
    def tags(self) -> list[str]:
        return self._tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        self._tags = list(value)

    @contextmanager
    def new_file(
        self, name: str | os.PathLike[str], mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        yield io.BytesIO() if "b" in mode else io.StringIO()

    def open(self, path: str, mode: str = "rb", encoding: str | None = None) -> IO[Any]:
        return io.BytesIO() if "b" in mode else io.StringIO()

    def default_root(self) -> str:
        return os.path.join(os.path.abspath("artifacts"), self.name)

    def download(self, root: str | os.PathLike[str] | None = None, *_: Any, **__: Any) -> str:
        return self.default_root() if root is None else os.path.abspath(root)

    def checkout(self, root: str | os.PathLike[str] | None = None, *_: Any, **__: Any) -> str:
        return self.download(root)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        return os.path.join(self.download(root), self._name)

    def __getitem__(self, name: str) -> Any:
        return self.get_entry(name)

    def __repr__(self) -> str:
        return f"<DisabledArtifact {self.name} ({self.type})>"
