"""What an artifact is, draft or version, and which of its two states it is in."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from artifacts import _session
from artifacts._draft import Draft
from artifacts._logged import Logged
from artifacts._values import absolute
from artifacts.store.errors import ArtifactNotLoggedError, RefNotFoundError
from artifacts.store.records import to_datetime

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from datetime import datetime

    from artifacts._session import Place
    from artifacts.media.base import Media
    from artifacts.store.delivering import Delivered
    from artifacts.store.manifest import Entry
    from artifacts.store.records import VersionRecord

DRAFT, PENDING, COMMITTED, DELETED = "DRAFT", "PENDING", "COMMITTED", "DELETED"


class Identity:
    """The part of `Artifact` on which the others stand: name, contents in numbers, and state.

    A draft has no ``_logged``. Its ``_draft`` is made when it is first needed, because only then
    is it known in which store.
    """

    _name: str
    _type: str
    _description: str | None
    _metadata: dict[str, Any]
    _aliases: list[str]
    _tags: list[str]
    _incremental: bool
    _where: dict[str, Any]
    _draft: Draft | None
    _logged: Logged | None
    _pending: Delivered | None = None  # a version on its way to the store
    _upserted = False  # a part of a version that is not finished
    _ttl: int | None = None
    _objects: Mapping[str, tuple[Media, Entry]] = {}  # that were added to a draft, by path
    _is_new = False
    _new_bytes = 0

    @property
    def name(self) -> str:
        """``corpus`` for a draft and on the way to the store, ``corpus:v3`` once there."""
        self._settle(wait=False)
        if self._logged is None:
            return self._name
        return f"{self._name}:{self._logged.record.version}"

    @property
    def collection(self) -> str:
        """Name without the version."""
        return self._name

    @property
    def type(self) -> str:
        """What kind of thing it is."""
        return self._type

    @property
    def state(self) -> str:
        """``DRAFT``, ``PENDING``, ``COMMITTED`` or ``DELETED``.

        Pending is what is on its way to a remote store, and what was added to a version that
        other processes add to as well.
        """
        self._settle(wait=False)
        if self._logged is None:
            return PENDING if self._pending is not None or self._upserted else DRAFT
        return COMMITTED if self._logged.record.deleted_at is None else DELETED

    @property
    def id(self) -> str:
        """Key of the version within its store."""
        return str(self._version().record.id)

    @property
    def version(self) -> str:
        """``vN``."""
        return self._version().record.version

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return self._version().record.entity

    @property
    def project(self) -> str:
        """Project in which it was logged."""
        return self._version().record.project

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:vN``."""
        record = self._version().record
        return f"{record.entity}/{record.project}/{record.name}:{record.version}"

    @property
    def digest(self) -> str:
        """Hex of the BLAKE3 digest of the manifest: the identity of the contents."""
        if self._logged is not None:
            return self._logged.record.digest.hex()
        return self._draft_for_logging().manifest.digest.hex()

    @property
    def commit_hash(self) -> str:
        """The digest with its algorithm: ``blake3:<64 hex>``."""
        return f"blake3:{self.digest}"

    @property
    def size(self) -> int:
        """Sum of the sizes of all files, references included, in bytes."""
        if self._logged is not None:
            return self._logged.record.size
        return self._draft_for_logging().manifest.size

    @property
    def file_count(self) -> int:
        """Number of files, references included."""
        if self._logged is not None:
            return self._logged.record.file_count
        return len(self._draft_for_logging().manifest)

    @property
    def created_at(self) -> datetime:
        """When the version was made, in UTC."""
        return to_datetime(self._version().record.created_at)

    @property
    def created_by(self) -> str | None:
        """Who made the version: ``user@host``."""
        return self._version().record.created_by

    @property
    def url(self) -> str | None:
        """Page of the version; None, because a local store has no pages."""
        self._version()
        return None

    @property
    def updated_at(self) -> datetime:
        """When description, metadata, aliases or tags last changed, in UTC."""
        return to_datetime(self._version().record.updated_at)

    @property
    def record(self) -> VersionRecord:
        """What the catalog knows of the version, as `Api.collections` and others return it."""
        return self._version().record

    @property
    def is_new(self) -> bool:
        """Whether logging this object made a version; False if its content was there already."""
        self._settle()
        return self._is_new

    @property
    def new_bytes(self) -> int:
        """How many bytes the store grew by when this object was logged."""
        return self._new_bytes

    # -- inside

    def _become(self, logged: Logged) -> None:
        record = logged.record
        self._logged = logged
        self._name = record.name
        self._type = record.type
        self._description = record.description
        # Deep, so that what the user changes inside differs from the record.
        self._metadata = copy.deepcopy(record.metadata)
        self._aliases = list(record.aliases)
        self._tags = list(record.tags)
        self._ttl = record.ttl
        self._incremental = False

    def _settle(self, *, wait: bool = True, timeout: float | None = None) -> None:
        """Become the version that is on its way to the store, when it is there.

        Raises:
            StorageError: It could not be brought there; it is safe on this machine.
            TimeoutError: It is not there in time.
        """
        pending = self._pending
        if pending is None or not (wait or (pending.done() and pending.exception() is None)):
            return
        record, self._is_new = pending.result(timeout)
        place = self._place()
        self._pending = self._draft = None
        self._become(Logged(place, record))

    def _version(self) -> Logged:
        self._settle()
        if self._upserted:
            raise ArtifactNotLoggedError(
                f"artifact {self._name!r} is not finished yet: other processes may add to it",
                hint="finish it with run.finish_artifact(artifact)",
            )
        if self._logged is None:
            raise ArtifactNotLoggedError(
                f"artifact {self._name!r} has not been logged yet",
                hint="log it with run.log_artifact(artifact) or artifact.save()",
            )
        return self._logged

    def _stored(self) -> Logged:
        """Return the version if it is not deleted."""
        logged = self._version()
        if logged.record.deleted_at is not None:
            raise RefNotFoundError(
                f"{self.name} was deleted on {to_datetime(logged.record.deleted_at):%Y-%m-%d}",
                kind="version_deleted",
            )
        return logged

    def _target(self, place: Place) -> tuple[str, str]:
        """Return (entity, project) in which a draft is to be logged."""
        return self._where["entity"] or place.entity, self._where["project"] or place.project

    def _place(self) -> Place:
        if self._draft is not None:
            return self._draft.place
        if self._logged is not None:
            return self._logged.place
        return _session.place(**self._where)

    def _draft_for_logging(self) -> Draft:
        if self._draft is None:
            self._draft = Draft(self._place(), self._name, incremental=self._incremental)
        return self._draft

    def _root(self, root: str | os.PathLike[str] | None) -> str:
        if root is None:
            return self._version().default_root()
        return absolute(root)
