"""The files of what runs of W&B have logged or used, where W&B keeps them on this machine."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import platformdirs

from artifacts.importers.sources import Md5, MissingError, SourceFile, SourceReference
from artifacts.importers.wandb_log import parse_json
from artifacts.store.errors import FormatError, InvalidInputError, from_os_error
from artifacts.store.manifest import Reference
from artifacts.store.objects.external import refuse_credentials
from artifacts.store.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from urllib.parse import SplitResult

_OF_SERVER, _OF_CLIENT = "wandb-artifact", "wandb-client-artifact"
_DIGEST_HEADER = b"wandb-artifact-manifest-v1\n"


class ArtifactFiles:
    """Finds the files of artifacts, of which one may hold files of another.

    Args:
        logged: The messages of all artifacts that the logs tell of.
    """

    def __init__(self, logged: Iterable[Any]) -> None:
        self._by_client = {message.client_id: message for message in logged}

    def of(self, message: Any) -> list[SourceFile | SourceReference]:
        """Return the files of an artifact.

        Raises:
            MissingError: One of them cannot be had.
            FormatError: The list of files is not one of W&B.
            InvalidInputError: A digest is not one of W&B.
        """
        return [self._file(entry) for entry in _entries(message.manifest)]

    def _file(self, entry: dict[str, Any]) -> SourceFile | SourceReference:
        path = entry.get("path", "")
        if not entry.get("ref"):
            return _stored(entry)
        parts = urlsplit(entry["ref"])
        if parts.scheme == _OF_CLIENT:
            return SourceFile(path, *self._of_another(path, parts)[1:])
        _check_reference(path, parts)
        version_id = (entry.get("extra") or {}).get("versionID")
        reference = Reference(
            entry["ref"], version_id=None if version_id is None else str(version_id), hashed=False
        )
        return SourceReference(path, reference, int(entry.get("size") or 0))

    def _of_another(self, path: str, parts: SplitResult) -> SourceFile:
        """Return the file of another artifact that an entry stands for."""
        client, inside = parts.netloc, unquote(parts.path).removeprefix("/")
        message = self._by_client.get(client)
        if message is None:
            raise MissingError(
                f"{path} is a file of another artifact, and the log of the run that made that one "
                "is not here; name the folder wandb that holds both"
            )
        for entry in _entries(message.manifest):
            if entry.get("path") == inside and not entry.get("ref"):
                return _stored(entry)
        raise MissingError(f"{path} is a file of {message.name}, which holds no file {inside}")


def digest_of_folder(folder: Path) -> str | None:
    """Return what W&B calls the version whose files are in a folder, None if it is none.

    Raises:
        StorageError: Reading failed.
    """
    if not folder.is_dir():
        return None
    files = {file.path: Path(file.source) for file in walk(str(folder), symlinks="skip")}
    # Not against anybody: the checksum by which W&B tells versions apart.
    told = hashlib.md5(_DIGEST_HEADER, usedforsecurity=False)
    for path in sorted(files):
        try:
            with files[path].open("rb") as file:
                digest = hashlib.file_digest(file, _md5).digest()
        except OSError as error:
            raise from_os_error(error, f"read {files[path]}") from error
        told.update(f"{path}:{b64encode(digest).decode()}\n".encode())
    return told.hexdigest()


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _entries(manifest: Any) -> Iterator[dict[str, Any]]:
    """Yield the entries of a manifest, which a large one has in a file of its own."""
    if not manifest.manifest_file_path:
        for entry in manifest.contents:
            told = {field.name: value for field, value in entry.ListFields()}
            told["extra"] = {each.key: parse_json(each.value_json) for each in entry.extra}
            yield told
        return
    path = Path(manifest.manifest_file_path)
    if not path.is_file():
        path = _staging() / "artifact_manifests" / path.name
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except FileNotFoundError:
        raise MissingError(f"the list of its files, {path}, is not there") from None
    except (OSError, EOFError, ValueError) as error:
        raise FormatError(f"{path} is not a list of files of W&B", kind="bad_source") from error


def _stored(entry: dict[str, Any]) -> SourceFile:
    """Return a file that W&B has a copy of."""
    path, digest = entry.get("path", ""), entry.get("digest", "")
    try:
        digits = b64decode(digest, validate=True).hex()
    except ValueError as error:
        raise InvalidInputError(f"{digest!r} is not a digest of W&B", kind="bad_source") from error
    md5 = Md5(digits) if (entry.get("extra") or {}).get("alg", "MD5") == "MD5" else None
    places = []
    if entry.get("local_path"):
        staged = Path(entry["local_path"])
        places = [staged, _staging() / staged.name]
    if md5 is not None:
        places.append(_cache() / "artifacts" / "obj" / "md5" / digits[:2] / digits[2:])
    for place in places:
        if place.is_file():
            return SourceFile(path, place, md5)
    raise MissingError(
        f"{path} is neither staged nor in the cache of W&B on this machine; "
        "WANDB_DATA_DIR and WANDB_CACHE_DIR say where these are"
    )


def _check_reference(path: str, parts: SplitResult) -> None:
    if parts.scheme == _OF_SERVER:
        raise MissingError(f"{path} is a file of another artifact, on the server")
    try:
        refuse_credentials(parts)
    except InvalidInputError as error:
        raise MissingError(f"{path}: {error.message}") from error


def _staging() -> Path:
    data = os.environ.get("WANDB_DATA_DIR") or platformdirs.user_data_dir("wandb")
    return Path(data).expanduser() / "artifacts" / "staging"


def _cache() -> Path:
    found = os.environ.get("WANDB_CACHE_DIR")
    return Path(found).expanduser() if found else Path(platformdirs.user_cache_dir("wandb"))
