"""The remotes of a DVC repository that are not folders; those in S3 are read."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode, urlsplit

from artifacts.runs.masking import mask_url
from artifacts.store.errors import ArtifactsError, ObjectNotFoundError, from_os_error
from artifacts.store.objects.urls import open_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from artifacts.store.objects.base import ObjectStore

_AT_ONCE = 8
_PIECE = 1 << 20
_TRUE = frozenset({"1", "on", "true", "yes"})
_FETCH = "bring its files into the cache with: dvc fetch"


def keys_of(md5: str) -> tuple[str, str]:
    """Return where DVC 3 and DVC 2 keep an object, from the top of a cache or a remote."""
    place = f"{md5[:2]}/{md5[2:]}"
    return f"files/md5/{place}", place


class Remote(Protocol):
    """A place to which objects were pushed.

    Attributes:
        name: Of its section in the configuration.
        failure: Why it could not be read, None as long as nothing says that it cannot.
    """

    name: str
    failure: str | None

    def fetch(self, md5s: Iterable[str]) -> None:
        """Download those of some objects that are there."""


class UnreadRemote:
    """A remote of a kind that is not read here."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self.failure: str | None = f"{why}; {_FETCH}"

    def fetch(self, md5s: Iterable[str]) -> None:
        """Do nothing."""


class S3Remote:
    """A remote in a bucket. Credentials are those of the usual places.

    Args:
        url: ``s3://bucket/prefix``, as DVC has it.
        work: Where objects are put, each one called by its checksum.
    """

    def __init__(self, name: str, url: str, options: Mapping[str, str], work: Path) -> None:
        self.name = name
        self.failure: str | None = None
        self._url = mask_url(url)
        self._work = work
        self._objects: ObjectStore | None = None
        parts = urlsplit(url)
        given = {"endpoint_url": options.get("endpointurl"), "region": options.get("region")}
        asked = urlencode({option: value for option, value in given.items() if value})
        try:
            self._objects = open_objects(f"s3://{parts.netloc}{quote(parts.path)}?{asked}")
        except ArtifactsError as error:
            self._fail(error)

    def fetch(self, md5s: Iterable[str]) -> None:
        """Download those of some objects that are there; nothing, after a failure.

        Raises:
            StorageError: Writing failed.
        """
        if self._objects is None or self.failure is not None:
            return
        with ThreadPoolExecutor(_AT_ONCE, "dvc-remote") as pool:
            try:
                # All are waited for, and the first error is raised.
                for _ in pool.map(self._fetch, md5s):
                    pass
            except _UnreadableError as unreadable:
                self._fail(unreadable.error)
            finally:
                pool.shutdown(cancel_futures=True)

    def _fetch(self, md5: str) -> None:
        assert self._objects is not None
        for key in keys_of(md5):
            try:
                source = self._objects.open(key)
            except ObjectNotFoundError:
                continue
            except ArtifactsError as error:
                raise _UnreadableError(error) from error
            part, target = self._work / f"{md5}.part", self._work / md5
            try:
                with source, part.open("wb") as file:
                    shutil.copyfileobj(source, file, _PIECE)
                part.rename(target)
            except ArtifactsError as error:
                raise _UnreadableError(error) from error
            except OSError as error:
                raise from_os_error(error, f"write {target}") from error
            return

    def _fail(self, error: ArtifactsError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.failure = f"{self._url} cannot be read: {error.message}{hint}; or {_FETCH}"


class _UnreadableError(Exception):
    def __init__(self, error: ArtifactsError) -> None:
        super().__init__(error.message)
        self.error = error


def remote_at(name: str, url: str, options: Mapping[str, str], work: Path) -> Remote:
    """Return a remote that is not a folder.

    Args:
        url: As the configuration has it.
        options: All that the configuration says of it.
        work: Where objects are put.
    """
    scheme = urlsplit(url).scheme
    if any(options.get(each, "").lower() in _TRUE for each in ("version_aware", "worktree")):
        return UnreadRemote(name, "it keeps files by their paths, not by their checksums")
    if scheme == "s3":
        return S3Remote(name, url, options, work)
    return UnreadRemote(name, f"remotes of {scheme}:// are not read")
